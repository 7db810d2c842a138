import type { Deadlines, Waiting } from '../deadlines.js';
import type { QuietListener, SettleListener, Trace } from '../trace.js';
import type { Answer, Respond } from './answer.js';

/** An action that waits in an open exchange, and is told whether it went out with the answer. */
export interface Parked<P> {
  /** What it adds to the answer. */
  readonly payload: P;
  /** Asked when the answer is written; what does not go has told why. */
  goes(): boolean;
  done(whole: boolean): void;
  /** The request is to come again, and nothing goes out with its answer. */
  left(): void;
}

/** A session with open deliveries or requests: what of it is not answered yet, oldest first. */
export interface Session<P> {
  readonly key: string;
  readonly exchanges: Exchange<P>[];
  /** Deliveries that are not settled. */
  inFlight: number;
}

/** What an exchange tells the receiver that it belongs to, and asks of it. */
export interface ExchangeOwner<P> {
  readonly windows: Deadlines<Exchange<P>>;
  /** The answer that is made of what parked, and of what became of the request's events until now. */
  answerOf(parked: readonly P[], traces: readonly Trace[]): Answer;
  /** The answer that makes the request come again, if that is what became of its events. */
  refusalOf(traces: readonly Trace[]): Answer | undefined;
  /** It takes no more actions. */
  left(exchange: Exchange<P>): void;
  /** One of its deliveries is settled. */
  settled(session: Session<P>): void;
}

/**
 * One request that is not answered yet. It is answered when its events are quiet or settled, or when its time is
 * over: with what parked in it until then.
 *
 * @internal
 */
export class Exchange<P> implements SettleListener, QuietListener {
  readonly session: Session<P>;
  readonly #respond: Respond;
  readonly #owner: ExchangeOwner<P>;
  #parked: Parked<P>[] = [];
  #afterwards: (() => void)[] | undefined;
  #traces: readonly Trace[] = [];
  #finished: (() => void) | undefined;
  #waiting: Waiting<Exchange<P>> | undefined;
  #state: 'open' | 'answering' | 'over' = 'open';
  /** It was to be answered while somebody was about to accept an event of it. */
  #isDue = false;

  constructor(session: Session<P>, respond: Respond, owner: ExchangeOwner<P>) {
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
    if (this.#isDue) this.answer();
    else this.quiet();
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

  park(parked: Parked<P>): void {
    this.#parked.push(parked);
  }

  /** Takes an action back; whether it was still there. */
  unpark(parked: Parked<P>): boolean {
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
    // Neither that it was accepted nor that it was not would be true: whoever is about to will know soon.
    this.#isDue = this.#traces.some(({ accepting }) => accepting);
    if (this.#isDue) return;
    this.#state = 'answering';
    this.#leaveWindow();
    this.#owner.left(this);
    const refusal = this.#owner.refusalOf(this.#traces);
    if (refusal === undefined) this.#parked = this.#parked.filter((parked) => parked.goes());
    // Of other events, or of none: it comes again without them.
    else for (const parked of this.#parked.splice(0)) parked.left();
    const payloads = this.#parked.map(({ payload }) => payload);
    this.#respond(refusal ?? this.#owner.answerOf(payloads, this.#traces), (whole) => {
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
