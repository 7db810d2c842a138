import type { Observable, SchedulerLike, Subscription } from 'rxjs';
import type { Account } from '../accounts.js';
import { ChatError, toChatError } from '../errors.js';
import {
  failed,
  outcomeOf,
  skipped,
  skipReasonOf,
  unknown,
  type OutboundAction,
  type Outcome,
  type Receipt,
  type Unknown,
} from '../model/index.js';
import { unaccounted } from '../trace.js';
import type { Writable } from '../writable.js';
import { judged, type DoubtRules } from './doubt.js';
import { Intent, type Flight, type IntentOwner } from './intent.js';
import type { Ledger } from './ledger.js';
import { Lines } from './lines.js';
import { deliveredEarlier, type Known } from './record.js';

/** @internal */
export interface DispatchSettings extends DoubtRules {
  readonly ledger: Ledger;
  /** Of what goes out without an event of this process. */
  readonly account: Account;
  readonly scheduler: SchedulerLike;
  readonly maxInFlight: number;
  readonly attempts: number;
  readonly forMs: number;
  readonly delayMs: number;
  readonly maxDelayMs: number;
  /** How old an intent may be when it goes out, in milliseconds. */
  readonly expiryOf: (action: OutboundAction) => number;
  readonly now: () => string;
}

/** @internal Who is told what. */
export interface DispatchHost extends IntentOwner {
  /** Gives an action to the sink. */
  readonly send: (action: OutboundAction) => void;
  /** What may go out now that this is with the sink, or will never be. */
  readonly passed: (intent: Intent) => void;
  /** It is over, with this receipt; `outcome`: of its account. */
  readonly over: (intent: Intent, receipt: Receipt, outcome: Outcome) => void;
  /** Something that had begun is over. */
  readonly idle: () => void;
  readonly error: (error: unknown) => void;
}

/** How long to wait before what could not be written is tried again, in milliseconds. */
const AGAIN_MS = 1_000;
/** How many actions of one conversation are in our hands: the first of them is sent. */
const PER_KEY = 4;

/**
 * Takes intents out of the queue, marks each before it goes to the sink, and notes what became of it. One action of a
 * conversation is with the sink at a time.
 *
 * @internal
 */
export class Dispatch {
  readonly #settings: DispatchSettings;
  readonly #host: DispatchHost;
  readonly #lines = new Lines();
  readonly #sent = new Map<string, Flight>();
  readonly #timers = new Set<Subscription>();
  #lease: Subscription | undefined;
  #isStopped = false;
  #isOver = false;

  constructor(settings: DispatchSettings, host: DispatchHost) {
    this.#settings = settings;
    this.#host = host;
  }

  /** Whether something has begun that is not over. */
  get isBusy(): boolean {
    return this.#lines.isBusy || this.#sent.size > 0;
  }

  start(): void {
    const { ledger, maxInFlight } = this.#settings;
    this.#lease = ledger.queue.lease({ perKey: PER_KEY, maxInFlight }).subscribe({
      next: (leased) => {
        const flight = this.#lines.take(leased, ledger.keyOf(leased.item));
        if (flight !== undefined) this.#begin(flight);
      },
      error: (error: unknown) => {
        if (toChatError('outbox', error).kind !== 'conflict') {
          this.#host.error(error);
          return;
        }
        this.#lines.lose();
        this.#later(AGAIN_MS, () => {
          this.start();
        });
      },
    });
    if (this.#isOver) this.#lease.unsubscribe();
  }

  /** It will come out of the queue. */
  expect(intent: Intent): void {
    this.#lines.expect(intent);
  }

  /** It will not: the queue refused it. */
  forgo(intent: Intent): void {
    this.#lines.forgo(intent);
  }

  /** It is taken back: at once if it is in our hands and not begun, else as soon as it is looked at. */
  takeBack({ flight }: Intent): void {
    if (flight?.state === 'idle') this.#skip(flight);
  }

  /** The sink says what became of an action. Whether it was one of ours. */
  answered(receipt: Receipt): boolean {
    const key = this.#settings.ledger.keyOf(receipt.action);
    const flight = this.#sent.get(key);
    if (flight === undefined) return false;
    this.#sent.delete(key);
    flight.state = 'ending';
    const told: Writable<Receipt> = { ...receipt };
    told.action = flight.leased.item;
    this.#judge(flight, told);
    return true;
  }

  /** Begins nothing more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** The subscriber is gone. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const timer of this.#timers) timer.unsubscribe();
    this.#lease?.unsubscribe();
    for (const { intent } of this.#sent.values()) intent?.abandon();
    this.#lines.end();
  }

  #begin(flight: Flight): void {
    if (this.#isStopped || this.#isOver) return;
    flight.state = 'begun';
    this.#try(
      () => this.#settings.ledger.known(flight.key),
      ({ known, revision }) => {
        flight.revision = revision;
        this.#look(flight, known);
      },
      () => {
        if (flight.state === 'begun') this.#begin(flight);
      },
    );
  }

  /** Nothing of it happened in this process. */
  #look(flight: Flight, known: Known | undefined): void {
    if (flight.state !== 'begun') return;
    const { leased } = flight;
    const isKnown = known !== undefined && known.again >= leased.resubmitted;
    const { ledger, account } = this.#settings;
    // A second copy of what is over: nobody need hear of it unless somebody waits for it.
    if (isKnown && known.state === 'delivered') {
      this.#finish(flight, deliveredEarlier(leased.item, known), ledger.done(leased, flight.key));
    } else if (isKnown && known.state === 'inDoubt') {
      this.#finish(flight, this.#doubt(leased.item), ledger.done(leased, flight.key));
    } else {
      flight.intent ??= new Intent(this.#host, leased.item, leased.item, flight.key, undefined);
      flight.intent.flight = flight;
      flight.intent.isSafe = true;
      if (flight.intent.trace === undefined) flight.intent.openOn(account);
      if (isKnown && known.state === 'sent') flight.markedAt = known.at;
      if (isKnown) this.#resolve(flight, this.#doubt(leased.item), true);
      else if (flight.intent.trace?.cancelled === true) this.#skip(flight);
      else if (this.#isExpired(flight)) this.#forget(flight, this.#expired(flight));
      else this.#mark(flight);
    }
  }

  #mark(flight: Flight): void {
    const { ledger, now } = this.#settings;
    flight.markedAt = now();
    this.#try(
      () => ledger.mark(flight.key, flight.leased.resubmitted, flight.markedAt, flight.revision),
      (revision) => {
        flight.revision = revision;
        if (flight.state !== 'begun') return;
        // Somebody was faster: what they wrote counts.
        if (revision === undefined) this.#begin(flight);
        else if (flight.intent?.trace?.cancelled === true) this.#skip(flight);
        else this.#send(flight);
      },
      () => {
        if (flight.state === 'begun') this.#mark(flight);
      },
    );
  }

  #send(flight: Flight): void {
    const { intent, key, leased } = flight;
    flight.state = 'sent';
    this.#sent.set(key, flight);
    this.#host.send(unaccounted(leased.item));
    if (intent !== undefined) this.#host.passed(intent);
  }

  #judge(flight: Flight, receipt: Receipt): void {
    if (receipt.status === 'unknown') this.#resolve(flight, receipt, false);
    else if (receipt.status === 'failed' && receipt.error.inDoubt)
      this.#resolve(flight, unknown(receipt.action, receipt.at, receipt.error), false);
    else this.#conclude(flight, receipt);
  }

  #conclude(flight: Flight, receipt: Receipt): void {
    const { ledger } = this.#settings;
    const { leased, key, intent } = flight;
    if (receipt.status === 'delivered') {
      const { at, messageIds } = receipt;
      const known: Known = { state: 'delivered', again: leased.resubmitted, at, messageIds };
      this.#finish(flight, receipt, ledger.done(leased, key, known));
    } else if (receipt.status === 'failed' && receipt.retryable && this.#mayTryAgain(flight)) {
      this.#return(flight, receipt.error.retryAfterMs);
    } else if (receipt.status === 'failed' && intent?.isOurs === true) {
      const report = { outcome: 'failed', touched: false, reason: receipt.error.message } as const;
      this.#finish(flight, receipt, ledger.park(leased, report, key, 'forget'), 'deadLettered');
    } else this.#forget(flight, receipt);
  }

  /** Nobody knows whether it arrived. `isEarlier`: it was an earlier process that sent it. */
  #resolve(flight: Flight, receipt: Unknown, isEarlier: boolean): void {
    flight.state = 'ending';
    const { ledger } = this.#settings;
    const { leased, key } = flight;
    const before = { at: flight.markedAt, messageIds: ledger.messageIds(leased.key) };
    const inDoubt: Known = { state: 'inDoubt', again: leased.resubmitted };
    const ask = (): void => {
      const report = { outcome: 'inDoubt', touched: true, reason: receipt.error.message } as const;
      this.#finish(flight, receipt, ledger.park(leased, report, key, inDoubt));
    };
    const resend = (otherwise: () => void): void => {
      if (this.#isExpired(flight)) otherwise();
      else if (isEarlier) {
        flight.state = 'begun';
        this.#send(flight);
      } else if (this.#mayTryAgain(flight)) this.#return(flight, receipt.error.retryAfterMs);
      else otherwise();
    };
    judged(this.#settings, receipt, before).subscribe({
      next: (verdict) => {
        if (this.#isOver || flight.state !== 'ending') return;
        if ('todo' in verdict) {
          if (verdict.todo === 'resend') resend(ask);
          else if (verdict.todo === 'ask') ask();
          else this.#finish(flight, receipt, ledger.done(leased, key, inDoubt));
        } else if (verdict.found === 'resend') {
          resend(() => {
            this.#conclude(flight, this.#isExpired(flight) ? this.#expired(flight) : notArrived(receipt));
          });
        } else this.#conclude(flight, verdict.found);
      },
      error: (error: unknown) => {
        this.#host.error(error);
      },
    });
  }

  /** Gives it back with all that is in our hands behind it: nothing of its conversation overtakes it. */
  #return(flight: Flight, askedMs: number | undefined): void {
    const { ledger, delayMs, maxDelayMs } = this.#settings;
    const { leased } = flight;
    const grown = Math.min(delayMs * 2 ** (leased.attempt - 1), maxDelayMs);
    // At least one: what is handed out again comes after what we do here.
    const afterMs = Math.max(1, askedMs ?? grown);
    flight.state = 'begun';
    this.#write(flight, ledger.unmark(flight.key, flight.revision), () => {
      this.#write(flight, ledger.queue.return(leased, { afterMs }), () => {
        this.#lines.clear(leased.key);
      });
    });
  }

  #skip(flight: Flight): void {
    const reason = skipReasonOf(flight.intent?.trace?.outcome);
    this.#forget(flight, skipped(flight.leased.item, this.#settings.now(), reason));
  }

  /** It had no effect: whoever makes it again means it. */
  #forget(flight: Flight, receipt: Receipt): void {
    this.#finish(flight, receipt, this.#settings.ledger.done(flight.leased, flight.key, 'forget'));
  }

  #finish(flight: Flight, receipt: Receipt, writing: Observable<boolean>, outcome = outcomeOf(receipt)): void {
    flight.state = 'ending';
    flight.receipt = receipt;
    flight.outcome = outcome;
    this.#write(flight, writing, () => {
      this.#close(flight, receipt);
    });
  }

  #close(flight: Flight, receipt: Receipt): void {
    const { intent, outcome = outcomeOf(receipt) } = flight;
    const next = this.#lines.leave(flight);
    if (intent !== undefined && !this.#isOver) this.#host.over(intent, receipt, outcome);
    if (next?.state === 'idle') this.#begin(next);
    this.#host.idle();
  }

  #isExpired({ leased }: Flight): boolean {
    const { expiryOf, scheduler } = this.#settings;
    // Somebody who resubmits it wants it.
    return leased.resubmitted === 0 && scheduler.now() - Date.parse(leased.addedAt) >= expiryOf(leased.item);
  }

  #mayTryAgain({ leased: { attempt, firstAttemptAt }, intent }: Flight): boolean {
    const { attempts, forMs, scheduler } = this.#settings;
    if (intent?.trace?.cancelled === true) return false;
    return attempt < attempts || scheduler.now() - Date.parse(firstAttemptAt) < forMs;
  }

  #expired({ leased }: Flight): Receipt {
    return skipped(leased.item, this.#settings.now(), 'expired');
  }

  #doubt(action: OutboundAction): Unknown {
    const sentence = 'the process ended before there was an answer';
    const { platform } = action.conversation;
    return unknown(action, this.#settings.now(), new ChatError('unreachable', platform, sentence, { inDoubt: true }));
  }

  /** Writes, again and again while that fails: what is not written has not happened. */
  #write(flight: Flight, writing: Observable<unknown>, then: () => void): void {
    writing.subscribe({
      next: then,
      error: (thrown: unknown) => {
        if (toChatError('outbox', thrown).kind === 'conflict') {
          // Whoever has the queue now will find it.
          if (flight.receipt !== undefined) this.#close(flight, flight.receipt);
          else if (flight.state !== 'over') this.#lines.waitAgain(flight);
          return;
        }
        this.#later(AGAIN_MS, () => {
          this.#write(flight, writing, then);
        });
      },
    });
  }

  #try<T>(call: () => Observable<T>, then: (value: T) => void, again: () => void): void {
    call().subscribe({
      next: (value) => {
        if (!this.#isOver) then(value);
      },
      error: () => {
        this.#later(AGAIN_MS, again);
      },
    });
  }

  #later(ms: number, work: () => void): void {
    if (this.#isOver) return;
    const timer = this.#settings.scheduler.schedule(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }
}

const notArrived = ({ action, at, error }: Unknown): Receipt =>
  failed(action, at, new ChatError('unreachable', error.platform, 'it did not arrive'));
