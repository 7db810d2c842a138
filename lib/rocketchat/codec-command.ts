import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { ActionOf, OutboundAction } from '../model/index.js';
import type { RocketchatMethodCall, RocketchatRequest } from './codec-request.js';
import { Id, maybe, read, undecodable } from './codec-wire.js';

/** What of an action is not in a request. */
export interface RocketchatActionFrame {
  readonly id: string;
  readonly account?: string;
  /** The room of a request that names none. Default: empty. */
  readonly rid?: string;
}

const Text = maybe(t.string);
const Button = t.type({ text: t.string });
const Send = t.type({
  message: t.intersection([
    t.type({ rid: Id, msg: t.string }),
    t.partial({ attachments: t.array(t.partial({ actions: t.array(Button) })) }),
  ]),
});
const VisitorSend = t.type({ rid: Id, msg: t.string });
const Update = t.type({ roomId: Id, msgId: Id, text: t.string });
const Delete = t.type({ roomId: Id, msgId: Id });
const VisitorDelete = t.type({ rid: Id });
const Close = t.intersection([t.type({ rid: Id }), t.partial({ comment: Text })]);
const Forward = t.intersection([
  t.type({ roomId: Id }),
  t.partial({ userId: Text, departmentId: Text, comment: Text }),
]);
const Return = t.type({ roomId: Id });
const Transfer = t.type({ rid: Id, department: Id });
const Confirm = t.partial({ msg: Text });
const Fields = maybe(t.record(t.string, t.string));
const Info = t.type({
  guestData: t.partial({ name: Text, email: Text, phone: Text, livechatData: Fields }),
  roomData: t.intersection([
    t.type({ _id: Id }),
    t.partial({ topic: Text, tags: maybe(t.array(t.string)), livechatData: Fields }),
  ]),
});
const Register = t.type({
  visitor: t.partial({
    name: Text,
    email: Text,
    phone: Text,
    customFields: maybe(t.array(t.type({ key: t.string, value: t.string }))),
  }),
});
const Activity = t.tuple([t.string, t.string, t.array(t.string), t.UnknownRecord]);

type Unaddressed<A> = A extends ActionOf<string> ? Omit<A, 'id' | 'conversation'> : never;

const some = <T>(value: T | null | undefined): value is T => value !== null && value !== undefined;

/** The action that a request makes, for relays and specs; `platform` where there is no other. */
export const decodeRequest = (
  command: RocketchatRequest | RocketchatMethodCall,
  { id, account, rid: where = '' }: RocketchatActionFrame,
): E.Either<ChatError, OutboundAction> => {
  const addressed = (rid: string, action: Unaddressed<OutboundAction>): OutboundAction => ({
    ...action,
    id,
    conversation: { platform: 'rocketchat', ...(account !== undefined && { account }), id: rid, channel: 'livechat' },
  });
  if (!('route' in command)) {
    const [name = '', , activity = []] = Activity.is(command.params) ? command.params : [];
    const [rid, what] = name.split('/');
    return rid !== undefined && what === 'user-activity' && activity.includes('user-typing')
      ? E.right(addressed(rid, { kind: 'typing' }))
      : E.left(undecodable('a call', ['params are not those of typing']));
  }
  const { method, route, params = {}, body = {} } = command;
  const as = <T>(codec: t.Type<T, unknown>, what: (value: T) => OutboundAction): E.Either<ChatError, OutboundAction> =>
    E.map(what)(read(codec, body, `a request to ${route}`));

  switch (`${method} ${route}`) {
    case 'POST livechat/message':
      return as(VisitorSend, ({ rid, msg }) => addressed(rid, { kind: 'text', text: msg }));
    case 'POST chat.sendMessage':
      return as(Send, ({ message: { rid, msg, attachments } }) => {
        const buttons = attachments?.flatMap(({ actions = [] }) => actions) ?? [];
        if (buttons.length === 0) return addressed(rid, { kind: 'text', text: msg });
        const choices = buttons.map(({ text }) => ({ id: text, label: text }));
        return addressed(rid, { kind: 'choices', text: msg, choices });
      });
    case 'POST rooms.mediaConfirm/:rid/:fileId':
      return as(Confirm, ({ msg }) => {
        const media = { fileId: params['fileId'] ?? '' };
        return addressed(
          params['rid'] ?? '',
          some(msg) ? { kind: 'media', media, caption: msg } : { kind: 'media', media },
        );
      });
    case 'PUT livechat/message/:_id':
      return as(VisitorSend, ({ rid, msg }) =>
        addressed(rid, { kind: 'edit', messageId: params['_id'] ?? '', text: msg }),
      );
    case 'POST chat.update':
      return as(Update, ({ roomId, msgId, text }) => addressed(roomId, { kind: 'edit', messageId: msgId, text }));
    case 'DELETE livechat/message/:_id':
      return as(VisitorDelete, ({ rid }) => addressed(rid, { kind: 'remove', messageId: params['_id'] ?? '' }));
    case 'POST chat.delete':
      return as(Delete, ({ roomId, msgId }) => addressed(roomId, { kind: 'remove', messageId: msgId }));
    case 'POST livechat/room.close':
    case 'POST livechat/room.closeByUser':
      return as(Close, ({ rid, comment }) =>
        addressed(rid, some(comment) ? { kind: 'end', comment } : { kind: 'end' }),
      );
    case 'POST livechat/room.forward':
      return as(Forward, ({ roomId, userId, departmentId, comment }) =>
        addressed(roomId, {
          kind: 'handoff',
          to: some(userId) ? { kind: 'agent', id: userId } : { kind: 'department', id: departmentId ?? '' },
          ...(some(comment) && { comment }),
        }),
      );
    case 'POST livechat/inquiries.returnAsInquiry':
      return as(Return, ({ roomId }) => addressed(roomId, { kind: 'handoff', to: { kind: 'any' } }));
    case 'POST livechat/visitor/department.transfer':
    case 'POST livechat/room.transfer':
      return as(Transfer, ({ rid, department }) =>
        addressed(rid, { kind: 'handoff', to: { kind: 'department', id: department } }),
      );
    case 'POST livechat/visitor':
      return as(Register, ({ visitor: { name, email, phone, customFields } }) =>
        addressed(where, {
          kind: 'updateContact',
          ...(some(name) && { name }),
          ...(some(email) && { email }),
          ...(some(phone) && { phone }),
          ...(some(customFields) && {
            customFields: Object.fromEntries(customFields.map(({ key, value }) => [key, value])),
          }),
        }),
      );
    case 'POST livechat/room.saveInfo':
      return as(Info, ({ guestData: { name, email, phone, livechatData }, roomData }) =>
        addressed(
          roomData._id,
          some(name) || some(email) || some(phone) || some(livechatData)
            ? {
                kind: 'updateContact',
                ...(some(name) && { name }),
                ...(some(email) && { email }),
                ...(some(phone) && { phone }),
                ...(some(livechatData) && { customFields: livechatData }),
              }
            : {
                kind: 'updateConversation',
                ...(some(roomData.topic) && { subject: roomData.topic }),
                ...(some(roomData.tags) && { topics: roomData.tags }),
                ...(some(roomData.livechatData) && { customFields: roomData.livechatData }),
              },
        ),
      );
    default:
      return E.right(addressed(where, { kind: 'platform', name: route, payload: body }));
  }
};
