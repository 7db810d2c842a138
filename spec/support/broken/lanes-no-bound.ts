import { lanes } from 'tidewire';

/** Lets wait what comes, however much it is. */
export const lanesWithoutBound: typeof lanes = (config, project) => lanes({ ...config, maxQueued: Infinity }, project);
