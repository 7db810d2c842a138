import type { Chats } from './simulator-chats.js';
import type { Desk } from './simulator-desk.js';
import { TYPE, type Account, type Chat, type Message, type TrueconfContent } from './simulator-model.js';
import { contentOf, seenOf } from './simulator-sight.js';

/** @internal Messages and chats as they are on the wire. */
export class Views {
  readonly #desk: Desk;
  readonly #chats: Chats;

  constructor(desk: Desk, chats: Chats) {
    this.#desk = desk;
    this.#chats = chats;
  }

  envelope(message: Message): TrueconfContent {
    const { messageId, chat, timestamp, type, isEdited, replyTo, box } = message;
    return {
      messageId,
      chatId: chat.chatId,
      timestamp,
      author: this.#authorOf(message),
      isEdited,
      ...(replyTo !== undefined && { replyMessageId: replyTo }),
      box: { id: box, position: '0' },
      type,
      content: contentOf(message),
    };
  }

  /** The chat as it is listed. */
  listed(chat: Chat, account: Account): TrueconfContent {
    return {
      chatId: chat.chatId,
      title: this.#chats.titleFor(chat, account, ({ displayName }) => displayName),
      chatType: chat.type,
      avatarUrl: chat.avatarUrl,
      lastMessage: this.#last(chat, account, false),
      unreadMessages: this.#unreadIn(chat, account),
    };
  }

  /** The chat as the event of its creation says it. */
  summary(chat: Chat, account: Account): TrueconfContent {
    return {
      chatId: chat.chatId,
      title: this.#chats.titleFor(chat, account, ({ id }) => id),
      chatType: chat.type,
      lastMessage: this.#last(chat, account, true),
      unreadMessages: this.#unreadIn(chat, account),
    };
  }

  #unreadIn(chat: Chat, account: Account): number {
    return seenOf(chat, account).filter(({ unreadBy }) => unreadBy.has(account)).length;
  }

  #last(chat: Chat, account: Account, withChat: boolean): TrueconfContent | null {
    const message = seenOf(chat, account).at(-1);
    if (message === undefined) return null;
    const { messageId, timestamp, type } = message;
    return {
      ...(withChat && { chatId: chat.chatId }),
      messageId,
      timestamp,
      author: this.#authorOf(message),
      type,
      content: contentOf(message),
    };
  }

  // An id without a host was seen where the system is the author.
  #authorOf({ type, author }: Message): TrueconfContent {
    if (type >= TYPE.text) return { id: this.#desk.authorId(author), type: 1 };
    return { id: author.id.replace(/@.*/, ''), type: 0 };
  }
}
