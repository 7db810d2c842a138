import { fetchTrusting } from '#web-socket';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { above, atLeast } from '../range.js';
import type { DownloadConfig } from '../transport/download.js';
import { checkLimits } from '../transport/http.js';
import type { TlsConfig, WebSocketConstructor } from '../transport/socket.js';

/** What of a `DownloadConfig` is free: credentials are not, because nothing tells which hosts they may go to. */
export type TrueconfDownloads = Omit<DownloadConfig, 'platform' | 'url' | 'credentials' | 'scheduler'>;

export interface TrueconfClientOptions {
  /** Default: 443, or 4309 where `secure` is false. */
  readonly port?: number;
  /** Whether it is https and wss. Without, passwords and texts go over the network in the clear. Default: true. */
  readonly secure?: boolean;
  /** Whom to trust: for tokens, socket, uploads and downloads alike. Default: the system's authorities. */
  readonly tls?: TlsConfig;
  /** Which bot it is, when a program serves several: the `account` of its conversations. Default: none. */
  readonly account?: string;
  /** Whether messages that were not acknowledged come again with each connection. Default: false. */
  readonly receiveUnread?: boolean;
  /** Whether changes of chats come as messages too. Default: false. */
  readonly receiveSystemMessages?: boolean;

  /** Time limit of a call on the socket, in milliseconds. Default: 10 000. */
  readonly requestTimeoutMs?: number;
  /** How long a call waits for a connection, in milliseconds. Default: 30 000. */
  readonly waitMs?: number;
  /** How many calls wait for a connection; more are `overflow`. Default: 1 000. */
  readonly maxWaiting?: number;
  /** How long the connection stays after the last who used it, in milliseconds. Default: 1 000. */
  readonly lingerMs?: number;
  /** How long connecting may take, in milliseconds. Default: 20 000. */
  readonly openWithinMs?: number;
  /** Pause between pings, in milliseconds. Default: 30 000. */
  readonly pingMs?: number;
  /** How long the answer to a ping may take, in milliseconds. Default: 10 000. */
  readonly pongWithinMs?: number;
  /** Size limit of a frame, in bytes. Default: 16 MiB. */
  readonly maxFrameBytes?: number;

  /** Pause before the second attempt to connect, in milliseconds; doubles with each. Default: 1 000. */
  readonly reconnectMs?: number;
  /** Longest pause, in milliseconds, the random part not counted. Default: 60 000. */
  readonly maxReconnectMs?: number;
  /** Up to so much is added to each pause at random, so that many do not come back at once. Default: 1 000. */
  readonly jitterMs?: number;
  /** After so many refusals of name and password in a row it gives up. Default: 3. */
  readonly maxTokenRefusals?: number;
  /** After so many failures to find the name of the server it gives up. Default: 5. */
  readonly maxNameFailures?: number;
  /** A token that is good for less than this is not used for a new connection, in milliseconds. Default: 1 h. */
  readonly renewBeforeMs?: number;

  /** Time limit of asking for a token or the server's name, in milliseconds. Default: 15 000. */
  readonly httpTimeoutMs?: number;
  /** Time limit of an upload, in milliseconds. Default: 120 000. */
  readonly uploadTimeoutMs?: number;
  /** Time limit of a download, and of waiting until the file has come to the server, in milliseconds. Default: 60 000. */
  readonly downloadTimeoutMs?: number;
  /** Pause between questions whether a file is ready, in milliseconds. Default: 500. */
  readonly pollMs?: number;
  /** Size limit of a download, in bytes. Default: 50 MiB. */
  readonly maxDownloadBytes?: number;
  /** Size limit of an upload, in bytes. Default: 50 MiB. */
  readonly maxUploadBytes?: number;

  /** Limits and connections of files that are sent from a `url`, as `download` has them. Default: `maxUploadBytes`, `uploadTimeoutMs`. */
  readonly downloads?: TrueconfDownloads;

  /** Default: `cross-fetch` in Node, the browser's own in a browser. What is given looks after TLS itself. */
  readonly fetch?: typeof globalThis.fetch;
  /** Default: that of `ws` in Node, the browser's own in a browser. What is given looks after TLS itself. */
  readonly WebSocket?: WebSocketConstructor;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  /** Source of the jitter, from 0 up to 1. Default: `Math.random`. */
  readonly random?: () => number;
}

const DEFAULTS = {
  requestTimeoutMs: 10_000,
  waitMs: 30_000,
  maxWaiting: 1_000,
  lingerMs: 1_000,
  openWithinMs: 20_000,
  pingMs: 30_000,
  pongWithinMs: 10_000,
  maxFrameBytes: 16_777_216,
  reconnectMs: 1_000,
  maxReconnectMs: 60_000,
  jitterMs: 1_000,
  maxTokenRefusals: 3,
  maxNameFailures: 5,
  renewBeforeMs: 3_600_000,
  httpTimeoutMs: 15_000,
  uploadTimeoutMs: 120_000,
  downloadTimeoutMs: 60_000,
  pollMs: 500,
  maxDownloadBytes: 52_428_800,
  maxUploadBytes: 52_428_800,
} as const;
type Limits = { readonly [name in keyof typeof DEFAULTS]: number };

const MAY_BE_ZERO = new Set(['lingerMs', 'reconnectMs', 'maxReconnectMs', 'jitterMs', 'renewBeforeMs', 'maxWaiting']);
/** Beyond it, timers fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** @internal What is known of a server and how to talk to it; no secrets. */
export interface Settings extends Limits {
  readonly server: string;
  /** Origins, without a slash at their end. */
  readonly httpOrigin: string;
  readonly socketUrl: string;
  readonly account: string | undefined;
  readonly receiveUnread: boolean;
  readonly receiveSystemMessages: boolean;
  readonly tls: TlsConfig | undefined;
  readonly downloads: TrueconfDownloads;
  /** One's own, or one with the trust that was asked for. */
  readonly fetch: typeof globalThis.fetch | undefined;
  readonly hasOwnFetch: boolean;
  readonly WebSocket: WebSocketConstructor | undefined;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
}

const HOST = /^([\w-]+(\.[\w-]+)*\.?|\[[\da-f:.]+\])$/i;
/** A host as addresses have it: names in other scripts than Latin become what name servers know. */
const hostOf = (server: unknown): string | undefined => {
  // Nothing but a host, and no port either: one that is the default would not be seen.
  if (typeof server !== 'string' || !/^([^\s\p{Cc}%/\\?#@:]+|\[.*\])$/u.test(server)) return undefined;
  if (!URL.canParse(`https://${server}`)) return undefined;
  const { hostname } = new URL(`https://${server}`);
  return HOST.test(hostname) ? hostname : undefined;
};

/**
 * @throws TypeError when `server` is no host name; RangeError when a number is out of range.
 * @internal
 */
export const settingsOf = (server: string, options: TrueconfClientOptions): Settings => {
  const { secure = true, port = secure ? 443 : 4_309, tls, account, fetch, WebSocket, downloads = {} } = options;
  checkLimits('trueconfClient: downloads', downloads.timeoutMs ?? 1, downloads.maxBytes ?? 1);
  const host = hostOf(server);
  if (host === undefined) throw new TypeError('trueconfClient: server must be a host name');
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new RangeError(`trueconfClient: port must be from 1 to 65535, got ${port}`);
  const limits: Record<string, number> = {};
  for (const [name, standard] of Object.entries(DEFAULTS)) {
    const value = options[name as keyof Limits] ?? standard;
    if (MAY_BE_ZERO.has(name)) atLeast(`trueconfClient: ${name}`, value, 0);
    else above(`trueconfClient: ${name}`, value, 0);
    if (name.endsWith('Ms') && value > LONGEST_TIMER)
      throw new RangeError(`trueconfClient: ${name} must be at most ${LONGEST_TIMER}`);
    limits[name] = value;
  }
  const place = port === (secure ? 443 : 80) ? host : `${host}:${port}`;
  return {
    ...(limits as Limits),
    server,
    httpOrigin: `${secure ? 'https' : 'http'}://${place}`,
    socketUrl: `${secure ? 'wss' : 'ws'}://${place}/websocket/chat_bot/`,
    account,
    receiveUnread: options.receiveUnread ?? false,
    receiveSystemMessages: options.receiveSystemMessages ?? false,
    tls,
    downloads,
    fetch: fetch ?? fetchTrusting(tls),
    hasOwnFetch: fetch !== undefined,
    WebSocket,
    scheduler: options.scheduler ?? asyncScheduler,
    random: options.random ?? Math.random,
  };
};
