/** A random number generator that gives the same numbers for the same seed. */
export const random = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
};

const HUGE = 'x'.repeat(10_000);
const STRANGE: readonly unknown[] = [
  null,
  0,
  -1,
  1e308,
  '',
  HUGE,
  true,
  [],
  {},
  [[[]]],
  { a: { b: {} } },
  '\ud800',
  '__proto__',
];

type Tree = Record<string, unknown>;

/** The JSON text of `value` with one thing wrong: dropped, of another type, nested, huge, doubled, or aimed at prototypes. */
export const mutate = (value: unknown, next: () => number): string => {
  const copy = structuredClone(value) as Tree;
  const places: [Tree, string][] = [];
  const walk = (tree: unknown): void => {
    if (typeof tree !== 'object' || tree === null) return;
    for (const key of Object.keys(tree)) {
      places.push([tree as Tree, key]);
      walk((tree as Tree)[key]);
    }
  };
  walk(copy);
  const [tree, key] = places[Math.floor(next() * places.length)] ?? [copy, 'info'];
  switch (Math.floor(next() * 7)) {
    case 0:
      Reflect.deleteProperty(tree, key);
      break;
    case 1:
      tree[key] = STRANGE[Math.floor(next() * STRANGE.length)];
      break;
    case 2:
      tree[key] = { [key]: tree[key] };
      break;
    case 3:
      tree[key] = [tree[key], tree[key]];
      break;
    case 4: {
      const text = JSON.stringify(copy);
      const at = text.indexOf('{') + 1;
      return `${text.slice(0, at)}"${key}":${JSON.stringify(STRANGE[Math.floor(next() * STRANGE.length)])},${text.slice(at)}`;
    }
    case 5: {
      const text = JSON.stringify(copy);
      const at = text.indexOf('{', Math.floor(next() * text.length)) + 1;
      return `${text.slice(0, at)}"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},${text.slice(at)}`;
    }
    default: {
      const text = JSON.stringify(copy);
      return text.slice(0, Math.floor(next() * text.length));
    }
  }
  return JSON.stringify(copy);
};
