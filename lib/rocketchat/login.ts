import { catchError, defer, finalize, map, type Observable, of, share, Subject, tap, throwError } from 'rxjs';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import type { JsonObject } from '../model/index.js';
import { http } from '../transport/http.js';
import { rocketchatError } from './codec-error.js';
import { maybe } from './codec-wire.js';
import { hexOf, sha256 } from './sha256.js';
import type { Settings } from './settings.js';

/**
 * Who we are: a token and the id of its user (a personal access token is best for bots), a name and a password, an earlier token
 * to go on with, or nobody, for visitors alone. A function is asked again when what it gave was refused.
 */
export type RocketchatCredentials =
  | {
      readonly authToken: string | (() => string);
      readonly userId: string;
      readonly user?: never;
      readonly resume?: never;
    }
  | {
      /** Name or e-mail address. */
      readonly user: string;
      readonly password: string | (() => string);
      /** Whether the password goes over the wire as its SHA-256. Default: false. */
      readonly hashed?: boolean;
      /** A second factor, asked for with each login: it is good once. */
      readonly code?: () => string;
      readonly authToken?: never;
      readonly resume?: never;
    }
  | {
      /** A token of an earlier login, not a personal one. */
      readonly resume: string | (() => string);
      readonly user?: never;
      readonly authToken?: never;
    }
  | { readonly authToken?: never; readonly user?: never; readonly resume?: never };

/** @internal What calls are made with. */
export interface Session {
  readonly userId: string;
  readonly authToken: string;
  readonly username?: string;
}

/** What a login is made with: a password or token, and the same with the second factor. */
interface Attempt {
  readonly secret: string;
  readonly whole?: string;
  readonly body: JsonObject;
}

const Answer = t.type({
  status: t.literal('success'),
  data: t.intersection([
    t.type({ userId: t.string, authToken: t.string }),
    t.partial({ me: maybe(t.partial({ username: t.string })) }),
  ]),
});

const unauthorized = (sentence: string, reason: string): ChatError =>
  new ChatError('unauthorized', 'rocketchat', sentence, { reason });

const read = (source: string | (() => string), what: string): string => {
  if (typeof source === 'string') return source;
  try {
    return source();
  } catch {
    // What a store of secrets throws may hold some.
    throw unauthorized(`the ${what} could not be read`, 'unreadable');
  }
};

/**
 * @internal Logins, one for all who wait for it. Nothing shows what they are made with.
 *
 * @throws TypeError when something of the credentials is missing or empty.
 */
export class Logins {
  readonly #settings: Settings;
  readonly #credentials: RocketchatCredentials;
  readonly #renewed = new Subject<undefined>();
  #session: Session | undefined;
  #pending: Observable<Session> | undefined;
  /** What was refused: as long as it is the same, it is not tried again. */
  #refused: { readonly secret: string; readonly error: ChatError } | undefined;

  constructor(settings: Settings, credentials: RocketchatCredentials) {
    this.#settings = settings;
    this.#credentials = credentials;
    if (credentials.authToken !== undefined) {
      if (!/^[\w-]+$/.test(credentials.userId)) throw new TypeError('rocketchatClient: userId must be an id');
    } else if (credentials.user !== undefined) {
      if (credentials.user === '') throw new TypeError('rocketchatClient: user must not be empty');
      // The types demand it; a program without types may forget it.
      const password: unknown = credentials.password;
      if (password === undefined || password === '') throw new TypeError('rocketchatClient: user needs a password');
    }
    const { authToken, resume } = credentials;
    for (const [name, secret] of Object.entries({ authToken, resume })) {
      if (typeof secret === 'string' && !/^[\x21-\x7e]+$/.test(secret))
        throw new TypeError(`rocketchatClient: ${name} is empty, or has signs that cannot be sent`);
    }
  }

  /** Whether there is anybody to log in. */
  get isSomebody(): boolean {
    const { authToken, user, resume } = this.#credentials;
    return authToken !== undefined || user !== undefined || resume !== undefined;
  }

  /** Who is logged in, if anybody. */
  get current(): Session | undefined {
    return this.#session;
  }

  /** Tells when there is another login in place of one that was no good any more. */
  get renewed$(): Observable<undefined> {
    return this.#renewed.asObservable();
  }

  /** What to make a call with. `unauthorized` without an attempt as long as nothing has changed since a refusal. */
  get(): Observable<Session> {
    return defer(() => {
      const credentials = this.#credentials;
      if (credentials.authToken !== undefined)
        return of(this.#given(read(credentials.authToken, 'token'), credentials.userId));
      if (this.#session !== undefined) return of(this.#session);
      return (this.#pending ??= this.#login().pipe(
        finalize(() => (this.#pending = undefined)),
        share(),
      ));
    });
  }

  /** The server did not accept it. Whether another may be better. */
  refused(session: Session): boolean {
    const isOurs = this.#session?.authToken === session.authToken;
    if (isOurs) this.#session = undefined;
    const { authToken, user, resume } = this.#credentials;
    if (user !== undefined) return true;
    const error = unauthorized('the token was refused before', 'refusedBefore');
    if (typeof authToken === 'function' || typeof resume === 'function') {
      this.#refused = { secret: session.authToken, error };
      return true;
    }
    this.#refused = { secret: session.authToken, error };
    return false;
  }

  #given(authToken: string, userId: string): Session {
    if (authToken === this.#refused?.secret) throw this.#refused.error;
    if (!/^[\x21-\x7e]+$/.test(authToken)) throw unauthorized('the token is empty, or cannot be sent', 'badToken');
    if (this.#session?.authToken !== authToken) this.#accept({ authToken, userId });
    return { authToken, userId };
  }

  #login(): Observable<Session> {
    return defer(() => {
      const { secret, whole = secret, body } = this.#attempt();
      return this.#ask(body).pipe(
        tap((session) => {
          this.#refused = undefined;
          this.#accept(session);
        }),
        catchError((error: unknown) => {
          if (error instanceof ChatError && error.kind === 'unauthorized') {
            // A wrong code is no wrong password: the next one may be right.
            this.#refused = { secret: /^totp/.test(error.reason ?? '') ? whole : secret, error };
          }
          return throwError(() => error);
        }),
      );
    });
  }

  /** What to log in with, unless it was refused before. */
  #attempt(): Attempt {
    const credentials = this.#credentials;
    if (credentials.resume !== undefined) {
      const resume = this.#fresh(read(credentials.resume, 'token'));
      return { secret: resume, body: { resume } };
    }
    if (credentials.user === undefined) throw unauthorized('a login is needed, and the client has none', 'noLogin');
    const { user, hashed = false, code } = credentials;
    const secret = this.#fresh(read(credentials.password, 'password'));
    const second = code === undefined ? {} : { code: read(code, 'code') };
    const whole = this.#fresh(`${secret}\n${second.code ?? ''}`);
    const digest = (): JsonObject => ({
      digest: hexOf(sha256(new TextEncoder().encode(secret))),
      algorithm: 'sha-256',
    });
    // Any further key would make the server take it for another kind of login.
    return { secret, whole, body: { user, password: hashed ? digest() : secret, ...second } };
  }

  #fresh(secret: string): string {
    if (secret === this.#refused?.secret) throw this.#refused.error;
    return secret;
  }

  #ask(body: JsonObject): Observable<Session> {
    const { baseUrl, timeoutMs, maxAnswerBytes, scheduler, fetch } = this.#settings;
    return http({
      platform: 'rocketchat',
      call: 'login',
      method: 'POST',
      url: `${baseUrl}/api/v1/login`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      hasEffect: false,
      timeoutMs,
      maxBytes: maxAnswerBytes,
      scheduler,
      ...(fetch !== undefined && { fetch }),
    }).pipe(
      map(({ status, header, json }) => {
        const answer = json();
        if (Answer.is(answer)) {
          const { userId, authToken, me } = answer.data;
          return me?.username === undefined ? { userId, authToken } : { userId, authToken, username: me.username };
        }
        if (status >= 200 && status < 300 && !isRefusal(answer)) {
          const problems = ['data.authToken is not string'];
          throw new ChatError('undecodable', 'rocketchat', 'the answer to login has no token', { problems });
        }
        throw rocketchatError('login', { status, header, body: answer, sent: body }, scheduler.now(), false);
      }),
    );
  }

  #accept(session: Session): void {
    const isOther = this.#session?.authToken !== session.authToken;
    this.#session = session;
    if (isOther) this.#renewed.next(undefined);
  }
}

const isRefusal = (answer: unknown): boolean =>
  t.UnknownRecord.is(answer) && (answer['success'] === false || answer['status'] === 'error');
