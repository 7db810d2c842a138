import { circuit } from 'tidewire';

/** Always the same pause: what stays away for hours is asked every minute. */
export const circuitThatIsSteady: typeof circuit = (config) =>
  circuit({ ...config, maxPauseMs: config.pauseMs ?? 60_000 });
