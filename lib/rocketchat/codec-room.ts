import { either as E } from 'fp-ts';
import type { ChatError } from '../errors.js';
import type { InboundEvent, Sender } from '../model/index.js';
import { endedEvent, takenEvent } from './codec-message.js';
import { Draft, lifeId, type RocketchatArrival } from './codec-draft.js';
import { given, Inquiry, isoOf, read, Room, type WireInquiry, type WireRoom } from './codec-wire.js';

/** @internal Who closed a room: the visitor, or somebody on the human side. */
export const closerOf = (
  draft: Draft,
  closer: string | null | undefined,
  closedBy: { readonly _id?: string; readonly username?: string | null | undefined } | null | undefined,
): Sender | undefined => {
  const id = closedBy?._id;
  if (closer === 'visitor') return id === undefined ? { role: 'customer' } : draft.customer({ ...closedBy, _id: id });
  return id === undefined ? undefined : draft.agent({ ...closedBy, _id: id });
};

/** @internal */
export const roomEvents = (room: WireRoom, draft: Draft): readonly InboundEvent[] => {
  const { _id: rid, ts, v, servedBy, closedAt, closer, closedBy } = room;
  const events: InboundEvent[] = [];
  if (ts != null) {
    const started = { kind: 'started' as const, ...draft.known(rid, lifeId(rid, 'started'), isoOf(ts)) };
    events.push(v ? { ...started, sender: draft.customer(v) } : started);
  }
  if (servedBy) {
    const at = servedBy.ts == null ? draft.arrival.at : isoOf(servedBy.ts);
    events.push(takenEvent(draft, rid, draft.agent(servedBy), at));
  }
  if (closedAt != null) events.push(endedEvent(draft, rid, isoOf(closedAt), closerOf(draft, closer, closedBy)));
  return events;
};

/**
 * The life of a room, as far as the room itself tells: `started`, who serves it now, `ended`, with the ids that messages and
 * webhooks give them. For those who poll: system messages can be switched off.
 */
export const decodeRoom = (wire: unknown, arrival: RocketchatArrival): E.Either<ChatError, readonly InboundEvent[]> =>
  E.map((room: WireRoom) => roomEvents(room, new Draft(wire, arrival)))(read(Room, wire, 'a room'));

const WAITING: ReadonlySet<string> = new Set(['queued', 'ready', 'open', 'verifying']);

/** @internal */
export const inquiryEvent = (inquiry: WireInquiry, type: string, draft: Draft): InboundEvent => {
  const { _id, rid, status, department, ts, queuedAt, _updatedAt, v } = inquiry;
  const instant = queuedAt ?? ts;
  const at = instant == null ? draft.arrival.at : isoOf(instant);
  const sender = v ? { sender: draft.customer(v) } : {};
  if (type !== 'removed' && WAITING.has(status ?? '')) {
    const id = lifeId(rid, 'queued', given(department) ? department : '');
    return { kind: 'other', name: 'queued', ...draft.known(rid, id, at), ...sender };
  }
  const changed = _updatedAt == null ? draft.arrival.at : isoOf(_updatedAt);
  const id = `${_id}~${type}~${Date.parse(changed)}`;
  const name = type === 'removed' ? 'inquiry-removed' : `inquiry-${given(status) ? status : type}`;
  return { kind: 'other', name, ...draft.known(rid, id, changed), ...sender };
};

/** An entry of the queue: `other` with the name `queued` while it waits, `inquiry-taken` after. */
export const decodeInquiry = (wire: unknown, arrival: RocketchatArrival): E.Either<ChatError, InboundEvent> =>
  E.map((inquiry: WireInquiry) => inquiryEvent(inquiry, 'changed', new Draft(wire, arrival)))(
    read(Inquiry, wire, 'an inquiry'),
  );
