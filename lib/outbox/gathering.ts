import type { Account } from '../accounts.js';
import { mergeMap, of, type Observable } from 'rxjs';

import { toChatError, type ChatError } from '../errors.js';
import { mayRunAgain, type Outcome } from '../model/index.js';
import { deliveryOf, type Joining } from '../queue/deliveries.js';
import type { QuietListener, Trace } from '../trace.js';
import type { Intent } from './intent.js';
import type { Ledger } from './ledger.js';

/** @internal */
export interface GatheringHost {
  readonly ledger: Ledger;
  /** Of what has no event any more. */
  readonly account: Account;
  /** They come out of the queue soon. */
  readonly expect: (intents: readonly Intent[]) => void;
  /** They are safe in the queue. */
  readonly safe: (intents: readonly Intent[]) => void;
  /** They do not: the receipt is `failed` with an error, `skipped` without. */
  readonly drop: (intents: readonly Intent[], error?: ChatError) => void;
}

/**
 * What one event makes, collected until its handler is done with it, and written as a whole: with the end of the event where that
 * came from a queue of the same file or memory.
 *
 * @internal
 */
export class Gathering implements QuietListener {
  readonly #root: Trace;
  readonly #host: GatheringHost;
  #intents: Intent[] = [];
  #isWriting = false;
  /** Whether something of it was written already: what comes later is no repetition. */
  #hasWritten = false;

  constructor(root: Trace, host: GatheringHost) {
    this.#root = root;
    this.#host = host;
    root.onQuiet(this);
  }

  add(intent: Intent): void {
    this.#intents.push(intent);
  }

  /** Takes it out. Whether it was still there. */
  remove(intent: Intent): boolean {
    const index = this.#intents.indexOf(intent);
    if (index < 0) return false;
    this.#intents.splice(index, 1);
    return true;
  }

  quiet(): void {
    if (this.#isWriting || this.#intents.length === 0) return;
    const intents = this.#intents.splice(0);
    const { outcome } = this.#root;
    if (outcome !== undefined && !isGood(outcome)) {
      this.#host.drop(intents);
      return;
    }
    const delivery = deliveryOf(this.#root);
    if (delivery?.isOn(this.#host.ledger.medium) === true) {
      const { ledger, account, expect } = this.#host;
      const joining: Joining = {
        writings: [ledger.adding(intents.map(({ item }) => item))],
        isEffect: true,
        written: () => {
          this.#host.safe(intents);
        },
        dropped: (error) => {
          this.#host.drop(intents, error);
        },
        forgotten: () => {
          this.#host.drop(intents);
        },
      };
      delivery.join(joining);
      expect(intents);
      for (const intent of intents) intent.leave('queued', account);
    } else this.#write(intents, delivery?.leased.resubmitted ?? 0);
  }

  /** The subscriber is gone. */
  end(): void {
    for (const intent of this.#intents.splice(0)) intent.abandon();
  }

  #write(intents: readonly Intent[], resubmitted: number): void {
    const { ledger, account, expect, safe, drop } = this.#host;
    const { id, conversation } = this.#root;
    const items = intents.map(({ item }) => item);
    this.#isWriting = true;
    const event = conversation && { id: resubmitted > 0 ? `${id}~${String(resubmitted)}` : id, conversation };
    const isRepeated: Observable<boolean> =
      event === undefined || this.#hasWritten ? of(false) : ledger.hasWhole(event);
    expect(intents);
    isRepeated
      .pipe(
        mergeMap((isKnown) => (isKnown ? [isKnown] : ledger.addWhole(event, items).pipe(mergeMap(() => [isKnown])))),
      )
      .subscribe({
        next: (isKnown) => {
          this.#isWriting = false;
          this.#hasWritten = true;
          if (isKnown) drop(intents);
          else {
            for (const intent of intents) intent.leave('queued', account);
            safe(intents);
          }
          if (this.#root.quiet) this.quiet();
        },
        error: (thrown: unknown) => {
          this.#isWriting = false;
          drop(intents, toChatError('outbox', thrown));
        },
      });
  }
}

/** Whether an event that ends so has been answered: it is not run again, and nobody is asked about it. */
const isGood = (outcome: Outcome): boolean =>
  outcome !== 'expired' && !mayRunAgain(outcome, false) && outcome !== 'deadLettered';
