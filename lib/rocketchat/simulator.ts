import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { asyncScheduler, Observable, type SchedulerLike } from 'rxjs';
import { WebSocketServer, type WebSocket } from 'ws';
import type { RocketchatAnswer } from './simulator-answers.js';
import type { RocketchatConnection } from './simulator-connection.js';
import { RocketchatCore, type RocketchatCoreConfig } from './simulator-core.js';
import type { RocketchatFaults } from './simulator-faults.js';
import type { RocketchatPost, RocketchatPosted } from './simulator-deliveries.js';
import type { RocketchatJournalEntry } from './simulator-journal.js';

export interface RocketchatSimulatorConfig extends RocketchatCoreConfig {
  /** Default: a free one. */
  readonly port?: number;
  /** Default: `127.0.0.1`. */
  readonly host?: string;
}

export interface RocketchatSimulator {
  /** The address of the server, without a slash at its end. `GET /journal` there gives the journal as JSON. */
  readonly url: string;
  /** The address of the socket. */
  readonly socketUrl: string;
  readonly port: number;
  readonly journal: readonly RocketchatJournalEntry[];
  readonly faults: RocketchatFaults;
  /** Users, rooms and sockets behind the network, and what else can be done to them. */
  readonly core: RocketchatCore;
  /** A customer of this name, who is made known when there is none. */
  readonly visitor: RocketchatCore['visitor'];
  /** A person at the desk, who is made known when there is none of that name. */
  readonly agent: RocketchatCore['agent'];
  readonly close: () => Promise<void>;
}

/**
 * A Rocket.Chat server with LiveChat on loopback, over real HTTP and WebSocket on one port, without TLS; its webhooks go out
 * over HTTP. Follows the server's source and its published schemas; where they are silent or versions differ, `RocketchatRules`
 * has the choices. For a shell, `POST /say/<name>` says something for a visitor, and answers with what that visitor sees soon
 * after.
 *
 * @throws what `RocketchatCore` throws, and the error of Node when the port is taken; as a rejection.
 */
export async function rocketchatSimulator(config: RocketchatSimulatorConfig = {}): Promise<RocketchatSimulator> {
  const { port: wanted = 0, host = '127.0.0.1', ...rules } = config;
  const { scheduler = asyncScheduler, post = postOver } = rules;
  const core = new RocketchatCore({ ...rules, post });

  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { url = '/', method = 'GET' } = request;
    if (method === 'GET' && url === '/journal') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(core.journal));
      return;
    }
    const body = await read(request);
    const isLocal = /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '');
    if (method === 'POST' && url.startsWith('/say/') && isLocal) {
      const seen = await say(core, scheduler, decodeURIComponent(url.slice(5)), body.toString());
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(`${seen.join('\n\n')}\n`);
      return;
    }
    const address = request.socket.remoteAddress ?? '';
    const answering = core.request({ method, url, headers: plain(request), body, address }).subscribe({
      next: (answer) => {
        send(response, answer);
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

  const sockets = new WebSocketServer({ noServer: true });
  const opened = (socket: WebSocket, connection: RocketchatConnection): void => {
    if (connection.isFrozen) socket.pause();
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) connection.receive(data.toString());
    });
    // A frame that breaks the protocol closes the socket; that is all there is to know.
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      connection.closed(code === 1006 ? undefined : code);
    });
    core.opened(connection);
  };
  server.on('upgrade', (request: IncomingMessage, tcp: Socket, head: Buffer) => {
    tcp.on('error', () => undefined);
    let socket: WebSocket | undefined;
    const connection = core.connect(
      {
        frame: (text) => socket?.send(text),
        end: (code) => {
          if (code === undefined) tcp.destroy();
          else socket?.close(code);
        },
        // What is not read is not answered, a close frame neither.
        freeze: () => socket?.pause(),
      },
      request.url ?? '/',
    );
    if (typeof connection === 'number') {
      tcp.end(`HTTP/1.1 ${connection} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, tcp, head, (upgraded) => {
      socket = upgraded;
      opened(upgraded, connection);
    });
    if (socket === undefined) connection.closed();
  });

  server.listen(wanted, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://${host}:${port}`,
    socketUrl: `ws://${host}:${port}/websocket`,
    port,
    journal: core.journal,
    faults: core.faults,
    core,
    visitor: (name, more) => core.visitor(name, more),
    agent: (username, more) => core.agent(username, more),
    close: async () => {
      core.stop();
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The way of webhooks out. */
const postOver = ({ url, headers, body }: RocketchatPost): Observable<RocketchatPosted> =>
  new Observable((caller) => {
    const abort = new AbortController();
    const call = async (): Promise<void> => {
      const response = await fetch(url, { method: 'POST', headers, body, signal: abort.signal, redirect: 'manual' });
      caller.next({ status: response.status, body: await response.text() });
      caller.complete();
    };
    call().catch((error: unknown) => {
      caller.error(error);
    });
    return () => {
      abort.abort();
    };
  });

const plain = ({ headers }: IncomingMessage): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );

const say = async (core: RocketchatCore, scheduler: SchedulerLike, name: string, text: string) => {
  const visitor = core.visitor(name);
  const before = visitor.sees().length;
  visitor.say(text);
  for (let waited = 0; waited < 20 && visitor.sees().length === before; waited++)
    await new Promise((resolve) => scheduler.schedule(resolve, 100));
  return visitor.sees().slice(before);
};

const send = (response: ServerResponse, { status, headers, body, isCut }: RocketchatAnswer): void => {
  response.writeHead(status, { ...headers, 'content-length': body.length });
  if (isCut) response.write(body.subarray(0, body.length >> 1), () => response.destroy());
  else response.end(body);
};

const read = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
};
