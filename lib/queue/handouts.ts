import type { LeasedItem } from './leased-item.js';
import type { Shelf, Tries } from './shelf.js';

/**
 * What a consumer has, and how often that was tried. What is handed out together is noted as a batch, so that whoever comes
 * after a crash knows what was out.
 *
 * @internal
 */
export class Handouts<T, C> {
  readonly #shelf: Shelf<T, C>;
  readonly #out = new Map<number, LeasedItem<T>>();
  /** How many items of a batch are out. */
  readonly #batches = new Map<number, number>();
  #doneBatches: number[] = [];
  #tries = new Map<number, Tries>();

  constructor(shelf: Shelf<T, C>) {
    this.#shelf = shelf;
  }

  get size(): number {
    return this.#out.size;
  }

  begin(tries: Map<number, Tries>): void {
    this.#tries = tries;
  }

  triesOf(place: number): Tries | undefined {
    return this.#tries.get(place);
  }

  get(place: number): LeasedItem<T> | undefined {
    return this.#out.get(place);
  }

  has(leased: LeasedItem<T>): boolean {
    return this.#out.get(leased.place) === leased;
  }

  /** Notes what is handed out. Inside of a transaction. */
  note(batch: number, taken: readonly LeasedItem<T>[], at: number): void {
    if (taken.length === 0) return;
    this.#batches.set(batch, taken.length);
    this.#shelf.batches.put(batch, { at, places: taken.map(({ place }) => place) });
    for (const leased of taken) this.#out.set(leased.place, leased);
  }

  /** Removes the notes of which nothing is out any more. Inside of a transaction. */
  clean(): void {
    for (const batch of this.#doneBatches) this.#shelf.batches.remove(batch);
    this.#doneBatches = [];
  }

  /** Forgets how often it was tried. Inside of a transaction. */
  forgetTries(place: number): void {
    if (this.#tries.has(place)) this.#shelf.tries.remove(place);
  }

  /** It is done. Whether it was out. */
  settle(leased: LeasedItem<T>): boolean {
    if (!this.leave(leased)) return false;
    this.#tries.delete(leased.place);
    return true;
  }

  /** It was returned. */
  tried({ place, attempt, handout }: LeasedItem<T>): void {
    this.#tries.set(place, { attempts: attempt, since: handout.since });
  }

  /** It is not out any more. Whether it was. */
  leave({ place, handout: { batch } }: LeasedItem<T>): boolean {
    if (!this.#out.delete(place)) return false;
    const left = (this.#batches.get(batch) ?? 1) - 1;
    if (left > 0) this.#batches.set(batch, left);
    else {
      this.#batches.delete(batch);
      this.#doneBatches.push(batch);
    }
    return true;
  }

  /** The transaction that they were handed out in was lost. */
  undo(taken: readonly LeasedItem<T>[]): void {
    for (const { place } of taken) this.#out.delete(place);
  }

  clear(): void {
    this.#out.clear();
  }
}
