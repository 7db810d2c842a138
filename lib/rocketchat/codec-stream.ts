import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { InboundEvent, Sender } from '../model/index.js';
import { messageEvents, takenEvent } from './codec-message.js';
import { Draft, type RocketchatArrival } from './codec-draft.js';
import { inquiryEvent, roomEvents } from './codec-room.js';
import {
  Id,
  Inquiry,
  Instant,
  isoOf,
  maybe,
  Message,
  read,
  Room,
  undecodable,
  User,
  type WireMessage,
} from './codec-wire.js';

/** An event of a stream: its collection, without `stream-`, and the fields of its frame. */
export interface RocketchatStreamEvent {
  readonly stream: string;
  readonly eventName: string;
  readonly args: readonly unknown[];
}

type Decoded = E.Either<ChatError, readonly InboundEvent[]>;

const Deleted = t.type({ _id: Id });
const Bulk = t.intersection([t.type({ rid: Id }), t.partial({ ids: maybe(t.array(Id)) })]);
const Until = t.type({ until: Instant });
const Subscription = t.intersection([
  t.type({ rid: Id }),
  t.partial({ t: maybe(t.string), ts: maybe(Instant), u: maybe(User) }),
]);
const Agent = t.intersection([User, t.partial({ hiddenInfo: t.boolean })]);
const RoomNews = t.intersection([t.type({ type: t.string }), t.partial({ data: t.unknown })]);
const QueueNews = t.intersection([Inquiry, t.partial({ type: maybe(t.string), clientAction: t.unknown })]);
const QueueRemoval = t.type({ _id: Id, clientAction: t.literal('removed') });

const one = (event: InboundEvent): Decoded => E.right([event]);

/** Names are all that there is: the visitor's, where it is known, or what visitors are called at first. */
const typist = (name: string, { visitor, self }: RocketchatArrival): Sender => {
  const isVisitor =
    visitor?.username === undefined && visitor?.name === undefined
      ? /^guest-\d+$/.test(name)
      : name === visitor.username || name === visitor.name;
  if (!isVisitor) return { role: 'agent', name };
  return visitor?.id === undefined
    ? { role: 'customer', name }
    : { role: 'customer', id: visitor.id, name, ...(visitor.id === self && { self: true }) };
};

const typing = (rid: string, args: readonly unknown[], draft: Draft): Decoded => {
  const [name, what] = args;
  if (typeof name !== 'string') return E.left(undecodable('a typing event', ['args.0 is not string']));
  const active = Array.isArray(what) ? what.includes('user-typing') : what === true;
  const base = draft.made(rid, `typing ${name} ${String(active)}`);
  return one({ kind: 'progress', what: 'typing', active, ...base, sender: typist(name, draft.arrival) });
};

const removed = (rid: string, id: string, draft: Draft): InboundEvent => ({
  kind: 'removed',
  messageId: id,
  ...draft.known(rid, `${id}~removed`, draft.arrival.at),
});

const roomNotice = (eventName: string, args: readonly unknown[], draft: Draft): Decoded => {
  const slash = eventName.indexOf('/');
  const rid = eventName.slice(0, slash);
  const what = eventName.slice(slash + 1);
  const [first] = args;
  switch (what) {
    case 'user-activity':
    case 'typing':
      return typing(rid, args, draft);
    case 'deleteMessage':
      return E.map(({ _id }: t.TypeOf<typeof Deleted>) => [removed(rid, _id, draft)])(
        read(Deleted, first, 'a deletion'),
      );
    case 'deleteMessageBulk':
      return E.map(({ ids }: t.TypeOf<typeof Bulk>) =>
        ids ? ids.map((id) => removed(rid, id, draft)) : [draft.other(rid, what, `${eventName} ${draft.arrival.id}`)],
      )(read(Bulk, first, 'a deletion'));
    case 'messagesRead':
      return E.map(({ until }: t.TypeOf<typeof Until>): InboundEvent[] => {
        const at = isoOf(until);
        return [{ kind: 'progress', what: 'read', ...draft.made(rid, `read ${at}`, at) }];
      })(read(Until, first, 'a read receipt'));
    default:
      return one(draft.other(rid, what, `${eventName} ${draft.arrival.id}`));
  }
};

const userNotice = (eventName: string, args: readonly unknown[], draft: Draft): Decoded => {
  const [uid = '', what = ''] = eventName.split('/');
  const [action, subject] = args;
  if (what === 'rooms-changed' && action !== 'removed' && Room.is(subject) && subject.t === 'l')
    return E.right(roomEvents(subject, draft));
  if (what !== 'subscriptions-changed') return one(draft.other('', what, `${eventName} ${draft.arrival.id}`));
  const subscription = read(Subscription, subject, 'a subscription');
  if (E.isLeft(subscription)) return subscription;
  const { rid, t: type, ts, u } = subscription.right;
  const base = draft.made(rid, `${what} ${String(action)} ${rid}`);
  if (type !== 'l' || (action !== 'inserted' && action !== 'removed'))
    return one({ kind: 'other', name: what, ...base });
  const member = draft.agent(u ?? { _id: uid });
  if (action === 'removed') return one({ kind: 'membership', change: 'left', members: [member], ...base });
  return one(takenEvent(draft, rid, member, ts == null ? draft.arrival.at : isoOf(ts)));
};

const visitorNotice = (rid: string, news: unknown, draft: Draft): Decoded =>
  E.map(({ type, data }: t.TypeOf<typeof RoomNews>): InboundEvent[] => {
    if (type !== 'agentData' || !t.UnknownRecord.is(data))
      return [draft.other(rid, type, `${type} ${draft.arrival.id}`)];
    if (Agent.is(data)) return [takenEvent(draft, rid, draft.agent(data), draft.arrival.at)];
    return [{ kind: 'handoffTaken', ...draft.made(rid, `taken ${rid}`) }];
  })(read(RoomNews, news, 'a notice to the visitor'));

const queueNotice = (news: unknown, draft: Draft): Decoded => {
  if (QueueRemoval.is(news) && !Inquiry.is(news)) return one(draft.other('', 'inquiry-removed', `removed ${news._id}`));
  return E.map((inquiry: t.TypeOf<typeof QueueNews>) => {
    const type = inquiry.type ?? (inquiry.clientAction === 'removed' ? 'removed' : 'changed');
    return [inquiryEvent(inquiry, type, draft)];
  })(read(QueueNews, news, 'a notice of the queue'));
};

/** @internal A message, and what it tells. */
export interface RoomMessage {
  readonly message: WireMessage;
  readonly events: readonly InboundEvent[];
}

/** @internal An event of `room-messages`. */
export const decodeRoomMessage = (
  { eventName, args }: RocketchatStreamEvent,
  arrival: RocketchatArrival,
): E.Either<ChatError, RoomMessage> => {
  const [first] = args;
  const found = read(Message, first, 'a message');
  if (E.isLeft(found)) return found;
  const { right: message } = found;
  const rid = message.rid ?? (eventName === '__my_messages__' ? undefined : eventName);
  if (rid === undefined) return E.left(undecodable('a message', ['rid is not an id']));
  const decoded = messageEvents(message, rid, new Draft(first, arrival));
  return E.isLeft(decoded) ? decoded : E.right({ message, events: decoded.right });
};

/**
 * An event of a stream as events of ours. What concerns no room has a conversation without an id.
 *
 * | stream | events |
 * | --- | --- |
 * | `room-messages` | those of its message: see `decodeMessage` |
 * | `notify-room` | `progress` (typing, read), `removed` |
 * | `notify-user` | of `subscriptions-changed`: `membership` when a room is given to us or taken away |
 * | `livechat-room` | `handoffTaken` for `agentData` |
 * | `livechat-inquiry-queue-observer` | `other` with the name `queued`, `inquiry-taken`, `inquiry-removed` |
 * | `room-data`, `notify-user` with `rooms-changed` | the life of the room: see `decodeRoom` |
 * | else | `other` |
 */
export const decodeStreamEvent = (event: RocketchatStreamEvent, arrival: RocketchatArrival): Decoded => {
  const { stream, eventName, args } = event;
  const [first] = args;
  switch (stream) {
    case 'room-messages':
      return E.map(({ events }: RoomMessage) => events)(decodeRoomMessage(event, arrival));
    case 'notify-room':
      return roomNotice(eventName, args, new Draft(event, arrival));
    case 'notify-user':
      return userNotice(eventName, args, new Draft(event, arrival));
    case 'livechat-room':
      return visitorNotice(eventName, first, new Draft(event, arrival));
    case 'livechat-inquiry-queue-observer':
      return queueNotice(first, new Draft(event, arrival));
    case 'room-data': {
      const draft = new Draft(first, arrival);
      return E.map((room: t.TypeOf<typeof Room>) => roomEvents(room, draft))(read(Room, first, 'a room'));
    }
    default:
      return one(new Draft(event, arrival).other('', stream, `${stream} ${eventName} ${arrival.id}`));
  }
};

/** What of a message on `__my_messages__` goes along with it. `undefined` where it says nothing. */
export const roomOf = ({
  args,
}: RocketchatStreamEvent): { readonly isLivechat: boolean; readonly isOurs: boolean } | undefined => {
  const about = args[1];
  if (!t.UnknownRecord.is(about)) return undefined;
  return { isLivechat: about['roomType'] === 'l', isOurs: about['roomParticipant'] === true };
};
