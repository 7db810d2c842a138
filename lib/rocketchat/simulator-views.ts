import type { Desk } from './simulator-desk.js';
import { metricsOf } from './simulator-metrics.js';
import { authorOf } from './simulator-model.js';
import type {
  Account,
  Department,
  Inquiry,
  Membership,
  Message,
  RocketchatContent,
  Room,
  Visitor,
} from './simulator-model.js';
import { statusOf } from './simulator-permissions.js';

const date = (at: number): Date => new Date(at);

/** @internal Everything as it is on the wire. Moments are dates, which REST and sockets write differently. */
export class Views {
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  visitor({ id, username, token, status, createdAt, updatedAt, ...more }: Visitor): RocketchatContent {
    const { name, email, phone, department, livechatData } = more;
    return {
      _id: id,
      username,
      token,
      status,
      ts: date(createdAt),
      _updatedAt: date(updatedAt),
      ...(name !== undefined && { name }),
      ...(email !== undefined && { visitorEmails: [{ address: email }] }),
      ...(phone !== undefined && { phone: [{ phoneNumber: phone }] }),
      ...(department !== undefined && { department: department.id }),
      ...(Object.keys(livechatData).length > 0 && { livechatData: { ...livechatData } }),
    };
  }

  room(room: Room): RocketchatContent {
    const { servedBy, department, queuedAt, tags, topic, livechatData, lastMessage, closedAt, closedBy } = room;
    const isContact = this.#desk.since('7.1');
    return {
      _id: room.id,
      t: 'l',
      fname: nameOf(room.visitor),
      ts: date(room.createdAt),
      lm: date(room.messageAt),
      msgs: room.count,
      usersCount: 1 + room.members.size,
      cl: false,
      ...(room.isOpen && { open: true }),
      ...(room.answered === undefined && { waitingResponse: true }),
      v: this.#guest(room.visitor),
      ...(servedBy !== undefined && {
        servedBy: { _id: servedBy.account.id, username: servedBy.account.username, ts: date(servedBy.at) },
      }),
      ...(department !== undefined && { departmentId: department.id }),
      source: { type: 'api' },
      ...(queuedAt !== undefined && { queuedAt: date(queuedAt) }),
      priorityWeight: 99,
      estimatedWaitingTimeQueue: 9999999,
      ...(isContact && { verified: false, contactId: `${room.visitor.id.slice(0, -1)}c` }),
      ...(tags.length > 0 && { tags: [...tags] }),
      ...(topic !== undefined && { topic }),
      ...(Object.keys(livechatData).length > 0 && { livechatData: { ...livechatData } }),
      ...(lastMessage !== undefined && { lastMessage: this.message(lastMessage) }),
      ...metricsOf(room),
      ...(closedAt !== undefined && { closedAt: date(closedAt), closer: room.closer, closedBy }),
      ...(room.crmData !== undefined && { crmData: room.crmData }),
      _updatedAt: date(room.updatedAt),
    };
  }

  inquiry(inquiry: Inquiry): RocketchatContent {
    const { room, department, defaultAgent, takenAt, queuedAt } = inquiry;
    return {
      _id: inquiry.id,
      rid: room.id,
      name: nameOf(room.visitor),
      ts: date(inquiry.createdAt),
      message: '',
      status: inquiry.status,
      t: 'l',
      v: this.#guest(room.visitor),
      ...(department !== undefined && { department: department.id }),
      ...(defaultAgent !== undefined && {
        defaultAgent: { agentId: defaultAgent.id, username: defaultAgent.username },
      }),
      source: { type: 'api' },
      priorityWeight: 99,
      estimatedWaitingTimeQueue: 9999999,
      ...(queuedAt !== undefined && { queuedAt: date(queuedAt) }),
      ...(takenAt !== undefined && { takenAt: date(takenAt) }),
      ...(room.lastMessage !== undefined && { lastMessage: this.message(room.lastMessage) }),
      _updatedAt: date(inquiry.updatedAt),
    };
  }

  message({ id, room, at, updatedAt, msg, author, t, extra, editedAt, editedBy }: Message): RocketchatContent {
    const isVisitor = author.kind === 'visitor';
    return {
      _id: id,
      ...(t !== undefined && { t }),
      rid: room.id,
      msg,
      ...(isVisitor && { token: author.visitor.token }),
      ...(isVisitor && t === undefined && { alias: nameOf(author.visitor) }),
      ts: date(at),
      u: authorOf(author),
      ...(t !== undefined && { groupable: false }),
      ...(editedAt !== undefined && { editedAt: date(editedAt) }),
      ...(editedBy !== undefined && { editedBy: idOf(authorOf(editedBy)) }),
      ...(t === undefined && { urls: [], mentions: [], channels: [] }),
      ...(t === undefined &&
        msg !== '' && { md: [{ type: 'PARAGRAPH', value: [{ type: 'PLAIN_TEXT', value: msg }] }] }),
      ...extra,
      _updatedAt: date(updatedAt),
    };
  }

  /** As REST gives it: a file has an address. */
  shown(message: Message): RocketchatContent {
    const upload = this.upload(message);
    return { ...this.message(message), ...(upload !== undefined && { fileUpload: upload }) };
  }

  upload({ extra }: Message): RocketchatContent | undefined {
    const [attachment] = (extra['attachments'] ?? []) as readonly (RocketchatContent | undefined)[];
    const file = extra['file'] as RocketchatContent | undefined;
    if (file === undefined || attachment === undefined) return undefined;
    const size =
      ['image_size', 'audio_size', 'video_size'].map((name) => attachment[name]).find(Boolean) ?? file['size'];
    return { publicFilePath: attachment['title_link'], type: file['type'], size };
  }

  agentRow(account: Account, departments: readonly Department[]): RocketchatContent {
    return {
      ...this.agent(account),
      livechat: Number.isFinite(account.maxChats) ? { maxNumberSimultaneousChat: String(account.maxChats) } : null,
      departments: departments.filter(({ agents }) => agents.has(account)).map(({ id }) => id),
    };
  }

  agent({ email, statusLivechat, ...account }: Account): RocketchatContent {
    return {
      _id: account.id,
      username: account.username,
      name: account.name,
      status: statusOf({ ...account, email, statusLivechat }),
      statusLivechat,
      emails: email === undefined ? [] : [{ address: email, verified: true }],
    };
  }

  /** An agent as visitors see one. */
  agentInfo(account: Account): RocketchatContent {
    if (!this.#desk.rules.showsAgent) return { hiddenInfo: true };
    const { id, username, name, email } = account;
    const emails = email === undefined ? {} : { emails: [{ address: email, verified: true }] };
    return { _id: id, username, name, status: statusOf(account), ...emails };
  }

  me(account: Account): RocketchatContent {
    const { id, username, name, email, roles } = account;
    return {
      _id: id,
      username,
      name,
      status: statusOf(account),
      active: true,
      roles: [...roles],
      emails: email === undefined ? [] : [{ address: email, verified: true }],
      settings: { preferences: {} },
    };
  }

  membership({ id, account, createdAt, updatedAt, unread, readAt }: Membership, room: Room): RocketchatContent {
    const name = nameOf(room.visitor);
    return {
      _id: id,
      rid: room.id,
      t: 'l',
      name,
      fname: name,
      open: true,
      alert: unread > 0,
      unread,
      userMentions: 0,
      u: { _id: account.id, username: account.username },
      v: this.#guest(room.visitor),
      ...(room.department !== undefined && { department: room.department.id }),
      ts: date(createdAt),
      ...(readAt !== undefined && { ls: date(readAt) }),
      _updatedAt: date(updatedAt),
    };
  }

  department({ id, name, email, enabled, agents }: Department): RocketchatContent {
    return {
      _id: id,
      enabled,
      name,
      description: '',
      showOnRegistration: true,
      showOnOfflineForm: true,
      email,
      numAgents: agents.size,
    };
  }

  #guest({ id, username, token, status, name, phone }: Visitor): RocketchatContent {
    return {
      _id: id,
      username,
      token,
      status,
      ...(name !== undefined && { name }),
      ...(phone !== undefined && { phone: [{ phoneNumber: phone }] }),
    };
  }
}

/** @internal What a visitor is called. */
export const nameOf = ({ name, username }: Visitor): string => name ?? username;

/** @internal An author without a name. */
export const idOf = ({ _id, username }: { readonly _id: string; readonly username: string }) => ({ _id, username });
