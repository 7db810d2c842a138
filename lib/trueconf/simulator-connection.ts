import type { Call, Caller } from './simulator-calls.js';
import type { Desk } from './simulator-desk.js';
import { Events, MALFORMED } from './simulator-events.js';
import { shifted, strike, strikes, type TrueconfFaults } from './simulator-faults.js';
import { Fields, isRecord } from './simulator-fields.js';
import type { Account, Message, TrueconfContent } from './simulator-model.js';
import { Refusal } from './simulator-refusal.js';

/** The client's end of a socket. */
export interface TrueconfPeer {
  /** A text frame for the client. */
  readonly frame: (text: string) => void;
  /** The server ends the connection: with a close code, or by cutting it when there is none. */
  readonly end: (code?: number) => void;
  /** The connection is half-open from now on: nothing of the client's must be answered, a close neither. */
  readonly freeze?: () => void;
}

/** The server's end of a socket. */
export interface TrueconfConnection {
  /** Counts the sockets, from 1. */
  readonly number: number;
  /** Whether the connection is half-open: dead in both directions. */
  readonly isFrozen: boolean;
  /** Whether pings of the client are to be answered. */
  readonly answersPings: boolean;
  /** A text frame from the client. */
  readonly receive: (text: string) => void;
  /** The client has ended the connection. */
  readonly closed: (code?: number) => void;
}

/** @internal What a connection needs of the server. */
export interface Hall {
  readonly desk: Desk;
  readonly faults: TrueconfFaults;
  readonly calls: ReadonlyMap<string, Call>;
  /** Lets a connection in; throws where the token is no good. */
  readonly authorize: (connection: Connection, payload: Fields) => TrueconfContent;
  readonly read: (message: Message, account: Account) => void;
  readonly gone: (connection: Connection) => void;
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** @internal One socket: frames, ids, acknowledgements, and what goes wrong with them. */
export class Connection implements TrueconfConnection {
  readonly number: number;
  readonly subscriptions = new Set<string>();
  account: Account | undefined;
  wantsSystem = false;
  isMute = false;
  isFrozen = false;
  isOpen = true;
  readonly #hall: Hall;
  readonly #peer: TrueconfPeer;
  readonly #used = new Set<number>();
  readonly #events: Events;
  /** Answers that wait until the next one has gone out. */
  #late: (() => void)[] = [];
  /** What a request makes the server tell, while it is carried out. */
  #caused: (() => void)[] | undefined;
  #voids = 0;

  constructor(number: number, peer: TrueconfPeer, hall: Hall) {
    this.number = number;
    this.#peer = peer;
    this.#hall = hall;
    this.#events = new Events(this, hall.desk, hall.faults.event);
  }

  get answersPings(): boolean {
    return this.isOpen && !this.isFrozen && this.#hall.faults.connection.noPong !== true;
  }

  receive(text: string): void {
    if (!this.isOpen || this.isMute || this.isFrozen) return;
    const frame = parsed(text);
    if (!isRecord(frame)) {
      this.#problem('a frame is no JSON object');
      return;
    }
    const { type, id, method, payload } = frame;
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > 0xffff_ffff)
      this.#problem('the id of a frame is no uint32');
    else if (type === 2) this.#acknowledged(id);
    else if (type !== 1) this.#problem(`a frame is of type ${String(type)}`);
    else if (typeof method !== 'string') this.#answer(id, new Refusal(300, 'method must be a string'));
    else this.#called(id, method, isRecord(payload) ? payload : undefined);
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

  /** Tells the client of an event. */
  tell(method: string, payload: TrueconfContent, message?: Message): void {
    const tell = (): void => {
      this.#events.tell(this.account?.id ?? '', method, payload, message);
    };
    if (this.#caused === undefined) tell();
    else this.#caused.push(tell);
  }

  freeze(): void {
    this.isFrozen = true;
    this.#peer.freeze?.();
  }

  /** Any text, as a frame. */
  readonly raw = (text: string): void => {
    if (this.isOpen && !this.isFrozen && !this.isMute) this.#peer.frame(text);
  };

  #acknowledged(id: number): void {
    const told = this.#events.acknowledge(id);
    if (told === undefined) {
      this.#problem(`there is no event ${id} to acknowledge`);
      return;
    }
    const { method, message } = told;
    this.#hall.desk.write({ kind: 'acknowledged', connection: this.number, id, method });
    if (message !== undefined && this.account !== undefined) this.#hall.read(message, this.account);
  }

  #called(id: number, method: string, payload: Fields['all'] | undefined): void {
    const { faults, desk } = this.#hall;
    const { request } = faults;
    const call = { bot: this.account?.id ?? '', connection: this.number, method, payload: payload ?? {} };
    const isMeant = request.only?.(call) !== false;
    const fault = isMeant ? strike(request, ['lose', 'cutBefore', 'cutAfter'] as const) : undefined;
    if (fault !== undefined) this.#fault(`request.${fault}`);
    if (fault === 'lose') return;
    desk.write({ kind: 'called', connection: this.number, id, method, payload: payload ?? null });
    if (fault === 'cutBefore') {
      this.end();
      return;
    }
    const code = isMeant && fault === undefined ? shifted(request, 'errorCodes') : undefined;
    if (code !== undefined) this.#fault('request.errorCodes');

    const caused: (() => void)[] = [];
    this.#caused = caused;
    const result = code === undefined ? this.#result(id, method, payload) : new Refusal(code);
    this.#caused = undefined;
    if (fault === 'cutAfter') {
      this.end();
      return;
    }
    const isFirst = isMeant && strikes(request, 'eventFirst');
    const tellCaused = (): void => {
      for (const tell of caused) tell();
    };
    if (isFirst) tellCaused();
    this.#reply(id, result, isMeant && code === undefined);
    if (!isFirst) tellCaused();
  }

  #result(id: number, method: string, payload: Fields['all'] | undefined): unknown {
    const { calls, authorize } = this.#hall;
    try {
      if (this.#used.has(id)) throw new Refusal(2);
      this.#used.add(id);
      const fields = new Fields(payload ?? {});
      if (method === 'auth') return authorize(this, fields);
      const { account } = this;
      if (account === undefined) throw new Refusal(200);
      const call = calls.get(method);
      if (call === undefined) throw new Refusal(104);
      if (payload === undefined) throw new Refusal(300, 'payload must be an object');
      const tell: Caller['tell'] = (event, content) => {
        this.tell(event, content);
      };
      const by: Caller = { account, connection: this.number, subscriptions: this.subscriptions, tell };
      return call(fields, by);
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
  }

  #reply(id: number, result: unknown, isMeant: boolean): void {
    const { faults, desk } = this.#hall;
    const { request } = faults;
    const fault = isMeant ? strike(request, ['silent', 'malformed', 'delay', 'reorder'] as const) : undefined;
    if (fault !== undefined) this.#fault(`request.${fault}`);
    const answer = (): void => {
      this.#answer(id, result);
    };
    switch (fault) {
      case 'silent':
        return;
      case 'malformed':
        this.raw(MALFORMED);
        return;
      case 'delay':
        desk.later(request.delayMs ?? 1_000, answer);
        return;
      case 'reorder':
        this.#late.push(answer);
        return;
      default:
        answer();
        for (const late of this.#late.splice(0)) late();
    }
  }

  #answer(id: number, result: unknown): void {
    if (!this.isOpen) return;
    const isRefused = result instanceof Refusal;
    const errorCode = isRefused ? result.code : 0;
    this.#hall.desk.write({ kind: 'answered', connection: this.number, id, errorCode });
    const payload = isRefused ? { errorCode, errorDescription: result.message } : (result ?? this.#void());
    this.raw(JSON.stringify({ type: 2, id, ...(payload !== undefined && { payload }) }));
  }

  /** Answers without content come without payload and with an empty one, by turns. */
  #void(): TrueconfContent | undefined {
    return ++this.#voids % 2 === 0 ? {} : undefined;
  }

  #leave(side: 'client' | 'server', code: number | undefined): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#hall.desk.write({ kind: 'disconnected', connection: this.number, side, code });
    this.#hall.gone(this);
  }

  #fault(fault: string): void {
    this.#hall.desk.write({ kind: 'fault', fault });
  }

  #problem(problem: string): void {
    this.#hall.desk.write({ kind: 'problem', problem });
  }
}
