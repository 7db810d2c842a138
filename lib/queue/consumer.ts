import type { SchedulerLike, Subscriber, Subscription } from 'rxjs';
import { ChatError, toChatError } from '../errors.js';
import { LeasedItem } from './leased-item.js';
import { Picking } from './picking.js';
import type { Leased } from './queue.js';
import type { Kept, Shelf, Tries } from './shelf.js';

/** @internal What consumers need of their queue. */
export interface ConsumerHost<T, C> {
  readonly shelf: Shelf<T, C>;
  readonly scheduler: SchedulerLike;
  /** Takes the lease, if it can be had. Inside of a transaction. */
  readonly acquire: () => Acquired | undefined;
  /** Makes a dead letter of what cannot be read. Inside of a transaction. */
  readonly parkUnread: (place: number, kept: Kept<C>, problems: readonly string[], attempts: number) => void;
  /** Whether something may be there behind a place. */
  readonly mayHaveBehind: (place: number) => boolean;
  readonly report: (error: ChatError) => void;
  /** It does not have the lease any more, and does not want it. */
  readonly left: (consumer: Consumer<T, C>) => void;
}

/** @internal */
export interface Acquired {
  readonly fence: number;
  readonly tries: Map<number, Tries>;
}

/** How many items one transaction hands out at most. */
const MOST = 256;
/** How long to wait before something that failed is tried again, in milliseconds. */
const AGAIN_MS = 1_000;

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
  readonly #picking: Picking;
  readonly #out = new Map<number, LeasedItem<T>>();
  /** How many items of a batch are out. */
  readonly #batches = new Map<number, number>();
  #doneBatches: number[] = [];
  #tries = new Map<number, Tries>();
  #fence = 0;
  #holdChanges = -1;
  /** The last place that was given to an item when this looked last. */
  #last = 0;
  #state: 'waiting' | 'leased' | 'ending' | 'over' = 'waiting';
  #takeQueued = false;
  #emitting = false;
  #timer: Subscription | undefined;
  #renewal: Subscription | undefined;
  readonly #pauses = new Set<Subscription>();

  constructor(host: ConsumerHost<T, C>, subscriber: Subscriber<Leased<T>>, perKey: number, maxInFlight: number) {
    this.#host = host;
    this.#subscriber = subscriber;
    this.#maxInFlight = maxInFlight;
    this.#picking = new Picking(perKey);
  }

  get inFlight(): number {
    return this.#out.size;
  }

  /** Asks for the lease, again and again while another process has it. */
  start(): void {
    const { shelf, acquire, report } = this.#host;
    shelf.write(acquire).subscribe({
      next: (acquired) => {
        if (acquired !== undefined) this.#fence = acquired.fence;
        if (this.#state === 'over') this.#release();
        else if (acquired === undefined) this.#startLater(shelf.leasing?.pollMs ?? AGAIN_MS);
        else {
          this.#state = 'leased';
          this.#tries = acquired.tries;
          this.#renewLater();
          this.#lookLater();
          this.wake(true);
        }
      },
      error: (thrown: unknown) => {
        report(toChatError(shelf.label, thrown));
        if (this.#state === 'over') this.#host.left(this);
        else this.#startLater(AGAIN_MS);
      },
    });
  }

  /** There may be something to hand out; `surely`: something was added. */
  wake(surely = false): void {
    if (this.#state !== 'leased' || this.#takeQueued || this.#emitting || this.#out.size >= this.#maxInFlight) return;
    if (!surely && !this.#picking.hasReady && !this.#mayRead()) return;
    this.#takeQueued = true;
    let taken: readonly LeasedItem<T>[] = [];
    this.#host.shelf
      .write(() => {
        this.#takeQueued = false;
        return (taken = this.#take());
      }, true)
      .subscribe({
        next: () => {
          this.#emit(taken);
        },
        error: (thrown: unknown) => {
          this.#takeQueued = false;
          for (const { key, place } of taken) {
            this.#out.delete(place);
            this.#picking.untake(key, place);
          }
          this.#picking.startAgain();
          this.#holdChanges = -1;
          if (!this.#lostBy(thrown)) this.#wakeLater();
        },
      });
  }

  /** @throws ChatError `conflict` when the item is not out under this lease. Inside of a transaction. */
  check(leased: LeasedItem<T>): void {
    const { shelf } = this.#host;
    // What was given back before the end is taken, although it is written after it.
    const isOurs = this.#state !== 'over' && this.#out.get(leased.place) === leased;
    if (!isOurs || shelf.head().fence !== this.#fence) throw overIn(shelf);
  }

  /** Forgets how often it was tried. Inside of a transaction. */
  forgetTries(place: number): void {
    if (this.#tries.has(place)) this.#host.shelf.tries.remove(place);
  }

  /** It is done, and makes room. */
  settled(leased: LeasedItem<T>): void {
    if (!this.#leave(leased)) return;
    this.#tries.delete(leased.place);
    this.#picking.settled(leased.key, leased.place);
    this.wake();
  }

  isLast({ key, place }: LeasedItem<T>): boolean {
    return this.#picking.isLast(key, place);
  }

  /** It was returned: takes it back with what is out behind it, and pauses its conversation. */
  takeBack({ key, place, attempt, handout }: LeasedItem<T>, afterMs: number): void {
    this.#tries.set(place, { attempts: attempt, since: handout.since });
    for (const back of this.#picking.takeBack(key, place)) {
      const leased = this.#out.get(back);
      if (leased !== undefined) this.#leave(leased);
    }
    const resume = (): void => {
      this.#picking.resume(key);
      this.wake();
    };
    if (afterMs <= 0) {
      resume();
      return;
    }
    const pause = this.#host.scheduler.schedule(() => {
      this.#pauses.delete(pause);
      resume();
    }, afterMs);
    this.#pauses.add(pause);
  }

  /** The subscriber is gone: what is out goes back. */
  end(): void {
    const before = this.#state;
    this.#state = before === 'leased' ? 'ending' : 'over';
    this.#timer?.unsubscribe();
    this.#renewal?.unsubscribe();
    for (const pause of this.#pauses) pause.unsubscribe();
    if (before === 'leased') this.#release();
    else if (this.#timer !== undefined) this.#host.left(this);
  }

  #take(): readonly LeasedItem<T>[] {
    const { shelf, scheduler } = this.#host;
    const head = shelf.head();
    if (this.#state !== 'leased') return [];
    if (head.fence !== this.#fence) throw overIn(shelf);
    if (head.holdChanges !== this.#holdChanges) {
      this.#holdChanges = head.holdChanges;
      this.#picking.hold(new Set(shelf.holds.after(0, Infinity).map(([, key]) => key)));
    }
    const room = Math.min(this.#maxInFlight - this.#out.size, MOST);
    const read = new Map<number, Kept<C>>();
    this.#last = head.next - 1;
    const picked = this.#picking.take(room, this.#last, (after, limit) =>
      shelf.items.after(after, limit).map(([place, kept]) => {
        read.set(place, kept);
        return [place, kept.key];
      }),
    );
    for (const batch of this.#doneBatches) shelf.batches.remove(batch);
    this.#doneBatches = [];
    if (picked.length === 0) return [];
    const at = scheduler.now();
    const batch = head.nextBatch;
    shelf.setHead({ ...head, nextBatch: batch + 1 });
    const taken: LeasedItem<T>[] = [];
    for (const { place, key } of picked) {
      const kept = read.get(place) ?? shelf.items.get(place);
      const leased = kept === undefined ? undefined : this.#open(place, kept, at, batch);
      // Forgotten since it was passed over, or not to be read.
      if (leased === undefined) this.#picking.settled(key, place);
      else taken.push(leased);
    }
    if (taken.length > 0) {
      this.#batches.set(batch, taken.length);
      shelf.batches.put(batch, { at, places: taken.map(({ place }) => place) });
    }
    for (const leased of taken) this.#out.set(leased.place, leased);
    return taken;
  }

  /** What is handed out of a kept item; nothing when it cannot be read. */
  #open(place: number, kept: Kept<C>, now: number, batch: number): LeasedItem<T> | undefined {
    const { shelf, parkUnread } = this.#host;
    const { attempts, since } = this.#tries.get(place) ?? { attempts: 0, since: now };
    const unpacked = shelf.unpack(kept.content);
    if ('problems' in unpacked) {
      parkUnread(place, kept, unpacked.problems, attempts);
      return undefined;
    }
    const { key, at, bytes, resubmitted } = kept;
    return new LeasedItem(unpacked.item, place, key, attempts + 1, resubmitted, { addedAt: at, since, batch, bytes });
  }

  #emit(taken: readonly LeasedItem<T>[]): void {
    // What is handed out while an earlier one is would come before the rest.
    this.#emitting = true;
    for (const leased of taken) if (this.#out.get(leased.place) === leased) this.#subscriber.next(leased);
    this.#emitting = false;
    this.wake();
  }

  #leave({ place, handout: { batch } }: LeasedItem<T>): boolean {
    if (!this.#out.delete(place)) return false;
    const left = (this.#batches.get(batch) ?? 1) - 1;
    if (left > 0) this.#batches.set(batch, left);
    else {
      this.#batches.delete(batch);
      this.#doneBatches.push(batch);
    }
    return true;
  }

  #mayRead(): boolean {
    const { cursor, mayRead } = this.#picking;
    return mayRead && (this.#last > cursor || this.#host.mayHaveBehind(cursor));
  }

  #release(): void {
    const { shelf, report, left } = this.#host;
    const over = (): void => {
      this.#state = 'over';
      this.#out.clear();
    };
    shelf
      .write(() => {
        over();
        const head = shelf.head();
        if (head.fence !== this.#fence) return;
        for (const [batch] of shelf.batches.after(0, Infinity)) shelf.batches.remove(batch);
        shelf.setHead({ ...head, owner: null, until: null });
      })
      .subscribe({
        error: (thrown: unknown) => {
          over();
          report(toChatError(shelf.label, thrown));
          left(this);
        },
        complete: () => {
          left(this);
        },
      });
  }

  /** Whether that was the end of it. */
  #lostBy(thrown: unknown): boolean {
    const error = toChatError(this.#host.shelf.label, thrown);
    this.#host.report(error);
    if (this.#state !== 'leased' || error.kind !== 'conflict') return this.#state !== 'leased';
    this.#subscriber.error(error);
    return true;
  }

  #startLater(ms: number): void {
    this.#timer = this.#host.scheduler.schedule(() => {
      this.#timer = undefined;
      this.start();
    }, ms);
  }

  #wakeLater(): void {
    const again = this.#host.scheduler.schedule(() => {
      this.#pauses.delete(again);
      this.wake(true);
    }, AGAIN_MS);
    this.#pauses.add(again);
  }

  #renewLater(): void {
    const { shelf, scheduler } = this.#host;
    const { leasing } = shelf;
    if (leasing === undefined) return;
    this.#renewal = scheduler.schedule(() => {
      shelf
        .write(() => {
          const head = shelf.head();
          if (head.fence !== this.#fence) throw overIn(shelf);
          if (this.#state === 'leased') shelf.setHead({ ...head, until: scheduler.now() + leasing.leaseMs });
        })
        .subscribe({
          error: (thrown: unknown) => {
            if (!this.#lostBy(thrown)) this.#renewLater();
          },
          complete: () => {
            if (this.#state === 'leased') this.#renewLater();
          },
        });
    }, leasing.leaseMs / 3);
  }

  /** Looks for what other processes wrote. */
  #lookLater(): void {
    const { shelf, scheduler } = this.#host;
    const { leasing } = shelf;
    if (leasing === undefined) return;
    this.#timer = scheduler.schedule(() => {
      const { next, holdChanges, fence } = shelf.head();
      if (fence !== this.#fence) {
        this.#lostBy(overIn(shelf));
        return;
      }
      this.wake((next - 1 > this.#picking.cursor && this.#picking.mayRead) || holdChanges !== this.#holdChanges);
      this.#lookLater();
    }, leasing.pollMs);
  }
}

const overIn = ({ label, name }: { readonly label: string; readonly name: string }): ChatError =>
  new ChatError('conflict', label, `the lease of ${name} is over`);
