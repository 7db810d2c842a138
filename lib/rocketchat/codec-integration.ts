import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { InboundEvent, JsonObject, Sender } from '../model/index.js';
import { Draft, type RocketchatArrival } from './codec-draft.js';
import { given, Id, Instant, isoOf, maybe, read } from './codec-wire.js';

/** What an outgoing integration posts. */
export interface RocketchatIntegration {
  /** A secret, to be compared. */
  readonly token: string;
  readonly event: InboundEvent;
}

const Payload = t.intersection([
  t.type({ token: t.string, channel_id: Id, message_id: Id, timestamp: Instant, user_id: Id }),
  t.partial({
    user_name: maybe(t.string),
    text: maybe(t.string),
    alias: maybe(t.string),
    bot: t.unknown,
    isEdited: maybe(t.boolean),
    tmid: maybe(t.string),
  }),
]);

/**
 * What an outgoing integration posts for `sendMessage`: `message`, or `edited`, whose instant it does not tell, so that its id
 * is made. It does not say whether the visitor wrote, either: `arrival.visitor` does; else whoever is no bot is the customer.
 */
export const decodeIntegration = (
  json: unknown,
  arrival: RocketchatArrival,
): E.Either<ChatError, RocketchatIntegration> => {
  const payload = read(Payload, json, 'a post of an integration');
  if (E.isLeft(payload)) return payload;
  const {
    token,
    channel_id: rid,
    message_id: id,
    timestamp,
    user_id,
    user_name,
    alias,
    bot,
    isEdited,
    tmid,
  } = payload.right;
  const text = payload.right.text ?? '';
  const draft = new Draft(json, arrival);
  const user = { _id: user_id, username: user_name, name: alias };
  const isBot = bot !== undefined && bot !== null && bot !== false;
  const isVisitor =
    arrival.visitor?.id === undefined ? !isBot && user_id !== arrival.self : user_id === arrival.visitor.id;
  const sender: Sender = isVisitor ? draft.customer(user) : draft.agent(user, isBot);
  const at = isoOf(timestamp);
  const event: InboundEvent =
    isEdited === true
      ? { kind: 'edited', messageId: id, text, ...draft.made(rid, `edited ${id} ${at} ${text}`), sender }
      : { kind: 'message', text, ...draft.known(rid, id, at), sender, ...(given(tmid) && { replyTo: tmid }) };
  return E.right({ token, event });
};

/** What an integration is answered with: an empty answer would count as a failure. With a text, the server posts it. */
export const encodeIntegrationAnswer = (text?: string): JsonObject => (given(text) ? { text } : {});
