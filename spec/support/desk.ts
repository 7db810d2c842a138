import { Subject, type Observable, type Subscription } from 'rxjs';
import {
  openAccounts,
  traceOf,
  type Account,
  type Accounts,
  type InboundEvent,
  type Outcome,
  type Trace,
} from 'tidewire';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import { message } from './events.js';

/** A source that delivers by hand and settles by hand. */
export class Desk {
  readonly clock: VirtualClock;
  readonly accounts: Accounts;
  readonly #account: Account;
  readonly source = new Subject<InboundEvent>();
  readonly emitted: string[] = [];
  readonly #holder = { name: 'handler' };
  readonly subscription: Subscription;

  constructor(
    operator: (events: Subject<InboundEvent>) => Observable<InboundEvent>,
    also: (events: Observable<InboundEvent>) => unknown = () => undefined,
    clock = virtualClock(),
  ) {
    this.clock = clock;
    this.accounts = openAccounts({ scheduler: clock });
    this.#account = this.accounts.of('desk');
    const shared = new Subject<InboundEvent>();
    also(shared);
    shared.subscribe((event) => {
      this.emitted.push(event.id);
      traceOf(event)?.hold(this.#holder);
    });
    this.subscription = operator(this.source).subscribe(shared);
  }

  deliver(id: string, fingerprint?: string): Trace {
    const event: InboundEvent = { ...message(id), ...(fingerprint !== undefined && { fingerprint }) };
    const trace = this.#account.open(event);
    this.source.next(event);
    trace.release(this.#account);
    return trace;
  }

  settle(trace: Trace, outcome: Outcome): void {
    trace.release(this.#holder, outcome);
  }

  isNew(id: string): boolean {
    const before = this.emitted.length;
    const trace = this.deliver(id);
    const isNew = this.emitted.length > before;
    if (isNew) this.settle(trace, 'handled');
    return isNew;
  }

  outcomes(): Partial<Record<Outcome, number>> {
    return Object.fromEntries(Object.entries(this.accounts.counts().outcomes).filter(([, n]) => n > 0));
  }
}
