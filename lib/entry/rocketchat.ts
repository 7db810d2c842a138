export type { Download } from '../transport/download.js';
export type { SocketEventLike, TlsConfig, WebSocketConstructor, WebSocketLike } from '../transport/socket.js';
export * from '../rocketchat/client.js';
export * from '../rocketchat/codec.js';
export type { RocketchatStatus, RocketchatStray } from '../rocketchat/ddp.js';
export type { RocketchatStreamNews } from '../rocketchat/ddp-streams.js';
export type { RocketchatFileToSend, RocketchatUploadOptions } from '../rocketchat/files.js';
export type { RocketchatCredentials } from '../rocketchat/login.js';
export type { RocketchatClientOptions } from '../rocketchat/settings.js';
