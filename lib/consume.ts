import { Subject, takeUntil, type Observable, type Observer, type Subscriber } from 'rxjs';

/**
 * Subscribes to `source` on behalf of `subscriber`, from inside `new Observable`: stops a synchronous source too when
 * the subscriber goes, and hands errors on. `next` must not throw.
 *
 * @internal
 */
export const consume = <T>(
  source: Observable<T>,
  subscriber: Subscriber<never> | Subscriber<unknown>,
  observer: Pick<Observer<T>, 'next' | 'complete'> & Partial<Pick<Observer<T>, 'error'>>,
): void => {
  const stop = new Subject<void>();
  subscriber.add(() => {
    stop.next();
  });
  const error = (thrown: unknown): void => {
    subscriber.error(thrown);
  };
  source.pipe(takeUntil(stop)).subscribe({ error, ...observer });
};
