import { asyncScheduler, groupBy, map, mergeMap, type OperatorFunction, type SchedulerLike } from 'rxjs';
import { outcomeOf, skipped, type OutboundAction, type Receipt } from '../lib/model/index.js';
import { traceOf } from '../lib/trace.js';

/** A sink of actions, as every platform has one. */
export type Sink = OperatorFunction<OutboundAction, Receipt>;

export interface ToPlatformsConfig {
  /** Clock of the receipts. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * Sends each action to the sink of its conversation's platform, and merges the receipts.
 *
 *     actions   -u-t-x--|     u, t: two platforms; x: one without a sink
 *               toPlatforms({ u: toU, t: toT })
 *     receipts  -U-T-S--|     S: `skipped: unsupported`
 *
 * Every sink is subscribed once, with the first action of its platform. Completes when the source and all sinks have
 * completed. Errors: those of the source and of the sinks.
 */
export function toPlatforms(
  sinks: Readonly<Record<string, Sink>>,
  { scheduler = asyncScheduler }: ToPlatformsConfig = {},
): Sink {
  const known = new Map(Object.entries(sinks));
  const unsupported: Sink = map((action) => {
    const { platform } = action.conversation;
    const at = new Date(scheduler.now()).toISOString();
    const receipt = skipped(action, at, 'unsupported', `there is no sink for ${platform}`);
    traceOf(action)?.conclude(outcomeOf(receipt));
    return receipt;
  });
  return (actions) =>
    actions.pipe(
      // One group for all that is unknown: groups live as long as the source, and platforms are named by the wire.
      groupBy(({ conversation }) => (known.has(conversation.platform) ? conversation.platform : '')),
      mergeMap((group) => group.pipe(known.get(group.key) ?? unsupported)),
    );
}
