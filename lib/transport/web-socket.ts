import type { Agent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { fetch } from 'cross-fetch';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { tellingCuts } from './cuts.js';
import type { TlsConfig, WebSocketLike } from './socket.js';

// In browsers, `web-socket.browser.ts` stands in for this file.

/** How long a server may take to answer a close, in milliseconds: a half-open connection never does. */
const CLOSE_WITHIN_MS = 2_000;
const KEEP_ALIVE_AFTER_MS = 15_000;

const trust = ({ ca, verify = true }: TlsConfig) => ({
  rejectUnauthorized: verify,
  ...(ca !== undefined && { ca: (typeof ca === 'string' || ca instanceof Uint8Array ? [ca] : [...ca]).map(textOf) }),
});
const textOf = (ca: string | Uint8Array): string | Buffer => (typeof ca === 'string' ? ca : Buffer.from(ca));

/** What is sent in one turn goes out in one write: a write costs more than all else about a small frame. */
const inOneWrite = (socket: WebSocket, connection: Socket): void => {
  const send = socket.send.bind(socket) as (text: string) => void;
  let isHeld = false;
  const letGo = (): void => {
    isHeld = false;
    connection.uncork();
  };
  socket.send = (text: unknown): void => {
    if (!isHeld) {
      isHeld = true;
      connection.cork();
      process.nextTick(letGo);
    }
    send(text as string);
  };
};

export const openWebSocket = (
  url: string,
  protocols: readonly string[],
  maxFrameBytes: number,
  tls: TlsConfig = {},
): WebSocketLike => {
  const options = {
    maxPayload: maxFrameBytes,
    closeTimeout: CLOSE_WITHIN_MS,
    perMessageDeflate: false,
    ...trust(tls),
  };
  const socket = new WebSocket(url, [...protocols], options);
  // Whatever is between us and the server cuts connections that look idle.
  socket.on('upgrade', ({ socket: connection }) => {
    connection.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
    inOneWrite(socket, connection);
  });
  return socket;
};

/** A `fetch` with this trust; `undefined` where the default does. */
export const fetchTrusting = (tls: TlsConfig | undefined): typeof globalThis.fetch | undefined => {
  if (tls === undefined) return undefined;
  const agent = tellingCuts(new HttpsAgent(trust(tls)));
  const select = ({ protocol }: { readonly protocol: string }): Agent | undefined =>
    protocol === 'https:' ? agent : undefined;
  // `agent` is an option of the `fetch` that cross-fetch has in Node.
  return async (url, init) => fetch(url, { ...init, agent: select } as RequestInit);
};
