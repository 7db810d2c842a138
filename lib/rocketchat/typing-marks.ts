import {
  catchError,
  concat,
  defer,
  EMPTY,
  finalize,
  ignoreElements,
  merge,
  mergeMap,
  Subject,
  takeUntil,
  tap,
  timeout,
  timer,
  type MonoTypeOperatorFunction,
  type Observable,
  type SchedulerLike,
  type Subscription,
} from 'rxjs';
import { ChatError } from '../errors.js';

/** @internal Shows that somebody is typing, or no longer. */
export type Typing = (isActive: boolean) => Observable<undefined>;

/** @internal The reason of a mark that came too late. */
export const LATE = 'late';
/** What waits behind a mark waits no longer: the server takes few of them, and a mark is nothing without its message. */
const ON_WITHIN_MS = 3_000;
const OFF_WITHIN_MS = 10_000;
/** A mark whose message never comes. */
const LONGEST_MS = 60_000;

interface Mark {
  readonly typing: Typing;
  readonly timer: Subscription;
}

/** @internal Who is shown as typing: clients show it until they are told otherwise, so each mark is taken away again. */
export class TypingMarks {
  readonly #scheduler: SchedulerLike;
  readonly #marks = new Map<string, Mark>();
  /** Rooms whose mark is to be taken away. */
  readonly #due = new Subject<string>();

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler;
  }

  /** Shows it. Errors with `LATE` when its turn does not come soon. */
  on(rid: string, typing: Typing, forMs = LONGEST_MS): Observable<undefined> {
    return defer(() => {
      const late = (): ChatError => {
        const sentence = `typing is not sent: its turn did not come within ${ON_WITHIN_MS} ms`;
        return new ChatError('throttled', 'rocketchat', sentence, { reason: LATE });
      };
      this.#marks.get(rid)?.timer.unsubscribe();
      const ending = this.#scheduler.schedule(
        () => {
          this.#due.next(rid);
        },
        Math.min(forMs, LONGEST_MS),
      );
      this.#marks.set(rid, { typing, timer: ending });
      return typing(true).pipe(
        timeout({
          first: ON_WITHIN_MS,
          scheduler: this.#scheduler,
          with: () => {
            throw late();
          },
        }),
      );
    });
  }

  /** With a message the mark goes, before anything else comes to its turn in the room. */
  until<T>(rid: string): MonoTypeOperatorFunction<T> {
    const gone = (): void => {
      this.#due.next(rid);
    };
    return tap({ next: gone, error: gone });
  }

  /** `receipts`, while marks are taken away beside them, and the last ones after them. */
  beside<T>(receipts: Observable<T>): Observable<T> {
    const gone = this.#due.pipe(
      mergeMap((rid) => this.#off(rid)),
      ignoreElements(),
    );
    const last = defer(() => {
      for (const rid of this.#marks.keys()) this.#due.next(rid);
      this.#due.complete();
      return EMPTY;
    });
    return merge(gone, concat(receipts, last)).pipe(
      finalize(() => {
        for (const { timer: ending } of this.#marks.values()) ending.unsubscribe();
        this.#marks.clear();
      }),
    );
  }

  #off(rid: string): Observable<unknown> {
    const mark = this.#marks.get(rid);
    if (mark === undefined) return EMPTY;
    this.#marks.delete(rid);
    mark.timer.unsubscribe();
    // It was worth a try: nobody waits for it.
    const tried = mark.typing(false).pipe(catchError(() => EMPTY));
    return tried.pipe(takeUntil(timer(OFF_WITHIN_MS, this.#scheduler)));
  }
}
