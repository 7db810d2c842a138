import { strikes } from '../trueconf/simulator-faults.js';
import type { Closing } from './simulator-closing.js';
import type { Desk } from './simulator-desk.js';
import type { RocketchatRaces } from './simulator-faults.js';
import type { Messages } from './simulator-messages.js';
import { authorOf } from './simulator-model.js';
import type { Account, Author, Message, RocketchatContent, Room, Visitor } from './simulator-model.js';
import { may } from './simulator-permissions.js';
import { coded, plain } from './simulator-refusal.js';
import type { Rooms } from './simulator-rooms.js';
import type { Routing } from './simulator-routing.js';

/** @internal What an agent sends. */
export interface Sent {
  readonly rid: string;
  readonly msg: string;
  readonly id?: string | undefined;
  readonly extra?: RocketchatContent;
}

const REPEATED = 'Cannot convert undefined or null to object';

/** @internal Who may write what into which room, and what becomes of a message whose id is known. */
export class Sending {
  readonly #desk: Desk;
  readonly #rooms: Rooms;
  readonly #messages: Messages;
  readonly #closing: Closing;
  readonly #routing: Routing;
  readonly #races: RocketchatRaces;

  constructor(
    desk: Desk,
    rooms: Rooms,
    messages: Messages,
    closing: Closing,
    routing: Routing,
    races: RocketchatRaces,
  ) {
    this.#desk = desk;
    this.#rooms = rooms;
    this.#messages = messages;
    this.#closing = closing;
    this.#routing = routing;
    this.#races = races;
  }

  /** A message of a visitor; the stored one, where its id is known and the server answers that. */
  visitor(visitor: Visitor, { rid, msg, id, extra = {} }: Sent): Message {
    const room = this.#rooms.ofVisitor(visitor, rid);
    const by: Author = { kind: 'visitor', visitor };
    this.#race(room, 'visitor');
    if (!room.isOpen) throw plain('room-closed');
    if (msg.length > this.#desk.rules.maxVisitorMessage) throw plain('message-length-exceeds-character-limit');
    const stored = this.#repeated(id, by);
    if (stored !== undefined && this.#desk.rules.duplicateIds === 'refused') throw plain(REPEATED);
    return stored ?? this.#messages.post(room, by, { id, msg, extra });
  }

  /** A message of an agent; nothing, where its id is known and the server answers that. */
  agent(account: Account, { rid, msg, id, extra = {} }: Sent): Message | undefined {
    const by: Author = { kind: 'agent', account };
    const room = this.#rooms.accessible(rid, account);
    this.#race(room, 'agent');
    if (!room.isOpen && this.#desk.rules.closedRoomSends === 'refused') throw plain('room-closed');
    if (msg.length > this.#desk.rules.maxMessage) throw plain('error-message-size-exceeded');
    const isSomebodyElse = ['alias', 'avatar'].some((name) => extra[name] !== undefined);
    if (isSomebodyElse && !may(account, 'message-impersonate')) throw plain('Not enough permission');
    if (Array.isArray(extra['files']) && extra['files'].length > 1)
      throw coded('error-too-many-files', 'Cannot send more than one file');
    if (this.#repeated(id, by) === undefined) return this.#messages.post(room, by, { id, msg, extra });
    if (this.#desk.rules.duplicateIds === 'refused') throw plain(REPEATED);
    return undefined;
  }

  #repeated(id: string | undefined, by: Author): Message | undefined {
    const known = id === undefined ? undefined : this.#messages.find(id);
    if (known !== undefined)
      this.#desk.write({ kind: 'repeated', rid: known.room.id, by: authorOf(by)._id, messageId: known.id });
    return known;
  }

  /** The other side closes the room, a moment before. */
  #race(room: Room, side: 'visitor' | 'agent'): void {
    if (!room.isOpen || !strikes(this.#races, 'close')) return;
    this.#desk.fault('race.close');
    if (side === 'agent') this.#closing.close(room, { kind: 'visitor', visitor: room.visitor }, 'Closed by visitor');
    else {
      const account = room.servedBy?.account ?? this.#routing.rival();
      this.#closing.close(room, { kind: 'agent', account }, 'closed');
    }
  }
}
