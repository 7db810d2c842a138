import { asyncScheduler, defer, map, mergeMap, type Observable, type SchedulerLike } from 'rxjs';
import { inTurn, nothing } from '../lib/in-turn.js';
import { conversationKey, type Conversation, type Json } from '../lib/model/index.js';
import { above, atLeast } from '../lib/range.js';
import { memoryStore } from '../lib/store/memory-store.js';
import { pointerTo } from '../lib/store/keys.js';
import { hasShape, recordIn } from '../lib/store/record.js';
import type { Revision, Store, Stored } from '../lib/store/store.js';

export interface OperatorSeatConfig {
  /** The operators' chat, on whatever platform: with its `account`, where its events have one. */
  readonly conversation: Conversation;
  /** Where it is kept what stands for whom, so that a restart does not forget it. Default: in memory. */
  readonly store?: Store;
  /** How long a conversation stays open after its last message, in milliseconds; as `ownership` has it. Default: 24 hours. */
  readonly idleMs?: number;
  /** How long it is known what a message stands for, in milliseconds. Default: 7 days. */
  readonly messageTtlMs?: number;
  /**
   * How many messages are known in memory, the customers' and the operators' each counted; beyond it, the one that was
   * written longest ago is not. A `store` has its own bound. Default: 100 000.
   */
  readonly maxMessages?: number;
  /** Sets several in one store apart. Default: the key of the operators' chat. */
  readonly name?: string;
  /** Clock of the times where no store is given. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** Who wrote a message that the other side has a copy of. */
export type SeatAuthor = 'customer' | 'operator';

/** What a message on one side stands for. */
export interface SeatLink {
  readonly customer: Conversation;
  readonly by: SeatAuthor;
  /** The messages on the other side that say the same, by their ids. */
  readonly messageIds: readonly string[];
}

/** A conversation that the operators have. */
export interface SeatTalk {
  readonly customer: Conversation;
  /** Id of the first message in the operators' chat that stands for it, and is not an operator's. */
  readonly heading?: string;
}

/**
 * Which message in an operators' chat stands for which customer, and for which of their messages. All Observables are cold,
 * emit once and complete; with a store that answers at once they emit at once. Errors: those of the store.
 */
export interface OperatorSeat {
  /** The operators' chat. */
  readonly conversation: Conversation;
  /**
   * From now on the operators have this conversation, and these messages in their chat stand for it: who answers one of
   * them, answers the customer. The first that is ever given is its heading.
   */
  link(messageIds: readonly string[], customer: Conversation): Observable<void>;
  /**
   * These messages in the operators' chat and those of the customer say the same, and `by` wrote them. Opens nothing: the
   * conversation may be over by now.
   */
  pair(
    messageIds: readonly string[],
    customer: Conversation,
    theirs: readonly string[],
    by: SeatAuthor,
  ): Observable<void>;
  /** What a message in the operators' chat stands for; nothing when it is not known, or its conversation is not open. */
  linkOf(messageId: string): Observable<SeatLink | undefined>;
  /** What stands in the operators' chat for a message of the customer's conversation, if that is known. */
  copiesOf(customer: Conversation, messageId: string): Observable<SeatLink | undefined>;
  /** The conversation, if the operators have it. */
  talkOf(customer: Conversation): Observable<SeatTalk | undefined>;
  /** All that the operators have. */
  talks(): Observable<readonly SeatTalk[]>;
  /** The operators do not have it any more. */
  forget(customer: Conversation): Observable<void>;
}

/** Version of the records' shape. */
const SHAPE = 1;
/** How many messages one stands for: the parts of what was said, and its corrections. */
const MAX_PARTS = 100;

/** A `Conversation` as JSON. */
type Customer = {
  readonly platform: string;
  readonly account?: string;
  readonly id: string;
  readonly channel: string;
};
type TalkRecord = { readonly shape: typeof SHAPE; readonly customer: Customer; readonly heading?: string };
type LinkRecord = {
  readonly shape: typeof SHAPE;
  readonly customer: Customer;
  readonly by: SeatAuthor;
  readonly ids: readonly string[];
};

const isText = (value: unknown): value is string => typeof value === 'string';
const isCustomer = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  const { platform, account = '', id, channel } = value as Readonly<Record<string, unknown>>;
  return [platform, account, id, channel].every(isText);
};
const isTalk = (value: Json): value is TalkRecord => {
  if (!hasShape(value, SHAPE)) return false;
  const { customer, heading = '' } = value;
  return isCustomer(customer) && isText(heading);
};
const isLink = (value: Json): value is LinkRecord => {
  if (!hasShape(value, SHAPE)) return false;
  const { customer, by, ids } = value;
  return isCustomer(customer) && (by === 'customer' || by === 'operator') && Array.isArray(ids) && ids.every(isText);
};
const talkIn = (stored: Stored | undefined): TalkRecord | undefined => recordIn(stored, 'operatorSeat', isTalk);
const linkIn = (stored: Stored | undefined): LinkRecord | undefined => recordIn(stored, 'operatorSeat', isLink);

const plain = ({ platform, account, id, channel }: Conversation): Customer =>
  account === undefined ? { platform, id, channel } : { platform, account, id, channel };

/**
 * The operators' side of handed-off conversations, made once and given to `bridge` and to what hands over.
 *
 *     const seat = operatorSeat({ conversation: { platform: 'trueconf', id: chatId, channel: 'trueconf' } })
 *     events.pipe(bridge({ desk, seat }, bot), toPlatforms({ … }))
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function operatorSeat(config: OperatorSeatConfig): OperatorSeat {
  const { conversation, idleMs = 86_400_000, messageTtlMs = 7 * 86_400_000, scheduler = asyncScheduler } = config;
  const { maxMessages = 100_000, name = conversationKey(conversation) } = config;
  above('operatorSeat: idleMs', idleMs, 0);
  above('operatorSeat: messageTtlMs', messageTtlMs, 0);
  atLeast('operatorSeat: maxMessages', maxMessages, 1);
  // Apart, so that many messages never drive out a conversation.
  const talks = config.store ?? memoryStore({ scheduler });
  const links = config.store ?? memoryStore({ maxEntries: maxMessages, whenFull: 'evict', scheduler });
  // With its length, so that no name is the beginning of another.
  const prefix = `seat/${name.length}/${name}`;
  const talkKey = (customer: Conversation): string => `${prefix}/talk/${conversationKey(customer)}`;
  const ownKey = (messageId: string): string => `${prefix}/chat/${messageId}`;
  const theirKey = (customer: Conversation, messageId: string): string =>
    `${prefix}/customer/${messageId.length}/${messageId}/${conversationKey(customer)}`;

  const talkAt = (customer: Conversation): Observable<TalkRecord | undefined> =>
    defer(() => talks.get(talkKey(customer))).pipe(map(talkIn));
  const linkAt = (key: string): Observable<LinkRecord | undefined> => defer(() => links.get(key)).pipe(map(linkIn));

  /**
   * Writes what is about a customer under a key that does not begin with theirs; in a store of the caller's, a key that does
   * points to it from before on.
   */
  const put = (
    store: Store,
    key: string,
    stored: Stored | undefined,
    record: TalkRecord | LinkRecord,
    ttlMs: number,
  ): Observable<Revision | undefined> =>
    (
      config.store?.put(pointerTo(conversationKey(record.customer), key), { shape: SHAPE }, { ttlMs }) ?? nothing()
    ).pipe(mergeMap(() => store.put(key, record, { if: stored?.revision ?? 'absent', ttlMs })));
  /** Adds to what a message stands for; whoever wrote in between is read again. */
  const add = (key: string, customer: Customer, by: SeatAuthor, ids: readonly string[]): Observable<unknown> =>
    defer(() => links.get(key)).pipe(
      mergeMap((stored) => {
        const before = linkIn(stored);
        const all = [...new Set([...(before?.ids ?? []), ...ids])].slice(-MAX_PARTS);
        return put(links, key, stored, { shape: SHAPE, customer, by: before?.by ?? by, ids: all }, messageTtlMs);
      }),
      mergeMap((revision) => (revision === undefined ? add(key, customer, by, ids) : [revision])),
    );
  /** Keeps it open from now on; `heading` is taken if there is none. */
  const keepOpen = (customer: Customer, heading: string | undefined, opens: boolean): Observable<unknown> =>
    defer(() => talks.get(talkKey(customer))).pipe(
      mergeMap((stored): Observable<unknown> | readonly unknown[] => {
        if (stored === undefined && !opens) return [0];
        const first = talkIn(stored)?.heading ?? heading;
        const record: TalkRecord =
          first === undefined ? { shape: SHAPE, customer } : { shape: SHAPE, customer, heading: first };
        return put(talks, talkKey(customer), stored, record, idleMs);
      }),
      mergeMap((done) => (done === undefined ? keepOpen(customer, heading, opens) : [done])),
    );
  const write = (
    own: readonly string[],
    customer: Customer,
    theirs: readonly string[],
    by: SeatAuthor,
    opens: boolean,
  ): Observable<void> =>
    inTurn([
      keepOpen(customer, by === 'customer' ? own[0] : undefined, opens),
      ...own.map((id) => add(ownKey(id), customer, by, theirs)),
      ...theirs.map((id) => add(theirKey(customer, id), customer, by, own)),
    ]);

  return {
    conversation,
    link: (messageIds, customer) => write(messageIds, plain(customer), [], 'customer', true),
    pair: (messageIds, customer, theirs, by) => write(messageIds, plain(customer), theirs, by, false),
    linkOf: (messageId) =>
      linkAt(ownKey(messageId)).pipe(
        mergeMap((link) =>
          link === undefined ? nothing() : talkAt(link.customer).pipe(map((talk) => talk && linkOut(link))),
        ),
      ),
    copiesOf: (customer, messageId) => linkAt(theirKey(customer, messageId)).pipe(map((link) => link && linkOut(link))),
    talkOf: (customer) => talkAt(customer).pipe(map((talk) => talk && talkOut(talk))),
    talks: () =>
      defer(() => talks.scan(`${prefix}/talk/`)).pipe(
        map((found) => found.flatMap((stored) => talkIn(stored) ?? []).map(talkOut)),
      ),
    forget: (customer) => defer(() => talks.delete(talkKey(customer))).pipe(map(() => undefined)),
  };
}

const talkOut = ({ customer, heading }: TalkRecord): SeatTalk =>
  heading === undefined ? { customer } : { customer, heading };
const linkOut = ({ customer, by, ids }: LinkRecord): SeatLink => ({ customer, by, messageIds: ids });
