import { filter } from 'rxjs';
import { conversationKey, traceOf, type dedupe } from 'tidewire';

/** Remembers a key only when its event is settled: a twin that comes meanwhile is answered too. */
export const dedupeThatEmitsTwins: typeof dedupe = () => (source) => {
  const seen = new Set<string>();
  return source.pipe(
    filter((event) => {
      const key = `${conversationKey(event.conversation)} ${event.id}`;
      if (seen.has(key)) {
        traceOf(event)?.conclude('duplicate');
        return false;
      }
      traceOf(event)?.onSettled({ settled: (_, outcome) => outcome === 'handled' && seen.add(key) });
      return true;
    }),
  );
};
