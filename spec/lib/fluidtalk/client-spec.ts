import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { createContext, runInContext } from 'node:vm';
import { expect } from 'chai';
import { fetch as crossFetch } from 'cross-fetch';
import { build } from 'esbuild';
import { lastValueFrom, of, type Observable } from 'rxjs';
import type { ChatError } from 'tidewire';
import {
  fluidtalkClient,
  type FluidtalkClient,
  type FluidtalkClientConfig,
  type FluidtalkClientOptions,
  type FluidtalkStatus,
} from 'tidewire/fluidtalk';
import { fluidtalkSimulator, type FluidtalkFaults, type FluidtalkSimulator } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { hasDocument, Keyring } from '../../../lib/fluidtalk/key.js';

const KEY = 'ft_sk_5d0c2a97e1';
const TEXT = 'text-7be1f0';
const TARGET = '@target-4c9d';
const png = { bytes: Uint8Array.of(137, 80, 78, 71), mimeType: 'image/png', fileName: 'cup.png' };
const hello = { target: TARGET, message: TEXT };

/** What an error is like, after a look for what must not be in it. */
const failure = async (call: Observable<unknown>): Promise<ChatError> => {
  const error = await lastValueFrom(call).then(
    () => expect.fail('expected an error'),
    (thrown: unknown) => thrown as ChatError,
  );
  const shown = [
    error.message,
    error.stack,
    JSON.stringify(error),
    inspect(error, { depth: Infinity, showHidden: true }),
  ];
  for (const secret of [KEY, TEXT, TARGET]) expect(shown.join('\n')).not.to.include(secret);
  return error;
};
const thrownBy = (act: () => unknown): Error => {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  return expect.fail('expected an error');
};

for (const [name, fetch] of [
  ['cross-fetch', crossFetch],
  ['the native fetch', globalThis.fetch],
] as const) {
  describe(`fluidtalkClient with ${name}`, () => {
    let simulator: FluidtalkSimulator;
    let client: FluidtalkClient;
    let statuses: FluidtalkStatus[] = [];

    beforeEach(async () => {
      simulator = await fluidtalkSimulator({ key: KEY });
      client = make();
    });
    afterEach(async () => simulator.close());

    const make = (
      more: FluidtalkClientOptions & { readonly apiKey?: string | (() => string) } = {},
    ): FluidtalkClient => {
      const made = fluidtalkClient({ apiKey: KEY, baseUrl: `${simulator.url}//`, fetch, ...more });
      statuses = [];
      made.status$.subscribe((status) => statuses.push(status));
      return made;
    };
    const kinds = (): readonly string[] => simulator.journal.map(({ kind }) => kind);
    const called = (): number => kinds().filter((kind) => kind === 'called').length;
    /** Resolves when the journal has so many entries of this kind. */
    const written = async (kind: string, times = 1): Promise<void> => {
      while (kinds().filter((one) => one === kind).length < times)
        await new Promise((resolve) => setImmediate(resolve));
    };
    afterEach('makes no call that it should not', () => {
      expect(kinds()).not.to.include('problem');
      expect(simulator.strayed).to.deep.equal([]);
    });

    it('makes every call', async () => {
      const { core } = simulator;
      core.script(TARGET, { bubbles: ['hey!', 'you?'], photo: 'https://cdn.test/p.jpg' });
      const { raw, ...chat } = await lastValueFrom(client.inboundChat(hello));
      expect(chat).to.deep.equal({
        bubbles: ['hey!', 'you?'],
        photoUrl: 'https://cdn.test/p.jpg',
        sessionId: 's-1001',
        ignored: false,
      });
      expect(raw).to.include({ reply: 'hey! you?' });
      expect((await lastValueFrom(client.aiOpener({ target: '@b' }))).bubbles).to.deep.equal(['Hi @b']);
      const event = { target: '@c', eventType: 'cart', context: { text: 'a\n"b" 🔥' } };
      expect((await lastValueFrom(client.eventTrigger(event))).bubbles).to.deep.equal(['Hi @c, about cart']);
      core.script('@c', { bubbles: ['still', 'there?'] });
      expect((await lastValueFrom(client.followUp({ target: '@c' }))).bubbles).to.deep.equal(['still', 'there?']);
      expect(await lastValueFrom(client.uploadImage(png))).to.deep.equal({ url: 'https://cdn.test/u/1.jpg' });
      expect(simulator.journal.filter(({ kind }) => kind === 'asked')).to.have.length(3);
      expect(simulator.journal.find(({ target, kind }) => target === '@c' && kind === 'asked')).to.deep.include({
        entryType: 'cart',
        entryContext: event.context,
      });
      expect(simulator.journal.find(({ kind }) => kind === 'uploaded')).to.include({
        name: 'cup.png',
        type: 'image/png',
      });
    });

    it('says the same in both forms of body', async () => {
      const message = 'one\r\ntwo & three = ü 👋';
      await lastValueFrom(client.inboundChat({ ...hello, message }));
      await lastValueFrom(client.inboundChat({ ...hello, message, file: png }));
      await lastValueFrom(make({ alwaysMultipart: true }).inboundChat({ ...hello, message }));
      expect(new Set(simulator.core.saidBy(TARGET))).to.deep.equal(new Set(['one\ntwo & three = ü 👋']));
      expect(simulator.core.tokensLeft()).to.equal(99);
    });

    it('sends a picture beside no text, and its own username', async () => {
      await lastValueFrom(make({ ownUsername: '@me' }).inboundChat({ target: TARGET, message: '', file: png }));
      expect(simulator.journal.find(({ kind }) => kind === 'said')).to.include({ text: '', picture: 'cup.png' });
      expect(simulator.core.conversation(TARGET)?.owner).to.equal('@me');
      const ignored = await lastValueFrom(make({ ownUsername: '@other' }).inboundChat(hello));
      expect(ignored).to.deep.include({ ignored: true, bubbles: [], ignoreReason: 'owned by another account' });
    });

    it('leaves the text of the persona whole, when it is told to', async () => {
      simulator.core.script(TARGET, { bubbles: ['a', 'b'] });
      const { bubbles } = await lastValueFrom(make({ splitBubbles: false }).aiOpener({ target: TARGET }));
      expect(bubbles).to.deep.equal(['a ||| b']);
    });

    it('calls when subscribed, each time again', async () => {
      const cold = client.inboundChat(hello);
      expect(called()).to.equal(0);
      await lastValueFrom(cold);
      await lastValueFrom(cold);
      expect(called()).to.equal(2);
    });

    it('aborts when unsubscribed', async () => {
      simulator.faults.silent = 1;
      const subscription = client
        .inboundChat(hello)
        .subscribe({ error: () => expect.fail('an aborted call is silent') });
      await written('lost');
      subscription.unsubscribe();
      expect((await lastValueFrom(client.inboundChat(hello))).bubbles).to.have.length(1);
    });

    it('refuses what cannot be sent, before the wire', async () => {
      const small = make({ maxFileBytes: 3 });
      expect(await failure(client.inboundChat({ ...hello, target: ' ' }))).to.include({ kind: 'unsupported' });
      expect(await failure(client.inboundChat({ ...hello, imageUrl: 'https://x.test/', file: png }))).to.include({
        kind: 'unsupported',
      });
      expect(await failure(small.uploadImage(png))).to.include({ kind: 'overflow', inDoubt: false });
      expect(await failure(client.uploadImage({ ...png, mimeType: 'text/html' }))).to.include({ kind: 'unsupported' });
      expect(called()).to.equal(0);
    });

    type Expected = readonly [kind: string, inDoubt: boolean, said: number, reason?: string];
    const faults: Readonly<Partial<Record<keyof FluidtalkFaults, Expected>>> = {
      drop: ['timeout', true, 0],
      silent: ['timeout', true, 1],
      resetBefore: ['unreachable', true, 0],
      resetAfter: ['unreachable', true, 1],
      redirect: ['undecodable', true, 0],
      throttle: ['throttled', false, 0],
      unavailable: ['unreachable', false, 0],
      fail: ['unreachable', true, 0],
      failAfter: ['unreachable', true, 1],
      outOfTokens: ['refused', false, 0, 'outOfTokens'],
      sealed: ['refused', false, 0, 'sealed'],
      badGateway: ['unreachable', true, 1],
      page: ['undecodable', true, 1],
      list: ['undecodable', true, 1],
    };
    for (const [fault, [kind, inDoubt, said, reason]] of Object.entries(faults)) {
      it(`tells what went wrong, and whether it is in doubt: ${fault}`, async () => {
        simulator.faults[fault as 'fail'] = 1;
        const error = await failure(make({ timeoutMs: 200 }).inboundChat(hello));
        expect({ kind: error.kind, inDoubt: error.inDoubt }).to.deep.equal({ kind, inDoubt });
        if (reason !== undefined) expect(error.reason).to.equal(reason);
        expect(simulator.core.saidBy(TARGET)).to.have.length(said);
        // One failure never ends the rest.
        expect((await lastValueFrom(client.inboundChat(hello))).bubbles).to.have.length(1);
      });
    }

    it('is in doubt when the answer is cut in the middle', async () => {
      simulator.faults.cut = 1;
      const error = await failure(make({ timeoutMs: 200 }).inboundChat(hello));
      expect(error.inDoubt).to.equal(true);
      expect(error.kind).to.be.oneOf(['unreachable', 'timeout']);
    });

    it('takes what is missing or null for silence, and what is ignored for ignored', async () => {
      for (const fault of ['missing', 'nulls'] as const) {
        simulator.faults[fault] = 1;
        expect(await lastValueFrom(client.inboundChat(hello))).to.deep.include({ bubbles: [], ignored: false });
      }
      simulator.faults.ignored = 1;
      expect(await lastValueFrom(client.aiOpener({ target: '@b' }))).to.include({ ignored: true });
    });

    it('takes an answer that comes late, in two halves, or to a call that arrived twice', async () => {
      Object.assign(simulator.faults, { delay: 1, delayMs: 1, slow: 1, slowMs: 1, duplicate: 1 });
      expect((await lastValueFrom(client.inboundChat(hello))).bubbles).to.deep.equal([`You said: ${TEXT}`]);
    });

    const table: readonly (readonly [number, string, boolean, string?])[] = [
      [400, 'refused', false, 'badRequest'],
      [402, 'refused', false, 'outOfTokens'],
      [404, 'refused', false, 'notFound'],
      [413, 'refused', false, 'tooLarge'],
      [415, 'refused', false, 'wrongType'],
      [422, 'refused', false, 'invalid'],
      [500, 'unreachable', true],
      [502, 'unreachable', true],
      [503, 'unreachable', true],
      [504, 'unreachable', true],
      [401, 'unauthorized', false],
    ];
    it('names every status of the table, with `detail` in any shape', async () => {
      for (const detail of ['usual', 'text', 'object', 'list'] as const) {
        for (const [status, kind, inDoubt, reason] of table) {
          Object.assign(simulator.faults, { detail, statuses: [status] });
          const error = await failure(make().inboundChat(hello));
          expect(error).to.include({ kind, inDoubt, status });
          expect(error.reason).to.equal(reason);
        }
      }
    });

    it('is never in doubt about a picture, which may be hosted again', async () => {
      simulator.faults.statuses = [500, 502, 503];
      for (let n = 0; n < 3; n++) expect(await failure(client.uploadImage(png))).to.include({ inDoubt: false });
      simulator.faults.missing = 1;
      expect(await failure(client.uploadImage(png))).to.include({ kind: 'undecodable', inDoubt: false });
    });

    it('knows sealed, unknown and unpaid conversations', async () => {
      expect(await failure(client.followUp({ target: TARGET }))).to.include({ reason: 'noConversation', status: 404 });
      await lastValueFrom(client.inboundChat(hello));
      simulator.core.seal(TARGET);
      expect(await failure(client.inboundChat(hello))).to.include({ reason: 'sealed', status: 400 });
      await simulator.close();
      simulator = await fluidtalkSimulator({ key: KEY, tokens: 0, entryTypes: [] });
      expect(await failure(make().aiOpener({ target: TARGET }))).to.include({ reason: 'outOfTokens', status: 402 });
      const unknown = await failure(make().eventTrigger({ target: TARGET, eventType: 'x' }));
      expect(unknown).to.include({ reason: 'unknownEvent', status: 404 });
    });

    it('says when to come again', async () => {
      simulator.faults.throttle = 1;
      simulator.faults.retryAfter = 7;
      expect(await failure(client.inboundChat(hello))).to.include({ kind: 'throttled', retryAfterMs: 7_000 });
    });

    it('is unreachable, and not in doubt, when nobody listens', async () => {
      const other = await fluidtalkSimulator();
      await other.close();
      const gone = fluidtalkClient({ apiKey: KEY, baseUrl: other.url, fetch });
      expect(await failure(gone.inboundChat(hello))).to.include({ kind: 'unreachable', inDoubt: false });
    });

    it('does not bring the key to where a redirect leads', async () => {
      simulator.faults.redirect = 5;
      const calls = [
        client.inboundChat(hello),
        client.inboundChat({ ...hello, file: png }),
        client.aiOpener({ target: TARGET }),
        client.followUp({ target: TARGET }),
      ];
      for (const call of calls) expect(await failure(call)).to.include({ kind: 'undecodable', inDoubt: true });
      expect(await failure(client.uploadImage(png))).to.include({ kind: 'undecodable', inDoubt: false });
      expect(simulator.strayed).to.deep.equal([]);
    });

    it('has its time limits on its scheduler: 60 s, and 120 s for a picture', async () => {
      const clock = virtualClock();
      const patient = make({ scheduler: clock });
      for (const [times, call, limitMs] of [
        [1, patient.inboundChat(hello), 60_000],
        [2, patient.uploadImage(png), 120_000],
      ] as const) {
        simulator.faults.drop = 1;
        const failed = failure(call);
        let isOver = false;
        void failed.then(() => (isOver = true));
        await written('fault', times);
        clock.advance(limitMs - 1);
        await new Promise((resolve) => setImmediate(resolve));
        expect(isOver).to.equal(false);
        clock.advance(1);
        expect(await failed).to.include({ kind: 'timeout' });
      }
    });

    it('fails at once with a key that was refused, and resumes with another', async () => {
      simulator.core.revoke(KEY);
      let key = KEY;
      client = make({ apiKey: () => key });
      expect(await failure(client.inboundChat(hello))).to.include({ kind: 'unauthorized', status: 401 });
      expect(called()).to.equal(1);
      expect(await failure(client.followUp({ target: TARGET }))).to.include({ kind: 'unauthorized' });
      expect(await failure(client.uploadImage(png))).to.include({ kind: 'unauthorized' });
      expect(called()).to.equal(1);
      expect(statuses).to.deep.equal(['unauthorized']);
      key = 'ft_sk_another';
      simulator.core.grant(key, 1);
      expect((await lastValueFrom(client.inboundChat(hello))).bubbles).to.have.length(1);
      expect(statuses).to.deep.equal(['unauthorized', 'authorized']);
    });

    it('asks for the key at every call, and uses none that is none', async () => {
      const keys = ['', ` ${KEY}`, `${KEY}\r\nx: y`, `${KEY}👋`, `ftc_live_${KEY}`, 7 as unknown as string];
      for (const key of keys) {
        const error = await failure(make({ apiKey: () => key }).inboundChat(hello));
        expect(error).to.include({ kind: 'unauthorized', inDoubt: false });
      }
      const throwing = make({
        apiKey: () => {
          throw new Error(KEY);
        },
      });
      expect(await failure(throwing.inboundChat(hello))).to.include({ kind: 'unauthorized' });
      expect(called()).to.equal(0);
    });

    it('needs no key where a relay adds it', async () => {
      const seen: (string | undefined)[] = [];
      const relay = createServer((request, response) => {
        seen.push(request.headers['x-api-key'] as string | undefined);
        request.resume();
        response.writeHead(seen.length === 1 ? 401 : 200).end('{"reply":"hi"}');
      }).listen(0, '127.0.0.1');
      await once(relay, 'listening');
      const { port } = relay.address() as AddressInfo;
      const keyless = fluidtalkClient({ baseUrl: `http://127.0.0.1:${port}/persona/`, fetch });
      // Its own trouble with the key is over when it says so.
      expect(await failure(keyless.inboundChat(hello))).to.include({ kind: 'unauthorized' });
      expect((await lastValueFrom(keyless.inboundChat(hello))).bubbles).to.deep.equal(['hi']);
      expect(seen).to.deep.equal([undefined, undefined]);
      relay.closeAllConnections();
      relay.close();
      await once(relay, 'close');
    });

    it('fetches photos without its key', async () => {
      const asked: IncomingMessage[] = [];
      const answer = (request: IncomingMessage, response: ServerResponse): void => {
        asked.push(request);
        response.writeHead(200, { 'content-type': 'image/jpeg' }).end('jpeg');
      };
      const server: Server = createServer(answer).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${TEXT}`;
      expect(await failure(client.photo(url))).to.include({ kind: 'unsupported', platform: 'fluidtalk' });
      const photo = await lastValueFrom(client.photo(url, { allowHttpLoopback: true }));
      expect(photo.mimeType).to.equal('image/jpeg');
      expect(await failure(client.photo('https://x.test/', { lookup: () => of(['10.0.0.1']) }))).to.include({
        kind: 'unsupported',
      });
      expect(asked).to.have.length(1);
      expect(JSON.stringify(asked[0]?.rawHeaders))
        .not.to.include('ft_sk')
        .and.not.match(/api-key/i);
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });

    it('shows its key nowhere', async () => {
      simulator.faults.silent = 1;
      const call = client.inboundChat(hello);
      const subscription = call.subscribe({ error: () => undefined });
      await written('lost');
      for (const thing of [client, call, subscription, client.status$]) {
        expect(inspect(thing, { depth: Infinity, showHidden: true, getters: true })).not.to.include(KEY);
      }
      expect(JSON.stringify(fluidtalkClient({ apiKey: KEY }))).not.to.include(KEY);
      subscription.unsubscribe();
      const echoing = (async () => {
        return Promise.reject(Object.assign(new Error(KEY, { cause: new Error(KEY) }), { code: KEY, headers: [KEY] }));
      }) as typeof globalThis.fetch;
      expect(await failure(make({ fetch: echoing }).inboundChat(hello))).to.include({ kind: 'unreachable' });
      const echo = createServer((request, response) => {
        request.resume();
        const body = JSON.stringify({ detail: [KEY, TEXT, TARGET], reply: [KEY], error: KEY });
        response.writeHead(Number(/\d+/.exec(request.url ?? '')?.[0]), { 'x-seen': KEY, 'retry-after': KEY }).end(body);
      }).listen(0, '127.0.0.1');
      await once(echo, 'listening');
      const { port } = echo.address() as AddressInfo;
      for (const status of [200, 302, 400, 401, 402, 403, 404, 409, 413, 415, 422, 429, 500, 503]) {
        const told = fluidtalkClient({ apiKey: KEY, baseUrl: `http://127.0.0.1:${port}/${status}`, fetch });
        await failure(told.inboundChat(hello));
      }
      echo.closeAllConnections();
      echo.close();
      await once(echo, 'close');
    });
  });
}

describe('fluidtalkClient', () => {
  it('refuses a config that cannot work, without showing it', () => {
    const wrong: readonly (readonly [object, typeof TypeError | typeof RangeError])[] = [
      [{}, TypeError],
      [{ apiKey: '' }, TypeError],
      [{ apiKey: `${KEY} ` }, TypeError],
      [{ apiKey: `${KEY}\n` }, TypeError],
      [{ apiKey: `ftc_live_${KEY}` }, TypeError],
      [{ apiKey: KEY, baseUrl: KEY }, TypeError],
      [{ apiKey: KEY, baseUrl: `http://${TEXT}.test` }, TypeError],
      [{ apiKey: KEY, baseUrl: `http://127.0.0.1.${TEXT}.test` }, TypeError],
      [{ apiKey: KEY, baseUrl: `https://${KEY}@x.test` }, TypeError],
      [{ apiKey: KEY, baseUrl: `https://x.test?key=${KEY}` }, TypeError],
      [{ apiKey: KEY, baseUrl: `https://x.test/#${KEY}` }, TypeError],
      [{ baseUrl: 'ftp://x.test' }, TypeError],
      [{ apiKey: KEY, timeoutMs: 0 }, RangeError],
      [{ apiKey: KEY, uploadTimeoutMs: Infinity }, RangeError],
      [{ apiKey: KEY, maxFileBytes: 0 }, RangeError],
      [{ apiKey: KEY, maxAnswerBytes: -1 }, RangeError],
    ];
    for (const [config, type] of wrong) {
      const error = thrownBy(() => fluidtalkClient(config as FluidtalkClientConfig));
      expect(error, inspect(config)).to.be.instanceOf(type);
      expect(error.message).to.match(/^fluidtalkClient: /);
      for (const secret of [KEY, TEXT]) expect(inspect(error)).not.to.include(secret);
    }
    for (const baseUrl of ['https://x.test/a/', 'http://localhost:1', 'http://[::1]:1/', 'http://127.0.0.1']) {
      expect(() => fluidtalkClient({ apiKey: KEY, baseUrl })).not.to.throw();
    }
  });

  it('names the API that a key of another kind belongs to', () => {
    expect(() => fluidtalkClient({ apiKey: 'ftc_live_1' })).to.throw(TypeError, /another FluidTalk API/);
  });

  it('takes no key where there is a page, which anybody can read', () => {
    for (const source of [KEY, () => KEY]) {
      const error = thrownBy(() => new Keyring(source, { document: {} }));
      expect(error).to.be.instanceOf(TypeError);
      expect(error.message)
        .to.match(/a page shows its apiKey to everybody/)
        .and.not.include(KEY);
    }
    expect(() => new Keyring(undefined, { document: {} })).not.to.throw();
    expect([{}, { document: undefined }, { document: null }].map(hasDocument)).to.deep.equal([false, false, false]);
  });

  it('forgets what the answer to an earlier key says', () => {
    let key = 'old';
    const keys = new Keyring(() => key);
    const statuses: FluidtalkStatus[] = [];
    keys.status$.subscribe((status) => statuses.push(status));
    keys.current();
    key = 'new';
    keys.current();
    keys.refused('old');
    expect(keys.current()).to.equal('new');
    keys.refused('new');
    keys.refused('new');
    keys.accepted('old');
    expect(statuses).to.deep.equal(['unauthorized']);
    expect(() => keys.current()).to.throw('refused before');
  });

  it('runs in a page, without Node, through a relay', async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: `
          import { fluidtalkClient } from 'tidewire/fluidtalk';
          export { fluidtalkClient };
        `,
        resolveDir: new URL('../../../', import.meta.url).pathname,
        loader: 'ts',
      },
      bundle: true,
      minify: true,
      write: false,
      format: 'iife',
      platform: 'browser',
      target: 'es2022',
      conditions: ['tidewire-source'],
      globalName: 'result',
    });
    const code = outputFiles[0]?.text ?? '';
    const sent: { url: string; body: string; headers: Readonly<Record<string, string>> }[] = [];
    const globals = {
      TextEncoder,
      TextDecoder,
      URL,
      URLSearchParams,
      AbortController,
      setTimeout,
      clearTimeout,
      setInterval,
      clearInterval,
      crypto,
      document: {},
      fetch: async (url: string, init: { body: string; headers: Readonly<Record<string, string>> }) => {
        sent.push({ url, ...init });
        return Promise.resolve(new Response('{"reply":"hi"}'));
      },
    };
    const { fluidtalkClient: inPage } = runInContext(`${code}; result`, createContext(globals)) as {
      fluidtalkClient: typeof fluidtalkClient;
    };
    // An error of another realm is no instance of this one's.
    expect(thrownBy(() => inPage({ apiKey: KEY })).message).to.match(/everybody/);
    const client = inPage({ baseUrl: 'https://shop.test/persona' });
    expect((await lastValueFrom(client.inboundChat(hello))).bubbles).to.have.length(1);
    expect(sent.map(({ url, body }) => [url, body])).to.deep.equal([
      [`https://shop.test/persona/api/v1/bot/chat`, `target=${encodeURIComponent(TARGET)}&message=${TEXT}`],
    ]);
    expect(Object.keys(sent[0]?.headers ?? {})).to.deep.equal(['content-type']);
  });
});
