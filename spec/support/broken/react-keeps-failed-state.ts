import { conversationKey, react, type InboundEvent } from 'tidewire';

/** Keeps what a handler set before it threw: a handler that runs again begins from its own leavings. */
export const reactThatKeepsFailedState: typeof react = <T extends InboundEvent, S>(
  handler: Parameters<typeof react<T, S>>[0],
  config: Parameters<typeof react<T, S>>[1],
) => {
  const { state, ...others } = config ?? {};
  const kept = new Map<string, S>();
  return react<T>((event) => {
    const key = conversationKey(event.conversation);
    return handler(event, {
      get value() {
        return kept.has(key) ? (kept.get(key) as S) : (state?.initial() as S);
      },
      set: (next) => kept.set(key, next),
    });
  }, others);
};
