import type { Chats } from './simulator-chats.js';
import type { Desk } from './simulator-desk.js';
import { mayModerate, mayPost } from './simulator-rights.js';
import { Refusal } from './simulator-refusal.js';
import { contentOf, isSeen, lineOf, seenOf, seersOf } from './simulator-sight.js';
import type { Views } from './simulator-views.js';
import { TYPE } from './simulator-model.js';
import type { Account, Actor, Chat, Message, StoredFile, TrueconfContent } from './simulator-model.js';

interface Posted {
  readonly replyTo?: string | undefined;
  readonly file?: StoredFile;
  /** Done between storing the message and telling of it. */
  readonly before?: () => void;
}

/** @internal Messages: posting, editing, removing, reading, forwarding, history. */
export class Messages {
  readonly #desk: Desk;
  readonly #chats: Chats;
  readonly #views: Views;
  readonly #all = new Map<string, Message>();
  #order = 0;

  constructor(desk: Desk, chats: Chats, views: Views) {
    this.#desk = desk;
    this.#chats = chats;
    this.#views = views;
  }

  /** A message of a person or bot that is allowed to write there. */
  say(chat: Chat, by: Actor, type: number, content: TrueconfContent, posted: Posted = {}): Message {
    this.check(chat, by, posted.replyTo);
    return this.post(chat, by, type, content, posted);
  }

  /** Throws where somebody may not write, or answers what is not there. */
  check(chat: Chat, by: Actor, replyTo: string | undefined): void {
    if (!mayPost(chat, by.account)) throw new Refusal(303);
    if (replyTo !== undefined && this.find(by.account, replyTo).chat !== chat) throw new Refusal(306);
  }

  /** A message, or one of the system when its type is below 200. */
  post(chat: Chat, by: Actor, type: number, content: TrueconfContent, { replyTo, file, before }: Posted = {}): Message {
    const members = [...chat.members.keys()];
    const isSystem = type < TYPE.text;
    const readers = members.filter((member) => member.password !== undefined && member !== by.account);
    const message: Message = {
      messageId: this.#desk.uuid(),
      chat,
      timestamp: this.#desk.now(),
      author: by.account,
      type,
      content,
      file,
      replyTo,
      box: ++chat.boxes,
      order: ++this.#order,
      isEdited: false,
      hiddenFrom: new Set(),
      unreadBy: new Set(isSystem ? [] : readers),
    };
    chat.messages.push(message);
    this.#all.set(message.messageId, message);
    this.#desk.write({ kind: 'posted', ...this.#sight(message, by), replyMessageId: replyTo });
    before?.();
    const payload = (): TrueconfContent => this.#views.envelope(message);
    this.#desk.publish({ to: members, by, method: 'sendMessage', payload, message });
    return message;
  }

  forward(chat: Chat, by: Actor, messageId: string): Message {
    const {
      messageId: id,
      chatId,
      timestamp,
      author,
      type,
      content,
    } = this.#views.envelope(this.find(by.account, messageId));
    return this.say(chat, by, TYPE.forwarded, { messageId: id, chatId, timestamp, author, type, content });
  }

  edit(by: Actor, messageId: string, type: number, content: TrueconfContent): Message {
    const message = this.find(by.account, messageId);
    if (message.author !== by.account) throw new Refusal(303);
    if (message.type !== type) throw new Refusal(307);
    message.content = content;
    message.isEdited = true;
    const { chat } = message;
    this.#desk.write({ kind: 'edited', ...this.#sight(message, by) });
    // No source knows of an event for a survey that was changed.
    if (type === TYPE.text) {
      const named = this.#desk.rules.editedIds ? { messageId } : {};
      const payload = { chatId: chat.chatId, ...named, timestamp: this.#desk.now(), content };
      this.#desk.publish({ to: seersOf(message), by, method: 'editMessage', payload: () => payload });
    }
    return message;
  }

  remove(by: Actor, messageId: string, forAll: boolean): void {
    const message = this.find(by.account, messageId);
    const { chat, author } = message;
    if (forAll && author !== by.account && !mayModerate(chat, by.account)) throw new Refusal(303);
    const to = forAll ? seersOf(message) : [by.account];
    if (forAll) this.#forget(message);
    else this.#hide(message, by.account);
    this.#desk.write({ kind: 'removed', chatId: chat.chatId, by: by.account.id, messageId, forAll });
    const payload = { chatId: chat.chatId, messageId, removedBy: { id: this.#desk.authorId(by.account), type: 1 } };
    this.#desk.publish({ to, by, method: 'removeMessage', payload: () => payload });
  }

  clear(chat: Chat, by: Actor, forAll: boolean): void {
    if (forAll && !mayModerate(chat, by.account)) throw new Refusal(303);
    for (const message of [...chat.messages]) {
      if (forAll) this.#forget(message);
      else this.#hide(message, by.account);
    }
    this.#desk.write({ kind: 'cleared', chatId: chat.chatId, by: by.account.id, forAll });
    const payload = { chatId: chat.chatId, forAll };
    const to = forAll ? chat.members.keys() : [by.account];
    this.#desk.publish({ to, by, method: 'clearHistory', payload: () => payload });
    if (forAll) this.post(chat, by, TYPE.cleared, { forAll });
  }

  /** Hides a chat's messages from somebody who leaves it, or forgets them with the chat. */
  drop(chat: Chat, account?: Account): void {
    for (const message of [...chat.messages]) {
      if (account === undefined) this.#forget(message);
      else this.#hide(message, account);
    }
  }

  find(account: Account, messageId: string): Message {
    const message = this.#all.get(messageId);
    if (message === undefined || !isSeen(message, account)) throw new Refusal(306);
    return message;
  }

  /** A window of a chat, newest first, that begins with the anchor when there is one. */
  history(account: Account, chat: Chat, count: number, anchor: string | undefined): readonly Message[] {
    const from = anchor === undefined ? undefined : this.find(account, anchor);
    if (from !== undefined && from.chat !== chat) throw new Refusal(306);
    const seen = seenOf(chat, account).filter(({ box }) => from === undefined || box <= from.box);
    return seen.slice(-count).reverse();
  }

  /** What a bot has not acknowledged, oldest first. */
  unread(account: Account): readonly Message[] {
    return [...this.#chats.of(account)]
      .flatMap((chat) => seenOf(chat, account).filter(({ unreadBy }) => unreadBy.has(account)))
      .sort((one, other) => one.order - other.order);
  }

  read(message: Message, account: Account): void {
    if (!message.unreadBy.delete(account)) return;
    const { messageId, chat } = message;
    this.#desk.write({ kind: 'read', chatId: chat.chatId, by: account.id, messageId });
  }

  #sight(message: Message, { account }: Actor) {
    const { messageId, chat, type } = message;
    const content = contentOf(message);
    const to = seersOf(message).map(({ id }) => id);
    return { chatId: chat.chatId, by: account.id, messageId, to, type, text: lineOf(type, content), content };
  }

  #hide(message: Message, account: Account): void {
    message.hiddenFrom.add(account);
    message.unreadBy.delete(account);
  }

  #forget(message: Message): void {
    this.#all.delete(message.messageId);
    message.unreadBy.clear();
    message.chat.messages = message.chat.messages.filter((other) => other !== message);
  }
}
