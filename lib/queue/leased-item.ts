import type { Leased } from './queue.js';

/** @internal What the queue remembers of an item that is out. */
export interface Handout {
  readonly addedAt: number;
  readonly since: number;
  readonly batch: number;
  readonly bytes: number;
}

/** @internal */
export class LeasedItem<T> implements Leased<T> {
  readonly item: T;
  readonly place: number;
  readonly key: string;
  readonly attempt: number;
  readonly resubmitted: number;
  readonly #handout: Handout;

  constructor(item: T, place: number, key: string, attempt: number, resubmitted: number, handout: Handout) {
    this.item = item;
    this.place = place;
    this.key = key;
    this.attempt = attempt;
    this.resubmitted = resubmitted;
    this.#handout = handout;
  }

  get addedAt(): string {
    return new Date(this.#handout.addedAt).toISOString();
  }

  get firstAttemptAt(): string {
    return new Date(this.#handout.since).toISOString();
  }

  get handout(): Handout {
    return this.#handout;
  }
}
