import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { TextFormat } from '../model/index.js';
import type { Writable } from '../writable.js';
import { Envelope, maybe, read, Role } from './codec-wire.js';
import type { WireEnvelope } from './codec-wire.js';

/**
 * What is in a message. `forwarded` has the message that was forwarded in it; `other` is of a type that we do not know, or, in
 * lists, one that we cannot read.
 */
export type TrueconfContent =
  | { readonly kind: 'text'; readonly text: string; readonly format: TextFormat }
  | { readonly kind: 'forwarded'; readonly message: TrueconfMessage }
  | {
      readonly kind: 'file';
      readonly fileId: string;
      readonly name: string;
      readonly sizeBytes: number;
      readonly mimeType: string;
      readonly caption?: string;
    }
  | { readonly kind: 'location'; readonly latitude: number; readonly longitude: number; readonly name?: string }
  | { readonly kind: 'survey'; readonly url: string; readonly title: string }
  | {
      readonly kind: 'voice';
      readonly fileId: string;
      readonly sizeBytes: number;
      readonly mimeType: string;
      readonly seconds: number;
    }
  | { readonly kind: 'joined' | 'role'; readonly userId: string; readonly role: string }
  | { readonly kind: 'left'; readonly userId: string }
  | { readonly kind: 'title'; readonly title: string }
  | { readonly kind: 'avatar'; readonly avatarUrl?: string }
  | { readonly kind: 'cleared'; readonly forAll: boolean }
  | { readonly kind: 'other' };

/** A message, as events, history and `message` have it. */
export interface TrueconfMessage {
  readonly messageId: string;
  /** Empty for the last message of a chat that the server does not name. */
  readonly chatId: string;
  /** ISO 8601. */
  readonly at: string;
  /** The number of its type; 200 and above come from users. */
  readonly type: number;
  readonly author: { readonly id: string; readonly isSystem: boolean };
  readonly content: TrueconfContent;
  readonly isEdited: boolean;
  /** Id of the message that it answers. */
  readonly replyTo?: string;
  /** Its place in the chat: by `id`, then by `position`. */
  readonly box?: { readonly id: number; readonly position: string };
}

/** Text as messages and captions have it. */
export const Text = t.intersection([t.type({ text: t.string }), t.partial({ parseMode: t.string })]);
const File = t.intersection([
  t.type({ fileId: t.string, name: t.string, size: t.number, mimeType: t.string }),
  t.partial({ readyState: t.number, caption: maybe(Text) }),
]);
const Location = t.intersection([
  t.type({ latitude: t.number, longitude: t.number }),
  t.partial({ title: maybe(t.string), description: maybe(t.string) }),
]);
const Survey = t.type({ url: t.string, title: t.string });
const Voice = t.type({ fileId: t.string, size: t.number, mimeType: t.string, duration: t.number });
const Member = t.type({ userId: t.string });
const Participant = t.intersection([Member, t.partial({ role: Role })]);
const Title = t.type({ title: t.string });
const Avatar = t.partial({ avatarUrl: maybe(t.string) });
const Cleared = t.partial({ forAll: t.union([t.boolean, t.string]) });

/** An unknown mode is plain text. */
export const formatOf = (parseMode: string | undefined): TextFormat =>
  parseMode === 'html' || parseMode === 'markdown' ? parseMode : 'plain';

const ROLES = ['owner', 'admin', 'user', 'conf_owner', 'conf_moderator', 'favorites_owner', 'writer'];
/** @internal One edition of the documentation numbers the roles. */
export const roleOf = (role: string | number | undefined): string =>
  typeof role === 'number' ? (ROLES[role] ?? String(role)) : (role ?? '');

/** @internal The documentation says boolean, and an official client accepts text. */
export const flag = (value: boolean | string | undefined): boolean => value === true || value === 'true';

/** Messages inside messages are followed so deep. */
const MAX_DEPTH = 16;

const forwarded = (content: unknown, depth: number): E.Either<ChatError, TrueconfContent> => {
  if (depth >= MAX_DEPTH) return E.right({ kind: 'other' });
  if (Text.is(content) && !Envelope.is(content)) {
    return E.right({ kind: 'text', text: content.text, format: formatOf(content.parseMode) });
  }
  const envelope = read(Envelope, content, 'a forwarded message');
  if (E.isLeft(envelope)) return envelope;
  const message = messageOf(envelope.right, depth + 1);
  return E.isLeft(message) ? message : E.right({ kind: 'forwarded', message: message.right });
};

/** The content of a message of this type. */
export const decodeContent = (type: number, content: unknown, depth = 0): E.Either<ChatError, TrueconfContent> => {
  const as = <T>(
    codec: t.Type<T, unknown>,
    what: (value: T) => TrueconfContent,
  ): E.Either<ChatError, TrueconfContent> =>
    E.map(what)(read(codec, content, `the content of a message of type ${type}`));
  switch (type) {
    case 200:
      return as(Text, ({ text, parseMode }) => ({ kind: 'text', text, format: formatOf(parseMode) }));
    case 201:
      return forwarded(content, depth);
    case 202:
      return as(File, ({ fileId, name, size, mimeType, caption }) =>
        caption?.text === undefined
          ? { kind: 'file', fileId, name, sizeBytes: size, mimeType }
          : { kind: 'file', fileId, name, sizeBytes: size, mimeType, caption: caption.text },
      );
    case 203:
      return as(Location, ({ latitude, longitude, title, description }) => {
        const name = title ?? description ?? undefined;
        return name === undefined
          ? { kind: 'location', latitude, longitude }
          : { kind: 'location', latitude, longitude, name };
      });
    case 204:
      return as(Survey, ({ url, title }) => ({ kind: 'survey', url, title }));
    case 205:
      return as(Voice, ({ fileId, size, mimeType, duration }) => ({
        kind: 'voice',
        fileId,
        sizeBytes: size,
        mimeType,
        seconds: duration,
      }));
    case 1:
      return as(Participant, ({ userId, role }) => ({ kind: 'joined', userId, role: roleOf(role) }));
    case 2:
      return as(Member, ({ userId }) => ({ kind: 'left', userId }));
    case 21:
      return as(Title, ({ title }) => ({ kind: 'title', title }));
    case 22:
      return as(Avatar, ({ avatarUrl }) =>
        typeof avatarUrl === 'string' ? { kind: 'avatar', avatarUrl } : { kind: 'avatar' },
      );
    case 23:
      return as(Cleared, ({ forAll }) => ({ kind: 'cleared', forAll: flag(forAll) }));
    case 110:
      return as(Participant, ({ userId, role }) => ({ kind: 'role', userId, role: roleOf(role) }));
    default:
      return E.right({ kind: 'other' });
  }
};

/** @internal */
export const isoOf = (timestamp: number): string => new Date(timestamp).toISOString();

/** @internal */
export const messageOf = (envelope: WireEnvelope, depth = 0): E.Either<ChatError, TrueconfMessage> => {
  const decoded = decodeContent(envelope.type, envelope.content, depth);
  return E.map((content: TrueconfContent) => withContent(envelope, content))(decoded);
};

const withContent = (
  { messageId, chatId, timestamp, type, author, isEdited, replyMessageId, box }: WireEnvelope,
  content: TrueconfContent,
): TrueconfMessage => {
  const message: Writable<TrueconfMessage> = {
    messageId,
    chatId,
    at: isoOf(timestamp),
    type,
    author: { id: author.id, isSystem: author.type === 0 },
    content,
    isEdited: isEdited === true,
  };
  if (typeof replyMessageId === 'string') message.replyTo = replyMessageId;
  if (box) message.box = { id: box.id, position: box.position ?? '0' };
  return message;
};

/** A message as it is on the wire. */
export const decodeMessage = (payload: unknown): E.Either<ChatError, TrueconfMessage> => {
  const envelope = read(Envelope, payload, 'a message');
  return E.isLeft(envelope) ? envelope : messageOf(envelope.right);
};

/** @internal The same in a list, which is no worse for a content that we cannot read: it is `other`. */
export const decodeListed = (payload: unknown): E.Either<ChatError, TrueconfMessage> => {
  const message = decodeMessage(payload);
  if (E.isRight(message) || !t.UnknownRecord.is(payload)) return message;
  const envelope = read(Envelope, { ...payload, content: {} }, 'a message');
  return E.map((found: WireEnvelope) => withContent(found, { kind: 'other' }))(envelope);
};
