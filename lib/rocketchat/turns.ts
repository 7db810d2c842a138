import type { SchedulerLike, Subscription } from 'rxjs';

/** @internal What waits equally long, in the order in which it came: one timer, for all of them. At most so many wait. */
export class Turns<T extends object> {
  readonly #scheduler: SchedulerLike;
  readonly #waitMs: number;
  readonly #most: number;
  readonly #itsTurn: (item: T) => void;
  #waiting: (T | undefined)[] = [];
  /** Until when. */
  #dueAt: number[] = [];
  #first = 0;
  #timer: Subscription | undefined;

  constructor(scheduler: SchedulerLike, waitMs: number, most: number, itsTurn: (item: T) => void) {
    this.#scheduler = scheduler;
    this.#waitMs = waitMs;
    this.#most = most;
    this.#itsTurn = itsTurn;
  }

  /** Where too many wait then, it is the turn of the first. */
  add(item: T): void {
    this.#waiting.push(item);
    this.#dueAt.push(this.#scheduler.now() + this.#waitMs);
    if (this.#waiting.length - this.#first > this.#most) {
      this.#passFirst();
      this.#moveUp();
    }
    if (this.#timer === undefined) this.#await();
  }

  clear(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#waiting = [];
    this.#dueAt = [];
    this.#first = 0;
  }

  #await(): void {
    const dueAt = this.#dueAt[this.#first];
    if (dueAt === undefined || this.#timer !== undefined) return;
    const waitMs = Math.max(0, dueAt - this.#scheduler.now());
    this.#timer = this.#scheduler.schedule(() => {
      this.#timer = undefined;
      this.#passOn();
    }, waitMs);
  }

  #passOn(): void {
    const now = this.#scheduler.now();
    for (let dueAt = this.#dueAt[this.#first]; dueAt !== undefined && dueAt <= now; dueAt = this.#dueAt[this.#first])
      this.#passFirst();
    this.#moveUp();
    this.#await();
  }

  #passFirst(): void {
    const item = this.#waiting[this.#first];
    // What is over is not kept.
    this.#waiting[this.#first++] = undefined;
    if (item !== undefined) this.#itsTurn(item);
  }

  /** Where half of it is over. */
  #moveUp(): void {
    if (this.#first * 2 < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#first);
    this.#dueAt = this.#dueAt.slice(this.#first);
    this.#first = 0;
  }
}
