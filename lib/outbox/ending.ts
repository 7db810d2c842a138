import { Subscription, type Observable } from 'rxjs';
import { ChatError, toChatError } from '../errors.js';
import { failed, outcomeOf, skipped, skipReasonOf, unknown, type Receipt, type Unknown } from '../model/index.js';
import { triedMs } from '../queue/tried-since.js';
import type { DispatchSettings } from './dispatch.js';
import { judged, type Verdict } from './doubt.js';
import type { Insistence } from './insistence.js';
import type { Flight } from './intent.js';
import type { Known } from './record.js';

/** @internal Whoever sends. */
export interface EndingHost {
  /** Gives it to the sink, once more. */
  readonly send: (flight: Flight) => void;
  /** It is over, and that is noted. */
  readonly over: (flight: Flight) => void;
  /** It is not ours any more: whoever has the queue now will find it. */
  readonly lost: (flight: Flight) => void;
  /** What is in our hands of a conversation is in the queue again. */
  readonly returned: (conversation: string) => void;
  readonly error: (error: unknown) => void;
}

/**
 * What becomes of an action: notes it, tries it again, or finds out what nobody knows.
 *
 * @internal
 */
export class Ending {
  readonly #settings: DispatchSettings;
  readonly #insistence: Insistence;
  readonly #host: EndingHost;
  /** Of what is in doubt, while it is being found out. */
  readonly #judging = new Subscription();

  constructor(settings: DispatchSettings, insistence: Insistence, host: EndingHost) {
    this.#settings = settings;
    this.#insistence = insistence;
    this.#host = host;
  }

  /** The sink says what became of it. */
  judge(flight: Flight, receipt: Receipt): void {
    if (receipt.status === 'unknown') this.resolve(flight, receipt, false);
    else if (receipt.status === 'failed' && receipt.error.inDoubt)
      this.resolve(flight, unknown(receipt.action, receipt.at, receipt.error), false);
    else this.#conclude(flight, receipt);
  }

  /** Nobody knows whether it arrived. `isEarlier`: it was an earlier process that sent it. */
  resolve(flight: Flight, receipt: Unknown, isEarlier: boolean): void {
    flight.state = 'ending';
    const { ledger } = this.#settings;
    const { leased, key } = flight;
    const before = { at: flight.markedAt, messageIds: ledger.messageIds(leased.key) };
    const inDoubt: Known = { state: 'inDoubt', again: leased.resubmitted };
    const ask = (): void => {
      const report = { outcome: 'inDoubt', touched: true, reason: receipt.error.message } as const;
      this.finish(flight, receipt, ledger.park(leased, report, key, inDoubt));
    };
    const resend = (otherwise: () => void): void => {
      if (this.isExpired(flight)) otherwise();
      else if (isEarlier) {
        flight.state = 'begun';
        this.#host.send(flight);
      } else if (this.#mayTryAgain(flight)) this.#return(flight, receipt.error.retryAfterMs);
      else otherwise();
    };
    const decide = (verdict: Verdict): void => {
      if (flight.state !== 'ending') return;
      if ('todo' in verdict) {
        if (verdict.todo === 'resend') resend(ask);
        else if (verdict.todo === 'ask') ask();
        else this.finish(flight, receipt, ledger.done(leased, key, inDoubt));
      } else if (verdict.found === 'resend') {
        resend(() => {
          if (this.isExpired(flight)) this.expire(flight);
          else this.#conclude(flight, notArrived(receipt));
        });
      } else this.#conclude(flight, verdict.found);
    };
    const judging = judged(this.#settings, receipt, before).subscribe({
      next: (verdict) => {
        this.guard(() => {
          decide(verdict);
        });
      },
      error: (error: unknown) => {
        this.#host.error(error);
      },
    });
    this.#judging.add(judging);
  }

  /** It is taken back. */
  skip(flight: Flight): void {
    const reason = skipReasonOf(flight.isForgotten ? 'superseded' : flight.intent?.trace?.outcome);
    this.#forget(flight, skipped(flight.leased.item, this.#settings.now(), reason));
  }

  /** It is too old. */
  expire(flight: Flight): void {
    this.#forget(flight, skipped(flight.leased.item, this.#settings.now(), 'expired'));
  }

  /** Functions of the caller's may throw: that ends the outbox. */
  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#host.error(error);
    }
  }

  /** The subscriber is gone: nobody is asked any more. */
  end(): void {
    this.#judging.unsubscribe();
  }

  /** It is over as soon as that is written. */
  finish(flight: Flight, receipt: Receipt, writing: Observable<boolean>, outcome = outcomeOf(receipt)): void {
    flight.state = 'ending';
    flight.receipt = receipt;
    flight.outcome = outcome;
    this.#write(flight, writing, () => {
      this.#host.over(flight);
    });
  }

  /** @throws what `expireMs` throws. */
  isExpired({ leased }: Flight): boolean {
    const { expiryOf, scheduler } = this.#settings;
    // Somebody who resubmits it wants it.
    return leased.resubmitted === 0 && scheduler.now() - Date.parse(leased.addedAt) >= expiryOf(leased.item);
  }

  #conclude(flight: Flight, receipt: Receipt): void {
    const { ledger } = this.#settings;
    const { leased, key, intent } = flight;
    if (receipt.status === 'delivered') {
      const { at, messageIds } = receipt;
      const known: Known = { state: 'delivered', again: leased.resubmitted, at, messageIds };
      this.finish(flight, receipt, ledger.done(leased, key, known));
    } else if (receipt.status === 'failed' && receipt.retryable && this.#mayTryAgain(flight)) {
      this.#return(flight, receipt.error.retryAfterMs);
    } else if (receipt.status === 'failed' && intent?.isOurs === true) {
      const report = { outcome: 'failed', touched: false, reason: receipt.error.message } as const;
      this.finish(flight, receipt, ledger.park(leased, report, key, 'forget'), 'deadLettered');
    } else this.#forget(flight, receipt);
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
        // It does not come out again.
        if (flight.isForgotten) this.skip(flight);
        else this.#host.returned(leased.key);
      });
    });
  }

  /** It had no effect: whoever makes it again means it. */
  #forget(flight: Flight, receipt: Receipt): void {
    this.finish(flight, receipt, this.#settings.ledger.done(flight.leased, flight.key, 'forget'));
  }

  #mayTryAgain({ leased: { attempt, firstAttemptAt }, isTakenBack }: Flight): boolean {
    const { attempts, forMs, scheduler } = this.#settings;
    if (isTakenBack) return false;
    return attempt < attempts || triedMs(firstAttemptAt, scheduler.now()) < forMs;
  }

  /** Writes, again and again while that fails: what is not written has not happened. */
  #write(flight: Flight, writing: Observable<unknown>, then: () => void): void {
    writing.subscribe({
      next: then,
      error: (thrown: unknown) => {
        if (toChatError('outbox', thrown).kind === 'conflict') {
          const { receipt, isForgotten } = flight;
          // What was not to go out, and is still in the queue, does so now.
          if (receipt === undefined || (receipt.status === 'skipped' && !isForgotten)) this.#host.lost(flight);
          else this.#host.over(flight);
          return;
        }
        this.#insistence.again(thrown, () => {
          this.#write(flight, writing, then);
        });
      },
    });
  }
}

const notArrived = ({ action, at, error }: Unknown): Receipt =>
  failed(action, at, new ChatError('unreachable', error.platform, 'it did not arrive'));
