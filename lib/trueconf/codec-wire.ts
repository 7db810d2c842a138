import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import { problemsOf } from '../problems.js';

// The shapes on the wire, from the vendor's documentation of the chatbot connector and the official clients for Python (1.4.4)
// and TypeScript (1.2.9). Fields that we do not know are fine.

/** @internal Unset is absent with one client, and null with the other. */
export const maybe = <C extends t.Mixed>(codec: C): t.UnionC<[C, t.NullC, t.UndefinedC]> =>
  t.union([codec, t.null, t.undefined]);

const LATEST = 8.64e15;
const isInstant = (value: unknown): value is number => typeof value === 'number' && Math.abs(value) <= LATEST;
/** @internal Milliseconds since 1970, within what a date can hold. */
export const Instant = new t.Type<number>(
  'milliseconds since 1970',
  isInstant,
  (value, context) => (isInstant(value) ? t.success(value) : t.failure(value, context)),
  t.identity,
);

const isHeaderText = (value: unknown): value is string => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
/** @internal What goes on as a header. */
export const HeaderText = new t.Type<string>(
  'visible ASCII signs',
  isHeaderText,
  (value, context) => (isHeaderText(value) ? t.success(value) : t.failure(value, context)),
  t.identity,
);

/** @internal */
export const Author = t.intersection([t.type({ id: t.string }), t.partial({ type: maybe(t.number) })]);
/** @internal */
export const Role = t.union([t.string, t.number]);

/** @internal A message; what `content` is depends on `type`. */
export const Envelope = t.intersection([
  t.type({
    messageId: t.string,
    chatId: t.string,
    timestamp: Instant,
    type: t.number,
    author: Author,
    content: t.UnknownRecord,
  }),
  t.partial({
    box: maybe(t.intersection([t.type({ id: t.number }), t.partial({ position: maybe(t.string) })])),
    isEdited: maybe(t.boolean),
    replyMessageId: maybe(t.string),
  }),
]);
/** @internal */
export type WireEnvelope = t.TypeOf<typeof Envelope>;

/** @internal */
export const LastMessage = t.intersection([
  t.type({ messageId: t.string, timestamp: Instant, author: Author, type: t.number }),
  t.partial({ chatId: maybe(t.string), content: t.unknown }),
]);

/** @internal */
export const Chat = t.intersection([
  t.type({ chatId: t.string, chatType: t.number }),
  t.partial({
    title: maybe(t.string),
    unreadMessages: maybe(t.number),
    avatarUrl: maybe(t.string),
    lastMessage: t.unknown,
  }),
]);

/** @internal */
export const Limits = t.partial({
  maxSize: maybe(t.number),
  extensions: t.unknown,
});
/** @internal */
export const Extensions = t.type({
  mode: t.union([t.literal('allow'), t.literal('block')]),
  list: t.array(t.string),
});

/** @internal */
export const Preview = t.intersection([
  t.type({ downloadUrl: t.string }),
  t.partial({ name: maybe(t.string), size: maybe(t.number), mimeType: maybe(t.string) }),
]);

/** @internal While a file is not available, most is missing. Older servers say `infoHash`. */
export const FileInfo = t.intersection([
  t.type({ readyState: t.number }),
  t.partial({
    fileId: maybe(t.string),
    infoHash: maybe(t.string),
    name: maybe(t.string),
    size: maybe(t.number),
    mimeType: maybe(t.string),
    downloadUrl: maybe(t.string),
    previews: maybe(t.array(t.unknown)),
  }),
]);

/** @internal What breaks the protocol; `what` begins the sentence. */
export const undecodable = (what: string, problems: readonly string[], inDoubt = false): ChatError =>
  new ChatError('undecodable', 'trueconf', `${what} breaks the protocol: ${problems.join('; ')}`, {
    problems,
    inDoubt,
  });

/** @internal Asks first whether it is good, because decoding keeps a path for each value that it looks at. */
export const read = <T>(codec: t.Type<T, unknown>, value: unknown, what: string): E.Either<ChatError, T> => {
  if (codec.is(value)) return E.right(value);
  const decoded = codec.decode(value);
  return E.isLeft(decoded) ? E.left(undecodable(what, problemsOf(decoded.left))) : E.right(decoded.right);
};
