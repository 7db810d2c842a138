import type { Chats } from './simulator-chats.js';
import type { Desk } from './simulator-desk.js';
import type { Messages } from './simulator-messages.js';
import { CHAT, TYPE, type Account, type Actor, type Chat, type TrueconfContent } from './simulator-model.js';
import { Refusal } from './simulator-refusal.js';
import type { Views } from './simulator-views.js';
import { isRoleOf, mayDelete, mayManage } from './simulator-rights.js';

const CREATED: Readonly<Record<number, string>> = {
  [CHAT.p2p]: 'createP2PChat',
  [CHAT.group]: 'createGroupChat',
  [CHAT.favorites]: 'createFavoritesChat',
  [CHAT.channel]: 'createChannel',
};

/** @internal How chats come, change and go: members, roles, titles, pictures. */
export class Groups {
  readonly #desk: Desk;
  readonly #chats: Chats;
  readonly #messages: Messages;
  readonly #views: Views;

  constructor(desk: Desk, chats: Chats, messages: Messages, views: Views) {
    this.#desk = desk;
    this.#chats = chats;
    this.#messages = messages;
    this.#views = views;
  }

  /** The personal chat of two, which is made and told of when there is none. */
  open(by: Actor, other: Account): Chat {
    const { chat, tell } = this.meet(by, other);
    tell();
    return chat;
  }

  /** The same, to be told of by the caller. */
  meet(by: Actor, other: Account): { readonly chat: Chat; readonly tell: () => void } {
    const { account } = by;
    const found = this.#chats.between(account, other);
    if (found !== undefined) return { chat: found, tell: () => undefined };
    const isOwn = account === other;
    const chat = this.#chats.add(isOwn ? CHAT.favorites : CHAT.p2p, null, account);
    for (const member of new Set([account, other]))
      this.#chats.enter(chat, member, isOwn ? 'favorites_owner' : 'user', true);
    return {
      chat,
      tell: () => {
        this.#created(chat, by);
      },
    };
  }

  /** A group or channel; only its creator hears of that. */
  create(by: Actor, type: number, title: string): Chat {
    const chat = this.#chats.add(type, title, by.account);
    this.#chats.enter(chat, by.account, 'owner', true);
    this.#created(chat, by);
    return chat;
  }

  delete(chat: Chat, by: Actor): void {
    if (!mayDelete(chat, by.account)) throw new Refusal(303);
    const { chatId } = chat;
    const to = [...chat.members.keys()];
    this.#messages.drop(chat);
    this.#chats.remove(chat);
    this.#desk.write({ kind: 'deleted', chatId, by: by.account.id });
    this.#desk.publish({ to, by, method: 'removeChat', payload: () => ({ chatId }) });
  }

  invite(chat: Chat, by: Actor, user: Account, seesAll: boolean): void {
    if (!mayManage(chat, by.account)) throw new Refusal(303);
    if (chat.members.has(user)) throw new Refusal(309);
    this.#chats.enter(chat, user, 'user', seesAll);
    this.#desk.write({ kind: 'joined', chatId: chat.chatId, by: by.account.id, userId: user.id });
    this.#tell(chat, by, 'addChatParticipant', { userId: user.id, addedBy: this.#authorOf(by), ...this.#stamp() });
    this.#messages.post(chat, by, TYPE.added, { userId: user.id, role: 'user' });
  }

  /** Everybody may leave; to send others away takes a right. */
  dismiss(chat: Chat, by: Actor, user: Account, clearsHistory: boolean): void {
    if (chat.type === CHAT.p2p || chat.type === CHAT.favorites) throw new Refusal(303);
    if (user !== by.account && !mayManage(chat, by.account)) throw new Refusal(303);
    if (!chat.members.has(user)) throw new Refusal(305);
    if (clearsHistory) this.#messages.drop(chat, user);
    const change = { userId: user.id, removedBy: this.#authorOf(by), ...this.#stamp() };
    const to = [...chat.members.keys()];
    this.#chats.leave(chat, user);
    this.#desk.write({ kind: 'left', chatId: chat.chatId, by: by.account.id, userId: user.id });
    this.#tell(chat, by, 'removeChatParticipant', change, to);
    this.#messages.post(chat, by, TYPE.removed, { userId: user.id });
  }

  setRole(chat: Chat, by: Actor, user: Account, role: string): void {
    if (!mayManage(chat, by.account)) throw new Refusal(303);
    const member = chat.members.get(user);
    if (member === undefined) throw new Refusal(305);
    if (!isRoleOf(chat, role)) throw new Refusal(312);
    member.role = role;
    this.#desk.write({ kind: 'role', chatId: chat.chatId, by: by.account.id, userId: user.id, role });
    this.#tell(chat, by, 'changeParticipantRole', { userId: user.id, role, ...this.#stamp() });
    this.#messages.post(chat, by, TYPE.role, { userId: user.id, role });
  }

  setTitle(chat: Chat, by: Actor, title: string): void {
    if (!mayManage(chat, by.account)) throw new Refusal(303);
    chat.title = title;
    this.#desk.write({ kind: 'titled', chatId: chat.chatId, by: by.account.id, title });
    this.#tell(chat, by, 'editChatTitle', { title });
    this.#messages.post(chat, by, TYPE.titled, { title });
  }

  /** The address is asked for when the change is allowed. */
  setAvatar(chat: Chat, by: Actor, address: () => string | null): void {
    if (!mayManage(chat, by.account)) throw new Refusal(303);
    const avatarUrl = address();
    chat.avatarUrl = avatarUrl;
    this.#desk.write({ kind: 'pictured', chatId: chat.chatId, by: by.account.id, avatarUrl });
    this.#tell(chat, by, 'editChatAvatar', { avatarUrl });
    this.#messages.post(chat, by, TYPE.pictured, { avatarUrl });
  }

  #created(chat: Chat, by: Actor): void {
    this.#desk.publish({
      to: [...chat.members.keys()],
      by,
      method: CREATED[chat.type] ?? '',
      payload: (account) => this.#views.summary(chat, account),
    });
  }

  #tell(chat: Chat, by: Actor, method: string, change: TrueconfContent, to = [...chat.members.keys()]): void {
    const payload = { chatId: chat.chatId, ...change };
    this.#desk.publish({ to, by, method, payload: () => payload });
  }

  #authorOf({ account }: Actor): TrueconfContent {
    return { id: this.#desk.authorId(account), type: 1 };
  }

  #stamp(): { readonly timestamp: number } {
    return { timestamp: this.#desk.now() };
  }
}
