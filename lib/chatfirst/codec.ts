export { encodeAction, forceState, MAX_TEXT, mergeResponses } from './codec-action.js';
export { decodeBot, decodeBots, decodeLink, encodeBot, encodeLink } from './codec-bot.js';
export {
  adapterCallOf,
  adapterEvent,
  decodeAdapterCall,
  encodeAdapterCall,
  type ChatfirstAdapterCall,
  type ChatfirstArrival,
} from './codec-call.js';
export { decodeCommand, encodeCommand, type ChatfirstRequest } from './codec-command.js';
export { decodeMessage, encodeMessage } from './codec-message.js';
export { decodeOutput, encodeOutput, parseOutput, type ChatfirstTextEncoding } from './codec-output.js';
export {
  decodePush,
  decodePushPath,
  encodePushPath,
  joinUserId,
  pushedReplies,
  splitUserId,
  type ChatfirstPushTarget,
} from './codec-push.js';
export { outputReplies, repliesIn } from './codec-reply.js';
export { decodeResponse, encodeEntity, encodeResponse } from './codec-response.js';
