import { filter } from 'rxjs';
import { conversationKey, type dedupe } from 'tidewire';

/** Remembers a key when its event comes in place of when it is settled: a handler that fails loses the event. */
export const dedupeThatSwallowsTheRedelivery: typeof dedupe = () => (source) => {
  const seen = new Set<string>();
  return source.pipe(
    filter(({ conversation, id }) => {
      const key = `${conversationKey(conversation)} ${id}`;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    }),
  );
};
