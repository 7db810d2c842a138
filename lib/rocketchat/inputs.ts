import { retry, Subscription, throwError, timer, type Subject, type Subscriber } from 'rxjs';
import { toChatError } from '../errors.js';
import { isoClock } from '../iso-clock.js';
import type { Arrival } from '../http-receiver/receiver.js';
import { madeIds } from '../made-ids.js';
import type { InboundEvent } from '../model/index.js';
import type { Writable } from '../writable.js';
import { CallBudget, mayPass } from './call-budget.js';
import type { RocketchatArrival } from './codec-draft.js';
import type { Inbox } from './inbox.js';
import { Lookout } from './lookout.js';
import { Posts } from './posts.js';
import { Reader } from './reader.js';
import { Realtime } from './realtime.js';
import { Rounds } from './rounds.js';
import type { RocketchatInbound, RocketchatTrouble, SourceRules } from './source-rules.js';

const LONGEST_PAUSE_MS = 60_000;
const PAUSE_MS = 1_000;

/** @internal One subscription: what the inputs tell goes into the inbox. */
export class Inputs {
  readonly #rules: SourceRules;
  readonly #inbox: Inbox;
  readonly #subscriber: Subscriber<InboundEvent>;
  readonly #troubles: Subject<RocketchatTrouble>;
  readonly #work = new Subscription();
  readonly #makeId = madeIds();
  readonly #now: () => string;
  readonly #startedAt: number;
  #self: string | undefined;
  #reader: Reader | undefined;
  #lookout: Lookout | undefined;
  #realtime: Realtime | undefined;

  constructor(
    rules: SourceRules,
    inbox: Inbox,
    subscriber: Subscriber<InboundEvent>,
    troubles: Subject<RocketchatTrouble>,
  ) {
    const { hook, client, realtime, poll, self, scheduler } = rules;
    this.#rules = rules;
    this.#inbox = inbox;
    this.#subscriber = subscriber;
    this.#troubles = troubles;
    this.#now = isoClock(scheduler);
    this.#startedAt = scheduler.now();
    this.#self = self;
    if (hook !== undefined) {
      this.#work.add(
        hook.receiver.events.subscribe({
          error: (error: unknown) => {
            subscriber.error(error);
          },
          complete: () => {
            this.complete();
          },
        }),
      );
      if (!subscriber.closed) {
        const posts = new Posts({
          inbox,
          rooms: rules.rooms,
          isAlone: realtime === undefined && poll === undefined,
          heard: (at) => {
            this.#lookout?.posted(at);
          },
          behind: (room, missed) => {
            this.#reader?.need(room, { missed });
          },
        });
        hook.take = (body, arrival) => posts.take(body, this.#self, this.#known(arrival));
        this.#work.add(() => (hook.take = undefined));
      }
    }
    if (client === undefined || subscriber.closed) {
      this.#self ??= '';
      return;
    }
    if (realtime !== undefined || poll !== undefined || self === undefined) this.#login(client);
    else this.#begin(client, self);
  }

  /** Nothing more comes; what waits goes out. */
  complete(): void {
    this.stop();
    this.#inbox.complete();
  }

  stop(): void {
    this.#work.unsubscribe();
    this.#lookout?.stop();
    this.#realtime?.stop();
    this.#reader?.stop();
  }

  #login(client: RocketchatInbound): void {
    const { scheduler } = this.#rules;
    let attempts = 0;
    const login = client.login().pipe(
      retry({
        delay: (thrown: unknown) => {
          const error = toChatError('rocketchat', thrown);
          if (!mayPass(error)) return throwError(() => error);
          this.#troubles.next({ kind: 'login', error });
          const pauseMs = Math.min(PAUSE_MS * 2 ** attempts++, LONGEST_PAUSE_MS);
          return timer(Math.max(error.retryAfterMs ?? 0, pauseMs), scheduler);
        },
      }),
    );
    this.#work.add(
      login.subscribe({
        next: ({ userId }) => {
          this.#self ??= userId;
          this.#begin(client, userId);
        },
        error: (error: unknown) => {
          this.#subscriber.error(error);
        },
      }),
    );
  }

  #begin(client: RocketchatInbound, userId: string): void {
    const { realtime, poll, rooms, since, overlapMs, callsPerMinute, scheduler } = this.#rules;
    const inbox = this.#inbox;
    this.#work.add(
      client.status$.subscribe({
        error: (error: unknown) => {
          this.#subscriber.error(error);
        },
        complete: () => {
          this.complete();
        },
      }),
    );
    const arrival = (rid?: string): RocketchatArrival => this.#arrival(rid);
    const budget = new CallBudget(callsPerMinute, scheduler);
    const from = (): number => lookout.from;
    const reader = new Reader({
      client,
      inbox,
      budget,
      scheduler,
      overlapMs,
      arrival,
      from,
      gaveUp: (rid, told, error) => {
        this.#troubles.next({ kind: 'gap', rid, since: told, error });
      },
    });
    this.#reader = reader;
    inbox.eased = () => {
      reader.advance();
    };
    const rounds = new Rounds({ client, rooms, inbox, reader, budget, scheduler, arrival });
    const lookout = new Lookout({
      rounds,
      inbox,
      self: userId,
      since,
      startedAt: this.#startedAt,
      overlapMs,
      scheduler,
      failed: (error) => {
        this.#troubles.next({ kind: 'look', error });
      },
      broken: (error) => {
        this.#subscriber.error(error);
      },
    });
    this.#lookout = lookout;
    if (poll !== undefined) lookout.poll(poll.everyMs ?? 10_000);
    if (realtime === undefined) return;
    this.#realtime = new Realtime({
      ...realtime,
      client,
      inbox,
      reader,
      rooms,
      self: userId,
      scheduler,
      arrival,
      heard: (at) => {
        lookout.heard(at);
      },
      opened: () => {
        lookout.opened(poll !== undefined);
      },
      lost: (at) => {
        lookout.lost(at);
      },
      trouble: (trouble) => {
        this.#troubles.next(trouble);
      },
      ended: (error) => {
        if (error === undefined) this.complete();
        else this.#subscriber.error(error);
      },
    });
  }

  #arrival(rid?: string): RocketchatArrival {
    return this.#known({ id: this.#makeId(), at: this.#now() }, rid);
  }
  #known({ id, at }: Arrival, rid?: string): RocketchatArrival {
    const { account } = this.#rules;
    const known: Writable<RocketchatArrival> = { id, at };
    if (this.#self !== undefined) known.self = this.#self;
    if (account !== undefined) known.account = account;
    if (rid !== undefined) known.rid = rid;
    return known;
  }
}
