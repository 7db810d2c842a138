import { either as E } from 'fp-ts';
import type { SchedulerLike } from 'rxjs';
import type { Accounts, Counts } from '../accounts.js';
import { BAD, CLOSED, type Answer } from '../http-receiver/answer.js';
import { fetchHandler, type FetchHandler } from '../http-receiver/fetch-handler.js';
import { nodeHandler, type NodeHandler } from '../http-receiver/node-handler.js';
import { Receiver, type Arrival, type Protocol, type Received } from '../http-receiver/receiver.js';
import { mayRunAgain } from '../model/index.js';
import type { Trace } from '../trace.js';
import { decodeWebhook } from './decode.js';
import { encodeBody, listOrder } from './encode.js';
import { refusalOf } from './gate.js';
import type { WireEvent } from './wire.js';

export interface UserlikeWebhookConfig {
  /** The webhook headers of the bot's settings: every one must be there with this value. */
  readonly headers: Readonly<Record<string, string>>;
  /** Names the bot, when a program serves several. */
  readonly account?: string;
  /** How long an answer may wait for actions, in milliseconds; what comes later goes by the API URL. Default: 3 000. */
  readonly directAnswerMs?: number;
  /** Largest body, in bytes. Default: 1 MiB. */
  readonly maxBytes?: number;
  /** How long a body may take to arrive, in milliseconds. Default: 10 000. */
  readonly bodyTimeoutMs?: number;
  /** How many deliveries may be open before requests are answered 503. Default: 10 000. */
  readonly maxInFlight?: number;
  /** The same for one session. Default: 100. */
  readonly maxPerConversation?: number;
  /** Whether one event is answered as a list too. Default: false. */
  readonly alwaysList?: boolean;
  /** Makes ids for events, since the wire has none. Default: a random beginning and a number. */
  readonly makeId?: () => string;
  /** Default: the books of the program, `accounts`. */
  readonly accounts?: Accounts;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** The webhook of a Userlike bot: mount one of its handlers, and give it to `fromUserlike` and `toUserlike`. */
export interface UserlikeWebhook {
  /** For `http.createServer`, Express and whatever hands on Node's own request and response. */
  readonly node: NodeHandler;
  /** For servers that speak `Request` and `Response`. */
  readonly fetch: FetchHandler;
  /**
   * Stops accepting, answers what is open, completes the source, and resolves with its counts when all deliveries are
   * settled, or when `deadlineMs` is over: `inFlight` says how many were not.
   */
  readonly drain: (deadlineMs: number) => Promise<Counts>;
}

/** @internal What an action adds to an answer. */
export type WireEvents = readonly WireEvent[];

/** A program without types may forget them. */
const headersOf = ({ headers }: Partial<UserlikeWebhookConfig>): readonly (readonly [string, string])[] =>
  Object.entries(headers ?? {});

const protocolOf = (config: UserlikeWebhookConfig, maxBytes: number): Protocol<WireEvents> => {
  const { account, alwaysList = false } = config;
  const expected = headersOf(config).map(([name, value]) => [name.toLowerCase(), value] as const);
  if (expected.length === 0) throw new TypeError('userlikeWebhook: at least one secret header is needed');
  if (expected.some(([, value]) => typeof value !== 'string' || value === '')) {
    throw new TypeError('userlikeWebhook: a secret header is empty, and everybody would know it');
  }
  const receive = (body: unknown, { id, at }: Arrival): Received => {
    const decoded = decodeWebhook(body, { id, at, ...(account !== undefined && { account }) });
    if (E.isRight(decoded)) return { events: decoded.right };
    const conversation = {
      platform: 'userlike',
      id: '',
      channel: 'unknown',
      ...(account !== undefined && { account }),
    };
    const problems = decoded.left.problems ?? [];
    return {
      refusal: BAD,
      told: { kind: 'undecodable', id, platform: 'userlike', conversation, at, problems, raw: body },
    };
  };
  const comesAgain = (traces: readonly Trace[]): Answer | undefined => {
    const again =
      traces.length > 0 &&
      traces.every(({ settled, outcome, touched }) => settled && mayRunAgain(outcome ?? 'ignored', touched));
    return again ? CLOSED : undefined;
  };
  const answerOf = (parked: readonly WireEvents[]): Answer => {
    const [only] = parked;
    const events = only !== undefined && parked.length === 1 ? only : parked.flat();
    return { status: 200, body: encodeBody(listOrder(events), alwaysList) };
  };
  return {
    gate: (request) => refusalOf(request, expected, maxBytes),
    parse: (text) => JSON.parse(text) as unknown,
    receive: (body, _, arrival) => receive(body, arrival),
    answerOf,
    refusalOf: comesAgain,
  };
};

const receivers = new WeakMap<UserlikeWebhook, Receiver<WireEvents>>();

/** @internal */
export const receiverOf = (webhook: UserlikeWebhook): Receiver<WireEvents> => {
  const receiver = receivers.get(webhook);
  if (receiver === undefined) throw new TypeError('make the webhook with userlikeWebhook()');
  return receiver;
};

/**
 * The webhook of a Userlike bot, https://www.userlike.com/en/public/tutorial/um/api/chatbots (read 2025-03-01).
 *
 * Answers 401 when a header is wrong or missing, 405 and 415 for other methods and content types, 413 and 408 for bodies
 * that are too large or too slow, 400 for what is no webhook request (an `undecodable` event tells of it), and 503 with
 * `Retry-After` when nobody is subscribed or too much is open: nothing was accepted then, and the account counts it as
 * `refused`. Userlike documents no repetition. What fails before anything was delivered is answered 503 too, as long as
 * the request is open.
 *
 * @throws TypeError without headers, or when one is empty; RangeError for a number out of range.
 */
export function userlikeWebhook(config: UserlikeWebhookConfig): UserlikeWebhook {
  const { account, maxBytes = 1_048_576, bodyTimeoutMs = 10_000, directAnswerMs = 3_000 } = config;
  const { maxInFlight = 10_000, maxPerConversation = 100, makeId, accounts, scheduler } = config;
  const receiver = new Receiver(
    {
      source: 'fromUserlike',
      noun: 'webhook',
      caller: 'userlikeWebhook',
      account: account === undefined ? 'userlike' : `userlike:${account}`,
      answerMs: directAnswerMs,
      maxBytes,
      bodyTimeoutMs,
      maxInFlight,
      maxPerConversation,
      makeId,
      accounts,
      scheduler,
    },
    protocolOf(config, maxBytes),
  );
  const webhook: UserlikeWebhook = {
    node: nodeHandler(receiver),
    fetch: fetchHandler(receiver),
    drain: async (deadlineMs) => receiver.drain(deadlineMs),
  };
  receivers.set(webhook, receiver);
  return webhook;
}
