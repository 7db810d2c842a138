import type { SchedulerLike, Subscription } from 'rxjs';
import type { Trace } from './trace.js';

/** @internal A trace that nobody holds, since when. */
export interface Unattended {
  readonly trace: Trace;
  readonly since: number;
  previous: Unattended | undefined;
  next: Unattended | undefined;
}

/**
 * What is in nobody's custody, longest first. The delay is the same for all, so one timer does, armed while something is
 * here.
 *
 * @internal
 */
export class UnattendedList {
  readonly #scheduler: SchedulerLike;
  readonly #giveUpMs: number;
  #first: Unattended | undefined;
  #last: Unattended | undefined;
  #timer: Subscription | undefined;

  constructor(scheduler: SchedulerLike, giveUpMs: number) {
    this.#scheduler = scheduler;
    this.#giveUpMs = giveUpMs;
  }

  add(trace: Trace): Unattended {
    const entry: Unattended = { trace, since: this.#scheduler.now(), previous: this.#last, next: undefined };
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    if (this.#timer === undefined) this.#arm(this.#giveUpMs);
    return entry;
  }

  remove({ previous, next }: Unattended): void {
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    if (this.#first === undefined) this.#disarm();
  }

  #arm(delayMs: number): void {
    this.#timer = this.#scheduler.schedule(() => {
      this.#giveUp();
    }, delayMs);
  }

  #disarm(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
  }

  #giveUp(): void {
    this.#disarm();
    const dueBefore = this.#scheduler.now() - this.#giveUpMs;
    for (let entry = this.#first; entry !== undefined && entry.since <= dueBefore; entry = this.#first)
      entry.trace.expire();
    if (this.#first === undefined) return;
    this.#disarm();
    this.#arm(this.#first.since - dueBefore);
  }
}
