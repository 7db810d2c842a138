import type { JsonObject } from '../model/index.js';
import { isVersion, only, type RocketchatMethodCall, type RocketchatRequest } from './codec-request.js';

/** What a visitor is registered with. */
export interface RocketchatVisitorDraft {
  /** A secret of your own making, of at least 128 random bits. Use the one that is answered from then on. */
  readonly token: string;
  readonly name?: string;
  readonly email?: string;
  readonly phone?: string;
  /** Id or name. */
  readonly department?: string;
  /** Looked at when the visitor is new. */
  readonly username?: string;
  /** By the id of the field; fields that are not known are skipped. */
  readonly customFields?: Readonly<Record<string, string>>;
}

/** A page of history, of visitors. */
export interface RocketchatHistoryOptions {
  /** How many at most, 1 to 100. Default: 50. */
  readonly limit?: number;
  /** Only what was written before: ISO 8601. */
  readonly before?: string;
  /** How many of the newest of these are left out. Default: 0. */
  readonly offset?: number;
}
/** A page that a visitor looks at. */
export interface RocketchatVisitedPage {
  readonly title: string;
  readonly url: string;
  /** What made it change: `url`, `title`, … Default: `url`. */
  readonly change?: string;
}
/** What somebody leaves while nobody is there. */
export interface RocketchatOfflineMessage {
  readonly name: string;
  readonly email: string;
  readonly message: string;
  /** Id. */
  readonly department?: string;
  readonly host?: string;
}

const visitor = { as: 'visitor' } as const;

/** @internal */
export const fieldsOf = (fields: Readonly<Record<string, string>>): readonly JsonObject[] =>
  Object.entries(fields).map(([key, value]) => ({ key, value, overwrite: true }));

// Requests of visitors. None of them needs a login.

/** @internal All fields belong inside of `visitor`. */
export const registerVisitor = (draft: RocketchatVisitorDraft): RocketchatRequest => {
  const { token, name, email, phone, department, username, customFields } = draft;
  const fields = customFields === undefined ? {} : { customFields: fieldsOf(customFields) };
  return {
    call: 'registerVisitor',
    method: 'POST',
    route: 'livechat/visitor',
    body: { visitor: { token, ...only({ name, email, phone, department, username }), ...fields } },
    repeatable: true,
    ...visitor,
  };
};
/** @internal */
export const getVisitor = (token: string): RocketchatRequest => ({
  call: 'visitor',
  method: 'GET',
  route: 'livechat/visitor/:token',
  params: { token },
  ...visitor,
});
/** @internal */
export const deleteVisitor = (token: string): RocketchatRequest => ({
  call: 'deleteVisitor',
  method: 'DELETE',
  route: 'livechat/visitor/:token',
  params: { token },
  ...visitor,
});
/** @internal A GET that makes a room, or finds the one that is open. */
export const openRoom = (token: string, rid?: string, agentId?: string): RocketchatRequest => ({
  call: 'openRoom',
  method: 'GET',
  route: 'livechat/room',
  query: only({ token, rid, agentId }),
  ...visitor,
});
/** @internal */
export const visitorSend = (token: string, rid: string, _id: string, msg: string): RocketchatRequest => ({
  call: 'send',
  method: 'POST',
  route: 'livechat/message',
  body: { token, rid, _id, msg },
  ...visitor,
});
/** @internal */
export const visitorMessage = (token: string, rid: string, _id: string): RocketchatRequest => ({
  call: 'message',
  method: 'GET',
  route: 'livechat/message/:_id',
  params: { _id },
  query: { token, rid },
  ...visitor,
});
/** @internal */
export const visitorEdit = (token: string, rid: string, _id: string, msg: string): RocketchatRequest => ({
  call: 'edit',
  method: 'PUT',
  route: 'livechat/message/:_id',
  params: { _id },
  body: { token, rid, msg },
  repeatable: true,
  ...visitor,
});
/** @internal */
export const visitorRemove = (token: string, rid: string, _id: string): RocketchatRequest => ({
  call: 'remove',
  method: 'DELETE',
  route: 'livechat/message/:_id',
  params: { _id },
  body: { token, rid },
  ...visitor,
});
/** @internal `count` would be accepted, and not looked at. */
export const visitorHistory = (
  token: string,
  rid: string,
  { limit, before: end, offset = 0 }: RocketchatHistoryOptions & { readonly limit: number },
): RocketchatRequest => ({
  call: 'history',
  method: 'GET',
  route: 'livechat/messages.history/:rid',
  params: { rid },
  query: only({ token, limit: String(limit), end, offset: offset === 0 ? undefined : String(offset) }),
  ...visitor,
});
/** @internal */
export const visitorClose = (token: string, rid: string): RocketchatRequest => ({
  call: 'close',
  method: 'POST',
  route: 'livechat/room.close',
  body: { rid, token },
  ...visitor,
});
/** @internal Servers from 8.0 have another route for it. */
export const visitorTransfer = (
  token: string,
  rid: string,
  department: string,
  version: string,
): RocketchatRequest => ({
  call: 'transfer',
  method: 'POST',
  route: isVersion(version, 8) ? 'livechat/visitor/department.transfer' : 'livechat/room.transfer',
  body: { token, rid, department },
  ...visitor,
});
/** @internal */
export const agentOf = (token: string, rid: string): RocketchatRequest => ({
  call: 'agent',
  method: 'GET',
  route: 'livechat/agent.info/:rid/:token',
  params: { rid, token },
  ...visitor,
});
/** @internal */
export const nextAgent = (token: string, department?: string): RocketchatRequest => ({
  call: 'nextAgent',
  method: 'GET',
  route: 'livechat/agent.next/:token',
  params: { token },
  query: only({ department }),
  ...visitor,
});
/** @internal */
export const configOf = (token?: string, department?: string): RocketchatRequest => ({
  call: 'config',
  method: 'GET',
  route: 'livechat/config',
  query: only({ token, department }),
  ...visitor,
});
/** @internal */
export const setFields = (
  token: string,
  fields: Readonly<Record<string, string>>,
  overwrite: boolean,
): RocketchatRequest => {
  const list = Object.entries(fields).map(([key, value]) => ({ key, value, overwrite }));
  const [first] = list;
  const base = { call: 'setCustomFields', method: 'POST', repeatable: true, ...visitor } as const;
  return first !== undefined && list.length === 1
    ? { route: 'livechat/custom.field', body: { token, ...first }, ...base }
    : { route: 'livechat/custom.fields', body: { token, customFields: list }, ...base };
};
/** @internal */
export const visitorStatus = (token: string, status: string): RocketchatRequest => ({
  call: 'setStatus',
  method: 'POST',
  route: 'livechat/visitor.status',
  body: { token, status },
  repeatable: true,
  ...visitor,
});
/** @internal */
export const pageVisited = (
  token: string,
  rid: string | undefined,
  { title, url, change = 'url' }: RocketchatVisitedPage,
): RocketchatRequest => ({
  call: 'visitPage',
  method: 'POST',
  route: 'livechat/page.visited',
  body: { token, ...only({ rid }), pageInfo: { title, change, location: { href: url } } },
  ...visitor,
});
/** @internal */
export const requestTranscript = (token: string, rid: string, email: string): RocketchatRequest => ({
  call: 'requestTranscript',
  method: 'POST',
  route: 'livechat/transcript',
  body: { token, rid, email },
  ...visitor,
});
/** @internal */
export const offlineMessage = ({
  name,
  email,
  message,
  department,
  host,
}: RocketchatOfflineMessage): RocketchatRequest => ({
  call: 'leaveMessage',
  method: 'POST',
  route: 'livechat/offline.message',
  body: { name, email, message, ...only({ department, host }) },
  ...visitor,
});
/** @internal The name is free; it is what others see. */
export const visitorTyping = (token: string, rid: string, name: string, active: boolean): RocketchatMethodCall => ({
  call: 'typing',
  method: 'stream-notify-room',
  params: [`${rid}/user-activity`, name, active ? ['user-typing'] : [], { token }],
});
