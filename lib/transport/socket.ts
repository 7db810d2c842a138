import { openWebSocket } from '#web-socket';
import { asyncScheduler, Observable, Subscription, type SchedulerLike } from 'rxjs';
import { ChatError } from '../errors.js';
import { above, timerLimit } from '../range.js';
import { transportError } from './transport-error.js';

/** Whom a connection trusts. Not in a browser, which decides that itself. */
export interface TlsConfig {
  /** Certificates of authorities in place of the system's, as PEM. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Whether certificates are checked at all; without, anybody in between reads and changes everything. Default: true. */
  readonly verify?: boolean;
}

/** What of its events is looked at. */
export interface SocketEventLike {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: unknown;
  readonly error?: unknown;
  readonly message?: unknown;
}

/** What we need of a `WebSocket`: the browser's own and that of `ws` have it. */
export interface WebSocketLike {
  readonly readyState: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: SocketEventLike) => void): void;
  /** Stops reading, and reads on: that of `ws` can, the browser's own cannot. */
  pause?(): void;
  resume?(): void;
}
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** What both have beyond that: binary frames come as one thing, and at once. */
interface WithBytes extends WebSocketLike {
  binaryType: string;
}
/** What `ws` has beyond that. */
interface Pinging extends WebSocketLike {
  ping(): void;
  terminate(): void;
  on(type: 'pong', listener: () => void): void;
}

export interface SocketConfig {
  /** Named in errors. */
  readonly platform: string;
  /** A ws or wss address. */
  readonly url: string;
  readonly protocols?: readonly string[];
  readonly tls?: TlsConfig | undefined;
  /** How long connecting may take, in milliseconds. Default: 20 000, at most 2 147 483 647. */
  readonly openWithinMs?: number;
  /** Pause between pings, in milliseconds, where we can ping. Default: 30 000, at most 2 147 483 647. */
  readonly pingMs?: number;
  /** How long the answer to a ping may take, in milliseconds. Default: 10 000, at most 2 147 483 647. */
  readonly pongWithinMs?: number;
  /** Size limit of a frame, its fragments together, in bytes; in UTF-16 units where the socket has no limit of its own. */
  readonly maxFrameBytes?: number;
  /** Told of binary frames, between the texts as they come. Default: they are left out. */
  readonly onBinary?: (bytes: Uint8Array, socket: OpenSocket) => void;
  /** Default: that of `ws` in Node, the browser's own in a browser. What is given looks after TLS itself. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** A socket that is open. What is sent when it is no longer open is lost. */
export interface OpenSocket {
  /** Whether it is pinged. In a browser it is not: ask the server something now and then. */
  readonly isPinged: boolean;
  /** Whether the text was handed to the socket, which says nothing about its arrival. */
  send(text: string): boolean;
  /**
   * Emits nothing until `resume`, and stops reading; whether it can, which in a browser it cannot. No ping is answered
   * meanwhile: a server cuts who pauses for long.
   */
  pause(): boolean;
  /** Reads on, after what was read already. */
  resume(): void;
}

/** It is open, or a text came; with the socket to answer on. Binary frames are told to `onBinary`. */
export type SocketNews =
  | { readonly kind: 'open'; readonly socket: OpenSocket }
  | { readonly kind: 'frame'; readonly text: string; readonly socket: OpenSocket };

const OPEN = 1;

const bytesOf = (data: unknown): Uint8Array | undefined =>
  data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : undefined;

/**
 * One WebSocket. Cold: subscribing connects, unsubscribing closes. Completes when the server closes with 1000.
 *
 * Errors, all `ChatError` without address: `unreachable` when there is no connection, the upgrade is refused (with
 * `status`), no pong comes, or the server closes otherwise (`reason` is the code as text); `timeout` when it does not open;
 * `overflow` for a frame that is too large.
 *
 * @throws TypeError at the call, when `url` is no ws(s) address or holds a user name; RangeError when a limit is out of range.
 */
export const socket = (config: SocketConfig): Observable<SocketNews> => {
  const { platform, url, protocols = [], tls, onBinary, WebSocket, scheduler = asyncScheduler } = config;
  const { openWithinMs = 20_000, pingMs = 30_000, pongWithinMs = 10_000, maxFrameBytes = 16_777_216 } = config;
  if (!/^wss?:\/\/[^/?#@\\]+([/?#]|$)/i.test(url)) throw new TypeError('socket: url must be a ws or wss address');
  for (const [name, ms] of Object.entries({ openWithinMs, pingMs, pongWithinMs })) timerLimit(`socket: ${name}`, ms);
  above('socket: maxFrameBytes', maxFrameBytes, 0);

  return new Observable((subscriber) => {
    const timers = new Subscription();
    const after = (ms: number, work: () => void): Subscription => {
      const timer = scheduler.schedule(() => {
        timers.remove(timer);
        work();
      }, ms);
      timers.add(timer);
      return timer;
    };
    const fail = (kind: 'unreachable' | 'timeout' | 'overflow', sentence: string, reason?: string): void => {
      subscriber.error(new ChatError(kind, platform, sentence, reason === undefined ? {} : { reason }));
    };

    let ws: WebSocketLike;
    try {
      ws =
        WebSocket === undefined
          ? openWebSocket(url, protocols, maxFrameBytes, tls)
          : new WebSocket(url, [...protocols]);
    } catch (thrown) {
      subscriber.error(transportError(platform, 'connect', false, thrown));
      return undefined;
    }
    if (onBinary !== undefined && 'binaryType' in ws) (ws as WithBytes).binaryType = 'arraybuffer';
    const isPinged = 'ping' in ws && 'terminate' in ws && 'on' in ws;
    const pinging = isPinged ? (ws as Pinging) : undefined;
    let isDead = false;
    let isStopped = false;
    /** What was read already when reading stopped. */
    const held: (string | Uint8Array)[] = [];
    const isPaused = (): boolean => isStopped;
    const open: OpenSocket = {
      isPinged,
      send: (text) => {
        if (ws.readyState !== OPEN) return false;
        ws.send(text);
        return true;
      },
      pause: () => {
        if (ws.readyState !== OPEN || ws.pause === undefined || ws.resume === undefined) return false;
        isStopped = true;
        ws.pause();
        return true;
      },
      resume: () => {
        if (!isStopped) return;
        emitHeld();
        if (isPaused()) return;
        ws.resume?.();
        // The pong may be among what comes now.
        if (waiting !== undefined) awaitPong();
      },
    };
    const emitHeld = (): void => {
      isStopped = false;
      // Whoever gets one may pause again: the others wait, in order.
      for (const data of held.splice(0)) {
        if (isPaused()) held.push(data);
        else emit(data);
      }
    };
    const emit = (data: string | Uint8Array): void => {
      if (typeof data === 'string') subscriber.next({ kind: 'frame', text: data, socket: open });
      else if (!subscriber.closed) onBinary?.(data, open);
    };

    const opening = after(openWithinMs, () => {
      isDead = true;
      fail('timeout', `the socket did not open within ${openWithinMs} ms`);
    });
    let waiting: Subscription | undefined;
    const awaitPong = (): void => {
      waiting?.unsubscribe();
      waiting = after(pongWithinMs, () => {
        // It could not be read.
        if (isStopped) return;
        isDead = true;
        fail('unreachable', `no pong came within ${pongWithinMs} ms`, 'noPong');
      });
    };
    const pingLater = (): void => {
      after(pingMs, () => {
        if (ws.readyState !== OPEN) return;
        pinging?.ping();
        awaitPong();
      });
    };

    ws.addEventListener('open', () => {
      opening.unsubscribe();
      if (subscriber.closed) return;
      if (pinging !== undefined) pingLater();
      subscriber.next({ kind: 'open', socket: open });
    });
    pinging?.on('pong', () => {
      if (waiting === undefined || subscriber.closed) return;
      waiting.unsubscribe();
      waiting = undefined;
      pingLater();
    });
    ws.addEventListener('message', ({ data: received }) => {
      const data = typeof received === 'string' ? received : onBinary && bytesOf(received);
      if (data === undefined) return;
      if (data.length > maxFrameBytes) fail('overflow', `a frame has more than ${maxFrameBytes} bytes`);
      else if (isStopped) held.push(data);
      else emit(data);
    });
    // The listener stays: closing while connecting emits one more `error`, which would be thrown without a listener.
    ws.addEventListener('error', ({ error, message }) => {
      const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
      const status = /^Unexpected server response: (\d{3})$/.exec(typeof message === 'string' ? message : '')?.[1];
      if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
        fail('overflow', `a frame has more than ${maxFrameBytes} bytes`);
      else if (status !== undefined) {
        const sentence = `connect was answered with status ${status}`;
        subscriber.error(new ChatError('unreachable', platform, sentence, { status: Number(status) }));
      } else subscriber.error(transportError(platform, 'connect', false, error));
    });
    ws.addEventListener('close', ({ code }) => {
      // What came before the end is told before it, pause or not.
      if (isStopped) emitHeld();
      if (code === 1_000) subscriber.complete();
      else fail('unreachable', `the socket closed with ${String(code)}`, String(code));
    });

    return () => {
      timers.unsubscribe();
      // The other side's answer to the close is to be read.
      if (isStopped) ws.resume?.();
      if (isDead && pinging !== undefined) pinging.terminate();
      else if (ws.readyState <= OPEN) ws.close(1_000, 'Client closing');
    };
  });
};
