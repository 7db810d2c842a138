import { Observable } from 'rxjs';
import { react } from 'tidewire';

/** One handler that throws ends the stream for all. */
export const reactThatDies: typeof react = (handler, config) => (source) =>
  new Observable((subscriber) => {
    const onError = (error: unknown): void => {
      subscriber.error(error);
    };
    return source.pipe(react(handler, { ...config, onError })).subscribe(subscriber);
  });
