import { asyncScheduler, Observable, type MonoTypeOperatorFunction, type SchedulerLike } from 'rxjs';
import { accounts } from '../lib/accounts.js';
import { CommitLog } from '../lib/commit-log.js';
import { consume } from '../lib/consume.js';
import { conversationKey, mayRunAgain, type InboundEvent, type Outcome } from '../lib/model/index.js';
import { traceOf, type Holder, type SettleListener, type Trace } from '../lib/trace.js';
import { above, atLeast } from '../lib/range.js';

export interface DedupeConfig<T> {
  /** Identity of an event: two events with equal keys have one effect. Default: conversation and id. */
  readonly key?: (event: T) => string;
  /** How long a key is remembered after its event was settled, in milliseconds. Default: 24 hours. */
  readonly windowMs?: number;
  /** How many settled keys are remembered; beyond it the oldest is forgotten early, and reported. Default: 1 000 000. */
  readonly maxKeys?: number;
  /** How many deliveries of one event may wait for the first to settle; more are settled `shed`. Default: 8. */
  readonly maxTwins?: number;
  /**
   * Events whose platform gives no ids, so that only their content can be compared: `pass` lets all through, since a
   * person may say the same thing twice; `unanswered` takes an equal one for a twin while the first is being worked on;
   * `window` for the whole window. Default: `pass`.
   */
  readonly fingerprints?: 'pass' | 'unanswered' | 'window';
  /** Clock of the window. Default: the clock of the events' accounts. */
  readonly scheduler?: SchedulerLike;
}

const COMMITTED = Symbol('committed');

/**
 * One effect per event and window, however often the platform delivers it.
 *
 *     source   -a-a-b---a--|
 *              dedupe()
 *     result   -a---b------|
 *
 * Claims the key when an event comes, commits it when the event is settled, and gives it back when the event failed or
 * was shed before anything was delivered: the platform's next delivery is handled then. A twin that comes while the first
 * is in flight is not emitted; it ends `duplicate` when the first commits and `failed` when it is given back. Untraced
 * events commit when they pass. A key is claimed as long as its event is open; only committed keys count for `maxKeys`,
 * and the oldest of them is forgotten first.
 *
 * Memory is per subscription: some 200 bytes a key. Completes with the source, twins in flight or not. Errors: those of
 * the source, and whatever `key` throws.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function dedupe<T extends InboundEvent>(config: DedupeConfig<T> = {}): MonoTypeOperatorFunction<T> {
  const {
    windowMs = 86_400_000,
    maxKeys = 1_000_000,
    maxTwins = 8,
    fingerprints = 'pass',
    scheduler = asyncScheduler,
  } = config;
  const { key } = config;
  above('dedupe: windowMs', windowMs, 0);
  atLeast('dedupe: maxKeys', maxKeys, 1);
  atLeast('dedupe: maxTwins', maxTwins, 0);
  return (source) =>
    new Observable<T>((subscriber) => {
      const memory = new Memory(windowMs, maxKeys, maxTwins, scheduler);
      let completed = false;
      const isFirst = (event: T): boolean => {
        const { id, conversation, fingerprint } = event;
        const trace = traceOf(event);
        if (key !== undefined) return memory.admit(key(event), trace, false);
        const place = trace?.keyOf(conversation) ?? conversationKey(conversation);
        if (fingerprint === undefined) return memory.admit(`${place} ${id}`, trace, false);
        if (fingerprints === 'pass') return true;
        return memory.admit(`${place} =${fingerprint}`, trace, fingerprints === 'unanswered');
      };
      subscriber.add(() => {
        if (!completed) memory.letGo();
      });
      consume(source, subscriber, {
        next: (event) => {
          if (isFirst(event)) subscriber.next(event);
        },
        complete: () => {
          completed = true;
          subscriber.complete();
        },
      });
    });
}

/** The keys of one subscription, claimed and committed. */
class Memory {
  readonly #known = new Map<string, Claim | typeof COMMITTED>();
  readonly #committed: CommitLog;
  readonly #withTwins = new Set<Claim>();
  readonly #maxTwins: number;
  readonly #scheduler: SchedulerLike | undefined;
  readonly #forget = (key: string): void => {
    this.#known.delete(key);
  };
  readonly #evict = (key: string): void => {
    this.#known.delete(key);
    accounts.report({ kind: 'evictedEarly', holder: 'dedupe', key });
  };

  constructor(windowMs: number, maxKeys: number, maxTwins: number, scheduler: SchedulerLike | undefined) {
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
        const claim = new Claim(this, key, trace, brief);
        this.#known.set(key, claim);
        trace.onSettled(claim);
      } else if (!brief) this.#commit(key, now);
      return true;
    }
    if (first === COMMITTED) trace?.conclude('duplicate');
    else if (trace !== undefined && trace !== first.trace) {
      if (first.join(trace, this.#maxTwins)) this.#withTwins.add(first);
      else trace.conclude('shed', 'dedupe: too many deliveries of this event are waiting');
    }
    return false;
  }

  over(claim: Claim, again: boolean, at: number): void {
    this.#withTwins.delete(claim);
    if (again) this.#known.delete(claim.key);
    else this.#commit(claim.key, this.#now(at));
  }

  letGo(): void {
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

/** The first delivery of an event while it is open, and who waits for it. */
class Claim implements Holder, SettleListener {
  readonly #memory: Memory;
  readonly #brief: boolean;
  readonly key: string;
  readonly trace: Trace;
  #twins: Trace[] | undefined;

  constructor(memory: Memory, key: string, trace: Trace, brief: boolean) {
    this.#memory = memory;
    this.key = key;
    this.trace = trace;
    this.#brief = brief;
  }

  get name(): string {
    return 'dedupe';
  }

  get passive(): boolean {
    return true;
  }

  join(twin: Trace, maxTwins: number): boolean {
    const twins = (this.#twins ??= []);
    if (twins.length >= maxTwins) return false;
    twins.push(twin);
    twin.hold(this);
    return true;
  }

  settled(_: Trace, outcome: Outcome, touched: boolean, at: number): void {
    const again = mayRunAgain(outcome, touched);
    this.#memory.over(this, again || this.#brief, at);
    const twins = this.#twins;
    if (twins === undefined) return;
    this.#twins = undefined;
    for (const twin of twins) twin.release(this, again ? 'failed' : 'duplicate', again ? 'its twin failed' : undefined);
  }

  cancel(twin: Trace, outcome: Outcome): void {
    this.#twins = this.#twins?.filter((other) => other !== twin);
    twin.release(this, outcome);
  }

  abandonTwins(): void {
    const twins = this.#twins ?? [];
    this.#twins = undefined;
    for (const twin of twins) twin.release(this, 'failed', 'unsubscribed');
  }
}
