import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import type { JsonObject, OutboundAction } from '../model/index.js';
import { isVersion, type RocketchatMethodCall, type RocketchatRequest } from './codec-request.js';
import { messageIdOf } from './ids.js';
import * as agent from './requests-agent.js';
import * as visitor from './requests-visitor.js';

/** What of an action is not in it: who acts, and what the server is like. */
export type RocketchatDialect = {
  /** The server's version. Default: `8.0`. */
  readonly version?: string;
  /** How many characters a message may have. Default: 5 000 of an agent, any number of a visitor, as servers have it. */
  readonly maxTextLength?: number;
  /** What others see while we are typing: of an agent, the user name. Without, typing is `unsupported`. */
  readonly name?: string;
} & (
  | { readonly as: 'visitor'; readonly token: string }
  | {
      readonly as: 'agent';
      /** Whether options become buttons, which the widget shows, and hardly any other channel. Default: false. */
      readonly hasButtons?: boolean;
      /** What a room is closed with where the action has no comment, since servers ask for one. Default: `Closed`. */
      readonly closingComment?: string;
      /** The id of the room's visitor, which notes and updates need. */
      readonly visitorId?: string;
      /** The tags of the room, which go along with notes and updates: servers take away those that are not named. Default: none. */
      readonly tags?: readonly string[];
    }
);

type Encoded = E.Either<ChatError, RocketchatRequest | RocketchatMethodCall>;
const refuse = (kind: 'unsupported' | 'overflow', sentence: string, reason?: string): E.Either<ChatError, never> =>
  E.left(new ChatError(kind, 'rocketchat', sentence, reason === undefined ? {} : { reason }));

const checked = (text: string, dialect: RocketchatDialect): E.Either<ChatError, string> => {
  const { maxTextLength = dialect.as === 'agent' ? 5_000 : Infinity } = dialect;
  if (text.trim() === '') return refuse('unsupported', 'a message is empty', 'emptyMessage');
  return text.length > maxTextLength
    ? refuse('overflow', `a message has ${text.length} characters, ${maxTextLength} are allowed`)
    : E.right(text);
};
const nothingFor = (kind: string, who: string): E.Either<ChatError, never> =>
  refuse('unsupported', `the server has nothing for ${kind} of ${who}`);

/**
 * An action as the request that makes it: over HTTP, or a call on the socket for `typing`.
 *
 * Messages get an id that is made of the action's: sent twice, they are one. Refuses, before the wire, what the server does
 * not know (`unsupported`) and what is too long (`overflow`). A file is uploaded before: then `media.fileId` is what an agent's
 * upload gave; a visitor's upload is the message. `note` is the topic of the room, which visitors do not see.
 */
export const encodeAction = (action: OutboundAction, dialect: RocketchatDialect): Encoded => {
  const encoded = requestOf(action, dialect);
  const { extra } = action;
  if (extra === undefined || E.isLeft(encoded) || !('route' in encoded.right)) return encoded;
  const { body = {} } = encoded.right;
  const { message } = body;
  // What a message has more belongs to the message.
  const more: JsonObject = t.UnknownRecord.is(message) ? { message: { ...message, ...extra } } : { ...body, ...extra };
  return E.right({ ...encoded.right, body: more });
};

const requestOf = (action: OutboundAction, dialect: RocketchatDialect): Encoded => {
  switch (action.kind) {
    case 'typing':
      return typing(action, dialect);
    case 'platform': {
      const { name, payload } = action;
      if (!t.UnknownRecord.is(payload)) return refuse('unsupported', 'the payload of a request is an object');
      if (!/^(?!.*\.\.)\w[\w./-]*$/.test(name))
        return refuse('unsupported', 'the name of a request is a route below /api/v1/');
      return E.right({
        call: 'platform',
        method: 'POST',
        route: name,
        body: payload,
        as: dialect.as === 'agent' ? 'user' : 'visitor',
      });
    }
    default:
      return dialect.as === 'visitor' ? ofVisitor(action, dialect, dialect.token) : ofAgent(action, dialect);
  }
};

const typing = (
  { conversation, visible }: Extract<OutboundAction, { readonly kind: 'typing' }>,
  dialect: RocketchatDialect,
): Encoded => {
  const { name } = dialect;
  if (visible === false) return refuse('unsupported', 'the server knows no pause that nobody sees');
  if (name === undefined) return refuse('unsupported', 'typing needs a name to show');
  return E.right(
    dialect.as === 'visitor'
      ? visitor.visitorTyping(dialect.token, conversation.id, name, true)
      : agent.agentTyping(conversation.id, name, true),
  );
};

const ofVisitor = (action: OutboundAction, dialect: RocketchatDialect, token: string): Encoded => {
  const rid = action.conversation.id;
  switch (action.kind) {
    case 'text':
      if (action.format === 'html') return refuse('unsupported', 'the server shows no html');
      return E.map((text: string) => visitor.visitorSend(token, rid, messageIdOf(action.id), text))(
        checked(action.text, dialect),
      );
    case 'edit':
      return E.map((text: string) => visitor.visitorEdit(token, rid, action.messageId, text))(
        checked(action.text, dialect),
      );
    case 'remove':
      return E.right(visitor.visitorRemove(token, rid, action.messageId));
    case 'end':
      return E.right(visitor.visitorClose(token, rid));
    case 'handoff': {
      const { to } = action;
      if (to.kind !== 'department') return refuse('unsupported', 'a visitor can go to a department, nowhere else');
      return E.right(visitor.visitorTransfer(token, rid, to.id, dialect.version ?? '8.0'));
    }
    case 'updateContact': {
      const { name, email, phone, customFields } = action;
      const known = textsIn(customFields);
      if (known === undefined) return refuse('unsupported', 'custom fields are texts');
      return E.right(
        visitor.registerVisitor({
          token,
          ...(name !== undefined && { name }),
          ...(email !== undefined && { email }),
          ...(phone !== undefined && { phone }),
          ...(customFields !== undefined && { customFields: known }),
        }),
      );
    }
    default:
      return nothingFor(action.kind, 'a visitor');
  }
};

const ofAgent = (action: OutboundAction, dialect: Extract<RocketchatDialect, { readonly as: 'agent' }>): Encoded => {
  const rid = action.conversation.id;
  const { hasButtons = false, closingComment = 'Closed', version = '8.0' } = dialect;
  switch (action.kind) {
    case 'text':
      if (action.format === 'html') return refuse('unsupported', 'the server shows no html');
      return E.map((text: string) => agent.sendMessage(rid, messageIdOf(action.id), text))(
        checked(action.text, dialect),
      );
    case 'choices': {
      if (!hasButtons) return refuse('unsupported', 'choices need clients that show buttons');
      const { text, choices } = action;
      if (choices.length === 0) return refuse('unsupported', 'choices need at least one option');
      const attachments = [{ button_alignment: 'vertical', actions: choices.map(({ label }) => buttonOf(label)) }];
      return E.map((said: string) => agent.sendMessage(rid, messageIdOf(action.id), said, { attachments }))(
        checked(text, dialect),
      );
    }
    case 'media': {
      const { fileId } = action.media;
      if (fileId === undefined) return refuse('unsupported', 'media needs the id of an upload');
      return E.right(agent.confirmMedia(rid, fileId, action.caption));
    }
    case 'edit':
      return E.map((text: string) => agent.updateMessage(rid, action.messageId, text))(checked(action.text, dialect));
    case 'remove':
      return E.right(agent.deleteMessage(rid, action.messageId));
    case 'end':
      return E.right(agent.closeRoom(rid, { comment: action.comment ?? closingComment }));
    case 'handoff':
      return handoff(action, version);
    case 'note':
    case 'updateContact':
    case 'updateConversation':
      return info(action, dialect);
    default:
      return nothingFor(action.kind, 'an agent');
  }
};

/** A click sends the label as a message of the visitor. */
const buttonOf = (label: string): JsonObject => ({ type: 'button', text: label, msg: label, msg_in_chat_window: true });

const handoff = (
  { conversation, to, comment }: Extract<OutboundAction, { readonly kind: 'handoff' }>,
  version: string,
): Encoded => {
  const said = comment === undefined ? {} : { comment };
  switch (to.kind) {
    case 'department':
      return E.right(agent.forwardRoom(conversation.id, { department: to.id, ...said }));
    case 'agent':
      return E.right(agent.forwardRoom(conversation.id, { agent: to.id, ...said }));
    case 'any':
      return isVersion(version, 7, 12)
        ? E.right(agent.returnInquiry(conversation.id))
        : refuse('unsupported', 'a handoff to anybody needs a server from 7.12: to a department or an agent');
    default:
      return refuse('unsupported', `a handoff to a ${to.kind} has no meaning there: to any, a department or an agent`);
  }
};

const Texts = t.record(t.string, t.string);
const textsIn = (fields: JsonObject = {}): Readonly<Record<string, string>> | undefined =>
  Texts.is(fields) ? fields : undefined;

const info = (
  action: Extract<OutboundAction, { readonly kind: 'note' | 'updateContact' | 'updateConversation' }>,
  { visitorId, tags: before = [] }: Extract<RocketchatDialect, { readonly as: 'agent' }>,
): Encoded => {
  if (visitorId === undefined) return refuse('unsupported', `${action.kind} needs the id of the visitor`);
  const ids = { visitorId, roomId: action.conversation.id, ...(before.length > 0 && { tags: before }) };
  if (action.kind === 'note') return E.right(agent.saveInfo({ ...ids, topic: action.text }));
  const fields = textsIn(action.customFields);
  if (fields === undefined) return refuse('unsupported', 'custom fields are texts');
  const hasFields = action.customFields !== undefined;
  if (action.kind === 'updateConversation') {
    const { subject: topic, topics: tags } = action;
    return E.right(
      agent.saveInfo({
        ...ids,
        ...(topic !== undefined && { topic }),
        ...(tags !== undefined && { tags }),
        ...(hasFields && { roomFields: fields }),
      }),
    );
  }
  const { name, email, phone } = action;
  return E.right(
    agent.saveInfo({
      ...ids,
      ...(name !== undefined && { name }),
      ...(email !== undefined && { email }),
      ...(phone !== undefined && { phone }),
      ...(hasFields && { visitorFields: fields }),
    }),
  );
};
