import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { firstValueFrom, NEVER, of, VirtualTimeScheduler } from 'rxjs';
import type { ChatError } from 'tidewire';
import { userlikeClient, type Download, type UserlikeClient, type UserlikeClientConfig } from 'tidewire/userlike';

const TOKEN = 'api-77d0c3aa';

describe('userlikeClient', () => {
  describe('download', () => {
    let server: Server;
    let address = '';
    const asked: IncomingHttpHeaders[] = [];

    before(async () => {
      server = createServer((request, response) => {
        asked.push(request.headers);
        const { url = '' } = request;
        if (url === '/moved') response.writeHead(302, { location: '/file' }).end();
        else if (url === '/forbidden') response.writeHead(401).end();
        else if (url === '/gone') response.writeHead(404).end();
        else response.writeHead(200, { 'content-type': 'text/plain' }).end('file');
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    beforeEach(() => {
      asked.length = 0;
    });
    after((done) => {
      server.close(done);
      server.closeAllConnections();
    });

    const client = (config: Partial<UserlikeClientConfig> = {}): UserlikeClient =>
      userlikeClient({
        url: `${address}/v1/bot`,
        token: TOKEN,
        fetch: () => Promise.reject(new Error('this is for calls of the API')),
        downloads: { allowHttpLoopback: true },
        ...config,
      });
    const failure = async (path: string, config: Partial<UserlikeClientConfig> = {}): Promise<ChatError> => {
      const error = await firstValueFrom(client(config).download(`${address}${path}`)).then(
        () => expect.fail('expected an error'),
        (thrown: unknown) => thrown as ChatError,
      );
      expect(error.message).to.match(/^userlike: download /);
      expect(inspect(error, { depth: Infinity, showHidden: true })).not.to.include(TOKEN);
      return error;
    };

    it('fetches a file when it is subscribed, each time again', async () => {
      const file = client().download(`${address}/file`);
      expect(asked).to.have.length(0);
      for (let n = 1; n <= 2; n++) {
        const { bytes, mimeType }: Download = await firstValueFrom(file);
        expect(new TextDecoder().decode(bytes)).to.equal('file');
        expect(mimeType).to.equal('text/plain');
        expect(asked).to.have.length(n);
      }
    });

    it('shows its token to nobody, not even to the host of the API, nor after a redirect', async () => {
      await firstValueFrom(client().download(`${address}/moved`));
      expect(asked).to.have.length(2);
      expect(JSON.stringify(asked)).not.to.include(TOKEN);
      expect(asked.flatMap((headers) => Object.keys(headers))).not.to.include('security-token');
    });

    it('asks public https hosts only, unless told otherwise', async () => {
      expect(await failure('/file', { downloads: {} })).to.include({ kind: 'unsupported' });
      expect(asked).to.have.length(0);
    });

    it('says what a status means, and keeps its own token when a file is refused', async () => {
      const status: string[] = [];
      const desk = client({ fetch: () => Promise.resolve(new Response()) });
      desk.status$.subscribe((value) => status.push(value));
      const error: unknown = await firstValueFrom(desk.download(`${address}/forbidden`)).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).to.include({ kind: 'unauthorized', status: 401 });
      await firstValueFrom(desk.send([]));
      expect(status).to.deep.equal([]);
      expect(await failure('/gone')).to.include({ kind: 'refused', status: 404 });
    });

    it('keeps the limits that it was given', async () => {
      const small = { allowHttpLoopback: true, maxBytes: 3 };
      expect(await failure('/file', { downloads: small })).to.include({ kind: 'overflow' });
      const scheduler = new VirtualTimeScheduler();
      const slow = failure('/file', {
        scheduler,
        downloads: { timeoutMs: 70, lookup: () => NEVER },
      });
      scheduler.flush();
      expect(await slow).to.include({ kind: 'timeout' });
      expect(scheduler.now()).to.equal(70);
    });

    it('asks with the fetch and the resolver that it was given', async () => {
      const hosts: string[] = [];
      const downloads = {
        lookup: (host: string) => {
          hosts.push(host);
          return of(['93.184.216.34']);
        },
        fetch: () => Promise.resolve(new Response('mine')),
      };
      const { bytes } = await firstValueFrom(client({ downloads }).download('https://files.example/a'));
      expect(new TextDecoder().decode(bytes)).to.equal('mine');
      expect(hosts).to.deep.equal(['files.example']);
    });

    it('refuses limits that are out of range when the client is made', () => {
      for (const downloads of [{ timeoutMs: 0 }, { timeoutMs: 2 ** 31 }, { maxBytes: -1 }, { maxBytes: NaN }]) {
        expect(() => client({ downloads })).to.throw(RangeError, 'userlikeClient: downloads');
      }
    });
  });
});
