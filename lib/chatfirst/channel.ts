import { either as E } from 'fp-ts';
import type { SchedulerLike } from 'rxjs';
import type { Accounts, Counts } from '../accounts.js';
import {
  BAD,
  CLOSED,
  isJson,
  NOT_FOUND,
  sameText,
  TOO_LARGE,
  WRONG_TYPE,
  wrongMethod,
} from '../http-receiver/answer.js';
import { fetchHandler, type FetchHandler } from '../http-receiver/fetch-handler.js';
import { nodeHandler, type NodeHandler } from '../http-receiver/node-handler.js';
import { Receiver, type Incoming, type Protocol } from '../http-receiver/receiver.js';
import { mayRunAgain, type Channel } from '../model/index.js';
import { above } from '../range.js';
import { checkedMount } from './adapter.js';
import { decodePush, decodePushPath, type ChatfirstPushTarget } from './codec-push.js';
import { parseOutput, type ChatfirstTextEncoding } from './codec-output.js';

export interface ChatfirstChannelConfig {
  /** The user token, which the platform shows in the path of its pushes. */
  readonly token: string;
  /** Where `/{token}/{bot}/{user}` begins. Default: `/api/push`, as that of the public bridge. */
  readonly path?: string;
  /** The bots that are served. Default: all. */
  readonly bots?: readonly string[];
  /** Whether an id is of the form that the bridge gave its users; others are answered 400. Default: every one is. */
  readonly isUser?: (user: string) => boolean;
  /** How texts are written; not documented. Default: `plain`, as the public bridge takes them. */
  readonly texts?: ChatfirstTextEncoding;
  /** What the users sit at. Default: `custom`. */
  readonly channel?: Channel;
  /** How long an answer waits until its messages are settled, in milliseconds; then they count as accepted. Default: 10 000. */
  readonly answerMs?: number;
  /** Largest body, in bytes. Default: 262 144. */
  readonly maxBytes?: number;
  /** How long a body may take to arrive, in milliseconds. Default: 10 000. */
  readonly bodyTimeoutMs?: number;
  /** How many messages may be open before pushes are answered 503. Default: 10 000. */
  readonly maxInFlight?: number;
  /** The same for one user. Default: 100. */
  readonly maxPerConversation?: number;
  /** Makes ids for pushes that cannot be read. Default: a random beginning and a number. */
  readonly makeId?: () => string;
  /** Default: the books of the program, `accounts`. */
  readonly accounts?: Accounts;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** The receiving side of a bridge to a messenger: mount one of its handlers, and give it to `fromChatfirstChannel`. */
export interface ChatfirstChannel {
  /** For `http.createServer`, Express and whatever hands on Node's own request and response. */
  readonly node: NodeHandler;
  /** For servers that speak `Request` and `Response`. */
  readonly fetch: FetchHandler;
  /** As that of an adapter. */
  readonly drain: (deadlineMs: number) => Promise<Counts>;
}

const protocolOf = (config: ChatfirstChannelConfig, mount: string, maxBytes: number): Protocol<never> => {
  const { token, bots, isUser = () => true, texts, channel } = config;
  const targetOf = ({ url }: Incoming): ChatfirstPushTarget | undefined => {
    const target = decodePushPath(url, mount);
    // Compared first, whatever else is wrong.
    const isOurs = sameText(target?.userToken ?? '', token);
    return isOurs && (bots === undefined || bots.includes(target?.bot ?? '')) ? target : undefined;
  };
  return {
    gate: (request) => {
      const { method, header } = request;
      const target = targetOf(request);
      if (target === undefined) return NOT_FOUND;
      if (method !== 'POST') return wrongMethod('POST');
      if (!isUser(target.user)) return BAD;
      if (!isJson(header('content-type') ?? '')) return WRONG_TYPE;
      return Number(header('content-length') ?? 0) > maxBytes ? TOO_LARGE : undefined;
    },
    parse: parseOutput,
    receive: (body, request, { id, at }) => {
      const { bot = '', user = '' } = targetOf(request) ?? {};
      const arrival = { at, ...(channel !== undefined && { channel }) };
      const decoded = decodePush(body, { bot, user }, arrival, texts);
      if (E.isRight(decoded)) return { events: decoded.right };
      const conversation = { platform: 'chatfirst', account: bot, id: user, channel: channel ?? 'custom' };
      const problems = decoded.left.problems ?? [];
      return {
        refusal: BAD,
        told: { kind: 'undecodable', id, platform: 'chatfirst', conversation, at, problems, raw: body },
      };
    },
    answerOf: (_, traces) => {
      const again = ({ settled, outcome, touched }: (typeof traces)[number]): boolean =>
        settled && mayRunAgain(outcome ?? 'ignored', touched);
      return traces.length > 0 && traces.every(again) ? CLOSED : { status: 200, body: '' };
    },
  };
};

const receivers = new WeakMap<ChatfirstChannel, Receiver<never>>();

/** @internal */
export const channelReceiver = (channel: ChatfirstChannel): Receiver<never> => {
  const receiver = receivers.get(channel);
  if (receiver === undefined) throw new TypeError('make the channel with chatfirstChannel()');
  return receiver;
};

/**
 * The receiving side of a bridge from Chatfirst to a messenger of your own, as the public bridge to Spark has it
 * (`chatfirst/Channels.Spark`, read 2025-03-01). How the platform learns its address is not documented: ask its operator.
 *
 * Answers 200 when the messages are settled, or `answerMs` is over; 503 with `Retry-After` when they failed before anything
 * was delivered, when nobody is subscribed, or too much is open; 404 to a wrong token and other paths, 405 and 415 to other
 * methods and content types, 413 and 408 to bodies that are too large or too slow, and 400 to what is no push (an
 * `undecodable` event tells of it) and to users of a wrong form. Whether the platform repeats is not documented; the ids of
 * the messages are its own, so that `dedupe` knows them.
 *
 * @throws TypeError without a token, or when `path` is none; RangeError for a number out of range.
 */
export function chatfirstChannel(config: ChatfirstChannelConfig): ChatfirstChannel {
  const { token, path = '/api/push', answerMs = 10_000, maxBytes = 262_144, bodyTimeoutMs = 10_000 } = config;
  const { maxInFlight = 10_000, maxPerConversation = 100, makeId, accounts, scheduler } = config;
  if (typeof token !== 'string' || token === '') {
    throw new TypeError('chatfirstChannel: the token is empty, and everybody would know it');
  }
  above('chatfirstChannel: answerMs', answerMs, 0);
  const mount = checkedMount('chatfirstChannel: path', path);
  const receiver = new Receiver(
    {
      source: 'fromChatfirstChannel',
      noun: 'channel',
      caller: 'chatfirstChannel',
      account: 'chatfirst-channel',
      answerMs,
      maxBytes,
      bodyTimeoutMs,
      maxInFlight,
      maxPerConversation,
      makeId,
      accounts,
      scheduler,
    },
    protocolOf(config, mount, maxBytes),
  );
  const channel: ChatfirstChannel = {
    node: nodeHandler(receiver),
    fetch: fetchHandler(receiver),
    drain: async (deadlineMs) => receiver.drain(deadlineMs),
  };
  receivers.set(channel, receiver);
  return channel;
}
