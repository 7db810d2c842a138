import type { Subscription } from 'rxjs';
import { openAccounts, react, type InboundEvent, type Outcome, type Receipt, type Replies } from 'tidewire';
import {
  chatfirstAdapter,
  fromChatfirstAdapter,
  toChatfirst,
  type ChatfirstAdapterConfig,
  type ToChatfirstConfig,
} from 'tidewire/chatfirst';
import { virtualClock } from 'tidewire/testing';

export const MOUNT = '/tea/s3cret-9f2c';

/** An adapter in virtual time, with a handler behind it; called without sockets. */
export class AdapterDesk {
  readonly clock = virtualClock();
  readonly accounts = openAccounts({ scheduler: this.clock, unattendedMs: 1_000 });
  readonly receipts: Receipt[] = [];
  readonly events: InboundEvent[] = [];
  readonly adapter;
  readonly running: Subscription;

  constructor(
    handler: (event: InboundEvent) => Replies,
    config: Partial<ChatfirstAdapterConfig> = {},
    sink: Partial<ToChatfirstConfig> = {},
  ) {
    const { clock: scheduler, accounts } = this;
    this.adapter = chatfirstAdapter({ path: MOUNT, accounts, scheduler, ...config });
    const answered = (event: InboundEvent): Replies => {
      this.events.push(event);
      return handler(event);
    };
    const states = { handoff: 'Operator', end: 'Bye' };
    this.running = fromChatfirstAdapter({ adapter: this.adapter })
      .pipe(react(answered, { scheduler }), toChatfirst({ adapter: this.adapter, states, scheduler, ...sink }))
      .subscribe((receipt) => this.receipts.push(receipt));
  }

  /** A call; below the adapter's path unless it is a path of its own. */
  async call(url: string, init?: RequestInit): Promise<Response> {
    return this.adapter.fetch(new Request(`http://adapter.test${url.startsWith('/') ? url : `${MOUNT}${url}`}`, init));
  }

  /** The body of the answer to somebody who said something. */
  async say(text: string, user = 'u-77'): Promise<Readonly<Record<string, unknown>>> {
    const query = new URLSearchParams({ id: user, msg: text }).toString();
    return (await (await this.call(`?${query}`)).json()) as Readonly<Record<string, unknown>>;
  }

  statuses(): readonly string[] {
    return this.receipts.map((receipt) => (receipt.status === 'skipped' ? receipt.reason : receipt.status));
  }

  outcomes(): Partial<Record<Outcome, number>> {
    return Object.fromEntries(Object.entries(this.accounts.counts().outcomes).filter(([, n]) => n > 0));
  }
}
