import type { Desk } from './simulator-desk.js';
import { CHAT, type Account, type Chat } from './simulator-model.js';
import { Refusal } from './simulator-refusal.js';

/** @internal The chats that there are. */
export class Chats {
  readonly #desk: Desk;
  readonly #all = new Map<string, Chat>();
  readonly #of = new Map<Account, Set<Chat>>();

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** A chat that somebody is a member of. */
  find(account: Account, chatId: string): Chat {
    const chat = this.#all.get(chatId);
    if (chat === undefined) throw new Refusal(304);
    if (!chat.members.has(account)) throw new Refusal(302);
    return chat;
  }

  of(account: Account): Iterable<Chat> {
    return this.#of.get(account) ?? [];
  }

  /** The personal chat of two, or Favorites where they are the same. */
  between(one: Account, other: Account): Chat | undefined {
    const [few, many] = [one, other].map((account) => this.#of.get(account) ?? new Set<Chat>());
    const fewer = (few?.size ?? 0) < (many?.size ?? 0) ? few : many;
    return [...(fewer ?? [])].find(({ type, members }) =>
      one === other ? type === CHAT.favorites : type === CHAT.p2p && members.has(one) && members.has(other),
    );
  }

  /** Makes a chat known; tells nobody. */
  add(type: number, title: string | null, by: Account): Chat {
    const chat: Chat = {
      chatId: this.#desk.hex(),
      type,
      title,
      avatarUrl: null,
      members: new Map(),
      messages: [],
      boxes: 0,
    };
    this.#all.set(chat.chatId, chat);
    this.#desk.write({ kind: 'created', chatId: chat.chatId, by: by.id, chatType: type, title });
    return chat;
  }

  enter(chat: Chat, account: Account, role: string, seesAll: boolean): void {
    chat.members.set(account, { role, after: seesAll ? 0 : chat.boxes });
    const chats = this.#of.get(account);
    if (chats === undefined) this.#of.set(account, new Set([chat]));
    else chats.add(chat);
  }

  leave(chat: Chat, account: Account): void {
    chat.members.delete(account);
    this.#of.get(account)?.delete(chat);
  }

  remove(chat: Chat): void {
    this.#all.delete(chat.chatId);
    for (const account of [...chat.members.keys()]) this.leave(chat, account);
  }

  /** The title that a member sees: in a personal chat it names the other. */
  titleFor({ type, title, members }: Chat, account: Account, name: (other: Account) => string): string | null {
    if (type !== CHAT.p2p) return title;
    const other = [...members.keys()].find((member) => member !== account);
    return other === undefined ? title : name(other);
  }
}
