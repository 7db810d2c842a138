import type { Accounts } from './simulator-accounts.js';
import type { Desk } from './simulator-desk.js';
import type { RocketchatRaces } from './simulator-faults.js';
import type { Hooks } from './simulator-hooks.js';
import type { Messages } from './simulator-messages.js';
import type { Account, Department, Inquiry, Room, Visitor } from './simulator-model.js';
import { isServing } from './simulator-permissions.js';
import { coded, plain } from './simulator-refusal.js';
import type { Rooms } from './simulator-rooms.js';
import type { Streams } from './simulator-streams.js';
import { strikes } from '../trueconf/simulator-faults.js';

/** @internal The queue: how rooms come into it, and who takes them. */
export class Routing {
  readonly #desk: Desk;
  readonly #accounts: Accounts;
  readonly #rooms: Rooms;
  readonly #streams: Streams;
  readonly #hooks: Hooks;
  readonly #messages: Messages;
  readonly #races: RocketchatRaces;
  #joins = 0;

  constructor(
    desk: Desk,
    accounts: Accounts,
    rooms: Rooms,
    streams: Streams,
    hooks: Hooks,
    messages: Messages,
    races: RocketchatRaces,
  ) {
    this.#desk = desk;
    this.#accounts = accounts;
    this.#rooms = rooms;
    this.#streams = streams;
    this.#hooks = hooks;
    this.#messages = messages;
    this.#races = races;
  }

  /** A new room with its inquiry, given to an agent at once where the server does that. */
  open(visitor: Visitor, agentId?: string): Room {
    const { routing, botsFirst, acceptsWithoutAgents } = this.#desk.rules;
    const { department } = visitor;
    const wanted = agentId === undefined ? undefined : this.#accounts.all.get(agentId);
    const serving = this.serving(department);
    const hasAgent = agentId === undefined ? serving.length > 0 || acceptsWithoutAgents : wanted && isServing(wanted);
    if (hasAgent !== true) throw coded('no-agent-online', 'Sorry, no online agents');
    const room = this.#rooms.create(visitor, department);
    const at = this.#desk.now();
    const inquiry: Inquiry = {
      id: this.#desk.hex(),
      room,
      createdAt: at,
      updatedAt: at,
      status: routing === 'manual' ? 'queued' : 'ready',
      department,
      defaultAgent: wanted,
      takenAt: undefined,
      queuedAt: at,
    };
    room.inquiry = inquiry;
    this.#rooms.inquiries.set(inquiry.id, inquiry);
    this.#desk.write({ kind: 'opened', rid: room.id, by: visitor.id });
    this.#messages.post(room, { kind: 'visitor', visitor }, { msg: '', t: 'livechat-started' });
    this.#hooks.session('start', 'LivechatSessionStart', room);
    this.#streams.inquiry('added', inquiry);
    const bot = botsFirst ? serving.find(({ roles }) => roles.has('bot')) : undefined;
    const account = wanted ?? bot ?? (routing === 'auto' ? this.pick(department) : undefined);
    if (account !== undefined) this.take(inquiry, account);
    else if (inquiry.status === 'queued') this.#queued(inquiry);
    return room;
  }

  /** Agents that chats can be given to. */
  serving(department: Department | undefined): readonly Account[] {
    return [...(department?.agents ?? this.#accounts.all.values())].filter(isServing);
  }

  /** The agent with the fewest chats, and of those the one who waits longest. */
  pick(department: Department | undefined, except?: Account): Account | undefined {
    const [first] = this.serving(department)
      .filter((account) => account !== except && this.#rooms.load(account) < account.maxChats)
      .sort((one, other) => this.#rooms.load(one) - this.#rooms.load(other) || one.routedAt - other.routedAt);
    return first;
  }

  /**
   * An agent asks for an inquiry. Success does not mean that the room is the agent's: without `wantsTruth` what does not work
   * out is passed over.
   */
  ask(inquiryId: string, account: Account, wantsTruth: boolean): void {
    const inquiry = this.#rooms.inquiries.get(inquiryId);
    if (inquiry === undefined) throw coded('error-not-found', 'Inquiry not found');
    if (inquiry.status !== 'taken' && this.#strikes('take')) this.take(inquiry, this.rival());
    if (inquiry.status === 'taken') throw coded('error-inquiry-taken', 'Inquiry already taken');
    if (!isServing(account))
      throw coded('error-agent-status-service-offline', 'Agent status is offline or Omnichannel service is not active');
    if (this.#strikes('lock')) throw plain('error-taking-inquiry-lockedAt-mismatch');
    if (this.#strikes('snatch')) {
      this.take(inquiry, this.rival());
      return;
    }
    if (this.#rooms.load(account) >= account.maxChats) {
      if (wantsTruth) throw plain('error-max-number-simultaneous-chats-reached');
      return;
    }
    this.take(inquiry, account);
  }

  /** An agent has the room from now on. */
  take(inquiry: Inquiry, account: Account, isForward = false): void {
    const { room } = inquiry;
    const at = this.#desk.now();
    inquiry.status = 'taken';
    inquiry.takenAt = at;
    inquiry.updatedAt = at;
    room.servedBy = { account, at };
    room.updatedAt = at;
    account.routedAt = at;
    this.#desk.write({ kind: 'taken', rid: room.id, by: account.id, inquiryId: inquiry.id });
    this.join(room, account);
    this.#streams.inquiry('changed', inquiry);
    this.#streams.agent(room);
    if (!isForward || this.#desk.rules.takenOnForward) this.#hooks.session('taken', 'LivechatSessionTaken', room);
  }

  /** An agent is a member of the room; the two messages about it come in any order. */
  join(room: Room, account: Account): void {
    const { membership, isNew } = this.#rooms.enter(room, account);
    if (!isNew) return;
    this.#desk.write({ kind: 'joined', rid: room.id, by: account.id });
    this.#streams.membership('inserted', membership, room);
    const messages = [
      { msg: 'connected', t: 'command' },
      { msg: '', t: 'uj' },
    ];
    if (++this.#joins % 2 === 0) messages.reverse();
    for (const message of messages) this.#messages.post(room, { kind: 'agent', account }, message);
  }

  /** The room is nobody's, and waits in the queue. */
  requeue(inquiry: Inquiry, department: Department | undefined): void {
    const { room } = inquiry;
    const at = this.#desk.now();
    this.release(room);
    room.queuedAt = at;
    inquiry.status = 'queued';
    inquiry.takenAt = undefined;
    inquiry.queuedAt = at;
    inquiry.defaultAgent = undefined;
    inquiry.updatedAt = at;
    inquiry.department = department;
    room.department = department;
    this.#desk.write({ kind: 'queued', rid: room.id, inquiryId: inquiry.id, departmentId: department?.id });
    this.#streams.inquiry('changed', inquiry);
    this.#streams.agent(room);
  }

  /** Who serves the room leaves it. */
  release(room: Room): void {
    const { servedBy } = room;
    if (servedBy === undefined) return;
    const { account } = servedBy;
    room.servedBy = undefined;
    const membership = this.#rooms.leave(room, account);
    this.#desk.write({ kind: 'left', rid: room.id, by: account.id });
    this.#messages.post(room, { kind: 'agent', account }, { msg: account.username, t: 'ul' });
    if (membership !== undefined) this.#streams.membership('removed', membership, room);
  }

  /** The agent who is quicker than others, and is made known when there is none. */
  rival(): Account {
    const username = this.#races.by ?? 'rival';
    return this.#accounts.named(username) ?? this.#accounts.add({ username, status: 'online' });
  }

  #queued(inquiry: Inquiry): void {
    const { room, department } = inquiry;
    this.#desk.write({ kind: 'queued', rid: room.id, inquiryId: inquiry.id, departmentId: department?.id });
    this.#hooks.session('queued', 'LivechatSessionQueued', room);
  }

  #strikes(race: 'take' | 'snatch' | 'lock'): boolean {
    const doesStrike = strikes(this.#races, race);
    if (doesStrike) this.#desk.fault(`race.${race}`);
    return doesStrike;
  }
}
