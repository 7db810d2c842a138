import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { UserlikeCore, type CoreConfig, type JournalEntry } from './simulator-core.js';
import { Deliveries, type UserlikeWebhookFaults } from './simulator-deliveries.js';

export interface UserlikeSimulatorConfig extends Partial<CoreConfig> {
  /** Where the bot listens, and the headers that it wants. */
  readonly webhook: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
  /** The API security token. Default: `simulated-token`. */
  readonly token?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Default: `127.0.0.1`. */
  readonly host?: string;
}

/** How many of the next requests go wrong, and how. */
export interface UserlikeFaults extends UserlikeWebhookFaults {
  /** API requests that are answered 429. */
  throttle?: number;
  /** What `Retry-After` says then, in seconds. Default: 0. */
  retryAfter?: number;
  /** API requests that are answered 500 without effect. */
  fail?: number;
  /** API requests whose connection is reset before, or after, they have their effect. */
  resetBefore?: number;
  resetAfter?: number;
  /** API requests that are never answered. */
  silent?: number;
  /** API requests that are answered after `delayMs`. The effect comes at once. */
  delay?: number;
  /** Default: 1 s. */
  delayMs?: number;
}

type Counted = 'throttle' | 'fail' | 'resetBefore' | 'resetAfter' | 'silent' | 'delay';

/** A contact who writes to the bot. Each call resolves when the bot has answered the webhook, or did not. */
export interface SimulatedContact {
  readonly name: string;
  readonly open: () => Promise<void>;
  readonly say: (text: string) => Promise<void>;
  readonly click: (idOrLabel: string) => Promise<void>;
  readonly upload: (link: string) => Promise<void>;
  readonly locate: (latitude: number, longitude: number) => Promise<void>;
  /** What the contact has seen, oldest first. */
  readonly sees: () => readonly string[];
}

export interface UserlikeSimulator {
  /** The API URL. */
  readonly url: string;
  readonly token: string;
  /** Where people can write from a shell: `POST /say/<channel>/<name>` with a text. */
  readonly home: string;
  readonly journal: readonly JournalEntry[];
  readonly faults: UserlikeFaults;
  /** Whether an operator takes what the bot hands off. Default: true. */
  operatorsAvailable: boolean;
  readonly contact: (name: string, channel: string, data?: Record<string, unknown>) => SimulatedContact;
  readonly close: () => Promise<void>;
}

/**
 * Userlike's chatbot platform on loopback, over real HTTP: calls the bot's webhook and takes calls of its API URL. Follows
 * the public documentation, with the tolerant reading where it is silent. Requests of one session wait for each other.
 */
export async function userlikeSimulator(config: UserlikeSimulatorConfig): Promise<UserlikeSimulator> {
  const { webhook, token = 'simulated-token', port = 0, host = '127.0.0.1' } = config;
  const scheduler: SchedulerLike = config.scheduler ?? asyncScheduler;
  const faults: UserlikeFaults = {};

  const strikes = (fault: Counted): boolean => {
    const left = faults[fault] ?? 0;
    if (left > 0) faults[fault] = left - 1;
    return left > 0;
  };
  const core: UserlikeCore = new UserlikeCore({ ...config, scheduler }, (request) => {
    deliveries.tell(request);
  });
  const deliveries = new Deliveries({ ...webhook, scheduler }, faults, core);

  const contact = (name: string, channel: string, data?: Record<string, unknown>): SimulatedContact => {
    core.contact(name, channel, data);
    const act = async (does: () => void): Promise<void> => {
      does();
      await deliveries.settled(name);
    };
    return {
      name,
      open: async () =>
        act(() => {
          core.open(name);
        }),
      say: async (text) =>
        act(() => {
          core.say(name, text);
        }),
      click: async (option) =>
        act(() => {
          core.click(name, option);
        }),
      upload: async (link) =>
        act(() => {
          core.upload(name, link);
        }),
      locate: async (latitude, longitude) =>
        act(() => {
          core.locate(name, latitude, longitude);
        }),
      sees: () => core.seenBy(name),
    };
  };

  const api = '/api/um/chatbot/v1/731/';
  const call = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.headers['security-token'] !== token) {
      response.writeHead(401).end('{"error":"unauthorized"}');
      return;
    }
    const text = await read(request);
    if (strikes('silent')) return;
    if (strikes('resetBefore')) {
      request.socket.destroy();
      return;
    }
    if (strikes('throttle')) {
      response.writeHead(429, { 'retry-after': String(faults.retryAfter ?? 0) }).end();
      return;
    }
    if (strikes('fail')) {
      response.writeHead(500).end('<html>something went wrong</html>');
      return;
    }
    const { status, body, retryAfterSeconds } = core.call(text);
    if (strikes('resetAfter')) {
      request.socket.destroy();
      return;
    }
    const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
    const answer = (): void => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    };
    if (!strikes('delay')) {
      answer();
      return;
    }
    const late = scheduler.schedule(answer, faults.delayMs ?? 1_000);
    response.once('close', () => {
      late.unsubscribe();
    });
  };
  /** For a shell: says something for a contact, and answers with what the contact sees, also what comes soon after. */
  const say = async (path: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, , channel = 'web', name = 'you'] = path.split('/').map(decodeURIComponent);
    const person = contact(name, channel === 'whatsapp' ? 'whatsapp_business' : channel);
    const before = core.journal.length;
    const heard = (): readonly JournalEntry[] => core.journal.slice(before).filter(({ contact: who }) => who === name);
    const isHeard = ({ kind }: JournalEntry): boolean => kind === 'seen' || kind === 'taken';
    await person.say(await read(request));
    const refused = heard().find((entry) => entry.kind === 'answered' && entry.status >= 300);
    for (let waited = 0; waited < 20 && refused === undefined && !heard().some(isHeard); waited++) {
      await new Promise((resolve) => scheduler.schedule(resolve, 100));
    }
    const said = heard().flatMap((entry) => {
      if (entry.kind === 'taken') return ['(a person has the conversation now)'];
      if (entry.kind === 'answered' && entry.status === 0) return [`(nobody answers at the webhook)`];
      if (entry.kind === 'answered' && entry.status >= 300) return [`(the webhook answered ${entry.status})`];
      if (entry.kind !== 'seen') return [];
      const buttons = entry.buttons.map(({ label }) => `[${label}]`).join(' ');
      return [buttons === '' ? entry.text : `${entry.text}\n${buttons}`];
    });
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(`${said.join('\n\n')}\n`);
  };
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const work =
      request.method !== 'POST'
        ? Promise.resolve(
            void response
              .writeHead(path === '/journal' ? 200 : 404)
              .end(path === '/journal' ? JSON.stringify(core.journal) : ''),
          )
        : path === api
          ? call(request, response)
          : path.startsWith('/say/') && /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '')
            ? say(path, request, response)
            : Promise.resolve(void response.writeHead(404).end());
    work.catch(() => response.writeHead(400).end());
  });
  server.listen(port, host);
  await once(server, 'listening');
  const home = `http://${host}:${(server.address() as AddressInfo).port}`;

  return {
    url: home + api,
    token,
    home,
    journal: core.journal,
    faults,
    get operatorsAvailable() {
      return core.operatorsAvailable;
    },
    set operatorsAvailable(available) {
      core.operatorsAvailable = available;
    },
    contact,
    close: async () => {
      core.stop();
      deliveries.stop();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const read = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > 1_048_576) throw new Error('too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
};
