import { seenIn, type RocketchatJournalEntry } from './simulator-journal.js';
import type { Account, Author, Message, Room } from './simulator-model.js';
import type { World } from './simulator-routes.js';
import type { RocketchatStatus } from './simulator-rules.js';

/** A person at the desk, without limits of calls. What the rules of the server forbid throws. Ids are those on the wire. */
export class RocketchatAgent {
  readonly id: string;
  readonly username: string;
  readonly #world: World;
  readonly #account: Account;
  readonly #journal: readonly RocketchatJournalEntry[];

  /** @internal */
  constructor(world: World, account: Account, journal: readonly RocketchatJournalEntry[]) {
    this.id = account.id;
    this.username = account.username;
    this.#world = world;
    this.#account = account;
    this.#journal = journal;
  }

  /** The ids of the rooms that this agent serves. */
  get serves(): readonly string[] {
    const rooms = [...this.#world.rooms.of(this.#account)];
    return rooms.filter(({ isOpen, servedBy }) => isOpen && servedBy?.account === this.#account).map(({ id }) => id);
  }

  /** Takes a room from the queue; without an id the one that waits longest. Its id. */
  take(rid?: string): string {
    const waiting = [...this.#world.rooms.inquiries.values()].filter(({ status }) => status !== 'taken');
    const inquiry = rid === undefined ? waiting[0] : this.#room(rid).inquiry;
    if (inquiry === undefined) throw new Error('rocketchat simulator: there is nothing to take');
    this.#world.routing.ask(inquiry.id, this.#account, true);
    return inquiry.room.id;
  }

  /** Takes part in a room that somebody else serves. */
  join(rid: string): void {
    this.#world.routing.join(this.#room(rid), this.#account);
  }

  /** Writes; the id of the message. */
  say(rid: string, text: string, { id }: { readonly id?: string } = {}): string {
    const message = this.#world.sending.agent(this.#account, { rid, msg: text, id });
    return message?.id ?? id ?? '';
  }

  edit(messageId: string, text: string): void {
    this.#world.messages.edit(this.#own(messageId), this.#author, text);
  }

  remove(messageId: string): void {
    this.#world.messages.delete(this.#own(messageId), this.#author);
  }

  /** Begins or ends to type. */
  type(rid: string, isTyping = true): void {
    this.#world.streams.typing(this.#room(rid), this.username, isTyping ? ['user-typing'] : []);
  }

  /** Gives a room to an agent by user name, to a department by id or name, or to both. */
  forward(rid: string, to: { readonly agent?: string; readonly department?: string; readonly comment?: string }): void {
    const { accounts, transfers } = this.#world;
    const { agent, department, comment } = to;
    transfers.forward(this.#room(rid), this.#author, {
      account: agent === undefined ? undefined : accounts.named(agent),
      department: department === undefined ? undefined : accounts.department(department),
      comment,
    });
  }

  /** Gives a room back to the queue. */
  giveBack(rid: string): void {
    this.#world.transfers.giveBack(this.#room(rid), this.#author);
  }

  close(rid: string, comment = 'closed', tags: readonly string[] = []): void {
    const room = this.#room(rid);
    if (!room.isOpen) throw new Error('rocketchat simulator: the room is closed');
    this.#world.closing.close(room, this.#author, comment, tags);
  }

  setStatus(status: RocketchatStatus): void {
    this.#world.setStatus(this.#account, () => (this.#account.status = status));
  }

  /** Whether chats can be given to this agent. */
  setAvailable(isAvailable: boolean): void {
    const statusLivechat = isAvailable ? 'available' : 'not-available';
    this.#world.setStatus(this.#account, () => (this.#account.statusLivechat = statusLivechat));
  }

  /** What the visitor of a room wrote, oldest first. An edit is seen again. */
  sees(rid: string): readonly string[] {
    return seenIn(this.#journal, rid, 'visitor');
  }

  get #author(): Author {
    return { kind: 'agent', account: this.#account };
  }

  #room(rid: string): Room {
    return this.#world.rooms.find(rid);
  }

  #own(messageId: string): Message {
    const { messages } = this.#world;
    const message = messages.find(messageId);
    if (message === undefined || !messages.isOwn(message, this.#author))
      throw new Error('rocketchat simulator: there is no such message of this agent');
    return message;
  }
}
