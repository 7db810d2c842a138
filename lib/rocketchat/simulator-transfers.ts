import type { Desk } from './simulator-desk.js';
import type { Hooks } from './simulator-hooks.js';
import type { Messages } from './simulator-messages.js';
import { authorOf } from './simulator-model.js';
import type { Account, Author, Department, RocketchatContent, Room } from './simulator-model.js';
import { isServing } from './simulator-permissions.js';
import { servedIn } from './simulator-payloads.js';
import { plain } from './simulator-refusal.js';
import type { Routing } from './simulator-routing.js';

/** @internal Where a room goes. */
export interface Target {
  readonly account?: Account | undefined;
  readonly department?: Department | undefined;
  readonly comment?: string | undefined;
}

/** @internal How rooms go from one agent or department to another, and back into the queue. */
export class Transfers {
  readonly #desk: Desk;
  readonly #routing: Routing;
  readonly #messages: Messages;
  readonly #hooks: Hooks;

  constructor(desk: Desk, routing: Routing, messages: Messages, hooks: Hooks) {
    this.#desk = desk;
    this.#routing = routing;
    this.#messages = messages;
    this.#hooks = hooks;
  }

  /** To an agent, to a department, or to an agent of a department. */
  forward(room: Room, by: Author, { account, department, comment }: Target): void {
    if (!room.isOpen) throw plain('This_conversation_is_already_closed');
    if (department !== undefined) this.#toDepartment(room, by, department, account, comment);
    else if (account !== undefined) this.#toAgent(room, by, account, comment);
    else throw plain('error-forwarding-chat');
  }

  /** Back to the queue; false when it is there already. */
  giveBack(room: Room, by: Author, department = room.department): boolean {
    const { inquiry } = room;
    if (!room.isOpen || inquiry === undefined) throw plain('room-closed');
    if (inquiry.status === 'queued') return false;
    const before = room.department;
    this.#note(room, by, 'queue', { previousDepartment: before, department });
    this.#routing.requeue(inquiry, department);
    this.#hooks.session('queued', 'LivechatSessionQueued', room);
    return true;
  }

  #toAgent(room: Room, by: Author, account: Account, comment: string | undefined): void {
    const { servedBy, inquiry } = room;
    if (servedBy?.account === account) throw plain('error-selected-agent-room-agent-are-same');
    if (!isServing(account)) throw plain('error-user-is-offline');
    if (inquiry === undefined) throw plain('error-transferring-inquiry');
    this.#note(room, by, 'agent', { comment, account });
    this.#routing.release(room);
    this.#routing.take(inquiry, account, true);
    const old = servedBy === undefined ? {} : { oldServedBy: servedIn(servedBy) };
    this.#hooks.session('forward', 'LivechatSessionForwarded', room, old);
  }

  #toDepartment(
    room: Room,
    by: Author,
    department: Department,
    preferred: Account | undefined,
    comment: string | undefined,
  ): void {
    const { inquiry, servedBy, department: before } = room;
    const { routing, acceptsWithoutAgents } = this.#desk.rules;
    if (before === department && preferred === undefined) throw plain('error-forwarding-chat-same-department');
    if (inquiry === undefined) throw plain('error-transferring-inquiry');
    if (preferred !== undefined && !department.agents.has(preferred))
      throw plain('error-user-not-belong-to-department');
    if (preferred !== undefined && !isServing(preferred)) throw plain('error-user-is-offline');
    if (this.#routing.serving(department).length === 0 && !acceptsWithoutAgents)
      throw plain(
        this.#desk.since('8.0')
          ? 'error-no-agents-available-for-service-on-department'
          : 'error-no-agents-online-in-department',
      );
    const next = preferred ?? (routing === 'auto' ? this.#routing.pick(department, servedBy?.account) : undefined);
    this.#note(room, by, 'department', { comment, previousDepartment: before, department, account: next });
    if (next === undefined) this.#routing.requeue(inquiry, department);
    else {
      this.#routing.release(room);
      room.department = department;
      inquiry.department = department;
      this.#routing.take(inquiry, next, true);
    }
    const old = before === undefined ? {} : { oldDepartmentId: before.id };
    this.#hooks.session('forward', 'LivechatSessionForwarded', room, old);
  }

  /** The message about a transfer. */
  #note(
    room: Room,
    by: Author,
    scope: string,
    {
      comment,
      previousDepartment,
      department,
      account,
    }: Target & { readonly previousDepartment?: Department | undefined },
  ): void {
    const author = authorOf(by);
    const userType = by.kind === 'visitor' ? 'visitor' : room.servedBy?.account === by.account ? 'agent' : 'user';
    const transferData: RocketchatContent = {
      transferredBy: { ...author, [this.#desk.since('7.0') ? 'userType' : 'type']: userType },
      ts: new Date(this.#desk.now()),
      scope,
      ...(comment !== undefined && { comment }),
      ...(previousDepartment !== undefined && { previousDepartment: previousDepartment.id }),
      ...(department !== undefined && { nextDepartment: { _id: department.id, name: department.name } }),
      ...(account !== undefined && {
        transferredTo: { _id: account.id, username: account.username, name: account.name },
      }),
    };
    this.#desk.write({
      kind: 'forwarded',
      rid: room.id,
      by: author._id,
      scope,
      userId: account?.id,
      departmentId: department?.id,
      comment,
    });
    this.#messages.post(room, by, { msg: '', t: 'livechat_transfer_history', extra: { transferData } });
  }
}
