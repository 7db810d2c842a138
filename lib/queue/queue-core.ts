import { asyncScheduler, defer, mergeMap, Observable, Subject, type SchedulerLike } from 'rxjs';
import { ChatError } from '../errors.js';
import { conversationKey, type Conversation, type InboundEvent, type OutboundAction } from '../model/index.js';
import { atLeast } from '../range.js';
import { onOneMedium, writeAll, Writing, type Together } from '../store/writing.js';
import { Consumer, type ConsumerHost } from './consumer.js';
import { LeasedItem } from './leased-item.js';
import type { DeadLetter, Leased, LeaseConfig, ParkReport, Queue, QueueCounts, QueueLimits } from './queue.js';
import type { Shelf } from './shelf.js';
import { Stock, type Packed, type Search } from './stock.js';
import { writing, type Task, type Work } from './task.js';

/**
 * A queue, whatever it keeps its things in: what is asked of it, as Observables.
 *
 * @internal
 */
export class QueueCore<T extends InboundEvent | OutboundAction, C> implements Queue<T>, ConsumerHost<T, C> {
  readonly name: string;
  readonly errors$: Observable<ChatError>;
  readonly forgotten$: Observable<string>;
  readonly stock: Stock<T, C>;
  readonly scheduler: SchedulerLike;
  readonly #shelf: Shelf<T, C>;
  readonly #errors = new Subject<ChatError>();
  readonly #forgotten = new Subject<string>();
  /** The consumers of this process: the first has the lease or asks for it. */
  readonly #consumers: Consumer<T, C>[] = [];

  constructor(shelf: Shelf<T, C>, limits: QueueLimits, scheduler: SchedulerLike = asyncScheduler) {
    this.name = shelf.name;
    this.stock = new Stock(shelf, limits, scheduler);
    this.scheduler = scheduler;
    this.#shelf = shelf;
    this.errors$ = this.#errors.asObservable();
    this.forgotten$ = this.#forgotten.asObservable();
  }

  add(items: T | readonly T[], { together = [] }: Together = {}): Observable<readonly number[]> {
    const all = this.#own(together);
    return this.#write(() => {
      const packed = this.stock.pack(items);
      const run = (): readonly number[] => {
        this.stock.checkRoom(packed);
        for (const part of all) part.check();
        writeAll(all);
        return this.stock.append(packed);
      };
      const then = (): void => {
        for (const part of all) part.written();
      };
      return { run, then };
    });
  }

  adding(items: T | readonly T[]): Writing {
    let packed: readonly Packed<C>[] = [];
    return new Writing(
      this.#shelf.medium,
      () => {
        this.stock.checkRoom((packed = this.stock.pack(items)));
      },
      () => {
        this.stock.append(packed);
      },
      () => {
        this.#consumers[0]?.wake();
      },
    );
  }

  lease({ perKey = 16, maxInFlight = 1_000, ...rest }: LeaseConfig = {}): Observable<Leased<T>> {
    atLeast(`${this.#shelf.label}: perKey`, perKey, 1);
    atLeast(`${this.#shelf.label}: maxInFlight`, maxInFlight, 1);
    return new Observable((subscriber) => {
      const consumer = new Consumer(this, subscriber, { perKey, maxInFlight, ...rest });
      if (this.#consumers.push(consumer) === 1) consumer.start();
      // Behind one that is about to end, it may be the next to have it.
      else if (this.#consumers[0]?.isKnown === true) consumer.waits();
      return () => {
        if (this.#consumers[0] === consumer) consumer.end();
        else this.left(consumer);
      };
    });
  }

  ack(leased: Leased<T>, { together = [] }: Together = {}): Observable<boolean> {
    const item = this.#mine(leased);
    return this.#settle(item, together, () => this.stock.remove(item.place, item.handout.bytes));
  }

  park(
    leased: Leased<T>,
    report: ParkReport,
    { hold = false, together = [] }: { readonly hold?: boolean } & Together = {},
  ): Observable<boolean> {
    const item = this.#mine(leased);
    return this.#settle(item, together, () => this.stock.park(item.place, report, item.attempt, hold));
  }

  return(
    leased: Leased<T>,
    { afterMs = 0, ifLast = false }: { readonly afterMs?: number; readonly ifLast?: boolean } = {},
  ): Observable<boolean> {
    const item = this.#mine(leased);
    return writing(this.#shelf.write, () => {
      let consumer: Consumer<T, C> | undefined;
      const run = (): boolean => {
        consumer = this.#consumerOf(item);
        if (ifLast && !consumer.isLast(item)) return false;
        // It may be forgotten meanwhile.
        if (this.#shelf.items.get(item.place) !== undefined)
          this.#shelf.tries.put(item.place, { attempts: item.attempt, since: item.handout.since });
        return true;
      };
      const then = (isReturned: boolean): void => {
        if (isReturned) consumer?.takeBack(item, afterMs);
      };
      return { run, then };
    });
  }

  letters({ after = 0, limit = 100 }: { readonly after?: number; readonly limit?: number } = {}): Observable<
    readonly DeadLetter<T>[]
  > {
    atLeast(`${this.#shelf.label}: limit`, limit, 1);
    return defer(() => [this.stock.letters.list(after, limit)]);
  }

  resubmit(letter: number): Observable<boolean> {
    return this.#write(() => ({ run: () => this.stock.resubmit(letter) }));
  }

  drop(letter: number): Observable<boolean> {
    return this.#write(() => ({ run: () => this.stock.drop(letter) }));
  }

  forget(conversation: Conversation): Observable<number> {
    const key = conversationKey(conversation);
    const search = (from: Search): Observable<number> =>
      this.#write(() => ({
        run: () => this.stock.forget(key, from),
        then: ({ isAll }) => {
          if (isAll) this.#forgotten.next(key);
        },
      })).pipe(mergeMap((to) => (to.isAll ? [to.found] : search(to))));
    return defer(() => search({ place: 0, letter: 0, found: 0, isAll: false }));
  }

  counts(): Observable<QueueCounts> {
    return defer(() => {
      const { waiting, letters, bytes, damaged, expired } = this.#shelf.head();
      return [{ waiting, inFlight: this.#consumers[0]?.inFlight ?? 0, letters, bytes, damaged, expired }];
    });
  }

  // What consumers ask for.

  readonly report = (error: ChatError): void => {
    this.#errors.next(error);
  };

  readonly leads = (): void => {
    for (const other of this.#consumers.slice(1)) other.waits();
  };

  readonly left = (consumer: Consumer<T, C>): void => {
    const index = this.#consumers.indexOf(consumer);
    if (index < 0) return;
    this.#consumers.splice(index, 1);
    if (index === 0) this.#consumers[0]?.start();
  };

  /** Writes, and lets the consumer look right behind it: what is added can be handed out by the same transaction. */
  #write<R>(prepare: () => Work<R>): Observable<R> {
    const write = (task: Task<R>): void => {
      this.#shelf.write(task);
      this.#consumers[0]?.wake(true);
    };
    return writing(write, prepare);
  }

  #settle(item: LeasedItem<T>, together: readonly Writing[], run: () => boolean): Observable<boolean> {
    const all = this.#own(together);
    return writing(this.#shelf.write, () => {
      let consumer: Consumer<T, C> | undefined;
      const settle = (): boolean => {
        consumer = this.#consumerOf(item);
        for (const part of all) part.check();
        const wasThere = run();
        // Of what is forgotten meanwhile, nothing comes in again by another door.
        if (wasThere) writeAll(all);
        consumer.forgetTries(item.place);
        return wasThere;
      };
      const then = (wasThere: boolean): void => {
        if (wasThere) for (const part of all) part.written();
        consumer?.settled(item);
      };
      return { run: settle, then };
    });
  }

  #mine(leased: Leased<T>): LeasedItem<T> {
    if (leased instanceof LeasedItem) return leased as LeasedItem<T>;
    throw new TypeError(`${this.#shelf.label}: give back the very object that lease() handed out, not a copy`);
  }

  #own(together: readonly Writing[]): readonly Writing[] {
    onOneMedium(this.#shelf.label, this.#shelf.medium, together);
    return together;
  }

  #consumerOf(item: LeasedItem<T>): Consumer<T, C> {
    const [consumer] = this.#consumers;
    const { label, name } = this.#shelf;
    if (consumer === undefined) throw new ChatError('conflict', label, `the lease of ${name} is over`);
    consumer.check(item);
    return consumer;
  }
}
