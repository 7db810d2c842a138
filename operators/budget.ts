import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { SharedSlots } from '../lib/limit/shared-slots.js';
import { Windows } from '../lib/limit/windows.js';
import type { Store } from '../lib/store/store.js';

export interface BudgetConfig {
  /** How many items of a key pass within any window of `perMs`. */
  readonly limit: number;
  /** Length of the window, in milliseconds. */
  readonly perMs: number;
  /** Where it is kept, so that several processes share it. Their clocks should agree. Default: in memory. */
  readonly store?: Store;
  /** Sets several budgets in one store apart. Default: `budget`. */
  readonly name?: string;
  /** Clock of the windows. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** A limit that several `rateLimit`s share: made once and given to each. */
export interface Budget {
  readonly limit: number;
  readonly perMs: number;
}

const slots = new WeakMap<Budget, Windows | SharedSlots>();

/**
 * One limit for several places, such as two sinks of the same platform account.
 *
 *     const quota = budget({ limit: 20, perMs: 60_000 });
 *     bot.pipe(rateLimit({ budget: quota }), …);
 *     broadcast.pipe(rateLimit({ budget: quota }), …);
 *
 * With a `store`, one limit for several processes too. While the store cannot be reached nothing passes, and a request
 * whose process died keeps its slot for a minute beyond the window.
 *
 * @throws RangeError when a number of the config is out of range.
 */
export function budget(config: BudgetConfig): Budget {
  const { limit, perMs, store, name = 'budget', scheduler = asyncScheduler } = config;
  const made: Budget = Object.freeze({ limit, perMs });
  slots.set(
    made,
    store === undefined
      ? new Windows('budget', limit, perMs, scheduler)
      : new SharedSlots({ store, prefix: `${name}/`, limit, perMs, scheduler }),
  );
  return made;
}

/** @internal */
export const slotsOf = (shared: Budget): Windows | SharedSlots => {
  const found = slots.get(shared);
  if (found === undefined) throw new TypeError('rateLimit: make the budget with budget()');
  return found;
};
