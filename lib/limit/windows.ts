import type { SchedulerLike, Subscription } from 'rxjs';
import { above, atLeast } from '../range.js';

/**
 * When the last `limit` slots of a key were taken: a ring of timestamps, since an average would let twice as many through
 * around a border.
 *
 * @internal
 */
export class SlidingWindow {
  readonly limit: number;
  readonly #perMs: number;
  /** Grows up to `limit`, then the oldest is written over. */
  #times: number[] = [];
  #oldest = 0;
  /** Slots that are taken and have no time yet: requests under way. */
  reserved = 0;
  /** Slots that are left free because the platform throttled us although they were. */
  #spared = 0;
  #throttledAt = -Infinity;
  lastUsed = 0;
  nextIdle: SlidingWindow | undefined;
  /** Who waits for the end of a request under way. */
  #waiting: Set<() => void> | undefined;

  constructor(
    readonly key: string,
    limit: number,
    perMs: number,
  ) {
    this.limit = limit;
    this.#perMs = perMs;
  }

  /** Takes a slot if one is free. */
  take(now: number): boolean {
    if (this.freeAt() > now) return false;
    this.record(now);
    return true;
  }

  /** Writes down that a slot was taken. */
  record(now: number): void {
    // Most keys are used once, and the first `push` makes room for seventeen.
    if (this.#times.length === 0) this.#times = [now];
    else if (this.#times.length < this.limit) this.#times.push(now);
    else {
      this.#times[this.#oldest] = now;
      this.#oldest = this.#oldest + 1 === this.limit ? 0 : this.#oldest + 1;
    }
    this.lastUsed = now;
    if (this.#spared > 0 && now - this.#throttledAt >= this.#perMs) {
      this.#spared--;
      this.#throttledAt = now;
    }
  }

  /**
   * The platform refused a slot that was free here. When that repeats within two windows, it counts otherwise than we do:
   * one slot more is left free, and one comes back for every `perMs` without a refusal.
   */
  throttled(now: number): void {
    if (now - this.#throttledAt <= 2 * this.#perMs && this.#spared < this.limit - 1) this.#spared++;
    this.#throttledAt = now;
    this.lastUsed = now;
  }

  /** Calls back once, when the next request under way has ended. */
  await(freed: () => void): void {
    (this.#waiting ??= new Set()).add(freed);
  }

  /** No longer waits. */
  forgo(freed: () => void): void {
    this.#waiting?.delete(freed);
    if (this.#waiting?.size === 0) this.#waiting = undefined;
  }

  /** Tells whoever waits that a request has ended, in the order they came. */
  tell(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const freed of waiting ?? []) freed();
  }

  /** When a slot is free: in the past when one is free now, `Infinity` when one must come back first. */
  freeAt(): number {
    const spare = this.limit - this.#times.length - this.reserved - this.#spared;
    if (spare > 0) return -Infinity;
    if (-spare >= this.#times.length) return Infinity;
    const slot = (this.#oldest - spare) % this.#times.length;
    return (this.#times[slot] ?? 0) + this.#perMs;
  }
}

/**
 * A window for each key in use. A key that was not used for `perMs` is forgotten within another `perMs`, by one timer that
 * is armed only while there are keys: idle keys cost nothing.
 *
 * @internal
 */
export class Windows {
  readonly limit: number;
  readonly perMs: number;
  readonly scheduler: SchedulerLike;
  readonly #windows = new Map<string, SlidingWindow>();
  #firstIdle: SlidingWindow | undefined;
  #lastIdle: SlidingWindow | undefined;
  #timer: Subscription | undefined;

  constructor(name: string, limit: number, perMs: number, scheduler: SchedulerLike) {
    atLeast(`${name}: limit`, limit, 1);
    above(`${name}: perMs`, perMs, 0);
    this.limit = limit;
    this.perMs = perMs;
    this.scheduler = scheduler;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#windows.size;
  }

  of(key: string): SlidingWindow {
    let window = this.#windows.get(key);
    if (window === undefined) {
      this.#windows.set(key, (window = new SlidingWindow(key, this.limit, this.perMs)));
      this.#queue(window);
      this.#timer ??= this.scheduler.schedule(() => {
        this.#forget();
      }, this.perMs);
    }
    return window;
  }

  /** Stops the timer; what is remembered stays. */
  stop(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
  }

  #queue(window: SlidingWindow): void {
    window.nextIdle = undefined;
    if (this.#lastIdle === undefined) this.#firstIdle = window;
    else this.#lastIdle.nextIdle = window;
    this.#lastIdle = window;
  }

  #forget(): void {
    this.#timer = undefined;
    const unusedSince = this.scheduler.now() - this.perMs;
    // Once around: what was used meanwhile goes to the end and is looked at again after another `perMs`.
    for (let { size } = this.#windows, seen = 0; seen < size; seen++) {
      const window = this.#firstIdle;
      if (window === undefined) break;
      this.#firstIdle = window.nextIdle;
      if (this.#firstIdle === undefined) this.#lastIdle = undefined;
      window.nextIdle = undefined;
      if (window.lastUsed <= unusedSince && window.reserved === 0) this.#windows.delete(window.key);
      else this.#queue(window);
    }
    if (this.#firstIdle === undefined) return;
    this.#timer = this.scheduler.schedule(() => {
      this.#forget();
    }, this.perMs);
  }
}
