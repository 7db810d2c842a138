import { lanes } from 'tidewire';

/** Runs every key at once, whatever `concurrency` says. */
export const lanesWithoutLimit: typeof lanes = (config, project) =>
  lanes({ ...config, concurrency: Infinity }, project);
