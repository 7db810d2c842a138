import { concatMap, defer, filter, NEVER, type Observable, type Subscriber } from 'rxjs';

/**
 * Subscribes to `source` on behalf of `subscriber`, from inside `new Observable`: `next` sees every value, `complete` the
 * end; errors, those of `next` too, go to the subscriber. Stops a synchronous source when the subscriber goes. Composed,
 * and still only one layer between a value and `next`.
 *
 * @internal
 */
export const consume = <T, R>(
  source: Observable<T>,
  subscriber: Subscriber<R>,
  { next, complete }: { readonly next: (value: T) => void; readonly complete: () => void },
): void => {
  const taken = source.pipe(
    filter((value): value is never => {
      // Whoever is unsubscribed lets go of what it holds, and somebody may have more to say about that.
      if (!subscriber.closed) next(value);
      return false;
    }),
  );
  const end = defer(() => {
    complete();
    return NEVER;
  });
  // `concat` would say the same, and bring schedulers that nobody here uses into every bundle.
  defer(() => [taken, end])
    .pipe(concatMap((part) => part))
    .subscribe(subscriber);
};
