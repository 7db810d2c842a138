import type { Account } from '../accounts.js';
import { mayRunAgain, type InboundEvent, type Outcome } from '../model/index.js';
import type { SettleListener, Trace } from '../trace.js';
import type { RoomEntry } from './room-book.js';
import type { Occurrence } from './room-life.js';

/** @internal Where an event belongs among others of its room. */
export interface Place {
  /** In milliseconds since 1970. */
  readonly at: number;
  /** At one instant: what begins a room comes first, what ends it last. */
  readonly rank: number;
  readonly id: string;
}

const rankOf = ({ kind }: InboundEvent): number => (kind === 'started' ? 0 : kind === 'ended' ? 2 : 1);

/** @internal */
export const placeOf = (event: InboundEvent): Place => ({
  at: Date.parse(event.at),
  rank: rankOf(event),
  id: event.id,
});

/** @internal */
export const inOrder = (one: Place, other: Place): number =>
  one.at - other.at || one.rank - other.rank || (one.id < other.id ? -1 : one.id === other.id ? 0 : 1);

/** @internal Told when an event is settled, and whether it is to be told again when it comes again. */
export interface HeldBy {
  left(held: Held, comesAgain: boolean): void;
}

/** @internal An event that was taken: it waits for its turn, then it is open until its trace is settled. */
export class Held implements SettleListener, Place {
  readonly at: number;
  readonly rank: number;
  readonly id: string;
  event: InboundEvent;
  /** Which time of it this is, of what may happen again. */
  readonly occurrence: Occurrence | undefined;
  readonly room: RoomEntry;
  readonly trace: Trace;
  isOut = false;
  readonly #by: HeldBy;

  constructor(by: HeldBy, account: Account, room: RoomEntry, event: InboundEvent, at: number, occurrence?: Occurrence) {
    this.#by = by;
    this.room = room;
    this.event = event;
    this.occurrence = occurrence;
    this.at = at;
    this.rank = rankOf(event);
    this.id = event.id;
    this.trace = account.open(event);
    this.trace.onSettled(this);
  }

  /** It waits no longer: from now on what happened before it comes behind it, and under a later number. */
  goesOut(): void {
    const { occurrence, room, event, trace } = this;
    this.isOut = true;
    if (occurrence === undefined) return;
    const id = room.life.tell(occurrence);
    if (id === event.id) return;
    this.event = { ...event, id };
    trace.rename(id);
  }

  settled(_: Trace, outcome: Outcome, touched: boolean): void {
    this.#by.left(this, mayRunAgain(outcome, touched));
  }
}
