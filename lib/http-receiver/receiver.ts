import { asyncScheduler, Observable, type SchedulerLike, type Subscriber } from 'rxjs';
import { accounts as programAccounts, type Account, type Accounts, type Counts } from '../accounts.js';
import { Deadlines } from '../deadlines.js';
import { isoClock } from '../iso-clock.js';
import { madeIds } from '../made-ids.js';
import { conversationKey, type InboundEvent } from '../model/index.js';
import { above } from '../range.js';
import type { SettleListener, Trace } from '../trace.js';
import { CLOSED, TOO_SLOW, type Answer, type Respond } from './answer.js';
import { Exchange, type ExchangeOwner, type Session } from './exchange.js';

/** What of a request is known before its body is read. */
export interface Incoming {
  readonly method: string | undefined;
  /** Path and query, as they came. */
  readonly url: string;
  /** By its name in lower case. */
  readonly header: (name: string) => string | undefined;
}

/** What the wire does not say about a request. */
export interface Arrival {
  /** An id for the event, made by the receiver. */
  readonly id: string;
  /** When it arrived: ISO 8601. */
  readonly at: string;
}

/**
 * What a request says: events to emit, which it is answered for; an event that only tells why it is refused; or nothing more,
 * since somebody else has taken or refused it.
 */
export type Received =
  | { readonly events: readonly InboundEvent[] }
  | { readonly refusal: Answer; readonly told: InboundEvent }
  | { readonly answer: Answer };

/** What one kind of requests has of its own. `P` is what an action adds to an answer. */
export interface Protocol<P> {
  /** Why a request is refused before its body is read, if it is. */
  readonly gate: (request: Incoming) => Answer | undefined;
  /** A body as text, as a value; throws when it is none. `undefined`: the requests have no body. */
  readonly parse: ((text: string) => unknown) | undefined;
  readonly receive: (body: unknown, request: Incoming, arrival: Arrival) => Received;
  /** See `ExchangeOwner`. */
  readonly answerOf: (parked: readonly P[], traces: readonly Trace[]) => Answer;
  /** See `ExchangeOwner`. Default: none. */
  readonly refusalOf?: (traces: readonly Trace[]) => Answer | undefined;
  /** The answer when nobody listens or too much is open. Default: 503 with `Retry-After`. */
  readonly closed?: Answer;
}

export interface ReceiverConfig {
  /** Named in errors of the source: `fromUserlike`. */
  readonly source: string;
  /** What the source takes, in its errors: `webhook`. */
  readonly noun: string;
  /** Named in errors of the call: `userlikeWebhook`. */
  readonly caller: string;
  /** Name of the account. */
  readonly account: string;
  /** How long an answer may wait for actions, in milliseconds. */
  readonly answerMs: number;
  readonly maxBytes: number;
  readonly bodyTimeoutMs: number;
  readonly maxInFlight: number;
  readonly maxPerConversation: number;
  /** Makes ids for events. Default: a random beginning and a number. */
  readonly makeId?: (() => string) | undefined;
  /** Default: the books of the program, `accounts`. */
  readonly accounts?: Accounts | undefined;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * @internal Takes the requests of a platform: what the handlers, a source and a sink share. Each request is answered when its
 * events are quiet or settled, or when its time is over.
 *
 * @throws RangeError when `maxBytes` is not above 0.
 */
export class Receiver<P> implements ExchangeOwner<P> {
  readonly protocol: Protocol<P>;
  readonly maxBytes: number;
  readonly scheduler: SchedulerLike;
  readonly account: Account;
  readonly windows: Deadlines<Exchange<P>>;
  readonly #config: ReceiverConfig;
  readonly #makeId: () => string;
  readonly #now: () => string;
  readonly #closed: Answer;
  readonly #bodies: Deadlines<() => void>;
  /** What turns away the bodies that are still on their way. */
  readonly #arriving = new Set<() => void>();
  readonly #sessions = new Map<string, Session<P>>();
  /** Of a delivery that nothing can be answered to. */
  readonly #unanswered: SettleListener = {
    settled: () => {
      this.#settledOne();
    },
  };
  #subscriber: Subscriber<InboundEvent> | undefined;
  #inFlight = 0;
  #draining = false;

  constructor(config: ReceiverConfig, protocol: Protocol<P>) {
    const { caller, answerMs, maxBytes, bodyTimeoutMs, scheduler = asyncScheduler } = config;
    above(`${caller}: maxBytes`, maxBytes, 0);
    this.protocol = protocol;
    this.maxBytes = maxBytes;
    this.scheduler = scheduler;
    this.#config = config;
    this.#makeId = config.makeId ?? madeIds();
    this.#now = isoClock(scheduler);
    this.#closed = protocol.closed ?? CLOSED;
    const dueWindow = (exchange: Exchange<P>): void => {
      exchange.answerLate();
    };
    this.windows = new Deadlines(scheduler, answerMs, dueWindow, true);
    this.#bodies = new Deadlines(
      scheduler,
      bodyTimeoutMs,
      (tooSlow) => {
        tooSlow();
      },
      true,
    );
    const { account, accounts = programAccounts } = config;
    this.account = accounts.of(account);
  }

  readonly events: Observable<InboundEvent> = new Observable((subscriber) => {
    if (this.#subscriber !== undefined) {
      const { source, noun } = this.#config;
      subscriber.error(new Error(`${source}: this ${noun} has a subscriber already; share() the stream`));
      return undefined;
    }
    if (this.#draining) {
      subscriber.complete();
      return undefined;
    }
    this.#subscriber = subscriber;
    return () => {
      this.#subscriber = undefined;
    };
  });

  answerOf(parked: readonly P[], traces: readonly Trace[]): Answer {
    return this.protocol.answerOf(parked, traces);
  }

  refusalOf(traces: readonly Trace[]): Answer | undefined {
    return this.protocol.refusalOf?.(traces);
  }

  /** Why a request is turned away at the door, if it is. */
  refusal(request: Incoming): Answer | undefined {
    const refused = this.protocol.gate(request);
    return refused === undefined ? this.#closedNow() : this.refuse(refused);
  }

  refuse(answer: Answer): Answer {
    this.account.refuse();
    return answer;
  }

  /**
   * Waits for a body, and has it turned away when that takes too long or the receiver is drained. Gives back what ends the
   * waiting and says whether it was still going on.
   */
  waitFor(turnAway: (answer: Answer) => void): () => boolean {
    const stop = (): boolean => {
      if (!this.#arriving.delete(close)) return false;
      this.#bodies.remove(waiting);
      return true;
    };
    const close = (): void => {
      stop();
      turnAway(this.#closed);
    };
    const waiting = this.#bodies.add(() => {
      this.#arriving.delete(close);
      turnAway(TOO_SLOW);
    });
    this.#arriving.add(close);
    return stop;
  }

  /** Takes a parsed body. `respond` is called once, now or later. */
  receive(body: unknown, request: Incoming, respond: Respond): Exchange<P> | undefined {
    const received = this.protocol.receive(body, request, { id: this.#makeId(), at: this.#now() });
    if ('answer' in received) {
      respond(received.answer, () => undefined);
      return undefined;
    }
    const closed = this.#closedNow();
    if (closed !== undefined) {
      respond(closed, () => undefined);
      return undefined;
    }
    if ('refusal' in received) {
      this.#emit(received.told, this.#unanswered);
      respond(received.refusal, () => undefined);
      return undefined;
    }
    const { events } = received;
    const [first] = events;
    if (first === undefined) {
      respond(this.answerOf([], []), () => undefined);
      return undefined;
    }
    const key = conversationKey(first.conversation);
    let session = this.#sessions.get(key);
    if (session === undefined) this.#sessions.set(key, (session = { key, exchanges: [], inFlight: 0 }));
    else if (session.inFlight >= this.#config.maxPerConversation) {
      respond(this.refuse(this.#closed), () => undefined);
      return undefined;
    }
    const exchange = new Exchange(session, respond, this);
    session.exchanges.push(exchange);
    session.inFlight += events.length;
    exchange.watch(events.map((event) => this.#emit(event, exchange)));
    return exchange;
  }

  /** The oldest request of a session, named by its `conversationKey`, that is not answered yet. */
  exchangeOf(key: string): Exchange<P> | undefined {
    return this.#sessions.get(key)?.exchanges[0];
  }

  left(exchange: Exchange<P>): void {
    const { session } = exchange;
    const { exchanges } = session;
    exchanges.splice(exchanges.indexOf(exchange), 1);
    this.#forgetIdle(session);
  }

  settled(session: Session<P>): void {
    session.inFlight--;
    this.#forgetIdle(session);
    this.#settledOne();
  }

  async drain(deadlineMs: number): Promise<Counts> {
    this.#draining = true;
    for (const { exchanges } of [...this.#sessions.values()]) for (const exchange of [...exchanges]) exchange.answer();
    for (const close of this.#arriving) close();
    this.#subscriber?.complete();
    this.windows.stop();
    this.#bodies.stop();
    return this.account.accounts.drain(deadlineMs, this.account);
  }

  #closedNow(): Answer | undefined {
    if (this.#subscriber !== undefined && !this.#draining && this.#inFlight < this.#config.maxInFlight)
      return undefined;
    return this.refuse(this.#closed);
  }

  #emit(event: InboundEvent, listener: SettleListener): Trace {
    const trace = this.account.open(event);
    this.#inFlight++;
    trace.onSettled(listener);
    const subscriber = this.#subscriber;
    subscriber?.next(event);
    if (subscriber?.closed === false) trace.release(this.account);
    else trace.abandon(this.account, 'failed', 'unsubscribed');
    return trace;
  }

  #settledOne(): void {
    this.#inFlight--;
  }

  #forgetIdle({ key, exchanges, inFlight }: Session<P>): void {
    if (inFlight === 0 && exchanges.length === 0) this.#sessions.delete(key);
  }
}
