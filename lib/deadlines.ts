import type { SchedulerLike, Subscription } from 'rxjs';

/** @internal Something that waits, since when. */
export interface Waiting<T> {
  readonly item: T;
  readonly since: number;
  previous: Waiting<T> | undefined;
  next: Waiting<T> | undefined;
}

/**
 * Things that are due after the same time: longest waiting first, so that one timer does for all of them. An RxJS timer
 * for each would cost more than what it guards.
 *
 * @internal
 */
export class Deadlines<T> {
  readonly #scheduler: SchedulerLike;
  readonly #delayMs: number;
  readonly #due: (item: T) => void;
  readonly #staysArmed: boolean;
  #first: Waiting<T> | undefined;
  #last: Waiting<T> | undefined;
  #timer: Subscription | undefined;
  #fires = false;
  /** Since when that has waited which the timer is for. */
  #armedFor = 0;

  /**
   * `staysArmed`: the timer is left alone when nothing waits any more, and fires once for nothing. Cheaper where something
   * always waits; otherwise it would keep a process alive that has nothing left to do.
   */
  constructor(scheduler: SchedulerLike, delayMs: number, due: (item: T) => void, staysArmed = false) {
    this.#scheduler = scheduler;
    this.#delayMs = delayMs;
    this.#due = due;
    this.#staysArmed = staysArmed;
  }

  add(item: T, since = this.#scheduler.now()): Waiting<T> {
    // Almost always the last; what waits for longer already, since it was delivered late, goes to its place.
    let previous = this.#last;
    while (previous !== undefined && previous.since > since) previous = previous.previous;
    const next = previous === undefined ? this.#first : previous.next;
    const entry: Waiting<T> = { item, since, previous, next };
    if (previous === undefined) this.#first = entry;
    else previous.next = entry;
    if (next === undefined) this.#last = entry;
    else next.previous = entry;
    // While it fires, what is first afterwards is armed for then.
    if (!this.#fires && (this.#timer === undefined || (previous === undefined && since < this.#armedFor))) this.#arm();
    return entry;
  }

  /** Takes it out again; call it once for each entry that was not due. */
  remove(entry: Waiting<T>): void {
    const { previous, next } = entry;
    // A dead entry that was moved to the old generation would keep all that came after it from being collected there.
    entry.previous = entry.next = undefined;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    if (this.#first === undefined && !this.#staysArmed) this.stop();
  }

  /** Stops the timer; the next `add` arms it again. */
  stop(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
  }

  /** Takes out everything, and arms no more until something is added. */
  clear(): void {
    this.stop();
    this.#first = this.#last = undefined;
  }

  #arm(): void {
    this.#timer?.unsubscribe();
    const first = this.#first;
    if (first === undefined) return;
    const now = this.#scheduler.now();
    const dueInMs = Math.max(0, first.since + this.#delayMs - now);
    this.#armedFor = first.since;
    this.#timer = this.#scheduler.schedule(
      () => {
        this.#fire();
      },
      Math.min(dueInMs, LONGEST_TIMER),
    );
  }

  #fire(): void {
    this.stop();
    const now = this.#scheduler.now();
    this.#fires = true;
    for (let entry = this.#first; entry !== undefined && entry.since + this.#delayMs <= now; entry = this.#first) {
      this.remove(entry);
      this.#due(entry.item);
    }
    this.#fires = false;
    this.#arm();
  }
}

/** Beyond it, timers fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;
