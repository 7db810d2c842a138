const show = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  return String(value);
};

/**
 * Where two values differ first, as a sentence with both sides; `undefined` when they are equal in depth.
 *
 * @internal
 */
export const difference = (actual: unknown, expected: unknown, path = ''): string | undefined => {
  if (Object.is(actual, expected)) return undefined;
  const at = path === '' ? '' : ` at ${path.slice(1)}`;
  const unlike = `expected${at} ${show(expected)}, got ${show(actual)}`;
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null) return unlike;
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) return unlike;
  if (actual instanceof Date && expected instanceof Date)
    return actual.getTime() === expected.getTime() ? undefined : unlike;
  const [left, right] = [actual, expected] as [Record<PropertyKey, unknown>, Record<PropertyKey, unknown>];
  if (Array.isArray(actual) && Array.isArray(expected) && actual.length !== expected.length) {
    const [got, wanted] = [String(actual.length), String(expected.length)];
    return `expected${at} ${wanted} entries, got ${got}: expected ${show(expected)}, got ${show(actual)}`;
  }
  for (const key of new Set([...Reflect.ownKeys(left), ...Reflect.ownKeys(right)])) {
    if (!(key in left)) return `expected${at} ${show(expected)}, got no ${String(key)} in ${show(actual)}`;
    if (!(key in right)) return `expected${at} ${show(expected)}, got also ${String(key)} in ${show(actual)}`;
    const found = difference(left[key], right[key], `${path}.${String(key)}`);
    if (found !== undefined) return found;
  }
  return undefined;
};
