import { map } from 'rxjs';
import { react } from 'tidewire';

/** Numbers the actions of the stream, not those of the event. */
export const reactThatNumbersAll: typeof react = (handler, config) => (source) =>
  source.pipe(
    react(handler, config),
    map((action, n) => ({ ...action, id: `${action.cause ?? ''}#${String(n + 1)}` })),
  );
