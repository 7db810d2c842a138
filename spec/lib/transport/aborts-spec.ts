import { getEventListeners, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { Aborts } from '../../../lib/transport/aborts.js';
import { defaultFetch } from '../../../lib/transport/fetch.js';
import { http } from '../../../lib/transport/http.js';

describe('Aborts', () => {
  let server: Server;
  let url = '';
  before(async () => {
    server = createServer((request, response) => {
      if (request.url === '/never') return;
      response.writeHead(request.url === '/empty' ? 204 : 200, { 'content-encoding': 'identity' });
      response.end(request.url === '/empty' ? undefined : 'x'.repeat(100_000));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  it('give out again what was given back', () => {
    const aborts = new Aborts();
    const first = aborts.take();
    expect(aborts.take()).not.to.equal(first);
    aborts.giveBack(first);
    expect(aborts.take()).to.equal(first);
  });

  it('may: the default fetch takes its listeners away when a call is over', async () => {
    const { signal } = new AbortController();
    for (const path of ['/', '/empty', '/']) {
      const response = await defaultFetch(url + path, { signal });
      await response.arrayBuffer();
      expect(getEventListeners(signal, 'abort')).to.deep.equal([]);
    }
  });

  it('never give out one that was aborted: a call behind aborted ones is answered', async () => {
    const call = (path: string): ReturnType<typeof http> =>
      http({ platform: 'test', call: 'ask', url: url + path, timeoutMs: 5_000 });
    for (let n = 0; n < 20; n++) {
      const hanging = call('/never').subscribe({ error: () => undefined });
      const answered = firstValueFrom(call('/'));
      hanging.unsubscribe();
      expect((await answered).status).to.equal(200);
      expect((await lastValueFrom(call('/'))).body.length).to.equal(100_000);
    }
  });
});
