import { asyncScheduler, type SchedulerLike } from 'rxjs';
import type { Jump } from './orders.js';

/** The real clock, moved forwards and backwards; what waits is not moved. */
export const jumpingClock = (jumps: readonly Jump[]): SchedulerLike => {
  let offset = 0;
  for (const { afterMs, byMs } of jumps) {
    if (afterMs === 0) offset += byMs;
    else setTimeout(() => (offset += byMs), afterMs);
  }
  return {
    now: () => asyncScheduler.now() + offset,
    schedule: <T>(...[work, delayMs, state]: Parameters<typeof asyncScheduler.schedule<T>>) =>
      asyncScheduler.schedule(work, delayMs, state),
  };
};
