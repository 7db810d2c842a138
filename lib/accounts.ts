import { asyncScheduler, Observable, Subject, type SchedulerLike } from 'rxjs';
import type { Conversation } from './model/conversation.js';
import { OUTCOMES, type Outcome } from './model/outcome.js';
import { SettledHistory } from './settled-history.js';
import { attach, Trace, type Holder, type Hop, type TraceSummary } from './trace.js';
import { Deadlines } from './deadlines.js';
import { above, atLeast } from './range.js';

export interface AccountsConfig {
  /** Clock and timers. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  /** How long an item may be in nobody's custody before it is given up, in milliseconds. Default: 10 000. */
  readonly unattendedMs?: number;
  /** How many settled deliveries `explain` remembers. Default: 10 000. */
  readonly history?: number;
}

/** Live counts. At every moment `received` is `inFlight` plus all `outcomes`. */
export interface Counts {
  /** Deliveries that came in. */
  readonly received: number;
  /** Deliveries that are open, counted where they open and settle. */
  readonly inFlight: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** What was turned away at the door: nothing was accepted. */
  readonly refused: number;
  /** How often somebody took an item whose delivery was settled already: it was settled too early. */
  readonly late: number;
  /** How often an action had lost its trace and was found by its id. */
  readonly lost: number;
}

/** Something that the accounts noticed and nobody asked for. */
export type Report =
  | { readonly kind: 'expired'; readonly id: string; readonly source: string; readonly lastHolder: string }
  | { readonly kind: 'late'; readonly id: string; readonly source: string; readonly holder: string }
  | { readonly kind: 'lostTrace'; readonly id: string; readonly source: string }
  | {
      readonly kind: 'failed';
      readonly id: string;
      readonly source: string;
      readonly lastHolder: string;
      readonly reason?: string;
    }
  | { readonly kind: 'evictedEarly'; readonly holder: string; readonly key: string }
  /** Its queue or its store does not do what it is asked to: nothing is lost, but nothing goes on. Once a minute. */
  | { readonly kind: 'stuck'; readonly source: string; readonly holder: string; readonly reason: string };

/** What became of one delivery, or where it is. */
export interface Explanation {
  readonly id: string;
  readonly source: string;
  readonly conversation?: Conversation;
  /** `unattended`: in nobody's custody, dropped or inside an operator that knows nothing of custody. */
  readonly state: 'open' | 'unattended' | 'settled';
  readonly outcome?: Outcome;
  readonly touched: boolean;
  readonly receivedAt: string;
  readonly settledAt?: string;
  /** Who has it. */
  readonly heldBy: readonly string[];
  readonly lastHolder: string;
  readonly reason?: string;
  /** Every step, if somebody listened to `hops$` meanwhile. */
  readonly hops?: readonly Hop[];
  /** Actions made from it that are still open. */
  readonly forks: readonly Explanation[];
}

/** The counts of one source. */
export class Account implements Holder {
  readonly name: string;
  /** @internal */
  readonly accounts: Accounts;
  #received = 0;
  #inFlight = 0;
  #refused = 0;
  #late = 0;
  #lost = 0;
  readonly #outcomes = new Array<number>(OUTCOMES.length).fill(0);

  /** @internal */
  constructor(name: string, accounts: Accounts) {
    this.name = name;
    this.accounts = accounts;
  }

  /**
   * Opens a delivery: writes a new trace into `item`, which the caller has just made, and holds it. The caller emits the
   * item and then calls `release` on the trace with this account.
   */
  open(item: { readonly id: string; readonly conversation: Conversation }): Trace {
    this.#received++;
    this.#inFlight++;
    const trace = new Trace(this, item.id, item.conversation, this);
    attach(item, trace);
    return trace;
  }

  /** Counts a delivery that was turned away. */
  refuse(): void {
    this.#refused++;
  }

  counts(): Counts {
    return {
      received: this.#received,
      inFlight: this.#inFlight,
      outcomes: Object.fromEntries(
        OUTCOMES.map((outcome, rank) => [outcome, this.#outcomes[rank] ?? 0]),
      ) as Counts['outcomes'],
      refused: this.#refused,
      late: this.#late,
      lost: this.#lost,
    };
  }

  /** @internal */
  settled(
    trace: Trace,
    rank: number,
    at: number,
    lastHolder: string,
    reason: string | undefined,
    hops: readonly Hop[] | undefined,
  ): void {
    this.#inFlight--;
    this.#outcomes[rank] = (this.#outcomes[rank] ?? 0) + 1;
    const { accounts } = this;
    if (this.#inFlight === 0) accounts.idle();
    accounts.history.add(this, trace, rank, at, lastHolder, reason, hops);
    if (rank === EXPIRED) accounts.report({ kind: 'expired', id: trace.id, source: this.name, lastHolder });
    else if (rank === FAILED) {
      const { id } = trace;
      const { name: source } = this;
      accounts.report({ kind: 'failed', id, source, lastHolder, ...(reason !== undefined && { reason }) });
    }
  }

  /** @internal */
  late({ id }: Trace, holder: string): void {
    this.#late++;
    this.accounts.report({ kind: 'late', id, source: this.name, holder });
  }

  /** @internal */
  lost({ id }: Trace): void {
    this.#lost++;
    this.accounts.report({ kind: 'lostTrace', id, source: this.name });
  }
}

const EXPIRED = OUTCOMES.indexOf('expired');
const FAILED = OUTCOMES.indexOf('failed');

/**
 * The books: how many deliveries came in, how many are open, what became of the others. `accounts` is the one that
 * everything uses unless told otherwise.
 */
export class Accounts {
  /** What happened without being asked for: expired and failed deliveries, late holders, lost traces, an outbox that is stuck. Hot. */
  readonly reports$: Observable<Report>;
  /** Every step of every item. While somebody listens, `explain` knows the steps too. Hot. */
  readonly hops$: Observable<Hop>;
  /** @internal */
  readonly unattended: Deadlines<Trace>;
  /** @internal Whether somebody listens to `hops$`. */
  watched = false;
  /** @internal */
  readonly history: SettledHistory;
  readonly #scheduler: SchedulerLike;
  readonly #accounts = new Map<string, Account>();
  readonly #reports = new Subject<Report>();
  readonly #hops = new Subject<Hop>();
  /** Who waits until nothing is open. */
  readonly #drains = new Set<() => void>();

  /** @internal */
  constructor({ scheduler = asyncScheduler, unattendedMs = 10_000, history = 10_000 }: AccountsConfig = {}) {
    above('accounts: unattendedMs', unattendedMs, 0);
    atLeast('accounts: history', history, 0);
    this.#scheduler = scheduler;
    this.unattended = new Deadlines(scheduler, unattendedMs, (trace) => {
      trace.expire();
    });
    this.history = new SettledHistory(history);
    this.reports$ = this.#reports.asObservable();
    this.hops$ = new Observable((subscriber) => {
      this.watched = true;
      this.#hops.subscribe(subscriber);
      return () => {
        this.watched = this.#hops.observed;
      };
    });
  }

  /** The account of a source; made when it is first asked for. */
  of(name: string): Account {
    let account = this.#accounts.get(name);
    if (account === undefined) this.#accounts.set(name, (account = new Account(name, this)));
    return account;
  }

  /** The counts of every source by name. */
  bySource(): ReadonlyMap<string, Counts> {
    return new Map([...this.#accounts].map(([name, account]) => [name, account.counts()]));
  }

  /** The counts of all sources together. */
  counts(): Counts {
    const total = new Account('', this).counts();
    const outcomes: Record<Outcome, number> = { ...total.outcomes };
    let { received, inFlight, refused, late, lost } = total;
    for (const account of this.#accounts.values()) {
      const counts = account.counts();
      received += counts.received;
      inFlight += counts.inFlight;
      refused += counts.refused;
      late += counts.late;
      lost += counts.lost;
      for (const outcome of OUTCOMES) outcomes[outcome] += counts.outcomes[outcome];
    }
    return { received, inFlight, outcomes, refused, late, lost };
  }

  /**
   * What became of the deliveries with this id, or where they are: open ones first, then the settled ones that are still
   * remembered, newest first. Empty when nothing is known.
   */
  explain(id: string): readonly Explanation[] {
    const open = this.open().filter((trace) => trace.id === id);
    return [...open.map((trace) => explanation(trace.summary())), ...this.history.find(id)];
  }

  /**
   * Resolves with the counts as soon as nothing is open, of one account or of all, or when `deadlineMs` is over: `inFlight`
   * says how much was left then. Whoever accepts must have stopped before.
   *
   * @throws RangeError when `deadlineMs` is below 0.
   */
  async drain(deadlineMs: number, account?: Account): Promise<Counts> {
    atLeast('accounts: deadlineMs', deadlineMs, 0);
    // Beyond it, timers fire at once.
    const afterMs = Math.min(deadlineMs, 2 ** 31 - 1);
    return new Promise((resolve) => {
      const over = (): void => {
        this.#drains.delete(look);
        timer.unsubscribe();
        resolve((account ?? this).counts());
      };
      const look = (): void => {
        if ((account ?? this).counts().inFlight === 0) over();
      };
      const timer = this.#scheduler.schedule(over, afterMs);
      this.#drains.add(look);
      look();
    });
  }

  /** @internal Nothing of an account is open any more. */
  idle(): void {
    for (const look of this.#drains) look();
  }

  /** @internal The open deliveries. */
  open(): readonly Trace[] {
    return Trace.open((account) => account.accounts === this);
  }

  /** @internal */
  now(): number {
    return this.#scheduler.now();
  }

  /** @internal */
  report(report: Report): void {
    this.#reports.next(report);
  }

  /** @internal */
  hop(hop: Hop): void {
    this.#hops.next(hop);
  }
}

const explanation = (summary: TraceSummary): Explanation => {
  const { conversation, outcome, receivedAt, reason, hops, forks, ...rest } = summary;
  return {
    ...rest,
    ...(conversation !== undefined && { conversation }),
    ...(outcome !== undefined && { outcome }),
    ...(reason !== undefined && { reason }),
    ...(hops !== undefined && { hops }),
    receivedAt: new Date(receivedAt).toISOString(),
    forks: forks.filter(({ state }) => state !== 'settled').map(explanation),
  };
};

/** Books of one's own: for specs in virtual time, or to keep tenants apart. */
export const openAccounts = (config?: AccountsConfig): Accounts => new Accounts(config);

/** The books of the program, which every source uses unless told otherwise. */
export const accounts: Accounts = /* @__PURE__ */ openAccounts();
