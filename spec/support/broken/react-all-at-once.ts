import { mergeMap, of } from 'rxjs';
import { memoryStore, react } from 'tidewire';

/** No lanes: handlers of one conversation run side by side, on the same state. */
export const reactAllAtOnce: typeof react = (handler, config) => {
  const { state, ...others } = config ?? {};
  const shared = state === undefined ? others : { ...others, state: { store: memoryStore(), ...state } };
  return mergeMap((event) => of(event).pipe(react(handler, shared)));
};
