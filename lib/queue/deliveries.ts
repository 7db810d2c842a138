import type { Observable, SchedulerLike, Subscriber, Subscription } from 'rxjs';
import type { Account } from '../accounts.js';
import { toChatError, type ChatError } from '../errors.js';
import { mayRunAgain, type InboundEvent, type OutboundAction, type Outcome } from '../model/index.js';
import type { Writing } from '../store/writing.js';
import type { SettleListener, Trace } from '../trace.js';
import { triedMs } from './tried-since.js';
import { Turn } from './turn.js';
import type { Leased, LeaseConfig, ParkReport, Queue } from './queue.js';
import { markResubmitted } from './resubmission.js';

/** @internal */
export interface DeliverySettings<T extends InboundEvent | OutboundAction> {
  readonly queue: Queue<T>;
  readonly account: Account;
  readonly lease: LeaseConfig;
  /** Whether a conversation waits for its dead letters. */
  readonly waits: boolean;
  readonly attempts: number;
  readonly forMs: number;
  readonly delayMs: number;
  readonly maxDelayMs: number;
  readonly scheduler: SchedulerLike;
}

/**
 * What is to be written in the same transaction in which the queue hears that an event is done.
 *
 * @internal
 */
export interface Joining {
  readonly writings: readonly Writing[];
  /** Whether they are what the event has an effect by: it has none without them. */
  readonly isEffect?: boolean;
  /** The event is done and they are written. */
  written(): void;
  /** They are not written: the event comes again, or is parked, or they were refused for good. */
  dropped(error?: ChatError): void;
  /** They are not written: the event is forgotten. */
  forgotten(): void;
}

/** How long to wait before the queue is asked again, in milliseconds. */
const AGAIN_MS = 1_000;

/**
 * What one subscriber of `fromQueue` has open, and what the queue is told about it.
 *
 * @internal
 */
export class Deliveries<T extends InboundEvent | OutboundAction> {
  readonly #settings: DeliverySettings<T>;
  readonly #subscriber: Subscriber<T>;
  /** Handed out, and the queue does not know yet that they are settled. */
  readonly #open = new Set<Delivery<T>>();
  /** Places that we returned ourselves: what comes from there did not see its process end. */
  readonly #returned = new Set<number>();
  readonly #timers = new Set<Subscription>();
  /** What the queue could not be told, by conversation: it is tried again in order, and what comes behind it waits. */
  readonly #stuck = new Map<string, (() => void)[]>();
  /** The last of each conversation that the queue is being told of together with something else. */
  readonly #turns = new Map<string, Turn>();
  #lease: Subscription | undefined;
  #stopped = false;
  #over = false;

  constructor(settings: DeliverySettings<T>, subscriber: Subscriber<T>) {
    this.#settings = settings;
    this.#subscriber = subscriber;
  }

  /** What can be written together with the queue. */
  get medium(): object {
    return this.#settings.queue.adding([]).medium;
  }

  start(): void {
    const { queue, lease } = this.#settings;
    this.#lease = queue.lease(lease).subscribe({
      next: (leased) => {
        // What comes now goes back when the rest is settled.
        if (!this.#stopped) this.#handOut(leased);
      },
      error: (error: unknown) => {
        if (toChatError('queue', error).kind !== 'conflict') {
          this.#subscriber.error(error);
          return;
        }
        const lost = [...this.#open];
        this.#open.clear();
        this.#returned.clear();
        for (const delivery of lost) {
          delivery.dropped();
          // It comes again, to whoever has the queue now: nobody may take it for done, unless something of it went out.
          delivery.trace?.cancel(delivery.trace.touched ? 'superseded' : 'shed');
        }
        this.#completeWhenIdle();
        if (!this.#over)
          this.#later(AGAIN_MS, () => {
            this.start();
          });
      },
    });
    // A queue that answers at once may have ended us meanwhile.
    if (this.#over) this.#lease.unsubscribe();
  }

  /** Takes nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#completeWhenIdle();
  }

  /** The subscriber is gone. */
  end(): void {
    if (this.#over) return;
    // Of what something went out nothing is repeated; everything else goes back with the lease.
    for (const delivery of this.#open) {
      const { leased, trace } = delivery;
      // What is on its way to the queue says itself what becomes of it.
      if (!delivery.isTold) delivery.dropped();
      if (trace?.touched !== true || trace.settled) continue;
      const outcome = trace.outcome ?? 'inDoubt';
      const report = { outcome, touched: true, reason: 'unsubscribed while it was open' };
      this.#settings.queue.park(leased, report).subscribe({ error: () => undefined });
    }
    this.#over = true;
    for (const timer of this.#timers) timer.unsubscribe();
    // The last time: what the queue does not hear now comes again, although it is done.
    const stuck = [...this.#stuck.values()].flat();
    this.#stuck.clear();
    for (const again of stuck) again();
    this.#lease?.unsubscribe();
  }

  settled(delivery: Delivery<T>, outcome: Outcome, touched: boolean): void {
    if (this.#over || !this.#open.has(delivery)) return;
    if (!DONE.has(outcome) && outcome !== 'inDoubt') delivery.dropped();
    if (mayRunAgain(outcome, touched)) {
      // A pipe that is being torn down lets go of what it has before we hear that it is: then it goes back as it is.
      this.#later(0, () => {
        this.#tryAgain(delivery, outcome);
      });
    } else if (DONE.has(outcome)) {
      this.#write(delivery, () => this.#settings.queue.ack(delivery.leased, { together: this.#together(delivery) }));
    } else this.#park(delivery, outcome, touched);
  }

  #handOut(leased: Leased<T>): void {
    const { account } = this.#settings;
    const delivery = new Delivery(this, leased);
    this.#open.add(delivery);
    const isOurs = this.#returned.delete(leased.place);
    if (!isOurs && leased.attempt > this.#settings.attempts && this.#isExhausted(leased)) {
      this.#park(delivery, 'failed', false, `it was handed out ${leased.attempt - 1} times, and never settled`);
      return;
    }
    const item = { ...leased.item };
    markResubmitted(item, leased.resubmitted);
    const trace = account.open(item);
    delivery.trace = trace;
    trace.onSettled(delivery);
    this.#subscriber.next(item);
    if (this.#subscriber.closed) trace.abandon(account, 'failed', 'unsubscribed');
    else trace.release(account);
  }

  #tryAgain(delivery: Delivery<T>, outcome: Outcome): void {
    const { queue, delayMs, maxDelayMs } = this.#settings;
    const { leased } = delivery;
    if (this.#isExhausted(leased)) {
      this.#park(delivery, outcome, false);
      return;
    }
    this.#returned.add(leased.place);
    const afterMs = Math.min(delayMs * 2 ** (leased.attempt - 1), maxDelayMs);
    this.#write(
      delivery,
      () => queue.return(leased, { afterMs, ifLast: true }),
      () => {
        this.#returned.delete(leased.place);
        this.#park(delivery, outcome, false);
      },
    );
  }

  #isExhausted({ attempt, firstAttemptAt }: Leased<T>): boolean {
    const { attempts, forMs, scheduler } = this.#settings;
    return attempt >= attempts && triedMs(firstAttemptAt, scheduler.now()) >= forMs;
  }

  #park(delivery: Delivery<T>, outcome: Outcome, touched: boolean, why = reasonOf(delivery.trace)): void {
    const { queue, waits } = this.#settings;
    const report: ParkReport = { outcome, touched, ...(why !== undefined && { reason: why }) };
    const hold = waits && outcome !== 'inDoubt';
    this.#write(delivery, () => queue.park(delivery.leased, report, { hold, together: this.#together(delivery) }));
  }

  /**
   * Tells the queue, again and again while it cannot hear: nothing is settled before it knows. In order within a
   * conversation, as far as one that fails is concerned: what is written together with a later one must not come before it.
   */
  #write(delivery: Delivery<T>, call: () => Observable<boolean>, otherwise?: () => void): void {
    delivery.isTold = true;
    const { key } = delivery.leased;
    const again = (): void => {
      this.#write(delivery, call, otherwise);
    };
    const stuck = this.#stuck.get(key);
    if (stuck !== undefined) {
      stuck.push(again);
      return;
    }
    delivery.again = again;
    const writing = call().subscribe({
      next: (isDone) => {
        if (!isDone && otherwise !== undefined) otherwise();
        else {
          if (isDone) delivery.written();
          else delivery.forgotten();
          this.#leaveTurn(delivery);
          this.#close(delivery);
        }
      },
      error: (thrown: unknown) => {
        delivery.again = undefined;
        this.#leaveTurn(delivery);
        const error = toChatError('queue', thrown);
        if (error.kind === 'conflict' || this.#over) {
          delivery.dropped();
          return;
        }
        if (!error.retryable && delivery.writings.length > 0) {
          delivery.dropped(error);
          this.#park(delivery, 'failed', false, error.message);
          return;
        }
        this.#stick(delivery, again);
      },
    });
    delivery.writing = writing.closed ? undefined : writing;
  }

  /** What is written together with its end, behind what is before it in its conversation. */
  #together(delivery: Delivery<T>): readonly Writing[] {
    const { writings } = delivery;
    const { key } = delivery.leased;
    const [first] = writings;
    if (first === undefined) return writings;
    this.#turns.set(key, (delivery.turn = new Turn(this.#turns.get(key))));
    return [delivery.turn.writing(first.medium), ...writings];
  }

  #leaveTurn({ turn, leased: { key } }: Delivery<T>): void {
    turn?.over();
    if (this.#turns.get(key) === turn) this.#turns.delete(key);
  }

  /** Tries it again later, and what its conversation has told the queue behind it, which has not heard that either. */
  #stick({ leased: { key, place } }: Delivery<T>, again: () => void): void {
    const stuck = [again];
    for (const later of this.#open) {
      if (later.leased.key !== key || later.leased.place <= place || later.writing?.closed !== false) continue;
      later.writing.unsubscribe();
      this.#leaveTurn(later);
      if (later.again !== undefined) stuck.push(later.again);
    }
    this.#stuck.set(key, stuck);
    this.#later(AGAIN_MS, () => {
      this.#stuck.delete(key);
      for (const one of stuck) one();
    });
  }

  #close(delivery: Delivery<T>): void {
    this.#open.delete(delivery);
    this.#completeWhenIdle();
  }

  #completeWhenIdle(): void {
    if (this.#stopped && this.#open.size === 0) this.#subscriber.complete();
  }

  #later(ms: number, work: () => void): void {
    if (this.#over) return;
    const timer = this.#settings.scheduler.schedule(() => {
      this.#timers.delete(timer);
      if (!this.#over) work();
    }, ms);
    this.#timers.add(timer);
  }
}

/**
 * An item that is open.
 *
 * @internal
 */
export class Delivery<T extends InboundEvent | OutboundAction> implements SettleListener {
  readonly leased: Leased<T>;
  trace: Trace | undefined;
  /** Whether the queue is being told what became of it. */
  isTold = false;
  /** Telling it, and doing so once more. */
  writing: Subscription | undefined;
  again: (() => void) | undefined;
  turn: Turn | undefined;
  /** What it has its effect by is not written. */
  isUndone = false;
  readonly #owner: Deliveries<T>;
  #joining: Joining[] | undefined;

  constructor(owner: Deliveries<T>, leased: Leased<T>) {
    this.#owner = owner;
    this.leased = leased;
  }

  /** Whether its queue is kept there. */
  isOn(medium: object): boolean {
    return this.#owner.medium === medium;
  }

  /** Writes something together with the end of this. */
  join(joining: Joining): void {
    (this.#joining ??= []).push(joining);
  }

  /** Whether it has its effect by what is written with its end. */
  get carries(): boolean {
    return this.#joining?.some(({ isEffect }) => isEffect) ?? false;
  }

  get writings(): readonly Writing[] {
    return this.#joining?.flatMap(({ writings }) => writings) ?? [];
  }

  written(): void {
    for (const joining of this.#joining?.splice(0) ?? []) joining.written();
  }

  dropped(error?: ChatError): void {
    this.isUndone ||= this.carries;
    for (const joining of this.#joining?.splice(0) ?? []) joining.dropped(error);
  }

  forgotten(): void {
    for (const joining of this.#joining?.splice(0) ?? []) joining.forgotten();
  }

  settled(_: Trace, outcome: Outcome, touched: boolean): void {
    this.#owner.settled(this, outcome, touched);
  }
}

/** The item of a queue that a trace accounts for, if it is one. */
export const deliveryOf = (trace: Trace): Delivery<InboundEvent> | undefined =>
  trace.root.listener((listener): listener is Delivery<InboundEvent> => listener instanceof Delivery);

const reasonOf = (trace: Trace | undefined): string | undefined => {
  const { reason, lastHolder } = trace?.summary() ?? {};
  return reason ?? (lastHolder === undefined ? undefined : `last held by ${lastHolder}`);
};

/** Outcomes that leave nothing to do. */
const DONE: ReadonlySet<Outcome> = new Set<Outcome>([
  'handled',
  'ignored',
  'superseded',
  'handedOff',
  'duplicate',
  'queued',
  'deadLettered',
]);
