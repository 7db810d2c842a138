import { defer, finalize, from, mergeMap, Observable } from 'rxjs';
import type { lanes } from 'tidewire';

/** Stays with a key as long as it has more to do: a busy one starves the others. */
export const lanesThatStay: typeof lanes = ({ key, concurrency = Infinity }, project) => {
  return (source) =>
    defer(() => {
      const waiting: { readonly key: string; readonly start: () => void }[] = [];
      const running = new Set<string>();
      const next = (last: string): void => {
        running.delete(last);
        const same = waiting.findIndex((turn) => turn.key === last);
        const at = same >= 0 ? same : waiting.findIndex((turn) => !running.has(turn.key));
        for (const turn of at < 0 ? [] : waiting.splice(at, 1)) turn.start();
      };
      return source.pipe(
        mergeMap((item) => {
          const own = key(item);
          return new Observable<typeof own>((subscriber) => {
            const start = (): void => {
              running.add(own);
              subscriber.next(own);
              subscriber.complete();
            };
            if (!running.has(own) && running.size < concurrency) start();
            else waiting.push({ key: own, start });
          }).pipe(
            mergeMap(() =>
              from(project(item)).pipe(
                finalize(() => {
                  next(own);
                }),
              ),
            ),
          );
        }),
      );
    });
};
