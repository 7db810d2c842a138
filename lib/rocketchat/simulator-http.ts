import { Observable } from 'rxjs';
import { shifted, strike, strikes } from '../trueconf/simulator-faults.js';
import {
  failed,
  json,
  page,
  preflight,
  refused,
  type RocketchatAnswer,
  type RocketchatRequest,
} from './simulator-answers.js';
import type { Api } from './simulator-api.js';
import { arrivalsAt, type Arrival } from './simulator-arrivals.js';
import { downloaded } from './simulator-downloads.js';
import type { RocketchatRestFaults } from './simulator-faults.js';
import { Refusal } from './simulator-refusal.js';
import type { Route, World } from './simulator-routes.js';

/** The ways in which a request can end. */
interface Ends {
  readonly answer: (given: RocketchatAnswer) => void;
  readonly reset: () => void;
}

const BEFORE = ['drop', 'resetBefore', 'resetAfter', 'throttle'] as const;
const AFTER = ['page', 'pageAfter', 'refuse', 'expire', 'silent', 'empty', 'cut', 'duplicate'] as const;

/** @internal The server over HTTP: the API, files, pages of other origins, and what goes wrong. */
export class Http {
  readonly #world: World;
  readonly #api: Api;
  readonly #faults: RocketchatRestFaults;
  readonly #arrive: (request: RocketchatRequest) => Arrival | undefined;

  constructor(world: World, api: Api, faults: RocketchatRestFaults, routes: readonly Route[]) {
    this.#world = world;
    this.#api = api;
    this.#faults = faults;
    this.#arrive = arrivalsAt(routes);
  }

  /** Subscribing makes the request arrive. */
  request(request: RocketchatRequest, isDown: boolean): Observable<RocketchatAnswer> {
    return new Observable((caller) => {
      const { desk } = this.#world;
      const answer = (given: RocketchatAnswer): void => {
        const origin = desk.rules.cors ? { 'access-control-allow-origin': '*' } : {};
        caller.next({ ...given, headers: { ...origin, ...given.headers } });
        caller.complete();
      };
      const reset = (): void => {
        caller.error(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
      };
      const special = isDown ? page(503) : this.#special(request);
      const arrival = special === undefined ? this.#arrive(request) : undefined;
      if (special !== undefined) answer(special);
      else if (arrival !== undefined) this.#misbehave(arrival, { answer, reset });
      else {
        desk.problem(`there is no route for ${request.method}`);
        answer(json(404, { success: false, error: 'API endpoint does not exist' }));
      }
    });
  }

  /** What is no call of the API. */
  #special(request: RocketchatRequest): RocketchatAnswer | undefined {
    const { desk } = this.#world;
    const [path = ''] = request.url.split('?');
    if (request.method === 'OPTIONS') return preflight(desk.rules.cors);
    if (request.method !== 'GET') return undefined;
    if (path === '/api/info') {
      const version = desk.rules.version.split('.').slice(0, 2).join('.');
      return json(200, { version, success: true });
    }
    return path.startsWith('/file-upload/') ? downloaded(this.#world, request) : undefined;
  }

  #misbehave(arrival: Arrival, { answer, reset }: Ends): void {
    const { desk, accounts } = this.#world;
    const { route, path, body, request } = arrival;
    const faults = this.#faults;
    const account = this.#api.userOf(request);
    const user = account?.username;
    const isMeant = faults.only?.({ method: route.method, route: route.path, path, user, body }) !== false;
    const lateMs = isMeant && strikes(faults, 'delay') ? (faults.delayMs ?? 1_000) : 0;
    const early = isMeant ? strike(faults, BEFORE) : undefined;
    const status = isMeant && early === undefined ? shifted(faults, 'statuses') : undefined;
    const late = isMeant && early === undefined && status === undefined ? strike(faults, AFTER) : undefined;
    const fault = early ?? (status === undefined ? late : 'statuses');
    if (fault !== undefined) desk.fault(`rest.${fault}`);

    const write = (given: RocketchatAnswer): void => {
      desk.write({ kind: 'requested', method: route.method, route: route.path, status: given.status, user });
    };
    const later = (given: RocketchatAnswer): void => {
      desk.later(lateMs, () => {
        answer(given);
      });
    };
    const withoutEffect = (given: RocketchatAnswer): void => {
      write(given);
      later(given);
    };
    if (fault === 'drop') return;
    if (fault === 'resetBefore') {
      reset();
      return;
    }
    const unserved = this.#withoutEffect(arrival, fault, status);
    if (unserved !== undefined) {
      withoutEffect(unserved);
      return;
    }
    if (fault === 'expire' && account !== undefined) accounts.expire(account);
    if (fault === 'duplicate') this.#carryOut(arrival, write);
    this.#carryOut(arrival, (given) => {
      write(given);
      if (fault === 'resetAfter') reset();
      else if (fault === 'pageAfter') later(page(504));
      else if (fault === 'empty') later(json(given.status, {}, given.headers));
      else if (fault === 'cut') later({ ...given, isCut: true });
      else if (fault !== 'silent') later(given);
    });
  }

  #withoutEffect(
    arrival: Arrival,
    fault: string | undefined,
    status: number | undefined,
  ): RocketchatAnswer | undefined {
    const { retryAfter, refuseWith = 'something went wrong' } = this.#faults;
    switch (fault) {
      case 'throttle':
        return this.#api.throttle(arrival, retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) });
      case 'statuses':
        return failed(status ?? 500);
      case 'page':
        return page(502);
      case 'refuse':
        return json(200, { success: false, error: refuseWith });
      default:
        return undefined;
    }
  }

  /** Does what is asked; answers at once, unless saving a message waits for a webhook. */
  #carryOut(arrival: Arrival, then: (given: RocketchatAnswer) => void): void {
    const { result, saved } = this.#world.deliveries.around(() => this.#api.answer(arrival));
    saved(() => {
      result.subscribe({
        next: then,
        error: (error: unknown) => {
          then(error instanceof Refusal ? refused(error) : failed(500));
        },
      });
    });
  }
}
