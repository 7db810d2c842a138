import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { WebSocketServer, type WebSocket } from 'ws';
import type { TrueconfConnection } from './simulator-connection.js';
import { TrueconfCore, type TrueconfCoreConfig } from './simulator-core.js';
import type { TrueconfFaults } from './simulator-faults.js';
import type { TrueconfAnswer } from './simulator-http.js';
import type { TrueconfJournalEntry } from './simulator-journal.js';

export interface TrueconfSimulatorConfig extends TrueconfCoreConfig {
  /** Default: a free one. */
  readonly port?: number;
  /** Default: `127.0.0.1`. */
  readonly host?: string;
  /** How often the server pings. Default: 5 s. */
  readonly pingMs?: number;
  /** A socket whose client answers no ping for so long is cut. Default: 20 s. */
  readonly pongWithinMs?: number;
}

export interface TrueconfSimulator {
  /** The base of all addresses over HTTP, without a slash at its end. `GET /journal` there gives the journal as JSON. */
  readonly url: string;
  /** The address of the socket. */
  readonly socketUrl: string;
  readonly port: number;
  readonly journal: readonly TrueconfJournalEntry[];
  readonly faults: TrueconfFaults;
  /** Tokens, chats and files behind the network, and what else can be done to them. */
  readonly core: TrueconfCore;
  /** A person on the other side, who is made known when there is none of that name. */
  readonly user: TrueconfCore['user'];
  readonly close: () => Promise<void>;
}

/**
 * A TrueConf server with its chatbot connector on loopback, over real HTTP and WebSocket on one port, without TLS. Follows the
 * official clients, with the recommended reading where they are silent; `TrueconfRules` has the others. For a shell,
 * `POST /say/<name>` says something for a person, and answers with what that person sees soon after.
 *
 * @throws what `TrueconfCore` throws, and the error of Node when the port is taken; as a rejection.
 */
export async function trueconfSimulator(config: TrueconfSimulatorConfig = {}): Promise<TrueconfSimulator> {
  const { port: wanted = 0, host = '127.0.0.1', pingMs = 5_000, pongWithinMs = 20_000, ...rules } = config;
  const { scheduler = asyncScheduler } = rules;
  const core = new TrueconfCore(rules);

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

  const sockets = new WebSocketServer({
    noServer: true,
    autoPong: false,
    handleProtocols: (offered) => (offered.has('json.v1') ? 'json.v1' : false),
  });
  const opened = (socket: WebSocket, connection: TrueconfConnection): void => {
    let heardAt = scheduler.now();
    if (connection.isFrozen) socket.pause();
    const pinging = scheduler.schedule(function () {
      // A half-open connection shows nothing to either side.
      if (connection.isFrozen) return;
      if (scheduler.now() - heardAt >= pongWithinMs) {
        socket.terminate();
        return;
      }
      socket.ping();
      this.schedule(undefined, pingMs);
    }, pingMs);
    socket.on('pong', () => (heardAt = scheduler.now()));
    socket.on('ping', (data) => {
      if (connection.answersPings) socket.pong(data);
    });
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) connection.receive(data.toString());
    });
    // A frame that breaks the protocol closes the socket; that is all there is to know.
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      pinging.unsubscribe();
      connection.closed(code === 1006 ? undefined : code);
    });
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
  const url = `http://${host}:${port}`;
  core.origin = url;

  return {
    url,
    socketUrl: `ws://${host}:${port}/websocket/chat_bot/`,
    port,
    journal: core.journal,
    faults: core.faults,
    core,
    user: (name, more) => core.user(name, more),
    close: async () => {
      core.stop();
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const plain = ({ headers }: IncomingMessage): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );

const say = async (core: TrueconfCore, scheduler: SchedulerLike, name: string, text: string) => {
  const person = core.user(name);
  const before = person.sees().length;
  person.say(text);
  for (let waited = 0; waited < 20 && person.sees().length === before; waited++)
    await new Promise((resolve) => scheduler.schedule(resolve, 100));
  return person.sees().slice(before);
};

const send = (response: ServerResponse, answer: TrueconfAnswer, scheduler: SchedulerLike): void => {
  const { status, headers, body, restAfterMs, isCut } = answer;
  response.writeHead(status, { ...headers, 'content-length': body.length });
  const half = body.length >> 1;
  if (isCut) response.write(body.subarray(0, half), () => response.destroy());
  else if (restAfterMs === undefined) response.end(body);
  else {
    response.write(body.subarray(0, half));
    const rest = scheduler.schedule(() => response.end(body.subarray(half)), restAfterMs);
    response.once('close', () => {
      rest.unsubscribe();
    });
  }
};

const read = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
};
