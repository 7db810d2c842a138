/** @internal Makes ids where the wire has none: a random beginning and a number. */
export const madeIds = (): (() => string) => {
  const beginning = globalThis.crypto.randomUUID().slice(0, 8);
  let n = 0;
  return () => `${beginning}-${++n}`;
};
