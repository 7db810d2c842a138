// The least that a TrueConf server can be, in a process of its own. Sends its port to the parent.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';

interface Frame {
  readonly type: number;
  readonly id: number;
  readonly method?: string;
  readonly payload?: Readonly<Record<string, unknown>>;
}

const CHUNK = Buffer.alloc(65_536, 7);
const EXPIRES_AT = Math.floor(Date.now() / 1_000) + 86_400;

const event = (n: number): string =>
  JSON.stringify({
    method: 'sendMessage',
    type: 1,
    id: n,
    payload: {
      messageId: `5b0e6c1a-3f7d-4c58-9f0e-${n.toString(16).padStart(12, '0')}`,
      chatId: `7d1c0f5e9a3b48c2a6e4d0b1f29387c5e6a1${(n % 1_000).toString(16).padStart(4, '0')}`,
      timestamp: 1_789_000_001_234 + n,
      author: { id: 'mira@tc.example.org', type: 1 },
      isEdited: false,
      box: { id: n, position: '0' },
      type: 200,
      content: { text: 'Is my bicycle repaired?', parseMode: 'text' },
    },
  });

const server = createServer((request, response) => {
  const json = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const url = request.url ?? '';
  if (url.startsWith('/dl/')) {
    let left = Number(url.slice(4));
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': left });
    const more = (): void => {
      while (left > 0) {
        const chunk = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
        left -= chunk.length;
        if (!response.write(chunk)) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
    return;
  }
  request.on('data', () => undefined);
  request.on('end', () => {
    if (url.includes('/oauth/token'))
      json(201, { access_token: 'e30.e30.x', token_type: 'JWT', expires_at: EXPIRES_AT });
    else json(200, { temporalFileId: 'tmp-1' });
  });
});

const serve = (socket: WebSocket): void => {
  let [told, toAcknowledge, waiting] = [0, 0, 0];
  socket.on('message', (data: RawData) => {
    const { type, id, method, payload } = JSON.parse((data as Buffer).toString()) as Frame;
    const answer = (given: unknown): void => {
      socket.send(JSON.stringify({ type: 2, id, payload: given }));
    };
    if (type === 2) {
      if (--toAcknowledge === 0) socket.send(JSON.stringify({ type: 2, id: waiting, payload: { chatId: 'done' } }));
      return;
    }
    switch (method) {
      case 'auth':
        answer({ userId: 'opsbot@tc.example.org', connectionId: 'c-1' });
        return;
      case 'createGroupChat': {
        // Tells so many messages, and answers when all are acknowledged.
        const count = Number(payload?.['title']);
        toAcknowledge = count;
        waiting = id;
        for (let n = 0; n < count; n++) socket.send(event(++told));
        return;
      }
      case 'uploadFile':
        answer({ uploadTaskId: 'task-1' });
        return;
      case 'getFileInfo': {
        const size = Number(payload?.['fileId']);
        const downloadUrl = `http://127.0.0.1/dl/${size}`;
        answer({
          fileId: String(size),
          name: 'a.bin',
          size,
          mimeType: 'application/octet-stream',
          readyState: 2,
          downloadUrl,
        });
        return;
      }
      default:
        answer({ displayName: 'Mira Sample' });
    }
  });
};

const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'json.v1' });
server.on('upgrade', (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, serve);
});
server.listen(0, '127.0.0.1', () => {
  process.send?.((server.address() as AddressInfo).port);
});
process.on('disconnect', () => process.exit(0));
