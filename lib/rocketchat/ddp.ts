import {
  BehaviorSubject,
  catchError,
  concat,
  defer,
  distinctUntilChanged,
  EMPTY,
  filter,
  finalize,
  ignoreElements,
  map,
  merge,
  Observable,
  of,
  retry,
  share,
  Subject,
  switchMap,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { ChatError, toChatError } from '../errors.js';
import { socket } from '../transport/socket.js';
import { DdpSession, type DdpHost, type PendingCall } from './ddp-session.js';
import { DdpStreams, type RocketchatStreamNews } from './ddp-streams.js';
import { Limiter } from './limiter.js';
import type { Logins, Session as Login } from './login.js';
import type { Settings } from './settings.js';

/** `authorized` without a user: visitors alone. `closed` without an error: nobody uses the connection, or it was closed by us. */
export type RocketchatStatus =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'authorized'; readonly userId?: string }
  | { readonly kind: 'reconnecting'; readonly delayMs: number; readonly error: ChatError }
  | { readonly kind: 'closed'; readonly error?: ChatError };

/** @internal A call over the socket: its parameters, or how they are made with our name. */
export type DdpCall = Pick<PendingCall, 'call' | 'method' | 'params' | 'isRepeatable'>;

/** What came on the socket and breaks the protocol. */
export interface RocketchatStray {
  readonly text: string;
  readonly error: ChatError;
}

/** What servers allow by default, for each method and connection. */
const METHOD_LIMIT = 10;
const METHOD_WINDOW_MS = 10_000;
const RENEWAL = 'renewal';

/** @internal The connection that calls and subscriptions share: made for the first who uses it, closed after the last. */
export class Ddp {
  readonly #settings: Settings;
  readonly #logins: Logins;
  readonly #status = new BehaviorSubject<RocketchatStatus>({ kind: 'closed' });
  readonly #strays = new Subject<RocketchatStray>();
  readonly #stop = new Subject<never>();
  readonly #closed = new ChatError('unreachable', 'rocketchat', 'the client was closed', { retryable: false });
  readonly #streams: DdpStreams;
  readonly #limiter: Limiter;
  readonly #waiting = new Set<PendingCall>();
  readonly #run: Observable<never>;
  #session: DdpSession | undefined;
  /** Failures since the last login; refusals of it, in a row. */
  #failures = 0;
  #refusals = 0;
  #isClosed = false;

  constructor(settings: Settings, logins: Logins) {
    this.#settings = settings;
    this.#logins = logins;
    const { lingerMs, scheduler, maxWaitMs, maxQueued } = settings;
    this.#streams = new DdpStreams(settings);
    this.#limiter = new Limiter({
      limitOf: () => METHOD_LIMIT,
      perMs: METHOD_WINDOW_MS,
      isCertain: true,
      maxWaitMs,
      maxQueued,
      scheduler,
    });
    this.#run = defer(() => merge(this.#connected(), this.#stop)).pipe(
      share({ resetOnRefCountZero: lingerMs === 0 ? true : () => timer(lingerMs, scheduler) }),
    );
  }

  get status$(): Observable<RocketchatStatus> {
    return this.#status.pipe(distinctUntilChanged());
  }
  get strays$(): Observable<RocketchatStray> {
    return this.#strays.asObservable();
  }

  /** A subscription that lasts: it waits for connections, and is made again with each. */
  stream(stream: string, eventName: string, token?: string): Observable<RocketchatStreamNews> {
    return merge(this.#streams.stream(stream, eventName, token), this.#use()).pipe(
      catchError((error: unknown) => (error === this.#closed ? EMPTY : throwError(() => error))),
    );
  }

  /** A call, in its turn. */
  call(command: DdpCall): Observable<unknown> {
    return this.#limiter.run(command.method, command.call, () => this.#call(command));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // What is on its way is in doubt, whatever ends it.
    this.#session?.over();
    this.#stop.error(this.#closed);
    this.#status.next({ kind: 'closed' });
    this.#status.complete();
    this.#strays.complete();
  }

  #call(command: DdpCall): Observable<unknown> {
    return new Observable((subscriber) => {
      const pending: PendingCall = {
        ...command,
        id: '',
        attempts: 0,
        timer: undefined,
        answered: (result) => {
          subscriber.next(result);
          subscriber.complete();
        },
        failed: (error) => {
          subscriber.error(error);
        },
      };
      subscriber.add(() => {
        pending.timer?.unsubscribe();
        this.#waiting.delete(pending);
        this.#session?.forget(pending);
      });
      const session = this.#session;
      if (session === undefined) this.#wait(pending);
      else session.send(pending);
      if (!subscriber.closed) subscriber.add(this.#use().subscribe({ error: pending.failed }));
    });
  }

  #use(): Observable<never> {
    return defer(() => {
      if (this.#isClosed) throw this.#closed;
      return this.#run;
    });
  }

  /** Connects, and again whenever the connection is lost. Errors when that makes no sense. */
  #connected(): Observable<never> {
    let isGivenUp = false;
    return defer(() => {
      this.#status.next({ kind: 'connecting' });
      const login: Observable<Login | undefined> = this.#logins.isSomebody ? this.#logins.get() : of(undefined);
      return login.pipe(switchMap((session) => this.#connection(session)));
    }).pipe(
      retry({
        delay: (thrown: unknown) => {
          const error = toChatError('rocketchat', thrown);
          if (this.#isHopeless(error)) {
            isGivenUp = true;
            this.#refusals = 0;
            this.#status.next({ kind: 'closed', error });
            return throwError(() => error);
          }
          const delayMs = error.reason === RENEWAL ? 0 : Math.max(error.retryAfterMs ?? 0, this.#pause());
          this.#status.next({ kind: 'reconnecting', delayMs, error });
          return timer(delayMs, this.#settings.scheduler);
        },
      }),
      finalize(() => {
        this.#failures = 0;
        if (!isGivenUp && !this.#isClosed) this.#status.next({ kind: 'closed' });
      }),
    );
  }

  #connection(login: Login | undefined): Observable<never> {
    const { socketUrl: url, tls, WebSocket, scheduler, openWithinMs, pingMs, maxFrameBytes } = this.#settings;
    return defer(() => {
      const session = new DdpSession(this.#host(), login);
      const over = (): void => {
        if (this.#session === session) this.#session = undefined;
        this.#streams.lost(session);
        session.over();
      };
      const news = socket({
        platform: 'rocketchat',
        url,
        tls,
        WebSocket,
        scheduler,
        openWithinMs,
        pingMs,
        maxFrameBytes,
      }).pipe(
        tap((it) => {
          if (it.kind === 'open') session.opened(it.socket);
          else session.received(it.text);
        }),
        ignoreElements(),
      );
      const lost = throwError(
        () => new ChatError('unreachable', 'rocketchat', 'the socket closed with 1000', { reason: '1000' }),
      );
      const renewed = this.#logins.renewed$.pipe(
        filter(() => login !== undefined && this.#logins.current?.authToken !== login.authToken),
        map((): never => {
          throw new ChatError('unreachable', 'rocketchat', 'there is another login', { reason: RENEWAL });
        }),
      );
      // Listened to before the socket opens.
      return merge(session.ended$, renewed, concat(news, lost)).pipe(
        catchError((thrown: unknown) => {
          over();
          const isRefused = thrown instanceof ChatError && thrown.kind === 'unauthorized' && login !== undefined;
          if (!isRefused || !this.#logins.refused(login) || ++this.#refusals > 1) return throwError(() => thrown);
          const sentence = 'the login is made anew';
          return throwError(() => new ChatError('unreachable', 'rocketchat', sentence, { reason: RENEWAL }));
        }),
        finalize(over),
      );
    });
  }

  #host(): DdpHost {
    return {
      settings: this.#settings,
      ready: (session) => {
        this.#failures = this.#refusals = 0;
        this.#session = session;
        const userId = session.login?.userId;
        this.#status.next(userId === undefined ? { kind: 'authorized' } : { kind: 'authorized', userId });
        this.#streams.began(session);
        const waiting = [...this.#waiting];
        this.#waiting.clear();
        for (const call of waiting) session.send(call);
      },
      changed: (stream, eventName, args) => {
        this.#streams.changed(stream, eventName, args);
      },
      subscribed: (id) => {
        this.#streams.ready(id);
      },
      refused: (id, error) => {
        this.#streams.refused(id, error);
      },
      stray: (text, error) => {
        this.#strays.next({ text, error });
      },
      again: (call) => {
        this.#wait(call);
      },
    };
  }

  #wait(call: PendingCall): void {
    const { waitMs, maxWaiting, scheduler } = this.#settings;
    if (this.#waiting.size >= maxWaiting) {
      const sentence = `${call.call} is not sent: ${maxWaiting} calls are waiting for a connection`;
      call.failed(new ChatError('overflow', 'rocketchat', sentence));
      return;
    }
    this.#waiting.add(call);
    call.timer?.unsubscribe();
    call.timer = scheduler.schedule(() => {
      this.#waiting.delete(call);
      const sentence = `${call.call} is not sent: there was no connection within ${waitMs} ms`;
      call.failed(new ChatError('timeout', 'rocketchat', sentence, { reason: 'noConnection' }));
    }, waitMs);
  }

  /** A login that is no good, and a server that speaks something else. */
  #isHopeless({ kind }: ChatError): boolean {
    return kind === 'unauthorized' || kind === 'unsupported';
  }

  #pause(): number {
    const { reconnectMs, maxReconnectMs, jitterMs, random } = this.#settings;
    const grown = Math.min(reconnectMs * 2 ** this.#failures++, maxReconnectMs);
    return Math.round(grown + random() * jitterMs);
  }
}
