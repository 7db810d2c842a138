import type { Observable } from 'rxjs';
import type { ChatError } from '../errors.js';
import type { Conversation, InboundEvent, OutboundAction, Outcome } from '../model/index.js';
import type { Together, Writing } from '../store/writing.js';

/** An item in the hands of a consumer, to be given back by `ack`, `park` or `return`. */
export interface Leased<T> {
  readonly item: T;
  /** Its place in the queue: grows with arrival, and is never used again. */
  readonly place: number;
  /** The `conversationKey` of its conversation. */
  readonly key: string;
  /** When it was added: ISO 8601. */
  readonly addedAt: string;
  /** 1 when it is handed out for the first time; one more after each crash, lost lease or `return`. */
  readonly attempt: number;
  /** When it was first handed out: ISO 8601. */
  readonly firstAttemptAt: string;
  /** How often it was resubmitted from the dead letters. */
  readonly resubmitted: number;
}

export interface LeaseConfig {
  /** How many items of one conversation are handed out at a time. Default: 16. */
  readonly perKey?: number;
  /** How many items are handed out at a time. Default: 1 000. */
  readonly maxInFlight?: number;
  /**
   * Told who has the queue as soon as that is known, and whenever it changes: `others` while this subscriber waits for another
   * one, here or in another process; `us` before it is handed out its first item. Default: nobody is told.
   */
  readonly holder?: (who: 'us' | 'others') => void;
}

/** Why an item is parked. */
export interface ParkReport {
  /** What became of it. `inDoubt`: it is done, and listed because nobody knows what its effect was. */
  readonly outcome: Outcome;
  /** Whether an action of it had, or may have had, its effect: think before you resubmit it. */
  readonly touched: boolean;
  /** A sentence for people. */
  readonly reason?: string;
}

/** What was parked: an item that is not handed out again unless somebody resubmits it. */
export interface DeadLetter<T> extends ParkReport {
  readonly letter: number;
  /** Nothing when it cannot be read: `problems` tell why. Its bytes are kept. */
  readonly item?: T;
  /** Why it cannot be read, as paths and expectations. */
  readonly problems?: readonly string[];
  readonly key: string;
  readonly addedAt: string;
  readonly parkedAt: string;
  /** How often it was handed out. */
  readonly attempts: number;
  readonly resubmitted: number;
  /** Whether its conversation waits until it is resubmitted or dropped. */
  readonly holds: boolean;
}

export interface QueueCounts {
  /** Items that are not done: those that wait, and those that a consumer has. */
  readonly waiting: number;
  /** Items that a consumer of this process has. */
  readonly inFlight: number;
  /** Dead letters. */
  readonly letters: number;
  /** Bytes of items and dead letters. */
  readonly bytes: number;
  /** Items that could not be read and became dead letters, ever. */
  readonly damaged: number;
  /** Dead letters that were dropped because they were older than `retainMs`, ever. */
  readonly expired: number;
}

/**
 * A queue of events or of actions: what it has accepted is handed out in order within each conversation, until it is
 * acknowledged. Every method returns a cold Observable: subscribing acts, each time again. Those of one value complete
 * after it; when that value is out, what was done survives whatever the queue survives.
 *
 * Nothing is handed out behind a later item of its conversation that somebody has: what comes back, because its consumer
 * died, lost the lease, unsubscribed or returned it, comes back in order.
 *
 * @throws ChatError from every Observable: `overflow` when a limit or the disk is reached, `conflict` when the lease is
 * somebody else's by now, `unreachable` when the disk does not do its work.
 */
export interface Queue<T extends InboundEvent | OutboundAction> {
  readonly name: string;
  /** Adds items, all or none, and emits their places when they are safe. */
  add(items: T | readonly T[], options?: Together): Observable<readonly number[]>;
  /** The same as a part of another transaction: see `together`. */
  adding(items: T | readonly T[]): Writing;
  /**
   * Hands out items, at most `maxInFlight` and `perKey` of a conversation at a time; each `ack`, `park` and `return` makes
   * room. One consumer has the queue: another subscriber, here or in another process, waits until that one ends or dies.
   * Does not complete. Unsubscribing returns what was not given back. Errors: `conflict` when the lease was lost, because
   * this process stood still for longer than the lease and another took it: nothing of it can be given back then.
   */
  lease(config?: LeaseConfig): Observable<Leased<T>>;
  /**
   * The item is done. Emits whether it was still there: it may be forgotten meanwhile, and nothing of `together` is written then.
   */
  ack(leased: Leased<T>, options?: Together): Observable<boolean>;
  /**
   * Gives an item back, together with all later items of its conversation that the consumer has; they are handed out again,
   * in order. Emits whether that was done: with `ifLast` not when a later item of its conversation was handed out. `afterMs`:
   * how long its conversation pauses. Default: 0.
   */
  return(leased: Leased<T>, options?: { readonly afterMs?: number; readonly ifLast?: boolean }): Observable<boolean>;
  /** Makes a dead letter of an item. Its conversation goes on, or with `hold` waits until the letter is gone. */
  park(leased: Leased<T>, report: ParkReport, options?: { readonly hold?: boolean } & Together): Observable<boolean>;
  /** The dead letters, the oldest first, at most `limit` (100) of them behind `after` (0). */
  letters(options?: { readonly after?: number; readonly limit?: number }): Observable<readonly DeadLetter<T>[]>;
  /** Adds what was parked to the end of the queue, under the same id. Emits whether the letter was there. */
  resubmit(letter: number): Observable<boolean>;
  /** Throws a dead letter away. Emits whether it was there. */
  drop(letter: number): Observable<boolean>;
  /** Removes all items and dead letters of a conversation, and emits how many that were. What a consumer has, it keeps. */
  forget(conversation: Conversation): Observable<number>;
  /** The `conversationKey` of what was forgotten here, when that is done. Hot. */
  readonly forgotten$: Observable<string>;
  counts(): Observable<QueueCounts>;
  /** What goes wrong while nobody asks, such as a disk that is full when the next items are taken. Hot. */
  readonly errors$: Observable<ChatError>;
}

/** The limits of a queue. */
export interface QueueLimits {
  /** How many items and dead letters it keeps. Default: 1 000 000. */
  readonly maxItems?: number;
  /** How many bytes of items and dead letters it keeps. Default: 1 GiB. */
  readonly maxBytes?: number;
  /** The largest item, in bytes. Default: 4 MiB. */
  readonly maxItemBytes?: number;
  /** How long a dead letter is kept that holds no conversation, in milliseconds. Default: 30 days. */
  readonly retainMs?: number;
}
