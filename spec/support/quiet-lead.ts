import { Subject, timer, type Observable } from 'rxjs';
import { map } from 'rxjs';
import {
  deliver,
  delivered,
  followUpAfter,
  memoryStore,
  openAccounts,
  ownership,
  react,
  ChatError,
  type FollowUpAfterConfig,
  type InboundEvent,
  type Outcome,
  type Receipt,
  type Replies,
} from 'tidewire';
import { fluidtalkLedger } from 'tidewire/fluidtalk';
import { fluidtalkCore, type FluidtalkCoreConfig } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { message } from './events.js';
import { virtualPersona } from './virtual-persona.js';

export const HOUR = 3_600_000;

/** Leads, a responder, a persona that follows up, and a platform that takes 10 ms and shows what it was sent. */
export class QuietLead {
  readonly clock = virtualClock();
  readonly accounts = openAccounts({ scheduler: this.clock });
  readonly desk = ownership({ scheduler: this.clock });
  readonly source = new Subject<InboundEvent>();
  readonly seen: string[] = [];
  readonly reports: string[] = [];
  readonly core;
  readonly ledger = fluidtalkLedger({ store: memoryStore({ scheduler: this.clock }), scheduler: this.clock });
  isCompleted = false;
  refuses = (_: string): boolean => false;
  readonly subscription;
  readonly #account = this.accounts.of('desk');

  constructor(
    config: Partial<FollowUpAfterConfig> = {},
    respond: (event: InboundEvent) => Replies = (event) =>
      event.kind === 'message' ? { kind: 'text', text: `re ${event.text}` } : undefined,
    server: FluidtalkCoreConfig = {},
    follow = followUpAfter,
  ) {
    const { clock: scheduler, desk, accounts, ledger } = this;
    this.core = fluidtalkCore({ scheduler, thinkMs: 100, ...server });
    this.accounts.reports$.subscribe((report) =>
      this.reports.push('reason' in report ? (report.reason ?? '') : report.kind),
    );
    const persona = virtualPersona(this.core, scheduler);
    const sink = deliver({ name: 'toLead', desk, scheduler }, (action): Observable<Receipt> => {
      const said = action.kind === 'text' ? action.text : action.kind;
      if (this.refuses(said)) throw new ChatError('refused', 'desk', 'no');
      this.seen.push(`${scheduler.now()} ${said}`);
      return timer(10, scheduler).pipe(map(() => delivered(action, new Date(scheduler.now()).toISOString())));
    });
    this.subscription = this.source
      .pipe(
        follow(
          {
            persona,
            quietMs: 1_000,
            ledger,
            mayContact: () => true,
            desk,
            target: ({ conversation }) => conversation.id,
            accounts,
            scheduler,
            ...config,
          },
          react(respond, { scheduler }),
        ),
        sink,
      )
      .subscribe({ complete: () => (this.isCompleted = true) });
  }

  /** The persona knows this lead. */
  open(target: string): void {
    this.core.chat({ target, message: 'hi' }).subscribe();
    this.clock.advance(1_000);
    this.seen.length = 0;
  }

  deliver(event: InboundEvent): void {
    const stamped = { ...event, at: new Date(this.clock.now()).toISOString() };
    const trace = this.#account.open(stamped);
    this.source.next(stamped);
    trace.release(this.#account);
  }

  write(id: string, lead = 'c'): void {
    this.deliver(message(id, lead, id));
  }

  /** What else happens to a lead. */
  happen(kind: 'ended' | 'unsubscribed' | 'handoffTaken' | 'started', lead = 'c', id: string = kind): void {
    this.deliver({ ...message(id, lead), kind });
  }

  followUps(): number {
    return this.core.journal.filter((entry) => entry.kind === 'asked' && entry.act === 'FOLLOW_UP').length;
  }

  outcomes(source = 'followUpAfter'): Partial<Record<Outcome, number>> {
    const counts = this.accounts.bySource().get(source);
    return Object.fromEntries(Object.entries(counts?.outcomes ?? {}).filter(([, n]) => n > 0));
  }
}
