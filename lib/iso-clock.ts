import type { SchedulerLike } from 'rxjs';

/** @internal The time as ISO 8601. Many things happen in one millisecond, and writing a date costs more than reading it. */
export const isoClock = (scheduler: SchedulerLike): (() => string) => {
  let last = NaN;
  let text = '';
  return () => {
    const now = scheduler.now();
    if (now !== last) {
      last = now;
      text = new Date(now).toISOString();
    }
    return text;
  };
};
