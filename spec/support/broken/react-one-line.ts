import { concatMap, of } from 'rxjs';
import { memoryStore, react } from 'tidewire';

/** One handler at a time for all: a slow conversation holds up the others. */
export const reactInOneLine: typeof react = (handler, config) => {
  const { state, ...others } = config ?? {};
  const shared = state === undefined ? others : { ...others, state: { store: memoryStore(), ...state } };
  return concatMap((event) => of(event).pipe(react(handler, shared)));
};
