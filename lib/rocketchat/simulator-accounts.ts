import { createHash } from 'node:crypto';
import { isRecord } from '../trueconf/simulator-fields.js';
import type { Desk } from './simulator-desk.js';
import type { Account, Department, RocketchatContent } from './simulator-model.js';
import type { RocketchatAccount, RocketchatDepartment } from './simulator-rules.js';

/** @internal A login that is good. */
export interface Login {
  readonly account: Account;
  readonly token: string;
  readonly expiresAt: number | undefined;
}

/** @internal Why there is no login. */
export type LoginFailure = 'Unauthorized' | 'expired' | 'unfit' | 'totp-required' | 'totp-invalid';

/** @internal Users, departments, and who is logged in with which token. */
export class Accounts {
  readonly all = new Map<string, Account>();
  readonly departments: Department[] = [];
  readonly #desk: Desk;
  readonly #tokens = new Map<string, Login>();

  constructor(desk: Desk) {
    this.#desk = desk;
    for (const account of desk.rules.accounts) this.add(account);
    for (const department of desk.rules.departments) this.addDepartment(department);
  }

  add(given: RocketchatAccount): Account {
    const account: Account = {
      id: this.#desk.id(),
      username: given.username,
      name: given.name ?? given.username,
      email: given.email,
      password: given.password,
      totp: given.totp,
      roles: new Set(given.roles ?? ['user', 'livechat-agent']),
      granted: new Set(given.permissions),
      maxChats: given.maxChats ?? Infinity,
      status: given.status,
      statusLivechat: given.statusLivechat ?? 'available',
      sockets: 0,
      routedAt: 0,
    };
    this.all.set(account.id, account);
    return account;
  }

  named(username: string): Account | undefined {
    return [...this.all.values()].find((account) => account.username === username);
  }

  addDepartment({ id, name, agents = [], email = '', enabled = true }: RocketchatDepartment): Department {
    const members = agents.flatMap((username) => this.named(username) ?? []);
    const department: Department = { id: id ?? this.#desk.hex(), name, email, enabled, agents: new Set(members) };
    this.departments.push(department);
    return department;
  }

  /** By id or name. */
  department(idOrName: string): Department | undefined {
    return this.departments.find(({ id, name }) => id === idOrName || name === idOrName);
  }

  /** A login with a name and a password, plain or as a digest. */
  login(user: string, password: unknown, code: string | undefined): Login | LoginFailure {
    const account = [...this.all.values()].find(
      ({ username, email }) => user !== '' && (username === user || email === user),
    );
    if (account?.password === undefined || !isPassword(account.password, password)) return 'Unauthorized';
    if (account.totp !== undefined && code === undefined) return 'totp-required';
    if (account.totp !== undefined && code !== account.totp) return 'totp-invalid';
    return this.issue(account);
  }

  /** A token; one that an administrator made does not expire. */
  issue(account: Account, isPersonal = false): Login {
    const token = `tok_${account.username}_${this.#desk.id()}`.padEnd(43, '0');
    const expiresAt = isPersonal ? undefined : this.#desk.now() + this.#desk.rules.tokenLifeMs;
    const login = { account, token, expiresAt };
    this.#tokens.set(token, login);
    return login;
  }

  /** The login that a token is of. */
  resume(token: string): Login | undefined {
    const login = this.#tokens.get(token);
    return login === undefined || (login.expiresAt ?? Infinity) <= this.#desk.now() ? undefined : login;
  }

  revoke(token: string): void {
    this.#tokens.delete(token);
  }

  /** The tokens of one user, or of all, are no longer good. */
  expire(account?: Account): void {
    for (const [token, login] of this.#tokens)
      if (account === undefined || login.account === account) this.#tokens.delete(token);
  }
}

const isPassword = (password: string, given: unknown): boolean => {
  if (typeof given === 'string') return given === password;
  if (!isRecord(given) || given['algorithm'] !== 'sha-256') return false;
  return given['digest'] === createHash('sha256').update(password).digest('hex');
};

/** @internal What a login over REST is answered with: the status and the body. */
export const refusedLogin = (
  failure: LoginFailure,
  isCurrent: boolean,
): { readonly status: number; readonly body: RocketchatContent } => {
  const newer = isCurrent ? { success: false } : {};
  const refused = (error: string | number, text: string) => ({
    status: 401,
    body: { ...newer, status: 'error', error, message: text },
  });
  if (failure === 'Unauthorized') return refused('Unauthorized', 'Unauthorized');
  // These come from below, where errors have numbers.
  if (failure === 'expired') return refused(403, "You've been logged out by the server. Please log in again.");
  if (failure === 'unfit') return refused(400, 'Match failed');
  const message = failure === 'totp-required' ? 'TOTP Required [totp-required]' : 'TOTP Invalid [totp-invalid]';
  const details = failure === 'totp-required' ? { details: { method: 'totp', codeGenerated: false } } : {};
  return { status: 401, body: { ...newer, status: 'error', error: failure, message, ...details } };
};
