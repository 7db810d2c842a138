import { trueconfCore, type TrueconfAnswer, type TrueconfCore, type TrueconfCoreConfig } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';

export type Payload = Readonly<Record<string, unknown>>;
export interface Frame {
  readonly type: number;
  readonly id: number;
  readonly method?: string;
  readonly payload?: Payload;
}

/** A bot at the other end of a connection that needs no network. Acknowledges nothing by itself. */
export class Bot {
  readonly texts: string[] = [];
  readonly ends: (number | undefined)[] = [];
  readonly connection;
  #id = 0;

  constructor(
    readonly core: TrueconfCore,
    url?: string,
  ) {
    const peer = { frame: (text: string) => this.texts.push(text), end: (code?: number) => this.ends.push(code) };
    const connection = core.connect(peer, url);
    if (typeof connection === 'number') throw new Error(`refused with ${connection}`);
    this.connection = connection;
  }

  /** One that is authorized. */
  static in(core: TrueconfCore, more: Payload = {}, login?: string): Bot {
    const bot = new Bot(core);
    bot.call('auth', { token: core.issueToken(login), tokenType: 'JWT', ...more });
    return bot;
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

  get events(): readonly Frame[] {
    return this.frames.filter(({ type }) => type === 1);
  }

  /** The methods of all events. */
  get methods(): readonly string[] {
    return this.events.map(({ method = '' }) => method);
  }

  /** The texts of the messages that were told. */
  get heard(): readonly string[] {
    return this.events.flatMap(({ method, payload }) =>
      method === 'sendMessage' ? [String((payload?.['content'] as Payload)['text'])] : [],
    );
  }

  /** Sends a request; its id. */
  send(method: string, payload: unknown = {}, id = ++this.#id): number {
    this.connection.receive(JSON.stringify({ type: 1, id, method, payload }));
    return id;
  }

  answerTo(id: number): Frame | undefined {
    return this.frames.filter((frame) => frame.type === 2 && frame.id === id).at(-1);
  }

  /** Sends a request; the payload of its answer, empty where there is none. */
  call(method: string, payload: unknown = {}): Payload {
    return this.answerTo(this.send(method, payload))?.payload ?? {};
  }

  /** Sends a request; the code of its answer, or nothing without an answer. */
  code(method: string, payload: unknown = {}): number | undefined {
    const answer = this.answerTo(this.send(method, payload));
    return answer && Number(answer.payload?.['errorCode'] ?? 0);
  }

  say(chatId: string, text: string): string {
    return String(this.call('sendMessage', { chatId, content: { text, parseMode: 'text' } })['messageId']);
  }

  acknowledge(id: number): void {
    this.connection.receive(JSON.stringify({ type: 2, id }));
  }

  acknowledgeAll(): void {
    for (const { id } of this.events) this.acknowledge(id);
  }
}

/** A server in virtual time with a bot and a person. */
export const stage = (config: TrueconfCoreConfig = {}) => {
  const clock = virtualClock();
  const core = trueconfCore({ scheduler: clock, ...config });
  const bot = Bot.in(core);
  const mira = core.user('mira', { displayName: 'Mira Sample' });
  return { clock, core, bot, mira };
};

export interface Http {
  readonly status: number;
  readonly body: unknown;
  readonly answer: TrueconfAnswer;
}

const decode = (body: Uint8Array): unknown => {
  const text = Buffer.from(body).toString();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

/** Makes a request over HTTP; what came of it so far. */
export const http = (
  core: TrueconfCore,
  method: string,
  url: string,
  { headers = {}, body = '' }: { readonly headers?: Record<string, string>; readonly body?: string | Uint8Array } = {},
): { http?: Http; error?: unknown } => {
  const result: { http?: Http; error?: unknown } = {};
  core.request({ method, url, headers, body: Buffer.from(body) }).subscribe({
    next: (answer) => (result.http = { status: answer.status, body: decode(answer.body), answer }),
    error: (error: unknown) => (result.error = error),
  });
  return result;
};

export const askToken = (core: TrueconfCore, change: Payload = {}) =>
  http(core, 'POST', '/bridge/api/client/v1/oauth/token', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_id: 'chat_bot',
      grant_type: 'password',
      username: 'opsbot',
      password: 's3cret-42',
      ...change,
    }),
  });

/** A multipart body with one part for each entry. */
export const multipart = (
  parts: readonly { readonly name: string; readonly fileName: string; readonly type: string; readonly text: string }[],
): string =>
  parts
    .map(
      ({ name, fileName, type, text }) =>
        `--XX\r\nContent-Disposition: form-data; name="${name}"; filename="${fileName}"\r\nContent-Type: ${type}\r\n\r\n${text}\r\n`,
    )
    .join('') + '--XX--\r\n';

export const upload = (core: TrueconfCore, task: unknown, body: string) =>
  http(core, 'POST', '/bridge/api/client/v1/files', {
    headers: { 'upload-task-id': String(task), 'content-type': 'multipart/form-data; boundary=XX' },
    body,
  });

/** The three steps, two of them. */
export const uploaded = (bot: Bot, fileName: string, type: string, text: string, preview?: string): string => {
  const { uploadTaskId } = bot.call('uploadFile', { fileSize: Buffer.byteLength(text), fileName });
  const parts = [{ name: 'file', fileName, type, text }];
  if (preview !== undefined) parts.push({ name: 'preview', fileName: 'p.webp', type: 'image/webp', text: preview });
  const { http: answer } = upload(bot.core, uploadTaskId, multipart(parts));
  return String((answer?.body as Payload)['temporalFileId']);
};
