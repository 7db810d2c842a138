import { defer, filter } from 'rxjs';
import { lanes } from 'tidewire';

/** Keeps the bound and says nothing about what it drops: it is found missing much later. */
export const lanesThatDropSilently: typeof lanes = (config, project) => (source) =>
  defer(() => {
    const { maxQueued = Infinity, concurrency = Infinity } = config;
    let inside = 0;
    return source.pipe(
      filter(() => inside < maxQueued + concurrency && ++inside > 0),
      lanes({ ...config, maxQueued: Infinity }, (item) => {
        inside--;
        return project(item);
      }),
    );
  });
