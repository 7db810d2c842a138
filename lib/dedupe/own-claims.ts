import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { accounts } from '../accounts.js';
import { CommitLog } from '../commit-log.js';
import type { Trace } from '../trace.js';
import { Claim } from './claim.js';

const COMMITTED = Symbol('committed');

/**
 * Claims of one subscription, in memory.
 *
 * @internal
 */
export class OwnClaims {
  readonly #known = new Map<string, OwnClaim | typeof COMMITTED>();
  readonly #committed: CommitLog;
  readonly #withTwins = new Set<OwnClaim>();
  readonly #maxTwins: number;
  readonly #scheduler: SchedulerLike | undefined;
  readonly #forget = (key: string): void => {
    this.#known.delete(key);
  };
  readonly #named: (key: string) => string;
  readonly #evict = (key: string): void => {
    this.#known.delete(key);
    accounts.report({ kind: 'evictedEarly', holder: 'dedupe', key: this.#named(key) });
  };

  /** `named`: what a report says of a key. */
  constructor(
    windowMs: number,
    maxKeys: number,
    maxTwins: number,
    scheduler: SchedulerLike | undefined,
    named: (key: string) => string,
  ) {
    this.#named = named;
    this.#committed = new CommitLog(windowMs, maxKeys);
    this.#maxTwins = maxTwins;
    this.#scheduler = scheduler;
  }

  /** Whether the event is the first of its key. `brief`: the key is remembered while the event is open only. */
  admit(key: string, trace: Trace | undefined, brief: boolean): boolean {
    const now = this.#now(trace?.receivedAt);
    this.#committed.expire(now, this.#forget);
    const first = this.#known.get(key);
    if (first === undefined) {
      if (trace !== undefined) {
        const claim = new OwnClaim(this, key, trace, brief);
        this.#known.set(key, claim);
        trace.onSettled(claim);
      } else if (!brief) this.#commit(key, now);
      return true;
    }
    if (first === COMMITTED) trace?.conclude('duplicate');
    else if (first.join(trace, this.#maxTwins)) this.#withTwins.add(first);
    return false;
  }

  over(claim: OwnClaim, again: boolean, at: number): void {
    this.#withTwins.delete(claim);
    if (again) this.#known.delete(claim.key);
    else this.#commit(claim.key, this.#now(at));
  }

  abandonTwins(): void {
    for (const claim of this.#withTwins) claim.abandonTwins();
  }

  #commit(key: string, now: number): void {
    this.#known.set(key, COMMITTED);
    this.#committed.add(key, now, this.#evict);
  }

  /** The trace has read the clock already, and reading it costs as much as everything else here. */
  #now(known: number | undefined): number {
    return this.#scheduler === undefined ? (known ?? asyncScheduler.now()) : this.#scheduler.now();
  }
}

class OwnClaim extends Claim {
  readonly #owner: OwnClaims;

  constructor(owner: OwnClaims, key: string, trace: Trace, brief: boolean) {
    super(key, trace, brief);
    this.#owner = owner;
  }

  protected over(again: boolean, at: number): void {
    this.#owner.over(this, again || this.brief, at);
  }
}
