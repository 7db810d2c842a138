import type { InboundEvent } from '../model/index.js';
import * as t from 'io-ts';

/** How many chats are remembered. */
const MOST = 10_000;

const Created = t.type({
  method: t.literal('createP2PChat'),
  payload: t.type({ chatId: t.string, title: t.string }),
});

/** @internal With whom personal chats are, as far as it was told: a chat that is gone can be made again only then. */
export class PersonalChats {
  readonly #users = new Map<string, string>();

  userOf(chatId: string): string | undefined {
    return this.#users.get(chatId);
  }

  learn(chatId: string, userId: string): void {
    this.#users.delete(chatId);
    this.#users.set(chatId, userId);
    const [oldest] = this.#users.size > MOST ? this.#users.keys() : [];
    if (oldest !== undefined) this.#users.delete(oldest);
  }

  /** The title of a personal chat that was just made is the id of the other. */
  heard({ kind, raw }: InboundEvent): void {
    if (kind === 'started' && Created.is(raw) && raw.payload.title.includes('@'))
      this.learn(raw.payload.chatId, raw.payload.title);
  }
}

const known = new WeakMap<object, PersonalChats>();

/** @internal What source and sink of a client know together. */
export const personalChatsOf = (client: object): PersonalChats => {
  let chats = known.get(client);
  if (chats === undefined) known.set(client, (chats = new PersonalChats()));
  return chats;
};
