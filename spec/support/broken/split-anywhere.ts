/** Cuts wherever a part is full: inside words, addresses, fences and surrogate pairs. */
export const splitAnywhere = (text: string, max: number): readonly string[] =>
  Array.from({ length: Math.max(1, Math.ceil(text.length / max)) }, (_, n) => text.slice(n * max, (n + 1) * max));
