import type { SchedulerLike, Subscriber, Subscription } from 'rxjs';
import type { ChatError } from '../errors.js';
import { Handouts } from './handouts.js';
import { AGAIN_MS, Lease } from './lease.js';
import { LeasedItem } from './leased-item.js';
import { Picking } from './picking.js';
import type { Leased, LeaseConfig } from './queue.js';
import type { Kept, Tries } from './shelf.js';
import type { Stock } from './stock.js';
import { Task } from './task.js';

/** @internal What consumers need of their queue. */
export interface ConsumerHost<T, C> {
  readonly stock: Stock<T, C>;
  readonly scheduler: SchedulerLike;
  readonly report: (error: ChatError) => void;
  /** It has the lease, or knows that another process has: those behind it wait. */
  readonly leads: () => void;
  /** It does not have the lease any more, and does not want it. */
  readonly left: (consumer: Consumer<T, C>) => void;
}

/** How many items one transaction hands out at most. */
const MOST = 1_000;

/**
 * One subscriber of a queue: waits for the lease, takes items as long as there is room, and gives up everything when it
 * goes.
 *
 * @internal
 */
export class Consumer<T, C> {
  readonly #host: ConsumerHost<T, C>;
  readonly #subscriber: Subscriber<Leased<T>>;
  readonly #maxInFlight: number;
  readonly #holder: LeaseConfig['holder'];
  readonly #lease: Lease<T, C>;
  readonly #picking: Picking;
  readonly #handouts: Handouts<T, C>;
  readonly #pauses = new Set<Subscription>();
  #holdChanges = -1;
  /** The last place that was given to an item when this looked last. */
  #last = 0;
  #told: 'us' | 'others' | undefined;
  #takeQueued = false;
  #emitting = false;
  /** The question that the queue is hearing right now. */
  #asking: { isAnswered: boolean } | undefined;

  constructor(
    host: ConsumerHost<T, C>,
    subscriber: Subscriber<Leased<T>>,
    { perKey, maxInFlight, holder }: LeaseConfig & { readonly perKey: number; readonly maxInFlight: number },
  ) {
    const { stock, scheduler, report } = host;
    this.#host = host;
    this.#subscriber = subscriber;
    this.#maxInFlight = maxInFlight;
    this.#holder = holder;
    this.#picking = new Picking(perKey);
    this.#handouts = new Handouts(stock.shelf);
    this.#lease = new Lease(stock, scheduler, {
      began: (tries: Map<number, Tries>) => {
        this.#handouts.begin(tries);
        this.#tell('us');
        host.leads();
        this.wake(true);
      },
      waits: () => {
        this.waits();
        host.leads();
      },
      look: () => {
        const { next, holdChanges } = stock.shelf.head();
        const { cursor, mayRead } = this.#picking;
        this.wake((next - 1 > cursor && mayRead) || holdChanges !== this.#holdChanges);
      },
      lost: (error) => {
        subscriber.error(error);
      },
      over: () => {
        this.#handouts.clear();
      },
      left: () => {
        host.left(this);
      },
      report,
    });
  }

  get inFlight(): number {
    return this.#handouts.size;
  }

  /** Whether it is known who has the queue: this, or another process. */
  get isKnown(): boolean {
    return this.#lease.isKnown;
  }

  start(): void {
    this.#lease.start();
  }

  /** Somebody else has the queue. */
  waits(): void {
    this.#tell('others');
  }

  /** The subscriber is gone: what is out goes back. */
  end(): void {
    for (const pause of this.#pauses) pause.unsubscribe();
    this.#lease.end();
  }

  /** There may be something to hand out; `surely`: something was added. */
  wake(surely = false): void {
    if (!this.#mayTake(surely)) return;
    // A queue that answers at once is asked in a loop: every answer may make room for the next.
    let asking: { isAnswered: boolean };
    do {
      asking = this.#asking = { isAnswered: false };
      this.#ask();
      this.#asking = undefined;
    } while (asking.isAnswered && this.#mayTake(false));
  }

  /** @throws ChatError `conflict` when the item is not out under this lease. Inside of a transaction. */
  check(leased: LeasedItem<T>): void {
    // What was given back before the end is taken, although it is written after it.
    if (this.#lease.isOver || !this.#handouts.has(leased)) throw this.#lease.conflict();
    this.#lease.check();
  }

  /** Forgets how often it was tried. Inside of a transaction. */
  forgetTries(place: number): void {
    this.#handouts.forgetTries(place);
  }

  /** It is done, and makes room. */
  settled(leased: LeasedItem<T>): void {
    if (!this.#handouts.settle(leased)) return;
    this.#picking.settled(leased.key, leased.place);
    this.wake();
  }

  isLast({ key, place }: LeasedItem<T>): boolean {
    return this.#picking.isLast(key, place);
  }

  /** It was returned: takes it back with what is out behind it, and pauses its conversation. */
  takeBack(leased: LeasedItem<T>, afterMs: number): void {
    const { key, place } = leased;
    this.#handouts.tried(leased);
    for (const other of this.#picking.takeBack(key, place)) {
      const back = this.#handouts.get(other);
      if (back !== undefined) this.#handouts.leave(back);
    }
    const resume = (): void => {
      this.#picking.resume(key);
      this.wake();
    };
    if (afterMs <= 0) resume();
    else this.#later(afterMs, resume);
  }

  #tell(who: 'us' | 'others'): void {
    if (this.#told === who) return;
    this.#told = who;
    this.#holder?.(who);
  }

  #mayTake(surely: boolean): boolean {
    if (this.#takeQueued || this.#emitting || !this.#lease.isHeld) return false;
    return this.#handouts.size < this.#maxInFlight && (surely || this.#picking.hasReady || this.#mayRead());
  }

  #ask(): void {
    this.#takeQueued = true;
    let taken: readonly LeasedItem<T>[] = [];
    const run = (): void => {
      this.#takeQueued = false;
      taken = this.#take();
    };
    const done = (): void => {
      this.#emit(taken);
    };
    const failed = (thrown: unknown): void => {
      this.#takeQueued = false;
      this.#handouts.undo(taken);
      for (const { key, place } of taken) this.#picking.untake(key, place);
      this.#picking.startAgain();
      this.#holdChanges = -1;
      if (!this.#lease.lostBy(thrown))
        this.#later(AGAIN_MS, () => {
          this.wake(true);
        });
    };
    this.#host.stock.shelf.write(new Task(run, done, failed), true);
  }

  #take(): readonly LeasedItem<T>[] {
    const { stock, scheduler } = this.#host;
    const { shelf } = stock;
    if (!this.#lease.isHeld) return [];
    this.#lease.check();
    const { next, nextBatch, holdChanges } = shelf.head();
    if (holdChanges !== this.#holdChanges) {
      this.#holdChanges = holdChanges;
      this.#picking.hold(new Set(shelf.holds.after(0, Infinity).map(([, key]) => key)));
    }
    const room = Math.min(this.#maxInFlight - this.#handouts.size, MOST);
    const read = new Map<number, Kept<C>>();
    this.#last = next - 1;
    const picked = this.#picking.take(room, this.#last, (after, limit) => {
      const found = shelf.items.after(after, limit);
      for (const [place, kept] of found) read.set(place, kept);
      return found.map(([place, { key }]) => [place, key]);
    });
    this.#handouts.clean();
    if (picked.length === 0) return [];
    const at = scheduler.now();
    shelf.edit().nextBatch++;
    const taken: LeasedItem<T>[] = [];
    for (const { place, key } of picked) {
      const kept = read.get(place) ?? shelf.items.get(place);
      const leased = kept === undefined ? undefined : this.#open(place, kept, at, nextBatch);
      // Forgotten since it was passed over, or not to be read.
      if (leased === undefined) this.#picking.settled(key, place);
      else taken.push(leased);
    }
    this.#handouts.note(nextBatch, taken, at);
    return taken;
  }

  /** What is handed out of a kept item; nothing when it cannot be read. */
  #open(place: number, kept: Kept<C>, now: number, batch: number): LeasedItem<T> | undefined {
    const { stock } = this.#host;
    const { attempts, since } = this.#handouts.triesOf(place) ?? { attempts: 0, since: now };
    const unpacked = stock.shelf.unpack(kept.content);
    if ('problems' in unpacked) {
      stock.parkUnread(place, unpacked.problems, attempts);
      return undefined;
    }
    const { key, at, bytes, resubmitted } = kept;
    return new LeasedItem(unpacked.item, place, key, attempts + 1, resubmitted, { addedAt: at, since, batch, bytes });
  }

  #emit(taken: readonly LeasedItem<T>[]): void {
    // What is handed out while an earlier one is would come before the rest.
    this.#emitting = true;
    for (const leased of taken) if (this.#handouts.has(leased)) this.#subscriber.next(leased);
    this.#emitting = false;
    if (this.#asking !== undefined) this.#asking.isAnswered = true;
    else this.wake();
  }

  #mayRead(): boolean {
    const { cursor, mayRead } = this.#picking;
    return mayRead && (this.#last > cursor || this.#host.stock.known > cursor);
  }

  #later(ms: number, work: () => void): void {
    const pause = this.#host.scheduler.schedule(() => {
      this.#pauses.delete(pause);
      work();
    }, ms);
    this.#pauses.add(pause);
  }
}
