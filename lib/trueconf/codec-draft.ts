import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { Conversation, InboundEvent, Sender } from '../model/index.js';
import { isoOf } from './codec-content.js';
import type { TrueconfRequestFrame } from './codec-frame.js';
import { bareId, isSameUser } from './user-id.js';

const InChat = t.type({ chatId: t.string });

/** What the wire does not say about an event. */
export interface TrueconfArrival {
  /** An id for the event, where the server gives none; made by the receiver. */
  readonly id: string;
  /** When it arrived: ISO 8601. */
  readonly at: string;
  /** The id of the bot, to know its own messages by. */
  readonly self?: string;
  /** Which bot it is for, when a program serves several. */
  readonly account?: string;
}

/** @internal What all events of a frame share. Keys are written one by one, since spreading them takes many times as long. */
export class Draft {
  readonly #arrival: TrueconfArrival;
  readonly #frame: TrueconfRequestFrame;

  constructor(frame: TrueconfRequestFrame, arrival: TrueconfArrival) {
    this.#frame = frame;
    this.#arrival = arrival;
  }

  senderOf(id: string, isSystem = false): Sender {
    const bare = bareId(id);
    if (isSystem) return { role: 'system', id: bare };
    const { self } = this.#arrival;
    return self !== undefined && isSameUser(bare, self)
      ? { role: 'bot', id: bare, self: true }
      : { role: 'customer', id: bare };
  }

  /** What has an id of the server's. */
  posted(chatId: string, timestamp: number, id: string, sender: Sender) {
    const conversation = conversationOf(chatId, this.#arrival);
    return { id, platform: 'trueconf', conversation, at: isoOf(timestamp), sender, raw: this.#frame };
  }

  /** What has none: one that was made, and a fingerprint. */
  in(chatId: string, timestamp?: number) {
    const { method, payload } = this.#frame;
    return {
      id: this.#arrival.id,
      fingerprint: `${method} ${JSON.stringify(payload)}`,
      platform: 'trueconf',
      conversation: conversationOf(chatId, this.#arrival),
      at: timestamp === undefined ? this.#arrival.at : isoOf(timestamp),
      raw: this.#frame,
    };
  }
}

const conversationOf = (id: string, { account }: TrueconfArrival): Conversation =>
  account === undefined
    ? { platform: 'trueconf', id, channel: 'trueconf' }
    : { platform: 'trueconf', account, id, channel: 'trueconf' };

/** @internal What could not be decoded, as an event: paths and expectations; in the chat that it names, if it does. */
export const undecodableEvent = (raw: unknown, error: ChatError, arrival: TrueconfArrival): InboundEvent => {
  const payload = t.UnknownRecord.is(raw) ? raw['payload'] : undefined;
  const chatId = InChat.is(payload) ? payload.chatId : '';
  return {
    kind: 'undecodable',
    problems: error.problems ?? [],
    id: arrival.id,
    fingerprint: typeof raw === 'string' ? raw : JSON.stringify(raw),
    platform: 'trueconf',
    conversation: conversationOf(chatId, arrival),
    at: arrival.at,
    raw,
  };
};
