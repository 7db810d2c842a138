import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { fetch as crossFetch } from 'cross-fetch';
import { firstValueFrom } from 'rxjs';
import type { ChatError } from 'tidewire';
import { http, type HttpRequest, type HttpResponse } from '../../../lib/transport/http.js';
import { retryAfter, statusError } from '../../../lib/transport/transport-error.js';

const SECRET = 'tok-3f9a1c';

for (const [name, fetch] of [
  ['cross-fetch', crossFetch],
  ['the native fetch', globalThis.fetch],
] as const) {
  describe(`http with ${name}`, () => {
    let server: Server;
    let url = '';
    let answer: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
    const sockets = new Set<Socket>();

    before((done) => {
      server = createServer((request, response) => {
        answer(request, response);
      });
      server.on('connection', (socket: Socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
      });
      server.listen(0, '127.0.0.1', () => {
        url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${SECRET}`;
        done();
      });
    });
    after((done) => {
      for (const socket of sockets) socket.destroy();
      server.close(done);
    });

    const call = async (more: Partial<HttpRequest> = {}): Promise<HttpResponse> =>
      firstValueFrom(
        http({ platform: 'desk', call: 'send', method: 'POST', url, headers: { token: SECRET }, fetch, ...more }),
      );
    const failure = async (more: Partial<HttpRequest> = {}): Promise<ChatError> => {
      const error = await call(more).then(
        () => expect.fail('expected an error'),
        (thrown: unknown) => thrown as ChatError,
      );
      const told = [
        error.message,
        error.stack,
        JSON.stringify(error),
        inspect(error, { depth: Infinity, showHidden: true }),
      ];
      expect(told.join('\n')).not.to.include(SECRET);
      return error;
    };

    it('sends the body and gives back status, headers and body', async () => {
      answer = (request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          response.writeHead(201, { 'X-Seen': request.headers['token'] ?? '' });
          response.end(JSON.stringify({ got: Buffer.concat(chunks).toString(), method: request.method }));
        });
      };
      const response = await call({ body: 'grüße 👋' });
      expect(response.status).to.equal(201);
      expect(response.header('x-seen')).to.equal(SECRET);
      expect(response.header('x-missing')).to.equal(undefined);
      expect(response.json()).to.deep.equal({ got: 'grüße 👋', method: 'POST' });
      expect((await call({ body: new TextEncoder().encode('bytes') })).json()).to.deep.include({ got: 'bytes' });
    });

    it('reads an empty body, one that is no JSON, and a compressed one', async () => {
      answer = (_, response) => response.end();
      expect((await call()).text()).to.equal('');
      answer = (_, response) => response.end('<html>');
      expect((await call()).json()).to.equal(undefined);
      answer = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"a":1}'));
      expect((await call()).json()).to.deep.equal({ a: 1 });
    });

    it('is unreachable, and not in doubt, when nobody listens', async () => {
      const gone = createServer().listen(0, '127.0.0.1');
      await once(gone, 'listening');
      const { port } = gone.address() as AddressInfo;
      gone.close();
      await once(gone, 'close');
      const error = await failure({ url: `http://127.0.0.1:${port}/${SECRET}` });
      expect(error).to.include({ kind: 'unreachable', inDoubt: false, retryable: true, reason: 'ECONNREFUSED' });
    });

    it('is unreachable, and in doubt, when the connection is reset before the answer', async () => {
      answer = (request) => request.socket.destroy();
      expect(await failure()).to.include({ kind: 'unreachable', inDoubt: true });
      expect(await failure({ method: 'GET' })).to.include({ kind: 'unreachable', inDoubt: false });
    });

    it('ends when the body is cut in the middle, by an error or the time limit', async () => {
      answer = (request, response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('half');
        setImmediate(() => request.socket.destroy());
      };
      expect((await failure({ timeoutMs: 300 })).inDoubt).to.equal(true);
    });

    it('is in doubt when there is no answer in time, for headers and for the body', async () => {
      answer = () => undefined;
      expect(await failure({ timeoutMs: 40 })).to.include({ kind: 'timeout', inDoubt: true });
      answer = (_, response) => {
        response.writeHead(200);
        response.write('slow');
      };
      const error = await failure({ timeoutMs: 60 });
      expect(error).to.include({ kind: 'timeout', inDoubt: true });
      expect(error.message).to.equal('desk: send had no answer within 60 ms');
    });

    it('refuses a body that is too large, declared or not', async () => {
      answer = (_, response) => response.end('x'.repeat(2_000));
      expect(await failure({ maxBytes: 1_000 })).to.include({ kind: 'overflow', inDoubt: true });
      answer = (_, response) => {
        response.write('x'.repeat(900));
        response.end('x'.repeat(900));
      };
      expect(await failure({ maxBytes: 1_000 })).to.include({ kind: 'overflow', inDoubt: true });
    });

    it('follows no redirect', async () => {
      answer = (request, response) => {
        response.writeHead(request.url === '/elsewhere' ? 200 : 302, { location: '/elsewhere' }).end();
      };
      expect(await failure()).to.include({ kind: 'undecodable', inDoubt: true });
    });

    it('sends when subscribed, and aborts when unsubscribed', async () => {
      let seen = 0;
      const closed = new Promise<void>((resolve) => {
        answer = (request) => {
          seen++;
          request.socket.once('close', resolve);
          subscription.unsubscribe();
        };
      });
      const cold = http({ platform: 'desk', call: 'send', method: 'POST', url, fetch });
      expect(seen).to.equal(0);
      const subscription = cold.subscribe({ error: () => expect.fail('an aborted call is silent') });
      await closed;
      expect(seen).to.equal(1);
    });
  });
}

describe('statusError', () => {
  const of = (status: number, retry?: string): ChatError =>
    statusError('desk', 'send', { status, header: () => retry }, Date.parse('2025-01-01T00:00:00Z'));

  it('names what a status means', () => {
    expect(
      [400, 401, 403, 404, 408, 409, 429, 500, 503, 304].map((status) => [status, of(status).kind, of(status).inDoubt]),
    ).to.deep.equal([
      [400, 'refused', false],
      [401, 'unauthorized', false],
      [403, 'unauthorized', false],
      [404, 'refused', false],
      [408, 'timeout', true],
      [409, 'conflict', false],
      [429, 'throttled', false],
      [500, 'unreachable', true],
      [503, 'unreachable', false],
      [304, 'undecodable', true],
    ]);
  });

  it('reads Retry-After as seconds or as a date', () => {
    expect(of(429, '7').retryAfterMs).to.equal(7_000);
    expect(of(429, 'Wed, 01 Jan 2025 00:00:09 GMT').retryAfterMs).to.equal(9_000);
    expect(of(429, 'Wed, 01 Jan 2020 00:00:09 GMT').retryAfterMs).to.equal(0);
    expect(of(429, 'soon').retryAfterMs).to.equal(undefined);
    expect(retryAfter('', 0)).to.equal(undefined);
  });
});
