import type { DeadLetter } from './queue.js';
import type { KeptLetter, Shelf } from './shelf.js';

/** How many dead letters one transaction drops that are too old. */
const DROP = 100;
const HOUR = 3_600_000;

/**
 * The dead letters of a queue. Written inside of its transactions.
 *
 * @internal
 */
export class Letters<T, C> {
  readonly #shelf: Shelf<T, C>;
  readonly #retainMs: number;
  #pruneAt = 0;
  #prunedTo = 0;

  constructor(shelf: Shelf<T, C>, retainMs: number) {
    this.#shelf = shelf;
    this.#retainMs = retainMs;
  }

  write(letter: KeptLetter<C>): void {
    const head = this.#shelf.edit();
    this.#shelf.letters.put(head.nextLetter, letter);
    if (letter.holds) {
      this.#shelf.holds.put(head.nextLetter, letter.kept.key);
      head.holdChanges++;
    }
    head.nextLetter++;
    head.letters++;
    head.bytes += letter.kept.bytes;
  }

  remove(letter: number, { kept, holds }: KeptLetter<C>): void {
    const head = this.#shelf.edit();
    this.#shelf.letters.remove(letter);
    if (holds) {
      this.#shelf.holds.remove(letter);
      head.holdChanges++;
    }
    head.letters--;
    head.bytes -= kept.bytes;
  }

  /** Drops what is too old, some at a time; looks once an hour, or in any case when there is no room. */
  prune(now: number, isFull = false): void {
    if (now < this.#pruneAt && !isFull) return;
    const dueBefore = now - this.#retainMs;
    const found = this.#shelf.letters.after(this.#prunedTo, DROP);
    let isNew = false;
    for (const [letter, kept] of found) {
      // What holds a conversation is passed by; the others are in the order of their age.
      if (kept.holds) continue;
      isNew = kept.parkedAt > dueBefore;
      if (isNew) break;
      this.remove(letter, kept);
      this.#shelf.edit().expired++;
    }
    const isAll = isNew || found.length < DROP;
    this.#prunedTo = isAll ? 0 : (found[found.length - 1]?.[0] ?? 0);
    this.#pruneAt = isAll ? now + HOUR : now;
  }

  list(after: number, limit: number): readonly DeadLetter<T>[] {
    if (this.#shelf.head().letters === 0) return [];
    return this.#shelf.letters.after(after, limit).map(([letter, { kept, parkedAt, reason, ...rest }]) => ({
      ...rest,
      ...(reason !== undefined && { reason }),
      ...this.#shelf.unpack(kept.content),
      letter,
      key: kept.key,
      resubmitted: kept.resubmitted,
      addedAt: new Date(kept.at).toISOString(),
      parkedAt: new Date(parkedAt).toISOString(),
    }));
  }
}
