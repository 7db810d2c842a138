import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type {
  TrueconfAnswers,
  TrueconfChat,
  TrueconfChatKind,
  TrueconfFileInfo,
  TrueconfMethod,
  TrueconfParticipant,
  TrueconfUploadLimits,
} from './answers.js';
import { decodeContent, decodeListed, decodeMessage, isoOf, roleOf, type TrueconfMessage } from './codec-content.js';
import { trueconfError } from './codec-error.js';
import {
  Chat,
  Extensions,
  FileInfo,
  HeaderText,
  Instant,
  LastMessage,
  Limits,
  maybe,
  Preview,
  read,
  Role,
  undecodable,
} from './codec-wire.js';

type Decoded<T> = E.Either<ChatError, T>;
type Decoder<M extends TrueconfMethod> = (payload: unknown, what: string) => Decoded<TrueconfAnswers[M]>;

const ChatId = t.type({ chatId: t.string });
const Sent = t.type({ chatId: t.string, messageId: t.string, timestamp: Instant });
const SentFile = t.intersection([Sent, t.type({ fileId: t.string })]);
const Edited = t.type({ messageId: t.string, timestamp: Instant });
const Auth = t.intersection([t.type({ userId: t.string }), t.partial({ connectionId: t.string })]);
const Participant = t.intersection([t.type({ userId: t.string }), t.partial({ role: maybe(Role) })]);
const UploadTask = t.type({ uploadTaskId: HeaderText });
const Result = t.partial({ result: t.boolean });

const as =
  <W, T>(codec: t.Type<W, unknown>, what: (value: W) => T) =>
  (payload: unknown, name: string): Decoded<T> =>
    E.map(what)(read(codec, payload, name));

const chatId = as(ChatId, (value) => ({ chatId: value.chatId }));
const sent = as(Sent, ({ chatId: id, messageId, timestamp }) => ({ chatId: id, messageId, at: isoOf(timestamp) }));
const edited = as(Edited, ({ messageId, timestamp }) => ({ messageId, at: isoOf(timestamp) }));
/** Without payload, with an empty one, or with what nobody needs. */
const nothing = (): Decoded<undefined> => E.right(undefined);
const participant = ({ userId, role }: t.TypeOf<typeof Participant>): TrueconfParticipant => ({
  userId,
  role: roleOf(role ?? undefined),
});

const KINDS: Readonly<Record<number, TrueconfChatKind>> = {
  1: 'personal',
  2: 'group',
  3: 'system',
  5: 'favorites',
  6: 'channel',
};
const STATES: readonly TrueconfFileInfo['state'][] = ['unavailable', 'uploading', 'ready'];

const lastMessageOf = (chat: string, last: t.TypeOf<typeof LastMessage>): TrueconfMessage => {
  const content = decodeContent(last.type, last.content);
  return {
    messageId: last.messageId,
    chatId: chat,
    at: isoOf(last.timestamp),
    type: last.type,
    author: { id: last.author.id, isSystem: last.author.type === 0 },
    content: E.isRight(content) ? content.right : { kind: 'other' },
    isEdited: false,
  };
};
const chatOf = (chat: t.TypeOf<typeof Chat>): TrueconfChat => ({
  chatId: chat.chatId,
  kind: Object.hasOwn(KINDS, chat.chatType) ? (KINDS[chat.chatType] ?? 'unknown') : 'unknown',
  unread: chat.unreadMessages ?? 0,
  ...(typeof chat.title === 'string' && { title: chat.title }),
  ...(typeof chat.avatarUrl === 'string' && { avatarUrl: chat.avatarUrl }),
  // A chat is no worse for a last message that we cannot read.
  ...(LastMessage.is(chat.lastMessage) && { lastMessage: lastMessageOf(chat.chatId, chat.lastMessage) }),
});

/** An array, or what an early server wrapped it into. */
const chats: Decoder<'getChats'> = (payload, what) => {
  const list = t.UnknownRecord.is(payload) ? payload['chats'] : payload;
  return E.map((all: readonly t.TypeOf<typeof Chat>[]) => all.map(chatOf))(read(t.array(Chat), list, what));
};

const history: Decoder<'getChatHistory'> = (payload, what) => {
  const list = read(t.type({ messages: t.array(t.unknown) }), payload, what);
  if (E.isLeft(list)) return list;
  const messages: TrueconfMessage[] = [];
  for (const item of list.right.messages) {
    const message = decodeListed(item);
    if (E.isLeft(message)) return message;
    messages.push(message.right);
  }
  return E.right(messages);
};

const fileInfo: Decoder<'getFileInfo'> = (payload, what) => {
  const info = read(FileInfo, payload, what);
  if (E.isLeft(info)) return info;
  const { fileId, infoHash, readyState, name, size, mimeType, downloadUrl, previews } = info.right;
  const id = fileId ?? infoHash;
  if (typeof id !== 'string') return E.left(undecodable(what, ['fileId is not string']));
  return E.right({
    fileId: id,
    state: STATES[readyState] ?? 'unknown',
    previews: (previews ?? []).filter(Preview.is).map((preview) => ({
      downloadUrl: preview.downloadUrl,
      ...(typeof preview.name === 'string' && { name: preview.name }),
      ...(typeof preview.size === 'number' && { sizeBytes: preview.size }),
      ...(typeof preview.mimeType === 'string' && { mimeType: preview.mimeType }),
    })),
    ...(typeof name === 'string' && { name }),
    ...(typeof size === 'number' && { sizeBytes: size }),
    ...(typeof mimeType === 'string' && { mimeType }),
    ...(typeof downloadUrl === 'string' && { downloadUrl }),
  });
};

/** What has no shape that we know is no limit. */
const limits = as(Limits, ({ maxSize, extensions }): TrueconfUploadLimits => ({
  ...(typeof maxSize === 'number' && maxSize > 0 && { maxBytes: maxSize }),
  ...(Extensions.is(extensions) && { extensions: { mode: extensions.mode, list: extensions.list } }),
}));

const DECODERS: { readonly [M in TrueconfMethod]: Decoder<M> } = {
  auth: as(Auth, ({ userId, connectionId }) => (connectionId === undefined ? { userId } : { userId, connectionId })),
  createP2PChat: chatId,
  createGroupChat: chatId,
  createChannel: chatId,
  createFavoritesChat: chatId,
  removeChat: nothing,
  getChats: chats,
  getChatByID: as(Chat, chatOf),
  addChatParticipant: nothing,
  removeChatParticipant: nothing,
  changeParticipantRole: nothing,
  hasChatParticipant: as(t.type({ result: t.boolean }), ({ result }) => result),
  getChatParticipant: as(Participant, participant),
  getChatParticipants: as(t.type({ participants: t.array(Participant) }), ({ participants }) =>
    participants.map(participant),
  ),
  editChatTitle: nothing,
  editChatAvatar: nothing,
  clearHistory: nothing,
  sendMessage: sent,
  editMessage: edited,
  forwardMessage: sent,
  removeMessage: nothing,
  getMessageById: decodeMessage,
  getChatHistory: history,
  sendChatActivity: as(t.partial({ retryAfter: maybe(t.number) }), ({ retryAfter }) =>
    typeof retryAfter === 'number' ? { repeatAfterMs: retryAfter * 1_000 } : {},
  ),
  uploadFile: as(UploadTask, ({ uploadTaskId }) => ({ uploadTaskId })),
  sendFile: as(SentFile, ({ chatId: id, messageId, timestamp, fileId }) => ({
    chatId: id,
    messageId,
    at: isoOf(timestamp),
    fileId,
  })),
  getFileInfo: fileInfo,
  // An answer that does not say otherwise is a yes.
  subscribeFileProgress: (payload, what) => E.map(isTrue)(read(Result, payload ?? {}, what)),
  unsubscribeFileProgress: (payload, what) => E.map(isTrue)(read(Result, payload ?? {}, what)),
  getFileUploadLimits: limits,
  sendSurvey: sent,
  editSurvey: edited,
  getUserDisplayName: as(t.type({ displayName: t.string }), ({ displayName }) => displayName),
};
const isTrue = ({ result }: t.TypeOf<typeof Result>): boolean => result !== false;

const REPEATABLE: ReadonlySet<string> = new Set<TrueconfMethod>([
  'getChats',
  'getChatByID',
  'hasChatParticipant',
  'getChatParticipant',
  'getChatParticipants',
  'getMessageById',
  'getChatHistory',
  'getFileInfo',
  'getFileUploadLimits',
  'getUserDisplayName',
  // They have an effect, and the same one when they are repeated.
  'createP2PChat',
  'createFavoritesChat',
  'subscribeFileProgress',
  'unsubscribeFileProgress',
  'sendChatActivity',
]);

/** Whether a request may be sent again when nothing tells what became of it: it changes nothing, or always to the same. */
export const isRepeatable = (method: string): boolean => REPEATABLE.has(method);

/** Whether an answer is an error, as its code: 0 when it is none. */
export const errorCodeOf = (payload: unknown): number => {
  const code = t.UnknownRecord.is(payload) ? payload['errorCode'] : undefined;
  return typeof code === 'number' ? code : 0;
};

/** The payload of an answer to a call of this method. What was done but cannot be read is in doubt. */
export const decodeAnswer = <M extends TrueconfMethod>(method: M, payload: unknown): Decoded<TrueconfAnswers[M]> => {
  const code = errorCodeOf(payload);
  if (code !== 0) return E.left(trueconfError(method, code, !isRepeatable(method)));
  const decoded = DECODERS[method](payload, `an answer to ${method}`);
  return E.isLeft(decoded)
    ? E.left(undecodable(`an answer to ${method}`, decoded.left.problems ?? [], !isRepeatable(method)))
    : decoded;
};
