export type { Download } from '../transport/download.js';
export type { SocketEventLike, TlsConfig, WebSocketConstructor, WebSocketLike } from '../transport/socket.js';
export * from '../trueconf/client.js';
export * from '../trueconf/codec.js';
export type { TrueconfFileToSend, TrueconfUploadOptions } from '../trueconf/files.js';
export type { TrueconfStatus } from '../trueconf/link.js';
export type { TrueconfDelivery } from '../trueconf/session.js';
export type { TrueconfClientOptions } from '../trueconf/settings.js';
export type { TrueconfCredentials } from '../trueconf/token.js';
