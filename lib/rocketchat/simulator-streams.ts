import type { Desk } from './simulator-desk.js';
import type { Account, Inquiry, Membership, Message, RocketchatContent, Room, Visitor } from './simulator-model.js';
import { may, statusOf } from './simulator-permissions.js';
import type { Rooms } from './simulator-rooms.js';
import type { Views } from './simulator-views.js';

/** @internal The socket of a subscription. */
export interface Listener {
  readonly number: number;
  readonly account: Account | undefined;
  readonly tell: (stream: string, event: string, args: readonly unknown[]) => void;
}

/** @internal */
export interface Subscription {
  readonly listener: Listener;
  readonly stream: string;
  readonly event: string;
}

/** @internal The tokens of a visitor that come with a subscription: the streams disagree about the key. */
export interface Credentials {
  readonly visitorToken?: unknown;
  readonly token?: unknown;
}

const MESSAGES = 'stream-room-messages';
const ROOM = 'stream-notify-room';
const USER = 'stream-notify-user';
const LIVECHAT = 'stream-livechat-room';
const QUEUE = 'stream-livechat-inquiry-queue-observer';
const DATA = 'stream-room-data';

/** What there is to hear of a room besides messages. */
const IN_ROOM = ['user-activity', 'typing', 'deleteMessage', 'deleteMessageBulk', 'messagesRead'];

const ACTIONS = { added: 'inserted', changed: 'updated', removed: 'removed' } as const;

/** @internal Who has subscribed to what, and what they are told. */
export class Streams {
  readonly #desk: Desk;
  readonly #rooms: Rooms;
  readonly #views: Views;
  readonly #subscriptions = new Map<string, Set<Subscription>>();

  constructor(desk: Desk, rooms: Rooms, views: Views) {
    this.#desk = desk;
    this.#rooms = rooms;
    this.#views = views;
  }

  /** Whether there is a stream of this name. */
  has(stream: string): boolean {
    return [MESSAGES, ROOM, USER, LIVECHAT, QUEUE, DATA].includes(stream);
  }

  /** Whether somebody may subscribe. All of one's messages may be subscribed to without a login, and stay silent. */
  mayHear(stream: string, event: string, account: Account | undefined, { visitorToken, token }: Credentials): boolean {
    const [id = ''] = event.split('/');
    if (stream === QUEUE) return account !== undefined && may(account, 'view-l-room');
    if (stream === USER) return account?.id === id;
    if (stream === MESSAGES && event === '__my_messages__') return true;
    const room = this.#rooms.all.get(id);
    if (room === undefined) return false;
    const isOwn = room.visitor.token === (stream === ROOM ? token : visitorToken);
    if (stream === LIVECHAT) return isOwn;
    if (account !== undefined && this.#rooms.canAccess(room, account)) return true;
    if (stream === MESSAGES) return isOwn && (room.isOpen || !this.#desk.since('8.0'));
    return stream === ROOM && isOwn;
  }

  add(subscription: Subscription): void {
    const key = `${subscription.stream} ${subscription.event}`;
    const known = this.#subscriptions.get(key);
    if (known === undefined) this.#subscriptions.set(key, new Set([subscription]));
    else known.add(subscription);
  }

  remove(subscription: Subscription): void {
    const key = `${subscription.stream} ${subscription.event}`;
    const known = this.#subscriptions.get(key);
    known?.delete(subscription);
    if (known?.size === 0) this.#subscriptions.delete(key);
  }

  /** A message that is new, or has changed: both are told alike. */
  message(message: Message): void {
    const { room, t } = message;
    if (t !== undefined && this.#desk.rules.hiddenTypes.includes(t)) return;
    const content = (): RocketchatContent => this.#views.message(message);
    this.#tell(MESSAGES, '__my_messages__', ({ account }) =>
      account !== undefined && this.#rooms.canAccess(room, account)
        ? [content(), { roomParticipant: room.members.has(account), roomType: 'l' }]
        : undefined,
    );
    this.#tell(MESSAGES, room.id, () => [content()]);
  }

  deleted({ room, id }: Message): void {
    this.#tell(ROOM, `${room.id}/deleteMessage`, () => [{ _id: id }]);
  }

  /** Both forms of it; the socket that says it does not hear it. */
  typing(room: Room, name: string, activities: readonly string[], by?: Listener): void {
    this.#desk.write({ kind: 'typing', rid: room.id, name, activities });
    const others = (args: readonly unknown[]) => (listener: Listener) => (listener === by ? undefined : args);
    this.#tell(ROOM, `${room.id}/user-activity`, others([name, activities]));
    this.#tell(ROOM, `${room.id}/typing`, others([name, activities.includes('user-typing')]));
  }

  read(room: Room, until: number): void {
    this.#tell(ROOM, `${room.id}/messagesRead`, () => [{ until: new Date(until) }]);
  }

  room(room: Room): void {
    const data = (): RocketchatContent => this.#views.room(room);
    this.#tell(DATA, room.id, () => [data()]);
    for (const { id } of room.members.keys()) this.#tell(USER, `${id}/rooms-changed`, () => ['updated', data()]);
  }

  /** An agent who is not a member any more hears nothing of the room from then on, and is not told why. */
  membership(action: 'inserted' | 'updated' | 'removed', membership: Membership, room: Room): void {
    const { account, id } = membership;
    const gone = { _id: id, u: { _id: account.id, username: account.username }, rid: room.id, t: 'l' };
    this.#tell(USER, `${account.id}/subscriptions-changed`, () => [
      action,
      action === 'removed' ? gone : this.#views.membership(membership, room),
    ]);
    if (action !== 'removed') return;
    const streams = [`${MESSAGES} ${room.id}`, ...IN_ROOM.map((what) => `${ROOM} ${room.id}/${what}`)];
    for (const stream of streams)
      for (const subscription of [...(this.#subscriptions.get(stream) ?? [])])
        if (subscription.listener.account === account) this.remove(subscription);
  }

  /** Newer servers tell the agent or department that is meant, and everybody only where none is; older ones everybody. */
  inquiry(type: keyof typeof ACTIONS, inquiry: Inquiry): void {
    const { id, defaultAgent, department } = inquiry;
    const isNew = this.#desk.since('8.0');
    const events = [
      ...(isNew && defaultAgent !== undefined ? [`agent/${defaultAgent.id}`] : []),
      ...(department === undefined ? [] : [`department/${department.id}`]),
    ];
    if (events.length === 0 || !isNew) events.push('public');
    for (const event of events) this.#tell(QUEUE, event, () => [{ type, ...this.#views.inquiry(inquiry) }]);
    const clientAction = ACTIONS[type];
    this.#tell(QUEUE, id, () => [
      type === 'removed' ? { _id: id, clientAction } : { clientAction, ...this.#views.inquiry(inquiry) },
    ]);
  }

  /** Tells the visitor who serves the room now. */
  agent({ id, servedBy }: Room): void {
    const data = servedBy === undefined ? undefined : this.#views.agentInfo(servedBy.account);
    this.#tell(LIVECHAT, id, () => [{ type: 'agentData', ...(data !== undefined && { data }) }]);
  }

  status(account: Account): void {
    for (const room of this.#rooms.of(account))
      if (room.isOpen && room.servedBy?.account === account)
        this.#tell(LIVECHAT, room.id, () => [{ type: 'agentStatus', status: statusOf(account) }]);
    this.#tell(USER, `${account.id}/userData`, () => [
      { type: 'updated', diff: { status: statusOf(account), statusLivechat: account.statusLivechat } },
    ]);
  }

  /** Where a visitor is in the queue. */
  spot({ id }: Room, spot: number, estimatedWaitTimeSeconds: number | undefined): void {
    const wait = estimatedWaitTimeSeconds === undefined ? {} : { estimatedWaitTimeSeconds };
    this.#tell(LIVECHAT, id, () => [{ type: 'queueData', data: { spot, ...wait } }]);
  }

  visitor(visitor: Visitor): void {
    const room = this.#rooms.openOf(visitor);
    if (room !== undefined)
      this.#tell(LIVECHAT, room.id, () => [{ type: 'visitorData', visitor: this.#views.visitor(visitor) }]);
  }

  /** Tells a user something that is not stored: `message`, `force_logout` and others. */
  user({ id }: Account, what: string, ...args: readonly unknown[]): void {
    this.#tell(USER, `${id}/${what}`, () => args);
  }

  #tell(stream: string, event: string, argsFor: (listener: Listener) => readonly unknown[] | undefined): void {
    for (const { listener } of [...(this.#subscriptions.get(`${stream} ${event}`) ?? [])]) {
      const args = argsFor(listener);
      if (args !== undefined) listener.tell(stream, event, args);
    }
  }
}
