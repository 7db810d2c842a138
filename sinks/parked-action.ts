import { ChatError } from '../lib/errors.js';
import type { Exchange, Parked } from '../lib/http-receiver/exchange.js';
import {
  delivered,
  skipped,
  skipReasonOf,
  unknown,
  type OutboundAction,
  type Outcome,
  type Receipt,
} from '../lib/model/index.js';
import { traceOf, type Holder, type Trace } from '../lib/trace.js';
import { mayGo, type Ownership } from '../operators/ownership.js';

/** @internal An action that waits in an open request until that is answered. `name` is that of its sink. */
export class ParkedAction<P> implements Holder, Parked<P> {
  readonly name: string;
  readonly passive = true;
  readonly action: OutboundAction;
  readonly trace: Trace | undefined;
  readonly payload: P;
  readonly #exchange: Exchange<P>;
  readonly #desk: Ownership | undefined;
  readonly #now: () => string;
  readonly #receive: (parked: ParkedAction<P>, receipt: Receipt) => void;
  readonly #resend: ((parked: ParkedAction<P>) => void) | undefined;

  constructor(
    name: string,
    action: OutboundAction,
    payload: P,
    exchange: Exchange<P>,
    desk: Ownership | undefined,
    now: () => string,
    receive: (parked: ParkedAction<P>, receipt: Receipt) => void,
    /** Sends it another way; needed where requests may be refused that are open. */
    resend?: (parked: ParkedAction<P>) => void,
  ) {
    this.name = name;
    this.action = action;
    this.trace = traceOf(action);
    this.payload = payload;
    this.#exchange = exchange;
    this.#desk = desk;
    this.#now = now;
    this.#receive = receive;
    this.#resend = resend;
    this.trace?.hold(this);
  }

  cancel(_: Trace, outcome: Outcome): void {
    if (this.#exchange.unpark(this)) {
      this.#receive(this, skipped(this.action, this.#now(), skipReasonOf(outcome)));
    }
  }

  goes(): boolean {
    let goes = true;
    if (this.#desk !== undefined) {
      if (this.action.kind !== 'handoff') goes = !this.#desk.mutesNow(this.action);
      else mayGo(this.#desk, this.action).subscribe({ next: (isOurs) => (goes = isOurs), error: () => undefined });
    }
    if (!goes) this.#receive(this, skipped(this.action, this.#now(), 'muted'));
    return goes;
  }

  done(whole: boolean): void {
    this.#receive(
      this,
      whole ? delivered(this.action, this.#now(), [], 'direct') : unknown(this.action, this.#now(), lost(this.action)),
    );
  }

  left(): void {
    this.#resend?.(this);
  }
}

const lost = ({ conversation: { platform } }: OutboundAction): ChatError =>
  new ChatError('unreachable', platform, 'the direct answer lost its connection', { inDoubt: true });

/** @internal An answer cannot wait: a handoff goes by the API where the desk is asked over a network. */
export const canAsk = (desk: Ownership | undefined, { kind }: OutboundAction): boolean =>
  kind !== 'handoff' || desk === undefined || desk.touchNow !== undefined;
