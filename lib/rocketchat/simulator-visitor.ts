import type { RocketchatFile } from './simulator-files.js';
import { seenIn, type RocketchatJournalEntry } from './simulator-journal.js';
import type { Author, Message, Room, Visitor } from './simulator-model.js';
import type { World } from './simulator-routes.js';

/** Who a visitor is. */
export interface RocketchatGuest {
  /** The secret of the visitor. Default: made from the name. */
  readonly token?: string;
  readonly email?: string;
  readonly phone?: string;
  /** Id or name. */
  readonly department?: string;
}

/**
 * A customer in front of the widget, without limits of calls. What the rules of the server forbid throws. Ids are those on the wire.
 */
export class RocketchatVisitor {
  readonly id: string;
  readonly #world: World;
  readonly #visitor: Visitor;
  readonly #journal: readonly RocketchatJournalEntry[];

  /** @internal */
  constructor(world: World, visitor: Visitor, journal: readonly RocketchatJournalEntry[]) {
    this.id = visitor.id;
    this.#world = world;
    this.#visitor = visitor;
    this.#journal = journal;
  }

  /** The secret; a merge with another visitor can change it. */
  get token(): string {
    return this.#visitor.token;
  }

  /** Opens a room, or finds the one that is open; its id. */
  open({ agentId }: { readonly agentId?: string } = {}): string {
    const { rooms, routing } = this.#world;
    return (rooms.openOf(this.#visitor) ?? routing.open(this.#visitor, agentId)).id;
  }

  /** The id of the open room. */
  get rid(): string | undefined {
    return this.#world.rooms.openOf(this.#visitor)?.id;
  }

  /** Writes, and opens a room for it when there is none; the id of the message. */
  say(text: string, { id }: { readonly id?: string } = {}): string {
    return this.#world.sending.visitor(this.#visitor, { rid: this.open(), msg: text, id }).id;
  }

  upload(file: RocketchatFile, { description }: { readonly description?: string } = {}): string {
    const { rooms, files, messages } = this.#world;
    const room = rooms.ofVisitor(this.#visitor, this.open());
    const stored = files.store(room, this.#author, files.check(file), true);
    return messages.post(room, this.#author, { msg: '', extra: files.shown(stored, description) }).id;
  }

  edit(messageId: string, text: string): void {
    this.#world.messages.edit(this.#own(messageId), this.#author, text);
  }

  remove(messageId: string): void {
    this.#world.messages.delete(this.#own(messageId), this.#author);
  }

  /** Begins or ends to type. */
  type(isTyping = true): void {
    this.#world.streams.typing(this.#open(), this.#visitor.username, isTyping ? ['user-typing'] : []);
  }

  /** Asks for another department, by id or name. */
  transfer(department: string): void {
    const { accounts, transfers } = this.#world;
    transfers.forward(this.#open(), this.#author, { department: accounts.department(department) });
  }

  close(): void {
    this.#world.closing.close(this.#open(), this.#author, 'Closed by visitor');
  }

  /** What this visitor saw of agents, in one room or in all, oldest first. An edit is seen again. */
  sees(rid?: string): readonly string[] {
    return this.#rooms(rid).flatMap((id) => seenIn(this.#journal, id, 'agent'));
  }

  /** What the room shows now, one's own messages too, oldest first. Default: the room that was opened last. */
  shows(rid = this.#rooms().at(-1) ?? ''): readonly string[] {
    const messages = this.#world.rooms.all.get(rid)?.messages ?? [];
    return messages.flatMap(({ t, msg }) => (t === undefined ? [msg] : []));
  }

  get #author(): Author {
    return { kind: 'visitor', visitor: this.#visitor };
  }

  #open(): Room {
    const room = this.#world.rooms.openOf(this.#visitor);
    if (room === undefined) throw new Error('rocketchat simulator: the visitor has no open room');
    return room;
  }

  #own(messageId: string): Message {
    const { messages } = this.#world;
    const message = messages.find(messageId);
    if (message === undefined || !messages.isOwn(message, this.#author))
      throw new Error('rocketchat simulator: there is no such message of this visitor');
    return message;
  }

  #rooms(rid?: string): readonly string[] {
    if (rid !== undefined) return [rid];
    return [...this.#world.rooms.all.values()].flatMap(({ id, visitor }) => (visitor === this.#visitor ? [id] : []));
  }
}
