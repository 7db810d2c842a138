import type { JsonObject } from '../model/index.js';
import { isVersion, only, type RocketchatMethodCall, type RocketchatRequest } from './codec-request.js';

/** A message of an agent. */
export interface RocketchatSendOptions {
  /** Its id, of your own making: sent twice, it is one message. Default: a new one. */
  readonly id?: string;
  /** Id of the message whose thread it goes to. */
  readonly thread?: string;
  /** Another name to show, which needs the permission `message-impersonate`. */
  readonly alias?: string;
  /** As the server's typings have them: buttons, quotes, pictures. */
  readonly attachments?: readonly JsonObject[];
}
/** How a room is closed. */
export interface RocketchatCloseOptions {
  /** Servers ask for one by default. */
  readonly comment?: string;
  readonly tags?: readonly string[];
  /** Sends the visitor what was said, by e-mail. Default: nothing is sent. */
  readonly transcript?: { readonly email: string; readonly subject: string };
  /** Whether a PDF is made of what was said, where the server can. Default: false. */
  readonly makePdf?: boolean;
  /** Where something is wrong with the room: from some 7.x on, where the server allows it. */
  readonly force?: boolean;
}
/** Who gets a room: an agent, a department, or an agent of a department (7.10 and later). Ids. */
export interface RocketchatForwardTo {
  readonly agent?: string;
  readonly department?: string;
  readonly comment?: string;
}
/** Which rooms. Agents and departments by id. */
export interface RocketchatRoomFilter extends RocketchatPaging {
  readonly agents?: readonly string[];
  readonly departments?: readonly string[];
  readonly open?: boolean;
  readonly createdAfter?: string;
  readonly createdBefore?: string;
  readonly closedAfter?: string;
  readonly closedBefore?: string;
  readonly tags?: readonly string[];
  readonly customFields?: Readonly<Record<string, string>>;
  readonly name?: string;
  readonly onHold?: boolean;
  /** From 7.0. */
  readonly queued?: boolean;
}
/** A part of a list. */
export interface RocketchatPaging {
  /** How many are left out. Default: 0. */
  readonly offset?: number;
  /** How many at most, 1 to 100. Default: 50. */
  readonly count?: number;
  /** By field: 1 from the smallest, -1 from the largest. */
  readonly sort?: Readonly<Record<string, 1 | -1>>;
}
/**
 * What is known of a visitor and a room, to be changed. Ids of both are needed. What is not given stays as it is, but for `tags`:
 * servers take away those that are not named.
 */
export interface RocketchatRoomInfo {
  readonly visitorId: string;
  readonly roomId: string;
  readonly name?: string;
  readonly email?: string;
  readonly phone?: string;
  readonly visitorFields?: Readonly<Record<string, string>>;
  readonly topic?: string;
  readonly tags?: readonly string[];
  readonly roomFields?: Readonly<Record<string, string>>;
}
export type RocketchatStaff = 'agent' | 'manager';

type Query = Readonly<Record<string, string | readonly string[]>>;

const paging = ({ offset = 0, count = 50, sort }: RocketchatPaging): Query => ({
  count: String(count),
  offset: String(offset),
  ...(sort !== undefined && { sort: JSON.stringify(sort) }),
});
const get = (
  call: string,
  route: string,
  query: Query = {},
  params?: Readonly<Record<string, string>>,
): RocketchatRequest => ({
  call,
  method: 'GET',
  route,
  query,
  as: 'user',
  ...(params !== undefined && { params }),
});
const post = (call: string, route: string, body: JsonObject, repeatable = false): RocketchatRequest => ({
  call,
  method: 'POST',
  route,
  body,
  as: 'user',
  ...(repeatable && { repeatable }),
});
const between = (start: string | undefined, end: string | undefined): string | undefined =>
  start === undefined && end === undefined ? undefined : JSON.stringify(only({ start, end }));
const flag = (value: boolean | undefined): string | undefined => (value === undefined ? undefined : String(value));
const fields = (map: Readonly<Record<string, string>> | undefined): JsonObject | undefined => map;

// Requests of users who are logged in.

/** @internal */
export const getRoom = (roomId: string) => get('room', 'rooms.info', { roomId });
/** @internal Ids of agents: names worked before 7.0 only. */
export const listRooms = (filter: RocketchatRoomFilter): RocketchatRequest => {
  const { agents, departments, open, createdAfter, createdBefore, closedAfter, closedBefore } = filter;
  const { tags, customFields, name, onHold, queued } = filter;
  return get('rooms', 'livechat/rooms', {
    ...only<string | readonly string[]>({
      open: flag(open),
      'agents[]': agents,
      'departmentId[]': departments,
      createdAt: between(createdAfter, createdBefore),
      closedAt: between(closedAfter, closedBefore),
      'tags[]': tags,
      customFields: customFields === undefined ? undefined : JSON.stringify(customFields),
      roomName: name,
      onhold: flag(onHold),
      queued: flag(queued),
    }),
    ...paging(filter),
  });
};
/** @internal */
export const listInquiries = (list: 'list' | 'queuedForUser', department: string | undefined, part: RocketchatPaging) =>
  get('inquiries', `livechat/inquiries.${list}`, { ...only({ department }), ...paging(part) });
/** @internal `options` are for servers that know them. */
export const takeInquiry = (inquiryId: string, userId: string | undefined, version: string): RocketchatRequest =>
  post('take', 'livechat/inquiries.take', {
    inquiryId,
    ...only({ userId }),
    ...(isVersion(version, 7, 13) && { options: { clientAction: true } }),
  });
/** @internal */
export const getInquiry = (roomId: string) => get('inquiry', 'livechat/inquiries.getOne', { roomId });
/** @internal */
export const listStaff = (type: RocketchatStaff, text: string | undefined, part: RocketchatPaging) =>
  get('staff', 'livechat/users/:type', { ...only({ text }), ...paging(part) }, { type });
/** @internal A further field would be refused. */
export const addStaff = (type: RocketchatStaff, username: string): RocketchatRequest => ({
  ...post('addStaff', 'livechat/users/:type', { username }, true),
  params: { type },
});
/** @internal */
export const getStaff = (type: RocketchatStaff, _id: string) =>
  get('staffMember', 'livechat/users/:type/:_id', {}, { type, _id });
/** @internal Without a body. */
export const removeStaff = (type: RocketchatStaff, _id: string): RocketchatRequest => ({
  call: 'removeStaff',
  method: 'DELETE',
  route: 'livechat/users/:type/:_id',
  params: { type, _id },
  as: 'user',
});
/** @internal */
export const sendMessage = (rid: string, _id: string, msg: string, options: RocketchatSendOptions = {}) => {
  const { thread: tmid, alias, attachments } = options;
  return post('send', 'chat.sendMessage', {
    message: { _id, rid, msg, ...only({ tmid, alias }), ...(attachments !== undefined && { attachments }) },
  });
};
/** @internal */
export const getMessage = (msgId: string) => get('message', 'chat.getMessage', { msgId });
/** @internal */
export const updateMessage = (roomId: string, msgId: string, text: string) =>
  post('edit', 'chat.update', { roomId, msgId, text }, true);
/** @internal */
export const deleteMessage = (roomId: string, msgId: string) => post('remove', 'chat.delete', { roomId, msgId });
/** @internal */
export const react = (messageId: string, emoji: string, shouldReact: boolean) =>
  post('react', 'chat.react', { messageId, emoji, shouldReact }, true);
/** @internal A GET that adds the caller. */
export const joinRoom = (roomId: string) => get('join', 'livechat/room.join', { roomId });
/** Without the address and the subject the server fails. */
const transcriptOf = ({ email, subject }: NonNullable<RocketchatCloseOptions['transcript']>): JsonObject => ({
  sendToVisitor: true,
  requestData: { email, subject },
});
/** @internal */
export const closeRoom = (rid: string, { comment, tags, transcript, makePdf, force }: RocketchatCloseOptions) =>
  post('close', 'livechat/room.closeByUser', {
    rid,
    ...only({ comment }),
    ...(tags !== undefined && { tags }),
    ...(transcript !== undefined && { transcriptEmail: transcriptOf(transcript) }),
    ...(makePdf === true && { generateTranscriptPdf: true }),
    ...(force === true && { forceClose: true }),
  });
/** @internal */
export const forwardRoom = (
  roomId: string,
  { agent: userId, department: departmentId, comment }: RocketchatForwardTo,
) => post('forward', 'livechat/room.forward', { roomId, ...only({ userId, departmentId, comment }) });
/** @internal */
export const returnInquiry = (roomId: string, departmentId?: string) =>
  post('returnToQueue', 'livechat/inquiries.returnAsInquiry', { roomId, ...only({ departmentId }) });
/** @internal */
export const listTransfers = (rid: string, part: RocketchatPaging) =>
  get('transfers', 'livechat/transfer.history/:rid', paging(part), { rid });
/** @internal Without `status` it would toggle. */
export const agentStatus = (status: string, agentId?: string) =>
  post('setAvailable', 'livechat/agent.status', { status, ...only({ agentId }) }, true);
/** @internal */
export const userStatus = (status: string, message?: string) =>
  post('setStatus', 'users.setStatus', { status, ...only({ message }) }, true);
/** @internal */
export const listDepartments = (text: string | undefined, enabled: boolean | undefined, part: RocketchatPaging) =>
  get('departments', 'livechat/department', { ...only({ text, enabled: flag(enabled) }), ...paging(part) });
/** @internal */
export const getDepartment = (_id: string) => get('department', 'livechat/department/:_id', {}, { _id });
/** @internal */
export const routingConfig = () => get('routing', 'livechat/config/routing');
/** @internal */
export const saveInfo = (info: RocketchatRoomInfo): RocketchatRequest => {
  const { visitorId, roomId, name, email, phone, visitorFields, topic, tags, roomFields } = info;
  return post(
    'saveInfo',
    'livechat/room.saveInfo',
    {
      guestData: { _id: visitorId, ...only({ name, email, phone, livechatData: fields(visitorFields) }) },
      roomData: { _id: roomId, ...only({ topic, tags, livechatData: fields(roomFields) }) },
    },
    true,
  );
};
/** @internal */
export const syncMessages = (roomId: string, lastUpdate: string) =>
  get('sync', 'chat.syncMessages', { roomId, lastUpdate });
/** @internal */
export const getSubscriptions = (updatedSince?: string) =>
  get('subscriptions', 'subscriptions.get', only({ updatedSince }));
/** @internal */
export const markRead = (rid: string) => post('markRead', 'subscriptions.read', { rid }, true);
/** @internal */
export const readReceipts = (messageId: string) => get('receipts', 'chat.getMessageReadReceipts', { messageId });
/** @internal */
export const confirmMedia = (rid: string, fileId: string, msg?: string, description?: string): RocketchatRequest => ({
  ...post('confirmFile', 'rooms.mediaConfirm/:rid/:fileId', only({ msg, description })),
  params: { rid, fileId },
});
/** @internal `name` must be the caller's user name, or the event is dropped without an error. */
export const agentTyping = (rid: string, name: string, active: boolean): RocketchatMethodCall => ({
  call: 'typing',
  method: 'stream-notify-room',
  params: [`${rid}/user-activity`, name, active ? ['user-typing'] : [], {}],
});
