import { asyncScheduler, type OperatorFunction, type SchedulerLike } from 'rxjs';
import { backoff, type BackoffConfig } from '../lib/limit/backoff.js';
import { guardedSink, oneByOne } from '../lib/limit/guarded-sink.js';
import type { OutboundAction, Receipt } from '../lib/model/index.js';

export interface RetryDeliveryConfig extends BackoffConfig {
  /** What must stay in order. Default: the conversation. */
  readonly key?: (action: OutboundAction) => string;
  /** How many actions may wait; what comes beyond is `skipped: shed`. Default: 100 000. */
  readonly maxQueued?: number;
  /** Clock of the pauses. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * Around a sink: sends again what failed and may succeed later, after a growing, capped, jittered pause, or after what the
 * platform asks for.
 *
 *     actions   -a-b------------|
 *     sink       F D D            F: failed, retryable; D: delivered
 *     receipts  ----D-D---------|     after the pause; b waits behind a
 *
 * In order within a conversation, which waits during the pause; others do not. `unknown` is never sent again, since the
 * customer may have it, unless `reconcile` finds out that it did not arrive. After `attempts` the failed receipt passes. `handoff` and `end` overtake what waits, which is `skipped:
 * superseded`. Accounts for the actions in place of the sink inside. Completes when the source has completed and every
 * action has its receipt. Errors: those of the source and of the sink.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function retryDelivery(
  config: RetryDeliveryConfig,
  sink: OperatorFunction<OutboundAction, Receipt>,
): OperatorFunction<OutboundAction, Receipt> {
  const { key, maxQueued = 100_000, scheduler = asyncScheduler } = config;
  const guard = {
    name: 'retryDelivery',
    key,
    scheduler,
    windows: undefined,
    shared: undefined,
    budget: false,
    coalesce: 1,
    together,
    maxQueued,
  };
  return guardedSink({ ...guard, ...backoff('retryDelivery', config) }, oneByOne(sink));
}

const together = (): boolean => true;
