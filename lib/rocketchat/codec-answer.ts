import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type {
  RocketchatAgent,
  RocketchatAnswer,
  RocketchatAnswers,
  RocketchatConfig,
  RocketchatDepartment,
  RocketchatMessage,
  RocketchatPage,
  RocketchatRoom,
} from './answers.js';
import { problemsOf } from '../problems.js';
import { inquiryOf, messageOf, roomOfWire, visitorOf, Visitor } from './codec-objects.js';
import { given, Id, Inquiry, Instant, isoOf, maybe, Message, read, Room, undecodable } from './codec-wire.js';

type Decoded<T> = E.Either<ChatError, T>;
type Decoder<A extends RocketchatAnswer> = (json: unknown, what: string) => Decoded<RocketchatAnswers[A]>;

const Text = maybe(t.string);
const as =
  <W, T>(codec: t.Type<W, unknown>, what: (value: W) => T) =>
  (json: unknown, name: string): Decoded<T> =>
    E.map(what)(read(codec, json, name));
/** Without anything that somebody needs. */
const nothing = (): Decoded<undefined> => E.right(undefined);

const Info = t.union([t.type({ version: t.string }), t.type({ info: t.type({ version: t.string }) })]);
const MaxChats = t.type({ maxNumberSimultaneousChat: t.union([t.string, t.number]) });
const Agent = t.intersection([
  t.type({ _id: Id }),
  t.partial({
    username: Text,
    name: Text,
    status: Text,
    statusLivechat: Text,
    emails: maybe(t.array(t.type({ address: t.string }))),
    livechat: t.unknown,
    departments: maybe(t.array(t.string)),
  }),
]);
const Department = t.intersection([
  t.type({ _id: Id }),
  t.partial({ name: Text, enabled: maybe(t.boolean), description: Text, numAgents: maybe(t.number) }),
]);
const DepartmentAgent = t.intersection([
  t.type({ agentId: Id }),
  t.partial({ username: Text, order: maybe(t.number) }),
]);

const agentOf = (agent: t.TypeOf<typeof Agent>): RocketchatAgent => {
  const { username, name, status, statusLivechat, emails, livechat, departments } = agent;
  const most = MaxChats.is(livechat) ? livechat.maxNumberSimultaneousChat : '';
  return {
    id: agent._id,
    emails: (emails ?? []).map(({ address }) => address),
    departments: departments ?? [],
    ...(given(username) && { username }),
    ...(given(name) && { name }),
    ...(given(status) && { status }),
    ...(given(statusLivechat) && { isAvailable: statusLivechat === 'available' }),
    ...(most !== '' && Number.isFinite(Number(most)) && { maxChats: Number(most) }),
  };
};
const departmentOf = ({
  _id,
  name,
  enabled,
  description,
  numAgents,
}: t.TypeOf<typeof Department>): RocketchatDepartment => ({
  id: _id,
  isEnabled: enabled !== false,
  ...(given(name) && { name }),
  ...(given(description) && { description }),
  ...(typeof numAgents === 'number' && { agents: numAgents }),
});

const Paging = t.partial({ offset: maybe(t.number), total: maybe(t.number) });
/** A list under a key; without a total, it is all that there is. */
const page =
  <W, T>(key: string, item: t.Type<W, unknown>, itemOf: (wire: W) => T) =>
  (json: unknown, what: string): Decoded<RocketchatPage<T>> => {
    const paging = Paging.is(json) ? json : {};
    return E.map((found: { readonly [key: string]: readonly W[] }): RocketchatPage<T> => {
      const items = (found[key] ?? []).map(itemOf);
      const offset = paging.offset ?? 0;
      return { items, offset, total: paging.total ?? offset + items.length };
    })(read(t.type({ [key]: t.array(item) }), json, what));
  };

/** A message under its key, or all of the answer, as uploads have it. */
const message = as(t.type({ message: t.intersection([Message, t.type({ rid: Id })]) }), (value) =>
  messageOf(value.message),
);
const upload = as(t.intersection([Message, t.type({ rid: Id })]), messageOf);

const room: Decoder<'room'> = (json, what) => {
  // Some versions answer with the room itself.
  const bare = t.UnknownRecord.is(json) && !('room' in json) && '_id' in json;
  const found = read(t.type({ room: Room }), bare ? { room: json } : json, what);
  const isNew = t.UnknownRecord.is(json) && json['newRoom'] === true;
  return E.map(({ room: wire }: { readonly room: t.TypeOf<typeof Room> }) => ({ room: roomOfWire(wire), isNew }))(
    found,
  );
};

/** Of the open room servers tell its id, department and agent here: not even its kind, which is that of visitors. */
const openRoomIn = (open: unknown): { readonly room?: RocketchatRoom } => {
  const whole = t.UnknownRecord.is(open) ? { t: 'l', ...open } : undefined;
  return Room.is(whole) ? { room: roomOfWire(whole) } : {};
};

const Config = t.type({
  config: t.intersection([
    t.type({ enabled: t.boolean }),
    t.partial({
      online: maybe(t.boolean),
      settings: maybe(t.UnknownRecord),
      departments: maybe(t.array(Department)),
      room: t.unknown,
    }),
  ]),
});
const config = as(Config, ({ config: { enabled, online, settings, departments, room: open } }): RocketchatConfig => {
  const most = Number(settings?.['limitTextLength']);
  return {
    isEnabled: enabled,
    isOnline: online === true,
    departments: (departments ?? []).map(departmentOf),
    canUpload: settings?.['fileUpload'] === true,
    settings: settings ?? {},
    ...(most > 0 && { maxTextLength: most }),
    ...openRoomIn(open),
  };
});

const maybeAgent = as(
  t.partial({ user: maybe(Agent), agent: maybe(t.union([Agent, t.UnknownRecord])) }),
  ({ user, agent }) => {
    const found = user ?? agent;
    // `hiddenInfo` in place of an agent.
    return Agent.is(found) ? agentOf(found) : undefined;
  },
);

const Sync = t.type({
  result: t.intersection([
    t.type({ updated: t.array(t.intersection([Message, t.type({ rid: Id })])) }),
    t.partial({ deleted: maybe(t.array(t.type({ _id: Id, _deletedAt: Instant }))) }),
  ]),
});
const Subscriptions = t.intersection([
  t.type({ update: t.array(t.intersection([t.type({ rid: Id }), t.partial({ t: Text })])) }),
  t.partial({ remove: maybe(t.array(t.partial({ rid: Id, t: Text }))) }),
]);

const DECODERS: { readonly [A in RocketchatAnswer]: Decoder<A> } = {
  info: as(Info, (found) => ('info' in found ? found.info.version : found.version)),
  registerVisitor: as(t.type({ visitor: Visitor }), (found) => visitorOf(found.visitor)),
  visitor: as(t.type({ visitor: Visitor }), (found) => visitorOf(found.visitor)),
  deleteVisitor: nothing,
  room,
  rooms: page('rooms', Room, roomOfWire),
  message,
  history: as(t.type({ messages: t.array(t.intersection([Message, t.type({ rid: Id })])) }), ({ messages }) =>
    messages.map(messageOf),
  ),
  inquiries: page('inquiries', Inquiry, inquiryOf),
  inquiry: as(t.partial({ inquiry: maybe(Inquiry) }), ({ inquiry }) => (inquiry ? inquiryOf(inquiry) : undefined)),
  agents: page('users', Agent, agentOf),
  agent: maybeAgent,
  nextAgent: maybeAgent,
  addAgent: as(t.type({ user: t.intersection([t.type({ _id: Id }), t.partial({ username: Text })]) }), ({ user }) =>
    given(user.username) ? { id: user._id, username: user.username } : { id: user._id },
  ),
  status: as(t.type({ status: t.string }), ({ status }) => status),
  transfer: nothing,
  result: as(t.partial({ result: maybe(t.boolean) }), ({ result }) => result !== false),
  transfers: page('history', t.UnknownRecord, (entry) => entry),
  media: as(t.type({ file: t.intersection([t.type({ _id: Id }), t.partial({ url: Text })]) }), ({ file }) =>
    given(file.url) ? { fileId: file._id, url: file.url } : { fileId: file._id },
  ),
  upload,
  departments: page('departments', Department, departmentOf),
  department: as(
    t.intersection([t.type({ department: Department }), t.partial({ agents: maybe(t.array(DepartmentAgent)) })]),
    (found) => ({
      department: departmentOf(found.department),
      agents: (found.agents ?? []).map(({ agentId, username, order }) => ({
        id: agentId,
        ...(given(username) && { username }),
        ...(typeof order === 'number' && { order }),
      })),
    }),
  ),
  config,
  routing: as(t.type({ config: t.UnknownRecord }), (found) => found.config),
  sync: as(Sync, ({ result }) => ({
    updated: result.updated.map(messageOf),
    deleted: (result.deleted ?? []).map(({ _id, _deletedAt }) => ({ id: _id, at: isoOf(_deletedAt) })),
  })),
  subscriptions: as(Subscriptions, ({ update, remove }) => ({
    updated: update.filter(({ t: type }) => type === 'l').map(({ rid }) => rid),
    removed: (remove ?? []).flatMap(({ rid }) => (rid === undefined ? [] : [rid])),
  })),
  receipts: as(t.type({ receipts: t.array(t.type({ userId: Id, ts: Instant })) }), ({ receipts }) =>
    receipts.map(({ userId, ts }) => ({ userId, at: isoOf(ts) })),
  ),
  done: nothing,
};

const Made = t.type({ message: t.type({ _id: Id, rid: Id }) });
/** @internal Which message was made or changed: all that has to be known of it. */
export const decodeMade = (json: unknown, call: string): Decoded<Pick<RocketchatMessage, 'id' | 'roomId'>> => {
  if (Made.is(json)) return E.right({ id: json.message._id, roomId: json.message.rid });
  const decoded = Made.decode(json);
  return E.left(undecodable(`an answer to ${call}`, E.isLeft(decoded) ? problemsOf(decoded.left) : [], true));
};

/** The body of an answer. What was done but cannot be read is in doubt, if the call has an effect. */
export const decodeAnswer = <A extends RocketchatAnswer>(
  answer: A,
  json: unknown,
  call: string = answer,
  hasEffect = false,
): Decoded<RocketchatAnswers[A]> => {
  const decoded = DECODERS[answer](json, `an answer to ${call}`);
  return E.isLeft(decoded)
    ? E.left(undecodable(`an answer to ${call}`, decoded.left.problems ?? [], hasEffect))
    : decoded;
};
