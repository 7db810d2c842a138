import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { Conversation, OutboundAction } from '../model/index.js';
import type { TrueconfRequest } from './codec-action.js';
import { choicesIn, linksIn } from './codec-buttons.js';
import { formatOf } from './codec-content.js';
import { surveyIn, type TrueconfSurvey } from './codec-survey.js';
import { maybe, read, undecodable } from './codec-wire.js';

/** What of an action is not in a request. */
export interface TrueconfActionFrame {
  readonly id: string;
  readonly account?: string;
  /** The chat of a request that names none. Default: empty. */
  readonly chatId?: string;
}

const Content = t.intersection([t.type({ text: t.string }), t.partial({ parseMode: t.string, buttons: t.unknown })]);
const Send = t.intersection([
  t.type({ chatId: t.string, content: Content }),
  t.partial({ replyMessageId: maybe(t.string) }),
]);
const SendFile = t.intersection([
  t.type({
    chatId: t.string,
    content: t.intersection([t.type({ temporalFileId: t.string }), t.partial({ caption: maybe(Content) })]),
  }),
  t.partial({ replyMessageId: maybe(t.string) }),
]);
const SendSurvey = t.type({ chatId: t.string, content: t.UnknownRecord });
const Edit = t.type({ messageId: t.string, content: Content });
const Remove = t.type({ messageId: t.string, forAll: t.boolean });
const Forward = t.type({ chatId: t.string, messageId: t.string });
const Activity = t.type({ chatId: t.string, activityType: t.string });
const Open = t.type({ userId: t.string });

/** The action that a request makes, for relays and specs; `platform` where there is no other. */
export const decodeRequest = (
  { method, payload }: TrueconfRequest,
  { id, account, chatId: where = '' }: TrueconfActionFrame,
): E.Either<ChatError, OutboundAction> => {
  const at = (chatId: string): Conversation => ({
    platform: 'trueconf',
    ...(account !== undefined && { account }),
    id: chatId,
    channel: 'trueconf',
  });
  const as = <T>(codec: t.Type<T, unknown>, what: (value: T) => OutboundAction): E.Either<ChatError, OutboundAction> =>
    E.map(what)(read(codec, payload, `a ${method} request`));
  const platform: OutboundAction = { kind: 'platform', id, conversation: at(where), name: method, payload };

  switch (method) {
    case 'sendMessage': {
      const send = read(Send, payload, 'a sendMessage request');
      if (E.isLeft(send)) return send;
      const { chatId, content, replyMessageId } = send.right;
      const { text, parseMode, buttons } = content;
      const base = { id, conversation: at(chatId) };
      if (buttons !== undefined) {
        const choices = choicesIn(buttons);
        if (choices !== undefined) return E.right({ kind: 'choices', text, choices, ...base });
        const links = linksIn(buttons);
        if (links !== undefined) return E.right({ kind: 'links', text, links, ...base });
        return E.left(undecodable('a sendMessage request', ['content.buttons are neither choices nor links']));
      }
      const format = formatOf(parseMode);
      return E.right({
        kind: 'text',
        text,
        ...base,
        ...(format !== 'plain' && { format }),
        ...(typeof replyMessageId === 'string' && { replyTo: replyMessageId }),
      });
    }
    case 'sendFile':
      return as(SendFile, ({ chatId, content: { temporalFileId, caption }, replyMessageId }) => ({
        kind: 'media',
        media: { fileId: temporalFileId },
        id,
        conversation: at(chatId),
        ...(caption && { caption: caption.text }),
        ...(typeof replyMessageId === 'string' && { replyTo: replyMessageId }),
      }));
    case 'sendSurvey': {
      const send = read(SendSurvey, payload, 'a sendSurvey request');
      if (E.isLeft(send)) return send;
      return E.map((survey: TrueconfSurvey): OutboundAction => ({
        kind: 'survey',
        ...survey,
        id,
        conversation: at(send.right.chatId),
      }))(surveyIn(send.right.content));
    }
    case 'editMessage':
      return as(Edit, ({ messageId, content: { text, parseMode } }) => ({
        kind: 'edit',
        messageId,
        text,
        id,
        conversation: at(where),
        ...(formatOf(parseMode) !== 'plain' && { format: formatOf(parseMode) }),
      }));
    case 'removeMessage':
      return as(Remove, ({ messageId, forAll }) =>
        forAll ? { kind: 'remove', messageId, id, conversation: at(where) } : platform,
      );
    case 'forwardMessage':
      return as(Forward, ({ chatId, messageId }) => ({
        kind: 'forward',
        messageId,
        to: at(chatId),
        id,
        conversation: at(where),
      }));
    case 'sendChatActivity':
      return as(Activity, ({ chatId, activityType }) =>
        activityType === 'typing' ? { kind: 'typing', id, conversation: at(chatId) } : platform,
      );
    case 'createP2PChat':
      return as(Open, ({ userId }) => ({ kind: 'openConversation', with: userId, id, conversation: at(where) }));
    default:
      return E.right(platform);
  }
};
