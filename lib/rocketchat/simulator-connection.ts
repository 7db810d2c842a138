import { strike, strikes } from '../trueconf/simulator-faults.js';
import { isRecord } from '../trueconf/simulator-fields.js';
import type { Login } from './simulator-accounts.js';
import { Events } from './simulator-events.js';
import type { RocketchatFaults } from './simulator-faults.js';
import type { Limiter } from './simulator-limiter.js';
import { methodLimitOf, MethodError, type Method, type MethodCaller } from './simulator-methods.js';
import type { Account, RocketchatContent } from './simulator-model.js';
import type { World } from './simulator-routes.js';
import { Subscriptions } from './simulator-subscriptions.js';
import { ejson } from './simulator-ejson.js';

/** The client's end of a socket. */
export interface RocketchatPeer {
  /** A text frame for the client. */
  readonly frame: (text: string) => void;
  /** The server ends the connection: with a close code, or by cutting it when there is none. */
  readonly end: (code?: number) => void;
  /** The connection is half-open from now on: nothing of the client's must be answered, a close neither. */
  readonly freeze?: () => void;
}

/** The server's end of a socket. */
export interface RocketchatConnection {
  /** Counts the sockets, from 1. */
  readonly number: number;
  /** Whether the connection is half-open: dead in both directions. */
  readonly isFrozen: boolean;
  /** A text frame from the client. */
  readonly receive: (text: string) => void;
  /** The client has ended the connection. */
  readonly closed: (code?: number) => void;
}

/** @internal What a connection needs of the server. */
export interface Hall {
  readonly world: World;
  readonly faults: RocketchatFaults;
  readonly methods: ReadonlyMap<string, Method>;
  readonly limiter: Limiter;
  readonly gone: (connection: Connection) => void;
}

const VERSIONS = ['1', 'pre2', 'pre1'];

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** @internal One socket: the greeting, pings, calls, subscriptions, and what goes wrong with them. */
export class Connection implements RocketchatConnection, MethodCaller {
  readonly number: number;
  account: Account | undefined;
  /** The token that the login is by. */
  token: string | undefined;
  isMute = false;
  isFrozen = false;
  isOpen = true;
  readonly tell: MethodCaller['tell'];
  readonly #hall: Hall;
  readonly #peer: RocketchatPeer;
  readonly #subscriptions: Subscriptions;
  #isGreeted = false;
  #cancelPing: () => void = () => undefined;

  constructor(number: number, peer: RocketchatPeer, hall: Hall) {
    this.number = number;
    this.#peer = peer;
    this.#hall = hall;
    this.#subscriptions = new Subscriptions(this, hall.world, (frame) => {
      this.#send(frame);
    });
    const events = new Events(this, hall.world.desk, hall.faults.event);
    this.tell = (stream, event, args) => {
      events.tell(stream, event, args);
    };
  }

  /** The socket is open: a frame that is of no use comes first. */
  opened(): void {
    this.raw('{"server_id":"0"}');
    this.#awaitFrame();
  }

  receive(text: string): void {
    if (!this.isOpen || this.isMute || this.isFrozen) return;
    this.#awaitFrame();
    const frame = parsed(text);
    if (!isRecord(frame)) {
      this.#hall.world.desk.problem('a frame is no JSON object');
      return;
    }
    const { msg, id } = frame;
    if (msg === 'connect') this.#connect(frame);
    else if (!this.#isGreeted) this.#send({ msg: 'error', reason: 'Must connect first', offendingMessage: frame });
    else if (msg === 'ping') this.#pong(id);
    else if (msg === 'method') this.#called(String(id), String(frame['method']), frame['params']);
    else if (msg === 'sub') this.#subscriptions.open(String(id), String(frame['name']), listOf(frame['params']));
    else if (msg === 'unsub') this.#subscriptions.close(String(id));
    else if (msg !== 'pong') this.#hall.world.desk.problem(`a frame says ${String(msg)}`);
  }

  closed(code?: number): void {
    this.#leave('client', code);
  }

  /** The server ends it; without a code the connection is cut. */
  end(code?: number): void {
    if (!this.isOpen) return;
    this.#leave('server', code);
    this.#peer.end(code);
  }

  freeze(): void {
    this.isFrozen = true;
    this.#cancelPing();
    this.#peer.freeze?.();
  }

  loggedIn({ account, token }: Login): void {
    this.loggedOut();
    const { desk, setStatus } = this.#hall.world;
    this.account = account;
    this.token = token;
    setStatus(account, () => account.sockets++);
    desk.write({ kind: 'loggedIn', connection: this.number, by: account.id });
    this.#send({ msg: 'added', collection: 'users', id: account.id, fields: { username: account.username } });
  }

  /** The socket stays, and so do the subscriptions: they are silent from now on. */
  loggedOut(): void {
    const { account } = this;
    if (account === undefined) return;
    this.account = undefined;
    this.token = undefined;
    const { desk, setStatus } = this.#hall.world;
    setStatus(account, () => account.sockets--);
    desk.write({ kind: 'loggedOut', connection: this.number, by: account.id });
  }

  /** Any text, as a frame; whether it went out. */
  readonly raw = (text: string): boolean => {
    const isHeard = this.isOpen && !this.isFrozen && !this.isMute;
    if (isHeard) this.#peer.frame(text);
    return isHeard;
  };

  #send(frame: RocketchatContent): void {
    this.raw(JSON.stringify(ejson(frame)));
  }

  #connect({ version, support }: RocketchatContent): void {
    const { desk } = this.#hall.world;
    const offered = [version, ...listOf(support)];
    const hasFailed = strikes(this.#hall.faults.connection, 'fail');
    if (hasFailed) desk.fault('connection.fail');
    if (hasFailed || !offered.some((one) => VERSIONS.includes(String(one)))) {
      this.#send({ msg: 'failed', version: hasFailed ? 'pre1' : '1' });
      this.end(1000);
      return;
    }
    this.#isGreeted = true;
    this.#send({ msg: 'connected', session: desk.id() });
  }

  #pong(id: unknown): void {
    if (this.#hall.faults.connection.noPong !== true) this.#send({ msg: 'pong', ...(id !== undefined && { id }) });
  }

  /** A socket that is silent is pinged, and cut when it stays so. */
  #awaitFrame(): void {
    const { desk } = this.#hall.world;
    const { pingMs, pongWithinMs } = desk.rules;
    this.#cancelPing();
    if (!this.isOpen || this.isFrozen) return;
    this.#cancelPing = desk.later(pingMs, () => {
      if (this.#hall.faults.connection.noPing !== true && this.#isGreeted) this.#send({ msg: 'ping' });
      this.#cancelPing = desk.later(pongWithinMs, () => {
        this.end();
      });
    });
  }

  #called(id: string, method: string, given: unknown): void {
    const { world, faults, methods, limiter } = this.#hall;
    const { desk } = world;
    const params = listOf(given);
    const isMeant = faults.method.only?.({ connection: this.number, method, params }) !== false;
    const fault = isMeant
      ? strike(faults.method, ['lose', 'cutBefore', 'cutAfter', 'throttle', 'silent', 'updatedFirst', 'delay'] as const)
      : undefined;
    if (fault !== undefined) desk.fault(`method.${fault}`);
    if (fault === 'lose') return;
    desk.write({ kind: 'called', connection: this.number, id, method });
    if (fault === 'cutBefore') {
      this.end();
      return;
    }
    const { limit, windowMs } = methodLimitOf(method, this.account);
    const window = desk.rules.rateLimits ? limiter.count(`${this.number} ${method}`, limit, windowMs) : undefined;
    const waitMs = window?.isOver === true ? window.resetAt - desk.now() : fault === 'throttle' ? 1_000 : 0;
    const { result, saved } = world.deliveries.around(() =>
      waitMs > 0 ? tooMany(waitMs) : this.#result(methods.get(method), method, params),
    );
    if (fault === 'cutAfter') {
      this.end();
      return;
    }
    if (fault === 'silent') return;
    saved(() => {
      desk.later(fault === 'delay' ? (faults.method.delayMs ?? 1_000) : 0, () => {
        this.#answer(id, result, fault === 'updatedFirst');
      });
    });
  }

  #result(call: Method | undefined, method: string, params: readonly unknown[]): unknown {
    if (call === undefined) return new MethodError(404, `Method '${method}' not found`);
    try {
      // What it is about may change before it goes out.
      return ejson(call(params, this));
    } catch (error) {
      if (error instanceof MethodError) return error;
      throw error;
    }
  }

  #answer(id: string, result: unknown, isUpdatedFirst: boolean): void {
    if (!this.isOpen) return;
    const error = result instanceof MethodError ? result : undefined;
    this.#hall.world.desk.write({ kind: 'answered', connection: this.number, id, error: error?.code });
    const updated = { msg: 'updated', methods: [id] };
    if (isUpdatedFirst) this.#send(updated);
    if (error !== undefined) this.#send({ msg: 'result', id, error: error.body });
    else this.#send({ msg: 'result', id, ...(result !== undefined && { result }) });
    if (!isUpdatedFirst) this.#send(updated);
  }

  /** Subscriptions die with the socket, and so does the login. */
  #leave(side: 'client' | 'server', code: number | undefined): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#cancelPing();
    this.#subscriptions.end();
    this.loggedOut();
    this.#hall.world.desk.write({ kind: 'disconnected', connection: this.number, side, code });
    this.#hall.gone(this);
  }
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);

const tooMany = (waitMs: number): MethodError => {
  const reason = `Error, too many requests. Please slow down. You must wait ${Math.ceil(waitMs / 1_000)} seconds before trying again.`;
  return new MethodError('too-many-requests', reason, { timeToReset: waitMs });
};
