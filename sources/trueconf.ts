import { asyncScheduler, Observable, type SchedulerLike } from 'rxjs';
import { accounts as programAccounts, type Accounts, type Counts } from '../lib/accounts.js';
import type { InboundEvent } from '../lib/model/index.js';
import { above, atLeast } from '../lib/range.js';
import { Inbox, type TrueconfInbound } from '../lib/trueconf/inbox.js';

export interface FromTrueConfConfig {
  /** The client that `toTrueConf` sends with: both share its connection. */
  readonly client: TrueconfInbound;
  /**
   * When a message is acknowledged, which shows it as read. `accepted`: at once, when the event has its account. `settled`:
   * when its outcome is known, so that what was on its way when the program died comes again; for this the client needs
   * `receiveUnread`. Default: `accepted`.
   */
  readonly acknowledge?: 'accepted' | 'settled';
  /**
   * Joins what people write with a file to the file: servers send it as a message of its own in front. Every text waits so
   * long for one. Default: apart, as they come.
   */
  readonly joinFiles?: {
    /** How soon the file follows its text, in milliseconds. Default: 300. */
    readonly withinMs?: number;
  };
  /** Whether what the bot did itself, through another connection, comes too; `dropEcho` knows it. Default: false. */
  readonly echoes?: boolean;
  /** How many events may be open before no more is taken. Default: 10 000. */
  readonly maxInFlight?: number;
  /** The same for one chat. Default: 100. */
  readonly maxPerConversation?: number;
  /** How many messages are known again when they come again, at least. Default: 10 000. */
  readonly remember?: number;
  /** How long reading pauses at most when too much is open, in milliseconds: servers cut who is silent. Default: 3 000. */
  readonly pauseMs?: number;
  /**
   * How long after the pressure is gone the connection is made anew for what was not taken, in milliseconds; twice as
   * long each time, up to eight times. Default: 1 000.
   */
  readonly redeliverMs?: number;
  /** Default: the books of the program, `accounts`. */
  readonly accounts?: Accounts;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

export interface TrueconfSource extends Observable<InboundEvent> {
  /**
   * Stops accepting, completes, and resolves with the counts of the bot when all events are settled and acknowledged, or when
   * `deadlineMs` is over: `inFlight` says how many were not. The connection stays until then; close the client afterwards.
   */
  readonly drain: (deadlineMs: number) => Promise<Counts>;
}

/**
 * What the server tells a TrueConf bot, as events. Each carries its account.
 *
 *     server  -m-----m---n-|     m: a message, which comes again; n: another
 *             fromTrueConf({ client })
 *     events  -m---------n-|
 *
 * A message is acknowledged on the socket that brought it, once it is taken; until then it stays unread. One that comes
 * again, over whichever connection, is acknowledged and counted as `duplicate`, never emitted twice: unless it was turned
 * away, shed, or failed before anything of it was delivered. What the bot did itself is settled `ignored`.
 *
 * When too much is open, reading pauses for up to `pauseMs`, and as long as a call does not wait for its answer. What comes
 * all the same is turned away, and counted as `refused`. With `receiveUnread`, it comes again, in its order in the chat: the
 * connection is made anew for it when half of the places are free, or when somebody subscribes anew. Without, it is lost to
 * the bot, and so is what was said while the connection was down. What is no message is acknowledged by the client and never
 * comes again: it goes before.
 *
 * Cold, for one subscriber: `share()` it for more, a second one gets an error. Keeps the connection. Completes when the
 * client is closed, or the source drained; never errors for what comes in. Errors when the client gives up, with what its
 * `status$` says; subscribe again when there is another password or token.
 *
 * @throws RangeError at the call, when a number of the config is out of range; TypeError when acknowledgements are to wait and
 * the client was made without `receiveUnread`.
 */
export function fromTrueConf(config: FromTrueConfConfig): TrueconfSource {
  const { client, acknowledge = 'accepted', joinFiles, echoes = false } = config;
  const { maxInFlight = 10_000, maxPerConversation = 100, remember = 10_000 } = config;
  const { pauseMs = 3_000, redeliverMs = 1_000, accounts = programAccounts, scheduler = asyncScheduler } = config;
  const joinMs = joinFiles === undefined ? undefined : (joinFiles.withinMs ?? 300);
  atLeast('fromTrueConf: maxInFlight', maxInFlight, 1);
  atLeast('fromTrueConf: maxPerConversation', maxPerConversation, 1);
  atLeast('fromTrueConf: remember', remember, 1);
  above('fromTrueConf: pauseMs', pauseMs, 0);
  above('fromTrueConf: redeliverMs', redeliverMs, 0);
  if (joinMs !== undefined) above('fromTrueConf: withinMs', joinMs, 0);
  if (acknowledge === 'settled' && !client.receivesUnread) {
    throw new TypeError(
      'fromTrueConf: acknowledgements that wait need a client with receiveUnread: true, or what is lost never comes again',
    );
  }
  const account = accounts.of(client.account === undefined ? 'trueconf' : `trueconf:${client.account}`);
  const limits = { maxInFlight, maxPerConversation, remember, pauseMs, redeliverMs };
  const inbox = new Inbox({ client, account, acknowledge, echoes, joinMs, ...limits, scheduler });
  const events = new Observable<InboundEvent>((subscriber) => {
    inbox.listen(subscriber);
  });
  return Object.assign(events, { drain: async (deadlineMs: number) => inbox.drain(deadlineMs) });
}
