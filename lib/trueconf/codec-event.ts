import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { InboundEvent } from '../model/index.js';
import type { TrueconfRequestFrame } from './codec-frame.js';
import { decodeContent, formatOf, Text, type TrueconfContent } from './codec-content.js';
import { Author, Chat, Envelope, Instant, Limits, maybe, read, Role } from './codec-wire.js';
import { Draft, type TrueconfArrival } from './codec-draft.js';

const Removed = t.intersection([
  t.type({ chatId: t.string, messageId: t.string }),
  t.partial({ removedBy: maybe(Author) }),
]);
const Edited = t.intersection([
  t.type({ chatId: t.string, timestamp: Instant, content: Text }),
  t.partial({ messageId: maybe(t.string) }),
]);
const Joined = t.intersection([
  t.type({ chatId: t.string, userId: t.string }),
  t.partial({ timestamp: Instant, addedBy: maybe(Author) }),
]);
const Left = t.intersection([
  t.type({ chatId: t.string, userId: t.string }),
  t.partial({ timestamp: Instant, removedBy: maybe(Author) }),
]);
const RoleChanged = t.intersection([
  t.type({ chatId: t.string, userId: t.string, role: Role }),
  t.partial({ timestamp: Instant }),
]);
const InChat = t.type({ chatId: t.string });
const Titled = t.type({ chatId: t.string, title: t.string });
const Pictured = t.intersection([InChat, t.partial({ avatarUrl: maybe(t.string) })]);
const Progress = t.type({ fileId: t.string, progress: t.number });
const Command = t.intersection([
  t.type({ commandPayload: t.type({ command: t.string }) }),
  t.partial({ commandSource: maybe(t.partial({ message: maybe(Envelope) })) }),
]);

type Decoded = E.Either<ChatError, InboundEvent>;

const messageEvent = (frame: TrueconfRequestFrame, draft: Draft): Decoded => {
  const envelope = read(Envelope, frame.payload, 'a sendMessage event');
  if (E.isLeft(envelope)) return envelope;
  const { messageId, chatId, timestamp, type, author, content, replyMessageId } = envelope.right;
  const decoded = decodeContent(type, content);
  if (E.isLeft(decoded)) return decoded;
  const sender = draft.senderOf(author.id, author.type === 0 || type < 200);
  const base = draft.posted(chatId, timestamp, messageId, sender);
  return E.right(contentEvent(decoded.right, type, base, draft, replyMessageId ?? undefined));
};

type Base = ReturnType<Draft['posted']>;

/** A forwarded message is what it forwards: the person passes it on to us. That it was forwarded is in `raw`. */
const contentEvent = (
  content: TrueconfContent,
  type: number,
  base: Base,
  draft: Draft,
  replyTo?: string,
): InboundEvent => {
  const said = replyTo === undefined ? base : { replyTo, ...base };
  switch (content.kind) {
    case 'text':
      return { kind: 'message', text: content.text, format: content.format, ...said };
    case 'forwarded':
      return contentEvent(content.message.content, content.message.type, base, draft, replyTo);
    case 'file': {
      const { fileId, name, mimeType, sizeBytes, caption } = content;
      const media = { fileId, name, mimeType, sizeBytes };
      return caption === undefined ? { kind: 'media', media, ...said } : { kind: 'media', media, caption, ...said };
    }
    case 'voice': {
      const { fileId, mimeType, sizeBytes } = content;
      return { kind: 'media', media: { fileId, mimeType, sizeBytes }, ...said };
    }
    case 'location': {
      const { latitude, longitude, name } = content;
      return name === undefined
        ? { kind: 'location', latitude, longitude, ...said }
        : { kind: 'location', latitude, longitude, name, ...said };
    }
    case 'joined':
    case 'left':
    case 'role':
      return { kind: 'membership', change: content.kind, members: [draft.senderOf(content.userId)], ...base };
    default:
      return { kind: 'other', name: NAMES[content.kind] ?? `message of type ${type}`, ...base };
  }
};

/** The method of the event that says the same. */
const NAMES: Readonly<Record<string, string>> = {
  survey: 'survey',
  title: 'editChatTitle',
  avatar: 'editChatAvatar',
  cleared: 'clearHistory',
};

/**
 * A request of the server as an event.
 *
 * | method | kind |
 * | --- | --- |
 * | `sendMessage` | `message`, `media`, `location`, `membership`, or `other` for surveys, what changed a chat, and unknown types |
 * | `editMessage` | `edited`; `other` where the server does not say which message |
 * | `removeMessage` | `removed` |
 * | `createP2PChat`, `createGroupChat`, `createChannel`, `createFavoritesChat` | `started` |
 * | `removeChat` | `ended` |
 * | `addChatParticipant`, `removeChatParticipant`, `changeParticipantRole` | `membership` |
 * | `command` | `choice` |
 * | `uploadFileProgress` | `progress` |
 * | `editChatTitle`, `editChatAvatar`, `clearHistory`, `getFileUploadLimits` | `other` |
 *
 * What belongs to no chat has a conversation without an id: uploads, limits, and a button of a message that is not named.
 * Methods that we do not know become `other`.
 */
export const decodeEvent = (frame: TrueconfRequestFrame, arrival: TrueconfArrival): Decoded => {
  const draft = new Draft(frame, arrival);
  const { method, payload } = frame;
  const as = <T>(codec: t.Type<T, unknown>, event: (value: T) => InboundEvent): Decoded =>
    E.map(event)(read(codec, payload, `a ${method} event`));
  const other = (chatId: string, name = method): InboundEvent => ({ kind: 'other', name, ...draft.in(chatId) });

  switch (method) {
    case 'sendMessage':
      return messageEvent(frame, draft);
    case 'editMessage':
      return as(Edited, ({ chatId, messageId, timestamp, content: { text, parseMode } }) =>
        typeof messageId === 'string'
          ? { kind: 'edited', messageId, text, format: formatOf(parseMode), ...draft.in(chatId, timestamp) }
          : other(chatId),
      );
    case 'removeMessage':
      return as(Removed, ({ chatId, messageId, removedBy }) => ({
        kind: 'removed',
        messageId,
        ...draft.in(chatId),
        ...(removedBy && { sender: draft.senderOf(removedBy.id, removedBy.type === 0) }),
      }));
    case 'createP2PChat':
    case 'createGroupChat':
    case 'createChannel':
    case 'createFavoritesChat':
      return as(Chat, ({ chatId }) => ({ kind: 'started', ...draft.in(chatId) }));
    case 'removeChat':
      return as(InChat, ({ chatId }) => ({ kind: 'ended', ...draft.in(chatId) }));
    case 'addChatParticipant':
      return as(Joined, ({ chatId, userId, timestamp, addedBy }) =>
        membership(draft, 'joined', chatId, userId, timestamp, addedBy),
      );
    case 'removeChatParticipant':
      return as(Left, ({ chatId, userId, timestamp, removedBy }) =>
        membership(draft, 'left', chatId, userId, timestamp, removedBy),
      );
    case 'changeParticipantRole':
      return as(RoleChanged, ({ chatId, userId, timestamp }) => membership(draft, 'role', chatId, userId, timestamp));
    case 'command':
      return as(Command, ({ commandSource, commandPayload: { command } }) => ({
        kind: 'choice',
        choice: { id: command },
        ...draft.in(commandSource?.message?.chatId ?? ''),
      }));
    case 'uploadFileProgress':
    case 'uploadingProgress':
      return as(Progress, () => ({ kind: 'progress', what: 'upload', active: true, ...draft.in('') }));
    case 'editChatTitle':
      return as(Titled, ({ chatId }) => other(chatId));
    case 'editChatAvatar':
      return as(Pictured, ({ chatId }) => other(chatId));
    case 'clearHistory':
      return as(InChat, ({ chatId }) => other(chatId));
    case 'getFileUploadLimits':
      return as(Limits, () => other(''));
    default:
      return E.right(other(InChat.is(payload) ? payload.chatId : ''));
  }
};

const membership = (
  draft: Draft,
  change: 'joined' | 'left' | 'role',
  chatId: string,
  userId: string,
  timestamp?: number,
  by?: t.TypeOf<typeof Author> | null,
): InboundEvent => ({
  kind: 'membership',
  change,
  members: [draft.senderOf(userId)],
  ...draft.in(chatId, timestamp),
  ...(by && { sender: draft.senderOf(by.id, by.type === 0) }),
});
