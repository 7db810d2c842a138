import { defer, of, retry, timer, type Observable } from 'rxjs';
import { react, type Replies, type Reply } from 'tidewire';

/** Retries whatever the handler had said before it threw: the customer reads it twice. */
export const reactThatRepeatsItself: typeof react = (handler, config) => {
  const { retry: { count = 0, delayMs = 200 } = {}, ...others } = config ?? {};
  return react((event, state): Replies => {
    const attempt = defer(() => (handler(event, state) ?? of(undefined)) as Observable<Reply>);
    return attempt.pipe(retry({ count, delay: () => timer(delayMs, config?.scheduler) }));
  }, others);
};
