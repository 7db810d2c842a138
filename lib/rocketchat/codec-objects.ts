import * as t from 'io-ts';
import type { Writable } from '../writable.js';
import type {
  RocketchatGuest,
  RocketchatInquiry,
  RocketchatMessage,
  RocketchatRoom,
  RocketchatVisitor,
} from './answers.js';
import { attachedTo } from './codec-media.js';
import {
  given,
  Id,
  isoOf,
  maybe,
  type RoomVisitor,
  type WireInquiry,
  type WireInstant,
  type WireMessage,
  type WireRoom,
} from './codec-wire.js';

const Text = maybe(t.string);
/** @internal */
export const Visitor = t.intersection([
  t.type({ _id: Id, token: Id }),
  t.partial({
    username: Text,
    name: Text,
    visitorEmails: maybe(t.array(t.type({ address: t.string }))),
    phone: maybe(t.array(t.type({ phoneNumber: t.string }))),
    department: Text,
    status: Text,
    livechatData: maybe(t.UnknownRecord),
  }),
]);

/** Neither enumerable, nor in JSON: what only who asks for it is to see. */
const withSecret = <T extends object, K extends string, V>(
  object: T,
  key: K,
  value: V,
): T & { readonly [key in K]: V } => Object.defineProperty(object, key, { value }) as T & { readonly [key in K]: V };

/** The texts that are there. */
const texts = <K extends string>(
  fields: Readonly<Record<K, string | null | undefined>>,
): { readonly [key in K]?: string } => {
  const found: { [key in K]?: string } = {};
  for (const key in fields) {
    const text = fields[key];
    if (given(text)) found[key] = text;
  }
  return found;
};
const instant = (value: WireInstant | null | undefined): string | undefined =>
  value == null ? undefined : isoOf(value);

/** @internal */
export const visitorOf = (visitor: t.TypeOf<typeof Visitor>): RocketchatVisitor => {
  const { _id: id, token, username, name, visitorEmails, phone, department, status, livechatData } = visitor;
  const known = texts({
    username,
    name,
    email: visitorEmails?.[0]?.address,
    phone: phone?.[0]?.phoneNumber,
    department,
    status,
  });
  return withSecret({ id, customFields: livechatData ?? {}, ...known }, 'token', token);
};

const guestOf = ({ _id: id, username, name, status }: t.TypeOf<typeof RoomVisitor>): RocketchatGuest => ({
  id,
  ...texts({ username, name, status }),
});

/** @internal */
export const roomOfWire = (room: WireRoom): RocketchatRoom => {
  const { _id: id, open, fname: label, v, servedBy, departmentId, source, tags, topic, onHold, livechatData } = room;
  const { ts, lm, _updatedAt, closedAt, closer } = room;
  const known = texts({ label, departmentId, source: source?.type, topic });
  const instants = texts({
    startedAt: instant(ts),
    lastMessageAt: instant(lm),
    updatedAt: instant(_updatedAt),
    closedAt: instant(closedAt),
  });
  const base: Writable<Omit<RocketchatRoom, 'raw'>> = {
    id,
    isOpen: open === true,
    tags: tags ?? [],
    isOnHold: onHold === true,
    customFields: livechatData ?? {},
    ...known,
    ...instants,
  };
  if (v) base.visitor = guestOf(v);
  if (servedBy)
    base.servedBy = { id: servedBy._id, ...texts({ username: servedBy.username, since: instant(servedBy.ts) }) };
  if (given(closer)) base.closedBy = closer === 'visitor' ? 'visitor' : 'agent';
  return withSecret(base, 'raw', room);
};

/** @internal */
export const messageOf = (message: WireMessage & { readonly rid: string }): RocketchatMessage => {
  const { _id: id, rid: roomId, msg, ts, u, token, t: type, editedAt, _updatedAt } = message;
  const { media, replyTo } = attachedTo(message, undefined);
  const author = { id: u._id, isVisitor: given(token), ...texts({ username: u.username, name: u.name }) };
  const more = texts({ type, editedAt: instant(editedAt), updatedAt: instant(_updatedAt), replyTo });
  return withSecret({ id, roomId, text: msg ?? '', at: isoOf(ts), author, media, ...more }, 'raw', message);
};

/** @internal */
export const inquiryOf = (inquiry: WireInquiry): RocketchatInquiry => {
  const { _id: id, rid: roomId, name, status, department, v, ts, queuedAt, takenAt } = inquiry;
  const known = texts({
    name,
    status,
    department,
    at: instant(ts),
    queuedAt: instant(queuedAt),
    takenAt: instant(takenAt),
  });
  return withSecret({ id, roomId, ...known, ...(v && { visitor: guestOf(v) }) }, 'raw', inquiry);
};
