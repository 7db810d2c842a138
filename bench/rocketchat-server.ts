// The least that a Rocket.Chat server can be, in a process of its own. Sends its port to the parent, and tells what it is asked for.
import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';

/** So many messages over the socket of this user, in so many rooms. */
export interface Telling {
  readonly to: string;
  readonly count: number;
  readonly rooms: number;
}

interface Frame {
  readonly msg: string;
  readonly id?: string;
  readonly name?: string;
  readonly params?: readonly unknown[];
}

/** A ping comes with so many messages. */
const PING_EVERY = 1_000;
const PIECE = 512;

const idOf = (prefix: string, n: number): string => prefix + n.toString(36).padStart(16, '0');

/** As a server writes it: not masked. */
const framed = (text: string): Buffer => {
  const payload = Buffer.from(text);
  const head = payload.length < 126 ? Buffer.from([0x81, payload.length]) : Buffer.from([0x81, 126, 0, 0]);
  if (payload.length >= 126) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
};

let messages = 0;
const message = (rooms: number): string => {
  const n = ++messages;
  const now = Date.now();
  const visitor = n % rooms;
  return JSON.stringify({
    msg: 'changed',
    collection: 'stream-room-messages',
    id: 'id',
    fields: {
      eventName: '__my_messages__',
      args: [
        {
          _id: idOf('m', n),
          rid: idOf('r', visitor),
          msg: 'Where is my parcel?',
          token: createHash('md5').update(String(visitor)).digest('hex'),
          alias: 'Dana Okoro',
          ts: { $date: now },
          u: { _id: idOf('v', visitor), username: `guest-${visitor}`, name: 'Dana Okoro' },
          _updatedAt: { $date: now },
          urls: [],
          mentions: [],
          channels: [],
        },
        { roomParticipant: true, roomType: 'l' },
      ],
    },
  });
};

/** All of it in a few pieces, so that the one who tells costs next to nothing. */
const piecesOf = ({ count, rooms }: Telling): readonly Buffer[] => {
  const pieces: Buffer[] = [];
  for (let from = 0; from < count; from += PIECE) {
    const frames: Buffer[] = [];
    for (let n = from; n < Math.min(from + PIECE, count); n++) {
      if (n % PING_EVERY === 0) frames.push(framed('{"msg":"ping"}'));
      frames.push(framed(message(rooms)));
    }
    pieces.push(Buffer.concat(frames));
  }
  return pieces;
};

const connections = new Map<string, Duplex>();
let pongs = 0;

const serve = (socket: WebSocket, connection: Duplex): void => {
  const send = (frame: unknown): void => {
    socket.send(JSON.stringify(frame));
  };
  socket.on('message', (data: RawData) => {
    const { msg, id, params } = JSON.parse((data as Buffer).toString()) as Frame;
    switch (msg) {
      case 'connect':
        send({ msg: 'connected', session: 's-1' });
        return;
      case 'method': {
        const [{ resume }] = params as [{ readonly resume: string }];
        connections.set(resume, connection);
        send({ msg: 'result', id, result: { id: resume, token: resume } });
        return;
      }
      case 'sub':
        send({ msg: 'ready', subs: [id] });
        return;
      case 'pong':
        pongs++;
        return;
      default:
    }
  });
};

const end = (response: ServerResponse, answer: unknown): void => {
  const body = JSON.stringify(answer);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
};
const server = createServer((request, response) => {
  // Which rooms there are is asked for once, when the socket tells.
  if (request.method === 'GET') {
    end(response, { rooms: [], count: 0, offset: 0, total: 0, success: true });
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { _id, rid, msg, token } = JSON.parse(Buffer.concat(chunks).toString()) as Readonly<Record<string, string>>;
    const at = new Date().toISOString();
    const u = { _id: 'v-1', username: 'guest-1', name: 'Dana Okoro' };
    const said = { _id, rid, msg, token, alias: 'Dana Okoro', ts: at, u, _updatedAt: at, urls: [], mentions: [] };
    end(response, { message: said, success: true });
  });
});
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
server.on('upgrade', (request, connection, head) => {
  sockets.handleUpgrade(request, connection, head, (socket) => {
    serve(socket, connection);
  });
});

let prepared: { readonly to: string; readonly pieces: readonly Buffer[] } | undefined;
process.on('message', (asked: Telling | 'tell' | 'pongs') => {
  if (asked === 'tell') {
    const { to = '', pieces = [] } = prepared ?? {};
    prepared = undefined;
    for (const piece of pieces) connections.get(to)?.write(piece);
  } else if (asked === 'pongs') process.send?.(pongs);
  else {
    prepared = { to: asked.to, pieces: piecesOf(asked) };
    process.send?.('prepared');
  }
});
server.listen(0, '127.0.0.1', () => {
  process.send?.((server.address() as AddressInfo).port);
});
process.on('disconnect', () => process.exit(0));
