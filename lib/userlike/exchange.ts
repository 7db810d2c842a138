import type { Deadlines, Waiting } from '../deadlines.js';
import { mayRunAgain } from '../model/index.js';
import type { Holder, Trace } from '../trace.js';
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
  readonly done: (whole: boolean) => void;
}

/**
 * One webhook request that is not answered yet. It is answered when its events are quiet or settled, or when its time is
 * over: with what parked in it until then.
 *
 * @internal
 */
export class Exchange implements Holder {
  readonly name = 'userlikeWebhook';
  readonly passive = true;
  readonly #respond: Respond;
  readonly #closed: (exchange: Exchange) => void;
  readonly #alwaysList: boolean;
  readonly #parked: Parked[] = [];
  readonly #afterwards: (() => void)[] = [];
  #traces: readonly Trace[] = [];
  #windows: Deadlines<Exchange> | undefined;
  #waiting: Waiting<Exchange> | undefined;
  #state: 'open' | 'answering' | 'over' = 'open';

  constructor(respond: Respond, closed: (exchange: Exchange) => void, alwaysList: boolean) {
    this.#respond = respond;
    this.#closed = closed;
    this.#alwaysList = alwaysList;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Watches the events of the request; answers at once when nothing is left to be done about them. */
  watch(traces: readonly Trace[], windows: Deadlines<Exchange>): void {
    this.#traces = traces;
    for (const trace of traces) {
      trace.onQuiet(() => {
        this.#answerWhenQuiet();
      });
      trace.onSettled({
        settled: () => {
          this.#answerWhenQuiet();
        },
      });
    }
    if (this.#state !== 'open') return;
    this.#windows = windows;
    this.#waiting = windows.add(this);
  }

  /** Its time is over. */
  answerLate(): void {
    this.#waiting = undefined;
    this.answer();
  }

  park(parked: Parked): void {
    this.#parked.push(parked);
  }

  /** Calls `next` when the answer is out: what goes another way must not overtake it. */
  afterwards(next: () => void): void {
    if (this.#state === 'over') next();
    else this.#afterwards.push(next);
  }

  answer(): void {
    if (this.#state !== 'open') return;
    this.#state = 'answering';
    this.#leaveWindow();
    this.#closed(this);
    const events = listOrder(this.#parked.flatMap((parked) => parked.events));
    const again =
      this.#traces.length > 0 &&
      this.#traces.every(({ settled, outcome, touched }) => settled && mayRunAgain(outcome ?? 'ignored', touched));
    const answer = again
      ? { status: 503, body: '', retryAfterSeconds: 1 }
      : { status: 200, body: encodeBody(events, this.#alwaysList) };
    this.#respond(answer, (whole) => {
      this.#over(whole);
    });
  }

  /** The other side hung up. */
  lost(): void {
    if (this.#state === 'over') return;
    this.#leaveWindow();
    if (this.#state === 'open') this.#closed(this);
    this.#over(false);
  }

  #leaveWindow(): void {
    if (this.#waiting !== undefined) this.#windows?.remove(this.#waiting);
    this.#waiting = undefined;
  }

  #over(whole: boolean): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    for (const { done } of this.#parked) done(whole);
    for (const next of this.#afterwards) next();
  }

  #answerWhenQuiet(): void {
    if (this.#state === 'open' && this.#traces.every(({ quiet }) => quiet)) this.answer();
  }
}
