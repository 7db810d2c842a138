import { defer, map, of, type Observable } from 'rxjs';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import { http } from '../transport/http.js';
import { statusError } from '../transport/transport-error.js';
import type { Settings } from './settings.js';

/** A token that somebody else asked for, or a login that gets its own. */
export type TrueconfCredentials =
  | {
      /** Or what gives it: a new one resumes after the old one was refused. When it throws, it is asked again after a pause. */
      readonly token: string | (() => string);
      readonly username?: never;
      readonly password?: never;
    }
  | {
      readonly token?: never;
      /** Without `@server`. */
      readonly username: string;
      /** Or what gives it. When it throws, it is asked again after a pause. */
      readonly password: string | (() => string);
    };

const PATH = '/bridge/api/client/v1/oauth/token';
const DAY_MS = 86_400_000;

const Answer = t.intersection([
  t.type({ access_token: t.string }),
  t.partial({ expires_at: t.unknown, expires_in: t.unknown }),
]);

const jsonIn = (part: string): unknown => {
  try {
    const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (sign) => sign.charCodeAt(0))));
  } catch {
    return undefined;
  }
};
/** When a token ends, in milliseconds since 1970, as far as it says so itself. */
const endOf = (token: string): number | undefined => {
  const claims = jsonIn(token.split('.')[1] ?? '');
  const exp = t.UnknownRecord.is(claims) ? claims['exp'] : undefined;
  return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1_000 : undefined;
};
const isWord = (value: unknown): value is string => typeof value === 'string' && value !== '';
/** What is wrong with a token, as the end of a sentence; nothing of it is in it. */
const problemOf = (token: unknown): string | undefined => {
  if (!isWord(token)) return 'is empty';
  if (/\s/.test(token)) return 'has white space in it';
  const parts = token.split('.');
  if (parts.length !== 3 || parts.slice(0, 2).some((part) => !t.UnknownRecord.is(jsonIn(part)))) {
    return 'does not have the three parts of a JWT';
  }
  return endOf(token) === undefined ? 'does not say when it expires' : undefined;
};

const unauthorized = (sentence: string, reason?: string): ChatError =>
  new ChatError('unauthorized', 'trueconf', sentence, reason === undefined ? {} : { reason });

/**
 * @internal Tokens for connections. Nothing shows them.
 *
 * @throws TypeError when a token that is given as text is none, or a name or password is empty.
 */
export class Tokens {
  readonly #settings: Settings;
  readonly #credentials: TrueconfCredentials;
  #current: { readonly token: string; readonly until: number } | undefined;
  #refused: string | undefined;

  constructor(settings: Settings, credentials: TrueconfCredentials) {
    this.#settings = settings;
    this.#credentials = credentials;
    const { token, username, password } = credentials;
    if (token === undefined) {
      if (!isWord(username) || !(isWord(password) || typeof password === 'function'))
        throw new TypeError('trueconfClient: needs a token, or a username and a password');
    } else if (typeof token !== 'function') {
      const problem = problemOf(token);
      if (problem !== undefined) throw new TypeError(`trueconfClient: the token ${problem}`);
    }
  }

  /** The one in use. */
  get current(): string | undefined {
    const { token } = this.#credentials;
    return this.#current?.token ?? (typeof token === 'string' ? token : undefined);
  }

  /** Whether there may be another after this one was refused. */
  get canRenew(): boolean {
    return typeof this.#credentials.token !== 'string';
  }

  /** What is to be given up with: as long as it is the same, nothing is tried again. */
  get secret(): string | undefined {
    const { token, password } = this.#credentials;
    try {
      const given = token ?? password;
      return typeof given === 'function' ? given() : given;
    } catch {
      return undefined;
    }
  }

  /** A token for a new connection. */
  get(): Observable<string> {
    return defer(() => {
      const { token, username, password } = this.#credentials;
      const now = this.#settings.scheduler.now();
      if (token !== undefined) return this.#given(token, now);
      const current = this.#current;
      if (current !== undefined && current.until > now) return of(current.token);
      return this.#ask(username, read(password, 'password'));
    });
  }

  /** The server did not accept it. */
  refused(token: string): void {
    this.#refused = token;
    if (this.#current?.token === token) this.#current = undefined;
  }

  #given(source: string | (() => string), now: number): Observable<string> {
    const token = read(source, 'token');
    const problem = problemOf(token);
    if (problem !== undefined) throw unauthorized(`the token ${problem}`);
    if (token === this.#refused) throw unauthorized('the token was refused before');
    if ((endOf(token) ?? 0) <= now) throw unauthorized('the token has expired', 'expired');
    this.#current = { token, until: Infinity };
    return of(token);
  }

  #ask(username: string, password: string): Observable<string> {
    const { httpOrigin, httpTimeoutMs, scheduler, fetch, renewBeforeMs } = this.#settings;
    return http({
      platform: 'trueconf',
      call: 'token',
      method: 'POST',
      url: `${httpOrigin}${PATH}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_id: 'chat_bot', grant_type: 'password', username, password }),
      hasEffect: false,
      timeoutMs: httpTimeoutMs,
      scheduler,
      ...(fetch !== undefined && { fetch }),
    }).pipe(
      map((response) => {
        const { status } = response;
        const now = scheduler.now();
        if (status < 200 || status >= 300) throw statusError('trueconf', 'token', response, now, false);
        const answer = response.json();
        if (!Answer.is(answer) || answer.access_token === '') {
          const problems = ['access_token is not string'];
          throw new ChatError('undecodable', 'trueconf', 'the answer to token has no token', { problems });
        }
        const token = answer.access_token;
        const [at, within] = [Number(answer.expires_at), Number(answer.expires_in)];
        const end = at > 0 ? at * 1_000 : within > 0 ? now + within * 1_000 : (endOf(token) ?? now + 30 * DAY_MS);
        // A token that lives shorter than that is renewed at half of its life.
        this.#current = { token, until: Math.max(end - renewBeforeMs, now + (end - now) / 2) };
        return token;
      }),
    );
  }
}

/** A source that fails for a moment is no refusal: it is asked again. */
const read = (source: string | (() => string), what: string): string => {
  let found: unknown;
  try {
    found = typeof source === 'string' ? source : source();
  } catch {
    // What a store of secrets throws may hold some.
  }
  if (isWord(found)) return found;
  throw new ChatError('unreachable', 'trueconf', `the ${what} could not be read`, { reason: 'noSecret' });
};
