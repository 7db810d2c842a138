import { either as E } from 'fp-ts';
import {
  asyncScheduler,
  BehaviorSubject,
  concatMap,
  defer,
  delay,
  EMPTY,
  filter,
  Observable,
  of,
  Subject,
  take,
  throwError,
  type SchedulerLike,
} from 'rxjs';
import { ChatError } from 'tidewire';
import {
  decodeAnswer,
  decodeFrame,
  type RocketchatAnswers,
  type RocketchatInbound,
  type RocketchatStatus,
  type RocketchatStray,
  type RocketchatStreamNews,
} from 'tidewire/rocketchat';
import type { RocketchatConnection, RocketchatCore } from 'tidewire/simulators';
import { ask } from '../lib/rocketchat/simulated-desk.js';

interface Hearing {
  readonly stream: string;
  readonly eventName: string;
  readonly hears: (news: RocketchatStreamNews) => void;
  readonly fails: (error: ChatError) => void;
}

/** A client without a network, whose server is a core: everything happens at once, unless it is held up. */
export class RocketchatPort implements RocketchatInbound {
  readonly account;
  readonly strays$ = new Subject<RocketchatStray>();
  readonly status = new BehaviorSubject<RocketchatStatus>({ kind: 'closed' });
  readonly status$ = this.status.asObservable();
  /** Calls, as `sync <rid>`, `rooms`, `queue`. */
  readonly calls: string[] = [];
  /** Whether the socket opens only when it is told to. */
  isAway = false;
  /** How long answers are on their way, in milliseconds: what happens meanwhile is not in them. */
  answerMs = 0;
  /** What the next calls fail with. */
  readonly failures: ChatError[] = [];
  readonly #isOpen = new BehaviorSubject(true);
  readonly #hearings = new Map<string, Hearing>();
  #connection: RocketchatConnection | undefined;
  #ids = 0;
  #cutAt: string | undefined;

  constructor(
    readonly core: RocketchatCore,
    readonly username = 'helper.bot',
    account?: string,
    readonly scheduler: SchedulerLike = asyncScheduler,
  ) {
    this.account = account;
  }

  /** What is subscribed to, now. */
  get subscribed(): readonly string[] {
    return [...this.#hearings.values()].map(({ eventName }) => eventName);
  }

  /** Calls wait for their answer. */
  holdUp(): void {
    this.#isOpen.next(false);
  }
  goOn(): void {
    this.#isOpen.next(true);
  }

  login = () => of({ userId: this.core.issueToken(this.username).userId, username: this.username });

  stream(stream: string, eventName: string): Observable<RocketchatStreamNews> {
    return new Observable((subscriber) => {
      const id = `sub${++this.#ids}`;
      const hearing: Hearing = {
        stream,
        eventName,
        hears: (news) => {
          subscriber.next(news);
        },
        fails: (error) => {
          subscriber.error(error);
        },
      };
      this.#hearings.set(id, hearing);
      if (this.#connection === undefined) {
        if (!this.isAway) this.connect();
      } else this.#subscribe(id, hearing);
      return () => {
        this.#hearings.delete(id);
        this.#send({ msg: 'unsub', id });
      };
    });
  }

  sync = (rid: string, since: string) =>
    this.#call('sync', `sync ${rid}`, 'chat.syncMessages', { roomId: rid, lastUpdate: since });
  rooms: RocketchatInbound['rooms'] = ({ agents = [], sort, count = 50, offset = 0 } = {}) =>
    this.#call('rooms', 'rooms', 'livechat/rooms', {
      ...Object.fromEntries(agents.map((agent) => ['agents[]', agent])),
      ...(sort !== undefined && { sort: JSON.stringify(sort) }),
      count: String(count),
      offset: String(offset),
    });
  queue: RocketchatInbound['queue'] = ({ count = 50, offset = 0 } = {}) =>
    this.#call('inquiries', 'queue', 'livechat/inquiries.queuedForUser', {
      count: String(count),
      offset: String(offset),
    });

  /** The socket is lost, and stays so. */
  cut(at: string): void {
    const connection = this.#connection;
    if (connection !== undefined) this.#cutAt = at;
    this.#connection = undefined;
    connection?.closed();
  }

  connect(): void {
    const peer = { frame: (text: string) => this.#received(text), end: () => undefined };
    const connection = this.core.connect(peer);
    if (typeof connection === 'number') throw new Error(`refused with ${connection}`);
    this.#connection = connection;
    this.core.opened(connection);
    this.#send({ msg: 'connect', version: '1', support: ['1'] });
    const resume = this.core.issueToken(this.username).authToken;
    this.#send({ msg: 'method', method: 'login', id: 'login', params: [{ resume }] });
    for (const [id, hearing] of this.#hearings) this.#subscribe(id, hearing);
    this.#cutAt = undefined;
  }

  #subscribe(id: string, { stream, eventName }: Hearing): void {
    this.#send({ msg: 'sub', id, name: `stream-${stream}`, params: [eventName, { useCollection: false, args: [] }] });
  }

  #send(frame: object): void {
    this.#connection?.receive(JSON.stringify(frame));
  }

  #received(text: string): void {
    const frame = decodeFrame(text);
    if (E.isLeft(frame)) {
      this.strays$.next({ text, error: frame.left });
      return;
    }
    const { right: it } = frame;
    if (it.msg === 'ready') {
      const gapSince = this.#cutAt;
      for (const id of it.subs)
        this.#hearings.get(id)?.hears(gapSince === undefined ? { kind: 'ready' } : { kind: 'ready', gapSince });
    } else if (it.msg === 'nosub') {
      this.#hearings
        .get(it.id)
        ?.fails(new ChatError('refused', 'rocketchat', 'it is not allowed', { reason: 'not-allowed' }));
    } else if (it.msg === 'changed') {
      const { eventName, args } = it.fields;
      const stream = it.collection.slice('stream-'.length);
      for (const hearing of [...this.#hearings.values()])
        if (hearing.stream === stream && hearing.eventName === eventName)
          hearing.hears({ kind: 'event', event: { stream, eventName, args } });
    }
  }

  #call<A extends 'sync' | 'rooms' | 'inquiries'>(
    answer: A,
    name: string,
    path: string,
    query: Readonly<Record<string, string>>,
  ): Observable<RocketchatAnswers[A]> {
    return defer(() => {
      this.calls.push(name);
      const failure = this.failures.shift();
      return this.#isOpen.pipe(
        filter((isOpen) => isOpen),
        take(1),
        concatMap(() => {
          if (failure !== undefined) return throwError(() => failure);
          const search = new URLSearchParams(query).toString();
          const { reply } = ask(this.core, 'GET', `${path}?${search}`, { as: this.username });
          if (reply === undefined) return EMPTY;
          if (reply.status !== 200)
            return throwError(() => new ChatError('refused', 'rocketchat', 'no', { status: reply.status }));
          const decoded = decodeAnswer(answer, reply.body);
          if (E.isLeft(decoded)) return throwError(() => decoded.left);
          const answered = of(decoded.right);
          return this.answerMs > 0 ? answered.pipe(delay(this.answerMs, this.scheduler)) : answered;
        }),
      );
    });
  }
}
