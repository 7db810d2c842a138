import { asyncScheduler, Observable, Subject, type OperatorFunction, type SchedulerLike } from 'rxjs';
import { accounts as programAccounts, type Accounts } from '../lib/accounts.js';
import { consume } from '../lib/consume.js';
import { isoClock } from '../lib/iso-clock.js';
import type { Reconcile } from '../lib/limit/reconcile.js';
import type { OutboundAction, Receipt } from '../lib/model/index.js';
import type { InDoubt } from '../lib/outbox/doubt.js';
import { Ledger } from '../lib/outbox/ledger.js';
import { OutboxRun } from '../lib/outbox/run.js';
import type { Queue } from '../lib/queue/queue.js';
import { above, atLeast, timerLimit } from '../lib/range.js';
import type { Store } from '../lib/store/store.js';

export interface OutboxConfig {
  /** Where actions wait until they are with the platform: `lmdbQueue({ file, name: 'out', holds: 'actions' })`. */
  readonly queue: Queue<OutboundAction>;
  /** Where it is kept what is known about them. Of the same file as the queue, both are written in one transaction. */
  readonly store: Store;
  /**
   * `asTheyCome`: each action is written when it is made. `whole`: what one event makes is written together, and with the end of
   * the event, for handlers that must not run twice. Default: `asTheyCome`.
   */
  readonly mode?: 'asTheyCome' | 'whole';
  /** Finds out what became of an action that is in doubt, where the platform can tell. Default: nobody can. */
  readonly reconcile?: Reconcile;
  /** How long `reconcile` may take, in milliseconds; then it cannot tell. Default: 30 000. */
  readonly reconcileMs?: number;
  /** What happens to an action that is in doubt and stays so. Default: `ask`. */
  readonly inDoubt?: InDoubt | ((action: OutboundAction) => InDoubt);
  /** How old an action may be when it goes out, in milliseconds; an older one is `skipped: expired`. Default: 24 hours. */
  readonly expireMs?: number | ((action: OutboundAction) => number);
  /**
   * How long it is remembered that an action went out, in milliseconds: as long as its handler may still run again. The store
   * holds that many actions. Default: 3 days.
   */
  readonly rememberMs?: number;
  /** How often an action is sent at least before it is given up. Default: 5. */
  readonly attempts?: number;
  /** How long an action is tried at least before it is given up, in milliseconds. Default: 60 000. */
  readonly forMs?: number;
  /** Pause before the second attempt, in milliseconds; doubles with each; what the platform asks for counts. Default: 1 000. */
  readonly delayMs?: number;
  /** Longest pause, in milliseconds. Default: 60 000. */
  readonly maxDelayMs?: number;
  /** How many actions are taken out of the queue at a time; one of a conversation is with the sink. Default: 1 000. */
  readonly maxInFlight?: number;
  /** Where the account of what has no event any more is: `outbox:NAME`. Default: the books of the program, `accounts`. */
  readonly accounts?: Accounts;
  /** Clock of receipts, ages and `reconcileMs`; the pauses between attempts are the queue's. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * Around a sink: an action is safe on the disk before it goes out, goes out once, and goes on waiting when the process dies.
 *
 *     actions   -a-b-----------|      written when they come
 *               outbox({ queue, store }, sink)
 *     sink       --a--b                b when a is noted
 *     receipts  ------a--b-----|
 *
 * In order within a conversation, of which the sink has one action at a time; conversations do not wait for each other, and what
 * they write at the same time is written together. Before an action is given to the sink, a mark is written and synced; after
 * its receipt, the end of it and what became of it are, in one transaction when queue and store are kept in one place. Where a
 * process ended between the two, it is in doubt:
 *
 * | receipt of the sink | here |
 * | --- | --- |
 * | delivered | done, and remembered for `rememberMs` |
 * | failed, may be repeated | sent again in its place, with growing pauses, for `attempts` and `forMs`; then as the next |
 * | failed | done, and its event decides: a queue tries it again or parks it. Without an event it is parked here |
 * | skipped | done |
 * | unknown, or none before the process ended | `reconcile`; where that does not know, `inDoubt` |
 *
 * | `inDoubt` | |
 * | --- | --- |
 * | `ask` | receipt `unknown`; parked, `touched`: `queue.resubmit(letter)` sends it, `queue.drop(letter)` does not |
 * | `drop` | receipt `unknown` |
 * | `resend` | sent again, at once or after the pause of a failure; beyond its time or its attempts: `ask` |
 *
 * `asTheyCome`: an action keeps its event open until its receipt. After a crash the event comes again, its handler runs again,
 * and what has gone out is not repeated: its receipt is `delivered` with `via: 'earlier'`. `whole`: the actions of an event are
 * collected while its handler runs, dropped as `skipped` when it fails, and else written together when it is done; if the event
 * came from a queue of the same file or memory, in the transaction that takes it out of there. Then the event is `queued`. What
 * has no event goes out on an account of its own, `outbox:NAME`.
 *
 * `typing` and `navigate` mean something now or never: they are not written, and go out behind what came before them. What is
 * cancelled before it is marked leaves the queue as `skipped`. The accounts are kept here, and the sink sees copies that nobody
 * accounts for.
 *
 * One subscriber at a time sends, in one process. While another one does, this is as `toQueue`: what is safe in the queue ends as
 * `queued` and goes out there, where its receipt is told, and cannot be taken back from here any more. When this one has stood
 * still and lost the queue, it lets go of everything but what the sink has; when the other one ends, it sends what is there.
 *
 * Cold. Completes when the source has completed, every action has its receipt, here or where it goes out, and the sink has
 * completed. At unsubscription
 * what is safe ends as `queued` and goes out for the next subscriber; what the sink has is `inDoubt`. Errors: those of the
 * source, of the sink, of the queue when it can be read no more, and what `inDoubt` and `expireMs` throw.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function outbox(
  config: OutboxConfig,
  sink: OperatorFunction<OutboundAction, Receipt>,
): OperatorFunction<OutboundAction, Receipt> {
  const { queue, store, mode = 'asTheyCome', reconcile, inDoubt = 'ask', expireMs = 86_400_000 } = config;
  const { rememberMs = 259_200_000, attempts = 5, forMs = 60_000, delayMs = 1_000, maxDelayMs = 60_000 } = config;
  const { reconcileMs = 30_000, maxInFlight = 1_000, accounts = programAccounts, scheduler = asyncScheduler } = config;
  above('outbox: rememberMs', rememberMs, 0);
  if (typeof expireMs === 'number') above('outbox: expireMs', expireMs, 0);
  atLeast('outbox: attempts', attempts, 1);
  atLeast('outbox: forMs', forMs, 0);
  above('outbox: delayMs', delayMs, 0);
  above('outbox: maxDelayMs', maxDelayMs, 0);
  timerLimit('outbox: reconcileMs', reconcileMs);
  atLeast('outbox: maxInFlight', maxInFlight, 1);
  const ledger = new Ledger(queue, store, rememberMs);
  // What went out is forgotten then: a second copy of it that came later would go out again.
  const expiryOf = (action: OutboundAction): number =>
    Math.min(typeof expireMs === 'number' ? expireMs : expireMs(action), rememberMs);
  return (source) =>
    new Observable<Receipt>((subscriber) => {
      const requests = new Subject<OutboundAction>();
      const settings = {
        ledger,
        isWhole: mode === 'whole',
        account: accounts.of(`outbox:${queue.name}`),
        scheduler,
        maxInFlight,
        attempts,
        forMs,
        delayMs,
        maxDelayMs,
        expiryOf,
        reconcile,
        reconcileMs,
        inDoubt,
        now: isoClock(scheduler),
      };
      const run = new OutboxRun(settings, subscriber, requests);
      // Before the sink: what it has is in doubt before it is aborted.
      subscriber.add(() => {
        run.end();
      });
      subscriber.add(
        sink(requests).subscribe({
          next: (receipt) => {
            run.answered(receipt);
          },
          error: (error: unknown) => {
            subscriber.error(error);
          },
          complete: () => {
            subscriber.complete();
          },
        }),
      );
      subscriber.add(() => {
        requests.complete();
      });
      if (subscriber.closed) return;
      run.start();
      consume(source, subscriber, {
        next: (action) => {
          run.next(action);
        },
        complete: () => {
          run.complete();
        },
      });
    });
}
