import { bufferCount, concatMap } from 'rxjs';
import { lanes } from 'tidewire';

/** Takes what comes two by two, the later one first. */
export const lanesThatSwap: typeof lanes = (config, project) => (source) =>
  source.pipe(
    bufferCount(2),
    concatMap((pair) => pair.reverse()),
    lanes(config, project),
  );
