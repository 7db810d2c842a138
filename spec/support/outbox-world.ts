import { firstValueFrom, map, mergeMap, NEVER, of, take, timer, type Observable, type Subscription } from 'rxjs';
import {
  ChatError,
  deliver,
  delivered,
  failed,
  memoryStore,
  openAccounts,
  react,
  text,
  unknown,
  type OutboundAction,
  type Receipt,
  type Reconcile,
} from 'tidewire';
import { fromQueue, memoryQueue, outbox, type OutboxConfig } from 'tidewire/queue';
import { virtualClock } from 'tidewire/testing';
import { Mortal } from './mortal.js';

/** What a platform does with an action: has it and says so, has it and is not heard, does not have it and nobody knows, says later. */
export type Answer = 'ok' | 'unheard' | 'unreached' | 'later';

export interface WorldConfig {
  readonly mode: 'asTheyCome' | 'whole';
  /** What the platform does with one action after the other; then all is well. */
  readonly answers: readonly Answer[];
  readonly isReconciled?: boolean;
  readonly inDoubt?: OutboxConfig['inDoubt'];
  /** Whether the store is on another medium than the queue. */
  readonly isStoreElsewhere?: boolean;
  readonly isInboxElsewhere?: boolean;
}

/** An effect that customers see. */
export interface Effect {
  readonly conversation: string;
  readonly id: string;
  /** Which run of its handler made it. */
  readonly run: string;
}

/** How many actions the answer to an event has. */
export const countOf = (event: string): number => (Number(event.slice(1)) % 3) + 1;

/** Events in an inbox, a handler that takes its time, an outbox, and a platform that keeps a journal; processes die and begin anew. */
export class OutboxWorld {
  readonly clock = virtualClock();
  readonly inbox = memoryQueue({ name: 'in', scheduler: this.clock });
  readonly queue = memoryQueue<OutboundAction>({ name: 'out', scheduler: this.clock });
  readonly store = memoryStore({ scheduler: this.clock });
  readonly effects: Effect[] = [];
  /** The receipts of each process. */
  readonly receipts: Receipt[][] = [];
  /** How many sends were marked and not noted when a process died, or had no answer. */
  doubts = 0;
  /** How many actions the handler of the last process made. */
  made = 0;
  readonly isWhole: boolean;
  /** Whether queue and store are kept in one place. */
  readonly isOne: boolean;
  accounts = openAccounts({ scheduler: this.clock });
  readonly #config: WorldConfig;
  readonly #answers: Answer[];
  #mortal = new Mortal(this.clock);
  #process: Subscription | undefined;
  #sends = 0;

  constructor(config: WorldConfig) {
    this.#config = config;
    this.isWhole = config.mode === 'whole';
    this.isOne = config.isStoreElsewhere !== true;
    this.#answers = [...config.answers];
  }

  /** A process begins. */
  start(): void {
    const { mode, isReconciled = false, inDoubt, isStoreElsewhere = false, isInboxElsewhere = false } = this.#config;
    const { clock } = this;
    const mortal = new Mortal(clock);
    const accounts = openAccounts({ scheduler: clock });
    const receipts: Receipt[] = [];
    const run = String(this.receipts.push(receipts));
    this.#mortal = mortal;
    this.accounts = accounts;
    this.made = 0;
    const config: OutboxConfig = {
      queue: mortal.queue(this.queue),
      store: mortal.store(this.store, isStoreElsewhere),
      mode,
      scheduler: clock,
      accounts,
      ...(inDoubt !== undefined && { inDoubt }),
      ...(isReconciled && { reconcile: this.#reconcile }),
    };
    this.#process = fromQueue(mortal.queue(this.inbox, isInboxElsewhere), { accounts, scheduler: clock })
      .pipe(
        react((event) =>
          timer(2, 3, clock).pipe(
            take(countOf(event.id)),
            map(() => {
              this.made++;
              return text(run);
            }),
          ),
        ),
        outbox(
          config,
          deliver({ name: 'platform', scheduler: clock }, (action) => this.#send(mortal, action)),
        ),
      )
      .subscribe((receipt) => receipts.push(receipt));
  }

  kill(): void {
    this.doubts += this.marks;
    this.#mortal.kill();
    this.#process?.unsubscribe();
  }

  /** How many sends are marked that nobody knows the end of. */
  get marks(): number {
    return this.store.sync.scan('of/').filter(({ value }) => JSON.stringify(value).includes('"sent"')).length;
  }

  /** The ids of the actions that are parked. */
  async parked(): Promise<readonly string[]> {
    return (await firstValueFrom(this.queue.letters({ limit: 10_000 }))).map(({ item }) => item?.id ?? '');
  }

  #send(mortal: Mortal, action: OutboundAction): Observable<Receipt> {
    const { clock } = this;
    const now = new Date(clock.now()).toISOString();
    const answer = this.#answers.shift() ?? 'ok';
    // Some have their effect before anything else can happen.
    return timer(this.#sends++ % 2 === 0 ? 0 : 2, clock).pipe(
      mergeMap(() => {
        if (!mortal.isAlive) return NEVER;
        if (answer === 'ok' || answer === 'unheard') {
          const { conversation, id } = action;
          this.effects.push({ conversation: conversation.id, id, run: action.kind === 'text' ? action.text : '' });
        }
        return timer(2, clock);
      }),
      mergeMap(() => {
        if (!mortal.isAlive) return NEVER;
        if (answer === 'ok') return of(delivered(action, now, [`m-${action.id}`]));
        if (answer === 'later') return of(failed(action, now, new ChatError('throttled', 'desk', 'says later')));
        this.doubts++;
        return of(unknown(action, now, new ChatError('timeout', 'desk', 'did not answer', { inDoubt: true })));
      }),
    );
  }

  readonly #reconcile: Reconcile = ({ action }) => {
    const { id } = action;
    const at = new Date(this.clock.now()).toISOString();
    return of(this.effects.some((effect) => effect.id === id) ? delivered(action, at, [`m-${id}`]) : 'resend');
  };
}
