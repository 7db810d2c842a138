import { asyncScheduler, defer, map, mergeMap, Observable, Subject, type SchedulerLike } from 'rxjs';
import { ChatError } from '../errors.js';
import { conversationKey, type Conversation, type InboundEvent, type OutboundAction } from '../model/index.js';
import { atLeast } from '../range.js';
import { onOneMedium, writeAll, Writing, type Together } from '../store/writing.js';
import { Consumer, type Acquired, type ConsumerHost } from './consumer.js';
import { LeasedItem } from './leased-item.js';
import type { DeadLetter, Leased, LeaseConfig, ParkReport, Queue, QueueCounts, QueueLimits } from './queue.js';
import { Letters } from './letters.js';
import type { Kept, Shelf, Tries } from './shelf.js';

/** How many items one transaction of `forget` looks at. */
const SCAN = 5_000;

/**
 * The rules of a queue, whatever it keeps its things in.
 *
 * @internal
 */
export class QueueCore<T extends InboundEvent | OutboundAction, C> implements Queue<T>, ConsumerHost<T, C> {
  readonly name: string;
  readonly errors$: Observable<ChatError>;
  readonly shelf: Shelf<T, C>;
  readonly scheduler: SchedulerLike;
  readonly #maxItems: number;
  readonly #maxBytes: number;
  readonly #maxItemBytes: number;
  readonly #letters: Letters<T, C>;
  readonly #errors = new Subject<ChatError>();
  readonly #wake = (): void => {
    this.#consumers[0]?.wake();
  };
  /** The consumers of this process: the first has the lease or asks for it. */
  readonly #consumers: Consumer<T, C>[] = [];
  /** The highest place that this process knows of. */
  #known = 0;

  constructor(shelf: Shelf<T, C>, limits: QueueLimits, scheduler: SchedulerLike = asyncScheduler) {
    const { label } = shelf;
    const { maxItems = 1_000_000, maxBytes = 2 ** 30, maxItemBytes = 2 ** 22, retainMs = 2_592_000_000 } = limits;
    atLeast(`${label}: maxItems`, maxItems, 1);
    atLeast(`${label}: maxBytes`, maxBytes, 1);
    atLeast(`${label}: maxItemBytes`, maxItemBytes, 1);
    atLeast(`${label}: retainMs`, retainMs, 0);
    this.name = shelf.name;
    this.shelf = shelf;
    this.scheduler = scheduler;
    this.#maxItems = maxItems;
    this.#maxBytes = maxBytes;
    this.#maxItemBytes = maxItemBytes;
    this.#letters = new Letters(shelf, retainMs);
    this.errors$ = this.#errors.asObservable();
  }

  add(items: T | readonly T[], { together = [] }: Together = {}): Observable<readonly number[]> {
    const all = this.#own(together);
    return defer(() => {
      const packed = this.#packed(items);
      return this.#write(() => {
        this.#checkRoom(packed);
        for (const writing of all) writing.check();
        writeAll(all);
        return this.#append(packed);
      }, all);
    });
  }

  adding(items: T | readonly T[]): Writing {
    let packed: readonly Packed<C>[] = [];
    return new Writing(
      this.shelf.medium,
      () => {
        this.#checkRoom((packed = this.#packed(items)));
      },
      () => {
        this.#append(packed);
      },
      this.#wake,
    );
  }

  lease({ perKey = 16, maxInFlight = 1_000 }: LeaseConfig = {}): Observable<Leased<T>> {
    atLeast(`${this.shelf.label}: perKey`, perKey, 1);
    atLeast(`${this.shelf.label}: maxInFlight`, maxInFlight, 1);
    return new Observable((subscriber) => {
      const consumer = new Consumer(this, subscriber, perKey, maxInFlight);
      if (this.#consumers.push(consumer) === 1) consumer.start();
      return () => {
        if (this.#consumers[0] === consumer) consumer.end();
        else this.left(consumer);
      };
    });
  }

  ack(leased: Leased<T>, { together = [] }: Together = {}): Observable<boolean> {
    return this.#settle(this.#mine(leased), this.#own(together), ({ place, handout: { bytes } }) => {
      if (!this.shelf.items.remove(place)) return false;
      this.#uncount(bytes);
      return true;
    });
  }

  park(
    leased: Leased<T>,
    { outcome, touched, reason }: ParkReport,
    { hold = false, together = [] }: { readonly hold?: boolean } & Together = {},
  ): Observable<boolean> {
    return this.#settle(this.#mine(leased), this.#own(together), ({ place, attempt }) => {
      const kept = this.shelf.items.get(place);
      if (kept === undefined) return false;
      this.shelf.items.remove(place);
      this.#uncount(kept.bytes);
      const parkedAt = this.scheduler.now();
      this.#letters.write({ kept, outcome, touched, reason, parkedAt, attempts: attempt, holds: hold });
      this.#letters.prune(parkedAt);
      return true;
    });
  }

  return(
    leased: Leased<T>,
    { afterMs = 0, ifLast = false }: { readonly afterMs?: number; readonly ifLast?: boolean } = {},
  ): Observable<boolean> {
    const item = this.#mine(leased);
    return this.#write(
      () => {
        const consumer = this.#consumerOf(item);
        if (ifLast && !consumer.isLast(item)) return undefined;
        // It may be forgotten meanwhile.
        if (this.shelf.items.get(item.place) !== undefined)
          this.shelf.tries.put(item.place, { attempts: item.attempt, since: item.handout.since });
        return consumer;
      },
      [],
      false,
    ).pipe(
      map((consumer) => {
        consumer?.takeBack(item, afterMs);
        return consumer !== undefined;
      }),
    );
  }

  letters({ after = 0, limit = 100 }: { readonly after?: number; readonly limit?: number } = {}): Observable<
    readonly DeadLetter<T>[]
  > {
    atLeast(`${this.shelf.label}: limit`, limit, 1);
    return defer(() => [this.#letters.list(after, limit)]);
  }

  resubmit(letter: number): Observable<boolean> {
    return this.#write(() => {
      const found = this.shelf.letters.get(letter);
      if (found === undefined) return false;
      const { kept } = found;
      const unpacked = this.shelf.unpack(kept.content);
      if ('problems' in unpacked) {
        const { problems } = unpacked;
        throw new ChatError('undecodable', this.shelf.label, `letter ${letter} cannot be read`, { problems });
      }
      this.#letters.remove(letter, found);
      this.#append([{ ...kept, resubmitted: kept.resubmitted + 1 }]);
      return true;
    });
  }

  drop(letter: number): Observable<boolean> {
    return this.#write(() => {
      const found = this.shelf.letters.get(letter);
      if (found !== undefined) this.#letters.remove(letter, found);
      return found !== undefined;
    });
  }

  forget(conversation: Conversation): Observable<number> {
    const { items, letters } = this.shelf;
    const key = conversationKey(conversation);
    const scan = (after: number, afterLetter: number, count: number): Observable<number> =>
      this.#write(() => {
        const found = items.after(after, SCAN);
        const foundLetters = letters.after(afterLetter, SCAN);
        let forgotten = count;
        for (const [place, kept] of found) {
          if (kept.key !== key) continue;
          items.remove(place);
          this.#uncount(kept.bytes);
          this.shelf.tries.remove(place);
          forgotten++;
        }
        for (const [letter, kept] of foundLetters) {
          if (kept.kept.key !== key) continue;
          this.#letters.remove(letter, kept);
          forgotten++;
        }
        const last = found[found.length - 1]?.[0] ?? after;
        const lastLetter = foundLetters[foundLetters.length - 1]?.[0] ?? afterLetter;
        const isAll = found.length < SCAN && foundLetters.length < SCAN;
        return { last, lastLetter, forgotten, isAll };
      }).pipe(
        mergeMap(({ last, lastLetter, forgotten, isAll }) => (isAll ? [forgotten] : scan(last, lastLetter, forgotten))),
      );
    return defer(() => scan(0, 0, 0));
  }

  counts(): Observable<QueueCounts> {
    return defer(() => {
      const { waiting, letters, bytes, damaged, expired } = this.shelf.head();
      return [{ waiting, inFlight: this.#consumers[0]?.inFlight ?? 0, letters, bytes, damaged, expired }];
    });
  }

  // What consumers ask for.

  readonly acquire = (): Acquired | undefined => {
    const { shelf } = this;
    const { leasing, items, tries } = shelf;
    const head = shelf.head();
    const now = this.scheduler.now();
    const { owner, until } = head;
    if (leasing !== undefined && owner !== null && owner.id !== leasing.owner.id && until !== null && until > now) {
      if (!leasing.isGone(owner)) return undefined;
    }
    // What the last one had out when it ended without a word.
    for (const [id, { at, places }] of shelf.batches.after(0, Infinity)) {
      for (const place of places) {
        if (items.get(place) === undefined) continue;
        const { attempts, since } = tries.get(place) ?? { attempts: 0, since: at };
        tries.put(place, { attempts: attempts + 1, since });
      }
      shelf.batches.remove(id);
    }
    const fence = head.fence + 1;
    shelf.setHead({
      ...head,
      fence,
      owner: leasing?.owner ?? { id: 'self' },
      until: leasing === undefined ? null : now + leasing.leaseMs,
    });
    this.#letters.prune(now);
    return { fence, tries: new Map<number, Tries>(tries.after(0, Infinity)) };
  };

  readonly parkUnread = (place: number, kept: Kept<C>, problems: readonly string[], attempts: number): void => {
    this.shelf.items.remove(place);
    this.#uncount(kept.bytes);
    this.shelf.tries.remove(place);
    const parkedAt = this.scheduler.now();
    const reason = `it cannot be read: ${problems.join(', ')}`;
    this.#letters.write({ kept, outcome: 'failed', touched: false, reason, parkedAt, attempts, holds: false });
    const head = this.shelf.head();
    this.shelf.setHead({ ...head, damaged: head.damaged + 1 });
  };

  readonly mayHaveBehind = (place: number): boolean => this.#known > place;

  readonly report = (error: ChatError): void => {
    this.#errors.next(error);
  };

  readonly left = (consumer: Consumer<T, C>): void => {
    const index = this.#consumers.indexOf(consumer);
    if (index < 0) return;
    this.#consumers.splice(index, 1);
    if (index === 0) this.#consumers[0]?.start();
  };

  /** Runs a job, and lets the consumer look right behind it: what is added can be handed out by the same transaction. */
  #write<R>(job: () => R, together: readonly Writing[] = [], wakes = true): Observable<R> {
    return new Observable((subscriber) => {
      const writing = this.shelf.write(job).subscribe({
        next: (result) => {
          for (const { written } of together) written();
          subscriber.next(result);
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          subscriber.complete();
        },
      });
      if (wakes) this.#consumers[0]?.wake(true);
      return writing;
    });
  }

  #settle(
    item: LeasedItem<T>,
    together: readonly Writing[],
    job: (item: LeasedItem<T>) => boolean,
  ): Observable<boolean> {
    return this.#write(
      () => {
        const consumer = this.#consumerOf(item);
        for (const writing of together) writing.check();
        const wasThere = job(item);
        writeAll(together);
        consumer.forgetTries(item.place);
        return { consumer, wasThere };
      },
      together,
      false,
    ).pipe(
      map(({ consumer, wasThere }) => {
        consumer.settled(item);
        return wasThere;
      }),
    );
  }

  #append(packed: readonly Packed<C>[]): readonly number[] {
    const { shelf } = this;
    const head = shelf.head();
    const at = this.scheduler.now();
    let { next, bytes } = head;
    const places = packed.map((one) => {
      const { key, content, resubmitted = 0 } = one;
      shelf.items.put(next, { key, at, resubmitted, bytes: one.bytes, content });
      bytes += one.bytes;
      return next++;
    });
    shelf.setHead({ ...head, next, waiting: head.waiting + packed.length, bytes });
    this.#known = next - 1;
    return places;
  }

  #packed(items: T | readonly T[]): readonly Packed<C>[] {
    const { shelf } = this;
    const list: readonly T[] = isList(items) ? items : [items];
    return list.map((item) => {
      const packed = shelf.pack(item);
      if (packed.bytes > this.#maxItemBytes) {
        const sentence = `an item of ${packed.bytes} bytes is larger than the limit of ${this.#maxItemBytes}`;
        throw new ChatError('overflow', shelf.label, sentence, { reason: 'itemTooLarge' });
      }
      return packed;
    });
  }

  #checkRoom(packed: readonly Packed<C>[]): void {
    const { waiting, letters, bytes } = this.shelf.head();
    const { label, name } = this.shelf;
    const details = { retryable: true, reason: 'full' };
    if (waiting + letters + packed.length > this.#maxItems) {
      throw new ChatError('overflow', label, `${name} is full: ${this.#maxItems} items is its limit`, details);
    }
    if (bytes + packed.reduce((sum, one) => sum + one.bytes, 0) > this.#maxBytes) {
      throw new ChatError('overflow', label, `${name} is full: ${this.#maxBytes} bytes is its limit`, details);
    }
  }

  #uncount(bytes: number): void {
    const head = this.shelf.head();
    this.shelf.setHead({ ...head, waiting: head.waiting - 1, bytes: head.bytes - bytes });
  }

  #mine(leased: Leased<T>): LeasedItem<T> {
    if (leased instanceof LeasedItem) return leased as LeasedItem<T>;
    throw new TypeError(`${this.shelf.label}: give back the very object that lease() handed out, not a copy`);
  }

  #own(together: readonly Writing[]): readonly Writing[] {
    onOneMedium(this.shelf.label, this.shelf.medium, together);
    return together;
  }

  #consumerOf(item: LeasedItem<T>): Consumer<T, C> {
    const [consumer] = this.#consumers;
    const { label, name } = this.shelf;
    if (consumer === undefined) throw new ChatError('conflict', label, `the lease of ${name} is over`);
    consumer.check(item);
    return consumer;
  }
}

/** @internal An item that is ready to be kept. */
interface Packed<C> {
  readonly key: string;
  readonly content: C;
  readonly bytes: number;
  readonly resubmitted?: number;
}

const isList = <T>(items: T | readonly T[]): items is readonly T[] => Array.isArray(items);
