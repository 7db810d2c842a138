import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { undecodableEvent, type RocketchatArrival } from './codec-draft.js';
import { decodeWebhook } from './codec-webhook.js';
import type { Inbox } from './inbox.js';
import type { RocketchatRooms } from './listing.js';
import { digestOf, messageIn } from './told.js';

const Agent = t.partial({ _id: t.string });
const Served = t.partial({ _id: t.string, agent: Agent, servedBy: Agent });

/** What is posted again is the same to the letter. */
const copyOf = (body: unknown): string => `post ${digestOf(JSON.stringify(body))}`;

/** @internal What webhooks tell. */
export class Posts {
  readonly #inbox: Inbox;
  readonly #rooms: RocketchatRooms;

  constructor(inbox: Inbox, rooms: RocketchatRooms) {
    this.#inbox = inbox;
    this.#rooms = rooms;
  }

  /** Whether it was taken, which a copy of what was taken is, too. */
  take(body: unknown, self: string | undefined, known: RocketchatArrival): boolean {
    const inbox = this.#inbox;
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
      const messageId = messageIn(events[0]?.raw).id;
      return inbox.take({ witness: 'message', rid, events, messageId }) !== 'refused';
    }
    // What got lost on its own way comes along: as far back as it is known what did not.
    const from = inbox.rememberedFrom;
    let isNews = true;
    for (const event of concern === 'life' ? [] : transcript) {
      const told = {
        witness: 'message',
        rid,
        events: [event],
        messageId: messageIn(event.raw).id,
        isRead: true,
      } as const;
      const verdict = inbox.take(told, { from });
      if (verdict === 'refused') {
        inbox.turnAway();
        return false;
      }
      // The same may be in it twice: then it is no copy.
      if (verdict === 'taken') isNews = false;
    }
    return inbox.take({ witness: 'post', rid, events, isRead: !isNews }, { copyOf: copyOf(body) }) !== 'refused';
  }

  /** Webhooks tell of all rooms. Of those that were ours, what becomes of them is told, not what is said there. */
  #concern(body: unknown, rid: string, self: string): 'all' | 'life' | 'nothing' {
    const rooms = this.#rooms;
    if (rooms === 'all' || rid === '' || !Served.is(body)) return 'all';
    const serving = body.servedBy?._id ?? body.agent?._id;
    const room = this.#inbox.roomOf(rid);
    room.isServed = serving !== undefined;
    if (serving === self) room.isOurs = true;
    if (serving === self || (rooms === 'queue' && serving === undefined)) return 'all';
    return room.isOurs ? 'life' : 'nothing';
  }
}
