import type { SchedulerLike, Subscription } from 'rxjs';

/** @internal What waits equally long, in the order in which it came: one timer, for however many. */
export class Turns<T> {
  readonly #scheduler: SchedulerLike;
  readonly #waitMs: number;
  readonly #itsTurn: (item: T) => void;
  #waiting: { readonly item: T; readonly at: number }[] = [];
  #first = 0;
  #timer: Subscription | undefined;

  constructor(scheduler: SchedulerLike, waitMs: number, itsTurn: (item: T) => void) {
    this.#scheduler = scheduler;
    this.#waitMs = waitMs;
    this.#itsTurn = itsTurn;
  }

  add(item: T): void {
    this.#waiting.push({ item, at: this.#scheduler.now() + this.#waitMs });
    this.#await();
  }

  clear(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#waiting = [];
    this.#first = 0;
  }

  #await(): void {
    const next = this.#waiting[this.#first];
    if (next === undefined || this.#timer !== undefined) return;
    const waitMs = Math.max(0, next.at - this.#scheduler.now());
    this.#timer = this.#scheduler.schedule(() => {
      this.#timer = undefined;
      this.#passOn();
    }, waitMs);
  }

  #passOn(): void {
    const now = this.#scheduler.now();
    for (
      let next = this.#waiting[this.#first];
      next !== undefined && next.at <= now;
      next = this.#waiting[this.#first]
    ) {
      this.#first++;
      this.#itsTurn(next.item);
    }
    // Half of it is over: the rest moves up.
    if (this.#first * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    this.#await();
  }
}
