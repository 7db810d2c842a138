import { isObservable, map, of, type Observable } from 'rxjs';
import { partsOf } from '../trueconf/simulator-multipart.js';
import {
  json,
  refused,
  stranger,
  throttled,
  type RocketchatAnswer,
  type RocketchatRequest,
} from './simulator-answers.js';
import type { Arrival } from './simulator-arrivals.js';
import { checkFields, Fields } from './simulator-fields.js';
import type { Limiter, Window } from './simulator-limiter.js';
import type { Account, RocketchatContent } from './simulator-model.js';
import { may } from './simulator-permissions.js';
import { denied, Refusal } from './simulator-refusal.js';
import type { Route, World } from './simulator-routes.js';

/** @internal Carries calls out: login, permission, limit, fields, effect, in this order. */
export class Api {
  readonly #world: World;
  readonly #limiter: Limiter;

  constructor(world: World, limiter: Limiter) {
    this.#world = world;
    this.#limiter = limiter;
  }

  /** Who is logged in. */
  userOf({ headers }: RocketchatRequest): Account | undefined {
    const login = this.#world.accounts.resume(headers['x-auth-token'] ?? '');
    return login?.account.id === headers['x-user-id'] ? login?.account : undefined;
  }

  /** Fields go before the limit on routes of the newer kind. */
  answer(arrival: Arrival): Observable<RocketchatAnswer> {
    const { request, route, params, query, body } = arrival;
    const { desk } = this.#world;
    const user = this.userOf(request);
    if (route.needsLogin === true && user === undefined) return of(stranger(desk.since('8.0')));
    let headers: Readonly<Record<string, string>> = {};
    try {
      if (user !== undefined && !isPermitted(route, user)) throw denied();
      if (route.isTyped === true) check(arrival);
      if (this.#isCounted(route, user)) {
        const window = this.#count(arrival);
        headers = headersOf(window);
        if (window.isOver) return of(this.#throttled(window, headers));
      }
      if (route.isTyped !== true) check(arrival);
      const given = route.handle({
        params,
        query: new Fields(query),
        body: new Fields(body),
        headers: request.headers,
        user: user ?? NOBODY,
        parts: partsOf(request.headers['content-type'] ?? '', request.body),
      });
      const success = route.isUnmarked === true ? {} : { success: true };
      const marked = (content: RocketchatContent): RocketchatAnswer => json(200, { ...content, ...success }, headers);
      return isObservable(given) ? given.pipe(map(marked)) : of(marked(given));
    } catch (error) {
      if (error instanceof Refusal) return of(refused(error, headers));
      throw error;
    }
  }

  /** A 429 out of its turn, that says to wait until the window ends. */
  throttle(arrival: Arrival, more: Readonly<Record<string, string>>): RocketchatAnswer {
    const window = { ...this.#count(arrival), remaining: 0 };
    return this.#throttled(window, { ...headersOf(window), ...more });
  }

  #isCounted({ needsLogin }: Route, user: Account | undefined): boolean {
    const { rateLimits, visitorBypass } = this.#world.desk.rules;
    const mayBypass = user !== undefined && may(user, 'api-bypass-rate-limit');
    return rateLimits && !(mayBypass && (needsLogin === true || visitorBypass));
  }

  /** By address, route and method. */
  #count({ request, route }: Arrival): Window {
    const { callLimit, visitorLimit, windowMs } = this.#world.desk.rules;
    const key = `${request.address ?? ''} ${route.method} ${route.path}`;
    return this.#limiter.count(key, route.isOfVisitors === true ? visitorLimit : callLimit, windowMs);
  }

  #throttled({ resetAt }: Window, headers: Readonly<Record<string, string>>): RocketchatAnswer {
    const { desk } = this.#world;
    return throttled(desk.rules.throttleStatus, resetAt - desk.now(), headers);
  }
}

/** Stands for the user on routes that need no login. */
const NOBODY: Account = {
  id: '',
  username: '',
  name: '',
  email: undefined,
  password: undefined,
  totp: undefined,
  roles: new Set(),
  granted: new Set(),
  maxChats: 0,
  status: undefined,
  statusLivechat: 'not-available',
  sockets: 0,
  routedAt: 0,
};

const isPermitted = ({ permissions, allPermissions = [] }: Route, user: Account): boolean =>
  (permissions === undefined || permissions.some((permission) => may(user, permission))) &&
  allPermissions.every((permission) => may(user, permission));

const check = ({ route, query, body }: Arrival): void => {
  const isTyped = route.isTyped === true;
  if (route.query !== undefined) checkFields(route.query, query, isTyped ? 'query' : undefined);
  if (route.body !== undefined) checkFields(route.body, body, isTyped ? 'body' : undefined);
};

const headersOf = ({ limit, remaining, resetAt }: Omit<Window, 'isOver'>): Readonly<Record<string, string>> => ({
  'x-ratelimit-limit': String(limit),
  'x-ratelimit-remaining': String(remaining),
  'x-ratelimit-reset': String(resetAt),
});
