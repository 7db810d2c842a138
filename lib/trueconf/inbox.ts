import type { SchedulerLike, Subscriber, Subscription } from 'rxjs';
import type { Account, Counts } from '../accounts.js';
import type { InboundEvent } from '../model/index.js';
import { atLeast } from '../range.js';
import type { TrueconfClient } from './client.js';
import { Entry, type EntryOwner } from './custody.js';
import { FileJoiner } from './file-joiner.js';
import { personalChatsOf, type PersonalChats } from './personal-chats.js';
import { Pressure } from './pressure.js';
import { RecentIds } from '../recent-ids.js';
import type { TrueconfDelivery } from './incoming.js';

/** What `fromTrueConf` needs of a client. */
export type TrueconfInbound = Pick<
  TrueconfClient,
  'deliveries$' | 'status$' | 'account' | 'receivesUnread' | 'pause' | 'resume' | 'reconnect'
>;

/** @internal */
export interface InboxRules {
  readonly client: TrueconfInbound;
  readonly account: Account;
  readonly acknowledge: 'accepted' | 'settled';
  readonly echoes: boolean;
  readonly joinMs: number | undefined;
  readonly maxInFlight: number;
  readonly maxPerConversation: number;
  readonly remember: number;
  readonly pauseMs: number;
  readonly redeliverMs: number;
  readonly scheduler: SchedulerLike;
}

/** What is known of a client's messages, whoever listens. */
interface Memory {
  readonly open: Map<string, Entry>;
  readonly done: RecentIds;
  subscriber: Subscriber<InboundEvent> | undefined;
  /** Who hears what comes, the latest last, who takes it: the others only wait for what is open. */
  readonly readers: Reader[];
  /** Whether a message was told by this connection that nobody took, and that comes again with the next. */
  isBehind: boolean;
}

const memories = new WeakMap<TrueconfInbound, Memory>();

const memoryOf = (client: TrueconfInbound): Memory => {
  let memory = memories.get(client);
  if (memory === undefined) {
    memory = { open: new Map(), done: new RecentIds(), subscriber: undefined, readers: [], isBehind: false };
    memories.set(client, memory);
  }
  return memory;
};

/** @internal Where events of a client are taken, once each, and acknowledged. */
export class Inbox {
  readonly #rules: InboxRules;
  readonly #memory: Memory;
  #reader: Reader | undefined;
  #isDraining = false;

  constructor(rules: InboxRules) {
    this.#rules = rules;
    this.#memory = memoryOf(rules.client);
  }

  listen(subscriber: Subscriber<InboundEvent>): void {
    const { client } = this.#rules;
    if (this.#memory.subscriber !== undefined) {
      subscriber.error(new Error('fromTrueConf: this client has a subscriber already; share() the stream'));
      return;
    }
    if (this.#isDraining) {
      subscriber.complete();
      return;
    }
    this.#memory.subscriber = subscriber;
    const { isBehind } = this.#memory;
    const reader = new Reader(this.#rules, this.#memory, subscriber);
    this.#reader = reader;
    subscriber.add(() => {
      this.#memory.subscriber = undefined;
      reader.leave();
      // What is open may still be settled, and acknowledged then.
      if (!this.#isDraining) reader.stop();
    });
    reader.add(
      client.status$.subscribe({
        next: ({ kind }) => {
          if (kind === 'authorized') reader.connected();
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
      }),
    );
    // It was so before, by a connection that goes on.
    if (isBehind) reader.fallBehind();
    reader.add(
      client.deliveries$.subscribe({
        next: (delivery) => {
          reader.take(delivery);
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          reader.flush();
          subscriber.complete();
        },
      }),
    );
    if (this.#memory.isBehind) client.reconnect();
  }

  async drain(deadlineMs: number): Promise<Counts> {
    atLeast('fromTrueConf: deadlineMs', deadlineMs, 0);
    const { account } = this.#rules;
    this.#isDraining = true;
    this.#reader?.complete();
    const counts = await account.accounts.drain(deadlineMs, account);
    this.#reader?.stop();
    return counts;
  }
}

/** One subscription. */
class Reader implements EntryOwner {
  readonly account: Account;
  readonly open: Map<string, Entry>;
  readonly done: RecentIds;
  readonly remember: number;
  readonly #rules: InboxRules;
  readonly #memory: Memory;
  readonly #subscriber: Subscriber<InboundEvent>;
  readonly #pressure: Pressure;
  readonly #personal: PersonalChats;
  readonly #joiner: FileJoiner | undefined;
  readonly #subscriptions: Subscription[] = [];
  #isOpen = true;
  #isStopped = false;

  constructor(rules: InboxRules, memory: Memory, subscriber: Subscriber<InboundEvent>) {
    const { client, account, joinMs, remember, scheduler } = rules;
    this.account = account;
    this.open = memory.open;
    this.done = memory.done;
    this.remember = remember;
    this.#rules = rules;
    this.#memory = memory;
    this.#subscriber = subscriber;
    this.#pressure = new Pressure(client, rules);
    this.#personal = personalChatsOf(client);
    memory.readers.push(this);
    if (joinMs !== undefined) {
      this.#joiner = new FileJoiner(joinMs, scheduler, (event, entry, before) => {
        this.#emit(event, entry, before);
      });
    }
  }

  add(subscription: Subscription): void {
    if (this.#isStopped) subscription.unsubscribe();
    else this.#subscriptions.push(subscription);
  }

  /** What nobody took comes with this connection. */
  connected(): void {
    this.#memory.isBehind = false;
    this.#pressure.connected();
  }

  /** Messages wait for another connection, whichever chats they are of: none of its later ones is taken before. */
  fallBehind(): void {
    this.#memory.isBehind = true;
    this.#pressure.fallBehind();
  }

  take(delivery: TrueconfDelivery): void {
    if (this.#memory.readers.at(-1) !== this) return;
    const { event, isAwaited } = delivery;
    const { account, echoes } = this.#rules;
    // What could not be read has an id of ours.
    const id = isAwaited && event.kind !== 'undecodable' ? event.id : undefined;
    const twin = id === undefined ? undefined : this.open.get(id);
    if (twin !== undefined) {
      twin.joined(delivery);
      return;
    }
    if (id !== undefined && this.done.has(id)) {
      delivery.acknowledge();
      account.open(event).release(account, 'duplicate');
      return;
    }
    if (!echoes && event.sender?.self === true) {
      delivery.acknowledge();
      account.open(event).release(account, 'ignored');
      return;
    }
    const chat = event.conversation.id;
    if (!this.#isOpen || !this.#pressure.hasPlace(chat, isAwaited)) {
      account.refuse();
      if (isAwaited) this.#withheld();
      if (this.#isOpen) this.#pressure.turnAway(chat, isAwaited);
      return;
    }
    this.#personal.heard(event);
    const entry = new Entry(this, delivery, id);
    this.#pressure.take(chat);
    if (this.#joiner === undefined) this.#emit(event, entry);
    else this.#joiner.take(entry);
  }

  left(chat: string): void {
    this.#pressure.leave(chat);
  }

  /** Lets go what waits for a file. */
  flush(): void {
    this.#joiner?.flush();
  }

  /** Takes nothing more; what waits is not taken. */
  leave(): void {
    this.#isOpen = false;
    this.#pressure.stop();
    for (const { trace } of this.#joiner?.stop() ?? []) {
      trace.release(this.account, 'failed', 'unsubscribed');
      this.#withheld();
    }
  }

  /** Takes nothing more, and says so. */
  complete(): void {
    this.flush();
    this.leave();
    this.#subscriber.complete();
  }

  /** Hears nothing more. */
  stop(): void {
    this.#isStopped = true;
    const { readers } = this.#memory;
    if (readers.includes(this)) readers.splice(readers.indexOf(this), 1);
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  /** A message stays unread that nobody took. */
  #withheld(): void {
    if (this.#rules.client.receivesUnread) this.#memory.isBehind = true;
  }

  /** `before`: what is in the event, too, and is settled as it is. */
  #emit(event: InboundEvent, entry: Entry, before?: Entry): void {
    const { account } = this;
    if (before !== undefined) {
      before.trace.follow(entry.trace);
      before.trace.release(account);
    }
    this.#subscriber.next(event);
    if (this.#subscriber.closed) {
      entry.trace.abandon(account, 'failed', 'unsubscribed');
      return;
    }
    entry.trace.release(account);
    if (this.#rules.acknowledge === 'settled') return;
    before?.accept();
    entry.accept();
  }
}
