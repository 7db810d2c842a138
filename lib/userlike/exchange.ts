import type { Deadlines, Waiting } from '../deadlines.js';
import { mayRunAgain } from '../model/index.js';
import type { QuietListener, SettleListener, Trace } from '../trace.js';
import { encodeBody, listOrder } from './encode.js';
import type { WireEvent } from './wire.js';

/** What an HTTP answer is made of. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly retryAfterSeconds?: number;
}

/** Writes an answer; `handed` is told whether it was handed to the socket. */
export type Respond = (answer: Answer, handed: (whole: boolean) => void) => void;

/** An action that waits in an open exchange, and is told whether it went out with the answer. */
export interface Parked {
  readonly events: readonly WireEvent[];
  /** Asked when the answer is written; what does not go has told why. */
  goes(): boolean;
  done(whole: boolean): void;
}

/** A session with open deliveries or requests: what of it is not answered yet, oldest first. */
export interface Session {
  readonly key: string;
  readonly exchanges: Exchange[];
  /** Deliveries that are not settled. */
  inFlight: number;
}

/** What an exchange tells the webhook that it belongs to. */
export interface ExchangeOwner {
  readonly alwaysList: boolean;
  readonly windows: Deadlines<Exchange>;
  /** It takes no more actions. */
  left(exchange: Exchange): void;
  /** One of its deliveries is settled. */
  settled(session: Session): void;
}

/**
 * One webhook request that is not answered yet. It is answered when its events are quiet or settled, or when its time is
 * over: with what parked in it until then.
 *
 * @internal
 */
export class Exchange implements SettleListener, QuietListener {
  readonly session: Session;
  readonly #respond: Respond;
  readonly #owner: ExchangeOwner;
  #parked: Parked[] = [];
  #afterwards: (() => void)[] | undefined;
  #traces: readonly Trace[] = [];
  #finished: (() => void) | undefined;
  #waiting: Waiting<Exchange> | undefined;
  #state: 'open' | 'answering' | 'over' = 'open';

  constructor(session: Session, respond: Respond, owner: ExchangeOwner) {
    this.session = session;
    this.#respond = respond;
    this.#owner = owner;
  }

  /** Watches the events of the request; answers at once when nothing is left to be done about them. */
  watch(traces: readonly Trace[]): void {
    this.#traces = traces;
    for (const trace of traces) trace.onQuiet(this);
    if (this.#state === 'open') this.#waiting = this.#owner.windows.add(this);
  }

  /** One of its events is. */
  quiet(): void {
    if (this.#state !== 'open') return;
    for (const trace of this.#traces) if (!trace.quiet) return;
    if (this.#traces.length > 0) this.answer();
  }

  settled(): void {
    this.#owner.settled(this.session);
    this.quiet();
    if (this.#allSettled) this.#finished?.();
  }

  /** Calls `finished` when all its events are settled, which may be long after the answer. */
  onceSettled(finished: () => void): void {
    if (this.#allSettled) finished();
    else this.#finished = finished;
  }

  get #allSettled(): boolean {
    return this.#traces.length > 0 && this.#traces.every(({ settled }) => settled);
  }

  /** Its time is over. */
  answerLate(): void {
    this.#waiting = undefined;
    this.answer();
  }

  park(parked: Parked): void {
    this.#parked.push(parked);
  }

  /** Takes an action back; whether it was still there. */
  unpark(parked: Parked): boolean {
    const index = this.#state === 'open' ? this.#parked.indexOf(parked) : -1;
    if (index >= 0) this.#parked.splice(index, 1);
    return index >= 0;
  }

  /** Calls `next` when the answer is out: what goes another way must not overtake it. */
  afterwards(next: () => void): void {
    if (this.#state === 'over') next();
    else (this.#afterwards ??= []).push(next);
  }

  answer(): void {
    if (this.#state !== 'open') return;
    this.#state = 'answering';
    this.#leaveWindow();
    this.#owner.left(this);
    this.#parked = this.#parked.filter((parked) => parked.goes());
    const [only] = this.#parked;
    const events =
      only !== undefined && this.#parked.length === 1 ? only.events : this.#parked.flatMap((parked) => parked.events);
    const again =
      this.#traces.length > 0 &&
      this.#traces.every(({ settled, outcome, touched }) => settled && mayRunAgain(outcome ?? 'ignored', touched));
    const answer = again
      ? { status: 503, body: '', retryAfterSeconds: 1 }
      : { status: 200, body: encodeBody(listOrder(events), this.#owner.alwaysList) };
    this.#respond(answer, (whole) => {
      this.#over(whole);
    });
  }

  /** The other side hung up. */
  lost(): void {
    if (this.#state === 'over') return;
    this.#leaveWindow();
    if (this.#state === 'open') this.#owner.left(this);
    this.#over(false);
  }

  #leaveWindow(): void {
    if (this.#waiting !== undefined) this.#owner.windows.remove(this.#waiting);
    this.#waiting = undefined;
  }

  #over(whole: boolean): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    for (const parked of this.#parked) parked.done(whole);
    for (const next of this.#afterwards ?? []) next();
  }
}
