import { Observable, type SchedulerLike, type Subscription } from 'rxjs';
import { ChatError, toChatError } from '../errors.js';

/** @internal What an answer tells of the limit of its route, if anything. */
export interface RateNews {
  readonly limit: number;
  readonly remaining: number;
  /** When the window ends, in milliseconds since 1970. */
  readonly resetAt: number;
}

/** @internal */
export interface LimiterConfig {
  /** Calls in a window, as long as no answer has told; `Infinity` where nothing is limited. */
  readonly limitOf: (route: string) => number;
  /** Length of a window, in milliseconds: a server that tells another end is believed up to so much. */
  readonly perMs: number;
  /** How long a call waits at most, in milliseconds; what would wait longer is `throttled` at once. */
  readonly maxWaitMs: number;
  /** How many calls of a route wait. */
  readonly maxQueued: number;
  /** Whether these limits are certain: then a call that would wait too long is turned away before any answer, too. */
  readonly isCertain?: boolean;
  readonly scheduler: SchedulerLike;
}

/** How often a call is sent that is throttled again and again. */
const MOST_ATTEMPTS = 4;
/** Answers of one window say the same end, within what clocks and rounding do. */
const SAME_WINDOW_MS = 1_000;
/** A server is not left alone for longer, whatever it says. */
const LONGEST_WAIT_MS = 3_600_000;

/** A program that makes its own requests may put anything into their routes. */
const MANY_ROUTES = 100;

interface Waiting {
  readonly call: string;
  /** Its place in the order of arrival. */
  place: number;
  readonly send: () => void;
  readonly fail: (error: ChatError) => void;
}

/** How long the first call of a route goes alone, so that its answer tells what others have left of the window. */
const ALONE_MS = 2_000;

/**
 * @internal Calls of each route in order, as many as its window has room for: as the server counts them, so that it has nothing
 * to refuse. The first call of a route goes alone; if its answer does not come soon, the usual limit is kept. A route whose
 * answers tell nothing is not limited.
 */
export class Limiter {
  readonly #config: LimiterConfig;
  readonly #routes = new Map<string, Route>();
  /** At so many, those that are not used any more are looked for. */
  #sweepAt = MANY_ROUTES;

  constructor(config: LimiterConfig) {
    this.#config = config;
  }

  /**
   * The call, when its turn has come. Cold; unsubscribing leaves the line, or aborts. `news` is asked with each answer. What
   * was throttled all the same goes back to the head of its line.
   */
  run<T>(
    route: string,
    call: string,
    send: (told: (news: RateNews | undefined) => void) => Observable<T>,
  ): Observable<T> {
    return new Observable<T>((subscriber) => {
      const line = this.#line(route);
      let inner: Subscription | undefined;
      let attempts = 0;
      let isSent = false;
      const waiting: Waiting = {
        call,
        place: 0,
        fail: (error) => {
          subscriber.error(error);
        },
        send: () => {
          isSent = true;
          attempts++;
          let isTold = false;
          const over = (): void => {
            isSent = false;
            line.over(isTold);
          };
          inner = send((news) => {
            isTold = line.told(news);
          }).subscribe({
            next: (value) => {
              subscriber.next(value);
            },
            error: (thrown: unknown) => {
              const error = toChatError('rocketchat', thrown);
              if (error.kind !== 'throttled') {
                over();
                subscriber.error(error);
                return;
              }
              const { retryAfterMs = this.#config.perMs } = error;
              const isLast = attempts >= MOST_ATTEMPTS || retryAfterMs > this.#config.maxWaitMs;
              line.throttled(retryAfterMs);
              if (!isLast) line.back(waiting);
              over();
              if (isLast) subscriber.error(error);
            },
            complete: () => {
              over();
              subscriber.complete();
            },
          });
          // Answered at once, by somebody who has seen enough.
          if (subscriber.closed) inner.unsubscribe();
        },
      };
      subscriber.add(() => {
        inner?.unsubscribe();
        if (isSent) line.over(false);
        else line.leave(waiting);
      });
      line.enter(waiting);
    });
  }

  /** How many routes are known. */
  get routes(): number {
    return this.#routes.size;
  }

  #line(route: string): Route {
    let line = this.#routes.get(route);
    if (line !== undefined) return line;
    if (this.#routes.size >= this.#sweepAt) {
      for (const [name, { isIdle }] of this.#routes) if (isIdle) this.#routes.delete(name);
      this.#sweepAt = Math.max(MANY_ROUTES, 2 * this.#routes.size);
    }
    line = new Route(route, this.#config);
    this.#routes.set(route, line);
    return line;
  }
}

/** The line of a route, and what is known of its window. */
class Route {
  readonly #config: LimiterConfig;
  readonly #usual: number;
  #wasThrottled = false;
  #limit: number;
  /** What may be sent in this window, of what was answered; what is under way goes off it. */
  #remaining: number;
  #resetAt = -Infinity;
  #isKnown: boolean;
  #underWay = 0;
  #aloneUntil = -Infinity;
  #places = 0;
  readonly #waiting: Waiting[] = [];
  #timer: Subscription | undefined;

  constructor(route: string, config: LimiterConfig) {
    this.#config = config;
    this.#isKnown = config.isCertain === true;
    this.#usual = this.#limit = this.#remaining = config.limitOf(route);
  }

  /** Whether nobody waits, and nothing is known of now. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#underWay === 0 && this.#resetAt <= this.#config.scheduler.now();
  }

  enter(waiting: Waiting): void {
    const { maxQueued } = this.#config;
    if (this.#waiting.length >= maxQueued && this.#waitOf(0) > 0) {
      const sentence = `${waiting.call} is not sent: ${maxQueued} calls are waiting for their turn`;
      waiting.fail(new ChatError('overflow', 'rocketchat', sentence));
      return;
    }
    waiting.place = ++this.#places;
    this.#waiting.push(waiting);
    this.advance();
  }

  leave(waiting: Waiting): void {
    const index = this.#waiting.indexOf(waiting);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.advance();
  }

  /** Back to the head of the line, behind those that came before. */
  back(waiting: Waiting): void {
    const behind = this.#waiting.findIndex(({ place }) => place > waiting.place);
    this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, waiting);
  }

  /** What an answer says, if anything. Answers overtake each other: within a window the smallest rest is the true one. */
  told(news: RateNews | undefined): boolean {
    this.#isKnown = true;
    if (news === undefined) {
      // It is limited all the same: whoever is between us keeps the headers.
      if (this.#wasThrottled) return false;
      this.#limit = this.#remaining = Infinity;
      return true;
    }
    const { limit, remaining } = news;
    const now = this.#config.scheduler.now();
    const resetAt = Math.min(news.resetAt, now + this.#config.perMs);
    const isSame = resetAt <= this.#resetAt + SAME_WINDOW_MS && this.#resetAt > now;
    this.#limit = limit;
    this.#remaining = isSame ? Math.min(this.#remaining, remaining) : remaining;
    this.#resetAt = isSame ? Math.max(this.#resetAt, resetAt) : resetAt;
    return true;
  }

  throttled(retryAfterMs: number): void {
    this.#isKnown = true;
    this.#remaining = 0;
    this.#resetAt = Math.max(this.#resetAt, this.#config.scheduler.now() + Math.min(retryAfterMs, LONGEST_WAIT_MS));
    this.#wasThrottled = true;
    if (!Number.isFinite(this.#limit)) this.#limit = this.#usual;
  }

  /** A call was answered, or not; one that did not say what is left has used up one. */
  over(isTold: boolean): void {
    this.#underWay--;
    if (!isTold) {
      if (this.#resetAt <= this.#config.scheduler.now()) this.#open();
      this.#remaining = Math.max(0, this.#remaining - 1);
    }
    this.advance();
  }

  /** Sends what there is room for, and tells those who would wait too long. */
  advance(): void {
    while (this.#waiting.length > 0 && this.#waitOf(0) <= 0) {
      if (this.#underWay++ === 0 && !this.#isKnown) this.#aloneUntil = this.#config.scheduler.now() + ALONE_MS;
      this.#waiting.shift()?.send();
    }
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#turnAway();
    const waitMs = this.#waitOf(0);
    if (this.#waiting.length === 0 || waitMs <= 0) return;
    this.#timer = this.#config.scheduler.schedule(() => {
      this.#timer = undefined;
      this.advance();
    }, waitMs);
  }

  #turnAway(): void {
    // Before the first answer nobody knows how long it takes.
    if (!this.#isKnown) return;
    for (;;) {
      const last = this.#waiting.length - 1;
      // What is under way may be counted already.
      const waitMs = this.#waitOf(last, 0);
      if (last < 0 || waitMs <= this.#config.maxWaitMs) return;
      const waiting = this.#waiting.pop();
      waiting?.fail(this.#throttling(waiting.call, waitMs));
    }
  }

  /** A window of our own counting, where the server has told none. */
  #open(): void {
    this.#remaining = this.#limit;
    this.#resetAt = this.#config.scheduler.now() + this.#config.perMs;
  }

  /** How long the one behind so many others waits. */
  #waitOf(ahead: number, uncounted = this.#underWay): number {
    const { scheduler, perMs } = this.#config;
    const now = scheduler.now();
    if (!this.#isKnown && this.#underWay > 0 && this.#aloneUntil > now) return this.#aloneUntil - now;
    const isOver = this.#resetAt <= now;
    const room = (isOver ? this.#limit - this.#underWay : this.#remaining - uncounted) - ahead;
    if (room > 0) return 0;
    return (isOver ? perMs : this.#resetAt - now) + Math.floor(-room / this.#limit) * perMs;
  }

  #throttling(call: string, waitMs: number): ChatError {
    const sentence = `${call} is not sent: its turn is in ${Math.ceil(waitMs)} ms`;
    return new ChatError('throttled', 'rocketchat', sentence, { retryAfterMs: Math.ceil(waitMs), reason: 'ownLimit' });
  }
}
