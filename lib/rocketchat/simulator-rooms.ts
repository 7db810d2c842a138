import type { Desk } from './simulator-desk.js';
import type { Account, Department, Inquiry, Membership, Room, Visitor } from './simulator-model.js';
import { may } from './simulator-permissions.js';
import { coded, plain } from './simulator-refusal.js';

/** @internal The rooms that there are, their inquiries, and who has access. */
export class Rooms {
  readonly all = new Map<string, Room>();
  /** The inquiries of open rooms. */
  readonly inquiries = new Map<string, Inquiry>();
  readonly #desk: Desk;
  readonly #open = new Map<Visitor, Room>();
  readonly #of = new Map<Account, Set<Room>>();

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** The room that a visitor has open. */
  openOf(visitor: Visitor): Room | undefined {
    return this.#open.get(visitor);
  }

  /** A room of a visitor, open or not. */
  ofVisitor(visitor: Visitor, rid: string): Room {
    const room = this.all.get(rid);
    if (room?.visitor !== visitor) throw plain('invalid-room');
    return room;
  }

  find(rid: string, error = 'error-invalid-room'): Room {
    const room = this.all.get(rid);
    if (room === undefined) throw plain(error);
    return room;
  }

  /** Rooms that an agent is a member of. */
  of(account: Account): ReadonlySet<Room> {
    return this.#of.get(account) ?? new Set();
  }

  /** How many open chats an agent serves. */
  load(account: Account): number {
    return [...this.of(account)].filter(({ isOpen, servedBy }) => isOpen && servedBy?.account === account).length;
  }

  create(visitor: Visitor, department: Department | undefined): Room {
    const at = this.#desk.now();
    const room: Room = {
      id: this.#desk.id(),
      visitor,
      createdAt: at,
      updatedAt: at,
      messageAt: at,
      isOpen: true,
      servedBy: undefined,
      department,
      queuedAt: at,
      inquiry: undefined,
      messages: [],
      deleted: [],
      members: new Map(),
      left: [],
      count: 0,
      lastMessage: undefined,
      askedAt: undefined,
      answered: undefined,
      tags: [],
      topic: undefined,
      livechatData: {},
      closedAt: undefined,
      closer: undefined,
      closedBy: undefined,
      crmData: undefined,
    };
    this.all.set(room.id, room);
    this.#open.set(visitor, room);
    return room;
  }

  /** The room is closed from now on; its inquiry is gone. */
  shut(room: Room): Inquiry | undefined {
    const { inquiry } = room;
    room.isOpen = false;
    room.inquiry = undefined;
    if (inquiry !== undefined) this.inquiries.delete(inquiry.id);
    if (this.#open.get(room.visitor) === room) this.#open.delete(room.visitor);
    return inquiry;
  }

  remove(room: Room): void {
    this.shut(room);
    for (const account of [...room.members.keys()]) this.leave(room, account);
    this.all.delete(room.id);
  }

  /** A member of the room, who is made one where needed. */
  enter(room: Room, account: Account): { readonly membership: Membership; readonly isNew: boolean } {
    const known = room.members.get(account);
    if (known !== undefined) return { membership: known, isNew: false };
    const at = this.#desk.now();
    const membership = { id: this.#desk.hex(), account, createdAt: at, updatedAt: at, unread: 0, readAt: undefined };
    room.members.set(account, membership);
    const rooms = this.#of.get(account);
    if (rooms === undefined) this.#of.set(account, new Set([room]));
    else rooms.add(room);
    return { membership, isNew: true };
  }

  leave(room: Room, account: Account): Membership | undefined {
    const membership = room.members.get(account);
    if (membership === undefined) return undefined;
    room.members.delete(account);
    this.#of.get(account)?.delete(room);
    room.left.push({ membership, at: this.#desk.now() });
    return membership;
  }

  /** Whether a user can read a room: who serves or served it, members, chiefs, and agents who could take it. */
  canAccess(room: Room, account: Account): boolean {
    if (may(account, 'view-livechat-rooms')) return true;
    if (!may(account, 'view-l-room')) return false;
    if (room.members.has(account) || room.servedBy?.account === account) return true;
    const { department, inquiry } = room;
    const isWaiting = inquiry !== undefined && inquiry.status !== 'taken' && this.#desk.rules.routing === 'manual';
    return isWaiting && (department === undefined || department.agents.has(account));
  }

  /** A room that a user can read. */
  accessible(rid: string, account: Account): Room {
    const room = this.all.get(rid);
    if (room === undefined) throw coded('error-invalid-room', 'Invalid room');
    if (!this.canAccess(room, account)) throw coded('error-not-allowed', 'Not allowed');
    return room;
  }
}
