import type { Desk } from './simulator-desk.js';
import type { Fields } from './simulator-fields.js';
import type { Account } from './simulator-model.js';
import { Refusal } from './simulator-refusal.js';

/** @internal What a request for a token is answered with. */
export interface Granted {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const refused = (status: number, error: string, description: string): Granted => ({
  status,
  body: { error, error_description: description },
});

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** @internal Tokens, and how long they are good. */
export class Tokens {
  readonly #desk: Desk;
  readonly #all = new Map<string, { readonly account: Account; expiresAt: number }>();

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** The token endpoint. */
  grant(body: Readonly<Record<string, unknown>> | undefined): Granted {
    const names = ['client_id', 'grant_type', 'username', 'password'];
    if (body === undefined) return refused(400, 'invalid_request', 'The body is no JSON object');
    const wrong = names.find((name) => typeof body[name] !== 'string' || body[name] === '');
    if (wrong !== undefined) return refused(400, 'invalid_request', `${wrong} must be a string`);
    if (body['grant_type'] !== 'password')
      return refused(400, 'unsupported_grant_type', 'The grant type must be password');
    if (body['client_id'] !== 'chat_bot') return refused(401, 'invalid_client', 'The client is not known');
    const login = String(body['username']);
    const account = login.includes('@') ? undefined : this.#desk.find(login);
    if (account?.password === undefined || account.password !== body['password'])
      return refused(401, 'invalid_grant', 'Login or password is wrong');
    if (account.isDisabled) return refused(403, 'invalid_grant', 'The account is disabled');
    const { token, expiresAt } = this.issue(account);
    const { tokenExpiry, tokenLifeMs } = this.#desk.rules;
    const seconds = { at: Math.floor(expiresAt / 1000), in: Math.floor(tokenLifeMs / 1000) };
    const expiry = tokenExpiry === 'none' ? {} : { [`expires_${tokenExpiry}`]: seconds[tokenExpiry] };
    return { status: 201, body: { access_token: token, token_type: 'JWT', ...expiry } };
  }

  issue(account: Account): { readonly token: string; readonly expiresAt: number } {
    const expiresAt = this.#desk.now() + this.#desk.rules.tokenLifeMs;
    const claims = { exp: Math.floor(expiresAt / 1000), jti: this.#desk.uuid() };
    const token = `${encoded({ alg: 'none' })}.${encoded(claims)}.c2ln`;
    this.#all.set(token, { account, expiresAt });
    return { token, expiresAt };
  }

  /** Whose token it is. */
  check(payload: Fields): Account {
    const known = this.#all.get(payload.text('token'));
    if (payload.text('tokenType') !== 'JWT') throw new Refusal(204);
    if (known === undefined) throw new Refusal(201);
    if (known.account.isDisabled) throw new Refusal(202);
    if (known.expiresAt <= this.#desk.now()) throw new Refusal(203);
    return known.account;
  }

  /** All that were issued are no longer good. */
  expire(): void {
    for (const token of this.#all.values()) token.expiresAt = this.#desk.now();
  }
}
