import { Subject, type Subscription } from 'rxjs';
import {
  openAccounts,
  traceOf,
  type InboundEvent,
  type OutboundAction,
  type Outcome,
  type Receipt,
  type Reply,
} from 'tidewire';
import {
  fromFluidTalk,
  toFluidTalk,
  type FluidtalkTurns,
  type FromFluidTalkConfig,
  type ToFluidTalkConfig,
} from 'tidewire/fluidtalk';
import { fluidtalkCore, type FluidtalkCoreConfig } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { virtualPersona } from './virtual-persona.js';

/** What an event says, as a spec's table shows it. */
export const wordsOf = (event: InboundEvent): string => {
  if (event.kind === 'message') return event.text;
  return event.kind === 'media' ? (event.media.url ?? '') : `${event.kind} ${'reason' in event ? event.reason : ''}`;
};

/** What became of an action, and why. */
export const statusOf = (receipt: Receipt): string => {
  switch (receipt.status) {
    case 'skipped':
      return receipt.reason;
    case 'failed':
      return `failed ${receipt.error.reason ?? receipt.error.kind}${receipt.retryable ? ', retryable' : ''}`;
    default:
      return receipt.status;
  }
};

/** A persona as a platform: what is said to it by hand, and what comes back is settled by hand. */
export class FluidtalkPlatform {
  readonly clock = virtualClock();
  readonly accounts = openAccounts({ scheduler: this.clock });
  readonly core;
  readonly client: FluidtalkTurns;
  readonly actions = new Subject<OutboundAction>();
  readonly events: InboundEvent[] = [];
  readonly heard: string[] = [];
  readonly receipts: Receipt[] = [];
  readonly told: string[] = [];
  isCompleted = false;
  /** What becomes of an event; nobody settles it when undefined. */
  outcome: Outcome | undefined = 'handled';
  readonly #source: Omit<FromFluidTalkConfig, 'client'>;
  readonly #holder = { name: 'listener' };
  #n = 0;

  constructor(
    sink: Partial<ToFluidTalkConfig> = {},
    server: FluidtalkCoreConfig = {},
    source: Omit<FromFluidTalkConfig, 'client'> = {},
  ) {
    const { clock: scheduler, accounts } = this;
    this.core = fluidtalkCore({ scheduler, thinkMs: 100, ...server });
    this.client = virtualPersona(this.core, scheduler);
    this.#source = { accounts, scheduler, ...source };
    this.actions.pipe(toFluidTalk({ client: this.client, scheduler, ...sink })).subscribe({
      next: (receipt) => {
        this.receipts.push(receipt);
        this.told.push(`${receipt.action.id} ${statusOf(receipt)}`);
      },
      complete: () => (this.isCompleted = true),
    });
  }

  listen(): Subscription {
    return fromFluidTalk({ client: this.client, ...this.#source }).subscribe((event) => {
      this.events.push(event);
      this.heard.push(`${this.clock.now()} ${wordsOf(event)}`);
      const trace = traceOf(event);
      trace?.hold(this.#holder);
      if (this.outcome !== undefined) trace?.release(this.#holder, this.outcome);
    });
  }

  /** An action under the next id, or the one that is given. */
  send(reply: Reply, target = '@ann', id = `a${++this.#n}`): void {
    const conversation = { platform: 'fluidtalk', id: target, channel: 'web' };
    this.actions.next({ ...reply, id, conversation });
  }

  say(said: string, target?: string, id?: string): void {
    this.send({ kind: 'text', text: said }, target, id);
  }

  asked(): readonly string[] {
    return this.core.journal.filter(({ kind }) => kind === 'called').map(({ at, target }) => `${at} ${target}`);
  }

  outcomes(): Partial<Record<Outcome, number>> {
    return Object.fromEntries(Object.entries(this.accounts.counts().outcomes).filter(([, n]) => n > 0));
  }
}
