import { inspect } from 'node:util';

/** Everything that somebody may print of a thing: as text, as JSON, inspected to the bottom, and down its causes. */
export const shownOf = (thing: unknown): string => {
  const parts = [inspect(thing, { depth: Infinity, showHidden: true, getters: true, maxStringLength: Infinity })];
  for (let error = thrownIn(thing), depth = 0; error instanceof Error && depth < 10; depth++) {
    parts.push(error.name, error.message, error.stack ?? '', String(error), JSON.stringify(error));
    parts.push(JSON.stringify(Object.getOwnPropertyDescriptors(error)));
    error = error.cause;
  }
  // A subscription knows its parents: JSON of what has no circles is left.
  const seen = new Set<unknown>();
  const once = (_: string, value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return undefined;
    seen.add(value);
    return value;
  };
  parts.push(JSON.stringify({ thing }, once));
  return parts.join('\n');
};

const thrownIn = (thing: unknown): unknown =>
  typeof thing === 'object' && thing !== null && 'error' in thing ? thing.error : thing;
