import type { Accounts } from './simulator-accounts.js';
import type { Desk } from './simulator-desk.js';
import type { Visitor } from './simulator-model.js';
import { bare, coded, plain } from './simulator-refusal.js';

/** @internal What a visitor is registered with. */
export interface Registration {
  readonly token: string;
  readonly name?: string | undefined;
  readonly email?: string | undefined;
  readonly phone?: string | undefined;
  readonly department?: string | undefined;
  readonly username?: string | undefined;
  readonly id?: string | undefined;
}

/** @internal A value of a custom field. */
export interface CustomField {
  readonly key: string;
  readonly value: string;
  readonly overwrite: boolean;
}

/** @internal Visitors, who are known by their tokens. */
export class Visitors {
  readonly #desk: Desk;
  readonly #accounts: Accounts;
  readonly #all = new Map<string, Visitor>();
  /** Counts the names of guests. */
  #guests = 0;

  constructor(desk: Desk, accounts: Accounts) {
    this.#desk = desk;
    this.#accounts = accounts;
  }

  /** The visitor with this token. */
  find(token: string): Visitor | undefined {
    const visitor = this.#all.get(token);
    return visitor?.isDisabled === true ? undefined : visitor;
  }

  /** The same, or an error without a type. */
  known(token: string): Visitor {
    const visitor = this.find(token);
    if (visitor === undefined) throw plain('invalid-token');
    return visitor;
  }

  /**
   * Makes a visitor known, or changes one: the one with this token, else the one with this phone, who keeps the old token,
   * else the one with this e-mail, who gets the new one.
   */
  register(given: Registration): Visitor {
    const { token, name, phone } = given;
    if (token.trim() === '') throw coded('error-invalid-token', 'Token cannot be empty');
    const email = given.email?.trim().toLowerCase();
    if (email !== undefined && email !== '' && !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email))
      throw coded('error-invalid-email', `Invalid email ${email}`);
    const department = given.department === undefined ? undefined : this.#accounts.department(given.department);
    if (given.department !== undefined && department === undefined)
      throw coded('error-invalid-department', 'Invalid department');

    let visitor = this.find(token) ?? this.#with('phone', phone);
    const byEmail = visitor === undefined ? this.#with('email', email) : undefined;
    const isNew = visitor === undefined && byEmail === undefined;
    if (visitor === undefined) {
      visitor = byEmail ?? this.#create(given);
      this.#all.delete(visitor.token);
      visitor.token = token;
      this.#all.set(token, visitor);
    }
    if (name !== undefined && name !== '') visitor.name = name;
    if (email !== undefined && email !== '') visitor.email = email;
    if (phone !== undefined && phone !== '') visitor.phone = phone;
    if (department !== undefined) visitor.department = department;
    visitor.updatedAt = this.#desk.now();
    const fields = { name, email, phone, department: department?.id };
    this.#desk.write({ kind: isNew ? 'registered' : 'updated', visitorId: visitor.id, fields });
    return visitor;
  }

  /** Sets a custom field; those that nobody knows are left alone, which is answered with false. */
  setField(visitor: Visitor, { key, value, overwrite }: CustomField): boolean {
    const field = this.#desk.rules.customFields[key];
    if (field?.scope !== 'visitor') return false;
    if (field.regexp !== undefined && !new RegExp(field.regexp).test(value))
      throw coded('error-invalid-custom-field-value', `Invalid value for ${key} field`);
    if (overwrite || visitor.livechatData[key] === undefined) visitor.livechatData[key] = value;
    visitor.updatedAt = this.#desk.now();
    return true;
  }

  remove(visitor: Visitor): void {
    if (visitor.isDisabled) throw bare();
    visitor.isDisabled = true;
    this.#desk.write({ kind: 'forgotten', visitorId: visitor.id });
  }

  #with(name: 'phone' | 'email', value: string | undefined): Visitor | undefined {
    if (value === undefined || value === '') return undefined;
    for (const visitor of this.#all.values()) if (!visitor.isDisabled && visitor[name] === value) return visitor;
    return undefined;
  }

  #create({ token, id, username }: Registration): Visitor {
    const at = this.#desk.now();
    return {
      id: id ?? this.#desk.hex(),
      token,
      username: username ?? `guest-${++this.#guests}`,
      name: undefined,
      email: undefined,
      phone: undefined,
      department: undefined,
      status: 'online',
      livechatData: {},
      createdAt: at,
      updatedAt: at,
      isDisabled: false,
    };
  }
}
