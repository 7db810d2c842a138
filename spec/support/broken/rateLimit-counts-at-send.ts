import type { OperatorFunction } from 'rxjs';
import { rateLimit, type OutboundAction, type Receipt } from 'tidewire';
import type { VirtualClock } from 'tidewire/testing';

/** In front of the sink: an honest window of sending times, which latency bends before it reaches the platform. */
export const sendTimedRateLimit =
  (
    config: { readonly limit: number; readonly perMs: number; readonly scheduler: VirtualClock },
    sink: OperatorFunction<OutboundAction, Receipt>,
  ): OperatorFunction<OutboundAction, Receipt> =>
  (actions) =>
    actions.pipe(rateLimit(config), sink);
