import type { SchedulerLike, Subscription } from 'rxjs';
import { sightOf, type SimulatedOption } from './simulator-channels.js';

/** One effect, in the order of happening. */
export type JournalEntry = { readonly at: number; readonly contact: string; readonly cid: string } & (
  | { readonly kind: 'seen'; readonly text: string; readonly buttons: readonly SimulatedOption[] }
  | { readonly kind: 'said'; readonly name: string; readonly payload: unknown }
  | { readonly kind: 'context'; readonly context: unknown }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'contact' | 'conversation'; readonly changes: unknown }
  | { readonly kind: 'ended'; readonly by: string }
  | { readonly kind: 'taken'; readonly by: string }
  | { readonly kind: 'dispatched'; readonly name: string; readonly payload: unknown }
  /** A webhook request went out; the next `answered` of its contact says what became of it. */
  | { readonly kind: 'told'; readonly name: string; readonly payload: unknown }
  /** 0 when there was no answer. */
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'called'; readonly status: number; readonly events: number }
  | { readonly kind: 'problem'; readonly problem: string }
);

/** A webhook request that the platform wants to make. */
export interface SimulatedRequest {
  readonly contact: string;
  readonly cid: string;
  readonly body: {
    readonly info: Readonly<Record<string, unknown>>;
    readonly packet: { readonly name: string; readonly payload: unknown };
  };
}

export interface CoreConfig {
  readonly scheduler: SchedulerLike;
  /** API requests of a session in any 60 s. Default: 20. */
  readonly limit?: number;
  /** Whether 429 comes with `Retry-After`. Default: true. */
  readonly retryAfter?: boolean;
  /** What becomes of a session without messages for `idleMs`. Default: `end`, after 24 hours. */
  readonly onIdle?: 'end' | 'unassign' | 'forward';
  readonly idleMs?: number;
  /** Whether the platform can download a file that a bot sends. Default: always. */
  readonly reach?: (link: string) => boolean;
}

interface Contact {
  readonly name: string;
  readonly channel: string;
  readonly data: Record<string, unknown>;
  session: Session | undefined;
}

interface Choice {
  readonly options: readonly SimulatedOption[];
  clicked: boolean;
}

interface Session {
  readonly cid: string;
  readonly contact: Contact;
  context: Record<string, unknown>;
  readonly calls: number[];
  readonly choices: Choice[];
  /** Options that the next message may pick by number. */
  armed: readonly SimulatedOption[] | undefined;
  /** What is shown later, behind a delay. */
  shownUntil: number;
  readonly dispatches: { readonly name: string; readonly payload: unknown }[];
  idle: Subscription | undefined;
}

type Payload = Readonly<Record<string, unknown>>;
interface BotEvent {
  readonly info: { readonly cid: string; readonly context?: unknown };
  readonly packet: { readonly name: string; readonly payload: Payload };
}

const KNOWN: ReadonlySet<string> = new Set(
  'message bubbles carousel button_template list_template button buttons media navigate abort end forward_group forward_skills forward_any contact_update delay note_create conversation_update addon_dispatch email_dispatch'.split(
    ' ',
  ),
);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const bytes = new TextEncoder();

/**
 * Userlike's chatbot platform as a plain state machine with a clock and a journal: contacts, sessions, choices, limits,
 * handoffs. Knows no HTTP; the bot's side of it is `next` (what it wants to tell the bot), `answer` and `call`.
 */
export class UserlikeCore {
  readonly journal: JournalEntry[] = [];
  operatorsAvailable = true;
  readonly #config: Required<CoreConfig>;
  readonly #tell: (request: SimulatedRequest) => void;
  readonly #contacts = new Map<string, Contact>();
  readonly #sessions = new Map<string, Session>();
  #sessionCount = 0;
  #isStopped = false;

  constructor(config: CoreConfig, tell: (request: SimulatedRequest) => void) {
    const defaults = { limit: 20, retryAfter: true, onIdle: 'end', idleMs: 86_400_000, reach: () => true } as const;
    this.#config = { ...defaults, ...config };
    this.#tell = tell;
  }

  /** Makes a contact known, or finds it by name. */
  contact(name: string, channel: string, data: Record<string, unknown> = {}): void {
    if (!this.#contacts.has(name))
      this.#contacts.set(name, {
        name,
        channel,
        data: { id: this.#contacts.size + 1, name, ...data },
        session: undefined,
      });
  }

  /** The contact opens the widget: a session begins without a message. */
  open(name: string): void {
    const contact = this.#contactOf(name);
    if (contact.session === undefined) this.#begin(contact, {});
  }

  say(name: string, text: string): void {
    const contact = this.#contactOf(name);
    const { session } = contact;
    if (session === undefined) {
      if (contact.channel === 'web') {
        const begun = this.#begin(contact, {});
        this.#event(begun, 'message', { body: text });
      } else this.#begin(contact, { body: text });
      return;
    }
    const typed = /^\s*(\d+)\s*$/.exec(text)?.[1];
    const picked = typed === undefined ? undefined : session.armed?.[Number(typed) - 1];
    session.armed = undefined;
    if (picked !== undefined) this.#event(session, 'click', { value: { id: picked.id, label: picked.label } });
    else if (
      contact.channel === 'whatsapp_business' &&
      contact.data['campaigns'] === true &&
      text.trim().toLowerCase() === 'stop'
    ) {
      contact.data['campaigns'] = false;
      this.#event(session, 'campaign_unsubscribe', { body: text });
    } else this.#event(session, 'message', { body: text });
  }

  /** Clicks an option by id or label: the first click of a choice is a `click`, later ones and those of an ended session a message. */
  click(name: string, idOrLabel: string): void {
    const contact = this.#contactOf(name);
    const { session } = contact;
    const found = (session?.choices ?? [])
      .flatMap((choice) => choice.options.map((option) => ({ choice, option })))
      .reverse()
      .find(({ option }) => option.id === idOrLabel || option.label === idOrLabel);
    if (session === undefined || found === undefined) {
      this.say(name, idOrLabel);
      return;
    }
    const { choice, option } = found;
    if (choice.clicked) {
      this.#event(session, 'message', { body: option.label });
      return;
    }
    choice.clicked = true;
    this.#event(session, 'click', { value: { id: option.id, label: option.label } });
  }

  upload(name: string, link: string): void {
    const contact = this.#contactOf(name);
    if (contact.session === undefined) this.#begin(contact, { link });
    else this.#event(contact.session, 'media', { link });
  }

  locate(name: string, latitude: number, longitude: number): void {
    const contact = this.#contactOf(name);
    this.#event(contact.session ?? this.#begin(contact, {}), 'location', { latitude, longitude });
  }

  /** A webhook request goes out. */
  told({ contact, cid, body: { packet } }: SimulatedRequest): void {
    this.#write(contact, cid, { kind: 'told', name: packet.name, payload: packet.payload });
  }

  /** The bot answered a webhook request. */
  answer(cid: string, status: number, text: string): void {
    const session = this.#sessions.get(cid);
    const contact = session?.contact.name ?? '';
    this.#write(contact, cid, { kind: 'answered', status });
    if (status !== 200) return;
    if (text.trim() === '') return;
    const problem = this.#take(text, cid);
    if (problem !== undefined) this.#write(contact, cid, { kind: 'problem', problem });
  }

  /** The bot calls the API URL. */
  call(text: string): { readonly status: number; readonly body: string; readonly retryAfterSeconds?: number } {
    const events = this.#parse(text);
    if (typeof events === 'string') return this.#refused('', 400, events);
    const [first] = events;
    const cid = first?.info.cid ?? '';
    const session = this.#sessions.get(cid);
    if (session === undefined) return this.#refused(cid, 404, 'unknown or ended cid');
    const now = this.#config.scheduler.now();
    while ((session.calls[0] ?? Infinity) <= now - 60_000) session.calls.shift();
    if (session.calls.length >= this.#config.limit) {
      const waitMs = (session.calls[0] ?? now) + 60_000 - now;
      const refused = this.#refused(cid, 429, 'too many requests');
      return this.#config.retryAfter ? { ...refused, retryAfterSeconds: Math.ceil(waitMs / 1_000) } : refused;
    }
    session.calls.push(now);
    const problem = this.#take(text, cid, true);
    if (problem !== undefined) return this.#refused(cid, 400, problem);
    this.#write(session.contact.name, cid, { kind: 'called', status: 200, events: events.length });
    return { status: 200, body: '{}' };
  }

  /** What a contact has seen, oldest first. */
  seenBy(name: string): readonly string[] {
    return this.journal.flatMap((entry) => (entry.kind === 'seen' && entry.contact === name ? [entry.text] : []));
  }

  cidOf(name: string): string | undefined {
    return this.#contactOf(name).session?.cid;
  }

  /** Stops all timers, for good: what happens later starts none. */
  stop(): void {
    this.#isStopped = true;
    for (const { idle } of this.#sessions.values()) idle?.unsubscribe();
  }

  #refused(cid: string, status: number, error: string): { readonly status: number; readonly body: string } {
    this.#write(this.#sessions.get(cid)?.contact.name ?? '', cid, { kind: 'called', status, events: 0 });
    return { status, body: JSON.stringify({ error }) };
  }

  #contactOf(name: string): Contact {
    const contact = this.#contacts.get(name);
    if (contact === undefined) throw new Error(`userlike simulator: there is no contact ${name}`);
    return contact;
  }

  #write(contact: string, cid: string, entry: object): void {
    this.journal.push({ at: this.#config.scheduler.now(), contact, cid, ...entry } as JournalEntry);
  }

  #begin(contact: Contact, payload: object): Session {
    const hex = (++this.#sessionCount).toString(16).padStart(32, '0');
    const session: Session = {
      cid: `chatbot::731:${hex}`,
      contact,
      context: {},
      calls: [],
      choices: [],
      armed: undefined,
      shownUntil: 0,
      dispatches: [],
      idle: undefined,
    };
    contact.session = session;
    this.#sessions.set(session.cid, session);
    this.#event(session, 'start', payload);
    return session;
  }

  #event(session: Session, name: string, payload: unknown): void {
    const { contact, cid, context } = session;
    this.#write(contact.name, cid, { kind: 'said', name, payload });
    this.#keepAwake(session);
    this.#tell({
      contact: contact.name,
      cid,
      body: {
        info: {
          approach_mode: 'normal',
          cid,
          contact: { ...contact.data },
          context: { ...context },
          conversation: { contact_channel: { state: 'valid', type: contact.channel } },
          widget: {},
        },
        packet: { name, payload },
      },
    });
  }

  #keepAwake(session: Session): void {
    const { scheduler, idleMs, onIdle } = this.#config;
    session.idle?.unsubscribe();
    if (this.#isStopped) return;
    session.idle = scheduler.schedule(() => {
      this.#end(session, `idle: ${onIdle}`);
    }, idleMs);
  }

  #end(session: Session, by: string): void {
    const { contact, cid } = session;
    session.idle?.unsubscribe();
    this.#sessions.delete(cid);
    contact.session = undefined;
    this.#write(contact.name, cid, { kind: 'ended', by });
    for (const { name, payload } of session.dispatches) {
      if (
        name === 'email_dispatch' &&
        isRecord(payload) &&
        payload['type'] === 'contact' &&
        typeof contact.data['email'] !== 'string'
      )
        continue;
      this.#write(contact.name, cid, { kind: 'dispatched', name, payload });
    }
  }

  #parse(text: string): readonly BotEvent[] | string {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return 'the body is no JSON';
    }
    const events: readonly unknown[] = Array.isArray(json) ? json : [json];
    const good: BotEvent[] = [];
    for (const event of events) {
      const { info, packet } = isRecord(event) ? event : {};
      if (!isRecord(info) || typeof info['cid'] !== 'string') return 'info.cid is missing';
      if (!isRecord(packet) || typeof packet['name'] !== 'string') return 'packet.name is missing';
      if (!KNOWN.has(packet['name'])) return `unknown event ${packet['name']}`;
      const payload = isRecord(packet['payload']) ? packet['payload'] : {};
      good.push({ info: { cid: info['cid'], context: info['context'] }, packet: { name: packet['name'], payload } });
    }
    if (new Set(good.map(({ info }) => info.cid)).size > 1) return 'one request is about one cid';
    return good;
  }

  /** Lets a list of events happen; says what is wrong with it, if something is. */
  #take(text: string, cid: string, checked = false): string | undefined {
    const events = this.#parse(text);
    if (typeof events === 'string') return events;
    for (const { info, packet } of events) {
      if (info.cid !== cid) return 'info.cid is of another session';
      const problem = this.#problemOf(info.context, packet.name, packet.payload, checked);
      if (problem !== undefined) return problem;
    }
    for (const { info, packet } of events) {
      const session = this.#sessions.get(cid);
      // What stands behind the end of the session is ignored.
      if (session === undefined) return undefined;
      if (isRecord(info.context) && Object.keys(info.context).length > 0) {
        session.context = info.context;
        this.#write(session.contact.name, cid, { kind: 'context', context: info.context });
      }
      this.#apply(session, packet.name, packet.payload);
    }
    return undefined;
  }

  #problemOf(context: unknown, name: string, payload: Payload, checked: boolean): string | undefined {
    if (context !== undefined && context !== null && !isRecord(context)) return 'context is no object';
    if (isRecord(context) && bytes.encode(JSON.stringify(context)).length > 10_240) return 'context is too large';
    if (name === 'message' && (typeof payload['body'] !== 'string' || payload['body'].length > 5_000))
      return 'message.body';
    if (['bubbles', 'carousel', 'button_template', 'list_template'].includes(name)) {
      if (typeof payload['fallback'] !== 'string') return `${name}.fallback`;
      if (!Array.isArray(payload['options']) || payload['options'].length === 0) return `${name}.options`;
    }
    if (name === 'media') {
      const { link } = payload;
      if (typeof link !== 'string') return 'media.link';
      if (checked && !this.#config.reach(link)) return 'media.link cannot be downloaded';
    }
    return undefined;
  }

  #apply(session: Session, name: string, payload: Payload): void {
    const { contact, cid } = session;
    this.#keepAwake(session);
    switch (name) {
      case 'delay': {
        const seconds = payload['duration'] ?? payload['seconds'] ?? payload['delay'] ?? payload['time'];
        const from = Math.max(session.shownUntil, this.#config.scheduler.now());
        session.shownUntil = from + Number(seconds) * 1_000;
        return;
      }
      case 'abort':
      case 'end':
        this.#end(session, name);
        return;
      case 'forward_any':
      case 'forward_group':
      case 'forward_skills':
        this.#forward(session, name, payload);
        return;
      case 'contact_update':
        Object.assign(contact.data, payload);
        this.#write(contact.name, cid, { kind: 'contact', changes: payload });
        return;
      case 'conversation_update':
        this.#write(contact.name, cid, { kind: 'conversation', changes: payload });
        return;
      case 'note_create':
        this.#write(contact.name, cid, { kind: 'note', text: payload['body'] ?? payload['text'] ?? payload['note'] });
        return;
      case 'addon_dispatch':
      case 'email_dispatch':
        session.dispatches.push({ name, payload });
        return;
      default: {
        const waitMs = session.shownUntil - this.#config.scheduler.now();
        if (waitMs <= 0) this.#show(session, name, payload);
        else
          this.#config.scheduler.schedule(() => {
            this.#show(session, name, payload);
          }, waitMs);
      }
    }
  }

  #show(session: Session, name: string, payload: Payload): void {
    const { contact, cid } = session;
    if (name === 'media' && typeof payload['link'] === 'string' && !this.#config.reach(payload['link'])) {
      this.#write(contact.name, cid, { kind: 'problem', problem: 'media.link cannot be downloaded' });
      return;
    }
    const shown = sightOf(contact.channel, name, payload);
    if (shown === undefined) {
      this.#write(contact.name, cid, { kind: 'problem', problem: `${name} is not shown on ${contact.channel}` });
      return;
    }
    const { text, buttons, numbered } = shown;
    this.#write(contact.name, cid, { kind: 'seen', text, buttons });
    if (buttons.length > 0) session.choices.push({ options: buttons, clicked: false });
    session.armed = numbered.length > 0 ? numbered : undefined;
  }

  #forward(session: Session, name: string, payload: Payload): void {
    const { contact, cid } = session;
    if (this.operatorsAvailable) {
      this.#end(session, name);
      this.#write(contact.name, cid, { kind: 'taken', by: 'operator' });
    } else if (payload['on_failure'] === 'feedback') this.#event(session, 'forward_failed', {});
    else this.#end(session, `${name} failed`);
  }
}
