import { concatMap, groupBy, mergeMap, timer, map, type MonoTypeOperatorFunction, type SchedulerLike } from 'rxjs';

/** One item every `perMs / limit`: the right average, and items wait although slots are free. */
export const averagingRateLimit =
  <T>(config: {
    readonly limit: number;
    readonly perMs: number;
    readonly key: (item: T) => string;
    readonly scheduler: SchedulerLike;
  }): MonoTypeOperatorFunction<T> =>
  (source) =>
    source.pipe(
      groupBy(config.key),
      mergeMap((group) =>
        group.pipe(concatMap((item) => timer(config.perMs / config.limit, config.scheduler).pipe(map(() => item)))),
      ),
    );
