import { Observable } from 'rxjs';
import { empty, json, page, refusal, Refusal, refused, type ChatfirstAnswer } from './simulator-answers.js';
import { carryOut } from './simulator-calls.js';
import { shifted, strike, strikes, type ChatfirstApiFaults, type ChatfirstFault } from './simulator-faults.js';
import { faultOf, type ChatfirstEffect } from './simulator-journal.js';
import { arrivalOf, type Arrival, type ChatfirstRequest } from './simulator-routes.js';
import type { World } from './simulator-world.js';

/** Who waits for the answer to a call. */
interface Caller {
  readonly answer: (answer: ChatfirstAnswer) => void;
  readonly reset: () => void;
}

type Write = (effect: ChatfirstEffect) => void;

/** The first of two calls: nobody hears its answer. */
const nobody = (write: Write): Caller => {
  const lose = (): void => {
    write({ kind: 'lost' });
  };
  return { answer: lose, reset: lose };
};

/** The token of a Basic header, whose password must be empty. */
const tokenIn = (authorization: string): string | undefined => {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  return encoded === undefined ? undefined : /^([^:]+):$/.exec(Buffer.from(encoded, 'base64').toString())?.[1];
};

/** An answer after the effect, as the fault wants it: what spoils a result leaves a refusal as it is. */
const spoilt = (fault: ChatfirstFault | undefined, answer: ChatfirstAnswer): ChatfirstAnswer => {
  if (fault === 'badGateway') return page(502, 'bad gateway');
  if (fault === 'failAfter') return refused(refusal(500));
  if (fault === 'cut') return { ...answer, isCut: true };
  if (answer.status >= 300) return answer;
  if (fault === 'page') return page(200, 'welcome');
  if (fault === 'empty') return empty(200);
  return fault === 'null' ? json(200, 'null') : answer;
};

/** @internal Calls of the API: what goes wrong with them, whose token they have, and who hears their answer. */
export class Api {
  readonly #world: World;
  readonly #faults: ChatfirstApiFaults;
  #calls = 0;
  #held: (() => void)[] = [];

  constructor(world: World, faults: ChatfirstApiFaults) {
    this.#world = world;
    this.#faults = faults;
  }

  /** Subscribing makes the request arrive; unsubscribing does not take it back. */
  request(request: ChatfirstRequest): Observable<ChatfirstAnswer> {
    return new Observable((subscriber) => {
      const arrival = arrivalOf(request);
      if (typeof arrival === 'number') {
        const of = { call: 0, bot: '', user: '', channel: '' };
        this.#world.desk.write(of, { kind: 'problem', problem: `a request has no route: ${arrival}` });
        subscriber.next(refused(refusal(arrival)));
        subscriber.complete();
        return undefined;
      }
      let write: Write | undefined;
      let isEnded = false;
      const caller = (writes: Write): Caller => {
        write = writes;
        return {
          answer: (answer) => {
            isEnded = true;
            const isHeard = !subscriber.closed && answer.isCut !== true;
            writes(isHeard ? { kind: 'answered', status: answer.status } : { kind: 'lost' });
            subscriber.next(answer);
            subscriber.complete();
          },
          reset: () => {
            isEnded = true;
            writes({ kind: 'lost' });
            subscriber.error(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
          },
        };
      };
      this.#receive(arrival, caller);
      return () => {
        if (!isEnded) write?.({ kind: 'left' });
      };
    });
  }

  #receive(arrival: Arrival, caller: (write: Write) => Caller): void {
    const faults = this.#faults;
    const arrive = (): void => {
      if (strikes(faults, 'duplicate', arrival)) this.#arrive(arrival, nobody);
      this.#arrive(arrival, caller);
    };
    if (strikes(faults, 'reorder', arrival)) {
      this.#held.push(arrive);
      return;
    }
    this.#world.desk.later(strikes(faults, 'delay', arrival) ? (faults.delayMs ?? 1_000) : 0, () => {
      const after = this.#held;
      this.#held = [];
      arrive();
      for (const held of after) held();
    });
  }

  #arrive(arrival: Arrival, caller: (write: Write) => Caller): void {
    const { operation, bot, user, channel, url, problems } = arrival;
    const { desk } = this.#world;
    const number = ++this.#calls;
    const write: Write = (effect) => {
      desk.write({ call: number, bot, user, channel }, effect);
    };
    const fault = strike(this.#faults, arrival);
    if (fault !== undefined) write(faultOf('api', fault));
    if (fault === 'drop') return;
    write({ kind: 'called', operation, url });
    const { answer, reset } = caller(write);
    if (fault === 'resetBefore') {
      reset();
      return;
    }
    const early = this.#withoutEffect(fault, arrival);
    if (early !== undefined) {
      answer(early);
      return;
    }
    for (const problem of problems) write({ kind: 'problem', problem });
    const slow = strikes(this.#faults, 'slow', arrival) && { restAfterMs: this.#faults.slowMs ?? 1_000 };
    const handOver = (given: ChatfirstAnswer): void => {
      if (fault === 'resetAfter') reset();
      else if (fault === 'silent') write({ kind: 'lost' });
      else answer({ ...spoilt(fault, given), ...slow });
    };
    const succeed = (given: ChatfirstAnswer): void => {
      const status = shifted(this.#faults, 'successes', arrival);
      if (status === undefined) handOver(given);
      else handOver(status === 204 ? empty(204) : { ...given, status });
    };
    try {
      this.#carryOut(arrival, number, succeed);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      handOver(refused(error));
    }
  }

  /** @throws Refusal */
  #carryOut(arrival: Arrival, number: number, done: (answer: ChatfirstAnswer) => void): void {
    const token = tokenIn(arrival.authorization);
    if (token === undefined || !this.#world.bots.knows(token)) throw refusal(401);
    const { body = {} } = arrival;
    if (typeof body === 'number') throw refusal(body);
    carryOut(this.#world, { ...arrival, number, token, json: body }, done);
  }

  /** The answer to a call that a fault keeps from having an effect. */
  #withoutEffect(fault: ChatfirstFault | undefined, arrival: Arrival): ChatfirstAnswer | undefined {
    const { retryAfter = 1, rateLimitReset = null, redirectTo = 'https://elsewhere.test/' } = this.#faults;
    switch (fault) {
      case 'redirect':
        return { status: 307, headers: { location: redirectTo }, body: '' };
      case 'throttle': {
        const now = Math.floor(this.#world.desk.scheduler.now() / 1_000);
        return refused(refusal(429), {
          ...(retryAfter !== null && { 'retry-after': String(retryAfter) }),
          ...(rateLimitReset !== null && { 'x-rate-limit-reset': String(now + rateLimitReset) }),
        });
      }
      case 'fail':
        return refused(refusal(500));
      case undefined: {
        const status = shifted(this.#faults, 'statuses', arrival);
        if (status === undefined) return undefined;
        return status >= 500 ? page(status, 'unavailable') : refused(refusal(status));
      }
      default:
        return undefined;
    }
  }
}
