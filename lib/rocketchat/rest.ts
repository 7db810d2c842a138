import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { catchError, defer, map, of, share, switchMap, tap, throwError, type Observable } from 'rxjs';
import { ChatError } from '../errors.js';
import { http, type HttpRequest, type HttpResponse } from '../transport/http.js';
import type { Writable } from '../writable.js';
import type { RocketchatAnswer, RocketchatAnswers } from './answers.js';
import { decodeAnswer } from './codec-answer.js';
import { rocketchatError } from './codec-error.js';
import { pathOf, type RocketchatRequest } from './codec-request.js';
import { Limiter, type RateNews } from './limiter.js';
import type { Logins, Session } from './login.js';
import type { Settings } from './settings.js';

/** @internal What a request has beyond its JSON: a form, and headers of its own. */
export interface Extra {
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: { readonly contentType: string; readonly body: Uint8Array };
}

/** The usual limits, until a route has told its own. */
const USUAL = 10;
const STRICT = new Map([
  ['POST livechat/visitor', 5],
  ['GET livechat/room', 5],
]);

/** What clocks may differ by: dates in headers are whole seconds. */
const CLOCKS_MS = 2_000;

const rateIn = ({ header }: HttpResponse, now: number, windowMs: number): RateNews | undefined => {
  const limit = Number(header('x-ratelimit-limit') ?? NaN);
  // Whoever does not tell this tells nothing else.
  if (!(limit > 0)) return undefined;
  const remaining = Number(header('x-ratelimit-remaining') ?? NaN);
  const theirs = Number(header('x-ratelimit-reset') ?? NaN);
  // By our clock, where the date of the answer shows that theirs is another.
  const ours = theirs - Date.parse(header('date') ?? '') + now;
  const isOff = ours > now && ours <= now + windowMs + CLOCKS_MS && Math.abs(ours - theirs) > CLOCKS_MS;
  const resetAt = isOff ? ours : theirs;
  return remaining >= 0 && resetAt > 0 ? { limit, remaining, resetAt } : undefined;
};
/** A page of a proxy that says 401 is `refused`. */
const isRefusedLogin = (error: unknown): boolean =>
  error instanceof ChatError && error.kind === 'unauthorized' && error.status === 401;
const hasEffect = ({ method, repeatable = method === 'GET' }: RocketchatRequest): boolean => !repeatable;
const isFailure = (json: unknown): boolean => t.UnknownRecord.is(json) && json['success'] === false;

/** @internal Calls over HTTP: in their turn, with a login that is renewed, and answers that are read. */
export class Rest {
  readonly #settings: Settings;
  readonly #logins: Logins;
  readonly #limiter: Limiter;
  #version: string | undefined;
  #asking: Observable<string> | undefined;

  constructor(settings: Settings, logins: Logins) {
    this.#settings = settings;
    this.#logins = logins;
    const { maxWaitMs, maxQueued, rateWindowMs, scheduler } = settings;
    this.#version = settings.version;
    this.#limiter = new Limiter({
      limitOf: (route) => STRICT.get(route) ?? USUAL,
      perMs: rateWindowMs,
      maxWaitMs,
      maxQueued,
      scheduler,
    });
  }

  /** The version of the server: as configured, or as it says itself, asked once. */
  get version$(): Observable<string> {
    return defer(() => {
      if (this.#version !== undefined) return of(this.#version);
      return (this.#asking ??= this.#askVersion().pipe(
        tap({
          next: (version) => (this.#version = version),
          finalize: () => (this.#asking = undefined),
        }),
        share(),
      ));
    });
  }

  /** A call with its answer read. */
  ask<A extends RocketchatAnswer>(
    answer: A,
    request: RocketchatRequest,
    extra: Extra = {},
  ): Observable<RocketchatAnswers[A]> {
    const { call } = request;
    return this.send(request, extra).pipe(
      map((json) => {
        const decoded = decodeAnswer(answer, json, call, hasEffect(request));
        if (E.isLeft(decoded)) throw decoded.left;
        return decoded.right;
      }),
    );
  }

  /** A call with the body of its answer. */
  send(request: RocketchatRequest, extra: Extra = {}): Observable<unknown> {
    const { method, route, call } = request;
    return this.#limiter.run(`${method} ${route}`, call, (told) => this.#inSession(request, extra, told));
  }

  /** With the login, which is renewed once when it is refused: then nothing has happened yet. */
  #inSession(
    request: RocketchatRequest,
    extra: Extra,
    told: (news: RateNews | undefined) => void,
  ): Observable<unknown> {
    const { isSomebody } = this.#logins;
    const isIdentified = request.as === 'user' || (this.#settings.identifyVisitorCalls && isSomebody);
    if (!isIdentified) return this.#call(request, extra, undefined, told);
    return this.#logins.get().pipe(
      switchMap((session) =>
        this.#call(request, extra, session, told).pipe(
          catchError((error: unknown) => {
            if (!isRefusedLogin(error) || !this.#logins.refused(session)) return throwError(() => error);
            return this.#logins.get().pipe(switchMap((renewed) => this.#call(request, extra, renewed, told)));
          }),
        ),
      ),
    );
  }

  #call(
    request: RocketchatRequest,
    { headers, form }: Extra,
    session: Session | undefined,
    told: (news: RateNews | undefined) => void,
  ): Observable<unknown> {
    const { baseUrl, timeoutMs, fileTimeoutMs, maxAnswerBytes, rateWindowMs, scheduler, fetch } = this.#settings;
    const { call, method, body } = request;
    const all: Record<string, string> = {};
    if (form !== undefined) all['content-type'] = form.contentType;
    if (body !== undefined) all['content-type'] = 'application/json';
    if (session !== undefined) {
      all['x-auth-token'] = session.authToken;
      all['x-user-id'] = session.userId;
    }
    for (const name in headers) all[name] = headers[name] ?? '';
    const sent: Writable<HttpRequest> = {
      platform: 'rocketchat',
      call,
      method,
      url: baseUrl + pathOf(request),
      headers: all,
      hasEffect: hasEffect(request),
      timeoutMs: form === undefined ? timeoutMs : fileTimeoutMs,
      maxBytes: maxAnswerBytes,
      scheduler,
    };
    if (body !== undefined) sent.body = JSON.stringify(body);
    else if (form !== undefined) sent.body = form.body;
    if (fetch !== undefined) sent.fetch = fetch;
    return http(sent).pipe(
      map((response) => {
        const { status, header } = response;
        const json = response.json();
        const news = rateIn(response, scheduler.now(), rateWindowMs);
        // What was refused before it was counted, and the page of a proxy, say nothing about limits.
        if (news !== undefined || (status === 200 && json !== undefined)) told(news);
        if (status < 200 || status >= 300 || isFailure(json)) {
          const sent = [body, request.params, request.query, headers, session];
          throw rocketchatError(call, { status, header, body: json, sent }, scheduler.now(), hasEffect(request));
        }
        if (!t.UnknownRecord.is(json)) {
          const problems = ['the body is not a JSON object'];
          const inDoubt = hasEffect(request);
          throw new ChatError('undecodable', 'rocketchat', `${call} was not answered by Rocket.Chat`, {
            problems,
            inDoubt,
          });
        }
        return json;
      }),
    );
  }

  #askVersion(): Observable<string> {
    const { baseUrl, timeoutMs, maxAnswerBytes, scheduler, fetch } = this.#settings;
    return http({
      platform: 'rocketchat',
      call: 'info',
      // Not below `/api/v1`.
      url: `${baseUrl}/api/info`,
      timeoutMs,
      maxBytes: maxAnswerBytes,
      scheduler,
      ...(fetch !== undefined && { fetch }),
    }).pipe(
      map(({ status, header, json }) => {
        const body = json();
        if (status < 200 || status >= 300)
          throw rocketchatError('info', { status, header, body }, scheduler.now(), false);
        const version = decodeAnswer('info', body);
        if (E.isLeft(version)) throw version.left;
        return version.right;
      }),
    );
  }
}
