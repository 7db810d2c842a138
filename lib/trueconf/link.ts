import { either as E } from 'fp-ts';
import {
  catchError,
  defer,
  EMPTY,
  finalize,
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
import type { TrueconfUploadLimits } from './answers.js';
import { decodeAnswer, isRepeatable } from './codec-answer.js';
import type { TrueconfDelivery } from './incoming.js';
import { Patience, type Renewal } from './patience.js';
import { payloadText, pendingOf } from './pending.js';
import { Session, type SessionHost } from './session.js';
import { sessionSocket } from './session-socket.js';
import type { Settings } from './settings.js';
import { Status, type TrueconfStatus } from './status.js';
import type { Tokens } from './token.js';
import { Waiting } from './waiting.js';

/** How often a call that may be repeated is sent at most. */
const MOST_ATTEMPTS = 3;

/** @internal The connection that all calls and events share: made for the first who uses it, closed after the last. */
export class Link {
  readonly #settings: Settings;
  readonly #tokens: Tokens;
  readonly #status = new Status();
  readonly #deliveries = new Subject<TrueconfDelivery>();
  readonly #progress = new Subject<{ readonly fileId: string; readonly bytes: number }>();
  readonly #stop = new Subject<never>();
  readonly #waiting: Waiting;
  readonly #closed = new ChatError('unreachable', 'trueconf', 'the client was closed', { retryable: false });
  readonly #run: Observable<never>;
  readonly #patience: Patience;
  /** Tells the sessions of this client from those of others. */
  readonly #name: string;
  #session: Session | undefined;
  /** One that takes no more calls, and ends with its last answer. */
  #retired: Session | undefined;
  #sessions = 0;
  /** Whether the server told this connection of a message that nobody heard. */
  #isUnheard = false;
  #limits: TrueconfUploadLimits | undefined;
  /** What it gave up for, and with which secret. */
  #givenUp: { readonly error: ChatError; readonly secret: string | undefined } | undefined;
  #isClosed = false;

  constructor(settings: Settings, tokens: Tokens) {
    this.#settings = settings;
    this.#tokens = tokens;
    this.#patience = new Patience(settings);
    this.#waiting = new Waiting(settings);
    const { lingerMs, random, scheduler } = settings;
    this.#name = Math.floor(random() * 2 ** 32).toString(36);
    this.#run = defer(() => merge(this.#connected(), this.#stop)).pipe(
      share({ resetOnRefCountZero: lingerMs === 0 ? true : () => timer(lingerMs, scheduler) }),
    );
  }

  get status$(): Observable<TrueconfStatus> {
    return this.#status.all$;
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

  /** Errors once the client is closed, for work that has another connection. */
  get closed$(): Observable<never> {
    return defer(() => (this.#isClosed ? throwError(() => this.#closed) : this.#stop));
  }

  pause(): boolean {
    return this.#session?.pause() === true;
  }

  resume(): void {
    this.#session?.resume();
  }

  /** Makes the connection anew as soon as no call waits for its answer; nothing where there is none. */
  reconnect(): void {
    if (this.#session !== undefined) this.#retire(this.#session, 'redelivery');
  }

  /** The payload of the answer, an error code in it too. @throws TypeError when `payload` is no JSON. */
  call(method: string, payload: JsonObject): Observable<unknown> {
    const text = payloadText(method, payload);
    return new Observable((subscriber) => {
      const pending = pendingOf({
        method,
        payload: text,
        isRepeatable: isRepeatable(method),
        isOurs: false,
        answered: (answer) => {
          subscriber.next(answer);
          subscriber.complete();
        },
        failed: (error) => {
          subscriber.error(error);
        },
      });
      subscriber.add(() => {
        pending.timer?.unsubscribe();
        this.#waiting.delete(pending);
        this.#session?.forget(pending);
        this.#retired?.forget(pending);
      });
      const session = this.#session;
      if (session === undefined) this.#waiting.add(pending);
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
    this.#status.report({ kind: 'closed' });
    this.#status.complete();
  }

  #use(): Observable<never> {
    return defer(() => {
      if (this.#isClosed) throw this.#closed;
      const givenUp = this.#givenUp;
      if (givenUp !== undefined) {
        if (givenUp.error.kind === 'unauthorized' && givenUp.secret === this.#tokens.secret) throw givenUp.error;
        this.#givenUp = undefined;
        this.#patience.resume();
      }
      return this.#run;
    });
  }

  /** Connects, and again whenever the connection is lost. Errors when that makes no sense. */
  #connected(): Observable<never> {
    let isGivenUp = false;
    return defer(() => {
      this.#status.report({ kind: 'connecting' });
      return this.#tokens.get().pipe(
        tap(() => {
          this.#patience.granted();
        }),
        switchMap((token) => this.#connection(token)),
      );
    }).pipe(
      retry({
        delay: (thrown: unknown) => {
          const error = toChatError('trueconf', thrown);
          if (this.#patience.isHopeless(error, this.#tokens.canRenew)) {
            isGivenUp = true;
            this.#givenUp = { error, secret: this.#tokens.secret };
            this.#status.report({ kind: 'closed', error });
            return throwError(() => error);
          }
          const delayMs = this.#patience.pauseAfter(error);
          this.#status.report({ kind: 'reconnecting', delayMs, error });
          return timer(delayMs, this.#settings.scheduler);
        },
      }),
      finalize(() => {
        this.#patience.rest();
        if (!isGivenUp && !this.#isClosed) this.#status.report({ kind: 'closed' });
      }),
    );
  }

  #connection(token: string): Observable<never> {
    return defer(() => {
      const session = new Session(this.#host(), token, this.#nextName());
      const over = (): void => {
        if (this.#session === session) this.#session = undefined;
        if (this.#retired === session) this.#retired = undefined;
        session.over();
      };
      return sessionSocket(session, this.#settings).pipe(
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
        this.#patience.authorized();
        this.#session = session;
        this.#isUnheard = false;
        this.#limits = undefined;
        this.#status.report(
          connectionId === undefined ? { kind: 'authorized', userId } : { kind: 'authorized', userId, connectionId },
        );
        for (const pending of this.#waiting.take()) session.send(pending);
      },
      deliver: (delivery) => {
        if (delivery.isAwaited && !this.#deliveries.observed) this.#isUnheard = this.#settings.receiveUnread;
        // It comes behind the other with the next connection, which is not made before all calls have their answers.
        if (delivery.isAwaited && this.#isUnheard) return;
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
        this.#waiting.add(pending);
        return true;
      },
      accepted: () => {
        this.#patience.accepted();
      },
      unsent: (pending) => {
        this.#waiting.add(pending);
      },
      refused: (session, token, pending) => {
        if (!this.#tokens.canRenew || pending.attempts >= MOST_ATTEMPTS) return false;
        this.#tokens.refused(token);
        this.#waiting.add(pending);
        // What it was asked before has an answer to come.
        this.#retire(session, 'renewal');
        return true;
      },
    };
  }

  /** No more calls for it: it ends with its last answer, and the next is made. */
  #retire(session: Session, why: Renewal): void {
    if (this.#session === session) this.#session = undefined;
    this.#retired = session;
    session.retire(why);
  }

  #nextName(): string {
    return `${this.#settings.scheduler.now().toString(36)}.${this.#name}.${++this.#sessions}`;
  }
}

const isUnauthorized = (thrown: unknown): boolean => thrown instanceof ChatError && thrown.kind === 'unauthorized';
