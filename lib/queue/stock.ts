import type { SchedulerLike } from 'rxjs';
import { ChatError } from '../errors.js';
import { atLeast } from '../range.js';
import { Letters } from './letters.js';
import type { ParkReport, QueueLimits } from './queue.js';
import type { Kept, Shelf } from './shelf.js';

/** @internal An item that is ready to be kept. */
export interface Packed<C> {
  readonly key: string;
  readonly content: C;
  readonly bytes: number;
}

/** @internal How far a search came that takes several transactions. */
export interface Search {
  readonly place: number;
  readonly letter: number;
  readonly found: number;
  readonly isAll: boolean;
}

/** How many items one transaction looks through. */
const SCAN = 5_000;

/**
 * What a queue holds, counted, and how much that may be. Everything but `pack` is done inside of transactions.
 *
 * @internal
 */
export class Stock<T, C> {
  readonly shelf: Shelf<T, C>;
  readonly letters: Letters<T, C>;
  readonly #scheduler: SchedulerLike;
  readonly #maxItems: number;
  readonly #maxBytes: number;
  readonly #maxItemBytes: number;
  /** The highest place that this process knows of. */
  #known = 0;

  /** @throws RangeError when a limit is out of range. */
  constructor(shelf: Shelf<T, C>, limits: QueueLimits, scheduler: SchedulerLike) {
    const { label } = shelf;
    const { maxItems = 1_000_000, maxBytes = 2 ** 30, maxItemBytes = 2 ** 22, retainMs = 2_592_000_000 } = limits;
    atLeast(`${label}: maxItems`, maxItems, 1);
    atLeast(`${label}: maxBytes`, maxBytes, 1);
    atLeast(`${label}: maxItemBytes`, maxItemBytes, 1);
    atLeast(`${label}: retainMs`, retainMs, 0);
    this.shelf = shelf;
    this.#scheduler = scheduler;
    this.#maxItems = maxItems;
    this.#maxBytes = maxBytes;
    this.#maxItemBytes = maxItemBytes;
    this.letters = new Letters(shelf, retainMs);
  }

  get known(): number {
    return this.#known;
  }

  /** @throws ChatError `overflow` for an item that is too large, and what the shelf cannot keep. */
  pack(items: T | readonly T[]): readonly Packed<C>[] {
    return isList(items) ? items.map((item) => this.#packOne(item)) : [this.#packOne(items)];
  }

  /** @throws ChatError `overflow` when there is no room for them. */
  checkRoom(packed: readonly Packed<C>[]): void {
    if (this.#lacking(packed) === undefined) return;
    // Dead letters that are too old need not be kept until the next one comes.
    this.letters.prune(this.#scheduler.now(), true);
    const lacking = this.#lacking(packed);
    if (lacking === undefined) return;
    const { label, name } = this.shelf;
    const sentence = `${name} is full: ${lacking} is its limit`;
    throw new ChatError('overflow', label, sentence, { retryable: true, reason: 'full' });
  }

  append(packed: readonly Packed<C>[]): readonly number[] {
    const at = this.#scheduler.now();
    return packed.map(({ key, content, bytes }) => this.#put({ key, at, resubmitted: 0, bytes, content }));
  }

  /** Whether it was there. */
  remove(place: number, bytes: number): boolean {
    if (!this.shelf.items.remove(place)) return false;
    const head = this.shelf.edit();
    head.waiting--;
    head.bytes -= bytes;
    return true;
  }

  /** Makes a dead letter of an item. Emits whether it was there. */
  park(place: number, { outcome, touched, reason }: ParkReport, attempts: number, holds: boolean): boolean {
    const kept = this.shelf.items.get(place);
    if (kept === undefined) return false;
    this.remove(place, kept.bytes);
    const parkedAt = this.#scheduler.now();
    this.letters.write({ kept, outcome, touched, reason, parkedAt, attempts, holds });
    this.letters.prune(parkedAt);
    return true;
  }

  /** Makes a dead letter of what cannot be read. */
  parkUnread(place: number, problems: readonly string[], attempts: number): void {
    const reason = `it cannot be read: ${problems.join(', ')}`;
    this.park(place, { outcome: 'failed', touched: false, reason }, attempts, false);
    this.shelf.tries.remove(place);
    this.shelf.edit().damaged++;
  }

  /** @throws ChatError `undecodable` for what cannot be read. */
  resubmit(letter: number): boolean {
    const found = this.shelf.letters.get(letter);
    if (found === undefined) return false;
    const { kept } = found;
    const unpacked = this.shelf.unpack(kept.content);
    if ('problems' in unpacked) {
      const { problems } = unpacked;
      throw new ChatError('undecodable', this.shelf.label, `letter ${letter} cannot be read`, { problems });
    }
    this.letters.remove(letter, found);
    this.#put({ ...kept, at: this.#scheduler.now(), resubmitted: kept.resubmitted + 1 });
    return true;
  }

  drop(letter: number): boolean {
    const found = this.shelf.letters.get(letter);
    if (found !== undefined) this.letters.remove(letter, found);
    return found !== undefined;
  }

  /** Removes what it finds of a conversation behind a place and a letter. */
  forget(key: string, { place, letter, found }: Search): Search {
    const items = this.shelf.items.after(place, SCAN);
    const letters = this.shelf.letters.after(letter, SCAN);
    let count = found;
    for (const [at, kept] of items) {
      if (kept.key !== key) continue;
      this.remove(at, kept.bytes);
      this.shelf.tries.remove(at);
      count++;
    }
    for (const [at, kept] of letters) {
      if (kept.kept.key !== key) continue;
      this.letters.remove(at, kept);
      count++;
    }
    return {
      place: items[items.length - 1]?.[0] ?? place,
      letter: letters[letters.length - 1]?.[0] ?? letter,
      found: count,
      isAll: items.length < SCAN && letters.length < SCAN,
    };
  }

  #put(kept: Kept<C>): number {
    const head = this.shelf.edit();
    const place = head.next;
    this.shelf.items.put(place, kept);
    head.next++;
    head.waiting++;
    head.bytes += kept.bytes;
    this.#known = place;
    return place;
  }

  /** The limit that leaves no room for them. */
  #lacking(packed: readonly Packed<C>[]): string | undefined {
    const { waiting, letters, bytes } = this.shelf.head();
    if (waiting + letters + packed.length > this.#maxItems) return `${this.#maxItems} items`;
    let sum = bytes;
    for (const one of packed) sum += one.bytes;
    return sum > this.#maxBytes ? `${this.#maxBytes} bytes` : undefined;
  }

  #packOne(item: T): Packed<C> {
    const packed = this.shelf.pack(item);
    if (packed.bytes > this.#maxItemBytes) {
      const sentence = `an item of ${packed.bytes} bytes is larger than the limit of ${this.#maxItemBytes}`;
      throw new ChatError('overflow', this.shelf.label, sentence, { reason: 'itemTooLarge' });
    }
    return packed;
  }
}

const isList = <T>(items: T | readonly T[]): items is readonly T[] => Array.isArray(items);
