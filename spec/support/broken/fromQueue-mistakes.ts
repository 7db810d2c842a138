import { Observable } from 'rxjs';
import { openAccounts, traceOf, type Holder, type InboundEvent, type Outcome } from 'tidewire';
import type { FromQueueConfig, Queue } from 'tidewire/queue';

/** How an item ended: its outcome, and whether something of it went out. */
export interface Ending {
  readonly outcome: Outcome;
  readonly touched: boolean;
}

/** `fromQueue` for events. */
export type FromQueue = (queue: Queue<InboundEvent>, config?: FromQueueConfig) => Observable<InboundEvent>;

/** Takes one ending for another. */
export const fromQueueThatMistakes =
  (correct: FromQueue, wrong: Ending, as: Ending): FromQueue =>
  (queue, config = {}) =>
    new Observable((subscriber) => {
      const account = (config.accounts ?? openAccounts()).of('mistaken');
      const holder: Holder = { name: 'mistaken' };
      return correct(queue, config).subscribe({
        next: (event) => {
          const inner = traceOf(event);
          inner?.hold(holder);
          const copy = { ...event };
          const trace = account.open(copy);
          trace.onSettled({
            settled: (_, outcome, touched) => {
              const isWrong = outcome === wrong.outcome && touched === wrong.touched;
              const ending = isWrong ? as : { outcome, touched };
              if (ending.touched) inner?.touch();
              inner?.release(holder, ending.outcome);
            },
          });
          subscriber.next(copy);
          trace.release(account);
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
      });
    });
