import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

/** A request as it was on the wire. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object goes out as JSON. */
  readonly body?: unknown;
}
export type Script = (asked: Asked) => Answer | Promise<Answer> | 'silence' | 'hang up';

type Frame = Readonly<Record<string, unknown>>;
/** What a socket of the server does with a frame. Without, it greets, logs in, subscribes and answers whatever comes. */
export type FrameScript = (frame: Frame, peer: Peer) => boolean;

/** A client's socket, at the server. */
export class Peer {
  readonly frames: Frame[] = [];
  constructor(readonly ws: WebSocket) {}

  send(frame: Frame): void {
    this.ws.send(JSON.stringify(frame));
  }
  event(stream: string, eventName: string, ...args: unknown[]): void {
    this.send({ msg: 'changed', collection: `stream-${stream}`, id: 'id', fields: { eventName, args } });
  }
  /** The ids of the subscriptions to an event. */
  subs(eventName: string): readonly string[] {
    return this.frames.flatMap((frame) =>
      frame['msg'] === 'sub' && (frame['params'] as unknown[])[0] === eventName ? [String(frame['id'])] : [],
    );
  }
}

/** A server that says what the spec tells it to, over HTTP and WebSocket. */
export class ScriptedServer {
  readonly asked: Asked[] = [];
  readonly peers: Peer[] = [];
  script: Script = () => ({ body: { success: true } });
  onFrame: FrameScript = () => false;
  userId = 'aGt9SwEdR4fVb6HyN';
  readonly #server: Server;
  readonly #sockets: WebSocketServer;

  private constructor(server: Server, sockets: WebSocketServer) {
    this.#server = server;
    this.#sockets = sockets;
  }

  static async start(): Promise<ScriptedServer> {
    const server = createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const { method = '', url: path = '', headers } = incoming;
        const asked = { method, path, headers, body: Buffer.concat(chunks).toString('latin1') };
        scripted.asked.push(asked);
        const answer = scripted.script(asked);
        if (answer === 'silence') return;
        if (answer === 'hang up') {
          response.destroy();
          return;
        }
        void Promise.resolve(answer).then(({ status = 200, headers: more = {}, body }) => {
          const isText = typeof body === 'string';
          response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json', ...more });
          response.end(isText ? body : JSON.stringify(body));
        });
      });
    });
    const sockets = new WebSocketServer({ server, path: '/websocket' });
    const scripted = new ScriptedServer(server, sockets);
    sockets.on('connection', (ws) => {
      scripted.#welcome(new Peer(ws));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return scripted;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  get peer(): Peer {
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error('nobody is connected');
    return peer;
  }

  async close(): Promise<void> {
    for (const ws of this.#sockets.clients) ws.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #welcome(peer: Peer): void {
    this.peers.push(peer);
    peer.ws.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame;
      peer.frames.push(frame);
      if (this.onFrame(frame, peer)) return;
      const { msg, id } = frame;
      if (msg === 'connect') {
        peer.send({ server_id: '0' });
        peer.send({ msg: 'connected', session: 's9KdLw2QpXn7Tz4Rb' });
      } else if (msg === 'ping') peer.send({ msg: 'pong' });
      else if (msg === 'sub') peer.send({ msg: 'ready', subs: [id] });
      else if (msg === 'unsub') peer.send({ msg: 'nosub', id });
      else if (msg === 'method') {
        const isLogin = frame['method'] === 'login';
        const fields = { username: 'helper.bot' };
        if (isLogin) peer.send({ msg: 'added', collection: 'users', id: this.userId, fields });
        peer.send({ msg: 'updated', methods: [id] });
        peer.send({ msg: 'result', id, ...(isLogin && { result: { id: this.userId, token: 't', type: 'resume' } }) });
      }
    });
  }
}

export const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};
