import type { Deliveries } from './simulator-deliveries.js';
import type { Desk } from './simulator-desk.js';
import type { Message, RocketchatContent, Room } from './simulator-model.js';
import { servedIn, type Payloads } from './simulator-payloads.js';
import type { RocketchatHookEvent } from './simulator-rules.js';

const ALL: readonly RocketchatHookEvent[] = [
  'start',
  'queued',
  'taken',
  'forward',
  'close',
  'visitorMessage',
  'agentMessage',
  'offline',
];
const MAIL = /[a-z0-9._%+-]+@(?:[a-z0-9-]+\.)+[a-z]{2,}/i;
const PHONE = /(?:\+\d{1,3}[ -]?)?(?:\d[ -]?){7,14}\d/;

/** @internal Webhooks outwards: what is told, and when. */
export class Hooks {
  readonly #desk: Desk;
  readonly #payloads: Payloads;
  readonly #deliveries: Deliveries;

  constructor(desk: Desk, payloads: Payloads, deliveries: Deliveries) {
    this.#desk = desk;
    this.#payloads = payloads;
    this.#deliveries = deliveries;
  }

  /** About a room. The old department or agent comes with a forward. */
  session(event: RocketchatHookEvent, type: string, room: Room, more: RocketchatContent = {}): void {
    if (!this.#isOn(event)) return;
    const { department, servedBy } = room;
    const isServed = servedBy !== undefined && !['start', 'queued'].includes(event);
    this.#launch(type, room, {
      messages: this.#payloads.transcript(room),
      ...(department !== undefined && { departmentId: department.id }),
      ...(isServed && { servedBy: servedIn(servedBy) }),
      ...more,
    });
  }

  /** A room that is closed was changed; no setting turns this off. */
  edited(room: Room): void {
    if (this.#deliveries.config !== undefined)
      this.#launch('LivechatEdit', room, { messages: this.#payloads.transcript(room) });
  }

  /** A message that is new, or was edited. */
  message(message: Message): void {
    const { author, room, id, msg, editedAt } = message;
    const isVisitor = author.kind === 'visitor';
    if (this.#isOn(isVisitor ? 'visitorMessage' : 'agentMessage'))
      this.#launch('Message', room, { messages: [this.#payloads.message(message, true)] }, id);
    const isLead = isVisitor && editedAt === undefined && (MAIL.test(msg) || PHONE.test(msg));
    if (isLead && this.#isOn('capture')) this.#launch('LeadCapture', room, { messages: [] });
  }

  offline(name: string, email: string, message: string): void {
    if (!this.#isOn('offline')) return;
    const type = 'LivechatOfflineMessage';
    const sentAt = new Date(this.#desk.now());
    this.#deliveries.launch({ type, body: { type, sentAt, visitor: { name, email }, message } });
  }

  #isOn(event: RocketchatHookEvent): boolean {
    const { config } = this.#deliveries;
    return config !== undefined && (config.events ?? ALL).includes(event);
  }

  #launch(type: string, room: Room, more: RocketchatContent, messageId?: string): void {
    this.#deliveries.launch({ type, room, messageId, body: { ...this.#payloads.info(room), type, ...more } });
  }
}
