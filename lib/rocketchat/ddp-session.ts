import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { Subject, type Observable, type SchedulerLike, type Subscription } from 'rxjs';
import { ChatError } from '../errors.js';
import type { OpenSocket } from '../transport/socket.js';
import { rocketchatFrameError } from './codec-error.js';
import { decodeFrame, encodeFrame, type RocketchatFrame, type RocketchatFrameError } from './codec-frame.js';
import type { Session as Login } from './login.js';
import type { Settings } from './settings.js';

/** @internal A call, while it waits to be sent or for its answer. */
export interface PendingCall {
  readonly call: string;
  readonly method: string;
  /** Those that name us are made when it is sent. */
  readonly params: readonly unknown[] | ((username: string) => readonly unknown[]);
  /** Whether it may be sent again when nothing tells what became of it. */
  readonly isRepeatable: boolean;
  /** Its id in the session that sent it; empty before. */
  id: string;
  /** How often it was sent. */
  attempts: number;
  /** Its time limit, for waiting or for the answer. */
  timer: Subscription | undefined;
  readonly answered: (result: unknown) => void;
  readonly failed: (error: ChatError) => void;
}

/** @internal What a session tells its link. */
export interface DdpHost {
  readonly settings: Settings;
  /** Connected, and logged in where there is a login. */
  readonly ready: (session: DdpSession) => void;
  readonly changed: (stream: string, eventName: string, args: readonly unknown[]) => void;
  readonly subscribed: (id: string) => void;
  readonly refused: (id: string, error: RocketchatFrameError | null | undefined) => void;
  readonly stray: (text: string, error: ChatError) => void;
  /** Takes a call back that is to be sent again. */
  readonly again: (call: PendingCall) => void;
}

/** How often a call that may be repeated is sent at most. */
const MOST_ATTEMPTS = 3;

const LoggedIn = t.type({ id: t.string });

/** @internal One socket: greeting, login, ids, answers, and a look at whether the server is still there. */
export class DdpSession {
  /** Who is logged in, if anybody. */
  readonly login: Login | undefined;
  /** Where a server tells that the login is over. */
  readonly #logout: string | undefined;
  readonly #host: DdpHost;
  readonly #scheduler: SchedulerLike;
  readonly #pending = new Map<string, PendingCall>();
  readonly #ended = new Subject<never>();
  #socket: OpenSocket | undefined;
  #ids = 0;
  #heardAt: number;
  #told = 0;
  #watch: Subscription | undefined;
  #greeting: Subscription | undefined;
  #logoutId = '';
  #username: string | undefined;

  constructor(host: DdpHost, login: Login | undefined) {
    this.#host = host;
    this.login = login;
    this.#logout = login && `${login.userId}/force_logout`;
    this.#username = login?.username;
    this.#scheduler = host.settings.scheduler;
    this.#heardAt = this.#scheduler.now();
  }

  /** Errors when the session has to end although its socket has not. */
  get ended$(): Observable<never> {
    return this.#ended.asObservable();
  }

  /** When the server was heard last, in milliseconds since 1970: what it told after may be lost. */
  get heardAt(): number {
    return this.#heardAt;
  }
  /** How many frames have come that tell something: what follows the answer to the login does not. */
  get told(): number {
    return this.#told;
  }

  /** The socket is open: greets. */
  opened(socket: OpenSocket): void {
    const { requestTimeoutMs } = this.#host.settings;
    this.#socket = socket;
    this.#heardAt = this.#scheduler.now();
    this.#greeting = this.#scheduler.schedule(() => {
      this.end(new ChatError('timeout', 'rocketchat', `the greeting had no answer within ${requestTimeoutMs} ms`));
    }, requestTimeoutMs);
    this.#watchOver();
    this.transmit({ msg: 'connect', version: '1', support: ['1'] });
  }

  /** A frame has come. */
  received(text: string): void {
    this.#heardAt = this.#scheduler.now();
    const frame = decodeFrame(text);
    if (E.isLeft(frame)) this.#host.stray(text, frame.left);
    else {
      if (frame.right.msg !== 'other') this.#told++;
      this.#take(frame.right);
    }
  }

  /** An id for a subscription. */
  nextId(): string {
    return String(++this.#ids);
  }

  /** Sends a frame. A socket that is no longer open tells so next. */
  transmit(frame: RocketchatFrame): void {
    this.#socket?.send(encodeFrame(frame));
  }

  /** Sends a call under an id of its own. */
  send(call: PendingCall): void {
    const { requestTimeoutMs } = this.#host.settings;
    const params = typeof call.params === 'function' ? this.#named(call.params) : call.params;
    if (params === undefined) {
      const sentence = `${call.call} is not sent: nobody is logged in by whose name`;
      call.failed(new ChatError('unsupported', 'rocketchat', sentence, { reason: 'noName' }));
      return;
    }
    const id = this.nextId();
    call.id = id;
    call.attempts++;
    this.#pending.set(id, call);
    call.timer?.unsubscribe();
    call.timer = this.#scheduler.schedule(() => {
      this.#pending.delete(id);
      const details = { inDoubt: !call.isRepeatable };
      const sentence = `${call.call} had no answer within ${requestTimeoutMs} ms`;
      call.failed(new ChatError('timeout', 'rocketchat', sentence, details));
    }, requestTimeoutMs);
    this.transmit({ msg: 'method', method: call.method, id, params });
  }

  /** Nobody waits for the answer any more. */
  forget(call: PendingCall): void {
    if (this.#pending.get(call.id) === call) this.#pending.delete(call.id);
  }

  /** Ends the session. */
  end(error: ChatError): void {
    this.#ended.error(error);
  }

  /** The socket is gone: calls that may be sent again go back, the others are in doubt. */
  over(): void {
    this.#watch?.unsubscribe();
    this.#greeting?.unsubscribe();
    this.#socket = undefined;
    const open = [...this.#pending.values()];
    this.#pending.clear();
    for (const call of open) {
      call.timer?.unsubscribe();
      if (call.isRepeatable && call.attempts < MOST_ATTEMPTS) this.#host.again(call);
      else
        call.failed(
          new ChatError('unreachable', 'rocketchat', `${call.call} lost its connection`, {
            inDoubt: !call.isRepeatable,
          }),
        );
    }
  }

  #take(frame: RocketchatFrame): void {
    switch (frame.msg) {
      case 'changed': {
        const { eventName, args } = frame.fields;
        if (eventName === this.#logout) this.#loggedOut();
        this.#host.changed(frame.collection.slice('stream-'.length), eventName, args);
        return;
      }
      case 'ping':
        this.transmit(frame.id === undefined ? { msg: 'pong' } : { msg: 'pong', id: frame.id });
        return;
      case 'result':
        this.#answered(frame.id, frame.result, frame.error);
        return;
      case 'ready':
        for (const id of frame.subs) this.#host.subscribed(id);
        return;
      case 'nosub':
        // A server that tells nothing of logouts does without.
        if (frame.id !== this.#logoutId) this.#host.refused(frame.id, frame.error);
        return;
      case 'connected':
        this.#connected();
        return;
      case 'failed': {
        const sentence = 'the server speaks no version of the protocol that we do';
        this.end(new ChatError('unsupported', 'rocketchat', sentence));
        return;
      }
      case 'added': {
        const username = frame.fields?.['username'];
        const isUs = frame.collection === 'users' && frame.id === this.login?.userId;
        if (isUs && typeof username === 'string') this.#username = username;
        return;
      }
      case 'removed':
        if (frame.collection === 'users' && frame.id === this.login?.userId) this.#loggedOut();
        return;
      default:
    }
  }

  #connected(): void {
    this.#greeting?.unsubscribe();
    if (this.login === undefined) {
      this.#host.ready(this);
      return;
    }
    const { authToken, userId } = this.login;
    this.send({
      call: 'login',
      method: 'login',
      params: [{ resume: authToken }],
      // Lost, it is nobody's: the next session has a login of its own.
      isRepeatable: false,
      id: '',
      attempts: 0,
      timer: undefined,
      answered: (result) => {
        if (!LoggedIn.is(result) || result.id !== userId) {
          this.end(new ChatError('undecodable', 'rocketchat', 'the answer to login names another user, or none'));
          return;
        }
        this.#host.ready(this);
        this.#logoutId = this.nextId();
        const params = [this.#logout, { useCollection: false, args: [] }];
        this.transmit({ msg: 'sub', id: this.#logoutId, name: 'stream-notify-user', params });
      },
      failed: (error) => {
        this.end(error);
      },
    });
  }

  #answered(id: string, result: unknown, error: RocketchatFrameError | null | undefined): void {
    const call = this.#pending.get(id);
    // Late, or never asked for.
    if (call === undefined) return;
    this.#pending.delete(id);
    call.timer?.unsubscribe();
    if (error == null) call.answered(result);
    else call.failed(rocketchatFrameError(call.call, error, call.params));
  }

  #named(params: (username: string) => readonly unknown[]): readonly unknown[] | undefined {
    return this.#username === undefined ? undefined : params(this.#username);
  }

  #loggedOut(): void {
    this.end(new ChatError('unreachable', 'rocketchat', 'the server ended the login', { reason: 'loggedOut' }));
  }

  /** One timer, however many frames come: it looks back when it is due. */
  #watchOver(): void {
    const { pingMs, silenceMs } = this.#host.settings;
    const look = (): void => {
      const silence = this.#scheduler.now() - this.#heardAt;
      if (silence >= silenceMs) {
        const sentence = `the server said nothing for ${silenceMs} ms`;
        this.end(new ChatError('unreachable', 'rocketchat', sentence, { reason: 'silent' }));
        return;
      }
      if (silence >= pingMs) this.transmit({ msg: 'ping' });
      this.#watch = this.#scheduler.schedule(look, (silence >= pingMs ? silenceMs : pingMs) - silence);
    };
    this.#watch = this.#scheduler.schedule(look, pingMs);
  }
}
