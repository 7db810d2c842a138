import { asyncScheduler, Observable, type OperatorFunction, type SchedulerLike } from 'rxjs';
import { consume } from '../lib/consume.js';
import { toChatError, type ChatError } from '../lib/errors.js';
import { isoClock } from '../lib/iso-clock.js';
import type { InboundEvent, OutboundAction } from '../lib/model/index.js';
import type { Queue } from '../lib/queue/queue.js';
import { traceOf, type Holder } from '../lib/trace.js';

/** What became of an item that was to be queued: every item yields exactly one. */
export type QueueReceipt<T> =
  | { readonly status: 'queued'; readonly item: T; readonly at: string; readonly place: number }
  | { readonly status: 'failed'; readonly item: T; readonly at: string; readonly error: ChatError }
  /** It was cancelled before it was written. */
  | { readonly status: 'skipped'; readonly item: T; readonly at: string };

export interface ToQueueConfig {
  /** Clock of the receipts. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * Puts events, or actions, into a queue, where their account goes on: here they end as `queued`.
 *
 *     events    -a-b-----|
 *               toQueue(queue)
 *     receipts  --a-b----|       when the queue has them safe
 *
 * An event is settled when the queue has it safe, not before: a webhook in front answers 200 then, however long it takes,
 * and 503 when the queue refuses it, since nothing was accepted. The order of the source is the order in the queue. What
 * waits for the queue is bounded by the source's `maxInFlight`.
 *
 * Completes when the source has completed and every item has its receipt. Errors: those of the source; what the queue
 * refuses is a receipt. What is being written at unsubscription is settled as it ends.
 */
export function toQueue<T extends InboundEvent | OutboundAction>(
  queue: Queue<T>,
  { scheduler = asyncScheduler }: ToQueueConfig = {},
): OperatorFunction<T, QueueReceipt<T>> {
  return (source) =>
    new Observable<QueueReceipt<T>>((subscriber) => {
      const now = isoClock(scheduler);
      let waiting = 0;
      let completed = false;
      const completeWhenIdle = (): void => {
        if (completed && waiting === 0) subscriber.complete();
      };
      consume(source, subscriber, {
        next: (item) => {
          const trace = traceOf(item);
          if (trace?.cancelled === true) {
            subscriber.next({ status: 'skipped', item, at: now() });
            return;
          }
          const holder: Holder = { name: 'toQueue', accepting: true };
          trace?.hold(holder);
          waiting++;
          const over = (receipt: QueueReceipt<T>): void => {
            waiting--;
            subscriber.next(receipt);
            if (receipt.status === 'failed') trace?.release(holder, 'failed', receipt.error.message);
            else trace?.release(holder, 'queued');
            completeWhenIdle();
          };
          // Not a part of the subscription: what is on its way to the disk gets there, and its account says so.
          queue.add(item).subscribe({
            next: ([place = 0]) => {
              over({ status: 'queued', item, at: now(), place });
            },
            error: (thrown: unknown) => {
              over({ status: 'failed', item, at: now(), error: toChatError('queue', thrown) });
            },
          });
        },
        complete: () => {
          completed = true;
          completeWhenIdle();
        },
      });
    });
}
