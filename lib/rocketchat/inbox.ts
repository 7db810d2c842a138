import type { SchedulerLike, Subscriber } from 'rxjs';
import type { Account } from '../accounts.js';
import { isoReader } from '../iso-instants.js';
import type { InboundEvent } from '../model/index.js';
import { RecentIds } from '../recent-ids.js';
import { Held, inOrder, type HeldBy, type Place } from './held.js';
import { RoomBook, type RoomEntry } from './room-book.js';
import { messageIn, recurs, type Told } from './told.js';
import { Turns } from './turns.js';

/** @internal */
export interface InboxRules {
  readonly account: Account;
  readonly echoes: boolean;
  readonly maxInFlight: number;
  readonly maxPerConversation: number;
  readonly remember: number;
  readonly maxRooms: number;
  readonly reorderMs: number;
  readonly maxWaiting: number;
  /** How far back history is read that was read before, in milliseconds. */
  readonly overlapMs: number;
  readonly scheduler: SchedulerLike;
}

/** @internal `known`: nothing in it is new. `refused`: nobody listens, or too much is open; it was not taken. */
export type Verdict = 'taken' | 'known' | 'refused';

/** @internal How something is taken. */
export interface Terms {
  /** What of it happened before was told before, or nobody listened. Default: nothing. */
  readonly from?: number;
  /** A post that may come again. */
  readonly copyOf?: string;
  /** Whether it finds a place where there is none. Default: false. */
  readonly evenFull?: boolean;
}

/** What was changed so much later than it was written is told because of the change. */
const CHANGE_MS = 10_000;
/** What is said, in contrast to what becomes of a room. */
const WORDS: ReadonlySet<string> = new Set(['message', 'media', 'edited', 'removed', 'progress']);

/** @internal Whether from here on we hear nothing more of the room. */
export const isParting = (event: InboundEvent): boolean =>
  event.kind === 'ended' ||
  (event.kind === 'membership' && event.change === 'left' && event.members.some(({ self }) => self === true));

/**
 * @internal Where what the inputs tell becomes one stream: each event once, in the order of its room, with its account, within the
 * bounds.
 */
export class Inbox implements HeldBy {
  readonly rooms: RoomBook;
  /** How many connections were lost, and as of which of them it is known what rooms missed something. */
  lost = 0;
  looked = 0;
  /** How many events were settled. */
  settled = 0;
  /** Less is open again, so that rooms that are behind can be read. */
  eased: () => void = () => undefined;
  /** It was told that a room has ended, or that we left it. */
  parted: (room: RoomEntry) => void = () => undefined;
  readonly #rules: InboxRules;
  readonly #seen = new RecentIds();
  readonly #msOf = isoReader();
  /** By the server's clock, as far as it is known. */
  #rememberedFrom: number;
  #turnedAt: number;
  #latest = -Infinity;
  #isTurned = false;
  #subscriber: Subscriber<InboundEvent> | undefined;
  #isAccepting = false;
  #open = 0;
  /** Of these, what did not go out yet. */
  #waiting = 0;
  readonly #turns: Turns<Held>;
  /** On their way out: what is told meanwhile goes behind. */
  #outgoing: Held[] | undefined;

  constructor(rules: InboxRules) {
    this.#rules = rules;
    this.rooms = new RoomBook(rules.maxRooms);
    this.#rememberedFrom = this.#turnedAt = rules.scheduler.now();
    this.#turns = new Turns(rules.scheduler, rules.reorderMs, rules.maxWaiting, (held) => {
      if (!held.isOut && !held.room.isBehind) this.release(held.room, held);
    });
  }

  get isListened(): boolean {
    return this.#subscriber !== undefined;
  }

  listen(subscriber: Subscriber<InboundEvent>): void {
    this.#subscriber = subscriber;
    this.#isAccepting = true;
  }

  /** Takes nothing more. What waits goes out, or is given up. */
  close(isFlushed: boolean): void {
    this.#isAccepting = false;
    this.#turns.clear();
    for (const room of this.rooms.busy()) {
      if (isFlushed) this.release(room);
      else {
        for (const { trace } of this.#taken(room)) trace.release(this.#rules.account, 'failed', 'unsubscribed');
      }
    }
    if (!isFlushed) this.#subscriber = undefined;
  }

  complete(): void {
    this.close(true);
    this.#subscriber?.complete();
  }

  /** The room of this id; one that is new missed nothing, unless a look is due. */
  roomOf(rid: string): RoomEntry {
    return this.rooms.of(rid, this.looked);
  }

  /** Whether it may have missed something when a connection was lost. */
  isDoubtful({ epoch }: { readonly epoch: number }): boolean {
    return epoch < this.lost && this.looked < this.lost;
  }

  /** Whether as much is free as rooms that are behind wait for. */
  get hasRoom(): boolean {
    return this.#isAccepting && this.#open * 2 <= this.#rules.maxInFlight;
  }
  /** The same for one room, which is behind. */
  hasRoomIn(room: RoomEntry): boolean {
    return room.open * 2 <= this.#rules.maxPerConversation || this.isStuckIn(room);
  }
  /** Whether all that is open waits for rooms that are behind, so that nothing will be free before these were read. */
  get isStuck(): boolean {
    if (!this.#isAccepting || this.#waiting < this.#open) return false;
    for (const { held, isBehind } of this.rooms.busy()) if (held !== undefined && !isBehind) return false;
    return true;
  }
  /** The same of one room, which is behind. */
  isStuckIn({ open, held }: RoomEntry): boolean {
    return open > 0 && open === held?.length;
  }

  /** From when on what was told is remembered for sure, in milliseconds since 1970. */
  get rememberedFrom(): number {
    return this.#rememberedFrom;
  }

  /** From when on something is told, by the server's clock: what was before needs not be remembered. */
  remembersFrom(at: number): void {
    if (!this.#isTurned) this.#rememberedFrom = this.#turnedAt = at;
  }

  /** Counts what was not taken. */
  turnAway(): void {
    this.#rules.account.refuse();
  }
  /** Counts what concerns nobody. */
  ignore([first]: readonly InboundEvent[]): void {
    const { account } = this.#rules;
    if (first !== undefined) account.open(first).release(account, 'ignored');
  }

  take(told: Told, { from = -Infinity, copyOf, evenFull = false }: Terms = {}): Verdict {
    const { account, echoes, maxInFlight, maxPerConversation } = this.#rules;
    const room = this.roomOf(told.rid);
    const isCopy = copyOf !== undefined && this.#seen.has(copyOf);
    const fresh = isCopy ? [] : told.events.filter((event) => !this.#isKnown(room, event, told, from));
    const [first] = told.events;
    if (fresh.length === 0) {
      if (copyOf !== undefined && !isCopy) this.#remember(copyOf);
      if (first !== undefined && told.isRead !== true && this.#isAccepting)
        account.open(first).release(account, 'duplicate');
      return 'known';
    }
    const isOwn = !echoes && fresh.every(({ kind, sender }) => sender?.self === true && WORDS.has(kind));
    // What waits for the gap of its room leaves half of the places to what is in the gap; the rest always finds one where nothing is open.
    const isWaiting = room.isBehind && told.isRead !== true;
    const share = isWaiting ? 0.5 : 1;
    const isFull =
      ((isWaiting || this.#open > 0) && this.#open + fresh.length > maxInFlight * share) ||
      ((isWaiting || room.open > 0) && room.open + fresh.length > maxPerConversation * share);
    if (!this.#isAccepting || (isFull && !isOwn && !evenFull)) {
      if (told.isRead !== true) account.refuse();
      return 'refused';
    }
    if (copyOf !== undefined) this.#remember(copyOf);
    for (const event of fresh) {
      const occurrence = recurs(event) ? room.life.add(event, told) : undefined;
      const at = this.#msOf(event.at);
      if (told.witness === 'message') this.#latest = Math.max(this.#latest, at);
      if (event.fingerprint === undefined && occurrence === undefined) {
        this.#remember(event.id);
        room.remember(event, at, this.#rules.overlapMs + CHANGE_MS);
      }
      if (isOwn) {
        if (told.isRead !== true) account.open(event).release(account, 'ignored');
        continue;
      }
      this.#open++;
      room.open++;
      this.#hold(new Held(this, account, room, event, at, occurrence));
      if (isParting(event)) this.parted(room);
    }
    return 'taken';
  }

  /** All that waits in a room goes out, or what has its place up to this one: so much. */
  release(room: RoomEntry, last?: Place): number {
    const out = this.#taken(room, last);
    const { length } = out;
    if (this.#outgoing !== undefined) {
      this.#outgoing.push(...out);
      return length;
    }
    this.#outgoing = out;
    for (let i = 0; i < out.length; i++) this.#emit(out[i] as Held);
    this.#outgoing = undefined;
    return length;
  }

  left({ room, event, occurrence }: Held, comesAgain: boolean): void {
    this.#open--;
    room.open--;
    this.settled++;
    if (comesAgain) {
      if (occurrence !== undefined) room.life.forget(occurrence);
      else {
        this.#seen.delete(event.id);
        room.forget(event);
      }
    }
    this.eased();
  }

  #isKnown(room: RoomEntry, event: InboundEvent, told: Told, from: number): boolean {
    const { kind, id, fingerprint } = event;
    // When a message was removed is not in it.
    if (from !== -Infinity && kind !== 'removed' && this.#msOf(event.at) < from) return true;
    if (recurs(event)) return room.life.knows(event, told);
    if (fingerprint !== undefined) return false;
    if (this.#seen.has(id)) return true;
    const at = this.#msOf(event.at);
    const isMessage = id === told.messageId;
    // Nothing that happened since then was forgotten, and when a message was written does not depend on who tells.
    if (isMessage && at > this.#rememberedFrom) return false;
    if (room.hasTold(event)) return true;
    if (!isMessage || at >= this.#rememberedFrom) return false;
    const { changedAt = at } = messageIn(event.raw);
    return changedAt - at > CHANGE_MS;
  }

  #remember(id: string): void {
    if (!this.#seen.add(id, this.#rules.remember)) return;
    this.#isTurned = true;
    this.#rememberedFrom = this.#turnedAt;
    this.#turnedAt = Math.max(this.#turnedAt, this.#latest);
  }

  #hold(held: Held): void {
    const { room } = held;
    this.#waiting++;
    if (room.held === undefined) {
      room.held = [held];
    } else {
      // Almost always the last.
      let place = room.held.length;
      for (let before = room.held[place - 1]; before !== undefined && inOrder(before, held) > 0;)
        before = room.held[--place - 1];
      if (place === room.held.length) room.held.push(held);
      else room.held.splice(place, 0, held);
    }
    if (room.isBehind) return;
    if (this.#rules.reorderMs === 0) this.release(room);
    else this.#turns.add(held);
  }

  /** What waits in a room, in order, and waits no longer. */
  #taken(room: RoomEntry, last?: Place): Held[] {
    const { held } = room;
    if (held === undefined) return [];
    let end = last === undefined ? held.length : 0;
    if (last !== undefined) for (let one = held[0]; one !== undefined && inOrder(one, last) <= 0;) one = held[++end];
    const out = end === held.length ? held : held.splice(0, end);
    this.#waiting -= out.length;
    for (const one of out) one.goesOut();
    if (out === held) room.held = undefined;
    return out;
  }

  #emit({ event, trace }: Held): void {
    const { account } = this.#rules;
    const subscriber = this.#subscriber;
    subscriber?.next(event);
    if (subscriber?.closed === false) trace.release(account);
    else trace.abandon(account, 'failed', 'unsubscribed');
  }
}
