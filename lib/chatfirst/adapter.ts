import type { SchedulerLike } from 'rxjs';
import type { Accounts, Counts } from '../accounts.js';
import { NOT_FOUND, sameText, wrongMethod, type Answer } from '../http-receiver/answer.js';
import { fetchHandler, type FetchHandler } from '../http-receiver/fetch-handler.js';
import { nodeHandler, type NodeHandler } from '../http-receiver/node-handler.js';
import { Receiver, type Incoming, type Protocol } from '../http-receiver/receiver.js';
import type { Channel, Outcome } from '../model/index.js';
import { above } from '../range.js';
import type { Trace } from '../trace.js';
import { mergeResponses } from './codec-action.js';
import { adapterEvent, decodeAdapterCall } from './codec-call.js';
import { encodeResponse } from './codec-response.js';
import type { ChatfirstResponse } from './model.js';

export interface ChatfirstAdapterConfig {
  /**
   * The path that transitions of the scenario name in their `action`: with a part that nobody guesses, since the platform
   * shows no credentials. What stands behind it in an address is the author's, see `adapterCallOf`.
   */
  readonly path: string;
  /** How long a call waits for its answer, in milliseconds; then it gets the neutral text. Default: 10 000. */
  readonly deadlineMs?: number;
  /** What users read when there is no answer in time, or it failed. Default: an excuse in English. */
  readonly neutralText?: string;
  /** The state that they enter then. Default: the one that the scenario names. */
  readonly neutralState?: string;
  /** Names the bot, when a program serves several; needed where answers that come late are pushed. */
  readonly account?: string;
  /** What the users of the bot sit at, where that is always the same: calls do not tell. Default: `unknown`. */
  readonly channel?: Channel;
  /**
   * Largest address, in characters. Default: 65 536, since each unit of a text of 4 096 may be escaped by nine. Node's own
   * server takes 16 KiB unless its `maxHeaderSize` says more.
   */
  readonly maxUrlLength?: number;
  /** How many calls may be open before others are answered 503. Default: 10 000. */
  readonly maxInFlight?: number;
  /** The same for one user. Default: 100. */
  readonly maxPerConversation?: number;
  /** Makes ids for events, since the wire has none. Default: a random beginning and a number. */
  readonly makeId?: () => string;
  /** Default: the books of the program, `accounts`. */
  readonly accounts?: Accounts;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** An adapter of scenarios: mount one of its handlers, and give it to `fromChatfirstAdapter` and `toChatfirst`. */
export interface ChatfirstAdapter {
  /** For `http.createServer`, Express and whatever hands on Node's own request and response. */
  readonly node: NodeHandler;
  /** For servers that speak `Request` and `Response`. */
  readonly fetch: FetchHandler;
  /**
   * Stops accepting, answers what is open, completes the source, and resolves with its counts when all calls are settled, or
   * when `deadlineMs` is over: `inFlight` says how many were not.
   */
  readonly drain: (deadlineMs: number) => Promise<Counts>;
}

const NEUTRAL = 'Sorry, that did not work. Please try again in a moment.';
/** Calls are not to be answered from a cache: they have effects. */
const UNCACHED = { 'cache-control': 'no-store' };

/** What leaves nothing to be said to the user. */
const DONE: ReadonlySet<Outcome> = new Set<Outcome>([
  'handled',
  'ignored',
  'duplicate',
  'queued',
  'superseded',
  'handedOff',
  'inDoubt',
]);
const isDone = ({ settled, quiet, outcome }: Trace): boolean => (settled ? DONE.has(outcome ?? 'ignored') : quiet);

const protocolOf = (config: ChatfirstAdapterConfig, mount: string): Protocol<ChatfirstResponse> => {
  const { neutralText = NEUTRAL, neutralState, account, channel, maxUrlLength = 65_536 } = config;
  const neutral: ChatfirstResponse = {
    messages: [neutralText],
    keyboard: [],
    entities: [],
    ...(neutralState !== undefined && { state: neutralState }),
  };
  const bodyOf = (response: ChatfirstResponse): string =>
    JSON.stringify(encodeResponse({ ...response, count: response.messages.length }));
  const neutralAnswer: Answer = { status: 200, body: bodyOf(neutral), headers: UNCACHED };

  const gate = ({ method, url }: Incoming): Answer | undefined => {
    const isHere = sameText(url.slice(0, mount.length), mount) && /^([/?#]|$)/.test(url.slice(mount.length));
    if (!isHere) return NOT_FOUND;
    if (method !== 'GET') return wrongMethod('GET');
    return url.length > maxUrlLength ? { status: 414, body: '{"error":"uri too long"}' } : undefined;
  };
  return {
    gate,
    parse: undefined,
    receive: (_, { url }, arrival) => {
      const call = decodeAdapterCall(url, mount) ?? { action: '', parameters: {} };
      const known = {
        ...arrival,
        ...(account !== undefined && { account }),
        ...(channel !== undefined && { channel }),
      };
      return { events: [adapterEvent(call, known)] };
    },
    answerOf: (parked, traces) => {
      if (parked.length === 0 && !traces.every(isDone)) return neutralAnswer;
      return { status: 200, body: bodyOf(mergeResponses(parked)), headers: UNCACHED };
    },
    // The platform undoes the transition, and may show this.
    closed: { ...neutralAnswer, status: 503, retryAfterSeconds: 1 },
  };
};

const receivers = new WeakMap<ChatfirstAdapter, Receiver<ChatfirstResponse>>();

/** @internal */
export const adapterReceiver = (adapter: ChatfirstAdapter): Receiver<ChatfirstResponse> => {
  const receiver = receivers.get(adapter);
  if (receiver === undefined) throw new TypeError('make the adapter with chatfirstAdapter()');
  return receiver;
};

/** @internal The path without slashes at its end, and nothing but a path. */
export const checkedMount = (name: string, path: string): string => {
  if (!path.startsWith('/') || /[?#\s]/.test(path)) {
    throw new TypeError(`${name} must be a path that begins with a slash, as it stands in addresses`);
  }
  return path.replace(/\/+$/, '');
};

/**
 * An adapter of Chatfirst scenarios, as public ones are called (`chatfirst/adapter_python`,
 * `chatfirst/ChatFirst.Hack.Standups`, read 2025-03-01): a GET with `id` and `msg`, answered by what the bot says then.
 *
 * Every call is answered with 200, so that the user goes on: by its actions as soon as all is said; with nothing when there
 * is nothing to say; with `neutralText` when that failed, or took longer than `deadlineMs`. Never with the text of an error.
 * 404 answers what goes elsewhere, 405 other methods, 414 addresses that are too long, and 503 with `Retry-After` calls when
 * nobody is subscribed or too much is open: nothing was accepted then, and the account counts it as `refused`.
 *
 * The wire has no ids, and a proxy may repeat a GET: `dedupe({ fingerprints: 'unanswered' })` knows a call that comes again before
 * it is answered, and then the second answer is empty.
 *
 * @throws TypeError when `path` is none; RangeError for a number out of range.
 */
export function chatfirstAdapter(config: ChatfirstAdapterConfig): ChatfirstAdapter {
  const {
    account,
    deadlineMs = 10_000,
    maxUrlLength = 65_536,
    maxInFlight = 10_000,
    maxPerConversation = 100,
  } = config;
  above('chatfirstAdapter: deadlineMs', deadlineMs, 0);
  above('chatfirstAdapter: maxUrlLength', maxUrlLength, 0);
  const mount = checkedMount('chatfirstAdapter: path', config.path);
  const receiver = new Receiver(
    {
      source: 'fromChatfirstAdapter',
      noun: 'adapter',
      caller: 'chatfirstAdapter',
      account: account === undefined ? 'chatfirst' : `chatfirst:${account}`,
      answerMs: deadlineMs,
      maxBytes: maxUrlLength,
      bodyTimeoutMs: deadlineMs,
      maxInFlight,
      maxPerConversation,
      makeId: config.makeId,
      accounts: config.accounts,
      scheduler: config.scheduler,
    },
    protocolOf(config, mount),
  );
  const adapter: ChatfirstAdapter = {
    node: nodeHandler(receiver),
    fetch: fetchHandler(receiver),
    drain: async (withinMs) => receiver.drain(withinMs),
  };
  receivers.set(adapter, receiver);
  return adapter;
}
