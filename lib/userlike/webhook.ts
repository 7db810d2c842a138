import { either as E } from 'fp-ts';
import { asyncScheduler, Observable, type SchedulerLike, type Subscriber } from 'rxjs';
import { accounts as programAccounts, type Account, type Accounts, type Counts } from '../accounts.js';
import { conversationKey, type Conversation, type InboundEvent } from '../model/index.js';
import type { SettleListener, Trace } from '../trace.js';
import { Deadlines } from '../deadlines.js';
import { isoClock } from '../iso-clock.js';
import { decodeWebhook } from './decode.js';
import { Exchange, type Answer, type ExchangeOwner, type Respond, type Session } from './exchange.js';
import { fetchHandler, type FetchHandler } from './fetch-handler.js';
import { CLOSED, TOO_SLOW } from './gate.js';
import { nodeHandler, type NodeHandler } from './node-handler.js';
import { above } from '../range.js';

export interface UserlikeWebhookConfig {
  /** The webhook headers of the bot's settings: every one must be there with this value. */
  readonly headers: Readonly<Record<string, string>>;
  /** Names the bot, when a program serves several. */
  readonly account?: string;
  /** How long an answer may wait for actions, in milliseconds; what comes later goes by the API URL. Default: 3 000. */
  readonly directAnswerMs?: number;
  /** Largest body, in bytes. Default: 1 MiB. */
  readonly maxBytes?: number;
  /** How long a body may take to arrive, in milliseconds. Default: 10 000. */
  readonly bodyTimeoutMs?: number;
  /** How many deliveries may be open before requests are answered 503. Default: 10 000. */
  readonly maxInFlight?: number;
  /** The same for one session. Default: 100. */
  readonly maxPerConversation?: number;
  /** Whether one event is answered as a list too. Default: false. */
  readonly alwaysList?: boolean;
  /** Makes ids for events, since the wire has none. Default: a random beginning and a number. */
  readonly makeId?: () => string;
  /** Default: the books of the program, `accounts`. */
  readonly accounts?: Accounts;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** The webhook of a Userlike bot: mount one of its handlers, and give it to `fromUserlike` and `toUserlike`. */
export interface UserlikeWebhook {
  /** For `http.createServer`, Express and whatever hands on Node's own request and response. */
  readonly node: NodeHandler;
  /** For servers that speak `Request` and `Response`. */
  readonly fetch: FetchHandler;
  /**
   * Stops accepting, answers what is open, completes the source, and resolves with its counts when all deliveries are
   * settled, or when `deadlineMs` is over: `inFlight` says how many were not.
   */
  readonly drain: (deadlineMs: number) => Promise<Counts>;
}

const noId = (): (() => string) => {
  const beginning = globalThis.crypto.randomUUID().slice(0, 8);
  let n = 0;
  return () => `${beginning}-${++n}`;
};

/** @internal What handlers, source and sink share. */
export class WebhookCore implements ExchangeOwner {
  readonly headers: readonly (readonly [string, string])[];
  readonly maxBytes: number;
  readonly scheduler: SchedulerLike;
  readonly account: Account;
  readonly #config: UserlikeWebhookConfig;
  readonly #makeId: () => string;
  readonly #now: () => string;
  readonly alwaysList: boolean;
  readonly windows: Deadlines<Exchange>;
  readonly #bodies: Deadlines<() => void>;
  /** What turns away the bodies that are still on their way. */
  readonly #arriving = new Set<() => void>();
  readonly #sessions = new Map<string, Session>();
  /** Of a delivery that nothing can be answered to. */
  readonly #unanswered: SettleListener = {
    settled: () => {
      this.#settledOne();
    },
  };
  #subscriber: Subscriber<InboundEvent> | undefined;
  #inFlight = 0;
  #draining = false;

  constructor(config: UserlikeWebhookConfig) {
    const { headers, maxBytes = 1_048_576, bodyTimeoutMs = 10_000, scheduler = asyncScheduler } = config;
    const { directAnswerMs = 3_000, alwaysList = false } = config;
    this.headers = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    if (this.headers.length === 0) throw new TypeError('userlikeWebhook: at least one secret header is needed');
    if (this.headers.some(([, value]) => typeof value !== 'string' || value === '')) {
      throw new TypeError('userlikeWebhook: a secret header is empty, and everybody would know it');
    }
    above('userlikeWebhook: maxBytes', maxBytes, 0);
    this.maxBytes = maxBytes;
    this.scheduler = scheduler;
    this.alwaysList = alwaysList;
    this.#config = config;
    this.#makeId = config.makeId ?? noId();
    this.#now = isoClock(scheduler);
    const dueWindow = (exchange: Exchange): void => {
      exchange.answerLate();
    };
    this.windows = new Deadlines(scheduler, directAnswerMs, dueWindow, true);
    this.#bodies = new Deadlines(
      scheduler,
      bodyTimeoutMs,
      (tooSlow) => {
        tooSlow();
      },
      true,
    );
    const { account, accounts = programAccounts } = config;
    this.account = accounts.of(account === undefined ? 'userlike' : `userlike:${account}`);
  }

  readonly events: Observable<InboundEvent> = new Observable((subscriber) => {
    if (this.#subscriber !== undefined) {
      subscriber.error(new Error('fromUserlike: this webhook has a subscriber already; share() the stream'));
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

  /** Why a request is turned away at the door, if it is. */
  refusal(): Answer | undefined {
    const { maxInFlight = 10_000 } = this.#config;
    if (this.#subscriber !== undefined && !this.#draining && this.#inFlight < maxInFlight) return undefined;
    return this.refuse(CLOSED);
  }

  refuse(answer: Answer): Answer {
    this.account.refuse();
    return answer;
  }

  /**
   * Waits for a body, and has it turned away when that takes too long or the webhook is drained. Gives back what ends the
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
      turnAway(CLOSED);
    };
    const waiting = this.#bodies.add(() => {
      this.#arriving.delete(close);
      turnAway(TOO_SLOW);
    });
    this.#arriving.add(close);
    return stop;
  }

  /** Takes a decoded body. `respond` is called once, now or later. */
  receive(json: unknown, respond: Respond): Exchange | undefined {
    const { account, maxPerConversation = 100 } = this.#config;
    const at = this.#now();
    const arrival = { id: this.#makeId(), at, ...(account !== undefined && { account }) };
    const decoded = decodeWebhook(json, arrival);
    const refused = this.refusal();
    if (refused !== undefined) {
      respond(refused, () => undefined);
      return undefined;
    }
    if (E.isLeft(decoded)) {
      const { id } = arrival;
      const problems = decoded.left.problems ?? [];
      const conversation: Conversation = {
        platform: 'userlike',
        id: '',
        channel: 'unknown',
        ...(account !== undefined && { account }),
      };
      this.#emit(
        { kind: 'undecodable', id, platform: 'userlike', conversation, at, problems, raw: json },
        this.#unanswered,
      );
      respond({ status: 400, body: '{"error":"bad request"}' }, () => undefined);
      return undefined;
    }
    const [first] = decoded.right;
    if (first === undefined) return undefined;
    const key = conversationKey(first.conversation);
    let session = this.#sessions.get(key);
    if (session === undefined) this.#sessions.set(key, (session = { key, exchanges: [], inFlight: 0 }));
    else if (session.inFlight >= maxPerConversation) {
      respond(this.refuse(CLOSED), () => undefined);
      return undefined;
    }
    const exchange = new Exchange(session, respond, this);
    session.exchanges.push(exchange);
    session.inFlight += decoded.right.length;
    exchange.watch(decoded.right.map((event) => this.#emit(event, exchange)));
    return exchange;
  }

  /** The oldest request of a session, named by its `conversationKey`, that is not answered yet. */
  exchangeOf(key: string): Exchange | undefined {
    return this.#sessions.get(key)?.exchanges[0];
  }

  left(exchange: Exchange): void {
    const { session } = exchange;
    const { exchanges } = session;
    exchanges.splice(exchanges.indexOf(exchange), 1);
    this.#forgetIdle(session);
  }

  settled(session: Session): void {
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

  #forgetIdle({ key, exchanges, inFlight }: Session): void {
    if (inFlight === 0 && exchanges.length === 0) this.#sessions.delete(key);
  }
}

const cores = new WeakMap<UserlikeWebhook, WebhookCore>();

/** @internal */
export const coreOf = (webhook: UserlikeWebhook): WebhookCore => {
  const core = cores.get(webhook);
  if (core === undefined) throw new TypeError('make the webhook with userlikeWebhook()');
  return core;
};

/**
 * The webhook of a Userlike bot, https://www.userlike.com/en/public/tutorial/um/api/chatbots (read 2025-03-01).
 *
 * Answers 401 when a header is wrong or missing, 405 and 415 for other methods and content types, 413 and 408 for bodies
 * that are too large or too slow, 400 for what is no webhook request (an `undecodable` event tells of it), and 503 with
 * `Retry-After` when nobody is subscribed or too much is open: nothing was accepted then, and the account counts it as
 * `refused`. Userlike documents no repetition. What fails before anything was delivered is answered 503 too, as long as
 * the request is open.
 *
 * @throws TypeError without headers, or when one is empty; RangeError for a number out of range.
 */
export function userlikeWebhook(config: UserlikeWebhookConfig): UserlikeWebhook {
  const core = new WebhookCore(config);
  const webhook: UserlikeWebhook = {
    node: nodeHandler(core),
    fetch: fetchHandler(core),
    drain: async (deadlineMs) => core.drain(deadlineMs),
  };
  cores.set(webhook, core);
  return webhook;
}
