import { Observable, of, throwError } from 'rxjs';
import {
  rocketchatCore,
  type RocketchatAccount,
  type RocketchatAnswer,
  type RocketchatCore,
  type RocketchatCoreConfig,
  type RocketchatPost,
  type RocketchatPosted,
} from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { fixtures } from '../../support/fixtures.js';

export type Payload = Readonly<Record<string, unknown>>;

export interface Reply {
  readonly status: number;
  readonly body: Payload;
  readonly headers: Readonly<Record<string, string>>;
  readonly answer: RocketchatAnswer;
}

export interface Call {
  readonly body?: unknown;
  /** The user who is logged in. */
  readonly as?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly address?: string;
}

/** JSON, or the text where it is none. */
const decode = (bytes: Uint8Array): unknown => {
  const text = Buffer.from(bytes).toString();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

/** Makes a request; what came of it so far. */
export const ask = (
  core: RocketchatCore,
  method: string,
  path: string,
  { body, as, headers = {}, address = '' }: Call = {},
): { reply?: Reply; error?: unknown } => {
  const login = as === undefined ? undefined : core.issueToken(as);
  const isText = typeof body === 'string' || body instanceof Uint8Array;
  const request = {
    method,
    url: path.startsWith('/') ? path : `/api/v1/${path}`,
    headers: {
      ...(body !== undefined && !isText && { 'content-type': 'application/json' }),
      ...(login !== undefined && { 'x-auth-token': login.authToken, 'x-user-id': login.userId }),
      ...headers,
    },
    body: Buffer.from(body === undefined ? '' : isText ? body : JSON.stringify(body)),
    address,
  };
  const result: { reply?: Reply; error?: unknown } = {};
  core.request(request).subscribe({
    next: (answer) => {
      const { status, headers: given } = answer;
      result.reply = { status, headers: given, body: decode(answer.body) as Payload, answer };
    },
    error: (error: unknown) => (result.error = error),
  });
  return result;
};

/** A call that is answered at once. */
export const rest = (core: RocketchatCore, method: string, path: string, call: Call = {}): Reply => {
  const { reply, error } = ask(core, method, path, call);
  if (reply === undefined) throw new Error(`${method} ${path} was not answered`, { cause: error });
  return reply;
};

export interface Frame {
  readonly msg?: string;
  readonly id?: string;
  readonly [key: string]: unknown;
}

/** A client at the other end of a socket that needs no network. */
export class Client {
  readonly texts: string[] = [];
  readonly ends: (number | undefined)[] = [];
  readonly connection;
  #id = 0;

  constructor(
    readonly core: RocketchatCore,
    url?: string,
  ) {
    const peer = { frame: (text: string) => this.texts.push(text), end: (code?: number) => this.ends.push(code) };
    const connection = core.connect(peer, url);
    if (typeof connection === 'number') throw new Error(`refused with ${connection}`);
    this.connection = connection;
    core.opened(connection);
  }

  /** One that is greeted, and logged in where a user is named. */
  static in(core: RocketchatCore, username?: string): Client {
    const client = new Client(core);
    client.send({ msg: 'connect', version: '1', support: ['1'] });
    if (username !== undefined) client.call('login', { resume: core.issueToken(username).authToken });
    return client;
  }

  get frames(): readonly Frame[] {
    return this.texts.flatMap((text) => {
      try {
        return [JSON.parse(text) as Frame];
      } catch {
        return [];
      }
    });
  }

  last(msg: string): Frame | undefined {
    return this.frames.filter((frame) => frame.msg === msg).at(-1);
  }

  send(frame: unknown): void {
    this.connection.receive(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** Calls a method; the frame of its result. */
  call(method: string, ...params: readonly unknown[]): Frame | undefined {
    const id = String(++this.#id);
    this.send({ msg: 'method', method, id, params });
    return this.frames.find((frame) => frame.msg === 'result' && frame.id === id);
  }

  /** Subscribes; what it was answered with. */
  sub(name: string, event: string, ...args: readonly unknown[]): Frame | undefined {
    const id = String(++this.#id);
    this.send({ msg: 'sub', id, name, params: [event, { useCollection: false, args }] });
    return this.frames.find(({ msg, id: of, subs }) =>
      msg === 'nosub' ? of === id : msg === 'ready' && (subs as string[]).includes(id),
    );
  }

  /** The arguments of all events of one name, oldest first. */
  events(eventName: string, collection?: string): readonly (readonly unknown[])[] {
    return this.frames.flatMap(({ msg, collection: of, fields }) => {
      const { eventName: name, args } = (fields ?? {}) as { eventName?: string; args?: unknown[] };
      return msg === 'changed' && name === eventName && of === (collection ?? of) ? [args ?? []] : [];
    });
  }

  /** The texts, or types, of messages that were told. */
  heard(event = '__my_messages__'): readonly string[] {
    return this.events(event, 'stream-room-messages').map(([message]) => {
      const { msg, t } = message as { msg: string; t?: string };
      return t ?? msg;
    });
  }
}

/** A receiver of webhooks. */
export class Receiver {
  readonly posts: { readonly body: Payload; readonly headers: Readonly<Record<string, string>> }[] = [];
  /** What the next webhooks are answered with; then 200. Status 0 is a connection that broke, -1 no answer. */
  statuses: number[] = [];
  answer = 'ok';

  readonly post = ({ body, headers }: RocketchatPost): Observable<RocketchatPosted> => {
    this.posts.push({ body: JSON.parse(body) as Payload, headers });
    const status = this.statuses.shift() ?? 200;
    if (status === 0) return throwError(() => new Error('read ECONNRESET'));
    return status === -1 ? new Observable() : of({ status, body: this.answer });
  };

  get types(): readonly unknown[] {
    return this.posts.map(({ body }) => body['type']);
  }
}

/** The token of Dana in the samples. */
export const TOKEN = 'vis-test-dana-00000000000000000000000001';

export const BOT: RocketchatAccount = {
  username: 'helper.bot',
  password: 'corr3ct-horse',
  name: 'Helper Bot',
  email: 'bot@shop.example',
  roles: ['user', 'bot', 'livechat-agent'],
  permissions: ['transfer-livechat-guest'],
  status: 'online',
};

/** A server in virtual time: a bot, a person at the desk, a manager, a stranger, two departments. Calls are not counted. */
export const stage = (config: RocketchatCoreConfig = {}) => {
  const clock = virtualClock();
  const receiver = new Receiver();
  const core = rocketchatCore({
    scheduler: clock,
    post: receiver.post,
    rateLimits: false,
    accounts: [
      BOT,
      { username: 'mira', password: 'P', name: 'Mira', status: 'online' },
      { username: 'boss', password: 'P', roles: ['user', 'livechat-manager'] },
      { username: 'lev', password: 'P', roles: ['user'] },
    ],
    departments: [
      { id: 'sales', name: 'Sales', agents: ['helper.bot', 'mira'] },
      { id: 'second', name: 'Second line', agents: ['mira'] },
    ],
    customFields: { orderNo: { scope: 'visitor' }, priority: { scope: 'room' } },
    ...config,
  });
  const mira = core.agent('mira');
  return { clock, core, receiver, mira, bot: core.agent('helper.bot') };
};

export const HOOK = { url: 'http://127.0.0.1:1/hook', secret: 'hook-secret-test-1' };

/** The samples, by name. */
export const samples = fixtures('rocketchat/simulator') as ReadonlyMap<string, Payload>;

/** A part of a sample, by its path. */
export const sample = (name: string, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Payload)[key], samples.get(name));

const kindOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);

/** Where something lacks what a sample has, or has it in another form. */
export const lacks = (sampled: unknown, given: unknown, at = 'it'): readonly string[] => {
  if (kindOf(sampled) !== kindOf(given)) return [`${at} is ${kindOf(given)}, not ${kindOf(sampled)}`];
  if (Array.isArray(sampled) && Array.isArray(given))
    return sampled.length > 0 ? lacks(sampled[0], given[0], `${at}[0]`) : [];
  if (typeof sampled !== 'object' || sampled === null) return [];
  return Object.entries(sampled).flatMap(([key, value]) => lacks(value, (given as Payload)[key], `${at}.${key}`));
};

/** A multipart body with one part for each entry. */
export const multipart = (
  parts: readonly {
    readonly name: string;
    readonly fileName?: string;
    readonly type?: string;
    readonly text: string;
  }[],
): { readonly body: string; readonly headers: Readonly<Record<string, string>> } => ({
  headers: { 'content-type': 'multipart/form-data; boundary=XX' },
  body:
    parts
      .map(({ name, fileName, type, text }) => {
        const file = fileName === undefined ? '' : `; filename="${fileName}"`;
        const kind = type === undefined ? '' : `Content-Type: ${type}\r\n`;
        return `--XX\r\nContent-Disposition: form-data; name="${name}"${file}\r\n${kind}\r\n${text}\r\n`;
      })
      .join('') + '--XX--\r\n',
});
