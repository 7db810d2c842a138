import { asyncScheduler, defer, Observable, take, type ObservableInput, type SchedulerLike } from 'rxjs';
import { accounts as programAccounts, type Accounts } from '../lib/accounts.js';
import type { InboundEvent, OutboundAction } from '../lib/model/index.js';
import { Deliveries } from '../lib/queue/deliveries.js';
import type { Queue } from '../lib/queue/queue.js';
import { above, atLeast } from '../lib/range.js';

export interface FromQueueConfig {
  /** How many items are open at a time; more are not taken. Default: 1 000. */
  readonly maxInFlight?: number;
  /** The same for one conversation. Default: 16. */
  readonly perKey?: number;
  /**
   * Whether a conversation goes on when an item of it is parked because it keeps failing, or waits until somebody resubmits
   * or drops the dead letter; then one item of a conversation is open at a time. Default: `goOn`.
   */
  readonly onPoison?: 'goOn' | 'wait';
  /** How often an item is handed out at least before it is parked. Default: 5. */
  readonly attempts?: number;
  /** How long an item is tried at least before it is parked, in milliseconds. Default: 60 000. */
  readonly forMs?: number;
  /** Pause before the second attempt, in milliseconds; doubles with each. Default: 1 000. */
  readonly delayMs?: number;
  /** Longest pause, in milliseconds. Default: 60 000. */
  readonly maxDelayMs?: number;
  /** At its first value, nothing more is taken; completes when what is open is settled. Default: never. */
  readonly until?: ObservableInput<unknown>;
  /** Default: the books of the program, `accounts`. */
  readonly accounts?: Accounts;
  /** Clock of `forMs`; the pauses between attempts are the queue's. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * The items of a queue, each with a new account, in order within each conversation. What became of an item decides what the
 * queue does with it:
 *
 * | outcome | queue |
 * | --- | --- |
 * | handled, ignored, superseded, handedOff, duplicate, queued, deadLettered | done |
 * | inDoubt | done, and listed among the dead letters |
 * | failed or shed, and nothing of it went out | tried again in its place; parked when a later item of its conversation is out already, or after `attempts` and `forMs` |
 * | failed and something of it went out; expired | parked |
 *
 * An item that was being worked on when its process ended counts as tried; after `attempts` and `forMs` it is parked
 * instead of being handed out. So does everything that was open at that moment.
 *
 * Cold; subscribing waits for the queue's lease, and several subscribers take turns. Unsubscribing returns what is open, in
 * order; of what something went out already nothing is repeated: it is parked. When another process took the lease, what
 * is open is cancelled, as `shed` since it comes again there, or as `superseded` when something of it went out, and the queue
 * is asked for again. Errors: none of an item.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function fromQueue<T extends InboundEvent | OutboundAction>(
  queue: Queue<T>,
  config: FromQueueConfig = {},
): Observable<T> {
  const { maxInFlight = 1_000, perKey = 16, onPoison = 'goOn', attempts = 5, forMs = 60_000, until } = config;
  const { delayMs = 1_000, maxDelayMs = 60_000, accounts = programAccounts, scheduler = asyncScheduler } = config;
  atLeast('fromQueue: maxInFlight', maxInFlight, 1);
  atLeast('fromQueue: perKey', perKey, 1);
  atLeast('fromQueue: attempts', attempts, 1);
  atLeast('fromQueue: forMs', forMs, 0);
  above('fromQueue: delayMs', delayMs, 0);
  above('fromQueue: maxDelayMs', maxDelayMs, 0);
  const waits = onPoison === 'wait';
  const lease = { maxInFlight, perKey: waits ? 1 : perKey };
  const account = accounts.of(`queue:${queue.name}`);
  const settings = { queue, account, lease, waits, attempts, forMs, delayMs, maxDelayMs, scheduler };
  return new Observable<T>((subscriber) => {
    const deliveries = new Deliveries(settings, subscriber);
    if (until !== undefined) {
      const stop = defer(() => until).pipe(take(1));
      subscriber.add(
        stop.subscribe({
          next: () => {
            deliveries.stop();
          },
          error: (error: unknown) => {
            subscriber.error(error);
          },
        }),
      );
    }
    if (!subscriber.closed) deliveries.start();
    return () => {
      deliveries.end();
    };
  });
}
