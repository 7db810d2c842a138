import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mergeMap, Subject, timer, type Observable } from 'rxjs';
import {
  dedupe,
  openAccounts,
  react,
  type InboundEvent,
  type OutboundAction,
  type Ownership,
  type Receipt,
  type Replies,
} from 'tidewire';
import {
  fromUserlike,
  toUserlike,
  userlikeClient,
  userlikeWebhook,
  type UserlikeWebhookConfig,
} from 'tidewire/userlike';

export const HOOK_SECRET = 'wh-5b1c9f2e';
export const API_SECRET = 'api-77d0c3aa';

export interface WireCall {
  readonly token: string | undefined;
  readonly body: unknown;
}

/** A webhook on a real server, a handler, and an API that writes down what it gets: nothing of the simulator. */
export class WebhookDesk {
  readonly accounts = openAccounts({ unattendedMs: 200 });
  readonly receipts: Receipt[] = [];
  readonly calls: WireCall[] = [];
  readonly told = new Subject<string>();
  readonly webhook;
  readonly actions = new Subject<OutboundAction>();
  answer: (response: ServerResponse, n: number) => void = (response) => response.end();
  readonly #servers: Server[] = [];
  url = '';

  constructor(config: Partial<UserlikeWebhookConfig> = {}) {
    this.webhook = userlikeWebhook({
      headers: { 'API-SECURITY-TOKEN': HOOK_SECRET },
      accounts: this.accounts,
      directAnswerMs: 300,
      ...config,
    });
  }

  async start(
    handler: (event: InboundEvent) => Replies,
    through = (events: Observable<InboundEvent>) => events.pipe(dedupe()),
    desk?: Ownership,
  ): Promise<this> {
    const api = await this.#listen((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const token = request.headers['security-token'];
        this.calls.push({
          token: typeof token === 'string' ? token : undefined,
          body: JSON.parse(Buffer.concat(chunks).toString()),
        });
        this.answer(response, this.calls.length);
      });
    });
    this.url = await this.#listen(this.webhook.node);
    const client = userlikeClient({ url: `${api}/v1/bot`, token: API_SECRET, timeoutMs: 2_000 });
    const sink = toUserlike({ client, webhook: this.webhook, ...(desk !== undefined && { desk }) });
    fromUserlike({ webhook: this.webhook })
      .pipe(through, react(handler), sink)
      .subscribe((receipt) => this.receipts.push(receipt));
    this.actions.pipe(toUserlike({ client })).subscribe((receipt) => this.receipts.push(receipt));
    return this;
  }

  async post(
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: unknown; text: string; headers: Headers }> {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'api-security-token': HOOK_SECRET, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return {
      status: response.status,
      text,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
      headers: response.headers,
    };
  }

  async stop(): Promise<void> {
    this.actions.complete();
    await this.webhook.drain(1_000);
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  }

  async #listen(handler: Parameters<typeof createServer>[1]): Promise<string> {
    const server = createServer(handler as () => void);
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
}

/** A webhook request as the platform sends it. */
export const request = (name: string, payload: object = {}, cid = 'chatbot::1:aa', channel = 'web'): object => ({
  info: {
    cid,
    approach_mode: 'normal',
    contact: {},
    context: {},
    conversation: { contact_channel: { state: 'valid', type: channel } },
    widget: {},
  },
  packet: { name, payload },
});

/** What the events of an answer or request say, in short. */
export const saidIn = (body: unknown): readonly string[] =>
  (body === undefined ? [] : Array.isArray(body) ? body : [body]).map(
    (event: { packet: { name: string; payload: { body?: string } } }) =>
      event.packet.payload.body === undefined ? event.packet.name : event.packet.payload.body,
  );

/** `value` after some milliseconds of real time. */
export const later = <T>(ms: number, value: T): Observable<T> => timer(ms).pipe(mergeMap(() => [value]));
