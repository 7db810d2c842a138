import { defer, map, mergeMap, type Observable } from 'rxjs';

/** @internal Does one after the other; emits once, when all are done. */
export const inTurn = (steps: readonly Observable<unknown>[]): Observable<undefined> =>
  steps
    .reduce<Observable<unknown>>((before, step) => before.pipe(mergeMap(() => step)), nothing())
    .pipe(map(() => undefined));

/** @internal Emits at once that there is nothing. */
export const nothing = (): Observable<undefined> => defer(() => [undefined]);
