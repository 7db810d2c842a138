import { either as E } from 'fp-ts';
import {
  BehaviorSubject,
  catchError,
  concat,
  defer,
  distinctUntilChanged,
  EMPTY,
  finalize,
  ignoreElements,
  merge,
  Observable,
  retry,
  share,
  Subject,
  switchMap,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { ChatError, toChatError } from '../errors.js';
import type { JsonObject } from '../model/index.js';
import { socket } from '../transport/socket.js';
import type { TrueconfUploadLimits } from './answers.js';
import { decodeAnswer, isRepeatable } from './codec-answer.js';
import { RENEWAL, Session, type Pending, type SessionHost, type TrueconfDelivery } from './session.js';
import type { Settings } from './settings.js';
import type { Tokens } from './token.js';

/** `closed` without an error: nobody uses the connection, or it was closed by us. */
export type TrueconfStatus =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'authorized'; readonly userId: string; readonly connectionId?: string }
  | { readonly kind: 'reconnecting'; readonly delayMs: number; readonly error: ChatError }
  | { readonly kind: 'closed'; readonly error?: ChatError };

/** How often a call that may be repeated is sent at most. */
const MOST_ATTEMPTS = 3;
const NO_NAME = /^(ENOTFOUND|EAI_\w+)$/;

/** @internal The connection that all calls and events share: made for the first who uses it, closed after the last. */
export class Link {
  readonly #settings: Settings;
  readonly #tokens: Tokens;
  readonly #status = new BehaviorSubject<TrueconfStatus>({ kind: 'closed' });
  readonly #deliveries = new Subject<TrueconfDelivery>();
  readonly #progress = new Subject<{ readonly fileId: string; readonly bytes: number }>();
  readonly #stop = new Subject<never>();
  readonly #waiting = new Set<Pending>();
  readonly #closed = new ChatError('unreachable', 'trueconf', 'the client was closed', { retryable: false });
  readonly #run: Observable<never>;
  #session: Session | undefined;
  /** One that takes no more calls, and ends with its last answer. */
  #retired: Session | undefined;
  #sessions = 0;
  /** Whether the server told this connection of a message that nobody heard. */
  #isUnheard = false;
  #limits: TrueconfUploadLimits | undefined;
  /** Failures since the last authorisation; refusals of the login, in a row; names that were not found. */
  #failures = 0;
  #refusals = 0;
  #nameFailures = 0;
  #authRefusals = 0;
  /** What it gave up for, and with which secret. */
  #givenUp: { readonly error: ChatError; readonly secret: string | undefined } | undefined;
  #isClosed = false;

  constructor(settings: Settings, tokens: Tokens) {
    this.#settings = settings;
    this.#tokens = tokens;
    const { lingerMs, scheduler } = settings;
    this.#run = defer(() => merge(this.#connected(), this.#stop)).pipe(
      share({ resetOnRefCountZero: lingerMs === 0 ? true : () => timer(lingerMs, scheduler) }),
    );
  }

  get status$(): Observable<TrueconfStatus> {
    return this.#status.pipe(distinctUntilChanged());
  }

  get deliveries$(): Observable<TrueconfDelivery> {
    const again = defer(() => {
      // What nobody heard is told to the next connection.
      if (this.#isUnheard) this.reconnect();
      return EMPTY;
    });
    return merge(this.#deliveries, again, this.#use()).pipe(
      catchError((error: unknown) => (error === this.#closed ? EMPTY : throwError(() => error))),
    );
  }

  /** Bytes of a file that have come to the server; what was subscribed ends with each connection. */
  get progress$(): Observable<{ readonly fileId: string; readonly bytes: number }> {
    return this.#progress.asObservable();
  }

  /** Keeps the connection while it is subscribed. */
  get kept$(): Observable<never> {
    return this.#use();
  }

  /** Errors when the client is closed. */
  get stopped$(): Observable<never> {
    return this.#stop.asObservable();
  }

  /** What may be uploaded, as this connection was told last; `undefined` when it was not. */
  get limits(): TrueconfUploadLimits | undefined {
    return this.#limits;
  }

  learn(limits: TrueconfUploadLimits): void {
    this.#limits = limits;
  }

  pause(): boolean {
    return this.#session?.pause() === true;
  }

  resume(): void {
    this.#session?.resume();
  }

  /** Makes the connection anew as soon as no call waits for its answer; nothing where there is none. */
  reconnect(): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    this.#retired = session;
    session.retire();
  }

  /** The payload of the answer, an error code in it too. */
  call(method: string, payload: JsonObject, repeatable = isRepeatable(method)): Observable<unknown> {
    return new Observable((subscriber) => {
      const pending: Pending = {
        method,
        payload,
        isRepeatable: repeatable,
        isOurs: false,
        id: 0,
        attempts: 0,
        timer: undefined,
        answered: (answer) => {
          subscriber.next(answer);
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
        this.#retired?.forget(pending);
      });
      const session = this.#session;
      if (session === undefined) this.#wait(pending);
      else session.send(pending);
      if (!subscriber.closed) subscriber.add(this.#use().subscribe({ error: pending.failed }));
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // What is on its way is in doubt, whatever ends it.
    this.#session?.over();
    this.#retired?.over();
    this.#stop.error(this.#closed);
    this.#report({ kind: 'closed' });
    this.#status.complete();
  }

  #use(): Observable<never> {
    return defer(() => {
      if (this.#isClosed) throw this.#closed;
      const givenUp = this.#givenUp;
      if (givenUp !== undefined) {
        if (givenUp.error.kind === 'unauthorized' && givenUp.secret === this.#tokens.secret) throw givenUp.error;
        this.#givenUp = undefined;
        this.#refusals = this.#nameFailures = this.#authRefusals = 0;
      }
      return this.#run;
    });
  }

  /** Connects, and again whenever the connection is lost. Errors when that makes no sense. */
  #connected(): Observable<never> {
    let isGivenUp = false;
    return defer(() => {
      this.#report({ kind: 'connecting' });
      return this.#tokens.get().pipe(
        tap(() => (this.#refusals = 0)),
        switchMap((token) => this.#connection(token)),
      );
    }).pipe(
      retry({
        delay: (thrown: unknown) => {
          const error = toChatError('trueconf', thrown);
          if (this.#isHopeless(error)) {
            isGivenUp = true;
            this.#givenUp = { error, secret: this.#tokens.secret };
            this.#report({ kind: 'closed', error });
            return throwError(() => error);
          }
          // With another token there is nothing to wait for.
          const isRenewal = error.reason === RENEWAL || (error.kind === 'unauthorized' && error.status === undefined);
          const delayMs = isRenewal ? 0 : this.#pause();
          this.#report({ kind: 'reconnecting', delayMs, error });
          return timer(delayMs, this.#settings.scheduler);
        },
      }),
      finalize(() => {
        this.#failures = 0;
        if (!isGivenUp && !this.#isClosed) this.#report({ kind: 'closed' });
      }),
    );
  }

  #connection(token: string): Observable<never> {
    const { socketUrl, tls, WebSocket, scheduler, openWithinMs, pingMs, pongWithinMs, maxFrameBytes } = this.#settings;
    return defer(() => {
      const session = new Session(this.#host(), token, `${scheduler.now().toString(36)}.${++this.#sessions}`);
      const over = (): void => {
        if (this.#session === session) this.#session = undefined;
        if (this.#retired === session) this.#retired = undefined;
        session.over();
      };
      const news = socket({
        platform: 'trueconf',
        url: socketUrl,
        protocols: ['json.v1'],
        tls,
        WebSocket,
        scheduler,
        openWithinMs,
        pingMs,
        pongWithinMs,
        maxFrameBytes,
      }).pipe(
        tap((it) => {
          if (it.kind === 'open') session.opened(it.socket);
          else session.received(it.text, it.socket);
        }),
        ignoreElements(),
      );
      const lost = throwError(
        () => new ChatError('unreachable', 'trueconf', 'the socket closed with 1000', { reason: '1000' }),
      );
      // Listened to before the socket opens.
      return merge(session.ended$, concat(news, lost)).pipe(
        catchError((thrown: unknown) => {
          if (isUnauthorized(thrown)) this.#tokens.refused(token);
          over();
          return throwError(() => thrown);
        }),
        finalize(over),
      );
    });
  }

  #host(): SessionHost {
    return {
      settings: this.#settings,
      authorized: (session, userId, connectionId) => {
        this.#failures = this.#nameFailures = this.#authRefusals = 0;
        this.#session = session;
        this.#isUnheard = false;
        this.#limits = undefined;
        this.#report(
          connectionId === undefined ? { kind: 'authorized', userId } : { kind: 'authorized', userId, connectionId },
        );
        const waiting = [...this.#waiting];
        this.#waiting.clear();
        for (const pending of waiting) session.send(pending);
      },
      deliver: (delivery) => {
        if (delivery.isAwaited && !this.#deliveries.observed) this.#isUnheard = this.#settings.receiveUnread;
        this.#deliveries.next(delivery);
      },
      progress: (fileId, bytes) => {
        this.#progress.next({ fileId, bytes });
      },
      limits: (payload) => {
        const limits = decodeAnswer('getFileUploadLimits', payload);
        if (E.isRight(limits)) this.learn(limits.right);
      },
      again: (pending) => {
        if (pending.attempts >= MOST_ATTEMPTS) return false;
        this.#wait(pending);
        return true;
      },
      renew: (token) => {
        if (!this.#tokens.canRenew) return false;
        this.#tokens.refused(token);
        return true;
      },
    };
  }

  #wait(pending: Pending): void {
    const { waitMs, maxWaiting, scheduler } = this.#settings;
    if (this.#waiting.size >= maxWaiting) {
      const sentence = `${pending.method} is not sent: ${maxWaiting} calls are waiting for a connection`;
      pending.failed(new ChatError('overflow', 'trueconf', sentence));
      return;
    }
    this.#waiting.add(pending);
    pending.timer?.unsubscribe();
    pending.timer = scheduler.schedule(() => {
      this.#waiting.delete(pending);
      const sentence = `${pending.method} is not sent: there was no connection within ${waitMs} ms`;
      pending.failed(new ChatError('timeout', 'trueconf', sentence, { reason: 'noConnection' }));
    }, waitMs);
  }

  #isHopeless(error: ChatError): boolean {
    const { maxTokenRefusals, maxNameFailures } = this.#settings;
    const { kind, status, reason } = error;
    if (reason !== undefined && NO_NAME.test(reason)) return ++this.#nameFailures >= maxNameFailures;
    if (kind !== 'unauthorized') return false;
    // The login was refused.
    if (status !== undefined) return ++this.#refusals >= maxTokenRefusals;
    if (!this.#tokens.canRenew || reason === '202' || reason === '204') return true;
    // The token was, and there was time for another.
    return ++this.#authRefusals >= 2;
  }

  #pause(): number {
    const { reconnectMs, maxReconnectMs, jitterMs, random } = this.#settings;
    const grown = Math.min(reconnectMs * 2 ** this.#failures++, maxReconnectMs);
    return Math.round(grown + random() * jitterMs);
  }

  #report(status: TrueconfStatus): void {
    this.#status.next(status);
  }
}

const isUnauthorized = (thrown: unknown): boolean => thrown instanceof ChatError && thrown.kind === 'unauthorized';
