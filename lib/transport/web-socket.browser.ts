import { defaultFetch } from './fetch.browser.js';
import type { TlsConfig, WebSocketLike } from './socket.js';

// A browser decides itself whom it trusts, pings by itself, and tells nothing of a body on its way.

const refuse = (tls: TlsConfig | undefined): void => {
  if (tls !== undefined) throw new TypeError('a browser decides itself which certificates it trusts: leave out tls');
};

export const openWebSocket = (
  url: string,
  protocols: readonly string[],
  _maxFrameBytes: number,
  tls?: TlsConfig,
): WebSocketLike => {
  refuse(tls);
  return new WebSocket(url, [...protocols]);
};

export const fetchTrusting = (tls: TlsConfig | undefined): typeof globalThis.fetch | undefined => {
  refuse(tls);
  return undefined;
};

export const fetchTelling = (
  trusting: typeof globalThis.fetch | undefined,
  _tell: (sentBytes: number) => void,
): typeof globalThis.fetch => trusting ?? defaultFetch;
