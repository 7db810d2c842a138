import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import type { ChatError } from 'tidewire';
import { http, type HttpResponse } from '../../../lib/transport/http.js';
import { fetchSending, writeFileAt } from '../../../lib/transport/streams.js';

const CHUNK = new Uint8Array(65_536);
const COUNT = 400;

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};

describe('fetchSending', () => {
  let server: Server;
  let url = '';
  let answer: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const sockets = new Set<Socket>();
  let last: IncomingMessage | undefined;
  let taken = 0;
  let isLeft = false;

  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (taken = 0; taken < COUNT; taken++) {
        yield CHUNK;
        await Promise.resolve();
      }
    } finally {
      isLeft = true;
    }
  };
  const send = async (more = chunks): Promise<HttpResponse> =>
    firstValueFrom(
      http({
        platform: 'desk',
        call: 'upload',
        method: 'POST',
        url,
        fetch: fetchSending(undefined, more, CHUNK.length * COUNT, () => undefined),
      }),
    );

  beforeEach(async () => {
    isLeft = false;
    server = createServer((request, response) => {
      last = request;
      request.on('error', () => undefined);
      answer(request, response);
    });
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  it('sends all chunks, and their length', async () => {
    answer = (request, response) => {
      let length = 0;
      request.on('data', (chunk: Buffer) => (length += chunk.length));
      request.on('end', () => response.end(JSON.stringify([length, request.headers['content-length']])));
    };
    const length = CHUNK.length * COUNT;
    expect((await send()).json()).to.deep.equal([length, String(length)]);
    expect(taken).to.equal(COUNT);
  });

  const early: Readonly<Record<string, typeof answer>> = {
    'and hangs up': (request, response) => {
      response.writeHead(413, { connection: 'close', 'retry-after': '7' }).end('{}');
      request.resume();
    },
    'and cuts the connection': (request, response) => {
      response.writeHead(413, { 'retry-after': '7' }).end('{}', () => request.socket.destroy());
    },
    'and reads nothing': (_, response) => response.writeHead(413, { 'retry-after': '7' }).end('{}'),
    'in halves': (_, response) => response.writeHead(413, { 'content-length': 9, 'retry-after': '7' }).write('{'),
  };
  for (const [how, refuse] of Object.entries(early))
    it(`gives the answer of a server that refuses before it has all, ${how}, and lets everything go`, async () => {
      for (let calls = 0; calls < 10; calls++) {
        answer = refuse;
        const response = await send();
        expect(response.status).to.equal(413);
        expect(response.header('retry-after')).to.equal('7');
        await until(() => isLeft);
        // A server sees the end of what it reads.
        last?.resume();
        await until(() => sockets.size === 0);
        expect(taken).to.be.lessThan(COUNT);
        isLeft = false;
      }
    });

  it('stops, and lets everything go, when a server has what it needs before the end', async () => {
    answer = (_, response) => response.writeHead(200).end('{"ok":true}');
    expect((await send()).json()).to.deep.equal({ ok: true });
    await until(() => isLeft);
    last?.resume();
    await until(() => sockets.size === 0);
  });

  it('is unreachable, and lets the chunks go, when the connection is cut', async () => {
    answer = (request) => {
      request.once('data', () => request.socket.destroy());
    };
    const error = await send().then(
      () => expect.fail('expected an error'),
      (thrown: unknown) => thrown as ChatError,
    );
    expect(error).to.include({ kind: 'unreachable', inDoubt: true });
    await until(() => isLeft);
  });
});

describe('writeFileAt', () => {
  let folder: string;
  const some = async function* (): AsyncGenerator<Uint8Array> {
    await Promise.resolve();
    yield Uint8Array.of(1, 2, 3);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'write-'));
  });
  afterEach(async () => rm(folder, { recursive: true }));

  it('writes a file with the longest name that there is', async () => {
    const path = join(folder, 'я'.repeat(127));
    await writeFile(path, 'old');
    await writeFileAt(path, some());
    expect([...(await readFile(path))]).to.deep.equal([1, 2, 3]);
    expect(await readdir(folder)).to.have.length(1);
  });
});
