export * from '../../sinks/rocketchat.js';
export * from '../../sources/rocketchat.js';
export type { FetchHandler, FetchHandlerOptions } from '../http-receiver/fetch-handler.js';
export type { NodeHandler } from '../http-receiver/node-handler.js';
export type { Download } from '../transport/download.js';
export type { SocketEventLike, TlsConfig, WebSocketConstructor, WebSocketLike } from '../transport/socket.js';
export * from '../rocketchat/client.js';
export * from '../rocketchat/codec.js';
export type { RocketchatStatus, RocketchatStray } from '../rocketchat/ddp.js';
export type { RocketchatStreamNews } from '../rocketchat/ddp-streams.js';
export type { RocketchatFileToSend, RocketchatUploadOptions } from '../rocketchat/files.js';
export type { RocketchatCredentials } from '../rocketchat/login.js';
export type { RocketchatClientOptions } from '../rocketchat/settings.js';
export type { RocketchatRooms } from '../rocketchat/listing.js';
export type {
  RocketchatInbound,
  RocketchatNotice,
  RocketchatPoll,
  RocketchatRealtime,
  RocketchatTrouble,
} from '../rocketchat/source-rules.js';
export {
  rocketchatWebhook,
  type RocketchatWebhookConfig,
  type RocketchatWebhookReceiver,
} from '../rocketchat/webhook.js';
export { rocketchatButtons } from '../profiles/rocketchat.js';
export type { RocketchatOutbound } from '../rocketchat/outgoing.js';
