import { either as E } from 'fp-ts';
import { Subject, type Observable, type SchedulerLike, type Subscription } from 'rxjs';
import { ChatError } from '../errors.js';
import type { JsonObject } from '../model/index.js';
import type { OpenSocket } from '../transport/socket.js';
import { decodeAnswer, errorCodeOf } from './codec-answer.js';
import { decodeFrame } from './codec-frame.js';
import { handed, Incoming, type IncomingHost } from './incoming.js';
import type { Renewal } from './patience.js';
import { payloadText, pendingOf, type Pending } from './pending.js';

/** @internal What a session tells its link. */
export interface SessionHost extends IncomingHost {
  readonly authorized: (session: Session, userId: string, connectionId: string | undefined) => void;
  /** A call was answered, and not because of its token. */
  readonly accepted: () => void;
  /** Takes a call back that was never sent. */
  readonly unsent: (pending: Pending) => void;
  /** Takes a call back that may be sent again; whether it does. */
  readonly again: (pending: Pending) => boolean;
  /** The server refused a call because of its token; whether that call waits for another. */
  readonly refused: (session: Session, token: string, pending: Pending) => boolean;
}

/** Codes of refusals that a new token, or a new number, may help against. */
const TOKEN_CODES = [200, 201, 203];
const ID_CODE = 2;

/** @internal One socket: numbers, calls and their answers. */
export class Session {
  readonly #host: SessionHost;
  readonly #token: string;
  readonly #incoming: Incoming;
  readonly #scheduler: SchedulerLike;
  readonly #pending = new Map<number, Pending>();
  readonly #ended = new Subject<never>();
  #socket: OpenSocket | undefined;
  /** Why it takes no more calls. */
  #retirement: Renewal | undefined;
  #id = 0;
  #beat: Subscription | undefined;

  /** `name` is unique: ids of events begin with it. */
  constructor(host: SessionHost, token: string, name: string) {
    this.#host = host;
    this.#token = token;
    this.#incoming = new Incoming(host, name);
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
    const payload = {
      token: this.#token,
      tokenType: 'JWT',
      receiveUnread,
      receiveSystemMessageEnvelopes: receiveSystemMessages,
    };
    this.#ask('auth', payload, (answer) => {
      const decoded = decodeAnswer('auth', answer);
      if (E.isLeft(decoded)) {
        this.#ended.error(decoded.left);
        return;
      }
      const { userId, connectionId } = decoded.right;
      this.#incoming.self = userId;
      if (!socket.isPinged) this.#beatLater();
      this.#host.authorized(this, userId, connectionId);
    });
  }

  /** Sends a call under a number of its own. */
  send(pending: Pending): void {
    // The answer comes the same way as what was not to be read.
    this.resume();
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
    const text = `{"type":1,"id":${id},"method":${JSON.stringify(method)},"payload":${payload}}`;
    if ((this.#socket !== undefined && handed(this.#socket, text)) || pending.isOurs) return;
    // The socket is closing, and tells so next.
    this.#pending.delete(id);
    pending.attempts--;
    this.#host.unsent(pending);
    this.#endWhenIdle();
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
  retire(why: Renewal): void {
    this.#retirement = why;
    this.#beat?.unsubscribe();
    this.resume();
    this.#endWhenIdle();
  }

  /** A frame has come. */
  received(text: string, socket: OpenSocket): void {
    const frame = decodeFrame(text);
    if (E.isLeft(frame)) this.#incoming.stray(text, frame.left, socket);
    else if (frame.right.type === 1) this.#incoming.told(frame.right, socket);
    else this.#answered(frame.right.id, frame.right.payload);
  }

  /** One that is no text has. */
  receivedBytes(bytes: Uint8Array, socket: OpenSocket): void {
    this.#incoming.binary(bytes, socket);
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
    const isForToken = TOKEN_CODES.includes(code);
    if (!isForToken && pending.method !== 'auth') this.#host.accepted();
    // Refused, so that nothing has happened yet.
    if (!pending.isOurs && !pending.wasRefused && (isForToken || code === ID_CODE)) {
      pending.wasRefused = true;
      if (code === ID_CODE) {
        this.send(pending);
        return;
      }
      if (this.#host.refused(this, this.#token, pending)) return;
    }
    pending.answered(payload);
    this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (this.#retirement === undefined || this.#pending.size > 0) return;
    const purpose = this.#retirement === 'renewal' ? 'another token' : 'what was not acknowledged';
    const sentence = `the connection is made anew for ${purpose}`;
    this.#ended.error(new ChatError('unreachable', 'trueconf', sentence, { reason: this.#retirement }));
  }

  /** Asks for itself: without an answer it ends. */
  #ask(method: string, payload: JsonObject, answered: (answer: unknown) => void): void {
    const failed = (error: ChatError): void => {
      this.#ended.error(error);
    };
    const text = payloadText(method, payload);
    this.send(pendingOf({ method, payload: text, isRepeatable: false, isOurs: true, answered, failed }));
  }

  /** Where nobody pings, the server is asked something that any version answers, if only with an error. */
  #beatLater(): void {
    if (this.#retirement !== undefined) return;
    this.#beat = this.#scheduler.schedule(() => {
      this.#ask('getChats', { count: 1, page: 1 }, () => {
        this.#beatLater();
      });
    }, this.#host.settings.pingMs);
  }
}
