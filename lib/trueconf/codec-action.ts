import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import type { JsonObject, OutboundAction, TextFormat } from '../model/index.js';
import { buttonsOf, type TrueconfButtons } from './codec-buttons.js';
import { MAX_TEXT, visibleLength } from './markup.js';
import { surveyContent } from './codec-survey.js';

/** A request before it has its number. */
export interface TrueconfRequest {
  readonly method: string;
  readonly payload: JsonObject;
}

/** What of an action is not in it. */
export interface TrueconfDialect {
  /** The address of the server, which surveys name. */
  readonly server: string;
  /** Whether the server shows buttons and "typing", which it does from about 5.5.6. Default: false. */
  readonly hasButtons?: boolean;
  /** A secret for each survey. Default: 40 random hex digits. */
  readonly secret?: () => string;
}

type Encoded = E.Either<ChatError, TrueconfRequest>;

const refuse = (kind: 'unsupported' | 'overflow', sentence: string): E.Either<ChatError, never> =>
  E.left(new ChatError(kind, 'trueconf', sentence));
const parseModeOf = (format: TextFormat | undefined): string =>
  format === undefined || format === 'plain' ? 'text' : format;

/** A text and its format, as messages and captions have it. Refuses what the server would cut. */
export const encodeText = (
  text: string,
  format?: TextFormat,
  buttons?: TrueconfButtons,
): E.Either<ChatError, JsonObject> => {
  const length = visibleLength(text, format);
  if (length > MAX_TEXT) return refuse('overflow', `a text has ${length} characters, ${MAX_TEXT} are allowed`);
  const parseMode = parseModeOf(format);
  return E.right(buttons === undefined ? { text, parseMode } : { text, parseMode, buttons });
};

const post = (chatId: string, content: E.Either<ChatError, JsonObject>, replyTo?: string): Encoded =>
  E.map((sent: JsonObject) => ({
    method: 'sendMessage',
    payload: replyTo === undefined ? { chatId, content: sent } : { chatId, replyMessageId: replyTo, content: sent },
  }))(content);

/**
 * An action as the request that makes it.
 *
 * Refuses, before the wire, what the server does not know (`unsupported`) and what is too long (`overflow`). A file is
 * uploaded before: then `media.fileId` is the id that the upload gave. `openConversation` opens the chat, and its `text` is a
 * message of its own, in the chat that the answer names.
 */
export const encodeAction = (action: OutboundAction, dialect: TrueconfDialect): Encoded => {
  const encoded = requestOf(action, dialect);
  const { extra } = action;
  if (extra === undefined) return encoded;
  return E.map(({ method, payload }: TrueconfRequest) => ({ method, payload: { ...payload, ...extra } }))(encoded);
};

const requestOf = (action: OutboundAction, { server, hasButtons = false, secret }: TrueconfDialect): Encoded => {
  const chatId = action.conversation.id;
  switch (action.kind) {
    case 'text':
      return post(chatId, encodeText(action.text, action.format), action.replyTo);
    case 'choices':
    case 'links': {
      if (!hasButtons) return refuse('unsupported', `${action.kind} needs a server that shows buttons`);
      const buttons = buttonsOf(action);
      return E.isLeft(buttons) ? buttons : post(chatId, encodeText(action.text, 'plain', buttons.right));
    }
    case 'media': {
      const { fileId } = action.media;
      if (fileId === undefined) return refuse('unsupported', 'media needs the id of an upload');
      const caption = action.caption === undefined ? undefined : encodeText(action.caption);
      if (caption !== undefined && E.isLeft(caption)) return caption;
      const content: JsonObject =
        caption === undefined ? { temporalFileId: fileId } : { temporalFileId: fileId, caption: caption.right };
      const replyTo = action.replyTo;
      return E.right({
        method: 'sendFile',
        payload: replyTo === undefined ? { chatId, content } : { chatId, replyMessageId: replyTo, content },
      });
    }
    case 'survey': {
      const { title, survey, anonymous } = action;
      const content = surveyContent({ title, survey, anonymous: anonymous === true }, server, secret);
      return E.right({ method: 'sendSurvey', payload: { chatId, content } });
    }
    case 'edit': {
      const { messageId, text, format } = action;
      const content = encodeText(text, format);
      return E.isLeft(content)
        ? content
        : E.right({ method: 'editMessage', payload: { messageId, content: content.right } });
    }
    case 'remove':
      return E.right({ method: 'removeMessage', payload: { messageId: action.messageId, forAll: true } });
    case 'forward':
      return E.right({ method: 'forwardMessage', payload: { chatId: action.to.id, messageId: action.messageId } });
    case 'typing':
      if (!hasButtons) return refuse('unsupported', 'typing needs a server that shows it');
      if (action.visible === false) return refuse('unsupported', 'the server knows no pause that nobody sees');
      return E.right({ method: 'sendChatActivity', payload: { chatId, activityType: 'typing' } });
    case 'openConversation':
      return E.right({ method: 'createP2PChat', payload: { userId: action.with } });
    case 'platform':
      return t.UnknownRecord.is(action.payload)
        ? E.right({ method: action.name, payload: action.payload })
        : refuse('unsupported', 'the payload of a request is an object');
    default:
      return refuse('unsupported', `the server has nothing for ${action.kind}`);
  }
};
