/** Resolves when something has happened; never, when the program is stopped before. */
export type Until = (happened: () => boolean) => Promise<unknown>;

/** Whether one of these lines has the words. */
export const has = (lines: readonly string[], words: string): boolean => lines.some((line) => line.includes(words));
