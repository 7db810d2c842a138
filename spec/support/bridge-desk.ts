import { delay, map, Subject, timer, type Observable, type OperatorFunction } from 'rxjs';
import {
  bridge,
  ChatError,
  deliver,
  delivered,
  openAccounts,
  operatorSeat,
  ownership,
  react,
  type BridgeConfig,
  type Conversation,
  type InboundEvent,
  type MediaEvent,
  type MessageEvent,
  type OperatorSeat,
  type OutboundAction,
  type Outcome,
  type Ownership,
  type Receipt,
  type Store,
} from 'tidewire';
import { virtualClock, type VirtualClock } from 'tidewire/testing';

/** A platform that shows, edits and removes messages, and one that knows neither ids nor edits. */
export const mira: Conversation = { platform: 'desk', id: 'mira', channel: 'web' };
export const lev: Conversation = { platform: 'desk', id: 'lev', channel: 'web' };
export const kim: Conversation = { platform: 'userlike', id: 'kim', channel: 'sms' };
export const chat: Conversation = { platform: 'group', id: 'team', channel: 'group' };

/** What somebody sees in a conversation. */
export interface Shown {
  readonly id: string;
  readonly text: string;
  readonly replyTo: string | undefined;
  /** The action that said it, or the event. */
  readonly from: string;
}

/** A store that takes its time. */
export const slowStore = (store: Store, clock: VirtualClock, ms: () => number): Store => ({
  get: (key) => store.get(key).pipe(delay(ms(), clock)),
  put: (key, value, options) => store.put(key, value, options).pipe(delay(ms(), clock)),
  delete: (key, options) => store.delete(key, options).pipe(delay(ms(), clock)),
  scan: (prefix) => store.scan(prefix).pipe(delay(ms(), clock)),
  forget: (prefix) => store.forget(prefix).pipe(delay(ms(), clock)),
});

export interface BridgeDeskConfig extends Partial<BridgeConfig> {
  readonly clock?: VirtualClock;
  readonly store?: Store;
  readonly responder?: OperatorFunction<InboundEvent, OutboundAction>;
  readonly implementation?: typeof bridge;
  /** How long a platform takes for an action. */
  readonly takesMs?: (action: OutboundAction) => number;
  /** In front of the bridge. */
  readonly before?: OperatorFunction<InboundEvent, InboundEvent>;
}

/** Customers, operators in their chat, a bot, and platforms that show what they were sent. */
export class BridgeDesk {
  readonly clock: VirtualClock;
  readonly accounts;
  readonly desk: Ownership;
  readonly seat: OperatorSeat;
  readonly source = new Subject<InboundEvent>();
  readonly actions: OutboundAction[] = [];
  readonly reports: string[] = [];
  readonly subscription;
  isCompleted = false;
  refuses = (_: OutboundAction): boolean => false;
  /** Told of each action that is sent. */
  seen = (_: OutboundAction): void => undefined;
  readonly #shown = new Map<string, Shown[]>();
  readonly #account;
  #ids = 0;

  constructor(config: BridgeDeskConfig = {}) {
    const { clock = virtualClock(), store, responder, implementation = bridge, takesMs = () => 0, before } = config;
    const scheduler = clock;
    const shared = { scheduler, ...(store !== undefined && { store }) };
    this.clock = clock;
    this.accounts = openAccounts({ scheduler });
    this.#account = this.accounts.of('platforms');
    this.accounts.reports$.subscribe((report) => this.reports.push(report.kind));
    this.desk = config.desk ?? ownership(shared);
    this.seat = config.seat ?? operatorSeat({ conversation: chat, ...shared });
    const { desk, seat, accounts } = this;
    const bot =
      responder ??
      react((event) => (event.kind === 'message' ? { kind: 'text', text: `bot: ${event.text}` } : undefined));
    const sink = deliver({ name: 'toPlatforms', desk, scheduler }, (action): Receipt | Observable<Receipt> => {
      this.actions.push(action);
      if (this.refuses(action)) throw new ChatError('refused', 'desk', 'no');
      const ids = this.#show(action);
      this.seen(action);
      const receipt = (): Receipt => delivered(action, new Date(clock.now()).toISOString(), ids);
      const ms = takesMs(action);
      return ms === 0 ? receipt() : timer(ms, scheduler).pipe(map(receipt));
    });
    const events = before === undefined ? this.source : this.source.pipe(before);
    this.subscription = events
      .pipe(implementation({ accounts, ...config, desk, seat }, bot), sink)
      .subscribe({ complete: () => (this.isCompleted = true) });
  }

  /** What is to be seen in a conversation, oldest first. */
  shown({ id }: Conversation): readonly Shown[] {
    return this.#shown.get(id) ?? [];
  }

  view(conversation: Conversation): readonly string[] {
    return this.shown(conversation).map(({ text }) => text);
  }

  /** The id of a message that is to be seen. */
  find(conversation: Conversation, text: string): string {
    const found = [...this.shown(conversation)].reverse().find((message) => message.text.includes(text));
    if (found === undefined) throw new Error(`nothing like ${text} in ${this.view(conversation).join(' | ')}`);
    return found.id;
  }

  /** Delivers an event, and gives its id back. */
  deliver(event: InboundEvent): string {
    const copy = { ...event };
    const trace = this.#account.open(copy);
    this.source.next(copy);
    trace.release(this.#account);
    return event.id;
  }

  says(conversation: Conversation, text: string, more: Partial<MessageEvent> = {}): string {
    const id = more.id ?? `e${++this.#ids}`;
    this.#put(conversation, { id, text, replyTo: more.replyTo, from: id });
    return this.deliver({ ...this.base(conversation, id), kind: 'message', text, ...more });
  }

  sends(conversation: Conversation, more: Partial<MediaEvent> = {}): string {
    const media = { fileId: 'f1', name: 'plan.pdf', mimeType: 'application/pdf' };
    return this.deliver({ ...this.base(conversation), kind: 'media', media, ...more });
  }

  edits(conversation: Conversation, messageId: string, text: string): string {
    return this.deliver({ ...this.base(conversation), kind: 'edited', messageId, text });
  }

  removes(conversation: Conversation, messageId: string): string {
    return this.deliver({ ...this.base(conversation), kind: 'removed', messageId });
  }

  ends(conversation: Conversation): string {
    return this.deliver({ ...this.base(conversation), kind: 'ended' });
  }

  /** Somebody else than the bridge hands over, and links what they sent. */
  handOver(conversation: Conversation): string {
    const heading = `h-${conversation.id}`;
    this.#put(chat, { id: heading, text: `${conversation.id} waits`, replyTo: undefined, from: heading });
    this.desk.handOver(conversation, heading).subscribe();
    this.seat.link([heading], conversation).subscribe();
    return heading;
  }

  owner(conversation: Conversation): string {
    let found = '';
    this.desk.ownerOf(conversation).subscribe((owner) => (found = owner));
    return found;
  }

  /** Whose conversations the seat has. */
  open(): readonly string[] {
    const open: string[] = [];
    this.seat.talks().subscribe((talks) => open.push(...talks.map(({ customer }) => customer.id)));
    return open;
  }

  outcomes(source = 'platforms'): Partial<Record<Outcome, number>> {
    const counts = this.accounts.bySource().get(source);
    return Object.fromEntries(Object.entries(counts?.outcomes ?? {}).filter(([, n]) => n > 0));
  }

  base(conversation: Conversation, id = `e${++this.#ids}`) {
    const { platform } = conversation;
    const name = conversation.id.replace(/^./, (letter) => letter.toUpperCase());
    const sender = { role: 'customer', id: conversation.id, name } as const;
    return { id, platform, conversation, at: new Date(this.clock.now()).toISOString(), sender, raw: null };
  }

  #put({ id }: Conversation, message: Shown): void {
    this.#shown.set(id, [...(this.#shown.get(id) ?? []), message]);
  }

  /** What the platform does with an action, and the message ids that it tells. */
  #show(action: OutboundAction): readonly string[] {
    const { conversation, kind } = action;
    const shown = this.shown(conversation);
    if (kind === 'edit' || kind === 'remove') {
      const { messageId } = action;
      if (!shown.some(({ id }) => id === messageId)) throw new ChatError('refused', 'desk', 'there is no such message');
      const after =
        kind === 'remove'
          ? shown.filter(({ id }) => id !== messageId)
          : shown.map((message) => (message.id === messageId ? { ...message, text: action.text } : message));
      this.#shown.set(conversation.id, [...after]);
      return kind === 'edit' ? [messageId] : [];
    }
    if (kind !== 'text' && kind !== 'media') return [];
    const id = `m${++this.#ids}`;
    const text = kind === 'text' ? action.text : `[${action.media.name ?? ''}] ${action.caption ?? ''}`.trim();
    this.#put(conversation, { id, text, replyTo: action.replyTo, from: action.id });
    return conversation.platform === 'userlike' ? [] : [id];
  }
}
