import { Observable, type SchedulerLike, type Subscriber, type Subscription } from 'rxjs';
import { ChatError } from '../errors.js';
import { rocketchatFrameError } from './codec-error.js';
import type { RocketchatFrameError } from './codec-frame.js';
import type { RocketchatStreamEvent } from './codec-stream.js';
import type { DdpSession } from './ddp-session.js';
import type { Settings } from './settings.js';

/** What a subscription tells. */
export type RocketchatStreamNews =
  /** From now on events come. With `gapSince` they came before, too: what the server told since then (ISO 8601) may be lost. */
  | { readonly kind: 'ready'; readonly gapSince?: string }
  | { readonly kind: 'event'; readonly event: RocketchatStreamEvent };

/** One subscription on the wire, for all who ask for the same. */
interface Entry {
  readonly stream: string;
  readonly eventName: string;
  readonly token: string | undefined;
  readonly subscribers: Set<Subscriber<RocketchatStreamNews>>;
  /** In this session; empty without one. */
  id: string;
  isReady: boolean;
  /** When the server was heard last before the connection was lost, in milliseconds since 1970. */
  gapSince: number | undefined;
  /** For the answer, or for another attempt. */
  timer: Subscription | undefined;
}

/** @internal Subscriptions to streams: counted, made again with each session, and told apart by stream and event alone. */
export class DdpStreams {
  readonly #settings: Settings;
  readonly #scheduler: SchedulerLike;
  /** By stream and event: that of the user, and that of a visitor. Two maps, since a key of both costs more than to look twice. */
  readonly #entries = new Map<string, Map<string, readonly Entry[]>>();
  readonly #byId = new Map<string, Entry>();
  #count = 0;
  #session: DdpSession | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#scheduler = settings.scheduler;
  }

  /** Cold; unsubscribed on the wire with the last. */
  stream(stream: string, eventName: string, token: string | undefined): Observable<RocketchatStreamNews> {
    return new Observable((subscriber) => {
      const entries = this.#of(stream, eventName);
      let entry = entries.find((one) => one.token === token);
      if (entry === undefined) {
        if (token !== undefined && entries.some((one) => one.token !== undefined)) {
          const sentence = `${stream} is not subscribed: the room belongs to another visitor`;
          subscriber.error(new ChatError('refused', 'rocketchat', sentence, { reason: 'foreignToken' }));
          return undefined;
        }
        const { maxSubscriptions } = this.#settings;
        if (this.#count >= maxSubscriptions) {
          const sentence = `${stream} is not subscribed: there are ${maxSubscriptions} subscriptions`;
          subscriber.error(new ChatError('overflow', 'rocketchat', sentence));
          return undefined;
        }
        const subscribers = new Set<Subscriber<RocketchatStreamNews>>();
        const base = { id: '', isReady: false, gapSince: undefined, timer: undefined };
        entry = { stream, eventName, token, subscribers, ...base };
        this.#count++;
        this.#set(stream, eventName, [...entries, entry]);
      }
      const found = entry;
      found.subscribers.add(subscriber);
      if (found.isReady) subscriber.next({ kind: 'ready' });
      else if (found.id === '') this.#ask(found);
      return () => {
        found.subscribers.delete(subscriber);
        if (found.subscribers.size > 0 || !this.#remove(found) || found.id === '') return;
        this.#session?.transmit({ msg: 'unsub', id: found.id });
      };
    });
  }

  /** A session is there: everything is subscribed again. */
  began(session: DdpSession): void {
    this.#session = session;
    for (const entry of this.#all()) this.#ask(entry);
  }

  /** The session is gone. */
  lost(session: DdpSession): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#byId.clear();
    for (const entry of this.#all()) {
      // What was not made good yet goes on since the first time.
      if (entry.isReady) entry.gapSince = session.heardAt;
      entry.isReady = false;
      entry.id = '';
      entry.timer?.unsubscribe();
    }
  }

  ready(id: string): void {
    const entry = this.#byId.get(id);
    if (entry === undefined || entry.isReady) return;
    const { gapSince } = entry;
    entry.timer?.unsubscribe();
    entry.isReady = true;
    entry.gapSince = undefined;
    this.#tell(
      entry,
      gapSince === undefined ? { kind: 'ready' } : { kind: 'ready', gapSince: new Date(gapSince).toISOString() },
    );
  }

  refused(id: string, error: RocketchatFrameError | null | undefined): void {
    const entry = this.#byId.get(id);
    // What was unsubscribed is answered the same way.
    if (entry === undefined) return;
    const call = `the subscription to ${entry.stream}`;
    if (error == null) {
      this.#end(entry, new ChatError('refused', 'rocketchat', `${call} was ended by the server`, { reason: 'ended' }));
      return;
    }
    const refusal = rocketchatFrameError(call, error, entry.token);
    if (refusal.kind !== 'throttled') {
      this.#end(entry, refusal);
      return;
    }
    this.#byId.delete(id);
    entry.timer?.unsubscribe();
    entry.timer = this.#scheduler.schedule(() => {
      this.#ask(entry);
    }, refusal.retryAfterMs);
  }

  changed(stream: string, eventName: string, args: readonly unknown[]): void {
    const entries = this.#entries.get(stream)?.get(eventName);
    if (entries === undefined) return;
    const news: RocketchatStreamNews = { kind: 'event', event: { stream, eventName, args } };
    for (const entry of entries) {
      // Before the answer it can only be ours where nobody else has asked for the same.
      if (entry.isReady || entries.length === 1) this.#tell(entry, news);
    }
  }

  #ask(entry: Entry): void {
    const session = this.#session;
    if (session === undefined) return;
    const { stream, eventName, token } = entry;
    const { requestTimeoutMs } = this.#settings;
    const id = (entry.id = session.nextId());
    this.#byId.set(id, entry);
    entry.timer?.unsubscribe();
    const { told } = session;
    entry.timer = this.#scheduler.schedule(() => {
      const sentence = `the subscription to ${stream} had no answer within ${requestTimeoutMs} ms`;
      const error = new ChatError('timeout', 'rocketchat', sentence);
      // A server says no to what it does not know. One that says nothing at all is gone, and streams last over lost connections:
      // those that were there before in any case.
      if (entry.gapSince === undefined && session.told > told) this.#end(entry, error);
      else session.end(error);
    }, requestTimeoutMs);
    // One kind of stream looks at `token`, the others at `visitorToken`.
    const args = token === undefined ? [] : [{ token, visitorToken: token }];
    session.transmit({ msg: 'sub', id, name: `stream-${stream}`, params: [eventName, { useCollection: false, args }] });
  }

  #tell(entry: Entry, news: RocketchatStreamNews): void {
    for (const subscriber of [...entry.subscribers]) subscriber.next(news);
  }

  #end(entry: Entry, error: ChatError): void {
    const subscribers = [...entry.subscribers];
    // Removed first, so that nobody unsubscribes on the wire what is not there.
    this.#remove(entry);
    for (const subscriber of subscribers) subscriber.error(error);
  }

  #remove(entry: Entry): boolean {
    const { stream, eventName } = entry;
    const entries = this.#of(stream, eventName);
    if (!entries.includes(entry)) return false;
    this.#set(
      stream,
      eventName,
      entries.filter((one) => one !== entry),
    );
    this.#count--;
    this.#byId.delete(entry.id);
    entry.timer?.unsubscribe();
    return true;
  }

  #of(stream: string, eventName: string): readonly Entry[] {
    return this.#entries.get(stream)?.get(eventName) ?? [];
  }

  #set(stream: string, eventName: string, entries: readonly Entry[]): void {
    const events = this.#entries.get(stream) ?? new Map<string, readonly Entry[]>();
    if (entries.length > 0) events.set(eventName, entries);
    else events.delete(eventName);
    if (events.size > 0) this.#entries.set(stream, events);
    else this.#entries.delete(stream);
  }

  #all(): readonly Entry[] {
    return [...this.#entries.values()].flatMap((events) => [...events.values()].flat());
  }
}
