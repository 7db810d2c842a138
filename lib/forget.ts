import { asyncScheduler, defer, map, mergeMap, Observable, type SchedulerLike } from 'rxjs';
import { accounts as programAccounts, type Accounts } from './accounts.js';
import { tellForgotten } from './forgotten.js';
import { conversationKey, type Conversation } from './model/conversation.js';
import { atLeast } from './range.js';
import { keysOf, pointedTo } from './store/keys.js';
import type { Store } from './store/store.js';
import type { Trace } from './trace.js';

export interface ForgetConfig {
  /** Inboxes and outboxes: what waits there, and dead letters. Default: none. */
  readonly queues?: readonly { readonly forget: (conversation: Conversation) => Observable<number> }[];
  /** The stores of `dedupe`, `ownership`, `choiceBook`, `operatorSeat` and the state of `react`. Default: none. */
  readonly stores?: readonly Pick<Store, 'scan' | 'delete' | 'forget'>[];
  /** The ledgers of personas. Default: none. */
  readonly ledgers?: readonly { readonly forget: (target: string) => Observable<number> }[];
  /** What the ledgers know the person as. Default: the `conversationKey`, as `routeToFluidTalk` has it. */
  readonly targets?: readonly string[];
  /** Default: the books of the program, `accounts`. */
  readonly accounts?: Accounts;
  /** How long what is open may take to let go, in milliseconds. Default: 10 000. */
  readonly waitMs?: number;
  /** Clock of `waitMs`. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** What was forgotten. */
export interface Forgotten {
  /** Open deliveries of the conversation that were cancelled as `superseded`. */
  readonly cancelled: number;
  /** Of those, how many did not let go within `waitMs`: call it again when they have. */
  readonly stillOpen: number;
  /** Items and dead letters in queues. */
  readonly queued: number;
  /** Keys in stores. */
  readonly stored: number;
  /** Entries of ledgers. */
  readonly ledgered: number;
  /** Settled deliveries that `explain` knew. */
  readonly explained: number;
}

/**
 * Forgets one person's data: removes everything about a conversation from what is given, and emits how much that was.
 *
 *     forget(conversation, { queues: [inbox, outbox], stores: [store], ledgers: [ledger] })
 *       .subscribe(({ queued, stored }) => log(`${queued} messages, ${stored} records`));
 *
 * What waits in the queues goes first. What is open of the conversation in this process is cancelled then and ends
 * `superseded`: nothing more of it goes out, what went out stays out, and what is on its way to a platform has up to `waitMs`
 * to end. Stores and ledgers follow, what operators remember in memory (the state of `react`, the transcripts of `bridge`),
 * and `explain`. Nothing of another conversation is touched, however alike their ids. Who unsubscribed from follow-ups
 * (`followUpAfter`) stays so, and what keys of your own have is yours to remove, as `dedupe({ key })` writes them. A message that comes in meanwhile or later
 * is a new one.
 *
 * Cold; emits once and completes. Errors, all `ChatError`: those of the queues, stores and ledgers, after which calling it
 * again goes on. Unsubscribing stops where it is.
 *
 * @throws RangeError at the call, when `waitMs` is below 0.
 */
export function forget(conversation: Conversation, config: ForgetConfig = {}): Observable<Forgotten> {
  const { queues = [], stores = [], ledgers = [], accounts = programAccounts } = config;
  const { waitMs = 10_000, scheduler = asyncScheduler } = config;
  atLeast('forget: waitMs', waitMs, 0);
  const key = conversationKey(conversation);
  const { targets = [key] } = config;
  const inQueues = sum(queues.map((queue) => defer(() => queue.forget(conversation))));
  const inStores = sum(stores.map((store) => inStore(store, key)));
  const inLedgers = sum(ledgers.flatMap((ledger) => targets.map((target) => defer(() => ledger.forget(target)))));
  return inQueues.pipe(
    mergeMap((waiting) => letGo(accounts, key, waitMs, scheduler).pipe(map((open) => ({ ...open, waiting })))),
    // Whoever was at work may have put something into a queue as the last thing it did, and not be open any more by now.
    mergeMap(({ waiting, ...open }) => inQueues.pipe(map((late) => ({ ...open, queued: waiting + late })))),
    mergeMap((found) => inStores.pipe(map((stored) => ({ ...found, stored })))),
    mergeMap((found) => inLedgers.pipe(map((ledgered) => ({ ...found, ledgered })))),
    map((found) => {
      tellForgotten(key);
      const isTheirs = (other: Conversation): boolean => conversationKey(other) === key;
      return { ...found, explained: accounts.history.forget(isTheirs, openIn(accounts, key)) };
    }),
  );
}

const none = (): Observable<number> => defer(() => [0]);

/** One after the other, since what comes later may depend on what is gone. */
const sum = (counts: readonly Observable<number>[]): Observable<number> =>
  counts.reduce((before, count) => before.pipe(mergeMap((a) => count.pipe(map((b) => a + b)))), none());

/** Everything whose key is about the conversation, and what such keys point to. */
const inStore = (store: Pick<Store, 'scan' | 'delete' | 'forget'>, key: string): Observable<number> =>
  defer(() => store.scan(keysOf(key))).pipe(
    mergeMap((found) => {
      const elsewhere = found.flatMap(({ key: own }) => pointedTo(key, own) ?? []);
      // What a pointer leads to goes before it: who is stopped between them finds it again.
      return sum(elsewhere.map((other) => defer(() => store.delete(other)).pipe(map((wasThere) => Number(wasThere)))));
    }),
    mergeMap((removed) => store.forget(keysOf(key)).pipe(map((rest) => removed + rest))),
  );

const openIn = (accounts: Accounts, key: string): readonly Trace[] =>
  accounts.open().filter(({ conversation }) => conversation !== undefined && conversationKey(conversation) === key);

/** Cancels what is open of a conversation, and waits until that is settled. */
const letGo = (
  accounts: Accounts,
  key: string,
  waitMs: number,
  scheduler: SchedulerLike,
): Observable<Pick<Forgotten, 'cancelled' | 'stillOpen'>> =>
  new Observable((subscriber) => {
    const open = openIn(accounts, key);
    let stillOpen = open.length;
    const over = (): void => {
      subscriber.next({ cancelled: open.length, stillOpen });
      subscriber.complete();
    };
    const settled = (): void => {
      if (--stillOpen === 0) over();
    };
    if (stillOpen === 0) over();
    else subscriber.add(scheduler.schedule(over, waitMs));
    for (const trace of open) {
      trace.onSettled({ settled });
      trace.cancel('superseded');
    }
  });
