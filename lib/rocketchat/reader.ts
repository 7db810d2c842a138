import { Subscription, type SchedulerLike } from 'rxjs';
import { either as E } from 'fp-ts';
import { toChatError, type ChatError } from '../errors.js';
import type { InboundEvent } from '../model/index.js';
import type { RocketchatMessage, RocketchatSync } from './answers.js';
import { mayPass, type CallBudget } from './call-budget.js';
import type { RocketchatClient } from './client.js';
import { undecodableEvent, type RocketchatArrival } from './codec-draft.js';
import { decodeMessage } from './codec-message.js';
import { decodeStreamEvent } from './codec-stream.js';
import { inOrder, placeOf, type Place } from './held.js';
import type { Inbox } from './inbox.js';
import type { RoomEntry } from './room-book.js';
import { messageIn, type Told } from './told.js';

/** @internal */
export interface ReaderRules {
  readonly client: Pick<RocketchatClient, 'sync'>;
  readonly inbox: Inbox;
  readonly budget: CallBudget;
  readonly scheduler: SchedulerLike;
  /** How far back from what is known is read, in milliseconds: what was written at once is not told in order. */
  readonly overlapMs: number;
  /** What the events of a room are decoded with. */
  readonly arrival: (rid: string) => RocketchatArrival;
  /** From when on it is told, by the server's clock: nobody listened before. */
  readonly from: () => number;
  /** What is missing stays so. */
  readonly gaveUp: (rid: string, since: string, error: ChatError) => void;
}

/** Rooms that are read at once. */
const AT_ONCE = 4;
/** How often a room is read that cannot be, with a pause that begins at a second and doubles. */
const MOST_ATTEMPTS = 5;
const PAUSE_MS = 1_000;

/** @internal What was turned away, and no message says. */
export interface Missed {
  readonly told: Told;
  /** A post, which comes again. */
  readonly copyOf?: string;
}

/** @internal */
export interface Need {
  readonly state?: readonly InboundEvent[];
  /** Goes with what its messages say. */
  readonly missed?: readonly Missed[];
  readonly listedAt?: number;
  readonly isUrgent?: boolean;
}

interface Task {
  readonly room: RoomEntry;
  /** What the room says of itself, which counts where its messages say nothing; and when it was changed last. */
  state: readonly InboundEvent[];
  /** The last of each that was turned away, and that no message says. */
  missed: readonly Item[];
  listedAt: number;
  attempts: number;
  /** How many connections were lost before it was read. */
  epoch: number;
  isRunning: boolean;
  /** Something came that may not be in what is being read. */
  isAgain: boolean;
  /** How many events were settled when there was no place for what was read: before another is, there will be none. */
  fullAt: number | undefined;
  /** What was told of what is not read to its end yet: when that fails, reading on does not tell it again. */
  readonly told: Set<string>;
}

/** What was read, and its place. What of it happened before `from` is not new. */
interface Item {
  readonly told: Told;
  readonly place: Place;
  readonly from: number;
  readonly copyOf?: string;
}
const itemOf = (told: Told, from = -Infinity): Item => {
  const [first] = told.events;
  return { told, place: first === undefined ? { at: 0, rank: 0, id: '' } : placeOf(first), from };
};
/** It was told when it happened, however old it seems. */
const itemsOf = ({ told, ...copy }: Missed): readonly Item[] =>
  told.events.map((event) => ({ ...itemOf({ ...told, events: [event], isRead: true }), ...copy }));

/** One event of one time: two may happen within a millisecond, but by two messages. */
const keyOf = ({ messageId = '' }: Told, { id, at }: InboundEvent): string => `${messageId} ${at} ${id}`;

/** The place of the last that was taken, and the first that was not. */
interface Taken {
  readonly last: Place | undefined;
  readonly refused: Item | undefined;
}

/** @internal Rooms that are behind, and are made good from their history: the most urgent first. */
export class Reader {
  readonly #rules: ReaderRules;
  readonly #tasks = new Map<RoomEntry, Task>();
  #line: Task[] = [];
  #running = 0;
  readonly #work = new Subscription();
  #pause: Subscription | undefined;

  constructor(rules: ReaderRules) {
    this.#rules = rules;
  }

  /** A room is behind: nothing of it goes out until it was read. What belongs to no room has no history. */
  need(room: RoomEntry, { state, missed = [], listedAt, isUrgent = false }: Need = {}): void {
    if (room.id === '') return;
    room.isBehind = true;
    let task = this.#tasks.get(room);
    if (task === undefined) {
      task = {
        room,
        state: [],
        missed: [],
        listedAt: 0,
        attempts: 0,
        epoch: 0,
        isRunning: false,
        isAgain: false,
        fullAt: undefined,
        told: new Set(),
      };
      this.#tasks.set(room, task);
      if (isUrgent) this.#line.unshift(task);
      else this.#line.push(task);
    } else if (task.isRunning) task.isAgain = true;
    else if (isUrgent && this.#line[0] !== task) this.#line = [task, ...this.#line.filter((one) => one !== task)];
    task.state = state ?? task.state;
    const items = missed.flatMap(itemsOf);
    task.missed = [...task.missed.filter(({ place }) => !items.some((one) => one.place.id === place.id)), ...items];
    task.listedAt = listedAt ?? task.listedAt;
    this.advance();
  }

  /** Reads what there is room for. */
  advance(): void {
    const { inbox } = this.#rules;
    while (this.#line.length > 0 && this.#pause === undefined && this.#running < AT_ONCE && !this.#work.closed) {
      // Then nothing will be free before something was read.
      const isStuck = this.#running === 0 && inbox.isStuck;
      if (!inbox.hasRoom && !isStuck) return;
      const mayBe = ({ room, fullAt }: Task): boolean => inbox.hasRoomIn(room) && fullAt !== inbox.settled;
      const index = isStuck ? 0 : this.#line.findIndex(mayBe);
      const [task] = index < 0 ? [] : this.#line.splice(index, 1);
      if (task === undefined) return;
      this.#read(task);
    }
  }

  stop(): void {
    this.#pause?.unsubscribe();
    this.#work.unsubscribe();
    for (const { room } of this.#tasks.values()) room.isBehind = false;
    this.#tasks.clear();
    this.#line = [];
  }

  #read(task: Task): void {
    const { client, inbox, budget, overlapMs, from } = this.#rules;
    const { room } = task;
    task.epoch = inbox.lost;
    task.isRunning = true;
    task.isAgain = false;
    task.fullAt = undefined;
    this.#running++;
    const since = Math.max(from(), (room.seenAt ?? 0) - overlapMs, 0);
    // The server tells what was changed after it.
    const sinceText = new Date(Math.max(since - 1, 0)).toISOString();
    let found: RocketchatSync | undefined;
    const reading = budget.run(client.sync(room.id, sinceText)).subscribe({
      next: (sync) => (found = sync),
      error: (thrown: unknown) => {
        this.#over(task);
        this.#failed(task, sinceText, toChatError('rocketchat', thrown));
      },
      complete: () => {
        this.#over(task);
        this.#take(task, found ?? { updated: [], deleted: [] }, since);
      },
    });
    this.#work.add(reading);
    reading.add(() => {
      this.#work.remove(reading);
    });
  }

  #over(task: Task): void {
    task.isRunning = false;
    this.#running--;
  }

  #take(task: Task, { updated, deleted }: RocketchatSync, since: number): void {
    const { inbox } = this.#rules;
    const { room } = task;
    let seenAt = room.seenAt ?? since;
    const items = [
      ...updated.map((message) => this.#message(room, message, since)),
      ...deleted.map(({ id, at }) => this.#removal(room, id, at)),
    ].sort((one, other) => inOrder(one.place, other.place));
    const { settled } = inbox;
    const { last, ...read } = this.#takeAll(task, items);
    let { refused } = read;
    if (refused === undefined) {
      for (const { raw } of updated) seenAt = Math.max(seenAt, messageIn(raw).changedAt ?? 0);
      room.seenAt = seenAt;
      refused = this.#takeAll(task, this.#stateOf(task)).refused;
    }
    if (refused === undefined) task.told.clear();
    // A connection that was lost while it was read may have cost more, and what is held came after that.
    if (refused === undefined && !task.isAgain && !inbox.isDoubtful(task)) {
      this.#done(task);
      return;
    }
    // Up to here nothing is missing. For the rest there is no place yet, or more has come meanwhile.
    const isOut = last !== undefined && inbox.release(room, last) > 0;
    if (refused !== undefined) {
      task.fullAt = settled;
      // What waits leaves no place for what it waits for: the first of that goes out all the same.
      if (!isOut && (inbox.isStuck || inbox.isStuckIn(room))) this.#force(task, refused);
    }
    this.#line.push(task);
    this.advance();
  }

  /** In order, up to what finds no place. */
  #takeAll(task: Task, items: readonly Item[]): Taken {
    let last: Place | undefined;
    const refused = items.find((item) => {
      if (!this.#isTaken(task, item)) return true;
      last = item.place;
      return false;
    });
    return { last, refused };
  }

  #isTaken({ told: before }: Task, { told, place: _, ...options }: Item, evenFull = false): boolean {
    const { inbox } = this.#rules;
    const events = told.events.filter((event) => !before.has(keyOf(told, event)));
    if (events.length === 0) return true;
    const fresh = events.length === told.events.length ? told : { ...told, events };
    if (inbox.take(fresh, { ...options, evenFull }) === 'refused') return false;
    for (const event of events) before.add(keyOf(told, event));
    return true;
  }

  #force(task: Task, refused: Item): void {
    const { inbox } = this.#rules;
    this.#isTaken(task, refused, true);
    inbox.release(task.room, refused.place);
  }

  #done(task: Task): void {
    const { inbox } = this.#rules;
    const { room } = task;
    this.#tasks.delete(room);
    room.isBehind = false;
    room.epoch = task.epoch;
    room.listedAt = Math.max(room.listedAt, task.listedAt);
    inbox.release(room);
    this.advance();
  }

  /** What the room says of itself counts where its messages say nothing. */
  #stateOf({ room: { id: rid }, state, missed }: Task): readonly Item[] {
    const from = this.#rules.from();
    return [...missed, ...state.map((event) => itemOf({ witness: 'state', rid, events: [event], isRead: true }, from))];
  }

  #message({ id: rid }: RoomEntry, { id, raw, at }: RocketchatMessage, from: number): Item {
    const { arrival } = this.#rules;
    const decoded = decodeMessage(raw, arrival(rid));
    if (E.isRight(decoded))
      return itemOf({ witness: 'message', rid, events: decoded.right, messageId: id, isRead: true }, from);
    // It has no id of its own, and is read again.
    const events = [undecodableEvent(raw, decoded.left.problems ?? [], rid, { ...arrival(rid), at })];
    return { ...itemOf({ witness: 'message', rid, events, isRead: true }, from), copyOf: id };
  }

  #removal({ id: rid }: RoomEntry, id: string, at: string): Item {
    const event = { stream: 'notify-room', eventName: `${rid}/deleteMessage`, args: [{ _id: id }] };
    const decoded = decodeStreamEvent(event, { ...this.#rules.arrival(rid), at });
    return itemOf({ witness: 'message', rid, events: E.isRight(decoded) ? decoded.right : [], isRead: true });
  }

  #failed(task: Task, since: string, error: ChatError): void {
    const { gaveUp, scheduler } = this.#rules;
    const { room } = task;
    const isThrottled = error.kind === 'throttled';
    if (!isThrottled) task.attempts++;
    if (!mayPass(error) || task.attempts >= MOST_ATTEMPTS) {
      this.#takeAll(task, this.#stateOf(task));
      this.#done(task);
      gaveUp(room.id, since, error);
      return;
    }
    this.#line.unshift(task);
    const pauseMs = Math.max(error.retryAfterMs ?? 0, PAUSE_MS * 2 ** Math.max(0, task.attempts - 1));
    this.#pause ??= scheduler.schedule(() => {
      this.#pause = undefined;
      this.advance();
    }, pauseMs);
  }
}
