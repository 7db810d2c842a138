import { asyncScheduler, Observable, Subject, type SchedulerLike } from 'rxjs';
import { accounts as programAccounts, type Accounts, type Counts } from '../lib/accounts.js';
import type { InboundEvent } from '../lib/model/index.js';
import { above, atLeast } from '../lib/range.js';
import { Inbox } from '../lib/rocketchat/inbox.js';
import { Inputs } from '../lib/rocketchat/inputs.js';
import type { RocketchatRooms } from '../lib/rocketchat/listing.js';
import type {
  RocketchatInbound,
  RocketchatPoll,
  RocketchatRealtime,
  RocketchatTrouble,
} from '../lib/rocketchat/source-rules.js';
import { hookOf, type RocketchatWebhookReceiver } from '../lib/rocketchat/webhook.js';

export interface FromRocketChatConfig {
  /**
   * The client that `toRocketChat` sends with. Needed by `realtime` and `poll`; to a webhook alone it tells who we are, and what
   * that turned away.
   */
  readonly client?: RocketchatInbound;
  /** An input: what the server posts, of `rocketchatWebhook`. */
  readonly webhook?: RocketchatWebhookReceiver;
  /** An input: what the server tells over its socket. Default: false. */
  readonly realtime?: boolean | RocketchatRealtime;
  /** An input: what the server answers when it is asked again and again. Default: false. */
  readonly poll?: boolean | RocketchatPoll;
  /**
   * Which rooms are told of: `ours`, which we serve or take part in; `queue`, these and those that wait; `all` that are told.
   * Who may not list all rooms is polled for those of the queue. Default: `all`.
   */
  readonly rooms?: RocketchatRooms;
  /** The id of the user, or visitor, that we are. Default: who the client logs in as. */
  readonly self?: string;
  /** What happened since then is told first, from history: ISO 8601, by the server's clock. Default: nothing. */
  readonly since?: string;
  /** Whether what we say comes too; `dropEcho` knows it. Default: false. */
  readonly echoes?: boolean;
  /** How long events wait for others of their room that happened before them, in milliseconds. Default: 100. */
  readonly reorderMs?: number;
  /** How many events wait so at most; where more would, the one that came first goes out at once. Default: 1 000. */
  readonly maxWaiting?: number;
  /** How far back behind what is known history is read, in milliseconds. Default: 5 000. */
  readonly overlapMs?: number;
  /** How many calls polling and gaps may make in a minute, besides what the server allows. Default: no limit. */
  readonly callsPerMinute?: number;
  /** How many events may be open before no more is taken. Default: 10 000. */
  readonly maxInFlight?: number;
  /** The same for one room. Default: 100. */
  readonly maxPerConversation?: number;
  /** How many events are known again when they come again, at least. Default: 10 000. */
  readonly remember?: number;
  /** Of how many rooms it is known what was told, at least. Default: 10 000. */
  readonly maxRooms?: number;
  /** Default: those of the webhook, else the books of the program, `accounts`. */
  readonly accounts?: Accounts;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

export interface RocketchatSource extends Observable<InboundEvent> {
  /** What the source goes on without: a gap that stays, rooms that could not be listed, streams that were refused. Hot. */
  readonly troubles$: Observable<RocketchatTrouble>;
  /**
   * Stops accepting, the webhook for good, completes, and resolves with the counts when all events are settled, or when
   * `deadlineMs` is over: `inFlight` says how many were not. Disconnect the client afterwards.
   */
  readonly drain: (deadlineMs: number) => Promise<Counts>;
}

/**
 * What happens in the rooms of LiveChat, as events, from any of three inputs. Each carries its account.
 *
 *     webhook   -m-----n-m-----|     the server posts m again
 *     realtime  --m-X-----o----|     X: the socket is cut, and makes good what it missed
 *     fromRocketChat({ client, webhook, realtime: true })
 *     events    -m-----n--o----|
 *
 * The same event through two of them is one, under the same id; what comes again is counted as `duplicate`, unless it failed
 * before anything of it was delivered. An edit is an event of its own, and so is all that becomes of a room: `started`, `other`
 * with the names `queued` and `forwarded`, `handoffTaken` (`membership` when we took it), `ended`. What we say is settled `ignored`.
 *
 * In a room events come in the order in which they happened, as far as they come within `reorderMs`, and among `maxWaiting`;
 * late ones are never left out. After the socket was lost, the rooms that missed something are read, and their events wait for that, those of other
 * rooms do not. Polling looks for rooms that were changed, and reads these.
 *
 * When too much is open, the webhook answers 503, and the server posts again; what comes over the socket is turned away. Both are
 * counted as `refused`, and read from history once half of the places are free, in order; without a client, what is posted again
 * comes later. Polling waits.
 *
 * Cold, for one subscriber: `share()` it for more, a second one gets an error. Keeps the connection. Completes when the client is
 * disconnected, or webhook or source are drained; never errors for what comes in. Errors when nobody can log in, with what the
 * client says.
 *
 * @throws TypeError at the call, without any input, when one needs a client, or client and webhook are of different accounts;
 * RangeError when a number or instant is out of range.
 */
export function fromRocketChat(config: FromRocketChatConfig): RocketchatSource {
  const { client, webhook, rooms = 'all', self, echoes = false, scheduler = asyncScheduler } = config;
  const { reorderMs = 100, maxWaiting = 1_000, overlapMs = 5_000, callsPerMinute = Infinity } = config;
  const { maxInFlight = 10_000, maxPerConversation = 100, remember = 10_000, maxRooms = 10_000 } = config;
  const realtime = config.realtime === true ? {} : config.realtime === false ? undefined : config.realtime;
  const poll = config.poll === true ? {} : config.poll === false ? undefined : config.poll;
  const since = config.since === undefined ? undefined : Date.parse(config.since);
  if (webhook === undefined && realtime === undefined && poll === undefined)
    throw new TypeError('fromRocketChat: one of webhook, realtime and poll is needed');
  if (client === undefined && (realtime !== undefined || poll !== undefined))
    throw new TypeError('fromRocketChat: realtime and poll need a client');
  if (Number.isNaN(since)) throw new RangeError('fromRocketChat: since must be an ISO 8601 instant');
  atLeast('fromRocketChat: reorderMs', reorderMs, 0);
  atLeast('fromRocketChat: maxWaiting', maxWaiting, 1);
  atLeast('fromRocketChat: overlapMs', overlapMs, 0);
  atLeast('fromRocketChat: callsPerMinute', callsPerMinute, 1);
  atLeast('fromRocketChat: maxInFlight', maxInFlight, 1);
  atLeast('fromRocketChat: maxPerConversation', maxPerConversation, 1);
  atLeast('fromRocketChat: remember', remember, 1);
  atLeast('fromRocketChat: maxRooms', maxRooms, 1);
  above('fromRocketChat: everyMs', poll?.everyMs ?? 1, 0);
  const hook = webhook === undefined ? undefined : hookOf(webhook);
  const name = client === undefined ? hook?.name : client.account;
  if (hook !== undefined && hook.name !== name)
    throw new TypeError('fromRocketChat: client and webhook must be of the same account');
  const { accounts = programAccounts } = config;
  const account = hook?.account ?? accounts.of(name === undefined ? 'rocketchat' : `rocketchat:${name}`);

  const bounds = { maxInFlight, maxPerConversation, remember, maxRooms, reorderMs, maxWaiting, overlapMs };
  const inbox = new Inbox({ account, echoes, ...bounds, scheduler });
  const troubles = new Subject<RocketchatTrouble>();
  const rules = { client, hook, realtime, poll, rooms, self, account: name, since };
  let inputs: Inputs | undefined;
  let isDraining = false;
  const events = new Observable<InboundEvent>((subscriber) => {
    if (inbox.isListened) {
      subscriber.error(new Error('fromRocketChat: this source has a subscriber already; share() the stream'));
      return undefined;
    }
    if (isDraining) {
      subscriber.complete();
      return undefined;
    }
    inbox.listen(subscriber);
    const running = new Inputs({ ...rules, overlapMs, callsPerMinute, scheduler }, inbox, subscriber, troubles);
    inputs = running;
    return () => {
      running.stop();
      inbox.close(false);
    };
  });
  return Object.assign(events, {
    troubles$: troubles.asObservable(),
    drain: async (deadlineMs: number) => {
      atLeast('fromRocketChat: deadlineMs', deadlineMs, 0);
      isDraining = true;
      inputs?.complete();
      return hook === undefined ? account.accounts.drain(deadlineMs, account) : hook.receiver.drain(deadlineMs);
    },
  });
}
