import { map } from 'rxjs';
import { react } from 'tidewire';

/** Goes on counting when an event is handled again: nobody can tell what was delivered already. */
export const reactThatCountsOn: typeof react = (handler, config) => {
  const made = new Map<string, number>();
  return (source) =>
    source.pipe(
      react(handler, config),
      map((action) => {
        const { cause = '' } = action;
        const n = (made.get(cause) ?? 0) + 1;
        made.set(cause, n);
        return { ...action, id: `${cause}#${String(n)}` };
      }),
    );
};
