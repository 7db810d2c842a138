import type { World } from './simulator-calls.js';
import type { TrueconfFile } from './simulator-files.js';
import { seenBy, type TrueconfJournalEntry } from './simulator-journal.js';
import { lineOf, seenOf } from './simulator-sight.js';
import { CHAT, STATE, TYPE } from './simulator-model.js';
import type { Account, Actor, Chat, Message, StoredFile, TrueconfContent } from './simulator-model.js';

/** Where a person writes. */
export interface TrueconfWhere {
  /** The id of a chat. Default: the personal chat with `bot`, which is made when there is none. */
  readonly chat?: string;
  /** The login or id of a bot. Default: the first one. */
  readonly bot?: string;
  /** The message that this one answers. */
  readonly replyTo?: string;
}

/** How a person sends a file. */
export interface TrueconfUpload extends TrueconfWhere {
  readonly caption?: string;
  /** How long the file is on its way, in four parts. `manual` leaves it to `progress`. Default: 0. */
  readonly transferMs?: number | 'manual';
}

/**
 * A person on the other side. What the rules of the server forbid throws. Ids of messages and chats are those on the wire.
 */
export class TrueconfUser {
  /** With a host, without `/instance`. */
  readonly id: string;
  readonly #world: World;
  readonly #by: Actor;
  readonly #journal: readonly TrueconfJournalEntry[];

  /** @internal */
  constructor(world: World, account: Account, journal: readonly TrueconfJournalEntry[]) {
    this.id = account.id;
    this.#world = world;
    this.#by = { account };
    this.#journal = journal;
  }

  /** Opens the personal chat with a bot; the id of the chat. */
  open(bot?: string): string {
    return this.#world.groups.open(this.#by, this.#bot(bot)).chatId;
  }

  /** Writes; the id of the message. */
  say(text: string, { parseMode = 'text', ...where }: TrueconfWhere & { readonly parseMode?: string } = {}): string {
    return this.post(TYPE.text, { text, parseMode }, where);
  }

  /** Posts any content, also of a type that nobody knows; the id of the message. */
  post(type: number, content: TrueconfContent, where: TrueconfWhere = {}): string {
    return this.#post(type, content, where).messageId;
  }

  locate(latitude: number, longitude: number, title?: string, where: TrueconfWhere = {}): string {
    return this.post(TYPE.location, { latitude, longitude, ...(title !== undefined && { title }) }, where);
  }

  survey(title: string, more: TrueconfContent = {}, where: TrueconfWhere = {}): string {
    const url = `https://${this.#world.desk.rules.server}/webtools/survey`;
    return this.post(TYPE.survey, { url, title, ...more }, where);
  }

  /** Sends a file, after its caption as a message of its own; the ids of both. */
  upload(
    file: TrueconfFile,
    { caption, transferMs = 0, ...where }: TrueconfUpload = {},
  ): { readonly messageId: string; readonly fileId: string } {
    const { desk, files } = this.#world;
    const isApart = desk.rules.captions === 'apart';
    if (caption !== undefined && isApart) this.say(caption, where);
    const stored = files.store(file, transferMs === 0);
    const { fileId, name, size, mimeType } = stored;
    const inside = caption !== undefined && !isApart ? { caption: { text: caption, parseMode: 'text' } } : {};
    const { messageId } = this.#post(TYPE.file, { fileId, name, size, mimeType, ...inside }, where, stored);
    if (typeof transferMs === 'number' && transferMs > 0)
      for (let part = 1; part <= 4; part++)
        desk.later((transferMs * part) / 4, () => {
          if (stored.state === STATE.uploading) files.progress(stored, Math.floor((size * part) / 4));
        });
    return { messageId, fileId };
  }

  /** Sends a voice message; the ids of message and file. */
  voice(
    bytes: Uint8Array,
    duration: number,
    where: TrueconfWhere = {},
  ): { readonly messageId: string; readonly fileId: string } {
    const file = this.#world.files.store({ name: 'voice.ogg', mimeType: 'audio/ogg', bytes });
    const { fileId, size, mimeType } = file;
    const { messageId } = this.#post(TYPE.voice, { fileId, size, mimeType, duration }, where, file);
    return { messageId, fileId };
  }

  forward(messageId: string, where: TrueconfWhere = {}): string {
    const { chat, tell } = this.#where(where);
    tell();
    return this.#world.messages.forward(chat, this.#by, messageId).messageId;
  }

  edit(messageId: string, text: string, parseMode = 'text'): void {
    this.#world.messages.edit(this.#by, messageId, TYPE.text, { text, parseMode });
  }

  remove(messageId: string, { forAll = true }: { readonly forAll?: boolean } = {}): void {
    this.#world.messages.remove(this.#by, messageId, forAll);
  }

  /** Presses a button under a message of a bot. Servers know buttons from 5.5.6. */
  press(messageId: string, command: string, customData?: string): void {
    const { desk, messages, views } = this.#world;
    const message = messages.find(this.#by.account, messageId);
    const payload = {
      commandSource: { type: 'inlineKeyboard', message: views.envelope(message) },
      commandPayload: { type: 'userCommand', command, ...(customData !== undefined && { customData }) },
    };
    desk.publish({ to: [message.author], by: this.#by, method: 'command', payload: () => payload });
  }

  /** Makes a group, and invites others, bots by login; the id of the chat. */
  createGroup(title: string, ...members: readonly string[]): string {
    return this.#create(CHAT.group, title, members);
  }

  createChannel(title: string, ...members: readonly string[]): string {
    return this.#create(CHAT.channel, title, members);
  }

  invite(chat: string, user: string, { displayHistory = false }: { readonly displayHistory?: boolean } = {}): void {
    this.#world.groups.invite(this.#chat(chat), this.#by, this.#account(user), displayHistory);
  }

  /** Sends somebody away. */
  dismiss(chat: string, user: string, { clearHistory = false }: { readonly clearHistory?: boolean } = {}): void {
    this.#world.groups.dismiss(this.#chat(chat), this.#by, this.#account(user), clearHistory);
  }

  leave(chat: string): void {
    this.dismiss(chat, this.id);
  }

  setRole(chat: string, user: string, role: string): void {
    this.#world.groups.setRole(this.#chat(chat), this.#by, this.#account(user), role);
  }

  setTitle(chat: string, title: string): void {
    this.#world.groups.setTitle(this.#chat(chat), this.#by, title);
  }

  setAvatar(chat: string, avatarUrl: string | null): void {
    this.#world.groups.setAvatar(this.#chat(chat), this.#by, () => avatarUrl);
  }

  clearHistory(chat: string, { forAll = true }: { readonly forAll?: boolean } = {}): void {
    this.#world.messages.clear(this.#chat(chat), this.#by, forAll);
  }

  deleteChat(chat: string): void {
    this.#world.groups.delete(this.#chat(chat), this.#by);
  }

  /** What this person saw of others, in one chat or in all, oldest first. An edit is seen again, a removal is not unseen. */
  sees(chat?: string): readonly string[] {
    return seenBy(this.#journal, this.id, chat);
  }

  /** What a chat shows now, one's own messages too, oldest first. */
  shows(chat = this.open()): readonly string[] {
    const shown = seenOf(this.#chat(chat), this.#by.account);
    return shown.flatMap(({ type, content }) => (type < TYPE.text ? [] : [lineOf(type, content)]));
  }

  #post(type: number, content: TrueconfContent, where: TrueconfWhere, file?: StoredFile): Message {
    const { replyTo } = where;
    const { chat, tell } = this.#where(where);
    return this.#world.messages.say(chat, this.#by, type, content, {
      replyTo,
      before: tell,
      ...(file !== undefined && { file }),
    });
  }

  #where({ chat, bot }: TrueconfWhere): { readonly chat: Chat; readonly tell: () => void } {
    if (chat !== undefined) return { chat: this.#chat(chat), tell: () => undefined };
    return this.#world.groups.meet(this.#by, this.#bot(bot));
  }

  #create(type: number, title: string, members: readonly string[]): string {
    const accounts = members.map((member) => this.#account(member));
    const chat = this.#world.groups.create(this.#by, type, title);
    for (const account of accounts) this.#world.groups.invite(chat, this.#by, account, false);
    return chat.chatId;
  }

  #chat(chatId: string): Chat {
    return this.#world.chats.find(this.#by.account, chatId);
  }

  #account(name: string): Account {
    const account = this.#world.desk.find(name);
    if (account === undefined) throw new Error(`trueconf simulator: there is no user ${name}`);
    return account;
  }

  #bot(name: string | undefined): Account {
    const bot = name === undefined ? this.#world.desk.bots[0] : this.#account(name);
    if (bot === undefined) throw new Error('trueconf simulator: there is no bot');
    return bot;
  }
}
