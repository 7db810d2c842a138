import * as t from 'io-ts';
import type { Channel, Conversation, InboundEvent } from '../model/index.js';
import type { Writable } from '../writable.js';
import { splitUrl } from './wire.js';

/** A call that a scenario makes to an adapter: the address that its transition names, and what the platform adds. */
export interface ChatfirstAdapterCall {
  /** What of the path is behind that of the adapter: constants of the scenario's author. Escaped as it came. */
  readonly action: string;
  /** The user, as talk names them. Missing where the author has to write it and did not. */
  readonly user?: string;
  /** What the user said. */
  readonly text?: string;
  /** What else the query says; of parameters with the same name, the first. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** What the wire does not say about a call or a push. */
export interface ChatfirstArrival {
  /** An id for the event, made by the receiver. */
  readonly id: string;
  /** When it arrived: ISO 8601. */
  readonly at: string;
  /** The bot, when a program serves several. */
  readonly account?: string;
  readonly channel?: Channel;
}

/** What an address says to an adapter that is mounted at `mount`; `undefined` when it leads elsewhere. */
export const decodeAdapterCall = (url: string, mount: string): ChatfirstAdapterCall | undefined => {
  const [path, search] = splitUrl(url);
  const below = path.slice(mount.length);
  if (!path.startsWith(mount) || (below !== '' && !below.startsWith('/'))) return undefined;
  const parameters: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(search)) parameters[name] ??= value;
  const { id: user, msg: text, ...rest } = parameters;
  const call: Writable<ChatfirstAdapterCall> = { action: below.replace(/^\/+|\/+$/g, ''), parameters: rest };
  if (user !== undefined && user !== '') call.user = user;
  if (text !== undefined) call.text = text;
  return call;
};

/** The address of such a call, as the platform is believed to make it: its own parameters behind those of the author. */
export const encodeAdapterCall = ({ action, user, text, parameters }: ChatfirstAdapterCall, mount: string): string => {
  const query = new URLSearchParams(parameters);
  if (user !== undefined) query.append('id', user);
  if (text !== undefined) query.append('msg', text);
  const search = query.toString();
  return `${mount}${action === '' ? '' : `/${action}`}${search === '' ? '' : `?${search}`}`;
};

/**
 * A call as an event: a `message` when it says what the user said, else a `command` with the name of the action, or `call`.
 * A call that names no user is a conversation of its own.
 */
export const adapterEvent = (
  call: ChatfirstAdapterCall,
  { id, at, account, channel = 'unknown' }: ChatfirstArrival,
): InboundEvent => {
  const { action, user, text = '' } = call;
  const platform = 'chatfirst';
  const to: Writable<Conversation> = { platform, id: user ?? id, channel };
  if (account !== undefined) to.account = account;
  const common = {
    id,
    platform,
    conversation: to,
    at,
    fingerprint: encodeAdapterCall(call, ''),
    sender: user === undefined ? ({ role: 'customer' } as const) : ({ role: 'customer', id: user } as const),
    raw: call,
  };
  return text.trim() === ''
    ? { kind: 'command', ...common, name: action === '' ? 'call' : action }
    : { kind: 'message', ...common, text };
};

const Call = t.intersection([
  t.type({ action: t.string, parameters: t.record(t.string, t.string) }),
  t.partial({ user: t.string, text: t.string }),
]);

/** The call that an event of `fromChatfirstAdapter` was, with its action and parameters; `undefined` for other events. */
export const adapterCallOf = ({ platform, raw }: InboundEvent): ChatfirstAdapterCall | undefined =>
  platform === 'chatfirst' && Call.is(raw) ? raw : undefined;
