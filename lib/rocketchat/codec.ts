export * from './answers.js';
export { encodeAction, type RocketchatDialect } from './codec-action.js';
export { decodeAnswer } from './codec-answer.js';
export { decodeRequest, type RocketchatActionFrame } from './codec-command.js';
export type { RocketchatArrival } from './codec-draft.js';
export { rocketchatError, rocketchatFrameError, type RocketchatRefusal } from './codec-error.js';
export { decodeFrame, encodeFrame, type RocketchatFrame, type RocketchatFrameError } from './codec-frame.js';
export { decodeIntegration, encodeIntegrationAnswer, type RocketchatIntegration } from './codec-integration.js';
export { decodeMessage } from './codec-message.js';
export {
  isVersion,
  parseRequest,
  pathOf,
  type RocketchatHttpMethod,
  type RocketchatMethodCall,
  type RocketchatRequest,
} from './codec-request.js';
export { decodeInquiry, decodeRoom } from './codec-room.js';
export { decodeStreamEvent, roomOf, type RocketchatStreamEvent } from './codec-stream.js';
export { decodeWebhook, type RocketchatWebhook } from './codec-webhook.js';
export { messageIdOf, newMessageId } from './ids.js';
export type {
  RocketchatCloseOptions,
  RocketchatForwardTo,
  RocketchatPaging,
  RocketchatRoomFilter,
  RocketchatRoomInfo,
  RocketchatSendOptions,
  RocketchatStaff,
} from './requests-agent.js';
export type {
  RocketchatHistoryOptions,
  RocketchatOfflineMessage,
  RocketchatVisitedPage,
  RocketchatVisitorDraft,
} from './requests-visitor.js';
