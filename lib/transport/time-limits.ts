import type { SchedulerLike } from 'rxjs';
import { Deadlines } from '../deadlines.js';

/** So many different limits of a clock are shared; calls with any others find no company. */
const MOST = 32;

const shared = new WeakMap<SchedulerLike, Map<number, Deadlines<() => void>>>();

const deadlinesOf = (scheduler: SchedulerLike, limitMs: number): Deadlines<() => void> => {
  let limits = shared.get(scheduler);
  if (limits === undefined || limits.size > MOST)
    shared.set(scheduler, (limits = new Map<number, Deadlines<() => void>>()));
  let deadlines = limits.get(limitMs);
  if (deadlines === undefined) {
    deadlines = new Deadlines(scheduler, limitMs, (isOver) => {
      isOver();
    });
    limits.set(limitMs, deadlines);
  }
  return deadlines;
};

/**
 * Calls `isOver` after the time, unless what it gives back is called before. One timer for all calls with the same limit: a timer
 * for each costs as much as all else that is done for a call that is answered.
 *
 * @internal
 */
export const limitTime = (scheduler: SchedulerLike, limitMs: number, isOver: () => void): (() => void) => {
  const deadlines = deadlinesOf(scheduler, limitMs);
  let isWaiting = true;
  const entry = deadlines.add(() => {
    isWaiting = false;
    isOver();
  });
  return () => {
    if (!isWaiting) return;
    isWaiting = false;
    deadlines.remove(entry);
  };
};
