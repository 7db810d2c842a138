import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { InboundEvent, Sender } from '../model/index.js';
import type { Writable } from '../writable.js';
import { forwardedEvent, endedEvent, messageEvents, takenEvent } from './codec-message.js';
import { Draft, lifeId, undecodableEvent, type RocketchatArrival } from './codec-draft.js';
import { closerOf } from './codec-room.js';
import { given, Id, Instant, isoOf, maybe, Message, read, Served, undecodable } from './codec-wire.js';

/** What a webhook tells. */
export interface RocketchatWebhook {
  /** `Message`, `LivechatSession` (closed), `LivechatSessionStart`, …: as it came. */
  readonly type: string;
  /** The room; empty for an offline message. */
  readonly rid: string;
  /** What it is about: one event, or two for a message that was edited and for a room that was given to an agent. */
  readonly events: readonly InboundEvent[];
  /** What was said before, oldest first, as far as it came along: old messages, and those whose own webhook got lost. */
  readonly transcript: readonly InboundEvent[];
}

// A test of the webhook has texts in place of lists, an empty id, and no token.
const Contacts = (key: string) => maybe(t.union([t.string, t.array(t.partial({ [key]: t.string }))]));
const Visitor = t.intersection([
  t.type({ _id: t.string }),
  t.partial({
    username: maybe(t.string),
    name: maybe(t.string),
    email: Contacts('address'),
    phone: Contacts('phoneNumber'),
  }),
]);
const Session = t.intersection([
  t.type({ _id: Id, type: t.string }),
  t.partial({
    createdAt: maybe(Instant),
    visitor: maybe(Visitor),
    messages: maybe(t.array(t.unknown)),
    departmentId: maybe(t.string),
    oldDepartmentId: maybe(t.string),
    servedBy: maybe(Served),
    oldServedBy: maybe(Served),
    closedAt: maybe(Instant),
    closer: maybe(t.string),
    closedBy: maybe(t.partial({ _id: t.string, username: maybe(t.string) })),
  }),
]);
type WireSession = t.TypeOf<typeof Session>;
const Offline = t.intersection([
  t.type({ type: t.literal('LivechatOfflineMessage') }),
  t.partial({
    sentAt: maybe(Instant),
    visitor: maybe(t.partial({ name: maybe(t.string), email: maybe(t.string) })),
    message: maybe(t.string),
  }),
]);

const firstOf = (
  list: string | readonly Readonly<Record<string, string | undefined>>[] | null | undefined,
  key: string,
) => (typeof list === 'string' ? list : list?.[0]?.[key]);

const customerOf = (session: WireSession, draft: Draft): Sender | undefined => {
  const { visitor } = session;
  if (!visitor || visitor._id === '') return undefined;
  const sender: Writable<Sender> = draft.customer(visitor);
  const [email, phone] = [firstOf(visitor.email, 'address'), firstOf(visitor.phone, 'phoneNumber')];
  if (given(email)) sender.email = email;
  if (given(phone)) sender.phone = phone;
  return sender;
};

/** What is known of the parts of a webhook. Key by key: a spread with more behind it takes many times as long. */
const within = ({ id, at, self, account, baseUrl }: RocketchatArrival, session: WireSession): RocketchatArrival => {
  const known: Writable<RocketchatArrival> = { id, at, rid: session._id };
  if (self !== undefined) known.self = self;
  if (account !== undefined) known.account = account;
  if (baseUrl !== undefined) known.baseUrl = baseUrl;
  const visitor = session.visitor?._id;
  if (given(visitor)) known.visitor = { id: visitor };
  return known;
};

/** The items as events. One that cannot be read is an event, too, so that it hides none of the others. */
const itemsOf = (session: WireSession, arrival: RocketchatArrival): readonly InboundEvent[] => {
  const { _id: rid, messages } = session;
  if (messages == null) return [];
  const known = within(arrival, session);
  const [only] = messages;
  return messages.length === 1
    ? itemEvents(only, 0, rid, known)
    : messages.flatMap((item, index) => itemEvents(item, index, rid, known));
};

const itemEvents = (item: unknown, index: number, rid: string, known: RocketchatArrival): readonly InboundEvent[] => {
  const message = read(Message, item, 'a message of a webhook');
  const decoded = E.isLeft(message)
    ? message
    : messageEvents(message.right, message.right.rid ?? rid, new Draft(item, known));
  if (E.isRight(decoded)) return decoded.right;
  return [undecodableEvent(item, decoded.left.problems ?? [], rid, { ...known, id: `${known.id}.${index + 1}` })];
};

const lifeEvents = (session: WireSession, draft: Draft): readonly InboundEvent[] => {
  const { type, _id: rid, createdAt, servedBy, departmentId, oldDepartmentId, closedAt, closer, closedBy } = session;
  const sender = customerOf(session, draft);
  const from = sender === undefined ? {} : { sender };
  const createdOr = createdAt == null ? draft.arrival.at : isoOf(createdAt);
  const servedAt = servedBy?.ts == null ? draft.arrival.at : isoOf(servedBy.ts);
  switch (type) {
    case 'LivechatSessionStart':
      return [{ kind: 'started', ...draft.known(rid, lifeId(rid, 'started'), createdOr), ...from }];
    case 'LivechatSessionQueued': {
      const id = lifeId(rid, 'queued', given(departmentId) ? departmentId : '');
      return [{ kind: 'other', name: 'queued', ...draft.known(rid, id, draft.arrival.at), ...from }];
    }
    case 'LivechatSessionTaken':
      return [takenEvent(draft, rid, servedBy ? draft.agent(servedBy) : undefined, servedAt)];
    case 'LivechatSessionForwarded': {
      const isMoved = given(departmentId) && (given(oldDepartmentId) ? oldDepartmentId !== departmentId : !servedBy);
      if (isMoved) return [forwardedEvent(draft, rid, `department:${departmentId}`, draft.arrival.at)];
      if (!servedBy) return [forwardedEvent(draft, rid, 'queue', draft.arrival.at)];
      const forwarded = forwardedEvent(draft, rid, `agent:${servedBy._id}`, servedAt);
      // Who got it has it: nothing else may tell.
      return [forwarded, takenEvent(draft, rid, draft.agent(servedBy), servedAt)];
    }
    case 'LivechatSession': {
      const at = closedAt == null ? draft.arrival.at : isoOf(closedAt);
      return [endedEvent(draft, rid, at, closerOf(draft, closer, closedBy))];
    }
    default:
      return [draft.other(rid, type, `${type} ${rid} ${createdOr}`)];
  }
};

/**
 * What the omnichannel webhook posts, https://docs.rocket.chat/docs/omnichannel-webhooks (read 2025-03-01). Its secret is a
 * header, to be compared before.
 *
 * | type | event |
 * | --- | --- |
 * | `Message` | that of its message: see `decodeMessage` |
 * | `LivechatSessionStart` | `started` |
 * | `LivechatSessionTaken` | `handoffTaken`; `membership` when we took it |
 * | `LivechatSessionForwarded` | `other` with the name `forwarded`; for an agent, the one of `LivechatSessionTaken` behind it |
 * | `LivechatSessionQueued` | `other` with the name `queued` |
 * | `LivechatSession` | `ended` |
 * | `LivechatOfflineMessage`, `LivechatEdit`, `LeadCapture`, unknown ones | `other` with that name |
 *
 * What was said with the comment of a close is part of the transcript, as `ended`.
 */
export const decodeWebhook = (json: unknown, arrival: RocketchatArrival): E.Either<ChatError, RocketchatWebhook> => {
  const draft = new Draft(json, arrival);
  if (Offline.is(json)) {
    const { type, sentAt, visitor } = json;
    const at = sentAt == null ? arrival.at : isoOf(sentAt);
    const sender: Writable<Sender> = { role: 'customer' };
    if (given(visitor?.name)) sender.name = visitor.name;
    if (given(visitor?.email)) sender.email = visitor.email;
    const event: InboundEvent = { kind: 'other', name: type, ...draft.made('', `${type} ${at}`, at), sender };
    return E.right({ type, rid: '', events: [event], transcript: [] });
  }
  const found = read(Session, json, 'a webhook');
  if (E.isLeft(found)) return found;
  const session = found.right;
  const { type, _id: rid } = session;
  const items = itemsOf(session, arrival);
  if (type !== 'Message') return E.right({ type, rid, events: lifeEvents(session, draft), transcript: items });
  return items.length === 0
    ? E.left(undecodable('a webhook', ['messages has no message']))
    : E.right({ type, rid, events: items, transcript: [] });
};
