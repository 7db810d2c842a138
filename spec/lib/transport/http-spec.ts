import { once } from 'node:events';
import nodeHttp, { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { firstValueFrom, VirtualTimeScheduler } from 'rxjs';
import type { ChatError } from 'tidewire';
import { defaultFetch } from '../../../lib/transport/fetch.js';
import { http, type HttpRequest, type HttpResponse } from '../../../lib/transport/http.js';
import { multipart } from '../../../lib/transport/multipart.js';
import { retryAfter, statusError, transportError } from '../../../lib/transport/transport-error.js';

const SECRET = 'tok-3f9a1c';

for (const [name, fetch] of [
  ['cross-fetch', defaultFetch],
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

    for (const length of [{ 'content-length': '1000' }, { 'transfer-encoding': 'chunked' }]) {
      it(`is in doubt when the body is cut in the middle, with ${Object.keys(length).join()}`, async () => {
        answer = (request, response) => {
          response.writeHead(200, length);
          response.write('half', () => request.socket.destroy());
        };
        const { kind, inDoubt, reason } = await failure();
        expect({ kind, inDoubt }).to.deep.equal({ kind: 'unreachable', inDoubt: true });
        if (fetch === defaultFetch) expect(reason).to.match(/^(ECONNRESET|ERR_STREAM_PREMATURE_CLOSE)$/);
        expect(await failure({ method: 'GET' })).to.include({ kind: 'unreachable', inDoubt: false });
        const into: HttpRequest['into'] = async (chunks) => {
          for await (const chunk of chunks) expect(String(Buffer.from(chunk))).to.equal('half');
        };
        expect(await failure({ into })).to.include({ kind: 'unreachable', inDoubt: true });
      });
    }

    it('is in doubt when there is no answer in time, for headers and for the body', async () => {
      answer = () => undefined;
      expect(await failure({ timeoutMs: 40 })).to.include({ kind: 'timeout', inDoubt: true });
      answer = (_, response) => {
        response.writeHead(200);
        // A byte now and then does not prolong it.
        const drip = setInterval(() => response.write('s'), 10);
        response.on('close', () => {
          clearInterval(drip);
        });
      };
      const error = await failure({ timeoutMs: 60 });
      expect(error).to.include({ kind: 'timeout', inDoubt: true });
      expect(error.message).to.equal('desk: send had no answer within 60 ms');
    });

    it('refuses a body that is too large, declared or not', async () => {
      answer = (_, response) => response.end('x'.repeat(2_000));
      expect(await failure({ maxBytes: 1_000 })).to.include({ kind: 'overflow', inDoubt: true });
      answer = (_, response) => {
        response.writeHead(200, { 'content-length': '2000' }).flushHeaders();
      };
      expect(await failure({ maxBytes: 1_000, timeoutMs: 1_000 })).to.include({ kind: 'overflow' });
      answer = (_, response) => {
        response.write('x'.repeat(900));
        response.end('x'.repeat(900));
      };
      expect(await failure({ maxBytes: 1_000 })).to.include({ kind: 'overflow', inDoubt: true });
    });

    it('refuses a compressed body that is too large when it is unpacked', async () => {
      const bomb = gzipSync('x'.repeat(100_000));
      answer = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
      expect(bomb.length).to.be.below(1_000);
      expect(await failure({ maxBytes: 1_000 })).to.include({ kind: 'overflow' });
    });

    it('follows no redirect, and hands it out only when asked', async () => {
      const seen: (string | undefined)[] = [];
      answer = (request, response) => {
        seen.push(request.url);
        response.writeHead(302, { location: '/elsewhere' }).end();
      };
      expect(await failure()).to.include({ kind: 'undecodable', inDoubt: true });
      expect(await failure({ method: 'GET' })).to.include({ kind: 'undecodable', inDoubt: false });
      const response = await call({ redirect: 'return' });
      expect(response.status).to.equal(302);
      expect(response.header('location')).to.match(/\/elsewhere$/);
      expect(seen).to.deep.equal([`/${SECRET}`, `/${SECRET}`, `/${SECRET}`]);
    });

    it('answers with whatever status there is, for statusError to name', async () => {
      answer = (_, response) => response.writeHead(429, { 'Retry-After': '7' }).end('<html>slow down');
      const throttled = await call();
      expect(statusError('desk', 'send', throttled, 0)).to.include({ kind: 'throttled', retryAfterMs: 7_000 });
      const date = new Date(9_000).toUTCString();
      answer = (_, response) => response.writeHead(429, { 'Retry-After': date }).end();
      expect(statusError('desk', 'send', await call(), 0).retryAfterMs).to.equal(9_000);
      answer = (_, response) => response.writeHead(401).end(`<html>${SECRET} is wrong`);
      const unauthorized = statusError('desk', 'send', await call(), 0);
      expect(unauthorized).to.include({ kind: 'unauthorized', status: 401 });
      expect(inspect(unauthorized, { depth: Infinity, showHidden: true })).not.to.include(SECRET);
    });

    it('sends a form of fields and files', async () => {
      let contentType = '';
      const received = new Promise<FormData>((resolve, reject) => {
        answer = (request, response) => {
          const chunks: Buffer[] = [];
          contentType = request.headers['content-type'] ?? '';
          request.on('data', (chunk: Buffer) => chunks.push(chunk));
          request.on('end', () => {
            response.end();
            const body = new Response(Buffer.concat(chunks), { headers: { 'content-type': contentType } });
            body.formData().then(resolve, reject);
          });
        };
      });
      const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const form = multipart([
        { name: 'caption', value: 'Grüße 👋\r\n--' },
        { name: 'file', bytes, fileName: 'отчёт "1".png', mimeType: 'image/png' },
      ]);
      await call({ headers: { 'content-type': form.contentType }, body: form.body });
      const fields = await received;
      expect(contentType).to.equal(form.contentType);
      expect(fields.get('caption')).to.equal('Grüße 👋\r\n--');
      const file = fields.get('file') as File;
      expect({ name: file.name, type: file.type }).to.deep.equal({ name: 'отчёт "1".png', type: 'image/png' });
      expect(new Uint8Array(await file.arrayBuffer())).to.deep.equal(bytes);
    });

    it('throws at the call what could never be sent', () => {
      const refused: readonly [Partial<HttpRequest>, typeof TypeError | typeof RangeError][] = [
        [{ url: `ftp://${SECRET}` }, TypeError],
        [{ url: `/${SECRET}` }, TypeError],
        [{ url: `http://[${SECRET}/` }, TypeError],
        [{ url: `http://${SECRET}:pass@127.0.0.1/` }, TypeError],
        [{ headers: { token: `${SECRET}\r\nx: y` } }, TypeError],
        [{ headers: { token: `${SECRET}👋` } }, TypeError],
        [{ headers: { [`${SECRET} x`]: '' } }, TypeError],
        [{ timeoutMs: 0 }, RangeError],
        [{ timeoutMs: Infinity }, RangeError],
        [{ maxBytes: -1 }, RangeError],
      ];
      for (const [more, error] of refused) {
        const message = new RegExp(`^http: (?!.*${SECRET})`);
        expect(() => http({ platform: 'desk', call: 'send', url, fetch, ...more }), JSON.stringify(more)).to.throw(
          error,
          message,
        );
      }
    });

    it('has the time limit on its scheduler', () => {
      answer = () => undefined;
      const clock = new VirtualTimeScheduler();
      const errors: ChatError[] = [];
      http({ platform: 'desk', call: 'send', url, fetch, scheduler: clock }).subscribe({
        error: (error: ChatError) => errors.push(error),
      });
      clock.flush();
      expect(errors.map(({ kind }) => kind)).to.deep.equal(['timeout']);
      expect(clock.now()).to.equal(30_000);
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

    it('aborts while the body is read', async () => {
      answer = (_, response) => {
        response.writeHead(200);
        response.write('some');
      };
      const aborted = await new Promise<boolean>((resolve) => {
        const watched: typeof fetch = async (input, init) => {
          const response = await fetch(input, init);
          init?.signal?.addEventListener('abort', () => {
            resolve(true);
          });
          setImmediate(() => {
            subscription.unsubscribe();
          });
          return response;
        };
        const subscription = http({ platform: 'desk', call: 'send', url, fetch: watched }).subscribe({
          error: () => {
            resolve(false);
          },
        });
      });
      expect(aborted).to.equal(true);
    });

    it('does not abort what was answered', async () => {
      answer = (_, response) => response.end('{}');
      let signal: AbortSignal | null | undefined;
      const watched: typeof fetch = async (input, init) => {
        signal = init?.signal;
        return fetch(input, init);
      };
      await call({ fetch: watched });
      expect(signal?.aborted).to.equal(false);
    });

    describe('into', () => {
      const chunked = (size: number): void => {
        answer = (_request, response) => {
          response.writeHead(200, { 'x-what': 'file' });
          for (let at = 0; at < size; at += 1_000) response.write(Buffer.alloc(1_000, 7));
          response.end();
        };
      };
      const gather = () => {
        const got = { bytes: 0, what: '' as string | undefined };
        const into: HttpRequest['into'] = async (chunks, { header }) => {
          got.what = header('x-what');
          for await (const chunk of chunks) got.bytes += chunk.length;
        };
        return { got, into };
      };

      it('takes the body while it comes', async () => {
        chunked(50_000);
        const { got, into } = gather();
        const { status, body } = await call({ into });
        expect({ status, left: body.length, ...got }).to.deep.equal({
          status: 200,
          left: 0,
          bytes: 50_000,
          what: 'file',
        });
      });

      it('does not take that of an answer that is no success', async () => {
        answer = (_request, response) => response.writeHead(418).end('teapot');
        const { got, into } = gather();
        expect((await call({ into })).text()).to.equal('teapot');
        expect(got.bytes).to.equal(0);
      });

      it('ends with what it rejects with, and with what happens to the body', async () => {
        chunked(50_000);
        const own = new Error('mine');
        expect(await failure({ into: async () => Promise.reject(own) })).to.equal(own);
        expect(await failure({ into: gather().into, maxBytes: 40_000 })).to.include({
          kind: 'overflow',
          inDoubt: true,
        });
      });

      it('closes the connection when it leaves some of the body', async () => {
        for (const into of [
          async () => Promise.resolve(),
          async (chunks) => {
            for await (const chunk of chunks) if (chunk.length > 0) break;
          },
        ] satisfies HttpRequest['into'][]) {
          const closed = new Promise<void>((resolve) => {
            answer = (request, response) => {
              request.socket.once('close', () => {
                resolve();
              });
              response.writeHead(200);
              response.write(Buffer.alloc(1_000));
            };
          });
          expect((await call({ into })).status).to.equal(200);
          await closed;
        }
      });

      it('ends with the time limit while it is waited for', async () => {
        chunked(1_000);
        const error = await failure({ into: async () => new Promise(() => undefined), timeoutMs: 30 });
        expect(error).to.include({ kind: 'timeout', inDoubt: true });
      });
    });
  });
}

describe('the fetch that clients use', () => {
  it('uses a connection for the next call, whatever agent the process shares', async () => {
    let seen: Socket | undefined;
    const isSame: boolean[] = [];
    const server = createServer((request, response) => {
      isSame.push(request.socket === seen);
      seen = request.socket;
      response.end('{}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const shared = nodeHttp.globalAgent;
    const own = new nodeHttp.Agent({ keepAlive: true });
    for (const agent of [shared, own]) {
      nodeHttp.globalAgent = agent;
      seen = undefined;
      for (let calls = 0; calls < 3; calls++) await firstValueFrom(http({ platform: 'desk', call: 'ask', url }));
      expect(isSame.splice(0)).to.deep.equal([false, true, true]);
    }
    nodeHttp.globalAgent = shared;
    expect(Object.keys(own.freeSockets)).to.have.length(1);
    own.destroy();
    server.close();
    server.closeAllConnections();
  });
});

describe('transportError', () => {
  const of = (code: string, hasEffect = true): ChatError =>
    transportError('desk', 'send', hasEffect, Object.assign(new Error(SECRET), { cause: { code } }));

  it('is in doubt unless nothing was sent, or there is no effect', () => {
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID']) {
      expect(of(code), code).to.include({ kind: 'unreachable', inDoubt: false, reason: code });
    }
    for (const code of ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET']) {
      expect(of(code), code).to.include({ kind: 'unreachable', inDoubt: true, reason: code });
      expect(of(code, false).inDoubt).to.equal(false);
    }
  });

  it('passes on nothing that is no code', () => {
    for (const code of [SECRET, `E ${SECRET}`, '']) expect(inspect(of(code))).not.to.include(SECRET);
    for (const thrown of [undefined, null, SECRET, 7]) {
      expect(transportError('desk', 'send', true, thrown).message).to.equal('desk: send lost its connection');
    }
  });

  it('survives a cause that goes in a circle', () => {
    const error = new Error(SECRET);
    error.cause = error;
    expect(transportError('desk', 'send', true, error)).to.include({ kind: 'unreachable', inDoubt: true });
  });
});

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
