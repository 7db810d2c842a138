export * from './answers.js';
export { encodeAction, encodeText, type TrueconfDialect, type TrueconfRequest } from './codec-action.js';
export { decodeAnswer, isRepeatable } from './codec-answer.js';
export type { TrueconfButtons } from './codec-buttons.js';
export { decodeContent, decodeMessage, type TrueconfContent, type TrueconfMessage } from './codec-content.js';
export { trueconfError } from './codec-error.js';
export type { TrueconfArrival } from './codec-draft.js';
export { decodeEvent } from './codec-event.js';
export {
  decodeFrame,
  encodeFrame,
  type TrueconfAnswerFrame,
  type TrueconfFrame,
  type TrueconfRequestFrame,
} from './codec-frame.js';
export { decodeRequest, type TrueconfActionFrame } from './codec-request.js';
export { surveyContent, surveyEdit, type TrueconfSurvey } from './codec-survey.js';
export * from './markup.js';
export * from './user-id.js';
