import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { refusal, refusedWith, type FluidtalkAnswer } from './simulator-answers.js';
import { FluidtalkCore, type FluidtalkCoreConfig } from './simulator-core.js';
import type { FluidtalkFaults } from './simulator-faults.js';
import type { FluidtalkJournalEntry } from './simulator-journal.js';

export interface FluidtalkSimulatorConfig extends FluidtalkCoreConfig {
  /** Default: a free one. */
  readonly port?: number;
  /** Default: `127.0.0.1`. */
  readonly host?: string;
}

/** A request that followed a redirect to the other server. */
export interface FluidtalkStray {
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface FluidtalkSimulator {
  /** The base URL, without a slash at its end. `GET /journal` there gives the journal as JSON. */
  readonly url: string;
  readonly key: string;
  readonly journal: readonly FluidtalkJournalEntry[];
  readonly faults: FluidtalkFaults;
  /** Keys, scripts and conversations behind the HTTP. */
  readonly core: FluidtalkCore;
  /** What came to the server that the fault `redirect` leads to. The key must not be there. */
  readonly strayed: readonly FluidtalkStray[];
  readonly close: () => Promise<void>;
}

/**
 * FluidTalk's Handshake API on loopback, over real HTTP: chat, action and upload, both forms of body. Follows the official
 * client and its readme, with the recommended reading where they are silent; `FluidtalkRules` has the others.
 *
 * @throws what `FluidtalkCore` throws, and the error of Node when the port is taken; as a rejection.
 */
export async function fluidtalkSimulator(config: FluidtalkSimulatorConfig = {}): Promise<FluidtalkSimulator> {
  const { port = 0, host = '127.0.0.1', scheduler = asyncScheduler, maxFileBytes = 10_000_000 } = config;
  const strayed: FluidtalkStray[] = [];
  const elsewhere = createServer((request, response) => {
    strayed.push({ url: request.url ?? '/', headers: request.headers });
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"reply":"you followed","replies":[]}');
  });
  const core = new FluidtalkCore(config);
  core.faults.redirectTo = `${await listen(elsewhere, 0, host)}/elsewhere`;

  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { url = '/', headers } = request;
    if (request.method === 'GET' && url === '/journal') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(core.journal));
      return;
    }
    const body = await read(request, maxFileBytes + 1_000_000);
    if (request.method !== 'POST') {
      send(response, refusedWith(refusal(405)), scheduler);
      return;
    }
    const key = typeof headers['x-api-key'] === 'string' ? headers['x-api-key'] : '';
    const contentType = headers['content-type'] ?? '';
    const answer$ = body === undefined ? core.tooLarge(url, key) : core.request({ url, key, contentType, body });
    const answering = answer$.subscribe({
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
    key: core.key,
    journal: core.journal,
    faults: core.faults,
    core,
    strayed,
    close: async () => {
      core.stop();
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

const send = (response: ServerResponse, answer: FluidtalkAnswer, scheduler: SchedulerLike): void => {
  const { status, headers, restAfterMs, cut } = answer;
  const body = Buffer.from(answer.body);
  response.writeHead(status, { ...headers, 'content-length': body.length });
  const half = body.length >> 1;
  if (cut) response.write(body.subarray(0, half), () => response.destroy());
  else if (restAfterMs === undefined) response.end(body);
  else {
    response.write(body.subarray(0, half));
    const rest = scheduler.schedule(() => response.end(body.subarray(half)), restAfterMs);
    response.once('close', () => {
      rest.unsubscribe();
    });
  }
};

/** The whole body, or nothing when there is too much of it. */
const read = async (request: IncomingMessage, limit: number): Promise<Uint8Array | undefined> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // The rest is read and thrown away: a client that is cut off while it writes sees no answer.
    if (length <= limit) chunks.push(chunk);
  }
  return length <= limit ? Buffer.concat(chunks) : undefined;
};
