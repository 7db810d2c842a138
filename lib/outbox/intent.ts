import type { Account } from '../accounts.js';
import { touches, type OutboundAction, type Outcome, type Receipt } from '../model/index.js';
import type { Leased } from '../queue/queue.js';
import type { Revision } from '../store/store.js';
import type { Holder, Trace } from '../trace.js';

/** @internal Whoever has an intent in hand. */
export interface IntentOwner {
  /** Its event is taken back. */
  cancelled(intent: Intent, outcome: Outcome): void;
}

/**
 * An action that somebody in this process waits for: collected, on its way into the queue, in it, or on its way to the sink.
 *
 * @internal
 */
export class Intent implements Holder {
  readonly name = 'outbox';
  /** It waits for the rest of its event, which is not kept from being quiet by it. */
  passive: boolean;
  action: OutboundAction;
  /** What is in the queue: the action, under an id of its own when its event was resubmitted. */
  readonly item: OutboundAction;
  readonly key: string;
  trace: Trace | undefined;
  /** Whether nobody but the outbox could repeat it: it has no event, or its event is done. */
  isOurs: boolean;
  isOver = false;
  /** Whether it came from the source. */
  isCounted = false;
  /** Whether it is safe in the queue. */
  isSafe = false;
  flight: Flight | undefined;
  /** What does not wait in the queue, and is to go out behind it. */
  followers: Follower[] = [];
  readonly #owner: IntentOwner;

  constructor(
    owner: IntentOwner,
    action: OutboundAction,
    item: OutboundAction,
    key: string,
    trace: Trace | undefined,
    passive = false,
  ) {
    this.#owner = owner;
    this.action = action;
    this.item = item;
    this.key = key;
    this.trace = trace;
    this.isOurs = trace === undefined;
    this.passive = passive;
    trace?.hold(this);
  }

  cancel(_: Trace, outcome: Outcome): void {
    this.#owner.cancelled(this, outcome);
  }

  /** Nobody in this process accounts for it: it gets an account of its own. */
  openOn(account: Account): void {
    this.action = { ...this.action };
    this.trace = account.open(this.action);
    this.trace.hold(this);
    this.trace.release(account);
  }

  /** It is over: its account is told. */
  close(receipt: Receipt, outcome: Outcome): void {
    if (this.isOver) return;
    this.isOver = true;
    const { trace } = this;
    trace?.release(this, outcome, receipt.status === 'failed' ? receipt.error.message : undefined);
  }

  /** It is safe, and others send it. */
  letGo(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.trace?.release(this, 'queued');
  }

  /** Nobody listens any more. What is safe goes out later, for another subscriber. */
  abandon(): void {
    if (this.isOver) return;
    this.isOver = true;
    const { state, receipt, outcome } = this.flight ?? {};
    const mayBeOut = state === 'sent' || (state === 'ending' && receipt === undefined);
    if (mayBeOut || (receipt !== undefined && touches(receipt))) this.trace?.touch();
    if (mayBeOut) this.trace?.release(this, 'inDoubt', 'unsubscribed');
    else if (outcome !== undefined) this.trace?.release(this, outcome);
    else if (this.isSafe) this.trace?.release(this, 'queued');
    else this.trace?.release(this, 'failed', 'unsubscribed');
  }

  /** Its event is done, and it goes on without it. */
  leave(outcome: Outcome, account: Account): void {
    const { trace } = this;
    this.trace = undefined;
    this.isOurs = true;
    for (const follower of this.followers) {
      follower.isLeft = true;
      follower.trace?.release(follower, outcome);
    }
    // It may be out of the queue before we hear that it was in it.
    if (this.flight !== undefined) this.openOn(account);
    trace?.release(this, outcome);
  }
}

/** @internal What is sent and forgotten, such as a typing indicator, and waits in memory for what it comes behind. */
export class Follower implements Holder {
  readonly name = 'outbox';
  readonly passive: boolean;
  readonly action: OutboundAction;
  readonly trace: Trace | undefined;
  /** Whether its event is done, and nobody accounts for it. */
  isLeft = false;
  readonly #cancelled: (follower: Follower, outcome: Outcome) => void;

  constructor(
    action: OutboundAction,
    trace: Trace | undefined,
    passive: boolean,
    cancelled: (follower: Follower, outcome: Outcome) => void,
  ) {
    this.action = action;
    this.trace = trace;
    this.passive = passive;
    this.#cancelled = cancelled;
    trace?.hold(this);
  }

  cancel(_: Trace, outcome: Outcome): void {
    this.#cancelled(this, outcome);
  }
}

/** @internal An item of the queue in our hands. */
export class Flight {
  readonly leased: Leased<OutboundAction>;
  readonly key: string;
  intent: Intent | undefined;
  /**
   * `idle`: it waits for those before it. `begun`: it is looked at and marked. `sent`: the sink has it. `ending`: the queue is
   * being told. `over`: it is not ours any more.
   */
  state: 'idle' | 'begun' | 'sent' | 'ending' | 'over' = 'idle';
  /** Its conversation is forgotten: it is in the queue no more. */
  isForgotten = false;
  /** What became of it, as soon as that is known. */
  receipt: Receipt | undefined;
  outcome: Outcome | undefined;
  /** Of what is written about it. */
  revision: Revision | undefined;
  /** When it was marked: ISO 8601. */
  markedAt = '';

  constructor(leased: Leased<OutboundAction>, key: string, intent: Intent | undefined) {
    this.leased = leased;
    this.key = key;
    this.intent = intent;
    if (intent !== undefined) intent.flight = this;
  }

  /** Whether it is not to go out, unless it is out. */
  get isTakenBack(): boolean {
    return this.isForgotten || this.intent?.trace?.cancelled === true;
  }
}
