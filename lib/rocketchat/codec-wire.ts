import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import { isoReader, isoWriter } from '../iso-instants.js';
import { problemsOf } from '../problems.js';

// The shapes on the wire, from the server's public sources and typings (6.3 to 8.8). Fields that we do not know are fine.

/** @internal Unset is absent here, and null there. What is not there is no question for the codec. */
export const maybe = <C extends t.Mixed>(codec: C): t.UnionC<[C, t.NullC, t.UndefinedC]> => {
  const union = t.union([codec, t.null, t.undefined]);
  const is = (value: unknown): value is typeof union._A => value == null || codec.is(value);
  return new t.UnionType(union.name, is, union.validate, union.encode, union.types);
};

/** @internal ISO text over HTTP, EJSON on the socket. */
export type WireInstant = string | { readonly $date: number };

const ISO = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)$/;
const LATEST = 8.64e15;
const readIso = isoReader();
const writeIso = isoWriter();
const isInstant = (value: unknown): value is WireInstant => {
  if (typeof value === 'string') return ISO.test(value) && !Number.isNaN(readIso(value));
  if (typeof value !== 'object' || value === null || !('$date' in value)) return false;
  return typeof value.$date === 'number' && Math.abs(value.$date) <= LATEST;
};
/** @internal */
export const Instant = new t.Type<WireInstant>(
  'a date',
  isInstant,
  (value, context) => (isInstant(value) ? t.success(value) : t.failure(value, context)),
  t.identity,
);
/** @internal In milliseconds since 1970. */
export const msOf = (instant: WireInstant): number => (typeof instant === 'string' ? readIso(instant) : instant.$date);

/** @internal */
export const isoOf = (instant: WireInstant): string => writeIso(msOf(instant));

const isId = (value: unknown): value is string => typeof value === 'string' && value !== '';
/** @internal */
export const Id = new t.Type<string>(
  'an id',
  isId,
  (value, context) => (isId(value) ? t.success(value) : t.failure(value, context)),
  t.identity,
);

/** @internal */
export const User = t.intersection([
  t.type({ _id: Id }),
  t.partial({ username: maybe(t.string), name: maybe(t.string) }),
]);
/** @internal */
export type WireUser = t.TypeOf<typeof User>;

/** @internal */
export const File = t.intersection([
  t.type({ _id: Id }),
  t.partial({ name: maybe(t.string), type: maybe(t.string), size: maybe(t.number) }),
]);
/** @internal */
export const FileUpload = t.partial({
  publicFilePath: maybe(t.string),
  type: maybe(t.string),
  size: maybe(t.union([t.number, t.string])),
});

/** @internal What a transfer says; older servers name no `userType`. */
export const Transfer = t.partial({
  scope: maybe(t.string),
  comment: maybe(t.string),
  previousDepartment: maybe(t.string),
  nextDepartment: maybe(t.intersection([t.type({ _id: Id }), t.partial({ name: maybe(t.string) })])),
  transferredTo: maybe(User),
  transferredBy: maybe(t.partial({ _id: t.string, username: maybe(t.string), name: maybe(t.string) })),
});

/** @internal A message: of REST, of the socket, or an item of a webhook, which has no `rid` sometimes and no `t`. */
export const Message = t.intersection([
  t.type({ _id: Id, ts: Instant, u: User }),
  t.partial({
    rid: Id,
    msg: maybe(t.string),
    t: maybe(t.string),
    token: maybe(t.string),
    alias: maybe(t.string),
    tmid: maybe(t.string),
    editedAt: maybe(Instant),
    _updatedAt: maybe(Instant),
    attachments: maybe(t.array(t.unknown)),
    file: maybe(File),
    fileUpload: maybe(FileUpload),
    transferData: maybe(Transfer),
    bot: t.unknown,
    agentId: maybe(t.string),
    closingMessage: maybe(t.boolean),
  }),
]);
/** @internal */
export type WireMessage = t.TypeOf<typeof Message>;

/** @internal The visitor, as rooms, inquiries and subscriptions have it. */
export const RoomVisitor = t.intersection([
  t.type({ _id: Id }),
  t.partial({ username: maybe(t.string), token: maybe(t.string), status: maybe(t.string), name: maybe(t.string) }),
]);

/** @internal */
export const Served = t.intersection([
  t.type({ _id: Id }),
  t.partial({ username: maybe(t.string), name: maybe(t.string), ts: maybe(Instant) }),
]);

/** @internal `open` is absent once the room is closed. */
export const Room = t.intersection([
  t.type({ _id: Id, t: t.string }),
  t.partial({
    fname: maybe(t.string),
    ts: maybe(Instant),
    lm: maybe(Instant),
    _updatedAt: maybe(Instant),
    open: maybe(t.boolean),
    v: maybe(RoomVisitor),
    servedBy: maybe(Served),
    departmentId: maybe(t.string),
    source: maybe(t.partial({ type: maybe(t.string) })),
    queuedAt: maybe(Instant),
    waitingResponse: maybe(t.boolean),
    msgs: maybe(t.number),
    tags: maybe(t.array(t.string)),
    topic: maybe(t.string),
    livechatData: maybe(t.UnknownRecord),
    closedAt: maybe(Instant),
    closer: maybe(t.string),
    closedBy: maybe(t.partial({ _id: t.string, username: maybe(t.string) })),
    onHold: maybe(t.boolean),
    contactId: maybe(t.string),
    verified: maybe(t.boolean),
  }),
]);
/** @internal */
export type WireRoom = t.TypeOf<typeof Room>;

/** @internal */
export const Inquiry = t.intersection([
  t.type({ _id: Id, rid: Id }),
  t.partial({
    name: maybe(t.string),
    ts: maybe(Instant),
    _updatedAt: maybe(Instant),
    message: maybe(t.string),
    status: maybe(t.string),
    v: maybe(RoomVisitor),
    department: maybe(t.string),
    queuedAt: maybe(Instant),
    takenAt: maybe(Instant),
    defaultAgent: maybe(t.intersection([t.type({ agentId: Id }), t.partial({ username: maybe(t.string) })])),
  }),
]);
/** @internal */
export type WireInquiry = t.TypeOf<typeof Inquiry>;

/** @internal A text that is there and not empty. */
export const given = (text: string | null | undefined): text is string => typeof text === 'string' && text !== '';

/** @internal What breaks the protocol; `what` begins the sentence. */
export const undecodable = (what: string, problems: readonly string[], inDoubt = false): ChatError =>
  new ChatError('undecodable', 'rocketchat', `${what} breaks the protocol: ${problems.join('; ')}`, {
    problems,
    inDoubt,
  });

/** @internal Asks first whether it is good, because decoding keeps a path for each value that it looks at. */
export const read = <T>(codec: t.Type<T, unknown>, value: unknown, what: string): E.Either<ChatError, T> => {
  if (codec.is(value)) return E.right(value);
  const decoded = codec.decode(value);
  return E.isLeft(decoded) ? E.left(undecodable(what, problemsOf(decoded.left))) : E.right(decoded.right);
};
