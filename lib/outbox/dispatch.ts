import type { SchedulerLike, Subscription } from 'rxjs';
import type { Account } from '../accounts.js';
import { ChatError, toChatError } from '../errors.js';
import {
  outcomeOf,
  skipped,
  unknown,
  type OutboundAction,
  type Outcome,
  type Receipt,
  type Unknown,
} from '../model/index.js';
import { unaccounted } from '../trace.js';
import type { Revision } from '../store/store.js';
import type { Writable } from '../writable.js';
import type { DoubtRules } from './doubt.js';
import { Ending, type EndingHost } from './ending.js';
import { Insistence } from './insistence.js';
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
  /** It is safe in the queue, and others send it. */
  readonly letGo: (intent: Intent) => void;
  /** It is over, with this receipt; `outcome`: of its account. */
  readonly over: (intent: Intent, receipt: Receipt, outcome: Outcome) => void;
  /** Something that had begun is over. */
  readonly idle: () => void;
  readonly error: (error: unknown) => void;
}

/** How long to wait before a queue that another process has taken is asked for again, in milliseconds. */
const AGAIN_MS = 1_000;
/** How many actions of one conversation are in our hands: the first of them is sent. */
const PER_KEY = 4;

/**
 * Takes intents out of the queue, and marks each before it goes to the sink. One action of a conversation is with the sink at a
 * time.
 *
 * @internal
 */
export class Dispatch implements EndingHost {
  readonly #settings: DispatchSettings;
  readonly #host: DispatchHost;
  readonly #lines = new Lines();
  readonly #sent = new Map<string, Flight>();
  /** What the sink has answered, as it was given it: it may say it twice. */
  readonly #answered = new WeakSet<OutboundAction>();
  readonly #insistence: Insistence;
  readonly #ending: Ending;
  #forgotten: Subscription | undefined;
  #lease: Subscription | undefined;
  /** Whether somebody else sends: another process, or another subscriber in this one. */
  #isElsewhere = false;
  #isStopped = false;
  #isOver = false;

  constructor(settings: DispatchSettings, host: DispatchHost) {
    this.#settings = settings;
    this.#host = host;
    this.#insistence = new Insistence(settings.account, settings.scheduler);
    this.#ending = new Ending(settings, this.#insistence, this);
  }

  /** Whether something has begun that is not over. */
  get isBusy(): boolean {
    return this.#lines.isBusy || this.#sent.size > 0;
  }

  start(): void {
    const { ledger, maxInFlight } = this.#settings;
    this.#forgotten ??= ledger.queue.forgotten$.subscribe({
      next: (conversation) => {
        this.#forget(conversation);
      },
      error: this.error,
    });
    const holder = (who: 'us' | 'others'): void => {
      this.#isElsewhere = who === 'others';
      if (this.#isElsewhere) this.#letGo(this.#lines.lose());
    };
    this.#lease = ledger.queue.lease({ perKey: PER_KEY, maxInFlight, holder }).subscribe({
      next: (leased) => {
        const flight = this.#lines.take(leased, ledger.keyOf(leased.item));
        if (flight !== undefined) this.#begin(flight);
      },
      error: (error: unknown) => {
        if (toChatError('outbox', error).kind !== 'conflict') {
          this.#host.error(error);
          return;
        }
        holder('others');
        this.#insistence.later(AGAIN_MS, () => {
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

  /** They are safe in the queue: if others have it, nobody here waits for them. */
  safe(intents: readonly Intent[]): void {
    for (const intent of intents) {
      intent.isSafe = true;
      if (this.#isElsewhere && intent.flight === undefined) {
        this.#lines.forgo(intent);
        this.#letGo([intent]);
      }
    }
  }

  /** It is taken back: at once if it is in our hands and not begun, else as soon as it is looked at. */
  takeBack({ flight }: Intent): void {
    if (flight?.state === 'idle') this.#ending.skip(flight);
  }

  /** The sink says what became of an action. Whether it was one of ours. */
  answered(receipt: Receipt): boolean {
    if (this.#answered.has(receipt.action)) return true;
    const key = this.#settings.ledger.keyOf(receipt.action);
    const flight = this.#sent.get(key);
    if (flight === undefined) return false;
    this.#sent.delete(key);
    this.#answered.add(receipt.action);
    flight.state = 'ending';
    const told: Writable<Receipt> = { ...receipt };
    told.action = flight.leased.item;
    this.#ending.judge(flight, told);
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
    this.#insistence.end();
    this.#ending.end();
    this.#forgotten?.unsubscribe();
    this.#lease?.unsubscribe();
    for (const { intent } of this.#sent.values()) intent?.abandon();
    this.#lines.end();
  }

  // What follows a receipt.

  readonly send = (flight: Flight): void => {
    const { intent, key, leased } = flight;
    flight.state = 'sent';
    this.#sent.set(key, flight);
    this.#host.send(unaccounted(leased.item));
    if (intent !== undefined) this.#host.passed(intent);
  };

  readonly over = (flight: Flight): void => {
    const { intent, receipt } = flight;
    const next = this.#lines.leave(flight);
    if (intent !== undefined && receipt !== undefined && !this.#isOver)
      this.#host.over(intent, receipt, flight.outcome ?? outcomeOf(receipt));
    if (next?.state === 'idle') this.#begin(next);
    this.#host.idle();
  };

  readonly lost = (flight: Flight): void => {
    this.#lines.leave(flight);
    this.#letGo(flight.intent === undefined ? [] : [flight.intent]);
  };

  readonly returned = (conversation: string): void => {
    this.#lines.clear(conversation);
  };

  readonly error = (error: unknown): void => {
    if (!this.#isOver) this.#host.error(error);
  };

  #letGo(intents: readonly Intent[]): void {
    if (this.#isOver) return;
    for (const intent of intents) this.#host.letGo(intent);
    this.#host.idle();
  }

  #begin(flight: Flight): void {
    if (this.#isStopped || this.#isOver) return;
    flight.state = 'begun';
    this.#settings.ledger.known(flight.key).subscribe({
      next: ({ known, revision }) => {
        if (this.#isOver) return;
        flight.revision = revision;
        this.#ending.guard(() => {
          this.#look(flight, known);
        });
      },
      error: (error: unknown) => {
        this.#insistence.again(error, () => {
          if (flight.state === 'begun') this.#begin(flight);
        });
      },
    });
  }

  /** Nothing of it happened in this process. */
  #look(flight: Flight, known: Known | undefined): void {
    if (flight.state !== 'begun') return;
    const { leased } = flight;
    const isKnown = known !== undefined && known.again >= leased.resubmitted;
    const { ledger, account } = this.#settings;
    // A second copy of what is over: nobody need hear of it unless somebody waits for it.
    if (isKnown && known.state === 'delivered') {
      this.#ending.finish(flight, deliveredEarlier(leased.item, known), ledger.done(leased, flight.key));
    } else if (isKnown && known.state === 'inDoubt') {
      this.#ending.finish(flight, this.#doubt(leased.item), ledger.done(leased, flight.key));
    } else {
      flight.intent ??= new Intent(this.#host, leased.item, leased.item, flight.key, undefined);
      flight.intent.flight = flight;
      flight.intent.isSafe = true;
      if (flight.intent.trace === undefined) flight.intent.openOn(account);
      // A mark of which we were told that it was not written.
      const isOurs = known?.state === 'sent' && known.at === flight.markedAt;
      if (isKnown && known.state === 'sent') flight.markedAt = known.at;
      if (isOurs && flight.isTakenBack) this.#ending.skip(flight);
      else if (isOurs) this.send(flight);
      else if (isKnown) this.#ending.resolve(flight, this.#doubt(leased.item), true);
      else if (flight.isTakenBack) this.#ending.skip(flight);
      else if (this.#ending.isExpired(flight)) this.#ending.expire(flight);
      else this.#mark(flight);
    }
  }

  #mark(flight: Flight): void {
    const { ledger, now } = this.#settings;
    const { key, leased } = flight;
    flight.markedAt = now();
    ledger.mark(key, leased.resubmitted, flight.markedAt, flight.revision).subscribe({
      next: (revision) => {
        if (this.#isOver || flight.state !== 'begun') {
          if (revision !== undefined) this.#unmark(key, revision);
          return;
        }
        flight.revision = revision;
        // Somebody was faster: what they wrote counts.
        if (revision === undefined) this.#begin(flight);
        else if (flight.isTakenBack) this.#ending.skip(flight);
        else this.send(flight);
      },
      error: (error: unknown) => {
        this.#insistence.again(error, () => {
          if (flight.state === 'begun') this.#begin(flight);
        });
      },
    });
  }

  /** What was marked does not go out: whoever comes next need not doubt that, unless this fails as well. */
  #unmark(key: string, revision: Revision): void {
    this.#settings.ledger.unmark(key, revision).subscribe({ error: () => undefined });
  }

  /** The queue has nothing of a conversation any more, but for what the sink has. */
  #forget(conversation: string): void {
    const { gone, inHand } = this.#lines.forget(conversation);
    for (const flight of inHand) {
      flight.isForgotten = true;
      if (flight.state === 'idle') this.#ending.skip(flight);
    }
    for (const intent of gone) {
      const receipt = skipped(intent.action, this.#settings.now(), 'superseded');
      this.#host.over(intent, receipt, outcomeOf(receipt));
    }
    this.#host.idle();
  }

  #doubt(action: OutboundAction): Unknown {
    const sentence = 'the process ended before there was an answer';
    const { platform } = action.conversation;
    return unknown(action, this.#settings.now(), new ChatError('unreachable', platform, sentence, { inDoubt: true }));
  }
}
