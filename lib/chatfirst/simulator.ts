import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asyncScheduler, firstValueFrom, type SchedulerLike } from 'rxjs';
import type { ChatfirstAnswer } from './simulator-answers.js';
import { ChatfirstCore, type ChatfirstCoreConfig } from './simulator-core.js';
import type { ChatfirstFaults } from './simulator-faults.js';
import type { ChatfirstJournalEntry } from './simulator-journal.js';
import { realNetwork } from './simulator-network.js';

export interface ChatfirstSimulatorConfig extends ChatfirstCoreConfig {
  /** Default: a free one. */
  readonly port?: number;
  /** Default: `127.0.0.1`. */
  readonly host?: string;
}

/** A request that followed a redirect to the other server. */
export interface ChatfirstStray {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface ChatfirstSimulator {
  /** The base of both generations of the API, without a slash at its end. `GET /journal` there gives the journal as JSON. */
  readonly url: string;
  readonly token: string;
  readonly journal: readonly ChatfirstJournalEntry[];
  readonly faults: ChatfirstFaults;
  /** Tokens, bots, users and bridges behind the HTTP. */
  readonly core: ChatfirstCore;
  /** A person on a messenger that the platform knows itself. */
  readonly user: ChatfirstCore['user'];
  /** Resolves when no scenario, adapter, push or pause is under way any more. */
  readonly idle: () => Promise<void>;
  /** What came to the server that the fault `redirect` leads to. The token must not be there. */
  readonly strayed: readonly ChatfirstStray[];
  readonly close: () => Promise<void>;
}

/**
 * Chatfirst on loopback, over real HTTP: its API, the scenarios of bots, calls of adapters, pushes to bridges, and people on
 * messengers. Follows the official Python client and the public programs that talk to the platform, with the recommended
 * reading where they are silent; `ChatfirstRules` has the others. A push or broadcast is answered when it is under way: what a
 * bridge says to it is in the journal alone. For a shell, `POST /say/<channel>/<user>` says something for a person, and answers
 * with what that person sees.
 *
 * @throws what `ChatfirstCore` throws, and the error of Node when the port is taken; as a rejection.
 */
export async function chatfirstSimulator(config: ChatfirstSimulatorConfig = {}): Promise<ChatfirstSimulator> {
  const { port = 0, host = '127.0.0.1', ...rules } = config;
  const { scheduler = asyncScheduler } = rules;
  const outside = realNetwork();
  const core = new ChatfirstCore({ network: outside.network, ...rules });
  const idle = async (): Promise<void> => firstValueFrom(core.idle(), { defaultValue: undefined });

  const strayed: ChatfirstStray[] = [];
  const elsewhere = createServer((request, response) => {
    const { method = 'GET', url = '/', headers } = request;
    strayed.push({ method, url, headers });
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"Count":0,"Messages":[]}');
  });
  core.faults.api.redirectTo = `${await listen(elsewhere, 0, host)}/elsewhere`;

  const say = async (place: string, text: string): Promise<string> => {
    const [channel = '', id = ''] = place.split('/').map(decodeURIComponent);
    const person = core.user(id, { channel });
    const before = person.sees().length;
    person.say(text);
    await idle();
    const buttons = person.buttons().map((label) => `[${label}]`);
    return `${[...person.sees().slice(before), buttons.join(' ')].filter((line) => line !== '').join('\n\n')}\n`;
  };
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { url = '/', method = 'GET' } = request;
    if (method === 'GET' && url === '/journal') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(core.journal));
      return;
    }
    const body = await read(request);
    const isLocal = /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '');
    if (method === 'POST' && url.startsWith('/say/') && isLocal) {
      const seen = await say(url.slice(5), body ?? '').catch(() => undefined);
      response.writeHead(seen === undefined ? 404 : 200, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(seen ?? 'nobody can write there\n');
      return;
    }
    const answering = core.request({ method, url, headers: plain(request), body }).subscribe({
      next: (answer) => {
        send(response, answer, scheduler);
      },
      error: () => {
        request.socket.resetAndDestroy();
      },
    });
    response.once('close', () => {
      answering.unsubscribe();
    });
  };
  const server = createServer((request, response) => {
    // A request that broke off has nobody to be answered to.
    take(request, response).catch(() => request.socket.destroy());
  });
  const url = await listen(server, port, host).catch(async (error: unknown) => {
    await stop(elsewhere);
    throw error;
  });

  return {
    url,
    token: core.token,
    journal: core.journal,
    faults: core.faults,
    core,
    user: (id, where) => core.user(id, where),
    idle,
    strayed,
    close: async () => {
      core.stop();
      outside.close();
      await Promise.all([server, elsewhere].map(stop));
    },
  };
}

const listen = async (server: Server, port: number, host: string): Promise<string> => {
  server.listen(port, host);
  await once(server, 'listening');
  return `http://${host}:${(server.address() as AddressInfo).port}`;
};

const stop = async (server: Server): Promise<void> => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
};

const plain = ({ headers }: IncomingMessage): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );

const send = (response: ServerResponse, answer: ChatfirstAnswer, scheduler: SchedulerLike): void => {
  const { status, headers, restAfterMs, isCut } = answer;
  const body = Buffer.from(answer.body);
  // An answer without a body has no length of one either.
  response.writeHead(status, status === 204 ? headers : { ...headers, 'content-length': body.length });
  const half = body.length >> 1;
  if (isCut === true) response.write(body.subarray(0, half), () => response.destroy());
  else if (restAfterMs === undefined) response.end(body);
  else {
    response.write(body.subarray(0, half));
    const rest = scheduler.schedule(() => response.end(body.subarray(half)), restAfterMs);
    response.once('close', () => {
      rest.unsubscribe();
    });
  }
};

const MOST_BYTES = 1_048_576;

/** The whole body, or nothing when there is too much of it. */
const read = async (request: IncomingMessage): Promise<string | undefined> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // The rest is read and thrown away: a client that is cut off while it writes sees no answer.
    if (length <= MOST_BYTES) chunks.push(chunk);
  }
  return length <= MOST_BYTES ? Buffer.concat(chunks).toString() : undefined;
};
