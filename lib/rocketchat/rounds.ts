import { catchError, retry, tap, throwError, timer, type Observable, type SchedulerLike } from 'rxjs';
import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { toChatError } from '../errors.js';
import type { InboundEvent } from '../model/index.js';
import type { RocketchatInquiry, RocketchatRoom } from './answers.js';
import { decodeInquiry, decodeRoom } from './codec-room.js';
import { mayPass } from './call-budget.js';
import { lifeId, type RocketchatArrival } from './codec-draft.js';
import { Instant, isoOf } from './codec-wire.js';
import type { Inbox } from './inbox.js';
import { changedAt, listChanged, type Listed, type ListingRules } from './listing.js';
import type { Reader } from './reader.js';
import { messageIn } from './told.js';

/** @internal */
export interface RoundRules extends ListingRules {
  readonly inbox: Inbox;
  readonly reader: Reader;
  readonly scheduler: SchedulerLike;
  readonly arrival: (rid: string) => RocketchatArrival;
}

const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const MOST_ATTEMPTS = 5;

const Begun = t.type({ ts: Instant });

/** @internal How `started` is told by who waits: nobody may have told it before. Who waits again does so since later. */
export const startedBy = (queued: InboundEvent, inquiry: unknown): InboundEvent => {
  const { platform, conversation, sender, raw } = queued;
  const at = Begun.is(inquiry) ? isoOf(inquiry.ts) : queued.at;
  return {
    kind: 'started',
    id: lifeId(conversation.id, 'started'),
    platform,
    conversation,
    at,
    raw,
    ...(sender !== undefined && { sender }),
  };
};

/** @internal Looks for rooms that were changed, and has them read. */
export class Rounds {
  readonly #rules: RoundRules;
  /** Who may not list all rooms lists their own. */
  #rooms: ListingRules['rooms'];

  constructor(rules: RoundRules) {
    this.#rules = rules;
    this.#rooms = rules.rooms;
  }

  /**
   * One round. Emits once all rooms that were changed since are being read; without an instant, tells only what was changed last.
   * Errors with the last of some attempts.
   */
  look(self: string, since: number | undefined): Observable<Listed> {
    const { scheduler } = this.#rules;
    let attempts = 0;
    return this.#listed(self, since).pipe(
      retry({
        delay: (thrown: unknown) => {
          const error = toChatError('rocketchat', thrown);
          if (!mayPass(error) || (error.kind !== 'throttled' && ++attempts >= MOST_ATTEMPTS))
            return throwError(() => error);
          const pauseMs = Math.min(PAUSE_MS * 2 ** Math.max(0, attempts - 1), LONGEST_PAUSE_MS);
          return timer(Math.max(error.retryAfterMs ?? 0, pauseMs), scheduler);
        },
      }),
      tap((listed) => {
        if (since !== undefined) this.#take(listed);
      }),
    );
  }

  #listed(self: string, since: number | undefined): Observable<Listed> {
    const { client, budget } = this.#rules;
    return listChanged({ client, budget, rooms: this.#rooms }, self, since).pipe(
      catchError((thrown: unknown) => {
        const error = toChatError('rocketchat', thrown);
        if (this.#rooms !== 'all' || error.kind !== 'refused') return throwError(() => error);
        this.#rooms = 'queue';
        return listChanged({ client, budget, rooms: 'queue' }, self, since);
      }),
    );
  }

  #take({ rooms, queue }: Listed): void {
    const { inbox } = this.#rules;
    for (const room of rooms) {
      this.#read(room.id, this.#stateOf(room), changedAt(room));
      inbox.roomOf(room.id).isServed = room.servedBy !== undefined;
    }
    for (const inquiry of queue) this.#waits(inquiry);
  }

  /** What the room says of itself goes along: it counts behind what its messages say. */
  #read(rid: string, state: readonly InboundEvent[], listedAt: number): void {
    const { inbox, reader } = this.#rules;
    const room = inbox.roomOf(rid);
    if (room.listedAt < listedAt || inbox.isDoubtful(room)) reader.need(room, { state, listedAt });
  }

  #stateOf({ id, raw }: RocketchatRoom): readonly InboundEvent[] {
    const decoded = decodeRoom(raw, this.#rules.arrival(id));
    return E.isRight(decoded) ? decoded.right : [];
  }

  #waits({ roomId: rid, raw }: RocketchatInquiry): void {
    const decoded = decodeInquiry(raw, this.#rules.arrival(rid));
    if (E.isLeft(decoded)) return;
    const { right: event } = decoded;
    this.#read(rid, [startedBy(event, raw), event], messageIn(raw).changedAt ?? Date.parse(event.at));
  }
}
