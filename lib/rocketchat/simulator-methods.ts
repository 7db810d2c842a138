import { isRecord } from '../trueconf/simulator-fields.js';
import type { Login, LoginFailure } from './simulator-accounts.js';
import { Fields } from './simulator-fields.js';
import type { Account, RocketchatContent } from './simulator-model.js';
import { may } from './simulator-permissions.js';
import { coded, Refusal } from './simulator-refusal.js';
import type { World } from './simulator-routes.js';
import type { Listener } from './simulator-streams.js';

/** @internal What a call on a socket fails with, as it is on the wire. */
export class MethodError extends Error {
  readonly code: string | number;
  readonly body: RocketchatContent;

  constructor(code: string | number, reason?: string, details?: RocketchatContent) {
    const message = `${reason ?? ''} [${code}]`.trimStart();
    super(message);
    this.code = code;
    this.body = {
      isClientSafe: true,
      error: code,
      ...(reason !== undefined && { reason }),
      ...(details !== undefined && { details }),
      message,
      errorType: 'Meteor.Error',
    };
  }
}

/** @internal Who calls, and what a login changes. */
export interface MethodCaller extends Listener {
  readonly loggedIn: (login: Login) => void;
  readonly loggedOut: () => void;
}

/** @internal A call on a socket: its result, or nothing where there is none. */
export type Method = (params: readonly unknown[], by: MethodCaller) => unknown;

const SEND_KEYS = [
  '_id',
  'rid',
  'msg',
  'tmid',
  'tshow',
  'attachments',
  'blocks',
  'customFields',
  'alias',
  'avatar',
  'emoji',
];

/** @internal The calls that a socket takes. */
export const methodsOf = (world: World): ReadonlyMap<string, Method> => {
  const { desk, accounts, rooms, streams, sending, views } = world;

  const login: Method = ([given], by) => {
    const outer = isRecord(given) ? given : {};
    const second = isRecord(outer['totp']) ? outer['totp'] : undefined;
    const inner = isRecord(second?.['login']) ? second['login'] : outer;
    const resume = inner['resume'];
    const made =
      typeof resume === 'string' ? (accounts.resume(resume) ?? 'expired') : withPassword(inner, second?.['code']);
    if (made === 'expired') throw new MethodError(403, "You've been logged out by the server. Please log in again.");
    if (made === 'totp-required')
      throw new MethodError('totp-required', 'TOTP Required', { method: 'totp', codeGenerated: false });
    if (made === 'totp-invalid') throw new MethodError('totp-invalid', 'TOTP Invalid', { method: 'totp' });
    if (typeof made === 'string') throw new MethodError(403, 'User not found');
    by.loggedIn(made);
    const { account, token, expiresAt } = made;
    const expires = expiresAt === undefined ? {} : { tokenExpires: new Date(expiresAt) };
    return { id: account.id, token, ...expires, type: typeof resume === 'string' ? 'resume' : 'password' };
  };
  const withPassword = (given: RocketchatContent, code: unknown): Login | LoginFailure => {
    const user = new Fields(given).fields('user');
    const name = user.perhaps('username') ?? user.text('email');
    return accounts.login(name, given['password'], typeof code === 'string' ? code : undefined);
  };
  const userOf = ({ account }: MethodCaller): Account => {
    if (account === undefined) throw new MethodError('error-invalid-user', 'Invalid user');
    return account;
  };

  /** A typing mark. Whoever calls it by another's name is not heard, and not told. */
  const activity: Method = ([event, name, given, more], by) => {
    const [rid = '', what] = typeof event === 'string' ? event.split('/') : [];
    const room = rooms.all.get(rid);
    if (room === undefined || typeof name !== 'string' || (what !== 'user-activity' && what !== 'typing'))
      return undefined;
    const { account } = by;
    const token = isRecord(more) ? more['token'] : undefined;
    const ownName = desk.rules.realNames ? account?.name : account?.username;
    const isAgent = account !== undefined && rooms.canAccess(room, account) && name === ownName;
    // Whoever has the token is the visitor, also on a socket with a login.
    const isVisitor = token === room.visitor.token;
    if (!isAgent && !isVisitor) return undefined;
    const list = Array.isArray(given) ? given.filter((one): one is string => typeof one === 'string') : [];
    streams.typing(room, name, what === 'typing' ? (given === true ? ['user-typing'] : []) : list, by);
    return undefined;
  };

  /** Errors are swallowed, all but one: a result without a message is a message that was not sent. */
  const sendMessage: Method = ([given], by) => {
    const account = userOf(by);
    const fields = new Fields(isRecord(given) ? given : {});
    if (Object.keys(fields.all).some((name) => !SEND_KEYS.includes(name))) throw new MethodError(400, 'Match failed');
    const extra = Object.fromEntries(
      Object.entries(fields.all).filter(([name]) => !['_id', 'rid', 'msg'].includes(name)),
    );
    try {
      const { rid, id } = { rid: fields.text('rid'), id: fields.perhaps('_id') };
      if (!rooms.all.has(rid)) throw coded('error-not-allowed', 'Not allowed');
      const message = sending.agent(account, { rid, msg: fields.text('msg'), id, extra });
      return message && views.message(message);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.code === 'error-not-allowed') throw new MethodError('error-not-allowed');
      const notice = { _id: desk.id(), rid: fields.text('rid'), ts: new Date(desk.now()), msg: error.message };
      streams.user(account, 'message', notice);
      return undefined;
    }
  };

  return new Map<string, Method>([
    ['login', login],
    [
      'logout',
      (_, by) => {
        by.loggedOut();
        return undefined;
      },
    ],
    ['stream-notify-room', activity],
    ['sendMessage', sendMessage],
  ]);
};

/** @internal How many calls of a method a socket may make in which time. */
export const methodLimitOf = (
  method: string,
  account: Account | undefined,
): { readonly limit: number; readonly windowMs: number } => {
  if (method === 'login') return { limit: 5, windowMs: 10_000 };
  if (method === 'sendMessage' && account !== undefined && !may(account, 'send-many-messages'))
    return { limit: 5, windowMs: 1_000 };
  return { limit: 10, windowMs: 10_000 };
};
