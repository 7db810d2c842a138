import type { MonoTypeOperatorFunction, SchedulerLike } from 'rxjs';
import { rateLimit } from 'tidewire';

/** All keys in one line: a busy conversation holds up the others. */
export const unfairRateLimit = <T>(config: {
  readonly limit: number;
  readonly perMs: number;
  readonly key: (item: T) => string;
  readonly scheduler: SchedulerLike;
}): MonoTypeOperatorFunction<T> => rateLimit({ ...config, key: () => '' });
