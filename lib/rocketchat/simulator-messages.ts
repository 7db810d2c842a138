import type { Desk } from './simulator-desk.js';
import type { Hooks } from './simulator-hooks.js';
import { isRecord } from '../trueconf/simulator-fields.js';
import { authorOf } from './simulator-model.js';
import type { Account, Author, Message, RocketchatContent, Room } from './simulator-model.js';
import type { Streams } from './simulator-streams.js';

interface Posted {
  readonly id?: string | undefined;
  readonly msg: string;
  readonly t?: string;
  readonly extra?: RocketchatContent;
}

const URLS = /https?:\/\/[^\s<>]+/g;

/** @internal Messages: posting, editing, deleting, history. */
export class Messages {
  readonly #desk: Desk;
  readonly #streams: Streams;
  readonly #hooks: Hooks;
  readonly #all = new Map<string, Message>();

  constructor(desk: Desk, streams: Streams, hooks: Hooks) {
    this.#desk = desk;
    this.#streams = streams;
    this.#hooks = hooks;
  }

  find(id: string): Message | undefined {
    return this.#all.get(id);
  }

  post(room: Room, author: Author, { id, msg, t, extra = {} }: Posted): Message {
    const at = this.#desk.now();
    const message: Message = {
      id: id ?? this.#desk.id(),
      room,
      at,
      updatedAt: at,
      msg,
      author,
      t,
      extra,
      editedAt: undefined,
      editedBy: undefined,
    };
    this.#all.set(message.id, message);
    room.messages.push(message);
    room.count++;
    room.updatedAt = at;
    if (t === undefined) this.#note(room, message);
    const { rid, by, side, messageId, text } = this.#sight(message, author);
    this.#desk.write({ kind: 'posted', rid, by, side, messageId, t, text, extra });
    this.#streams.message(message);
    for (const membership of room.members.values()) {
      if (t !== undefined || (author.kind === 'agent' && membership.account === author.account)) continue;
      membership.unread++;
      membership.updatedAt = at;
      this.#streams.membership('updated', membership, room);
    }
    this.#streams.room(room);
    if (t === undefined || (t === 'livechat-close' && this.#desk.rules.closeHook)) this.#hooks.message(message);
    this.#preview(message);
    return message;
  }

  edit(message: Message, by: Author, msg: string): void {
    const at = this.#desk.now();
    message.msg = msg;
    message.editedAt = at;
    message.editedBy = by;
    message.updatedAt = at;
    this.#desk.write({ kind: 'edited', ...this.#sight(message, by) });
    this.#streams.message(message);
    this.#hooks.message(message);
  }

  /** Puts an emoji on a message or takes it away, which is no edit; the other way round from how it is where nobody says. */
  react(message: Message, by: Account, emoji: string, shouldReact?: boolean): void {
    const { room, id } = message;
    const name = `:${emoji.replace(/^:|:$/g, '')}:`;
    const all = isRecord(message.extra['reactions']) ? message.extra['reactions'] : {};
    const { [name]: found, ...others } = all;
    const names: readonly unknown[] = isRecord(found) && Array.isArray(found['usernames']) ? found['usernames'] : [];
    const isOn = shouldReact ?? !names.includes(by.username);
    if (isOn === names.includes(by.username)) return;
    const usernames = isOn ? [...names, by.username] : names.filter((username) => username !== by.username);
    const reactions = usernames.length === 0 ? others : { ...others, [name]: { usernames } };
    const { reactions: _, ...extra } = message.extra;
    message.extra = Object.keys(reactions).length === 0 ? extra : { ...extra, reactions };
    message.updatedAt = this.#desk.now();
    this.#desk.write({ kind: 'reacted', rid: room.id, by: by.id, messageId: id, emoji: name, isOn });
    this.#streams.message(message);
  }

  delete(message: Message, by: Author): void {
    const { room, id } = message;
    const at = this.#desk.now();
    this.#desk.write({ kind: 'deleted', rid: room.id, by: authorOf(by)._id, messageId: id });
    if (this.#desk.rules.showsDeleted) {
      message.t = 'rm';
      message.msg = '';
      message.extra = {};
      message.editedAt = at;
      message.editedBy = by;
      message.updatedAt = at;
      this.#streams.message(message);
      return;
    }
    this.#all.delete(id);
    room.messages = room.messages.filter((other) => other !== message);
    room.deleted.push({ id, at });
    this.#streams.deleted(message);
  }

  /** Whether somebody wrote a message. */
  isOwn({ author }: Message, by: Author): boolean {
    if (author.kind === 'visitor') return by.kind === 'visitor' && author.visitor === by.visitor;
    return by.kind === 'agent' && author.account === by.account;
  }

  /** What a room shows before a moment, newest first. */
  history({ messages }: Room, before = Infinity): readonly Message[] {
    const { hiddenTypes } = this.#desk.rules;
    return messages.filter(({ at, t }) => at < before && !(t !== undefined && hiddenTypes.includes(t))).reverse();
  }

  forget(room: Room): void {
    for (const { id } of room.messages) this.#all.delete(id);
    room.messages = [];
  }

  /** What a room knows of its last messages. */
  #note(room: Room, message: Message): void {
    const { author, at } = message;
    room.messageAt = at;
    room.lastMessage = message;
    if (author.kind === 'visitor') room.askedAt = at;
    else if (room.answered === undefined) room.answered = { account: author.account, first: at, last: at };
    else room.answered.last = at;
  }

  /** Links are looked at later, which is no edit. */
  #preview(message: Message): void {
    const { previewMs } = this.#desk.rules;
    const links = message.msg.match(URLS);
    if (previewMs === undefined || links === null) return;
    this.#desk.later(previewMs, () => {
      if (this.#all.get(message.id) !== message) return;
      const urls = links.map((url) => ({ url, meta: { pageTitle: 'A page' } }));
      message.extra = { ...message.extra, urls };
      message.updatedAt = this.#desk.now();
      this.#streams.message(message);
    });
  }

  #sight({ room, id, msg, t, extra, author }: Message, by: Author) {
    const side = t === undefined ? ({ visitor: 'visitor', agent: 'agent' } as const)[author.kind] : 'system';
    const file = extra['file'] as { readonly name?: string } | undefined;
    return {
      rid: room.id,
      by: authorOf(by)._id,
      side,
      messageId: id,
      text: msg === '' ? (file?.name ?? '') : msg,
    } as const;
  }
}
