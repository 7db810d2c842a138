import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { undecodableEvent, type RocketchatArrival } from './codec-draft.js';
import { decodeWebhook } from './codec-webhook.js';
import { Instant, isoOf } from './codec-wire.js';
import type { InboundEvent } from '../model/index.js';
import type { Inbox } from './inbox.js';
import type { RocketchatRooms } from './listing.js';
import type { Missed } from './reader.js';
import type { RoomEntry } from './room-book.js';
import { digestOf, messageIn } from './told.js';

/** @internal */
export interface PostRules {
  readonly inbox: Inbox;
  readonly rooms: RocketchatRooms;
  /** Whether there is no other input: then what is known of rooms is what was posted. */
  readonly isAlone: boolean;
  /** Something was written, by the server's clock, just now or a while ago. */
  readonly heard: (at: number) => void;
  /** A room is behind, by what was turned away: that comes again, but later than what is posted next. */
  readonly behind: (room: RoomEntry, missed: readonly Missed[]) => void;
}

const Agent = t.partial({ _id: t.string });
const Dated = t.type({ servedBy: t.type({ ts: Instant }) });
const Served = t.partial({ _id: t.string, agent: Agent, servedBy: Agent });

/** What is posted again is the same to the letter. */
const copyOf = (body: unknown): string => `post ${digestOf(JSON.stringify(body))}`;

/** That a room began, and that it waits: no message says so. */
const isUnsaid = ({ kind, id, conversation }: InboundEvent): boolean =>
  kind === 'started' || id.startsWith(`${conversation.id}~queued`);

/** @internal What webhooks tell. */
export class Posts {
  readonly #rules: PostRules;

  constructor(rules: PostRules) {
    this.#rules = rules;
  }

  /** Whether it was taken, which a copy of what was taken is, too. */
  take(body: unknown, self: string | undefined, known: RocketchatArrival): boolean {
    const { inbox } = this.#rules;
    if (self === undefined) {
      inbox.turnAway();
      return false;
    }
    const decoded = decodeWebhook(body, known);
    if (E.isLeft(decoded)) {
      const rid = Served.is(body) ? (body._id ?? '') : '';
      const events = [undecodableEvent(body, decoded.left.problems ?? [], rid, known)];
      return inbox.take({ witness: 'post', rid, events }, { copyOf: copyOf(body) }) !== 'refused';
    }
    const { type, rid, events, transcript } = decoded.right;
    const concern = this.#concern(body, rid, self);
    if (concern === 'nothing' || (concern === 'life' && type === 'Message')) {
      inbox.ignore(events);
      return true;
    }
    if (type === 'Message') {
      const { id: messageId, changedAt } = messageIn(events[0]?.raw);
      const isTaken = inbox.take({ witness: 'message', rid, events, messageId }) !== 'refused';
      return this.#told(rid, isTaken, changedAt);
    }
    const servedAt = Dated.is(body) ? isoOf(body.servedBy.ts) : undefined;
    const told = { witness: 'post', rid, events, servedAt } as const;
    const missed = events.some(isUnsaid) ? [{ told, copyOf: copyOf(body) }] : [];
    const { changedAt } = messageIn(transcript.at(-1)?.raw);
    // What got lost on its own way comes along: as far back as it is known what did not.
    const from = inbox.rememberedFrom;
    let isNews = true;
    for (const event of concern === 'life' ? [] : transcript) {
      const { id: messageId } = messageIn(event.raw);
      const verdict = inbox.take({ witness: 'message', rid, events: [event], messageId, isRead: true }, { from });
      if (verdict === 'refused') {
        inbox.turnAway();
        return this.#told(rid, false, changedAt, missed);
      }
      // The same may be in it twice: then it is no copy.
      if (verdict === 'taken') isNews = false;
    }
    const isTaken = inbox.take({ ...told, isRead: !isNews }, { copyOf: copyOf(body) }) !== 'refused';
    return concern === 'life' ? isTaken : this.#told(rid, isTaken, changedAt, missed);
  }

  #told(rid: string, isTaken: boolean, changedAt: number | undefined, missed: readonly Missed[] = []): boolean {
    const { inbox, isAlone, heard, behind } = this.#rules;
    const room = inbox.roomOf(rid);
    if (changedAt !== undefined) {
      heard(changedAt);
      const { seenAt = changedAt } = room;
      if (isAlone && !room.isBehind) room.seenAt = isTaken ? Math.max(seenAt, changedAt) : seenAt;
    }
    if (!isTaken && inbox.isListened) behind(room, missed);
    return isTaken;
  }

  /** Webhooks tell of all rooms. Of those that were ours, what becomes of them is told, not what is said there. */
  #concern(body: unknown, rid: string, self: string): 'all' | 'life' | 'nothing' {
    const { inbox, rooms } = this.#rules;
    if (rooms === 'all' || rid === '' || !Served.is(body)) return 'all';
    const serving = body.servedBy?._id ?? body.agent?._id;
    const room = inbox.roomOf(rid);
    room.isServed = serving !== undefined;
    if (serving === self) room.isOurs = true;
    if (serving === self || (rooms === 'queue' && serving === undefined)) return 'all';
    return room.isOurs ? 'life' : 'nothing';
  }
}
