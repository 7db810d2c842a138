import { authorOf } from './simulator-model.js';
import type { Account, Message, RocketchatContent, Room, Served } from './simulator-model.js';
import { nameOf, type Views } from './simulator-views.js';

const SHOWN = ['livechat-close'];

/** @internal Who served a room, as webhooks say it. */
export const servedIn = ({ account, at }: Served): RocketchatContent => ({
  _id: account.id,
  username: account.username,
  ts: new Date(at),
});

const agentIn = ({ id, username, name, email }: Account): RocketchatContent => ({
  _id: id,
  username,
  name,
  ...(email !== undefined && { email }),
});

/** @internal The bodies of webhooks. */
export class Payloads {
  readonly #views: Views;

  constructor(views: Views) {
    this.#views = views;
  }

  /** What all webhooks about a room begin with. */
  info(room: Room): RocketchatContent {
    const { visitor, tags, topic, livechatData, crmData, servedBy, department } = room;
    const { email, phone } = visitor;
    return {
      _id: room.id,
      label: nameOf(visitor),
      ...(topic !== undefined && { topic }),
      createdAt: new Date(room.createdAt),
      lastMessageAt: new Date(room.messageAt),
      ...(tags.length > 0 && { tags: [...tags] }),
      ...(Object.keys(livechatData).length > 0 && { customFields: { ...livechatData } }),
      ...(crmData !== undefined && { crmData }),
      visitor: {
        _id: visitor.id,
        token: visitor.token,
        name: nameOf(visitor),
        username: visitor.username,
        ...(department !== undefined && { department: department.id }),
        ...(email !== undefined && { email: [{ address: email }] }),
        phone: phone === undefined ? null : [{ phoneNumber: phone }],
        ...(Object.keys(visitor.livechatData).length > 0 && { customFields: { ...visitor.livechatData } }),
      },
      ...(servedBy !== undefined && { agent: agentIn(servedBy.account) }),
    };
  }

  /** A message; without words its text is missing, unless it has blocks. */
  message(message: Message, isAlone = false): RocketchatContent {
    const { id, room, at, updatedAt, msg, author, t, extra, editedAt } = message;
    const { username, _id, ...rest } = authorOf(author);
    const { file, attachments, blocks } = extra;
    const text = msg !== '' ? msg : blocks === undefined ? undefined : JSON.stringify(blocks);
    const fileUpload = this.#views.upload(message);
    return {
      u: { _id, username, ...rest },
      _id: id,
      username,
      ...(text !== undefined && { msg: text }),
      ts: new Date(at),
      ...(isAlone && { rid: room.id }),
      ...(editedAt !== undefined && { editedAt: new Date(editedAt) }),
      ...(author.kind === 'agent' && { agentId: _id }),
      ...(t === 'livechat-close' && { closingMessage: true }),
      ...(file !== undefined && { file }),
      ...(attachments !== undefined && { attachments }),
      ...(fileUpload !== undefined && { fileUpload }),
      ...(blocks !== undefined && { blocks }),
      ...(isAlone && { _updatedAt: new Date(updatedAt) }),
    };
  }

  /** All messages of a room that webhooks show, oldest first. */
  transcript({ messages }: Room): readonly RocketchatContent[] {
    return messages.filter(({ t }) => t === undefined || SHOWN.includes(t)).map((message) => this.message(message));
  }
}

/** @internal What `livechat/webhook.test` sends: unlike real webhooks, e-mail and phone are texts, and there is no token. */
export const SAMPLE: RocketchatContent = {
  type: 'LivechatSession',
  _id: 'fasd6f5a4sd6f8a4sdf',
  label: 'title',
  topic: 'asiodojf',
  createdAt: '2024-01-01T00:00:00.000Z',
  lastMessageAt: '2024-01-01T00:00:00.000Z',
  tags: ['tag1', 'tag2', 'tag3'],
  customFields: { productId: '123456' },
  visitor: {
    _id: '',
    name: 'visitor name',
    username: 'visitor-username',
    department: 'department',
    email: 'email@address.com',
    phone: '192873192873',
    ip: '123.456.7.89',
    browser: 'Chrome',
    os: 'Linux',
    customFields: { customerId: '123456' },
  },
  agent: { _id: 'asdf89as6df8', username: 'agent.username', name: 'Agent Name', email: 'agent@email.com' },
  messages: [
    { username: 'visitor-username', msg: 'message content', ts: '2024-01-01T00:00:00.000Z' },
    {
      username: 'agent.username',
      agentId: 'asdf89as6df8',
      msg: 'message content from agent',
      ts: '2024-01-01T00:00:00.000Z',
    },
  ],
};
