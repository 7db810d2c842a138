import type { SocketEventLike, WebSocketConstructor, WebSocketLike } from 'tidewire/trueconf';

export interface Sent {
  readonly type: number;
  readonly id: number;
  readonly method?: string;
  readonly payload?: Readonly<Record<string, unknown>>;
}

/** A socket without a network, whose other end is moved by hand. Cannot ping. */
export class HandSocket implements WebSocketLike {
  /** What the client sent, in order. */
  readonly sent: Sent[] = [];
  /** With what the client closed it. */
  readonly closes: (number | undefined)[] = [];
  readyState = 0;
  binaryType = 'blob';
  /** What sending throws. */
  broken: Error | undefined;
  readonly #listeners = new Map<string, (event: SocketEventLike) => void>();

  constructor(
    readonly url: string,
    readonly protocols: readonly string[],
  ) {}

  send(text: string): void {
    if (this.broken !== undefined) throw this.broken;
    this.sent.push(JSON.parse(text) as Sent);
  }

  close(code?: number): void {
    this.closes.push(code);
    this.readyState = 3;
  }

  addEventListener(type: string, listener: (event: SocketEventLike) => void): void {
    this.#listeners.set(type, listener);
  }

  emit(type: string, more: object = {}): void {
    this.#listeners.get(type)?.({ type, ...more });
  }

  /** Opens, and authorizes whoever asks. */
  welcome(): this {
    this.readyState = 1;
    this.emit('open');
    const [auth] = this.calls('auth');
    if (auth !== undefined) this.answer(auth, { userId: 'opsbot@tc.example.org' });
    return this;
  }

  /** Opens, and answers who authorizes with an error. */
  reject(errorCode: number): void {
    this.readyState = 1;
    this.emit('open');
    const [auth] = this.calls('auth');
    if (auth !== undefined) this.answer(auth, { errorCode });
  }

  calls(method: string): readonly Sent[] {
    return this.sent.filter((frame) => frame.type === 1 && frame.method === method);
  }

  /** The ids that were acknowledged. */
  get acknowledged(): readonly number[] {
    return this.sent.flatMap(({ type, id }) => (type === 2 ? [id] : []));
  }

  tell(frame: unknown): void {
    this.emit('message', { data: typeof frame === 'string' ? frame : JSON.stringify(frame) });
  }

  answer({ id }: Sent, payload: unknown): void {
    this.tell({ type: 2, id, payload });
  }

  /** Answers all calls of a method that have come so far. */
  answerAll(method: string, payload: unknown): void {
    for (const call of this.calls(method)) this.answer(call, payload);
  }

  end(code = 1006): void {
    this.readyState = 3;
    this.emit('close', { code });
  }
}

/** A server whose sockets are moved by hand. `answers` are those to requests for tokens, one each; then there is a token. */
export class HandServer {
  readonly sockets: HandSocket[] = [];
  readonly answers: (() => Response)[] = [];
  /** The paths that were asked for over HTTP. */
  readonly asked: string[] = [];
  readonly WebSocket: WebSocketConstructor;
  readonly fetch: typeof globalThis.fetch;

  constructor() {
    const { sockets, answers, asked } = this;
    this.WebSocket = class extends HandSocket {
      constructor(url: string, protocols: readonly string[]) {
        super(url, protocols);
        sockets.push(this);
      }
    };
    this.fetch = async (input) => {
      asked.push(new URL(input instanceof Request ? input.url : input).pathname);
      const answer = answers.shift();
      return Promise.resolve(
        answer === undefined ? Response.json({ access_token: `token-${asked.length}` }) : answer(),
      );
    };
  }

  get socket(): HandSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('nobody has connected');
    return socket;
  }
}

/** One that is good until the year 2100. */
export const TOKEN = 'e30.eyJleHAiOjQxMDI0NDQ4MDB9.c2ln';
