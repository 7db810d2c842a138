import {
  defer,
  firstValueFrom,
  mergeMap,
  of,
  Subject,
  type Observable,
  type ObservableInput,
  type Subscription,
} from 'rxjs';
import {
  ChatError,
  deliver,
  delivered,
  failed,
  memoryStore,
  openAccounts,
  react,
  skipped,
  unknown,
  type InboundEvent,
  type OutboundAction,
  type Receipt,
  type Replies,
} from 'tidewire';
import { fromQueue, memoryQueue, outbox, type OutboxConfig } from 'tidewire/queue';
import { virtualClock } from 'tidewire/testing';
import { Mortal } from './mortal.js';

/** What a platform says to an action, in one word. */
export type Said = 'delivered' | 'later' | 'no' | 'unknown' | 'muted' | 'nothing';

/** An outbox in virtual time between a queue of events and a platform that answers as it is told to. */
export class OutboxDesk {
  readonly clock = virtualClock();
  readonly inbox = memoryQueue({ name: 'in', scheduler: this.clock });
  readonly store = memoryStore({ scheduler: this.clock });
  readonly accounts = openAccounts({ scheduler: this.clock });
  readonly queue;
  /** What came to the platform. */
  readonly sent: OutboundAction[] = [];
  readonly receipts: Receipt[] = [];
  /** What the platform says to each action in turn; then `delivered`. */
  readonly says: Said[] = [];
  isCompleted = false;
  error: unknown;
  #process: Subscription | undefined;
  #mortal = new Mortal(this.clock);

  constructor(limits: { readonly maxItems?: number } = {}) {
    this.queue = memoryQueue<OutboundAction>({ name: 'out', scheduler: this.clock, ...limits });
  }

  get ids(): string {
    return this.sent.map(({ id }) => id).join(' ');
  }

  /** The receipts so far, as `status id`. */
  get told(): readonly string[] {
    return this.receipts.map((receipt) => {
      const why = receipt.status === 'skipped' ? `: ${receipt.reason}` : '';
      return `${receipt.status}${why} ${receipt.action.id}`;
    });
  }

  /** A process whose handler is this. */
  react(handler: (event: InboundEvent) => Replies, config: Partial<OutboxConfig> = {}): void {
    this.run(
      (mortal) =>
        fromQueue(mortal.queue(this.inbox), {
          accounts: this.accounts,
          scheduler: this.clock,
          attempts: 2,
          forMs: 0,
        }).pipe(react(handler, { scheduler: this.clock })),
      config,
    );
  }

  /** A process that sends these. */
  send(actions: Observable<OutboundAction>, config: Partial<OutboxConfig> = {}): void {
    this.run(() => actions, config);
  }

  run(source: (mortal: Mortal) => Observable<OutboundAction>, config: Partial<OutboxConfig> = {}): void {
    const { accounts, clock: scheduler } = this;
    const mortal = (this.#mortal = new Mortal(scheduler));
    this.#process = source(mortal)
      .pipe(
        outbox(
          { queue: mortal.queue(this.queue), store: mortal.store(this.store), accounts, scheduler, ...config },
          deliver({ name: 'platform', scheduler }, (action) => this.#answer(action)),
        ),
      )
      .subscribe({
        next: (receipt) => this.receipts.push(receipt),
        error: (error: unknown) => {
          this.error = error;
        },
        complete: () => {
          this.isCompleted = true;
        },
      });
  }

  kill(): void {
    this.#mortal.kill();
    this.leave();
  }

  leave(): void {
    this.#process?.unsubscribe();
  }

  async letters() {
    return firstValueFrom(this.queue.letters());
  }

  #answer(action: OutboundAction): ObservableInput<Receipt> {
    this.sent.push(action);
    const at = new Date(this.clock.now()).toISOString();
    const said = this.says.shift() ?? 'delivered';
    switch (said) {
      case 'delivered':
        return of(delivered(action, at, [`m-${action.id}`]));
      case 'later':
        return of(failed(action, at, new ChatError('throttled', 'desk', 'asks for patience')));
      case 'no':
        return of(failed(action, at, new ChatError('refused', 'desk', 'says no')));
      case 'unknown':
        return of(unknown(action, at, new ChatError('timeout', 'desk', 'did not answer', { inDoubt: true })));
      case 'muted':
        return of(skipped(action, at, 'muted'));
      case 'nothing':
        return defer(() => new Subject<Receipt>()).pipe(mergeMap((receipt) => [receipt]));
    }
  }
}
