import type { Account } from '../accounts.js';
import { mayRunAgain, type InboundEvent, type Outcome } from '../model/index.js';
import type { SettleListener, Trace } from '../trace.js';
import type { RecentIds } from '../recent-ids.js';
import type { TrueconfDelivery } from './incoming.js';

/** How many deliveries of one open message are acknowledged when it is settled; the server has forgotten older ones. */
const MOST_TWINS = 8;

/** @internal What an entry leaves behind. */
export interface EntryOwner {
  readonly account: Account;
  /** Messages that are open, by id. */
  readonly open: Map<string, Entry>;
  /** Messages that need not come again. */
  readonly done: RecentIds;
  readonly remember: number;
  left(chat: string): void;
}

/** @internal An event that was taken: open until its trace is settled. */
export class Entry implements SettleListener {
  readonly event: InboundEvent;
  readonly trace: Trace;
  readonly #owner: EntryOwner;
  /** Where it has an id that comes again. */
  readonly #id: string | undefined;
  #acknowledge: (() => unknown)[] = [];
  #twin: Trace | undefined;
  #state: 'taken' | 'acknowledged' | 'over' = 'taken';

  constructor(owner: EntryOwner, { event, acknowledge }: TrueconfDelivery, id: string | undefined) {
    this.event = event;
    this.#owner = owner;
    this.#id = id;
    this.#acknowledge.push(acknowledge);
    if (id !== undefined) owner.open.set(id, this);
    this.trace = owner.account.open(event);
    this.trace.onSettled(this);
  }

  /** Acknowledges it now, whatever becomes of it, unless it is known already that it is to come again. */
  accept(): void {
    if (this.#state !== 'taken') return;
    this.#state = 'acknowledged';
    this.#tell();
  }

  /** The server delivered it once more. */
  joined({ event, acknowledge }: TrueconfDelivery): void {
    const { account } = this.#owner;
    const trace = account.open(event);
    if (this.#state === 'acknowledged') {
      acknowledge();
      trace.release(account, 'duplicate');
      return;
    }
    this.#acknowledge.push(acknowledge);
    if (this.#acknowledge.length > MOST_TWINS) this.#acknowledge.shift();
    // The later one stands for the earlier.
    this.#twin?.release(account, 'duplicate');
    this.#twin = trace;
  }

  settled(_: Trace, outcome: Outcome, touched: boolean): void {
    const { account, open, done, remember } = this.#owner;
    const comesAgain = mayRunAgain(outcome, touched);
    if (!comesAgain && this.#state === 'taken') this.#tell();
    this.#state = 'over';
    if (this.#id !== undefined) {
      open.delete(this.#id);
      if (!comesAgain) done.add(this.#id, remember);
    }
    this.#twin?.release(account, comesAgain ? outcome : 'duplicate');
    this.#owner.left(this.event.conversation.id);
  }

  #tell(): void {
    for (const acknowledge of this.#acknowledge) acknowledge();
    this.#acknowledge = [];
  }
}
