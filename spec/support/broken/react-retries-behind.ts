import { catchError, defer, EMPTY, merge, Subject, type Observable } from 'rxjs';
import { react, type InboundEvent, type Replies, type Reply } from 'tidewire';

/** Puts what failed to the end of the line: its successors are answered before it. */
export const reactThatRetriesBehind: typeof react = <T extends InboundEvent, S>(
  handler: Parameters<typeof react<T, S>>[0],
  config: Parameters<typeof react<T, S>>[1],
) => {
  const { retry: { count = 0 } = {}, ...others } = config ?? {};
  return (source: Observable<T>) =>
    defer(() => {
      const again = new Subject<T>();
      const attempts = new Map<string, number>();
      const oneAttempt = react<T, S>((event, state): Replies => {
        const attempt = defer(() => (handler(event, state) ?? EMPTY) as Observable<Reply>);
        return attempt.pipe(
          catchError((error: unknown) => {
            const done = attempts.get(event.id) ?? 0;
            attempts.set(event.id, done + 1);
            if (done >= count) throw error;
            again.next(event);
            return EMPTY;
          }),
        );
      }, others);
      return oneAttempt(merge<[T, T]>(source, again));
    });
};
