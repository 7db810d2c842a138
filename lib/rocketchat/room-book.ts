import type { InboundEvent } from '../model/index.js';
import type { Held } from './held.js';
import { RoomLife } from './room-life.js';

/** Of so many events it is known that they were told, and of up to as many before them, however much was told of other rooms since. */
const MOST = 128;

/** @internal What is known of a room: small, since there may be many. */
export class RoomEntry {
  readonly id: string;
  /** Until when, by the server's clock, everything of it is known, in milliseconds since 1970. */
  seenAt: number | undefined;
  /** How many of its events are open. */
  open = 0;
  /** Events that wait for their turn. */
  held: Held[] | undefined;
  /** Whether something is missing, that its history has. */
  isBehind = false;
  /** When it was changed last as it was read, by the server's clock. */
  listedAt = 0;
  /** As of which lost connection it was looked at. */
  epoch = 0;
  /** Whether we take part in it, or did, as far as that was told. */
  isOurs = false;
  /** Whether somebody serves it. */
  isServed = false;
  #life: RoomLife | undefined;
  /** Whether it was told that it began, and that it ended. */
  #isBegun = false;
  #isOver = false;
  /** What was told last, and before: two generations, so that forgetting costs nothing. */
  #young: string[] | undefined;
  #old: string[] | undefined;
  /** When the latest of what was told happened; what did before the young generation began is in the old one. */
  #latest = 0;
  #youngFrom = 0;

  constructor(id: string, epoch: number) {
    this.id = id;
    this.epoch = epoch;
  }

  get life(): RoomLife {
    return (this.#life ??= new RoomLife());
  }

  /** It was told. What is read again may be as much older than what is known, in milliseconds, and is known then. */
  remember({ kind, id }: InboundEvent, at: number, keepMs: number): void {
    if (kind === 'started') this.#isBegun = true;
    else if (kind === 'ended') this.#isOver = true;
    else {
      this.#latest = Math.max(this.#latest, at);
      if (this.#young === undefined || this.#young.length >= MOST || this.#latest - this.#youngFrom > keepMs) {
        this.#old = this.#young;
        this.#young = [id];
        this.#youngFrom = this.#latest;
      } else this.#young.push(id);
    }
  }
  hasTold({ kind, id }: InboundEvent): boolean {
    if (kind === 'started') return this.#isBegun;
    return kind === 'ended' ? this.#isOver : this.#young?.includes(id) === true || this.#old?.includes(id) === true;
  }
  /** What was not taken after all is told again. */
  forget({ kind, id }: InboundEvent): void {
    if (kind === 'started') this.#isBegun = false;
    else if (kind === 'ended') this.#isOver = false;
    else {
      this.#young = this.#young?.filter((one) => one !== id);
      this.#old = this.#old?.filter((one) => one !== id);
    }
  }

  /** Whether it must not be forgotten. */
  get isBusy(): boolean {
    return this.isBehind || this.open > 0 || this.held !== undefined;
  }
}

/** @internal The last so many rooms, and up to as many before them. Where something is under way, none is forgotten. */
export class RoomBook {
  readonly #most: number;
  /** How many may be young: where more are busy, looking for them again and again would take long. */
  #limit: number;
  #young = new Map<string, RoomEntry>();
  #old = new Map<string, RoomEntry>();

  constructor(most: number) {
    this.#most = this.#limit = most;
  }

  find(rid: string): RoomEntry | undefined {
    return this.#young.get(rid) ?? this.#old.get(rid);
  }

  /** Those where something is under way. */
  busy(): readonly RoomEntry[] {
    return [...this.#old.values(), ...this.#young.values()].filter(({ isBusy }) => isBusy);
  }

  /** The room, as one that was used now. */
  of(rid: string, epoch: number): RoomEntry {
    const young = this.#young.get(rid);
    if (young !== undefined) return young;
    const room = this.#old.get(rid) ?? new RoomEntry(rid, epoch);
    if (this.#young.size >= this.#limit) {
      const busy = [...this.#old].filter(([, { isBusy }]) => isBusy);
      this.#old = this.#young;
      this.#young = new Map(busy);
      this.#limit = Math.max(this.#most, 2 * busy.length);
    }
    this.#young.set(rid, room);
    this.#old.delete(rid);
    return room;
  }
}
