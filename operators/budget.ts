import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { Windows } from '../lib/limit/windows.js';

export interface BudgetConfig {
  /** How many items of a key pass within any window of `perMs`. */
  readonly limit: number;
  /** Length of the window, in milliseconds. */
  readonly perMs: number;
  /** Clock of the windows. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** A limit that several `rateLimit`s share: made once and given to each. */
export interface Budget {
  readonly limit: number;
  readonly perMs: number;
}

const windows = new WeakMap<Budget, Windows>();

/**
 * One limit for several places, such as two sinks of the same platform account.
 *
 *     const quota = budget({ limit: 20, perMs: 60_000 });
 *     bot.pipe(rateLimit({ budget: quota }), …);
 *     broadcast.pipe(rateLimit({ budget: quota }), …);
 *
 * @throws RangeError when a number of the config is out of range.
 */
export function budget({ limit, perMs, scheduler = asyncScheduler }: BudgetConfig): Budget {
  const made: Budget = Object.freeze({ limit, perMs });
  windows.set(made, new Windows('budget', limit, perMs, scheduler));
  return made;
}

/** @internal */
export const windowsOf = (shared: Budget): Windows => {
  const found = windows.get(shared);
  if (found === undefined) throw new TypeError('rateLimit: make the budget with budget()');
  return found;
};
