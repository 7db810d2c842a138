import type { Account } from './accounts.js';
import { conversationKey, type Conversation } from './model/conversation.js';
import { OUTCOMES, type Outcome } from './model/outcome.js';
import type { Waiting } from './deadlines.js';

/** Somebody who has custody of an item: an operator that keeps it beyond the current call. */
export interface Holder {
  /** Named in reports and explanations: `rateLimit`, `toUserlike`. */
  readonly name: string;
  /** Waits without working on it (an open exchange, a deadline): does not keep an event from being quiet. */
  readonly passive?: boolean;
  /** It is about to be accepted, and is nowhere safe yet: nobody is told that it was. */
  readonly accepting?: boolean;
  /** Asked to let go, with the outcome to release it with. May go on holding what it cannot stop. */
  cancel?(trace: Trace, outcome: Outcome): void;
}

/** Told what becomes of a trace. */
export interface SettleListener {
  /**
   * Told of the platform's message ids, whenever an action of it, or a part of one, is delivered: before it is settled, and
   * as often as there are parts.
   */
  arrived?(messageIds: readonly string[]): void;
  /** Told once, when it is settled. `at`: when, in milliseconds of the accounts' clock. */
  settled(trace: Trace, outcome: Outcome, touched: boolean, at: number): void;
}

/** Told whenever a delivery is found quiet. */
export interface QuietListener {
  quiet(): void;
}

const TRACE = Symbol.for('tidewire.trace');
const RANK = Object.fromEntries(OUTCOMES.map((outcome, rank) => [outcome, rank])) as Readonly<Record<Outcome, number>>;
const NONE = -1;

/**
 * All open deliveries, in no order: one that settles gives its place to the last. An action whose symbol got lost on the
 * way is found here by its id, by a sink that shares nothing with the source but the item: that is why this is one list
 * for the program.
 */
const openRoots: Trace[] = [];

/** What most traces never need, made when it is: a trace is one small object on the hot path. */
interface Rarely {
  holders?: Holder[];
  listeners?: SettleListener[];
  reason?: string;
  hops?: Hop[];
  quiet?: QuietListener[];
  unattended?: Waiting<Trace>;
}

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
  #id: string;
  readonly #parent: Trace | undefined;
  /** Of a root. */
  readonly #conversation: Conversation | undefined;
  #key: string | undefined;
  readonly #receivedAt: number;
  /** Where a root stands among the open ones. */
  #place = NONE;

  /** Two at a time is usual: who emits and who takes. */
  #holder: Holder | undefined;
  #secondHolder: Holder | undefined;
  #lastHolder: string;
  #rank = NONE;
  #settled = false;
  #cancelled = false;
  #touched = false;
  /** Whether an operator ever had it. */
  #attended = false;

  #openForks = 0;
  #firstFork: Trace | undefined;
  #lastFork: Trace | undefined;
  #nextFork: Trace | undefined;

  /** Id of the one action that travels under this trace. */
  #lentAs: string | undefined;

  #listener: SettleListener | undefined;
  #rarely: Rarely | undefined;

  /** @internal Open a root through an `Account`, a child through `fork`. */
  constructor(account: Account, id: string, conversation: Conversation | undefined, holder: Holder, parent?: Trace) {
    this.#account = account;
    this.#id = id;
    this.#conversation = conversation;
    this.#holder = holder;
    this.#lastHolder = holder.name;
    this.#parent = parent;
    if (parent === undefined) {
      this.#receivedAt = account.accounts.now();
      this.#place = openRoots.push(this) - 1;
    } else this.#receivedAt = 0;
  }

  get id(): string {
    return this.#id;
  }

  /** @internal What its id depends on became known only later: nobody has seen the item yet. */
  rename(id: string): void {
    this.#id = id;
  }

  /** The delivery that this was forked from, or itself. */
  get root(): Trace {
    return this.#parent === undefined ? this : this.#parent.root;
  }

  get conversation(): Conversation | undefined {
    return this.root.#conversation;
  }

  /** `conversationKey`, worked out once for a delivery and its actions. */
  keyOf(conversation: Conversation): string {
    const { root } = this;
    return conversation === root.#conversation
      ? (root.#key ??= conversationKey(conversation))
      : conversationKey(conversation);
  }

  /** When the delivery came in, in milliseconds of the accounts' clock. */
  get receivedAt(): number {
    return this.root.#receivedAt;
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
    return this.root.#touched;
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
    if (this.#rarely?.unattended !== undefined) this.#leaveUnattended();
    if (this.#holder === undefined) this.#holder = holder;
    else if (this.#secondHolder === undefined) this.#secondHolder = holder;
    else ((this.#rarely ??= {}).holders ??= []).push(holder);
    this.#attended = true;
    this.#lastHolder = holder.name;
    if (this.#account.accounts.watched) this.#hop('hold', holder.name);
  }

  /**
   * Lets go of it; nothing happens when `holder` does not hold it. With an outcome, that outcome is known from now on;
   * without, it is somebody else's to say.
   */
  release(holder: Holder, outcome?: Outcome, reason?: string): void {
    if (this.#settled) return;
    if (this.#holder === holder) {
      this.#holder = this.#secondHolder;
      this.#secondHolder = this.#rarely?.holders?.pop();
    } else if (this.#secondHolder === holder) this.#secondHolder = this.#rarely?.holders?.pop();
    else {
      const others = this.#rarely?.holders ?? [];
      const index = others.indexOf(holder);
      if (index === NONE) return;
      others.splice(index, 1);
    }
    if (outcome !== undefined) this.#note(RANK[outcome], reason);
    if (this.#account.accounts.watched) this.#hop('release', holder.name, outcome);
    if (this.#holder === undefined) this.#unheld();
    const { root } = this;
    if (root.#rarely !== undefined) root.#checkQuiet();
  }

  /** As `release`; the outcome counts only if nobody else holds it and none is known: it would be lost otherwise. */
  abandon(holder: Holder, outcome: Outcome, reason?: string): void {
    if (this.#secondHolder === undefined && this.#openForks === 0 && this.#rank === NONE)
      this.release(holder, outcome, reason);
    else this.release(holder);
  }

  /** Says what became of it while somebody else holds it. */
  conclude(outcome: Outcome, reason?: string): void {
    if (this.#settled) return;
    this.#note(RANK[outcome], reason);
    if (this.#holder === undefined && this.#openForks === 0) this.#settle();
  }

  /**
   * A child for an action made from it, held by `holder` from birth. The parent settles after its forks. `wanted`: that
   * nobody takes it up is a loss; a mere copy may be ignored. Default: true.
   */
  fork(id: string, holder: Holder, wanted = true): Trace {
    const fork = new Trace(this.#account, id, undefined, holder, this);
    fork.#attended = wanted;
    if (this.#settled) {
      this.#account.late(this, holder.name);
      fork.#settled = true;
      return fork;
    }
    if (this.#rarely?.unattended !== undefined) this.#leaveUnattended();
    this.#openForks++;
    if (this.#lastFork === undefined) this.#firstFork = fork;
    else this.#lastFork.#nextFork = fork;
    this.#lastFork = fork;
    byId?.set(id, fork);
    return fork;
  }

  /**
   * The only action made from it travels under the delivery's own trace: a fork would say the same at twice the cost.
   * `id` is the action's. The caller goes on holding it while it emits.
   */
  lend(id: string): this {
    if (byId !== undefined && !this.#settled) byId.set(id, this);
    this.#lentAs = id;
    return this;
  }

  /** Settles this when `leader` settles, with the same outcome: for an item that was merged into another one. */
  follow(leader: Trace): void {
    const holder: Holder = {
      name: this.#lastHolder,
      // Whoever works on the leader works on it.
      get passive() {
        return leader.quiet;
      },
    };
    this.hold(holder);
    this.restWith(leader);
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
    // Its actions first: whoever has the event itself would find it quiet, and send what they wait for.
    for (let fork = this.#firstFork; fork !== undefined; fork = fork.#nextFork) fork.cancel(outcome);
    for (const holder of this.#holders()) holder.cancel?.(this, outcome);
    if (this.#holder === undefined && this.#openForks === 0) this.#settle();
  }

  /** An action of this delivery had, or may have had, its effect. */
  touch(): void {
    this.root.#touched = true;
  }

  /** The platform has an action of it under these message ids: tells whoever listens to this, or to what it was forked from. */
  arrived(messageIds: readonly string[]): void {
    if (messageIds.length === 0) return;
    this.#listener?.arrived?.(messageIds);
    for (const other of this.#rarely?.listeners ?? []) other.arrived?.(messageIds);
    this.#parent?.arrived(messageIds);
  }

  /** Tells `listener` when this is settled; at once when it already is. */
  onSettled(listener: SettleListener): void {
    if (this.#settled)
      listener.settled(this, OUTCOMES[this.#rank] ?? 'ignored', this.touched, this.#account.accounts.now());
    else if (this.#listener === undefined) this.#listener = listener;
    else ((this.#rarely ??= {}).listeners ??= []).push(listener);
  }

  /**
   * Tells `listener` whenever this delivery is found quiet: its handler is done, and what is still open of it only waits
   * in passive hands.
   */
  onQuiet(listener: QuietListener): void {
    const { root } = this;
    ((root.#rarely ??= {}).quiet ??= []).push(listener);
    if (!root.#busy()) listener.quiet();
  }

  /** @internal Whoever has it is passive when `other` is quiet, and not before. */
  restWith(other: Trace): void {
    other.onQuiet({
      quiet: () => {
        this.#checkQuiet();
      },
    });
  }

  /** @internal The first of those that `onSettled` told about itself and that `is` recognises; none once it is settled. */
  listener<L extends SettleListener>(is: (listener: SettleListener) => listener is L): L | undefined {
    if (this.#listener === undefined) return undefined;
    return is(this.#listener) ? this.#listener : this.#rarely?.listeners?.find(is);
  }

  /** Whether nothing is being done about it: it is settled, or what is open of it only waits in passive hands. */
  get quiet(): boolean {
    return !this.#busy();
  }

  /** Whether somebody who has it, or a part of it, is about to accept it: it is nowhere safe yet. */
  get accepting(): boolean {
    if (this.#holders().some(({ accepting }) => accepting)) return true;
    for (let fork = this.#firstFork; fork !== undefined; fork = fork.#nextFork) if (fork.accepting) return true;
    return false;
  }

  /** @internal Nobody has had it for too long. */
  expire(): void {
    if (this.#rarely !== undefined) delete this.#rarely.unattended;
    this.#note(this.#attended ? RANK.expired : RANK.ignored);
    this.#settle();
  }

  /** @internal */
  summary(): TraceSummary {
    const forks: TraceSummary[] = [];
    for (let fork = this.#firstFork; fork !== undefined; fork = fork.#nextFork) forks.push(fork.summary());
    return {
      id: this.#id,
      source: this.#account.name,
      conversation: this.conversation,
      state: this.#settled ? 'settled' : this.#rarely?.unattended !== undefined ? 'unattended' : 'open',
      outcome: this.outcome,
      touched: this.touched,
      receivedAt: this.receivedAt,
      heldBy: this.#holders().map(({ name }) => name),
      lastHolder: this.#lastHolder,
      reason: this.#rarely?.reason,
      hops: this.#rarely?.hops,
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
    if (this.#holder === undefined) return [];
    if (this.#secondHolder === undefined) return [this.#holder];
    return [this.#holder, this.#secondHolder, ...(this.#rarely?.holders ?? [])];
  }

  #note(rank: number, reason?: string): void {
    if (rank <= this.#rank) return;
    this.#rank = rank;
    if (reason !== undefined) (this.#rarely ??= {}).reason = reason;
  }

  #unheld(): void {
    if (this.#openForks > 0) return;
    if (this.#rank !== NONE) this.#settle();
    else (this.#rarely ??= {}).unattended = this.#account.accounts.unattended.add(this);
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    const now = this.#account.accounts.now();
    if (this.#rarely?.unattended !== undefined) this.#leaveUnattended();
    const parent = this.#parent;
    if (parent === undefined) {
      this.#leaveOpen();
      if (byId !== undefined && this.#lentAs !== undefined) byId.delete(this.#lentAs);
      const rarely = this.#rarely;
      this.#account.settled(this, this.#rank, now, this.#lastHolder, rarely?.reason, rarely?.hops);
    }
    const listener = this.#listener;
    if (listener !== undefined) {
      this.#listener = undefined;
      const outcome = OUTCOMES[this.#rank] ?? 'ignored';
      const { touched } = this;
      listener.settled(this, outcome, touched, now);
      for (const other of this.#rarely?.listeners ?? []) other.settled(this, outcome, touched, now);
    }
    if (parent !== undefined) parent.#forkSettled(this);
  }

  #forkSettled(fork: Trace): void {
    this.#openForks--;
    this.#lastHolder = fork.#lastHolder;
    this.#note(fork.#rank, fork.#rarely?.reason);
    // Most forks settle in the order they were made: a delivery that answers for hours does not collect them.
    while (this.#firstFork !== undefined && this.#firstFork.#settled) {
      byId?.delete(this.#firstFork.#id);
      this.#firstFork = this.#firstFork.#nextFork;
    }
    if (this.#firstFork === undefined) this.#lastFork = undefined;
    if (this.#holder === undefined && this.#openForks === 0) this.#settle();
    else {
      const { root } = this;
      if (root.#rarely !== undefined) root.#checkQuiet();
    }
  }

  #leaveOpen(): void {
    const last = openRoots.pop();
    if (last === undefined || last === this) return;
    openRoots[this.#place] = last;
    last.#place = this.#place;
  }

  #leaveUnattended(): void {
    const rarely = this.#rarely;
    if (rarely?.unattended === undefined) return;
    this.#account.accounts.unattended.remove(rarely.unattended);
    delete rarely.unattended;
  }

  #checkQuiet(): void {
    const listeners = this.#rarely?.quiet;
    // Each may make it busy again for those behind it.
    if (listeners !== undefined) for (const listener of [...listeners]) if (!this.#busy()) listener.quiet();
  }

  #busy(): boolean {
    if (this.#settled) return false;
    if (this.#holder === undefined) {
      if (this.#openForks === 0) return true;
    } else if (
      this.#holder.passive !== true ||
      (this.#secondHolder !== undefined && this.#secondHolder.passive !== true) ||
      this.#rarely?.holders?.some(({ passive }) => passive !== true) === true
    )
      return true;
    for (let fork = this.#firstFork; fork !== undefined; fork = fork.#nextFork) if (fork.#busy()) return true;
    return false;
  }

  #hop(verb: Hop['verb'], holder: string, outcome?: Outcome): void {
    const hop: Hop = { id: this.#id, at: this.#account.accounts.now(), verb, holder, ...(outcome && { outcome }) };
    ((this.root.#rarely ??= {}).hops ??= []).push(hop);
    this.#account.accounts.hop(hop);
  }

  static #index(map: Map<string, Trace>, trace: Trace): void {
    for (let fork = trace.#firstFork; fork !== undefined; fork = fork.#nextFork) {
      if (!fork.#settled) map.set(fork.#id, fork);
      Trace.#index(map, fork);
    }
    if (trace.#lentAs !== undefined) map.set(trace.#lentAs, trace);
  }

  /** @internal Whether it is a trace, and not a clone of one. */
  static is(value: unknown): value is Trace {
    return typeof value === 'object' && value !== null && #account in value;
  }

  /** @internal The open deliveries of some accounts. */
  static open(belongs: (account: Account) => boolean): readonly Trace[] {
    return openRoots.filter((trace) => belongs(trace.#account));
  }

  /** @internal An open action by its id, and the loss of its symbol noted. */
  static find(id: string): Trace | undefined {
    if (byId === undefined) {
      byId = new Map();
      for (const trace of openRoots) Trace.#index(byId, trace);
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
  if (carried === null) return undefined;
  return typeof id === 'string' && cause !== undefined ? Trace.find(id) : undefined;
};

/** Writes a trace into an object that the caller has just made. */
export const attach = <T extends object>(item: T, trace: Trace): T => {
  (item as { [TRACE]?: Trace })[TRACE] = trace;
  return item;
};

/** @internal A copy that nobody downstream accounts for, because the caller does. */
export const unaccounted = <T extends object>(item: T): T => {
  const copy = { ...item };
  (copy as { [TRACE]?: null })[TRACE] = null;
  return copy;
};

/** A copy without the trace, for comparing with plain data. */
export const untraced = <T extends object>(item: T): T => {
  const { [TRACE]: _, ...plain } = item as T & { [TRACE]?: unknown };
  return plain as T;
};
