import {
  asyncScheduler,
  defer,
  map,
  mergeMap,
  Observable,
  take,
  type ObservableInput,
  type OperatorFunction,
  type SchedulerLike,
  type Subscription,
} from 'rxjs';
import { consume } from '../lib/consume.js';
import { ChatError, toChatError } from '../lib/errors.js';
import { isoClock } from '../lib/iso-clock.js';
import { Job, LaneEngine } from '../lib/lane-engine.js';
import {
  conversationKey,
  failed,
  outcomeOf,
  skipped,
  skipReasonOf,
  touches,
  unknown,
  type OutboundAction,
  type Receipt,
} from '../lib/model/index.js';
import { atLeast } from '../lib/range.js';
import { mayGo, type Ownership } from './ownership.js';

export interface DeliverConfig {
  /** Named in reports, explanations and error messages: `toUserlike`. */
  readonly name: string;
  /** What must stay in order. Default: the conversation. */
  readonly key?: (action: OutboundAction) => string;
  /** Who answers, asked immediately before an action is sent: what somebody else's conversation is not to see is `skipped: muted`. */
  readonly desk?: Ownership;
  /** How many conversations are sent to at once. Default: no limit. */
  readonly concurrency?: number;
  /** How many actions may wait; what comes beyond is `skipped: shed`. Default: 100 000. */
  readonly maxQueued?: number;
  /** Clock of the receipts. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * Makes a sink of a function that sends one action: what every platform's sink is built on. In order per conversation,
 * one receipt for each action, and the action's account is settled by its receipt.
 *
 *     actions   -A-a-B-----|       A, a: one conversation; B: another
 *     send       --r|
 *     receipts  ---R-RR----|
 *
 * `send` returns the receipt, now or later (the first value counts), or errors: an error in doubt is an `unknown` receipt, any other a
 * `failed` one. It never ends the stream. An action that is cancelled while it waits, or while the desk is asked, is
 * `skipped`; one that is on its way is left to finish. Errors: those of the source. At unsubscription what waits is settled `failed` and what is on its way
 * `inDoubt`.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function deliver(
  config: DeliverConfig,
  send: (action: OutboundAction) => Receipt | ObservableInput<Receipt>,
): OperatorFunction<OutboundAction, Receipt> {
  const { name, concurrency = Infinity, maxQueued = 100_000, scheduler = asyncScheduler } = config;
  const { key, desk } = config;
  atLeast(`${name}: concurrency`, concurrency, 1);
  atLeast(`${name}: maxQueued`, maxQueued, 0);
  return (source) =>
    new Observable<Receipt>((subscriber) => {
      let completed = false;
      const now = isoClock(scheduler);

      const completeWhenIdle = (): void => {
        if (completed && engine.size === 0) subscriber.complete();
      };
      const close = (job: SendJob, receipt: Receipt): void => {
        if (job.closed) return;
        job.closed = true;
        if (touches(receipt)) job.trace?.touch();
        if (receipt.status === 'delivered') job.trace?.arrived(receipt.messageIds);
        subscriber.next(receipt);
        job.trace?.release(job, outcomeOf(receipt), receipt.status === 'failed' ? receipt.error.message : undefined);
        engine.finish(job);
        completeWhenIdle();
      };
      const run = (job: SendJob): void => {
        const { item: action } = job;
        const fail = (thrown: unknown): void => {
          const error = toChatError(action.conversation.platform, thrown);
          close(job, error.inDoubt ? unknown(action, now(), error) : failed(action, now(), error));
        };
        const sent = (): Observable<Receipt> =>
          defer(() => {
            job.isSent = true;
            const result = send(action);
            return 'status' in result ? [result] : result;
          });
        const asked = (goes: boolean): ObservableInput<Receipt> => {
          // Meanwhile: the desk may have taken its time.
          if (job.trace?.cancelled === true) {
            const receipt = skipped(action, now(), skipReasonOf(job.trace.outcome));
            // What it took nobody gets.
            return goes && action.kind === 'handoff' && desk !== undefined
              ? desk.returnToBot(action.conversation).pipe(map(() => receipt))
              : [receipt];
          }
          return goes ? sent() : [skipped(action, now(), 'muted')];
        };
        job.inner = (desk === undefined ? sent() : mayGo(desk, action).pipe(mergeMap(asked))).pipe(take(1)).subscribe({
          next: (receipt) => {
            close(job, receipt);
          },
          error: fail,
          complete: () => {
            if (job.closed) return;
            const { platform } = action.conversation;
            fail(new ChatError('undecodable', platform, `${name} gave no receipt`, { inDoubt: true }));
          },
        });
      };
      const engine = new LaneEngine<OutboundAction, SendJob>({
        name,
        key: key === undefined ? laneOf : ({ item }) => key(item),
        concurrency,
        maxQueued,
        run,
        drop: (job, outcome) => {
          close(job, skipped(job.item, now(), skipReasonOf(outcome)));
        },
        // It is on its way: its receipt is worth waiting for.
        interrupt: () => undefined,
      });

      subscriber.add(() => {
        engine.clear((job, wasRunning) => {
          const isSent = wasRunning && job.isSent;
          if (isSent) job.trace?.touch();
          job.inner?.unsubscribe();
          job.trace?.release(job, isSent ? 'inDoubt' : 'failed', 'unsubscribed');
        });
      });
      consume(source, subscriber, {
        next: (action) => {
          const job = new SendJob(engine, action);
          if (job.trace?.cancelled === true) {
            close(job, skipped(action, now(), skipReasonOf(job.trace.outcome)));
            return;
          }
          engine.push(job);
        },
        complete: () => {
          completed = true;
          completeWhenIdle();
        },
      });
    });
}

class SendJob extends Job<OutboundAction> {
  /** Whether it may have had its effect. */
  isSent = false;
  closed = false;
  inner: Subscription | undefined;
}

const laneOf = ({ item: { conversation }, trace }: SendJob): string =>
  trace?.keyOf(conversation) ?? conversationKey(conversation);
