import type { SchedulerLike, Subscription } from 'rxjs';
import type { Account } from '../accounts.js';
import { toChatError } from '../errors.js';

/** How long to wait before what could not be read or written is tried again, in milliseconds. */
const AGAIN_MS = 1_000;
/** How often it is said that something cannot be. */
const TELL_MS = 60_000;

/**
 * The timers of an outbox: what its queue or its store does not do now is tried again until they do, and the accounts say so.
 *
 * @internal
 */
export class Insistence {
  readonly #account: Account;
  readonly #scheduler: SchedulerLike;
  readonly #timers = new Set<Subscription>();
  #tellAt = -Infinity;
  #isOver = false;

  constructor(account: Account, scheduler: SchedulerLike) {
    this.#account = account;
    this.#scheduler = scheduler;
  }

  /** Something failed. */
  again(error: unknown, work: () => void): void {
    const now = this.#scheduler.now();
    if (now >= this.#tellAt && !this.#isOver) {
      this.#tellAt = now + TELL_MS;
      const { accounts, name: source } = this.#account;
      accounts.report({ kind: 'stuck', source, holder: 'outbox', reason: toChatError('outbox', error).message });
    }
    this.later(AGAIN_MS, work);
  }

  later(ms: number, work: () => void): void {
    if (this.#isOver) return;
    const timer = this.#scheduler.schedule(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }

  end(): void {
    this.#isOver = true;
    for (const timer of this.#timers) timer.unsubscribe();
  }
}
