import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import {
  asyncScheduler,
  catchError,
  map,
  Observable,
  Subject,
  type ObservableInput,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { adapterReceiver, type ChatfirstAdapter } from '../lib/chatfirst/adapter.js';
import type { ChatfirstClient } from '../lib/chatfirst/client.js';
import { encodeAction } from '../lib/chatfirst/codec-action.js';
import type { ChatfirstResponse, ChatfirstStates } from '../lib/chatfirst/model.js';
import { consume } from '../lib/consume.js';
import { toChatError } from '../lib/errors.js';
import type { Exchange } from '../lib/http-receiver/exchange.js';
import type { Receiver } from '../lib/http-receiver/receiver.js';
import { isoClock } from '../lib/iso-clock.js';
import {
  conversationKey,
  delivered,
  outcomeOf,
  skipped,
  touches,
  type OutboundAction,
  type Receipt,
} from '../lib/model/index.js';
import { traceOf, type Holder } from '../lib/trace.js';
import { deliver } from '../operators/deliver.js';
import type { Ownership } from '../operators/ownership.js';
import { canAsk, ParkedAction } from './parked-action.js';

export interface ToChatfirstConfig {
  /** Pushes what no open call can take. Default: nothing is pushed. */
  readonly client?: Pick<ChatfirstClient, 'push'> & Partial<Pick<ChatfirstClient, 'broadcast'>>;
  /** The adapter whose open calls take actions as their answer. Default: everything is pushed. */
  readonly adapter?: ChatfirstAdapter;
  /** The bot whose users a conversation without an `account` belongs to. Default: none. */
  readonly bot?: string;
  /** Which states of the scenario `handoff` and `end` are. Default: they are `skipped: unsupported`. */
  readonly states?: ChatfirstStates;
  /** Whether the platform action `broadcast` is sent: it reaches every user of the bot in a channel. Default: false. */
  readonly allowBroadcast?: boolean;
  /** Who answers, asked immediately before an action goes out: what somebody else's conversation is not to see is `skipped: muted`. */
  readonly desk?: Ownership;
  /** How many users are pushed to at once. Default: 32. */
  readonly concurrency?: number;
  /** How many actions may wait to be pushed; what comes beyond is `skipped: shed`. Default: 100 000. */
  readonly maxQueued?: number;
  /** Clock of the receipts. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * Says what a scenario's users are to see: as the answer of the adapter call that is open for the user, else by a push to
 * their messenger. In order for each user, who never waits for another.
 *
 *     actions   -A-a-B---------|      A, a: one user; B: another
 *     pushes      --r|
 *                   --r|
 *                     --r|
 *     receipts  ---R-RR--------|
 *
 * A conversation names the bot by its `account`, the user by its `id` and the messenger by its `channel`. See `encodeAction`
 * for what becomes of an action; one answer has its texts first, then its pictures and buttons. The platform action
 * `broadcast` with the payload `{ text }` goes to every user of the bot in the channel, if `allowBroadcast`, one at a time.
 *
 * What must be pushed waits until an answer that has something before it is out; a handoff where the desk is asked over a network
 * is pushed, and has the answer go out at once.
 *
 * A receipt is `delivered` when the platform took the push, or with `via` `direct` when the answer was handed to the socket;
 * `unknown` when nobody knows, which is never repeated: there are no keys, and users would see it twice; `skipped: expired`
 * when the call has been answered already and nothing can be pushed, because there is no client or the messenger is not known.
 *
 * Completes when the source has completed and every action has its receipt. Errors: those of the source. Unsubscribing aborts
 * the pushes, which are in doubt then.
 *
 * @throws TypeError at the call, without both client and adapter; RangeError when a number of the config is out of range.
 */
export function toChatfirst(config: ToChatfirstConfig): OperatorFunction<OutboundAction, Receipt> {
  const { client, adapter, desk, concurrency = 32, maxQueued, scheduler = asyncScheduler } = config;
  if (client === undefined && adapter === undefined) throw new TypeError('toChatfirst: needs a client or an adapter');
  const now = isoClock(scheduler);
  const push = deliver(
    {
      name: 'toChatfirst',
      key: laneOf,
      concurrency,
      scheduler,
      ...(desk !== undefined && { desk }),
      ...(maxQueued !== undefined && { maxQueued }),
    },
    (action) => pushed(action, config, now),
  );
  return adapter === undefined ? push : answering(adapterReceiver(adapter), push, config, now);
}

/** Broadcasts of a bot wait for each other, and for nobody else. */
const laneOf = (action: OutboundAction): string => {
  const { conversation } = action;
  if (!isBroadcast(action)) return conversationKey(conversation);
  return `broadcast:${conversationKey({ ...conversation, id: conversation.channel })}`;
};

const isBroadcast = (action: OutboundAction): boolean => action.kind === 'platform' && action.name === 'broadcast';
const Broadcast = t.type({ text: t.string });

const pushed = (
  action: OutboundAction,
  { client, bot: usual, states, allowBroadcast = false }: ToChatfirstConfig,
  now: () => string,
): Receipt | ObservableInput<Receipt> => {
  const { conversation } = action;
  const { platform, account: bot = usual, channel, id: user } = conversation;
  const skip = (sentence: string): Receipt => skipped(action, now(), 'unsupported', sentence);
  const sent = (call: Observable<void>): Observable<Receipt> =>
    call.pipe(
      map(() => delivered(action, now(), [], 'api')),
      catchError((thrown: unknown) => {
        const error = toChatError('chatfirst', thrown);
        // Refused before the wire.
        if (error.inDoubt || (error.kind !== 'unsupported' && error.kind !== 'overflow')) throw error;
        return [skip(error.message)];
      }),
    );
  if (platform !== 'chatfirst') return skip(`chatfirst: a conversation of ${platform} is none of ours`);
  if (isBroadcast(action) && action.kind === 'platform') {
    if (!allowBroadcast) return skip('chatfirst: a broadcast reaches everybody, and is not allowed here');
    const { payload } = action;
    if (client?.broadcast === undefined) return skip('chatfirst: a broadcast needs a client');
    if (!Broadcast.is(payload) || bot === undefined) return skip('chatfirst: a broadcast needs a bot and { text }');
    return sent(client.broadcast(bot, channel, payload.text, { confirm: true }));
  }
  const encoded = encodeAction(action, states);
  if (E.isLeft(encoded)) return skip(encoded.left.message);
  if (client === undefined || channel === 'unknown') {
    return skipped(action, now(), 'expired', 'the call is answered, and nobody knows where to push to');
  }
  if (bot === undefined) return skip('chatfirst: a push needs the bot, as the account of the conversation');
  return sent(client.push(bot, { channel, user }, encoded.right));
};

/** What of a user is in an answer that is not out yet, and what must not overtake it. */
interface Answering {
  readonly exchange: Exchange<ChatfirstResponse>;
  left: number;
  readonly behind: { readonly action: OutboundAction; readonly holder: Holder }[];
}

/** Parks what an open call can take, and pushes the rest. */
const answering =
  (
    receiver: Receiver<ChatfirstResponse>,
    push: OperatorFunction<OutboundAction, Receipt>,
    { desk, states }: ToChatfirstConfig,
    now: () => string,
  ): OperatorFunction<OutboundAction, Receipt> =>
  (source) =>
    new Observable<Receipt>((subscriber) => {
      const pushes = new Subject<OutboundAction>();
      /** How many pushes of a user are not done: what comes behind them must not overtake them. */
      const onTheirWay = new Map<string, number>();
      /** What of a user is in an answer that is not out. */
      const answers = new Map<string, Answering>();
      let waiting = 0;
      let completed = false;

      const completeWhenIdle = (): void => {
        if (completed && waiting === 0) pushes.complete();
      };
      const receive = (parked: ParkedAction<ChatfirstResponse>, receipt: Receipt): void => {
        if (touches(receipt)) parked.trace?.touch();
        waiting--;
        subscriber.next(receipt);
        parked.trace?.release(parked, outcomeOf(receipt));
        const key = conversationKey(parked.action.conversation);
        const answering = answers.get(key);
        if (answering !== undefined && --answering.left === 0) {
          answers.delete(key);
          for (const { action, holder } of answering.behind.splice(0)) {
            const trace = traceOf(action);
            if (subscriber.closed) trace?.release(holder, 'failed', 'unsubscribed');
            else {
              send(action, key);
              trace?.release(holder);
            }
          }
        }
        completeWhenIdle();
      };
      const send = (action: OutboundAction, key: string): void => {
        const trace = traceOf(action);
        const exchange = receiver.exchangeOf(key);
        const answering = answers.get(key);
        const encoded = isBroadcast(action) || trace?.cancelled === true ? undefined : encodeAction(action, states);
        if (encoded !== undefined && E.isRight(encoded)) {
          const isOpen = answering?.exchange === exchange;
          const isNext = answering === undefined || (isOpen && answering.behind.length === 0);
          if (exchange !== undefined && isNext && !onTheirWay.has(key) && canAsk(desk, action)) {
            waiting++;
            if (answering === undefined) answers.set(key, { exchange, left: 1, behind: [] });
            else answering.left++;
            exchange.park(new ParkedAction('toChatfirst', action, encoded.right, exchange, desk, now, receive));
            return;
          }
          if (answering !== undefined) {
            // Its own call has no more to wait for; that of a later event may take it when its turn comes.
            const holder: Holder = { name: 'toChatfirst', passive: isOpen };
            trace?.hold(holder);
            answering.behind.push({ action, holder });
            if (isOpen) exchange?.answer();
            return;
          }
        }
        onTheirWay.set(key, (onTheirWay.get(key) ?? 0) + 1);
        pushes.next(action);
      };
      subscriber.add(
        push(pushes).subscribe({
          next: (receipt) => {
            const key = conversationKey(receipt.action.conversation);
            const left = (onTheirWay.get(key) ?? 1) - 1;
            if (left === 0) onTheirWay.delete(key);
            else onTheirWay.set(key, left);
            subscriber.next(receipt);
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
        for (const { behind } of answers.values()) {
          for (const { action, holder } of behind.splice(0)) {
            traceOf(action)?.release(holder, 'failed', 'unsubscribed');
          }
        }
      });
      consume(source, subscriber, {
        next: (action) => {
          const { conversation } = action;
          const trace = traceOf(action);
          const key = trace?.keyOf(conversation) ?? conversationKey(conversation);
          send(action, key);
        },
        complete: () => {
          completed = true;
          completeWhenIdle();
        },
      });
    });
