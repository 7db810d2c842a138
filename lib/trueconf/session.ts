import { either as E } from 'fp-ts';
import { Subject, type Observable, type SchedulerLike, type Subscription } from 'rxjs';
import { ChatError } from '../errors.js';
import type { InboundEvent, JsonObject } from '../model/index.js';
import type { OpenSocket } from '../transport/socket.js';
import type { Writable } from '../writable.js';
import { decodeAnswer, errorCodeOf } from './codec-answer.js';
import { undecodableEvent, type TrueconfArrival } from './codec-draft.js';
import { decodeEvent } from './codec-event.js';
import { decodeFrame, encodeFrame, type TrueconfRequestFrame } from './codec-frame.js';
import type { Settings } from './settings.js';

/** An event, to be acknowledged by whoever has it safe. */
export interface TrueconfDelivery {
  readonly event: InboundEvent;
  /**
   * Tells the server that the event has arrived, which shows a message as read: on the socket that brought it, once. Whether
   * it could be told; if not, a message comes again where `receiveUnread` is set. What is no message is acknowledged already.
   */
  readonly acknowledge: () => boolean;
  /** Whether the server waits for that: then it is a message, which comes again where it does not get it. */
  readonly isAwaited: boolean;
}

/** @internal A call, while it waits to be sent or for its answer. */
export interface Pending {
  readonly method: string;
  readonly payload: JsonObject;
  readonly isRepeatable: boolean;
  /** Whether the session itself asks: then it concerns nobody else. */
  readonly isOurs: boolean;
  /** Its number in the session that sent it, 0 before. */
  id: number;
  /** How often it was sent. */
  attempts: number;
  /** Its time limit, for waiting or for the answer. */
  timer: Subscription | undefined;
  readonly answered: (payload: unknown) => void;
  readonly failed: (error: ChatError) => void;
}

/** @internal What a session tells its link. */
export interface SessionHost {
  readonly settings: Settings;
  readonly authorized: (session: Session, userId: string, connectionId: string | undefined) => void;
  readonly deliver: (delivery: TrueconfDelivery) => void;
  readonly progress: (fileId: string, bytes: number) => void;
  /** What may be uploaded has changed. */
  readonly limits: (payload: unknown) => void;
  /** Takes a call back that may be sent again; whether it does. */
  readonly again: (pending: Pending) => boolean;
  /** The server accepts the token no longer; whether there may be another. */
  readonly renew: (token: string) => boolean;
}

/** @internal The reason of an end that is our own wish: for another token, or to be told again. */
export const RENEWAL = 'renewal';

const NOTHING = (): boolean => false;
/** Codes of refusals that a new token, or a new number, may help against. */
const TOKEN_CODES = [200, 201, 203];
const ID_CODE = 2;

/** @internal One socket: numbers, answers, and what the server tells. */
export class Session {
  readonly #host: SessionHost;
  readonly #token: string;
  readonly #number: string;
  readonly #scheduler: SchedulerLike;
  readonly #pending = new Map<number, Pending>();
  readonly #ended = new Subject<never>();
  #socket: OpenSocket | undefined;
  #isRetired = false;
  #id = 0;
  #strays = 0;
  #self: string | undefined;
  #beat: Subscription | undefined;

  constructor(host: SessionHost, token: string, number: string) {
    this.#host = host;
    this.#token = token;
    this.#number = number;
    this.#scheduler = host.settings.scheduler;
  }

  /** Errors when the session has to end although its socket has not. */
  get ended$(): Observable<never> {
    return this.#ended.asObservable();
  }

  /** The socket is open: authorises. */
  opened(socket: OpenSocket): void {
    const { receiveUnread, receiveSystemMessages } = this.#host.settings;
    this.#socket = socket;
    const payload: JsonObject = {
      token: this.#token,
      tokenType: 'JWT',
      receiveUnread,
      receiveSystemMessageEnvelopes: receiveSystemMessages,
    };
    this.send({
      method: 'auth',
      payload,
      isRepeatable: false,
      isOurs: true,
      id: 0,
      attempts: 0,
      timer: undefined,
      answered: (answer) => {
        const decoded = decodeAnswer('auth', answer);
        if (E.isLeft(decoded)) {
          this.#ended.error(decoded.left);
          return;
        }
        const { userId, connectionId } = decoded.right;
        this.#self = userId;
        if (!socket.isPinged) this.#beatLater();
        this.#host.authorized(this, userId, connectionId);
      },
      failed: (error) => {
        this.#ended.error(error);
      },
    });
  }

  /** Sends a call under a number of its own. */
  send(pending: Pending): void {
    const id = ++this.#id;
    const { method, payload } = pending;
    pending.id = id;
    pending.attempts++;
    this.#pending.set(id, pending);
    pending.timer?.unsubscribe();
    const { requestTimeoutMs } = this.#host.settings;
    pending.timer = this.#scheduler.schedule(() => {
      this.#pending.delete(id);
      pending.failed(
        new ChatError('timeout', 'trueconf', `${method} had no answer within ${requestTimeoutMs} ms`, {
          inDoubt: !pending.isRepeatable && !pending.isOurs,
        }),
      );
      this.#endWhenIdle();
    }, requestTimeoutMs);
    // The answer comes the same way as what was not to be read.
    this.resume();
    // A socket that is no longer open tells so next.
    this.#socket?.send(encodeFrame({ type: 1, id, method, payload }));
  }

  /** Nobody waits for the answer any more. */
  forget(pending: Pending): void {
    if (this.#pending.get(pending.id) !== pending) return;
    this.#pending.delete(pending.id);
    this.#endWhenIdle();
  }

  /** Reads nothing until `resume`, unless a call waits for its answer; whether it could. */
  pause(): boolean {
    return this.#pending.size === 0 && this.#socket?.pause() === true;
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** Ends when all calls have their answers; there are no more. */
  retire(): void {
    this.#isRetired = true;
    this.#beat?.unsubscribe();
    this.resume();
    this.#endWhenIdle();
  }

  /** A frame has come. */
  received(text: string, socket: OpenSocket): void {
    const frame = decodeFrame(text);
    if (E.isLeft(frame)) {
      const event = undecodableEvent(text, frame.left, this.#arrival(`stray${++this.#strays}`));
      this.#host.deliver({ event, acknowledge: NOTHING, isAwaited: false });
    } else if (frame.right.type === 1) this.#told(frame.right, socket);
    else this.#answered(frame.right.id, frame.right.payload);
  }

  /** The socket is gone: calls that may be sent again go back, the others are in doubt. */
  over(): void {
    this.#beat?.unsubscribe();
    this.#socket = undefined;
    const open = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of open) {
      pending.timer?.unsubscribe();
      if (pending.isOurs || (pending.isRepeatable && this.#host.again(pending))) continue;
      const details = { inDoubt: !pending.isRepeatable };
      pending.failed(new ChatError('unreachable', 'trueconf', `${pending.method} lost its connection`, details));
    }
  }

  #answered(id: number, payload: unknown): void {
    const pending = this.#pending.get(id);
    // Late, or never asked for.
    if (pending === undefined) return;
    this.#pending.delete(id);
    pending.timer?.unsubscribe();
    const code = errorCodeOf(payload);
    if (code !== 0 && pending.attempts === 1 && !pending.isOurs) {
      if (code === ID_CODE) {
        this.send(pending);
        return;
      }
      // Refused, so that nothing has happened yet.
      if (TOKEN_CODES.includes(code) && this.#host.renew(this.#token) && this.#host.again(pending)) {
        const sentence = 'the connection is made anew for another token';
        this.#ended.error(new ChatError('unreachable', 'trueconf', sentence, { reason: RENEWAL }));
        return;
      }
    }
    pending.answered(payload);
    this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (!this.#isRetired || this.#pending.size > 0) return;
    const sentence = 'the connection is made anew for what was not acknowledged';
    this.#ended.error(new ChatError('unreachable', 'trueconf', sentence, { reason: RENEWAL }));
  }

  #told(frame: TrueconfRequestFrame, socket: OpenSocket): void {
    const { id, method } = frame;
    const arrival = this.#arrival(String(id));
    const decoded = decodeEvent(frame, arrival);
    const event = E.isRight(decoded) ? decoded.right : undecodableEvent(frame, decoded.left, arrival);
    let isOpen = true;
    const acknowledge = (): boolean => {
      if (!isOpen) return false;
      isOpen = false;
      return socket.send(encodeFrame({ type: 2, id }));
    };
    const isAwaited = method === 'sendMessage';
    if (!isAwaited) {
      acknowledge();
      if (event.kind === 'progress') {
        const { fileId, progress } = frame.payload as { readonly fileId: string; readonly progress: number };
        this.#host.progress(fileId, progress);
      } else if (method === 'getFileUploadLimits') this.#host.limits(frame.payload);
    }
    this.#host.deliver({ event, acknowledge, isAwaited });
  }

  /** Where nobody pings, the server is asked something that any version answers, if only with an error. */
  #beatLater(): void {
    const { pingMs } = this.#host.settings;
    this.#beat = this.#scheduler.schedule(() => {
      this.send({
        method: 'getChats',
        payload: { count: 1, page: 1 },
        isRepeatable: false,
        isOurs: true,
        id: 0,
        attempts: 0,
        timer: undefined,
        answered: () => {
          this.#beatLater();
        },
        failed: (error) => {
          this.#ended.error(error);
        },
      });
    }, pingMs);
  }

  #arrival(event: string): TrueconfArrival {
    const { account } = this.#host.settings;
    const arrival: Writable<TrueconfArrival> = {
      id: `${this.#number}.${event}`,
      at: new Date(this.#scheduler.now()).toISOString(),
    };
    if (this.#self !== undefined) arrival.self = this.#self;
    if (account !== undefined) arrival.account = account;
    return arrival;
  }
}
