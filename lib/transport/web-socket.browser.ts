import type { TlsConfig, WebSocketLike } from './socket.js';

// A browser decides itself whom it trusts, and pings by itself.

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
