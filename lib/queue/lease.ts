import type { SchedulerLike, Subscription } from 'rxjs';
import { ChatError, toChatError } from '../errors.js';
import type { Stock } from './stock.js';
import type { Shelf, Tries } from './shelf.js';
import { Task } from './task.js';

/** @internal Whoever asks for a lease. */
export interface Lessee {
  /** It is there. Items that were tried without being done, and how often. */
  readonly began: (tries: Map<number, Tries>) => void;
  /** Another process has it: it is asked for again. */
  readonly waits: () => void;
  /** Another process may have written something. */
  readonly look: () => void;
  /** It was lost, or can never be had. */
  readonly lost: (error: ChatError) => void;
  /** What it keeps of the lease is over, in the transaction that gives it back; also when that fails. */
  readonly over: () => void;
  /** It is given back, or was never there. */
  readonly left: () => void;
  readonly report: (error: ChatError) => void;
}

interface Acquired {
  readonly fence: number;
  readonly tries: Map<number, Tries>;
}

/** How long to wait before something that failed is tried again, in milliseconds. */
export const AGAIN_MS = 1_000;

/**
 * That one consumer has a queue and no other: asked for until it can be had, renewed, and given back. Each has a number,
 * the fence, which grows.
 *
 * @internal
 */
export class Lease<T, C> {
  readonly #stock: Stock<T, C>;
  readonly #shelf: Shelf<T, C>;
  readonly #scheduler: SchedulerLike;
  readonly #lessee: Lessee;
  #state: 'waiting' | 'leased' | 'ending' | 'over' = 'waiting';
  #isElsewhere = false;
  #fence = 0;
  #timer: Subscription | undefined;
  #renewal: Subscription | undefined;

  constructor(stock: Stock<T, C>, scheduler: SchedulerLike, lessee: Lessee) {
    this.#stock = stock;
    this.#shelf = stock.shelf;
    this.#scheduler = scheduler;
    this.#lessee = lessee;
  }

  get isHeld(): boolean {
    return this.#state === 'leased';
  }

  /** Whether it is known who has it: this, or another process. */
  get isKnown(): boolean {
    return this.isHeld || (this.#state === 'waiting' && this.#isElsewhere);
  }

  /** Whether it was given back: what the lessee has written before that still counts. */
  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** @throws ChatError `conflict` when somebody else has it. Inside of a transaction. */
  check(): void {
    if (this.#isTaken) throw this.conflict();
  }

  conflict(): ChatError {
    const { label, name } = this.#shelf;
    return new ChatError('conflict', label, `the lease of ${name} is over`);
  }

  /** Asks for it, again and again while another process has it. */
  start(): void {
    const { write, label, leasing } = this.#shelf;
    const done = (acquired: Acquired | undefined): void => {
      if (acquired !== undefined) this.#fence = acquired.fence;
      if (this.isOver) this.#release();
      else if (acquired === undefined) {
        this.#isElsewhere = true;
        this.#startLater(leasing?.pollMs ?? AGAIN_MS);
        this.#lessee.waits();
      } else {
        this.#state = 'leased';
        this.#renewLater();
        this.#lookLater();
        this.#lessee.began(acquired.tries);
      }
    };
    const failed = (thrown: unknown): void => {
      const error = toChatError(label, thrown);
      this.#lessee.report(error);
      if (!this.isOver && error.retryable) this.#startLater(AGAIN_MS);
      else {
        if (!this.isOver) this.#lessee.lost(error);
        this.#lessee.left();
      }
    };
    write(new Task(() => this.#acquire(), done, failed));
  }

  /** The lessee is gone. */
  end(): void {
    const before = this.#state;
    this.#state = before === 'leased' ? 'ending' : 'over';
    this.#timer?.unsubscribe();
    this.#renewal?.unsubscribe();
    if (before === 'leased') this.#release();
    else if (this.#timer !== undefined) this.#lessee.left();
  }

  /** What went wrong under the lease; whether that was the end of it. */
  lostBy(thrown: unknown): boolean {
    const error = toChatError(this.#shelf.label, thrown);
    this.#lessee.report(error);
    if (!this.isHeld) return true;
    if (error.retryable) return false;
    this.#lessee.lost(error);
    return true;
  }

  get #isTaken(): boolean {
    return this.#shelf.head().fence !== this.#fence;
  }

  #acquire(): Acquired | undefined {
    const { leasing, items, tries, batches } = this.#shelf;
    const now = this.#scheduler.now();
    const { owner, until } = this.#shelf.head();
    if (leasing !== undefined && owner !== null && owner.id !== leasing.owner.id && until !== null && until > now) {
      if (!leasing.isGone(owner)) return undefined;
    }
    // What the last one had out when it ended without a word.
    for (const [id, { at, places }] of batches.after(0, Infinity)) {
      for (const place of places) {
        if (items.get(place) === undefined) continue;
        const { attempts, since } = tries.get(place) ?? { attempts: 0, since: at };
        tries.put(place, { attempts: attempts + 1, since });
      }
      batches.remove(id);
    }
    const head = this.#shelf.edit();
    head.fence++;
    head.owner = leasing?.owner ?? { id: 'self' };
    head.until = leasing === undefined ? null : now + leasing.leaseMs;
    this.#stock.letters.prune(now);
    return { fence: head.fence, tries: new Map<number, Tries>(tries.after(0, Infinity)) };
  }

  #release(): void {
    const { write, label, batches } = this.#shelf;
    const over = (): void => {
      this.#state = 'over';
      this.#lessee.over();
    };
    const run = (): void => {
      over();
      if (this.#isTaken) return;
      for (const [batch] of batches.after(0, Infinity)) batches.remove(batch);
      const head = this.#shelf.edit();
      head.owner = null;
      head.until = null;
    };
    const failed = (thrown: unknown): void => {
      over();
      this.#lessee.report(toChatError(label, thrown));
      this.#lessee.left();
    };
    write(new Task(run, this.#lessee.left, failed));
  }

  #startLater(ms: number): void {
    this.#timer = this.#scheduler.schedule(() => {
      this.#timer = undefined;
      this.start();
    }, ms);
  }

  #renewLater(): void {
    const { write, leasing } = this.#shelf;
    if (leasing === undefined) return;
    const run = (): void => {
      this.check();
      if (this.isHeld) this.#shelf.edit().until = this.#scheduler.now() + leasing.leaseMs;
    };
    const done = (): void => {
      if (this.isHeld) this.#renewLater();
    };
    const failed = (thrown: unknown): void => {
      if (!this.lostBy(thrown)) this.#renewLater();
    };
    this.#renewal = this.#scheduler.schedule(() => {
      write(new Task(run, done, failed));
    }, leasing.leaseMs / 3);
  }

  /** Looks for what other processes wrote. */
  #lookLater(): void {
    const { leasing } = this.#shelf;
    if (leasing === undefined) return;
    this.#timer = this.#scheduler.schedule(() => {
      try {
        this.check();
        this.#lessee.look();
      } catch (thrown) {
        if (this.lostBy(thrown)) return;
      }
      this.#lookLater();
    }, leasing.pollMs);
  }
}
