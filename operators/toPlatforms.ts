import { asyncScheduler, map, mergeMap, Observable, Subject, type OperatorFunction, type SchedulerLike } from 'rxjs';
import { consume } from '../lib/consume.js';
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
  return (source) =>
    new Observable<Receipt>((subscriber) => {
      const inputs = new Map<string, Subject<OutboundAction>>();
      const outputs = new Subject<Observable<Receipt>>();
      outputs.pipe(mergeMap((receipts) => receipts)).subscribe(subscriber);
      consume(source, subscriber, {
        next: (action) => {
          // One for all that is unknown: they live as long as the source, and platforms are named by the wire.
          const platform = known.has(action.conversation.platform) ? action.conversation.platform : '';
          let input = inputs.get(platform);
          if (input === undefined) {
            inputs.set(platform, (input = new Subject()));
            outputs.next((known.get(platform) ?? unsupported)(input));
          }
          input.next(action);
        },
        complete: () => {
          for (const input of inputs.values()) input.complete();
          outputs.complete();
        },
      });
    });
}
