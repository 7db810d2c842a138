import {
  catchError,
  defer,
  EMPTY,
  map,
  repeat,
  retry,
  Subscription,
  tap,
  timer,
  type Observable,
  type SchedulerLike,
} from 'rxjs';
import { toChatError, type ChatError } from '../errors.js';
import { mayPass } from './call-budget.js';
import type { Inbox } from './inbox.js';
import { changedAt, type Listed } from './listing.js';
import type { Rounds } from './rounds.js';

/** @internal */
export interface LookoutRules {
  readonly rounds: Pick<Rounds, 'look'>;
  readonly inbox: Inbox;
  readonly self: string;
  /** Since when something is told, by the server's clock, where that was asked for. */
  readonly since: number | undefined;
  /** When this began, by our clock. */
  readonly startedAt: number;
  readonly overlapMs: number;
  readonly scheduler: SchedulerLike;
  /** Rooms could not be looked through. */
  readonly failed: (error: ChatError) => void;
  /** Something of ours is broken. */
  readonly broken: (error: unknown) => void;
}

/** The pause before rooms are looked through again that could not be, in milliseconds. */
const PAUSE_MS = 30_000;

/** When the latest of them was changed. */
const latestOf = ({ rooms }: Listed, before = 0): number =>
  rooms.reduce((latest, room) => Math.max(latest, changedAt(room)), before);

/**
 * @internal When rooms are looked through, and since when: in rounds, at first, and after a connection was lost. Counts by the
 * server's clock, which is learnt from what it tells, since ours may be ahead or behind.
 */
export class Lookout {
  readonly #rules: LookoutRules;
  readonly #work = new Subscription();
  #from: number | undefined;
  /** What was heard first, before that was known. */
  #earliest = Infinity;
  /** By how much our clock is ahead of the server's, at most: in milliseconds. */
  #skewMs: number | undefined;
  #isOpen = false;
  #looking: Subscription | undefined;
  /** Since when the rooms are to be looked through, as long as that was not done. */
  #lookSince = Infinity;

  constructor(rules: LookoutRules) {
    this.#rules = rules;
    this.#from = rules.since;
    if (rules.since !== undefined) rules.inbox.remembersFrom(rules.since);
  }

  /** From when on something is told: what was there before is not new. */
  get from(): number {
    const { startedAt, overlapMs } = this.#rules;
    return this.#from ?? Math.min(startedAt - (this.#skewMs ?? overlapMs), this.#earliest);
  }

  stop(): void {
    this.#work.unsubscribe();
  }

  /** What was written just now says what time it is there. */
  heard(at: number): void {
    this.posted(at);
    if (this.#from === undefined) this.#earliest = Math.min(this.#earliest, at);
  }

  /** What was written a while ago says what time it is there at least. It may be of before this began. */
  posted(at: number): void {
    this.#skewMs = Math.min(this.#skewMs ?? Infinity, this.#rules.scheduler.now() - at);
  }

  /** In rounds, with a pause between them. */
  poll(everyMs: number): void {
    const { rounds, self, overlapMs, scheduler } = this.#rules;
    let cursor = this.#from;
    const round = defer(() => rounds.look(self, cursor === undefined ? undefined : cursor - overlapMs)).pipe(
      map((listed) => {
        cursor = latestOf(listed, cursor);
        this.#begin(cursor);
      }),
    );
    this.#run(this.#tried(round).pipe(repeat({ delay: () => timer(everyMs, scheduler) })));
  }

  /** The socket tells from now on: what happened before is looked for, or when the last of it was. */
  opened(isPolled: boolean): void {
    const { rounds, inbox, self, since } = this.#rules;
    if (this.#isOpen) return;
    this.#isOpen = true;
    if (isPolled) return;
    if (since !== undefined) {
      this.#look(since);
      return;
    }
    const { lost } = inbox;
    const first = rounds.look(self, undefined).pipe(
      map((listed) => {
        // What was lost meanwhile may be older.
        if (inbox.lost === lost) this.#begin(latestOf(listed));
      }),
    );
    this.#run(this.#tried(first));
  }

  /** A connection was lost, by our clock then: rooms may have missed something since. */
  lost(at: number): void {
    this.#look(at - (this.#skewMs ?? 0) - this.#rules.overlapMs);
  }

  /** What was there is not new. Where there was nothing, all that comes is. */
  #begin(latest: number): void {
    const { inbox, scheduler } = this.#rules;
    this.#skewMs = Math.min(this.#skewMs ?? Infinity, scheduler.now() - latest);
    if (this.#from !== undefined) return;
    this.#from = Math.min(latest + 1, this.#earliest);
    inbox.remembersFrom(this.#from);
  }

  #look(since: number): void {
    const { rounds, inbox, self, scheduler, failed } = this.#rules;
    const lost = ++inbox.lost;
    this.#lookSince = Math.min(this.#lookSince, since);
    this.#looking?.unsubscribe();
    const look = rounds.look(self, this.#lookSince).pipe(
      tap(() => {
        inbox.looked = lost;
        this.#lookSince = Infinity;
      }),
      retry({
        delay: (thrown: unknown) => {
          const error = toChatError('rocketchat', thrown);
          failed(error);
          // Until then, and where it is refused, rooms are read as they speak up.
          return mayPass(error) ? timer(PAUSE_MS, scheduler) : EMPTY;
        },
      }),
    );
    this.#looking = this.#run(look);
  }

  #tried<T>(look: Observable<T>): Observable<T> {
    return look.pipe(
      catchError((thrown: unknown) => {
        this.#rules.failed(toChatError('rocketchat', thrown));
        return EMPTY;
      }),
    );
  }

  #run(look: Observable<unknown>): Subscription {
    const running = look.subscribe({
      error: (error: unknown) => {
        this.#rules.broken(error);
      },
    });
    this.#work.add(running);
    return running;
  }
}
