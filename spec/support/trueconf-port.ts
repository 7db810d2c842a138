import { BehaviorSubject, defer, Subject, type Observable } from 'rxjs';
import type { InboundEvent, MessageEvent } from 'tidewire';
import type { TrueconfDelivery, TrueconfInbound, TrueconfStatus } from 'tidewire/trueconf';

const AUTHORIZED: TrueconfStatus = { kind: 'authorized', userId: 'opsbot@tc.example.org' };

/** What `fromTrueConf` sees of a client, moved by hand. Messages that nobody acknowledged are unread. */
export class TrueconfPort implements TrueconfInbound {
  readonly deliveries = new Subject<TrueconfDelivery>();
  readonly status = new BehaviorSubject<TrueconfStatus>(AUTHORIZED);
  /** What was acknowledged, in order; ids of messages. */
  readonly acknowledged: string[] = [];
  readonly pauses: boolean[] = [];
  readonly account: string | undefined;
  readonly receivesUnread: boolean;
  canPause = true;
  reconnects = 0;
  /** Who listens. */
  listeners = 0;
  #connection = 1;
  readonly #said = new Map<string, InboundEvent>();
  readonly #unread = new Map<string, InboundEvent>();

  constructor(receivesUnread = true, account?: string) {
    this.receivesUnread = receivesUnread;
    this.account = account;
  }

  get deliveries$(): Observable<TrueconfDelivery> {
    return defer(() => {
      this.listeners++;
      return this.deliveries;
    });
  }

  get status$(): Observable<TrueconfStatus> {
    return this.status;
  }

  get unread(): readonly string[] {
    return [...this.#unread.keys()];
  }

  pause(): boolean {
    if (this.canPause) this.pauses.push(true);
    return this.canPause;
  }

  resume(): void {
    this.pauses.push(false);
  }

  /** Connects anew at once, and tells what is unread. */
  reconnect(): void {
    this.reconnects++;
    this.#connection++;
    this.status.next({ ...AUTHORIZED });
    if (this.receivesUnread) for (const event of [...this.#unread.values()]) this.deliver(event);
  }

  /** A text message. */
  say(id: string, chat = 'c', text = id, by = 'mira@tc.example.org', more: Partial<MessageEvent> = {}): void {
    const sender = by === 'opsbot@tc.example.org' ? ({ role: 'bot', id: by, self: true } as const) : undefined;
    this.message({ kind: 'message', text, ...base(id, chat, by), ...(sender && { sender }), ...more });
  }

  /** A file. */
  file(id: string, chat = 'c', by = 'mira@tc.example.org', caption?: string): void {
    const media = { fileId: `f-${id}`, name: 'plan.png', mimeType: 'image/png', sizeBytes: 7 };
    this.message({ kind: 'media', media, ...base(id, chat, by), ...(caption !== undefined && { caption }) });
  }

  message(event: InboundEvent): void {
    this.#said.set(event.id, event);
    this.#unread.set(event.id, event);
    this.deliver(event);
  }

  /** Tells of a message, once more if need be. */
  deliver(event: InboundEvent): void {
    const connection = this.#connection;
    this.deliveries.next({
      event: { ...event },
      isAwaited: true,
      acknowledge: () => {
        if (connection !== this.#connection) return false;
        this.acknowledged.push(event.id);
        return this.#unread.delete(event.id);
      },
    });
  }

  /** Tells of a message once more, on the same connection, read or not. */
  repeat(id: string): void {
    const event = this.#said.get(id);
    if (event !== undefined) this.deliver(event);
  }

  /** What is no message, and never comes again. */
  tell(id: string, chat = 'c'): void {
    const event: InboundEvent = { kind: 'other', name: 'editChatTitle', fingerprint: id, ...base(id, chat, 'x') };
    this.deliveries.next({ event, isAwaited: false, acknowledge: () => false });
  }
}

const base = (id: string, chat: string, by: string) => ({
  id,
  platform: 'trueconf',
  conversation: { platform: 'trueconf', id: chat, channel: 'trueconf' },
  at: '2025-01-01T00:00:00.000Z',
  sender: { role: 'customer', id: by } as const,
  raw: { id },
});
