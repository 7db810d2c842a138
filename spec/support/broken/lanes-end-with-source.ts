import { ignoreElements, share, takeUntil, endWith } from 'rxjs';
import { lanes } from 'tidewire';

/** Ends when the source ends: what waits and runs then is lost. */
export const lanesThatEndWithTheSource: typeof lanes = (config, project) => (source) => {
  const shared = source.pipe(share());
  return shared.pipe(lanes(config, project), takeUntil(shared.pipe(ignoreElements(), endWith(true))));
};
