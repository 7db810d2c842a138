import { either as E } from 'fp-ts';
import type { ChatError } from '../errors.js';
import type { InboundEvent, MessageEvent, Sender } from '../model/index.js';
import type { Writable } from '../writable.js';
import { attachedTo } from './codec-media.js';
import { Draft, lifeId, type RocketchatArrival } from './codec-draft.js';
import { given, isoOf, Message, read, undecodable, type WireMessage } from './codec-wire.js';

type Decoded = E.Either<ChatError, readonly InboundEvent[]>;

/** @internal */
export const takenEvent = (draft: Draft, rid: string, agent: Sender | undefined, at: string): InboundEvent => {
  const base = draft.known(rid, lifeId(rid, 'taken', agent?.id), at);
  if (agent?.self === true) return { kind: 'membership', change: 'joined', members: [agent], ...base };
  return agent === undefined ? { kind: 'handoffTaken', ...base } : { kind: 'handoffTaken', agent, ...base };
};

/** @internal */
export const forwardedEvent = (draft: Draft, rid: string, to: string, at: string, sender?: Sender): InboundEvent => {
  const base = draft.known(rid, lifeId(rid, 'forwarded', to), at);
  return sender === undefined
    ? { kind: 'other', name: 'forwarded', ...base }
    : { kind: 'other', name: 'forwarded', ...base, sender };
};

/** @internal */
export const endedEvent = (
  draft: Draft,
  rid: string,
  at: string,
  sender: Sender | undefined,
  comment = '',
): InboundEvent => ({
  kind: 'ended',
  ...draft.known(rid, lifeId(rid, 'ended'), at),
  ...(sender !== undefined && { by: sender.role, sender }),
  ...(comment !== '' && { reason: comment }),
});

const transferred = (message: WireMessage, rid: string, draft: Draft, at: string, sender: Sender): InboundEvent => {
  const { nextDepartment, transferredTo } = message.transferData ?? {};
  const to = nextDepartment
    ? `department:${nextDepartment._id}`
    : transferredTo
      ? `agent:${transferredTo._id}`
      : 'queue';
  return forwardedEvent(draft, rid, to, at, sender);
};

/** The customer, where the message has a visitor token, or comes from who is known to be the visitor. */
const senderOf = ({ u, token, bot, agentId }: WireMessage, draft: Draft): Sender => {
  const { visitor } = draft.arrival;
  const isVisitor = given(token) || (visitor?.id !== undefined && u._id === visitor.id && !given(agentId));
  return isVisitor ? draft.customer(u) : draft.agent(u, typeof bot === 'object' && bot !== null);
};

const systemEvent = (type: string, message: WireMessage, rid: string, draft: Draft, at: string): InboundEvent => {
  const { _id, u, msg } = message;
  const sender = senderOf(message, draft);
  switch (type) {
    case 'livechat-started':
      return { kind: 'started', ...draft.known(rid, lifeId(rid, 'started'), at), sender };
    case 'livechat-close':
      return endedEvent(draft, rid, at, sender, msg ?? '');
    case 'livechat_transfer_history':
      return transferred(message, rid, draft, at, sender);
    case 'uj':
      return { kind: 'membership', change: 'joined', members: [draft.agent(u)], ...draft.known(rid, _id, at) };
    case 'ul':
      return { kind: 'membership', change: 'left', members: [draft.agent(u)], ...draft.known(rid, _id, at) };
    case 'rm':
      return { kind: 'removed', messageId: _id, ...draft.known(rid, `${_id}~removed`, at) };
    case 'command':
      return msg === 'connected'
        ? takenEvent(draft, rid, draft.agent(u), at)
        : { kind: 'other', name: 'command', ...draft.known(rid, _id, at), sender };
    default:
      return { kind: 'other', name: type, ...draft.known(rid, _id, at), sender };
  }
};

/** @internal A message of this room as events. */
export const messageEvents = (message: WireMessage, rid: string, draft: Draft): Decoded => {
  const { _id, ts, t: type, editedAt, closingMessage } = message;
  const at = isoOf(ts);
  const text = message.msg ?? '';
  if (given(type)) {
    if (type === 'e2e') return E.left(undecodable('a message', ['the message is encrypted']));
    return E.right([systemEvent(type, message, rid, draft, at)]);
  }
  const sender = senderOf(message, draft);
  if (closingMessage === true) return E.right([endedEvent(draft, rid, at, sender, text)]);
  const { media, description, replyTo } = attachedTo(message, draft.arrival.baseUrl);
  const [first] = media;
  const { raw } = draft;
  const common = { id: _id, platform: 'rocketchat', conversation: draft.conversation(rid), at, raw, sender };
  let event: InboundEvent;
  if (first !== undefined && media.length === 1) {
    const caption = text === '' ? description : text;
    event =
      caption === undefined
        ? { kind: 'media', media: first, ...common }
        : { kind: 'media', media: first, caption, ...common };
  } else {
    const said: Writable<MessageEvent> = { kind: 'message', text, ...common };
    if (replyTo !== undefined) said.replyTo = replyTo;
    if (first !== undefined) said.attachments = media;
    event = said;
  }
  if (editedAt == null) return E.right([event]);
  const edited = isoOf(editedAt);
  return E.right([
    event,
    { kind: 'edited', messageId: _id, text, ...draft.known(rid, `${_id}~${Date.parse(edited)}`, edited), sender },
  ]);
};

/**
 * A message of REST, of the socket, or of a webhook, as events; which of them it came from cannot be told from their ids.
 *
 * | message | events | id |
 * | --- | --- | --- |
 * | from somebody | `message`, or `media` when it is one file | `_id` |
 * | that was edited | the same in its present state, then `edited` | `_id`, `_id~<milliseconds>` |
 * | `livechat-started` | `started` | `rid~started` |
 * | `command` with `connected` | `handoffTaken`; `membership` when it is ours | `rid~taken~<agent>` |
 * | `livechat_transfer_history` | `other` with the name `forwarded` | `rid~forwarded~<department, agent or queue>` |
 * | `livechat-close`, `closingMessage` | `ended` | `rid~ended` |
 * | `uj`, `ul` | `membership` | `_id` |
 * | `rm` | `removed` | `_id~removed` |
 * | any other `t` | `other` with that name | `_id` |
 *
 * A room can be taken by somebody, or forwarded to somebody, more than once: then `at` tells one time from another.
 */
export const decodeMessage = (wire: unknown, arrival: RocketchatArrival): Decoded => {
  const message = read(Message, wire, 'a message');
  if (E.isLeft(message)) return message;
  const rid = message.right.rid ?? arrival.rid;
  if (rid === undefined) return E.left(undecodable('a message', ['rid is not an id']));
  return messageEvents(message.right, rid, new Draft(wire, arrival));
};
