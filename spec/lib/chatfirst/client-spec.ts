import { inspect } from 'node:util';
import { expect } from 'chai';
import { fetch as crossFetch } from 'cross-fetch';
import { lastValueFrom, type Observable } from 'rxjs';
import { ChatError } from 'tidewire';
import {
  chatfirstClient,
  type ChatfirstClient,
  type ChatfirstClientConfig,
  type ChatfirstMessage,
  type ChatfirstResponse,
  type ChatfirstStatus,
} from 'tidewire/chatfirst';
import { virtualClock } from 'tidewire/testing';
import { exchange, exchanges } from '../../support/chatfirst-exchanges.js';
import { ToldServer, type Heard } from '../../support/told-server.js';

const TOKEN = 'tok_test_1';
const FETCHES = [
  ['cross-fetch', crossFetch],
  ['the fetch of Node', globalThis.fetch],
] as const;

const failure = async (call: Observable<unknown>): Promise<ChatError> =>
  lastValueFrom(call).then(
    () => expect.fail('expected an error'),
    (thrown: unknown) => (thrown instanceof ChatError ? thrown : expect.fail(String(thrown))),
  );
const thrownBy = (act: () => unknown): Error => {
  try {
    act();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  return expect.fail('expected an error');
};

const teashop = {
  name: 'teashop',
  language: 'en',
  fancyName: 'Tea Shop',
  scenario: '<fsm name="teashop"><states/></fsm>',
} as const;
const hello: ChatfirstMessage = { user: 'u-77', text: 'Green', userName: 'mira', firstName: 'Mira' };
const ready: ChatfirstResponse = {
  messages: ['Your tea is ready'],
  keyboard: ['Green', 'Black'],
  entities: [],
  state: 'Menu',
};

/** What is called for each fixture that is a call. */
const calls: Readonly<Record<string, (client: ChatfirstClient) => Observable<unknown>>> = {
  list: (client) => client.bots(),
  create: (client) => client.createBot(teashop),
  'get-unknown': (client) => client.bot('nobot'),
  update: (client) =>
    client.updateBot({ name: 'tea shop/2', language: 'ru', scenario: '<fsm name="tea shop/2"><states/></fsm>' }),
  'delete-again': (client) => client.deleteBot('teashop', { again: true }),
  talk: (client) => client.talk('teashop', hello),
  push: (client) => client.push('teashop', { channel: 'slack', user: 'u-77' }, ready),
  broadcast: (client) => client.broadcast('teashop', 'telegram', 'We open at nine', { confirm: true }),
  'talk-v2': (client) =>
    client.talkV2('teashop', {
      user: 'room9-pers4',
      text: 'hi',
      userName: 'm@x.test',
      firstName: 'Mira',
      lastName: 'K',
      locale: 'en_GB',
      timeZone: 1,
    }),
  link: (client) => client.linkChannel('teashop', 'telegram', '123:sample'),
};

for (const [fetchName, fetch] of FETCHES) {
  describe(`chatfirstClient with ${fetchName}`, () => {
    let server: ToldServer;
    let client: ChatfirstClient;
    const make = (config: Partial<ChatfirstClientConfig> = {}): ChatfirstClient =>
      chatfirstClient({ token: TOKEN, baseUrl: server.url, v2Url: server.url, fetch, ...config });
    const answer = (status: number, body = '', headers: Record<string, string> = {}): void => {
      server.answer = (response) => response.writeHead(status, headers).end(body);
    };
    const last = (): Heard => server.heard.at(-1) ?? expect.fail('nothing was heard');
    beforeEach(async () => {
      server = await new ToldServer().open();
      client = make();
    });
    afterEach(async () => server.close());

    for (const [name, call] of Object.entries(calls)) {
      it(`calls exactly as the fixture ${name} says`, async () => {
        const { request, response } = exchange(name);
        answer(response.status, response.body === undefined ? '' : JSON.stringify(response.body), response.headers);
        await lastValueFrom(call(client)).catch((error: unknown) => {
          if (response.status < 400) throw error;
        });
        expect(server.heard).to.have.length(1);
        const { method, url, headers, body } = last();
        expect({ method, url }).to.deep.equal({ method: request.method, url: request.url });
        expect(body === '' ? undefined : JSON.parse(body)).to.deep.equal(request.body);
        const { authorization, accept, 'content-type': contentType } = headers;
        expect({ authorization, accept, contentType }).to.deep.equal({
          authorization: request.headers['authorization'],
          accept: 'application/json',
          contentType: request.headers['content-type'],
        });
        // The fetch of Node leaves out the length of an empty DELETE.
        if (method !== 'GET' && body === '') expect(headers['content-length'] ?? '0').to.equal('0');
        if (method === 'PUT' || fetch === crossFetch) {
          expect(headers['content-length']).to.equal(method === 'GET' ? undefined : String(Buffer.byteLength(body)));
        }
      });
    }

    it('is denied as the fixture says, with a page for a body', async () => {
      const { request, response } = exchange('denied');
      answer(response.status, String(response.body), response.headers);
      expect(await failure(make({ token: 'nope' }).bots())).to.include({ kind: 'unauthorized', status: 401 });
      expect(last().headers.authorization).to.equal(request.headers['authorization']);
    });

    it('makes a call for each fixture that is one', () => {
      const others = [...exchanges.keys()].filter((name) => !(name in calls));
      expect(others).to.deep.equal(['adapter', 'channel-push', 'denied']);
    });

    it('makes the calls that only the sources of the official client know', async () => {
      answer(200, '{"Token":"tok_test_2","Name":"telegram","UserToken":"tok_test_1","BotName":"tea shop"}');
      const link = await lastValueFrom(client.channel('tea shop', 'telegram'));
      expect(link).to.deep.equal({
        bot: 'tea shop',
        channel: 'telegram',
        externalToken: 'tok_test_2',
        userToken: 'tok_test_1',
      });
      await lastValueFrom(client.unlinkChannel('tea shop', 'telegram'));
      await lastValueFrom(client.forceState('tea shop', 'telegram', 'Main menu', { confirm: true }));
      expect(server.heard.map(({ method, url }) => `${method} ${url}`)).to.deep.equal([
        'GET /v1/channels?channel=telegram&botName=tea+shop',
        'PUT /v1/channels/unlink?channel=telegram&botName=tea+shop',
        'PUT /v1/channels/force/tea%20shop/telegram?state=Main+menu',
      ]);
    });

    it('decodes what is answered', async () => {
      const answered = async (name: string): Promise<unknown> => {
        answer(200, JSON.stringify(exchange(name).response.body));
        return lastValueFrom(calls[name]?.(client) ?? expect.fail(name));
      };
      expect(await answered('list')).to.deep.equal([teashop]);
      expect(await answered('create')).to.equal(undefined);
      expect(await answered('talk')).to.deep.include({ messages: ['Brewing', 'Ready in 3 minutes'] });
      expect(await answered('talk-v2')).to.deep.include({ talkId: '501' });
    });

    it('sends tokens of any length and letters', async () => {
      for (const token of ['t'.repeat(57), 'x'.repeat(3_000), 'Ключ от чайной', 'a b']) {
        await lastValueFrom(make({ token }).bots()).catch(() => undefined);
        const [, encoded = ''] = (last().headers.authorization ?? '').split(' ');
        expect(Buffer.from(encoded, 'base64').toString()).to.equal(`${token}:`);
      }
      answer(200);
      await lastValueFrom(make({ token: 'a b&c' }).createBot(teashop));
      expect(last().url).to.equal('/v1/bots?userToken=a+b%26c');
      await lastValueFrom(make({ omitUserTokenQuery: true }).createBot(teashop));
      expect(last().url).to.equal('/v1/bots');
    });

    it('is cold: nothing is called before somebody subscribes, and each subscription calls', async () => {
      const call = client.deleteBot('teashop');
      expect(server.heard).to.have.length(0);
      await lastValueFrom(call);
      await lastValueFrom(call);
      expect(server.heard).to.have.length(2);
    });

    it('survives every success: with a body, without one, and null', async () => {
      for (const [status, body] of [
        [200, ''],
        [201, '{"name":"teashop"}'],
        [202, 'null'],
        [204, ''],
        [200, '{}'],
      ] as const) {
        answer(status, body);
        await lastValueFrom(client.push('teashop', { channel: 'slack', user: 'u' }, ready));
        if (body !== '{"name":"teashop"}') expect(await lastValueFrom(client.bots())).to.deep.equal([]);
      }
    });

    it('is in doubt where a success cannot be read, and never for what only reads', async () => {
      for (const body of ['', 'null', '<html>hello</html>', '{"Message":"hush"}', '[]', '{"Messages":7}', '{"cut']) {
        answer(200, body);
        const error = await failure(client.talk('teashop', hello));
        expect(error, body).to.include({ kind: 'undecodable', inDoubt: true, retryable: false });
        expect(inspect(error)).not.to.match(/hush|html>/);
      }
      answer(200, '<html></html>');
      expect(await failure(client.push('t', { channel: 'slack', user: 'u' }, ready))).to.include({ inDoubt: true });
      expect(await failure(client.bots())).to.include({ kind: 'undecodable', inDoubt: false });
      expect(await failure(client.talkV2('teashop', hello))).to.include({ kind: 'undecodable', inDoubt: true });
    });

    const table: readonly (readonly [number, string, boolean, string?])[] = [
      [302, 'undecodable', true],
      [400, 'refused', false, 'badRequest'],
      [401, 'unauthorized', false],
      [403, 'unauthorized', false],
      [404, 'refused', false, 'notFound'],
      [408, 'timeout', true],
      [409, 'conflict', false],
      [418, 'refused', false],
      [429, 'throttled', false],
      [500, 'unreachable', true],
      [502, 'unreachable', true],
      [503, 'unreachable', true],
      [504, 'unreachable', true],
    ];
    for (const [status, kind, inDoubt, reason] of table) {
      it(`calls ${status} ${kind}, whatever the body is`, async () => {
        for (const body of ['', 'null', '<html><body>denied</body></html>', '{"Message":"Bot nobot was not found"}']) {
          answer(status, body, { location: `${server.url}/elsewhere` });
          const error = await failure(make().talk('nobot', hello));
          expect(error).to.include({ kind, inDoubt });
          expect(error.reason).to.equal(reason);
          expect(error.message).not.to.match(/nobot|denied/);
          expect((await failure(make().bots())).inDoubt).to.equal(false);
        }
        expect(server.heard.some(({ url }) => url.startsWith('/elsewhere'))).to.equal(false);
      });
    }

    it('says when to come again: in seconds, as a date, or at the end of the window', async () => {
      const clock = virtualClock();
      clock.advance(1_700_000_000_000);
      const patient = make({ scheduler: clock });
      const after = async (headers: Record<string, string>): Promise<number | undefined> => {
        answer(429, '', headers);
        return (await failure(patient.bots())).retryAfterMs;
      };
      expect(await after({ 'retry-after': '7' })).to.equal(7_000);
      expect(await after({ 'retry-after': new Date(clock.now() + 9_000).toUTCString() })).to.be.within(8_000, 9_000);
      const reset = Math.floor(clock.now() / 1_000) + 30;
      expect(await after({ 'x-rate-limit-reset': String(reset) })).to.be.within(29_000, 30_000);
      expect(await after({ 'x-rate-limit-reset': '1' })).to.equal(0);
      expect(await after({ 'x-rate-limit-reset': 'soon' })).to.equal(undefined);
      expect(await after({})).to.equal(undefined);
    });

    it('is not in doubt when nobody listens, and in doubt when the answer was lost', async () => {
      const gone = await new ToldServer().open();
      await gone.close();
      const nobody = make({ baseUrl: gone.url });
      expect(await failure(nobody.talk('teashop', hello))).to.include({ kind: 'unreachable', inDoubt: false });
      server.answer = (response) => response.destroy();
      expect(await failure(client.talk('teashop', hello))).to.include({ kind: 'unreachable', inDoubt: true });
      expect(await failure(client.bots())).to.include({ kind: 'unreachable', inDoubt: false });
      expect(server.heard).to.have.length(2);
    });

    it('has its time limits on its scheduler: 15 s, and 30 s for talk', async () => {
      const clock = virtualClock();
      const patient = make({ scheduler: clock });
      const heard = new Promise<void>((resolve) => {
        server.answer = () => {
          if (server.heard.length === 2) resolve();
        };
      });
      const ends = [
        failure(patient.push('t', { channel: 'slack', user: 'u' }, ready)),
        failure(patient.talk('t', hello)),
      ];
      await heard;
      const over: number[] = [];
      for (const [index, end] of ends.entries()) void end.then(() => over.push(index));
      const passed = async (ms: number): Promise<readonly number[]> => {
        clock.advance(ms);
        await new Promise((resolve) => setImmediate(resolve));
        return [...over];
      };
      expect(await passed(14_999)).to.deep.equal([]);
      expect(await passed(1)).to.deep.equal([0]);
      expect(await passed(14_999)).to.deep.equal([0]);
      expect(await passed(1)).to.deep.equal([0, 1]);
      for (const end of ends) expect(await end).to.include({ kind: 'timeout', inDoubt: true });
    });

    it('refuses an answer that is too large', async () => {
      answer(200, JSON.stringify({ Messages: ['x'.repeat(2_000)] }));
      const error = await failure(make({ maxAnswerBytes: 1_000 }).talk('teashop', hello));
      expect(error).to.include({ kind: 'overflow', inDoubt: true });
    });

    it('changes a bot without erasing the rest of it', async () => {
      server.answer = (response, { method }) =>
        response.end(method === 'GET' ? JSON.stringify(exchange('create').response.body) : '');
      const changed = await lastValueFrom(client.changeBot('teashop', (bot) => ({ ...bot, language: 'ru' })));
      expect(changed).to.deep.equal({ ...teashop, language: 'ru' });
      expect(JSON.parse(last().body)).to.deep.equal({ ...(exchange('create').response.body as object), language: 0 });
    });

    it('takes a bot that is not there for deleted only when told that it was asked before', async () => {
      answer(404);
      expect(await failure(client.deleteBot('teashop'))).to.include({ reason: 'notFound' });
      await lastValueFrom(client.deleteBot('teashop', { again: true }));
      answer(400);
      expect(await failure(client.deleteBot('teashop', { again: true }))).to.include({ reason: 'badRequest' });
    });

    it('fails at once with a token that was refused, and resumes with another', async () => {
      let token = TOKEN;
      const statuses: ChatfirstStatus[] = [];
      client = make({ token: () => token });
      client.status$.subscribe((status) => statuses.push(status));
      answer(401);
      expect(await failure(client.bots())).to.include({ kind: 'unauthorized', status: 401 });
      expect(await failure(client.talk('teashop', hello))).to.include({ kind: 'unauthorized' });
      expect(server.heard).to.have.length(1);
      token = 'tok_test_2';
      answer(200, '[]');
      await lastValueFrom(client.bots());
      expect(statuses).to.deep.equal(['unauthorized', 'authorized']);
    });

    it('uses no token that is none', async () => {
      for (const token of ['', 'a:b', 'a\nb', 'a\r\nx: y', '\ud800', 7 as unknown as string]) {
        expect(await failure(make({ token: () => token }).bots())).to.include({ kind: 'unauthorized', inDoubt: false });
      }
      const throwing = (): string => {
        throw new Error(TOKEN);
      };
      const error = await failure(make({ token: throwing }).bots());
      expect(error).to.include({ kind: 'unauthorized' });
      expect(inspect(error, { depth: 9 })).not.to.include(TOKEN);
      expect(server.heard).to.have.length(0);
    });

    it('refuses before the wire what cannot be understood there, and says nothing of it', async () => {
      const to = { channel: 'slack', user: 'u' };
      const image = { options: [], name: 'hush' };
      const wrong: readonly (readonly [string, Observable<unknown>])[] = [
        ['bot with a name', client.bot('')],
        ['bot with a name', client.bot(' ')],
        ['bot with a name', client.deleteBot('\ud800')],
        ['bot with a name', client.createBot({ name: '', language: 'en' })],
        ['stand in a path', client.bot('..')],
        ['stand in a path', client.createBot({ name: '.', language: 'en' })],
        ['language', client.createBot({ name: 'hush' })],
        ['XML', client.createBot({ name: 'hush', language: 'en', scenario: 'hush' })],
        ['XML', client.updateBot({ name: 'hush', scenario: '<fsm>hush' })],
        ['id of the user', client.talk('hush', { user: '', text: 'hush' })],
        ['a text', client.talk('hush', { user: 'hush', text: ' ' })],
        ['4097 characters', client.talk('hush', { user: 'hush', text: 'x'.repeat(4_097) })],
        ['name of a channel', client.push('hush', { channel: '', user: 'hush' }, ready)],
        ['id of the user', client.push('hush', { channel: 'slack', user: '' }, ready)],
        ['says nothing', client.push('hush', to, { messages: [], keyboard: [], entities: [] })],
        ['public web address', client.push('hush', to, { ...ready, entities: [image] })],
        ['public web address', client.push('hush', to, { ...ready, entities: [{ ...image, imageUrl: 'hush.png' }] })],
        ['4097 characters', client.push('hush', to, { ...ready, messages: ['ok', 'x'.repeat(4_097)] })],
        ['a text', client.broadcast('hush', 'slack', '', { confirm: true })],
        ['token of the messenger', client.linkChannel('hush', 'slack', '')],
        ['name of a state', client.forceState('hush', 'slack', '', { confirm: true })],
        ['stand in a path', client.forceState('hush', '..', 'x', { confirm: true })],
      ];
      for (const [sentence, call] of wrong) {
        const error = await failure(call);
        expect(error.kind, sentence).to.be.oneOf(['unsupported', 'overflow']);
        expect(error.message).to.include(sentence).and.not.include('hush');
        expect(error.inDoubt).to.equal(false);
      }
      expect(server.heard).to.have.length(0);
      await failure(make({ maxTextLength: 5_000 }).talk('b', { user: 'u', text: 'x'.repeat(4_097) }));
      expect(server.heard).to.have.length(1);
      expect(await failure(chatfirstClient({ token: TOKEN, baseUrl: server.url }).talkV2('b', hello))).to.include({
        kind: 'unsupported',
      });
    });

    it('shows its token nowhere, nor those of messengers', async () => {
      const shown: unknown[] = [client, client.createBot(teashop), client.status$];
      for (const status of [200, 302, 400, 401, 403, 404, 409, 429, 500]) {
        answer(status, `<p>${TOKEN} 123:sample</p>`, { 'x-seen': TOKEN, 'retry-after': TOKEN });
        shown.push(await failure(make().linkChannel('teashop', 'telegram', '123:sample')));
        shown.push(await failure(make().createBot(teashop)));
      }
      const echoing = (async (url: string) =>
        Promise.reject(Object.assign(new Error(url, { cause: new Error(TOKEN) }), { code: url }))) as typeof fetch;
      shown.push(await failure(make({ fetch: echoing }).createBot(teashop)));
      for (const thing of shown) {
        const text = inspect(thing, { depth: Infinity, showHidden: true, getters: true });
        expect(text + JSON.stringify(thing instanceof Error ? thing : {})).not.to.match(
          /tok_test_1|123(:|%3A)sample|dG9rX3/,
        );
      }
    });
  });
}

describe('chatfirstClient', () => {
  it('refuses a config that cannot work, without showing it', () => {
    const wrong: readonly (readonly [object, typeof TypeError | typeof RangeError])[] = [
      [{}, TypeError],
      [{ token: '' }, TypeError],
      [{ token: 'tok_test_1:' }, TypeError],
      [{ token: 'tok_test_1\n' }, TypeError],
      [{ token: TOKEN, baseUrl: 'tok_test_1' }, TypeError],
      [{ token: TOKEN, baseUrl: 'http://tok_test_1.test' }, TypeError],
      [{ token: TOKEN, baseUrl: 'https://tok_test_1@x.test' }, TypeError],
      [{ token: TOKEN, v2Url: 'https://x.test?t=tok_test_1' }, TypeError],
      [{ token: TOKEN, timeoutMs: 0 }, RangeError],
      [{ token: TOKEN, talkTimeoutMs: Infinity }, RangeError],
      [{ token: TOKEN, maxAnswerBytes: -1 }, RangeError],
      [{ token: TOKEN, maxTextLength: 0 }, RangeError],
    ];
    for (const [config, type] of wrong) {
      const error = thrownBy(() => chatfirstClient(config as ChatfirstClientConfig));
      expect(error, inspect(config)).to.be.instanceOf(type);
      expect(error.message).to.match(/^chatfirstClient: /);
      expect(inspect(error)).not.to.include(TOKEN);
    }
    expect(() => chatfirstClient({ token: TOKEN, baseUrl: 'http://core.test', plainHttp: true })).not.to.throw();
  });

  it('wants what reaches everybody to be confirmed', () => {
    const client = chatfirstClient({ token: TOKEN });
    const loose = client as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const confirmed of [undefined, {}, { confirm: 'yes' }, { confirm: false }]) {
      expect(() => loose['broadcast']?.('b', 'slack', 'x', confirmed)).to.throw(TypeError, 'confirm');
      expect(() => loose['forceState']?.('b', 'slack', 'X', confirmed)).to.throw(TypeError, 'confirm');
    }
  });
});
