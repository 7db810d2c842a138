import type { Conversation, InboundEvent, Sender } from '../model/index.js';
import type { Writable } from '../writable.js';
import { given, type WireUser } from './codec-wire.js';

/** What the wire does not say about an event. */
export interface RocketchatArrival {
  /** An id for the event, where nothing on the wire gives one; made by the receiver. */
  readonly id: string;
  /** When it arrived: ISO 8601. */
  readonly at: string;
  /** The id of the user, or visitor, that we are: to know our own messages by. */
  readonly self?: string;
  /** Which server or workspace it is, when a program serves several. */
  readonly account?: string;
  /** The address of the server, to make the addresses of files whole. */
  readonly baseUrl?: string;
  /** The room of what names none: of the parts of a webhook, or of a deletion. */
  readonly rid?: string;
  /** The visitor of the room, where it is known: who types is told by name alone, and parts of a webhook by id. */
  readonly visitor?: { readonly id?: string; readonly username?: string; readonly name?: string };
}

/**
 * @internal The id of what happens once to a room, or once to it and somebody: from a webhook it is the same as from the
 * socket, and from history. That it happened again only the time tells.
 */
export const lifeId = (rid: string, what: 'started' | 'ended' | 'queued' | 'taken' | 'forwarded', to = ''): string =>
  to === '' ? `${rid}~${what}` : `${rid}~${what}~${to}`;

/** @internal What all events of an arrival share. Keys are written one by one: spreading them takes many times as long. */
export class Draft {
  readonly arrival: RocketchatArrival;
  readonly raw: unknown;

  constructor(raw: unknown, arrival: RocketchatArrival) {
    this.raw = raw;
    this.arrival = arrival;
  }

  conversation(rid: string): Conversation {
    const { account } = this.arrival;
    return account === undefined
      ? { platform: 'rocketchat', id: rid, channel: 'livechat' }
      : { platform: 'rocketchat', account, id: rid, channel: 'livechat' };
  }

  /** Somebody on the human side, or we ourselves. */
  agent({ _id, username, name }: WireUser, isBot = false): Sender {
    const isSelf = _id === this.arrival.self;
    const sender: Writable<Sender> = { role: isSelf || isBot ? 'bot' : 'agent', id: _id };
    if (given(name)) sender.name = name;
    else if (given(username)) sender.name = username;
    if (isSelf) sender.self = true;
    return sender;
  }

  customer({ _id, username, name }: WireUser): Sender {
    const sender: Writable<Sender> = { role: 'customer', id: _id };
    if (given(name)) sender.name = name;
    else if (given(username)) sender.name = username;
    if (_id === this.arrival.self) sender.self = true;
    return sender;
  }

  /** What has an id. */
  known(rid: string, id: string, at: string) {
    return { id, platform: 'rocketchat', conversation: this.conversation(rid), at, raw: this.raw };
  }

  /** What has none: one that was made, and a fingerprint, which is equal for equal deliveries. */
  made(rid: string, fingerprint: string, at = this.arrival.at) {
    return {
      id: this.arrival.id,
      fingerprint,
      platform: 'rocketchat',
      conversation: this.conversation(rid),
      at,
      raw: this.raw,
    };
  }

  other(rid: string, name: string, fingerprint = name): InboundEvent {
    return { kind: 'other', name, ...this.made(rid, fingerprint) };
  }
}

/** @internal What could not be decoded, as an event: paths and expectations; in the room that it names, if it does. */
export const undecodableEvent = (
  raw: unknown,
  problems: readonly string[],
  rid: string,
  arrival: RocketchatArrival,
): InboundEvent => ({
  kind: 'undecodable',
  problems,
  ...new Draft(raw, arrival).made(rid, `undecodable ${arrival.id}`),
});
