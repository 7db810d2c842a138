/** @throws RangeError unless `value` is at least `least`. `name` says whose and which number it is: `react: concurrency`. */
export const atLeast = (name: string, value: number, least: number): void => {
  if (!(value >= least)) throw new RangeError(`${name} must be at least ${least}, got ${value}`);
};

/** @throws RangeError unless `value` is above `bound`. */
export const above = (name: string, value: number, bound: number): void => {
  if (!(value > bound)) throw new RangeError(`${name} must be above ${bound}, got ${value}`);
};

/** Beyond it, timers fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** @throws RangeError unless a timer can wait for `ms` milliseconds, which are more than none. */
export const timerLimit = (name: string, ms: number): void => {
  above(name, ms, 0);
  if (ms > LONGEST_TIMER) throw new RangeError(`${name} must be at most ${LONGEST_TIMER}, got ${ms}`);
};
