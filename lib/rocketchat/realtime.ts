import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { Subscription, type SchedulerLike } from 'rxjs';
import { toChatError, type ChatError } from '../errors.js';
import type { InboundEvent } from '../model/index.js';
import { undecodableEvent, type RocketchatArrival } from './codec-draft.js';
import { decodeRoomMessage, decodeStreamEvent, roomOf, type RocketchatStreamEvent } from './codec-stream.js';
import { msOf } from './codec-wire.js';
import { isParting, type Inbox } from './inbox.js';
import type { RocketchatRooms } from './listing.js';
import type { Reader } from './reader.js';
import type { RoomEntry } from './room-book.js';
import { startedBy } from './rounds.js';
import type { RocketchatInbound, RocketchatRealtime, RocketchatTrouble } from './source-rules.js';
import type { Told } from './told.js';

/** @internal */
export interface RealtimeRules extends RocketchatRealtime {
  readonly client: RocketchatInbound;
  readonly inbox: Inbox;
  readonly reader: Reader;
  readonly rooms: RocketchatRooms;
  readonly self: string;
  readonly scheduler: SchedulerLike;
  readonly arrival: (rid?: string) => RocketchatArrival;
  /** Something was written, by the server's clock. */
  readonly heard: (at: number) => void;
  /** From now on it tells. */
  readonly opened: () => void;
  /** A connection was lost: what was told since then, by our clock, may be missing. */
  readonly lost: (since: number) => void;
  readonly trouble: (trouble: RocketchatTrouble) => void;
  /** The socket is gone for good. */
  readonly ended: (error?: ChatError) => void;
}

const MESSAGES = 'room-messages';
const MINE = '__my_messages__';
const QUEUE = 'livechat-inquiry-queue-observer';

const InRoom = t.type({ rid: t.string });

/** @internal What comes over the socket. */
export class Realtime {
  readonly #rules: RealtimeRules;
  readonly #work = new Subscription();
  /** What is heard of rooms besides their messages. */
  readonly #heard = new Map<string, Subscription>();

  constructor(rules: RealtimeRules) {
    this.#rules = rules;
    const { client, inbox, rooms, self, departments = [], ended } = rules;
    inbox.parted = ({ id }) => {
      this.#part(id);
    };
    this.#hear('notify-user', `${self}/subscriptions-changed`, (event) => {
      this.#given(event);
    });
    if (rooms !== 'ours') {
      for (const name of ['public', `agent/${self}`, ...departments.map((id) => `department/${id}`)])
        this.#hear(QUEUE, name, (event) => {
          this.#queued(event);
        });
    }
    this.#work.add(
      client.strays$.subscribe({
        next: ({ text, error }) => {
          this.#undecodable(text, '', error);
        },
        error: (thrown: unknown) => {
          ended(toChatError('rocketchat', thrown));
        },
      }),
    );
    // Last: when it is ready, so are the others, and what was told before them is looked for.
    this.#work.add(
      client.stream(MESSAGES, MINE).subscribe({
        next: (news) => {
          if (news.kind === 'event') this.#message(news.event);
          else if (news.gapSince === undefined) rules.opened();
          else rules.lost(Date.parse(news.gapSince));
        },
        error: (thrown: unknown) => {
          ended(toChatError('rocketchat', thrown));
        },
        complete: () => {
          ended();
        },
      }),
    );
  }

  stop(): void {
    this.#work.unsubscribe();
  }

  #hear(stream: string, eventName: string, take: (event: RocketchatStreamEvent) => void): Subscription {
    const { client, trouble } = this.#rules;
    const hearing = client.stream(stream, eventName).subscribe({
      next: (news) => {
        if (news.kind === 'event') take(news.event);
      },
      error: (thrown: unknown) => {
        trouble({ kind: 'stream', stream, eventName, error: toChatError('rocketchat', thrown) });
      },
    });
    this.#work.add(hearing);
    return hearing;
  }

  #message(event: RocketchatStreamEvent): void {
    const { inbox, arrival } = this.#rules;
    const about = roomOf(event);
    if (about?.isLivechat === false) return;
    const [raw] = event.args;
    const decoded = decodeRoomMessage(event, arrival());
    if (E.isLeft(decoded)) {
      this.#undecodable(raw, InRoom.is(raw) ? raw.rid : '', decoded.left);
      return;
    }
    const { message, events } = decoded.right;
    const [first] = events;
    if (first === undefined) return;
    const rid = first.conversation.id;
    const changedAt = msOf(message._updatedAt ?? message.ts);
    this.#rules.heard(changedAt);
    if (!this.#concerns(rid, about?.isOurs ?? true, message.t != null)) return;
    const room = inbox.roomOf(rid);
    if (about?.isOurs === true) room.isOurs = true;
    this.#take(room, { witness: 'message', rid, events, messageId: message._id }, changedAt);
    this.#learn(room, events, about?.isOurs === true);
  }

  #take(room: RoomEntry, told: Told, changedAt?: number): void {
    const { inbox, reader } = this.#rules;
    if (!room.isBehind && inbox.isDoubtful(room)) reader.need(room, { isUrgent: true });
    if (inbox.take(told) === 'refused') {
      if (inbox.isListened) reader.need(room, told.witness === 'state' ? { missed: [{ told }] } : {});
      return;
    }
    if (changedAt !== undefined && !room.isBehind) room.seenAt = Math.max(room.seenAt ?? 0, changedAt);
  }

  /** What happens to rooms that we know is told although they are no longer ours. */
  #concerns(rid: string, isOurs: boolean, isSystem: boolean): boolean {
    const { inbox, rooms } = this.#rules;
    if (rooms === 'all' || isOurs) return true;
    const room = inbox.rooms.find(rid);
    if (room?.isOurs === true && isSystem) return true;
    return rooms === 'queue' && room?.isServed !== true;
  }

  #learn(room: RoomEntry, events: readonly InboundEvent[], isOurs: boolean): void {
    const { notices = [] } = this.#rules;
    for (const { kind, id } of events) {
      if (kind === 'handoffTaken') room.isServed = true;
      else if (id.startsWith(`${room.id}~forwarded~`)) room.isServed = false;
    }
    if (notices.length === 0 || !isOurs || events.some(isParting) || this.#heard.has(room.id)) return;
    const hearing = new Subscription();
    this.#heard.set(room.id, hearing);
    for (const notice of notices) {
      hearing.add(
        this.#hear('notify-room', `${room.id}/${notice}`, (event) => {
          this.#notice(room.id, event);
        }),
      );
    }
  }

  #part(rid: string): void {
    this.#heard.get(rid)?.unsubscribe();
    this.#heard.delete(rid);
  }

  #notice(rid: string, event: RocketchatStreamEvent): void {
    const { inbox, arrival } = this.#rules;
    const decoded = decodeStreamEvent(event, arrival(rid));
    if (E.isLeft(decoded)) this.#undecodable(event, rid, decoded.left);
    else this.#take(inbox.roomOf(rid), { witness: 'message', rid, events: decoded.right });
  }

  /** A room was given to us, or taken away, whether or not a message tells so. */
  #given(event: RocketchatStreamEvent): void {
    const { inbox, arrival } = this.#rules;
    const decoded = decodeStreamEvent(event, arrival());
    if (E.isLeft(decoded)) {
      this.#undecodable(event, '', decoded.left);
      return;
    }
    const [first] = decoded.right;
    if (first?.kind !== 'membership') return;
    if (first.change === 'left') {
      // Nothing may be told of it any more, not even that it ended.
      this.#part(first.conversation.id);
      return;
    }
    const room = inbox.roomOf(first.conversation.id);
    room.isOurs = true;
    this.#take(room, { witness: 'state', rid: room.id, events: [first] });
    this.#learn(room, [first], true);
  }

  #queued(event: RocketchatStreamEvent): void {
    const { inbox, arrival } = this.#rules;
    const decoded = decodeStreamEvent(event, arrival());
    if (E.isLeft(decoded)) {
      this.#undecodable(event, '', decoded.left);
      return;
    }
    for (const news of decoded.right) {
      // Who has taken it is told by the room.
      if (news.kind !== 'other' || news.name !== 'queued') continue;
      const room = inbox.roomOf(news.conversation.id);
      room.isServed = false;
      this.#take(room, { witness: 'state', rid: room.id, events: [startedBy(news, event.args[0]), news] });
    }
  }

  #undecodable(raw: unknown, rid: string, { problems = [] }: ChatError): void {
    const { inbox, arrival } = this.#rules;
    const events = [undecodableEvent(raw, problems, rid, arrival(rid))];
    this.#take(inbox.roomOf(rid), { witness: 'message', rid, events });
  }
}
