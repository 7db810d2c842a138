import { fetchTrusting } from '#web-socket';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { above, atLeast } from '../range.js';
import type { TlsConfig, WebSocketConstructor } from '../transport/socket.js';

export interface RocketchatClientOptions {
  /** Whom to trust: for calls, files and the socket alike. Default: the system's authorities. */
  readonly tls?: TlsConfig;
  /** Which server or workspace it is, when a program serves several: the `account` of its conversations. Default: none. */
  readonly account?: string;
  /** The server's version, such as `7.13`, where it is known. Default: the server is asked, once, when it matters. */
  readonly version?: string;
  /**
   * Whether calls of visitors go along with our own login, which servers from 8.x count less strictly. Only where the
   * visitors are ours: they act with our rights. Default: false.
   */
  readonly identifyVisitorCalls?: boolean;

  /** Time limit of a call over HTTP, in milliseconds. Default: 30 000. */
  readonly timeoutMs?: number;
  /** Size limit of an answer, in bytes. Default: 4 MiB. */
  readonly maxAnswerBytes?: number;
  /** Time limit of an upload or download, in milliseconds. Default: 120 000. */
  readonly fileTimeoutMs?: number;
  /** Size limit of an upload, in bytes. Default: 100 MiB, as servers have it by default. */
  readonly maxUploadBytes?: number;
  /** Size limit of a download, in bytes. Default: 100 MiB. */
  readonly maxDownloadBytes?: number;
  /** How many characters an agent's message may have: a setting of the server. Default: 5 000. */
  readonly maxTextLength?: number;

  /** How long a call waits for its turn, as the server's limits go; what would wait longer is `throttled`. Default: 60 000. */
  readonly maxWaitMs?: number;
  /** How many calls of a route, or method, wait for their turn; more are `overflow`. Default: 1 000. */
  readonly maxQueued?: number;
  /** The window that the server counts in, in milliseconds. Default: 60 000. */
  readonly rateWindowMs?: number;
  /** Of how many rooms it is remembered whose they are. Default: 10 000. */
  readonly maxRooms?: number;

  /** Time limit of a call over the socket, in milliseconds. Default: 10 000. */
  readonly requestTimeoutMs?: number;
  /** How long a call waits for a connection, in milliseconds; a subscription waits as long as it lasts. Default: 30 000. */
  readonly waitMs?: number;
  /** How many calls wait for a connection; more are `overflow`. Default: 1 000. */
  readonly maxWaiting?: number;
  /** How many subscriptions there are at once; more are `overflow`. Default: 10 000. */
  readonly maxSubscriptions?: number;
  /** How long the connection stays after the last who used it, in milliseconds. Default: 1 000. */
  readonly lingerMs?: number;
  /** How long connecting may take, in milliseconds, the login not counted. Default: 20 000. */
  readonly openWithinMs?: number;
  /** After so long a silence the server is asked for a sign of life, in milliseconds. Default: 30 000. */
  readonly pingMs?: number;
  /** After so long a silence the connection is given up, in milliseconds; above `pingMs`. Default: 60 000. */
  readonly silenceMs?: number;
  /** Size limit of a frame, in bytes. Default: 16 MiB. */
  readonly maxFrameBytes?: number;
  /** Pause before the second attempt to connect, in milliseconds; doubles with each. Default: 1 000. */
  readonly reconnectMs?: number;
  /** Longest pause, in milliseconds, the random part not counted. Default: 60 000. */
  readonly maxReconnectMs?: number;
  /** Up to so much is added to each pause at random, so that many do not come back at once. Default: 1 000. */
  readonly jitterMs?: number;

  /** Default: `cross-fetch` in Node, the browser's own in a browser. What is given looks after TLS itself. */
  readonly fetch?: typeof globalThis.fetch;
  /** Default: that of `ws` in Node, the browser's own in a browser. What is given looks after TLS itself. */
  readonly WebSocket?: WebSocketConstructor;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  /** Source of the jitter, and of ids, from 0 up to 1. Default: `Math.random` for the jitter, random bits for ids. */
  readonly random?: () => number;
}

const DEFAULTS = {
  timeoutMs: 30_000,
  maxAnswerBytes: 4_194_304,
  fileTimeoutMs: 120_000,
  maxUploadBytes: 104_857_600,
  maxDownloadBytes: 104_857_600,
  maxTextLength: 5_000,
  maxWaitMs: 60_000,
  maxQueued: 1_000,
  rateWindowMs: 60_000,
  maxRooms: 10_000,
  requestTimeoutMs: 10_000,
  waitMs: 30_000,
  maxWaiting: 1_000,
  maxSubscriptions: 10_000,
  lingerMs: 1_000,
  openWithinMs: 20_000,
  pingMs: 30_000,
  silenceMs: 60_000,
  maxFrameBytes: 16_777_216,
  reconnectMs: 1_000,
  maxReconnectMs: 60_000,
  jitterMs: 1_000,
} as const;
type Limits = { readonly [name in keyof typeof DEFAULTS]: number };

const MAY_BE_ZERO = new Set([
  'maxWaitMs',
  'maxQueued',
  'lingerMs',
  'reconnectMs',
  'maxReconnectMs',
  'jitterMs',
  'maxWaiting',
]);
/** Beyond it, timers fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** @internal What is known of a server and how to talk to it; no secrets. */
export interface Settings extends Limits {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly socketUrl: string;
  readonly account: string | undefined;
  readonly version: string | undefined;
  readonly identifyVisitorCalls: boolean;
  readonly tls: TlsConfig | undefined;
  /** One's own, or one with the trust that was asked for. */
  readonly fetch: typeof globalThis.fetch | undefined;
  readonly WebSocket: WebSocketConstructor | undefined;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  /** For ids; without, they are random bits. */
  readonly randomId: (() => number) | undefined;
}

/**
 * @throws TypeError when `url` is no http(s) address, or holds more than origin and path, or `version` is none; RangeError when
 * a number is out of range.
 * @internal
 */
export const settingsOf = (url: string, options: RocketchatClientOptions): Settings => {
  const { tls, account, version, fetch, WebSocket, random } = options;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.password !== '')
    throw new TypeError('rocketchatClient: url must be an http or https address without a user name');
  if (/[?#\s\\]/.test(url)) throw new TypeError('rocketchatClient: url holds an origin and a path, nothing else');
  if (version !== undefined && !/^\d+\.\d+/.test(version))
    throw new TypeError('rocketchatClient: version must look like 7.13');
  const limits: Record<string, number> = {};
  for (const [name, standard] of Object.entries(DEFAULTS)) {
    const value = options[name as keyof Limits] ?? standard;
    if (MAY_BE_ZERO.has(name)) atLeast(`rocketchatClient: ${name}`, value, 0);
    else above(`rocketchatClient: ${name}`, value, 0);
    if (name.endsWith('Ms') && value > LONGEST_TIMER)
      throw new RangeError(`rocketchatClient: ${name} must be at most ${LONGEST_TIMER}`);
    limits[name] = value;
  }
  const { pingMs = 0, silenceMs = 0 } = limits;
  above('rocketchatClient: silenceMs', silenceMs, pingMs);
  const baseUrl = `${parsed.origin}${parsed.pathname}`.replace(/\/+$/, '');
  return {
    ...(limits as Limits),
    baseUrl,
    socketUrl: `${baseUrl.replace(/^http/, 'ws')}/websocket`,
    account,
    version,
    identifyVisitorCalls: options.identifyVisitorCalls ?? false,
    tls,
    fetch: fetch ?? fetchTrusting(tls),
    WebSocket,
    scheduler: options.scheduler ?? asyncScheduler,
    random: random ?? Math.random,
    randomId: random,
  };
};
