import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { build } from 'esbuild';
import { firstValueFrom, NEVER, of, throwError, VirtualTimeScheduler, type ObservableInput } from 'rxjs';
import type { ChatError } from 'tidewire';
import { download, type Download, type DownloadConfig } from '../../../lib/transport/download.js';
import { fileNameOf } from '../../../lib/transport/file-name.js';
import { placeOf } from '../../../lib/transport/network.js';

const SECRET = 'tok-71be02';

describe('download', () => {
  let server: Server;
  let port = 0;
  let answer: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  let asked: { readonly host: string; readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];

  before((done) => {
    server = createServer((request, response) => {
      asked.push({ host: request.headers.host ?? '', path: request.url ?? '', headers: request.headers });
      answer(request, response);
    }).listen(0, '127.0.0.1', () => {
      port = (server.address() as AddressInfo).port;
      done();
    });
  });
  beforeEach(() => {
    asked = [];
    answer = (_, response) => response.end('file');
  });
  after((done) => {
    server.close(done);
    server.closeAllConnections();
  });

  const loopback = (): ObservableInput<readonly string[]> => of(['127.0.0.1']);
  const get = async (more: Partial<DownloadConfig> = {}): Promise<Download> =>
    firstValueFrom(
      download({
        platform: 'desk',
        url: `http://files.example:${port}/${SECRET}`,
        allowHttpLoopback: true,
        lookup: loopback,
        ...more,
      }),
    );
  const failure = async (more: Partial<DownloadConfig> = {}): Promise<ChatError> => {
    const error = await get(more).then(
      () => expect.fail('expected an error'),
      (thrown: unknown) => thrown as ChatError,
    );
    expect(error.message).to.match(/^desk: download /);
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.to.include(SECRET);
    return error;
  };

  it('gives bytes, type and name', async () => {
    answer = (_, response) => {
      response.writeHead(200, {
        'content-type': 'Image/PNG; charset=binary',
        'content-disposition': `attachment; filename="../a.png"; filename*=UTF-8''%2e%2e%2fgr%C3%BC%C3%9Fe.png`,
      });
      response.end(Buffer.of(0, 255));
    };
    const { bytes, mimeType, name } = await get();
    expect([...bytes]).to.deep.equal([0, 255]);
    expect({ mimeType, name }).to.deep.equal({ mimeType: 'image/png', name: 'grüße.png' });
    answer = (_, response) => response.end('x');
    expect(Object.keys(await get())).to.deep.equal(['bytes']);
  });

  it('asks over https only, and nobody but https hosts', async () => {
    for (const url of [
      `http://files.example/${SECRET}`,
      `file:///${SECRET}`,
      `ftp://files.example/${SECRET}`,
      `data:text/plain,${SECRET}`,
      `https://${SECRET}@files.example/`,
      `/${SECRET}`,
      '',
    ]) {
      const error = await failure({ url, lookup: () => of(['93.184.216.34']), fetch: refuseToFetch });
      expect(error, url).to.include({ kind: 'unsupported', inDoubt: false });
    }
  });

  it('asks no host that has an address which is not public', async () => {
    for (const addresses of [['127.0.0.1'], ['10.0.0.7'], ['93.184.216.34', '10.0.0.7'], ['fd00::7'], [SECRET]]) {
      const error = await failure({
        url: `https://files.example/${SECRET}`,
        allowHttpLoopback: false,
        lookup: () => of(addresses),
        fetch: refuseToFetch,
      });
      expect(error, addresses.join()).to.include({ kind: 'unsupported', retryable: false });
    }
  });

  it('asks no such host by its address either, however it is written', async () => {
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]', '[fe80::1]', 'localhost']) {
      const error = await firstValueFrom(download({ platform: 'desk', url: `https://${host}:${port}/` })).then(
        () => expect.fail('expected an error'),
        (thrown: unknown) => thrown,
      );
      expect(error, host).to.include({ kind: 'unsupported' });
    }
    expect(asked).to.deep.equal([]);
  });

  it('lets loopback be asked when told, and no other network', async () => {
    expect((await get()).bytes.length).to.equal(4);
    expect(await failure({ lookup: () => of(['127.0.0.1', '192.168.0.1']) })).to.include({ kind: 'unsupported' });
    expect(await failure({ allowHttpLoopback: false })).to.include({ kind: 'unsupported' });
    expect(asked.length).to.equal(1);
  });

  it('connects to the address that was checked', async () => {
    let lookups = 0;
    const { bytes } = await get({
      lookup: () => {
        lookups++;
        return loopback();
      },
    });
    // `files.example` resolves nowhere: who asked for it again would not have come here.
    expect({ lookups, size: bytes.length, host: asked[0]?.host }).to.deep.equal({
      lookups: 1,
      size: 4,
      host: `files.example:${port}`,
    });
  });

  it('follows up to 3 redirects, each checked like the first', async () => {
    const ways = (count: number): void => {
      answer = ({ url = '' }, response) => {
        const left = url.startsWith('/left') ? Number(url.slice(5)) : count;
        if (left === 0) response.end('there');
        else response.writeHead(302, { location: `/left${left - 1}` }).end();
      };
    };
    ways(3);
    expect(new TextDecoder().decode((await get()).bytes)).to.equal('there');
    ways(4);
    expect(await failure()).to.include({ kind: 'undecodable', inDoubt: false });

    const seen: string[] = [];
    answer = (_, response) => response.writeHead(307, { location: `https://inside.example/${SECRET}` }).end();
    const lookup = (hostname: string): ObservableInput<readonly string[]> => {
      seen.push(hostname);
      return of([hostname === 'inside.example' ? '169.254.169.254' : '127.0.0.1']);
    };
    expect(await failure({ lookup })).to.include({ kind: 'unsupported' });
    expect(seen).to.deep.equal(['files.example', 'inside.example']);
    for (const location of [`http://[${SECRET}`, 'file:///etc/passwd']) {
      answer = (_, response) => response.writeHead(302, { location }).end();
      expect(await failure(), location).to.include({ kind: 'unsupported' });
    }
  });

  it('sends credentials to their hosts only', async () => {
    answer = ({ headers }, response) => {
      if (headers.host?.startsWith('files.example') !== true) response.end('there');
      else response.writeHead(302, { location: `http://cdn.example:${port}/` }).end();
    };
    const headers = { authorization: SECRET, 'x-auth-token': SECRET };
    await get({ credentials: { hosts: [`files.example:${port}`], headers } });
    expect(asked.map(({ host, headers: sent }) => [host, sent.authorization, sent['x-auth-token']])).to.deep.equal([
      [`files.example:${port}`, SECRET, SECRET],
      [`cdn.example:${port}`, undefined, undefined],
    ]);
    asked = [];
    await get({ credentials: { hosts: ['files.example', `example:${port}`], headers } });
    expect(asked.map(({ headers: sent }) => sent.authorization)).to.deep.equal([undefined, undefined]);
  });

  it('names what went wrong, without doubt: nothing was changed', async () => {
    answer = (_, response) => response.end('x'.repeat(2_000));
    expect(await failure({ maxBytes: 1_000 })).to.include({ kind: 'overflow', inDoubt: false });
    for (const [status, kind] of [
      [401, 'unauthorized'],
      [404, 'refused'],
      [304, 'undecodable'],
      [500, 'unreachable'],
    ] as const) {
      answer = (_, response) => response.writeHead(status).end();
      expect(await failure()).to.include({ kind, status, inDoubt: false });
    }
    answer = (request) => request.socket.destroy();
    expect(await failure()).to.include({ kind: 'unreachable', inDoubt: false });
    const notFound = Object.assign(new Error(`getaddrinfo ENOTFOUND ${SECRET}`), { code: 'ENOTFOUND' });
    expect(await failure({ lookup: () => throwError(() => notFound) })).to.include({
      kind: 'unreachable',
      reason: 'ENOTFOUND',
    });
    expect(await failure({ lookup: () => of([]) })).to.include({ kind: 'unreachable' });
  });

  it('tells at once when the file is cut, packed or not', async () => {
    for (const packed of [{}, { 'content-encoding': 'gzip' }]) {
      answer = (request, response) => {
        response.writeHead(200, { 'content-length': '1000', ...packed });
        response.write(gzipSync(Buffer.alloc(64, 7)).subarray(0, 20), () => request.socket.destroy());
      };
      expect(await failure()).to.include({ kind: 'unreachable', reason: 'ECONNRESET', inDoubt: false });
    }
  });

  it('has one time limit over names, redirects and the body', () => {
    const clock = new VirtualTimeScheduler();
    const errors: ChatError[] = [];
    const config = { platform: 'desk', url: 'https://files.example/', timeoutMs: 70, scheduler: clock };
    download({ ...config, lookup: () => NEVER }).subscribe({ error: (error: ChatError) => errors.push(error) });
    clock.flush();
    expect(clock.now()).to.equal(70);
    expect(errors.map(({ kind, message }) => [kind, message])).to.deep.equal([
      ['timeout', 'desk: download had no answer within 70 ms'],
    ]);
  });

  it('asks when subscribed, and hangs up when unsubscribed', async () => {
    const closed = new Promise<void>((resolve) => {
      answer = (request) => {
        request.socket.once('close', resolve);
        subscription.unsubscribe();
      };
    });
    const cold = download({
      platform: 'desk',
      url: `http://files.example:${port}/`,
      allowHttpLoopback: true,
      lookup: loopback,
    });
    expect(asked.length).to.equal(0);
    const subscription = cold.subscribe({ error: () => expect.fail('an aborted call is silent') });
    await closed;
    expect(asked.length).to.equal(1);
  });

  it('works with another fetch, which is asked only after the check', async () => {
    const urls: string[] = [];
    const fetch: typeof globalThis.fetch = async (url, init) => {
      urls.push(url as string);
      return globalThis.fetch(url, init);
    };
    const url = `http://127.0.0.1:${port}/`;
    expect((await get({ url, fetch })).bytes.length).to.equal(4);
    expect(await failure({ url, fetch, lookup: () => of(['10.0.0.7']) })).to.include({ kind: 'unsupported' });
    expect(urls).to.deep.equal([url]);
  });

  it('takes nothing of Node into a browser', async () => {
    const { metafile } = await build({
      entryPoints: [new URL('../../../lib/transport/download.ts', import.meta.url).pathname],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'browser',
      conditions: ['tidewire-source'],
    });
    const files = Object.keys(metafile.inputs).filter((file) =>
      /(cross|node)-fetch|transport\/(network|fetch)\./.test(file),
    );
    expect(files.sort()).to.deep.equal(['lib/transport/fetch.browser.ts', 'lib/transport/network.browser.ts']);
  });

  it('throws a RangeError at the call for limits out of range', () => {
    for (const more of [{ timeoutMs: 0 }, { timeoutMs: Infinity }, { maxBytes: -1 }]) {
      expect(() => download({ platform: 'desk', url: 'https://files.example/', ...more })).to.throw(RangeError);
    }
  });
});

const refuseToFetch: typeof globalThis.fetch = async () => Promise.reject(new Error('this was not to be asked'));

describe('placeOf', () => {
  const PLACES = {
    public:
      '1.1.1.1 8.8.8.8 11.0.0.0 100.63.255.255 172.15.0.1 172.32.0.1 192.169.0.0 2606:4700::1111 64:ff9b::808:808',
    loopback: '127.0.0.1 127.255.255.255 ::1',
    reserved:
      '0.0.0.0 10.0.0.1 100.64.0.1 100.127.255.255 169.254.169.254 172.16.0.1 172.31.255.255 192.0.2.1 192.168.1.1 ' +
      '198.18.0.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: fe80::1 fe80::1%eth0 febf::1 fec0::1 fc00::1 ' +
      'fdff::1 ff02::1 2001:db8::1 2001::1 2002:a00:1:: ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::10.0.0.1 ' +
      '64:ff9b::10.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 localhost 1.2.3 x',
  };
  for (const [place, addresses] of Object.entries(PLACES)) {
    it(`knows what is ${place}`, () => {
      const wrong = addresses.split(' ').filter((address) => placeOf(address) !== place);
      expect(wrong).to.deep.equal([]);
    });
  }
});

describe('fileNameOf', () => {
  it('reads the name, and only the name', () => {
    const names: readonly (readonly [string, string | undefined])[] = [
      ['', undefined],
      ['inline', undefined],
      ['attachment; filename=a.png', 'a.png'],
      ['attachment; FileName = "a b;c.png"; size=3', 'a b;c.png'],
      [String.raw`attachment; filename="a\"b.png"`, 'a"b.png'],
      ['attachment; filename="/etc/passwd"', 'passwd'],
      [String.raw`attachment; filename="C:\\x\\a.exe"`, 'a.exe'],
      ['attachment; filename=".."', undefined],
      ["attachment; filename=old; filename*=UTF-8''n%C3%A4h%20.txt", 'näh .txt'],
      ["attachment; filename*=utf-8'de'a.txt", 'a.txt'],
      ["attachment; filename=old; filename*=UTF-8''%ff", 'old'],
      ['attachment; filename="a\u202egpj.exe"', 'agpj.exe'],
      ["attachment; filename*=UTF-8''a%00%0A.txt", 'a.txt'],
    ];
    for (const [header, name] of names) expect(fileNameOf(header), header).to.equal(name);
  });
});
