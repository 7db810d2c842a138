import { catchError, defer, EMPTY, type Observable } from 'rxjs';
import { react, type Replies, type Reply } from 'tidewire';

/** Counts an event as handled whose handler threw. */
export const reactThatHidesFailures: typeof react = (handler, config) => {
  const { retry: _, ...others } = config ?? {};
  return react((event, state): Replies => {
    const attempt = defer(() => (handler(event, state) ?? EMPTY) as Observable<Reply>);
    return attempt.pipe(catchError(() => EMPTY));
  }, others);
};
