import type { Account } from './accounts.js';
import type { Conversation } from './model/conversation.js';
import { OUTCOMES, type Outcome } from './model/outcome.js';

/** Somebody who has custody of an item: an operator that keeps it beyond the current call. */
export interface Holder {
  /** Named in reports and explanations: `rateLimit`, `toUserlike`. */
  readonly name: string;
  /** Waits without working on it (an open exchange, a deadline): does not keep an event from being quiet. */
  readonly passive?: boolean;
  /** Asked to let go, with the outcome to release it with. May go on holding what it cannot stop. */
  cancel?(trace: Trace, outcome: Outcome): void;
}

/** Told once, when a trace is settled. */
export interface SettleListener {
  settled(trace: Trace, outcome: Outcome, touched: boolean): void;
}

const TRACE = Symbol.for('tidewire.trace');
const RANK = Object.fromEntries(OUTCOMES.map((outcome, rank) => [outcome, rank])) as Readonly<Record<Outcome, number>>;
const NONE = -1;

/** @internal A list of traces that costs no allocation: a trace is in at most one. */
export class TraceList {
  first: Trace | undefined;
  last: Trace | undefined;
  size = 0;
}

/**
 * All open deliveries. An action whose symbol got lost on the way is found here by its id, by a sink that shares nothing
 * with the source but the item: that is why this is one list for the program.
 */
const openRoots = new TraceList();

/** Open actions by id, kept from the first loss of a symbol on; before it, nobody pays for it. */
let byId: Map<string, Trace> | undefined;

/**
 * The custody record of one delivery, or of one action made from it (a *fork*). It is settled when nobody holds it, its
 * forks are settled and an outcome is known.
 *
 * It travels on the item under `Symbol.for('tidewire.trace')`, which object spread copies and JSON drops. A structural
 * clone of it counts as none. It is not frozen by a deep freeze, because its state is private.
 */
export class Trace {
  readonly #account: Account;
  readonly #id: string;
  readonly #root: Trace;
  readonly #parent: Trace | undefined;
  readonly #receivedAt: number;
  #conversation: Conversation | undefined;

  #holder: Holder | undefined;
  #others: Holder[] | undefined;
  #openForks = 0;
  #rank = NONE;
  #settled = false;
  #cancelled = false;
  #touched = false;
  #attended = false;
  #lastHolder: string;
  #reason: string | undefined;
  #hops: Hop[] | undefined;

  #firstFork: Trace | undefined;
  #lastFork: Trace | undefined;
  #nextFork: Trace | undefined;

  #list: TraceList | undefined;
  #previous: Trace | undefined;
  #next: Trace | undefined;
  #unattendedSince = NONE;

  #listener: SettleListener | undefined;
  #listeners: SettleListener[] | undefined;
  #quiet: (() => void) | undefined;

  /** @internal Open a root through an `Account`, a child through `fork`. */
  constructor(account: Account, id: string, conversation: Conversation | undefined, holder: Holder, parent?: Trace) {
    this.#account = account;
    this.#id = id;
    this.#conversation = conversation;
    this.#holder = holder;
    this.#lastHolder = holder.name;
    this.#parent = parent;
    if (parent === undefined) {
      this.#root = this;
      this.#receivedAt = account.accounts.now();
      Trace.#link(openRoots, this);
    } else {
      this.#root = parent.#root;
      this.#receivedAt = 0;
    }
  }

  get id(): string {
    return this.#id;
  }

  /** The delivery that this was forked from, or itself. */
  get root(): Trace {
    return this.#root;
  }

  get conversation(): Conversation | undefined {
    return this.#root.#conversation;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** The weightiest outcome known so far; final once `settled`. */
  get outcome(): Outcome | undefined {
    return this.#rank === NONE ? undefined : OUTCOMES[this.#rank];
  }

  /** Whether an action of this delivery had, or may have had, its effect. */
  get touched(): boolean {
    return this.#root.#touched;
  }

  /** Whether this, or what it was forked from, was cancelled: nothing more of it should go out. */
  get cancelled(): boolean {
    return this.#cancelled || (this.#parent?.cancelled ?? false);
  }

  /** Takes custody. Whoever holds must release, with the same holder. On a settled trace it is counted as `late`. */
  hold(holder: Holder): void {
    if (this.#settled) {
      this.#account.late(this, holder.name);
      return;
    }
    if (this.#unattendedSince !== NONE) this.#leaveUnattended();
    if (this.#holder === undefined) this.#holder = holder;
    else (this.#others ??= []).push(holder);
    this.#attended = true;
    this.#lastHolder = holder.name;
    if (this.#account.accounts.watched) this.#hop('hold', holder.name);
  }

  /**
   * Lets go of it; nothing happens when `holder` does not hold it. With an outcome, that outcome is known from now on;
   * without, it is somebody else's to say.
   */
  release(holder: Holder, outcome?: Outcome, reason?: string): void {
    if (this.#holder === holder) this.#holder = this.#others?.pop();
    else {
      const index = this.#others?.indexOf(holder) ?? NONE;
      if (index === NONE) return;
      this.#others?.splice(index, 1);
    }
    if (outcome !== undefined) this.#note(RANK[outcome], reason);
    if (this.#account.accounts.watched) this.#hop('release', holder.name, outcome);
    if (this.#holder === undefined) this.#unheld();
    if (this.#root.#quiet !== undefined) this.#root.#checkQuiet();
  }

  /** As `release`; the outcome counts only if nobody else holds it and none is known: it would be lost otherwise. */
  abandon(holder: Holder, outcome: Outcome, reason?: string): void {
    const alone = this.#others === undefined || this.#others.length === 0;
    if (alone && this.#openForks === 0 && this.#rank === NONE) this.release(holder, outcome, reason);
    else this.release(holder);
  }

  /** Says what became of it while somebody else holds it. */
  conclude(outcome: Outcome, reason?: string): void {
    if (this.#settled) return;
    this.#note(RANK[outcome], reason);
    if (this.#holder === undefined && this.#openForks === 0) this.#settle();
  }

  /** A child for an action made from it, held by `holder` from birth. The parent settles after its forks. */
  fork(id: string, holder: Holder): Trace {
    const fork = new Trace(this.#account, id, undefined, holder, this);
    fork.#attended = true;
    if (this.#settled) {
      this.#account.late(this, holder.name);
      fork.#settled = true;
      return fork;
    }
    if (this.#unattendedSince !== NONE) this.#leaveUnattended();
    this.#openForks++;
    if (this.#lastFork === undefined) this.#firstFork = fork;
    else this.#lastFork.#nextFork = fork;
    this.#lastFork = fork;
    byId?.set(id, fork);
    return fork;
  }

  /** Settles this when `leader` settles, with the same outcome: for an item that was merged into another one. */
  follow(leader: Trace): void {
    const holder: Holder = { name: this.#lastHolder, passive: true };
    this.hold(holder);
    leader.onSettled({
      settled: (_, outcome, touched) => {
        if (touched) this.touch();
        this.release(holder, outcome);
      },
    });
  }

  /** Asks everybody who has it, or a fork of it, to let go. */
  cancel(outcome: Outcome): void {
    if (this.#settled) return;
    this.#cancelled = true;
    this.#note(RANK[outcome]);
    for (const holder of this.#holders()) holder.cancel?.(this, outcome);
    for (let fork = this.#firstFork; fork !== undefined; fork = fork.#nextFork) fork.cancel(outcome);
    if (this.#holder === undefined && this.#openForks === 0) this.#settle();
  }

  /** An action of this delivery had, or may have had, its effect. */
  touch(): void {
    this.#root.#touched = true;
  }

  /** Calls `listener` once, when this is settled; at once when it already is. */
  onSettled(listener: SettleListener): void {
    if (this.#settled) listener.settled(this, OUTCOMES[this.#rank] ?? 'ignored', this.touched);
    else if (this.#listener === undefined) this.#listener = listener;
    else (this.#listeners ??= []).push(listener);
  }

  /**
   * Calls `listener` whenever this delivery is found quiet: its handler is done, and what is still open of it only waits
   * in passive hands.
   */
  onQuiet(listener: () => void): void {
    this.#root.#quiet = listener;
    this.#root.#checkQuiet();
  }

  /** @internal Ends what nobody has had for too long. */
  expire(): void {
    this.#note(this.#attended ? RANK.expired : RANK.ignored);
    this.#settle();
  }

  /** @internal */
  get unattendedSince(): number {
    return this.#unattendedSince;
  }

  /** @internal */
  summary(): TraceSummary {
    const forks: TraceSummary[] = [];
    for (let fork = this.#firstFork; fork !== undefined; fork = fork.#nextFork) forks.push(fork.summary());
    return {
      id: this.#id,
      source: this.#account.name,
      conversation: this.#root.#conversation,
      state: this.#settled ? 'settled' : this.#unattendedSince !== NONE ? 'unattended' : 'open',
      outcome: this.outcome,
      touched: this.touched,
      receivedAt: this.#root.#receivedAt,
      heldBy: this.#holders().map(({ name }) => name),
      lastHolder: this.#lastHolder,
      reason: this.#reason,
      hops: this.#hops,
      forks,
    };
  }

  toString(): string {
    const { state, outcome, heldBy, lastHolder } = this.summary();
    const where = state === 'open' && heldBy.length > 0 ? `held by ${heldBy.join(', ')}` : `last held by ${lastHolder}`;
    return `Trace(${this.#id} ${state === 'settled' ? String(outcome) : state}, ${where})`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  #holders(): readonly Holder[] {
    return this.#holder === undefined
      ? []
      : this.#others === undefined
        ? [this.#holder]
        : [this.#holder, ...this.#others];
  }

  #note(rank: number, reason?: string): void {
    if (rank <= this.#rank) return;
    this.#rank = rank;
    if (reason !== undefined) this.#reason = reason;
  }

  #unheld(): void {
    if (this.#openForks > 0) return;
    if (this.#rank !== NONE) this.#settle();
    else this.#joinUnattended();
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    if (this.#list !== undefined) Trace.#unlink(this);
    if (this.#unattendedSince !== NONE) this.#account.accounts.attended();
    const parent = this.#parent;
    const outcome = OUTCOMES[this.#rank] ?? 'ignored';
    if (parent === undefined) {
      if (byId !== undefined) for (let f = this.#firstFork; f !== undefined; f = f.#nextFork) byId.delete(f.#id);
      const { touched } = this;
      this.#account.settled(this, this.#rank, this.#receivedAt, this.#lastHolder, this.#reason, this.#hops);
      this.#listener?.settled(this, outcome, touched);
      if (this.#listeners !== undefined)
        for (const listener of this.#listeners) listener.settled(this, outcome, touched);
      this.#firstFork = this.#lastFork = undefined;
    } else {
      this.#listener?.settled(this, outcome, this.touched);
      if (this.#listeners !== undefined)
        for (const listener of this.#listeners) listener.settled(this, outcome, this.touched);
      parent.#forkSettled(this);
    }
    this.#listener = this.#listeners = undefined;
  }

  #forkSettled(fork: Trace): void {
    this.#openForks--;
    this.#lastHolder = fork.#lastHolder;
    this.#note(fork.#rank, fork.#reason);
    // Most forks settle in the order they were made: a delivery that answers for hours does not collect them.
    while (this.#firstFork !== undefined && this.#firstFork.#settled) {
      byId?.delete(this.#firstFork.#id);
      this.#firstFork = this.#firstFork.#nextFork;
    }
    if (this.#firstFork === undefined) this.#lastFork = undefined;
    if (this.#holder === undefined && this.#openForks === 0) this.#settle();
    else if (this.#root.#quiet !== undefined) this.#root.#checkQuiet();
  }

  #joinUnattended(): void {
    const { accounts } = this.#account;
    if (this.#list !== undefined) Trace.#unlink(this);
    this.#unattendedSince = accounts.now();
    Trace.#link(accounts.unattended, this);
    accounts.unattendedJoined();
  }

  #leaveUnattended(): void {
    this.#unattendedSince = NONE;
    Trace.#unlink(this);
    this.#account.accounts.attended();
    if (this.#parent === undefined) Trace.#link(openRoots, this);
  }

  #checkQuiet(): void {
    if (this.#quiet !== undefined && !this.#settled && !this.#busy()) this.#quiet();
  }

  #busy(): boolean {
    if (this.#settled) return false;
    if (this.#holder === undefined ? this.#openForks === 0 : this.#holders().some(({ passive }) => passive !== true))
      return true;
    for (let fork = this.#firstFork; fork !== undefined; fork = fork.#nextFork) if (fork.#busy()) return true;
    return false;
  }

  #hop(verb: Hop['verb'], holder: string, outcome?: Outcome): void {
    const hop: Hop = { id: this.#id, at: this.#account.accounts.now(), verb, holder, ...(outcome && { outcome }) };
    (this.#root.#hops ??= []).push(hop);
    this.#account.accounts.hop(hop);
  }

  static #link(list: TraceList, trace: Trace): void {
    trace.#list = list;
    trace.#previous = list.last;
    trace.#next = undefined;
    if (list.last === undefined) list.first = trace;
    else list.last.#next = trace;
    list.last = trace;
    list.size++;
  }

  static #unlink(trace: Trace): void {
    const list = trace.#list;
    if (list === undefined) return;
    if (trace.#previous === undefined) list.first = trace.#next;
    else trace.#previous.#next = trace.#next;
    if (trace.#next === undefined) list.last = trace.#previous;
    else trace.#next.#previous = trace.#previous;
    trace.#list = trace.#previous = trace.#next = undefined;
    list.size--;
  }

  static #index(map: Map<string, Trace>, trace: Trace): void {
    for (let fork = trace.#firstFork; fork !== undefined; fork = fork.#nextFork) {
      if (!fork.#settled) map.set(fork.#id, fork);
      Trace.#index(map, fork);
    }
  }

  /** @internal Whether it is a trace, and not a clone of one. */
  static is(value: unknown): value is Trace {
    return typeof value === 'object' && value !== null && #account in value;
  }

  /** @internal The open deliveries of some accounts. */
  static roots(belongs: (account: Account) => boolean, unattended: TraceList): readonly Trace[] {
    const found: Trace[] = [];
    for (const list of [openRoots, unattended]) {
      for (let trace = list.first; trace !== undefined; trace = trace.#next) {
        if (trace.#parent === undefined && belongs(trace.#account)) found.push(trace);
      }
    }
    return found;
  }

  /** @internal An open action by its id, and the loss of its symbol noted. */
  static find(id: string): Trace | undefined {
    if (byId === undefined) {
      byId = new Map();
      for (let trace = openRoots.first; trace !== undefined; trace = trace.#next) Trace.#index(byId, trace);
    }
    const found = byId.get(id);
    if (found === undefined || found.#settled) return undefined;
    found.#account.lost(found);
    return found;
  }
}

/** One step of a traced item, as it happens. */
export interface Hop {
  readonly id: string;
  /** Milliseconds of the accounts' clock. */
  readonly at: number;
  readonly verb: 'hold' | 'release';
  readonly holder: string;
  readonly outcome?: Outcome;
}

/** @internal */
export interface TraceSummary {
  readonly id: string;
  readonly source: string;
  readonly conversation: Conversation | undefined;
  readonly state: 'open' | 'unattended' | 'settled';
  readonly outcome: Outcome | undefined;
  readonly touched: boolean;
  readonly receivedAt: number;
  readonly heldBy: readonly string[];
  readonly lastHolder: string;
  readonly reason: string | undefined;
  readonly hops: readonly Hop[] | undefined;
  readonly forks: readonly TraceSummary[];
}

interface Traced {
  readonly [TRACE]?: unknown;
  readonly id?: unknown;
  readonly cause?: unknown;
}

/**
 * The trace that an item carries. An action that answers an event (it has a `cause`) and lost its trace, because it was
 * built anew or went through JSON, is found by its id while it is open.
 */
export const traceOf = (item: unknown): Trace | undefined => {
  if (typeof item !== 'object' || item === null) return undefined;
  const { [TRACE]: carried, id, cause } = item as Traced;
  if (Trace.is(carried)) return carried;
  return typeof id === 'string' && cause !== undefined ? Trace.find(id) : undefined;
};

/** Writes a trace into an object that the caller has just made. */
export const attach = <T extends object>(item: T, trace: Trace): T => {
  (item as { [TRACE]?: Trace })[TRACE] = trace;
  return item;
};

/** A copy without the trace, for comparing with plain data. */
export const untraced = <T extends object>(item: T): T => {
  const { [TRACE]: _, ...plain } = item as T & { [TRACE]?: unknown };
  return plain as T;
};
