// Parley on loopback, written from its documentation: it imports nothing of the client or the codec.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';

export interface ParleySimulator {
  readonly url: string;
  /** What was said in each chat, by whom, in order. */
  readonly journal: readonly string[];
  /** How many of the next things go wrong. */
  readonly faults: { throttle: number; duplicate: number };
  /** A customer writes. */
  say(chat: string, text: string): void;
  /** Any frame. */
  tell(frame: object): void;
  /** Cuts all sockets. */
  cut(): void;
  close(): Promise<void>;
}

export const parleySimulator = async (token: string): Promise<ParleySimulator> => {
  const journal: string[] = [];
  const faults = { throttle: 0, duplicate: 0 };
  const frames: { readonly id: string; readonly text: string }[] = [];
  const said = new Map<string, string>();
  const closed = new Set<string>();
  const open = new Set<WebSocket>();
  let ids = 0;

  const send = (socket: WebSocket, text: string): void => {
    if (faults.duplicate > 0) {
      faults.duplicate--;
      socket.send(text);
    }
    socket.send(text);
  };
  const tell = (frame: object): void => {
    const id = `p${++ids}`;
    const text = JSON.stringify({ id, sent_at: Date.now() / 1_000, ...frame });
    frames.push({ id, text });
    for (const socket of open) send(socket, text);
  };

  const server = createServer((request, response) => {
    const answer = (status: number, body: object, headers = {}): void => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    };
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const chat = /^\/chats\/([^/]+)\/messages$/.exec(request.url ?? '')?.[1];
      const { text, key } = JSON.parse(body) as { readonly text: string; readonly key: string };
      if (request.headers.authorization !== `Bearer ${token}`) answer(401, { error: 'token' });
      else if (chat === undefined) answer(404, { error: 'no_such_chat' });
      else if (closed.has(chat)) answer(409, { error: 'chat_closed' });
      else if (faults.throttle > 0) {
        faults.throttle--;
        answer(429, { error: 'slow_down' }, { 'retry-after': '0.05' });
      } else {
        const known = said.get(key);
        if (known === undefined) {
          said.set(key, `p${++ids}`);
          journal.push(`${chat} < ${text}`);
        }
        answer(201, { id: said.get(key) });
      }
    });
  });
  const sockets = new WebSocketServer({ server, path: '/events' });
  sockets.on('connection', (socket) => {
    socket.once('message', (data: RawData) => {
      const hello = JSON.parse((data as Buffer).toString()) as { readonly token: string; readonly after?: string };
      if (hello.token !== token) {
        socket.close(4_001);
        return;
      }
      const from = frames.findIndex(({ id }) => id === hello.after) + 1;
      for (const { text } of frames.slice(from)) send(socket, text);
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    journal,
    faults,
    tell: (frame) => {
      const { type, chat } = frame as { readonly type?: string; readonly chat?: string };
      if (type === 'closed' && chat !== undefined) closed.add(chat);
      tell(frame);
    },
    say: (chat, text) => {
      journal.push(`${chat} > ${text}`);
      tell({ type: 'message', chat, author: { id: chat, name: chat }, text });
    },
    cut: () => {
      for (const socket of sockets.clients) socket.terminate();
    },
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      server.close();
      await once(server, 'close');
    },
  };
};
