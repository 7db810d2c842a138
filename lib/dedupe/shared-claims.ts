import { catchError, defer, map, mergeMap, timer, type Observable, type SchedulerLike } from 'rxjs';
import { accounts } from '../accounts.js';
import { Deadlines, type Waiting } from '../deadlines.js';
import type { LmdbStore } from '../lmdb/lmdb-store.js';
import type { InboundEvent, Json } from '../model/index.js';
import type { Delivery } from '../queue/deliveries.js';
import { hasShape } from '../store/record.js';
import type { PutOptions, Revision, Store } from '../store/store.js';
import type { Writing } from '../store/writing.js';
import type { SettleListener, Trace } from '../trace.js';
import { Claim } from './claim.js';

/** Version of the records' shape. */
const SHAPE = 1;

/** A record, as far as it is known. */
interface Claimed {
  readonly state?: unknown;
  readonly owner?: unknown;
  readonly user?: unknown;
}

/** The item of a queue, where an event is one. */
type QueuedItem = SettleListener & Pick<Delivery<InboundEvent>, 'join' | 'isOn' | 'carries' | 'isUndone'>;

/** @internal */
export interface SharedClaimsConfig {
  readonly store: Store;
  readonly windowMs: number;
  readonly leaseMs: number;
  readonly maxTwins: number;
  /** How long an event waits for a store that fails. */
  readonly waitMs: number;
  readonly scheduler: SchedulerLike;
  /** What a report says of a key. */
  readonly named: (key: string) => string;
}

/**
 * Claims in a store that several processes share. A claim is a record with its owner, held by its revision, that fences
 * off whoever had it before, for the time of a lease. It is renewed as long as the event is open; when the process dies,
 * the lease ends and the next delivery is handled: at once, where the store can tell that it is dead.
 *
 * @internal
 */
export class SharedClaims {
  readonly #config: SharedClaimsConfig;
  readonly #owner = globalThis.crypto.randomUUID();
  /** Events that this process has claimed. */
  readonly #held = new Map<string, SharedClaim>();
  readonly #due: Deadlines<SharedClaim>;

  constructor(config: SharedClaimsConfig) {
    this.#config = config;
    this.#due = new Deadlines(config.scheduler, config.leaseMs / 3, (claim) => {
      claim.waiting = undefined;
      this.#write(claim);
    });
  }

  /** Emits once whether the event is the first of its key. `brief`: the key is remembered while the event is open only. */
  admit(key: string, trace: Trace | undefined, brief: boolean, waitedMs = 0): Observable<boolean> {
    const { waitMs, scheduler } = this.#config;
    return defer(() => {
      const first = this.#held.get(key);
      if (first !== undefined) return [this.#refuse(first, trace)];
      if (trace === undefined) {
        return brief ? [true] : this.#put(key, 'committed', 'absent').pipe(map((revision) => revision !== undefined));
      }
      return this.#put(key, 'claimed', 'absent').pipe(
        mergeMap((revision) =>
          revision === undefined ? this.#taken(key, trace, brief) : [this.#take(key, trace, brief, revision)],
        ),
      );
    }).pipe(
      catchError((error: unknown): Observable<boolean> | readonly boolean[] => {
        if (waitedMs < waitMs) {
          // As much again, from 100 ms up to a second.
          const pauseMs = Math.min(waitedMs || 100, 1_000);
          return timer(pauseMs, scheduler).pipe(mergeMap(() => this.admit(key, trace, brief, waitedMs + pauseMs)));
        }
        const reason = `dedupe: ${error instanceof Error ? error.message : 'the store failed'}`;
        if (trace !== undefined) trace.conclude('failed', reason);
        else accounts.report({ kind: 'failed', id: key, source: '', lastHolder: 'dedupe', reason });
        return [false];
      }),
    );
  }

  /** The event is settled. */
  over(claim: SharedClaim, again: boolean): void {
    if (this.#held.get(claim.key) !== claim) return;
    const { item } = claim;
    claim.end = again || claim.isForgotten || item?.isUndone === true ? 'release' : 'commit';
    if (claim.end === 'commit' && !claim.joined && item?.carries === true) this.#await(claim, item);
    if (claim.waiting !== undefined) this.#due.remove(claim.waiting);
    claim.waiting = undefined;
    if (!claim.writing && !claim.joined) this.#write(claim);
  }

  /**
   * Behind a queue of the same file, an event is known as handled in the transaction that takes it out of there: known
   * earlier, it would be a duplicate of itself after a crash, and later, nobody would know it if its platform sent it again.
   */
  #join(claim: SharedClaim): void {
    const { store, windowMs } = this.#config;
    const { key, trace } = claim;
    if (trace.root !== trace || claim.brief) return;
    const item = trace.listener((listener): listener is QueuedItem => 'isOn' in listener);
    claim.item = item;
    if (item === undefined || !('putting' in store)) return;
    const { putting } = store as Store & Pick<LmdbStore, 'putting'>;
    const writing = putting.call(store, key, this.#record('committed'), { ttlMs: windowMs });
    if (!item.isOn(writing.medium)) return;
    this.#joinItem(claim, item, [writing], () => {
      this.#held.delete(key);
    });
  }

  /** In a store elsewhere, an event that has its effect with its end is known as handled behind that, and not before. */
  #await(claim: SharedClaim, item: QueuedItem): void {
    this.#joinItem(claim, item, [], () => {
      this.#goBack(claim);
    });
  }

  #joinItem(claim: SharedClaim, item: QueuedItem, writings: readonly Writing[], written: () => void): void {
    claim.joined = true;
    item.join({
      writings,
      written,
      dropped: () => {
        if (claim.end !== undefined && item.isUndone) claim.end = 'release';
        this.#goBack(claim);
      },
      forgotten: () => {
        claim.isForgotten = true;
        if (claim.end !== undefined) claim.end = 'release';
        this.#goBack(claim);
      },
    });
  }

  /** It is ours again to write what became of the event. */
  #goBack(claim: SharedClaim): void {
    claim.joined = false;
    if (claim.end !== undefined && !claim.writing) this.#write(claim);
  }

  #take(key: string, trace: Trace, brief: boolean, revision: Revision): boolean {
    const claim = new SharedClaim(this, key, trace, brief, revision);
    this.#held.set(key, claim);
    claim.waiting = this.#due.add(claim);
    this.#join(claim);
    trace.onSettled(claim);
    return true;
  }

  /** Somebody was first: here, elsewhere, or long ago. */
  #taken(key: string, trace: Trace, brief: boolean): Observable<boolean> {
    const { store } = this.#config;
    return store.get(key).pipe(
      mergeMap((stored): Observable<boolean> | readonly boolean[] => {
        const first = this.#held.get(key);
        if (first !== undefined) return [this.#refuse(first, trace)];
        const value = stored?.value;
        const { state, owner, user }: Claimed = hasShape(value, SHAPE) ? value : {};
        if (state === 'committed') {
          trace.conclude('duplicate');
          return [false];
        }
        // What we wrote without hearing of it is ours.
        const isFree = owner === this.#owner || store.users?.isGone(user) === true;
        // It was given back meanwhile, or its lease ended.
        if (stored === undefined) return this.admit(key, trace, brief);
        if (!isFree) return [this.#isElsewhere(trace)];
        return this.#put(key, 'claimed', stored.revision).pipe(
          map((revision) =>
            revision === undefined ? this.#isElsewhere(trace) : this.#take(key, trace, brief, revision),
          ),
        );
      }),
    );
  }

  #isElsewhere(trace: Trace): false {
    trace.conclude('shed', 'dedupe: another process is handling this event');
    return false;
  }

  #refuse(first: SharedClaim, trace: Trace | undefined): boolean {
    if (first.end === undefined) first.join(trace, this.#config.maxTwins);
    else if (first.end === 'commit') trace?.conclude('duplicate');
    else trace?.conclude('shed', 'dedupe: the claim of this event is being given back');
    return false;
  }

  /** Renews the lease, or writes down what became of the event. What the store refuses to do now is tried again. */
  #write(claim: SharedClaim): void {
    const { key, revision, end } = claim;
    const { store } = this.#config;
    const written: Observable<Revision | boolean | undefined> =
      end === 'release'
        ? store.delete(key, { if: revision })
        : this.#keep(key, end === 'commit' ? 'committed' : 'claimed', revision);
    claim.writing = true;
    written.subscribe({
      next: (result) => {
        claim.writing = false;
        if (result === undefined) this.#lost(claim);
        else if (end !== undefined) this.#held.delete(key);
        else if (typeof result === 'number') {
          claim.revision = result;
          this.#goOn(claim);
        }
      },
      error: () => {
        claim.writing = false;
        if (claim.end === end) claim.waiting = this.#due.add(claim);
        else this.#goOn(claim);
      },
    });
  }

  /** Behind what was begun while the event was open, which may be settled by now. */
  #goOn(claim: SharedClaim): void {
    if (claim.end === undefined) claim.waiting = this.#due.add(claim);
    // With the end of its item, and not before: that may be refused, and the event comes again.
    else if (!claim.joined) this.#write(claim);
  }

  /**
   * A lease that is over, since the store was away for longer, is taken again as long as nobody else has the event; and
   * what we wrote without hearing of it is ours.
   */
  #keep(key: string, state: 'claimed' | 'committed', revision: Revision): Observable<Revision | undefined> {
    const { store } = this.#config;
    return this.#put(key, state, revision).pipe(
      mergeMap((renewed) => (renewed === undefined ? this.#put(key, state, 'absent') : [renewed])),
      mergeMap((taken) => (taken === undefined ? store.get(key) : [taken])),
      mergeMap((found): Observable<Revision | undefined> | readonly (Revision | undefined)[] => {
        if (typeof found !== 'object') return [found];
        const { owner } = found.value as { readonly owner?: unknown };
        return owner === this.#owner ? this.#put(key, state, found.revision) : [undefined];
      }),
    );
  }

  /**
   * The lease was over before it was renewed, and somebody else has the event: nothing more of it goes out here. What went
   * out already may go out twice.
   */
  #lost({ key, trace, end }: SharedClaim): void {
    this.#held.delete(key);
    if (end === 'commit') accounts.report({ kind: 'evictedEarly', holder: 'dedupe', key: this.#config.named(key) });
    trace.cancel('superseded');
  }

  #put(
    key: string,
    state: 'claimed' | 'committed',
    condition: NonNullable<PutOptions['if']>,
  ): Observable<Revision | undefined> {
    const { store, windowMs, leaseMs } = this.#config;
    const ttlMs = state === 'claimed' ? leaseMs : windowMs;
    return store.put(key, this.#record(state), { if: condition, ttlMs });
  }

  #record(state: 'claimed' | 'committed'): Json {
    const { users } = this.#config.store;
    return { shape: SHAPE, state, owner: this.#owner, ...(users !== undefined && { user: users.self }) };
  }
}

class SharedClaim extends Claim {
  readonly #owner: SharedClaims;
  revision: Revision;
  waiting: Waiting<SharedClaim> | undefined;
  writing = false;
  /** It is committed together with the end of its item. */
  joined = false;
  /** The item of a queue that the event is. */
  item: QueuedItem | undefined;
  /** Nothing of it is to be known. */
  isForgotten = false;
  /** What is to be written, once the event is settled. */
  end: 'commit' | 'release' | undefined;

  constructor(owner: SharedClaims, key: string, trace: Trace, brief: boolean, revision: Revision) {
    super(key, trace, brief);
    this.#owner = owner;
    this.revision = revision;
  }

  protected over(again: boolean): void {
    this.#owner.over(this, again || this.brief);
  }
}
