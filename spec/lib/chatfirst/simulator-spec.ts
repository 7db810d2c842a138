import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { chatfirstSimulator, type ChatfirstApiFaults, type ChatfirstSimulator } from 'tidewire/simulators';
import { fixtures } from '../../support/fixtures.js';

interface Heard {
  readonly method: string;
  readonly path: string;
  readonly type: string | undefined;
  readonly body: string;
}

/** A program of the platform's user: an adapter, or a bridge. */
class Program {
  readonly heard: Heard[] = [];
  /** What is answered: a status and a body, or nothing, which cuts the connection. */
  answer: (heard: Heard) => readonly [status: number, body: string] | undefined = () => [200, ''];
  url = '';
  readonly #server: Server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const { method = '', url: path = '', headers } = request;
      const heard = { method, path, type: headers['content-type'], body: Buffer.concat(chunks).toString() };
      this.heard.push(heard);
      const answer = this.answer(heard);
      if (answer === undefined) request.socket.destroy();
      else response.writeHead(answer[0], { 'content-type': 'application/json' }).end(answer[1]);
    })();
  });

  async open(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

const scenario = (...states: readonly (readonly [name: string, transitions: string])[]): string =>
  `<fsm name="teashop"><states>${states.map(([name, inside]) => `<state name="${name}">${inside}</state>`).join('')}</states></fsm>`;

const action = (more: object = {}): string => JSON.stringify({ Count: 0, Messages: [], ...more });

describe('chatfirstSimulator', () => {
  let simulator: ChatfirstSimulator;
  let program: Program;

  beforeEach(async () => {
    program = await new Program().open();
    simulator = await chatfirstSimulator({ bridges: { spark: program.url } });
  });
  afterEach(async () => {
    await simulator.close();
    await program.close();
  });

  const restart = async (config: Parameters<typeof chatfirstSimulator>[0]): Promise<void> => {
    await simulator.close();
    simulator = await chatfirstSimulator(config);
  };
  const basic = (token: string): string => `Basic ${Buffer.from(`${token}:`).toString('base64')}`;
  const call = async (method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<Response> =>
    fetch(`${simulator.url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        authorization: basic(simulator.token),
        ...(body !== undefined && { 'content-type': 'application/json; charset=UTF-8' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...init,
    });
  const message = (Text: string, InterlocutorId = 'u-77'): object => ({ InterlocutorId, Text, Username: null });
  const talk = async (text = 'hi', user?: string): Promise<Response> =>
    call('POST', '/v1/talk?botName=teashop', message(text, user));
  const push = async (body: object, channel = 'spark', user = 'u-77'): Promise<Response> =>
    call('POST', `/v1/push/teashop?id=${user}&channel=${channel}`, body);
  const statusOf = async (answer: Promise<Response>): Promise<number> =>
    answer.then(async (response) => response.text().then(() => response.status)).catch(() => 0);
  const kinds = (): readonly string[] => simulator.journal.map(({ kind }) => kind);
  const entries = (kind: string): readonly object[] => simulator.journal.filter((entry) => entry.kind === kind);
  const problems = (): readonly string[] =>
    simulator.journal.flatMap((entry) => (entry.kind === 'problem' ? [entry.problem] : []));

  it('answers the examples as they are written', async () => {
    await restart({ bots: {}, statuses: { createBot: 201, updateBot: 204 } });
    const { core } = simulator;
    const entity = (name: string, more: object): object => ({
      Handle: '',
      Name: name,
      ImageUrl: 'https://img.test/s.jpg',
      ...more,
    });
    const sencha = entity('Sencha', { Description: 'Japan', EntityOptions: ['Buy'] });
    const ready = { Messages: ['Ready in 3 minutes'], ForcedKeyboard: ['Again', 'Stop'], Entities: [sencha] };
    const adapter = (path: string): string => `action="${program.url}${path}"`;
    program.answer = ({ path }) => [
      200,
      path.startsWith('/ready') ? action(ready) : action({ Messages: ['Чай'], Entities: [entity('Sencha', {})] }),
    ];
    const before: Readonly<Record<string, () => void>> = {
      'update-with-space-and-slash': () => {
        core.define('tea shop/2', '');
      },
      talk: () => {
        core.define(
          'teashop',
          scenario(
            [
              'Start',
              `<transition input="Green" ${adapter('/ready')}>Brewing</transition>
              <transition input="hi" next="Tea" no_stop="true" pending_keyboard="Green,Black,Stop">Menu</transition>`,
            ],
            ['Tea', `<transition input="*" next="Start" ${adapter('/tea')}/>`],
            ['Menu', ''],
          ),
        );
      },
    };
    type Example = Readonly<{
      request: Readonly<{ method: string; path: string; authorization: string; body?: unknown }>;
      response: Readonly<{ status: number; contentType: string | null; body: unknown }>;
    }>;
    const examples = fixtures('chatfirst/simulator/exchanges') as ReadonlyMap<string, Example>;
    for (const [name, { request, response }] of examples) {
      before[name]?.();
      const { method, path, authorization, body } = request;
      const headers = {
        authorization,
        ...(body !== undefined && { 'content-type': 'application/json; charset=UTF-8' }),
      };
      const answer = await call(method, path, body, { headers });
      const text = await answer.text();
      const isJson = typeof response.body === 'object' && response.body !== null;
      expect(
        {
          status: answer.status,
          contentType: answer.headers.get('content-type'),
          body: isJson ? (JSON.parse(text) as unknown) : text || null,
        },
        name,
      ).to.deep.equal(response);
    }
    expect(examples.size).to.equal(14);
    expect(core.stateOf({ bot: 'teashop', user: 'u-77' })).to.equal('Menu');
    expect(problems().filter((problem) => !problem.includes('there is no state Start'))).to.deep.equal([]);
  });

  it('asks an adapter, and pushes to a bridge, as it is written', async () => {
    const outgoing = fixtures('chatfirst/simulator/outgoing') as ReadonlyMap<
      string,
      {
        readonly request: { readonly method: string; readonly path: string; readonly body?: unknown };
        readonly response?: unknown;
      }
    >;
    const asked = outgoing.get('adapter');
    const pushed = outgoing.get('push');
    simulator.core.define(
      'teashop',
      scenario(
        ['Start', `<transition input="*" next="Start" no_stop="true" action="${program.url}/brew?kind=green"/>`],
        ['Menu', '<transition input="*">Use the buttons please</transition>'],
      ),
    );
    program.answer = ({ method }) => [200, method === 'GET' ? JSON.stringify(asked?.response) : ''];
    expect(await (await talk('Green')).json()).to.deep.include({ Messages: ['Brewing green tea'] });
    await call('POST', '/v2/talk/teashop', message('hi', 'room9-pers4'));
    await push({ Messages: ['Your tea is ready'] }, 'spark', 'room9-pers4');
    await simulator.idle();
    const heard = program.heard.map(({ method, path, body }) => ({
      method,
      path,
      ...(body !== '' && { body: JSON.parse(body) as unknown }),
    }));
    // The second talk asks the adapter, too.
    expect([heard[0], heard.at(-1), heard.length]).to.deep.equal([asked?.request, pushed?.request, 3]);
    expect(simulator.core.seenBy({ bot: 'teashop', user: 'room9-pers4', channel: 'spark' })).to.deep.equal([
      'Your tea is ready',
    ]);
  });

  it('gives the same content in both generations', async () => {
    const first = (await (await talk('hi', 'a')).json()) as { Messages: readonly string[]; ForcedKeyboard: unknown };
    const second = (await (await call('POST', '/v2/talk/teashop', message('hi', 'b'))).json()) as {
      Messages: readonly { Text: string; KeyboardOptions: readonly (readonly string[])[] }[];
    };
    expect(second.Messages.map(({ Text }) => Buffer.from(Text, 'base64').toString())).to.deep.equal(first.Messages);
    expect(second.Messages.at(-1)?.KeyboardOptions.flat()).to.deep.equal(first.ForcedKeyboard);
  });

  it('writes ids of 64 bits with all their digits', async () => {
    await restart({ firstTalkId: 9_007_199_254_740_993n });
    expect(await (await call('POST', '/v2/talk/teashop', message('hi'))).text()).to.match(
      /^\{"TalkId":9007199254740993,/,
    );
  });

  it('creates, changes and deletes bots, and tells a conflict', async () => {
    const bot = { name: 'x', language: 0, fancy_name: 'X', scenario: null };
    expect(await statusOf(call('POST', '/v1/bots', bot))).to.equal(200);
    expect(await statusOf(call('POST', '/v1/bots', bot))).to.equal(409);
    expect(await (await call('PUT', '/v1/bots/x?botName=x', { name: 'x' })).json()).to.deep.equal({
      ...bot,
      fancy_name: null,
    });
    expect(await statusOf(call('DELETE', '/v1/bots/x?botName=x'))).to.equal(200);
    expect(await statusOf(call('DELETE', '/v1/bots/x?botName=x'))).to.equal(404);
    expect(kinds().filter((kind) => /ed$/.test(kind) && !/called|answered/.test(kind))).to.deep.equal([
      'created',
      'updated',
      'deleted',
    ]);
  });

  const wrong: readonly (readonly [what: string, status: number, method: string, path: string, body?: unknown])[] = [
    ['another route', 404, 'GET', '/v1/dance'],
    ['a slash in a name that is not escaped', 404, 'GET', '/v1/bots/a%20b/c'],
    ['a path that cannot be decoded', 400, 'GET', '/v1/bots/%zz'],
    ['another verb', 405, 'PATCH', '/v1/bots'],
    ['a bot without a name', 400, 'POST', '/v1/bots', { language: 1 }],
    ['a bot without a language', 400, 'POST', '/v1/bots', { name: 'x' }],
    ['a scenario that is no XML', 400, 'POST', '/v1/bots', { name: 'x', language: 1, scenario: 'hello' }],
    [
      'a scenario with a DOCTYPE',
      400,
      'PUT',
      '/v1/bots/teashop',
      { name: 'teashop', scenario: '<!DOCTYPE fsm><fsm/>' },
    ],
    ['talk without a bot', 400, 'POST', '/v1/talk', message('hi')],
    ['talk with another bot', 404, 'POST', '/v1/talk?botName=nobot', message('hi')],
    ['talk without a user', 400, 'POST', '/v1/talk?botName=teashop', { Text: 'hi' }],
    ['talk without a text', 400, 'POST', '/v1/talk?botName=teashop', { InterlocutorId: 'u' }],
    ['a list for a message', 400, 'POST', '/v1/talk?botName=teashop', []],
    ['a push without a user', 400, 'POST', '/v1/push/teashop?channel=slack', { Messages: [] }],
    ['a push to somebody who never wrote', 404, 'POST', '/v1/push/teashop?id=nobody&channel=slack', { Messages: [] }],
    ['a push on an unknown channel', 404, 'POST', '/v1/push/teashop?id=u&channel=pigeon', { Messages: [] }],
    ['a push without messages', 400, 'POST', '/v1/push/teashop?id=u&channel=slack', { Count: 1 }],
    ['a broadcast with another key', 400, 'POST', '/v1/broadcast/teashop?channel=slack', { Message: 'x' }],
    ['a broadcast on an unknown channel', 404, 'POST', '/v1/broadcast/teashop?channel=pigeon', { message: 'x' }],
    ['a channel that is not linked', 404, 'GET', '/v1/channels?channel=slack&botName=teashop'],
    ['a link without a token', 400, 'PUT', '/v1/channels/link?channel=slack&botName=teashop'],
    ['force without a state', 400, 'PUT', '/v1/channels/force/teashop/slack'],
  ];
  for (const [what, status, method, path, body] of wrong) {
    it(`answers ${status} to ${what}, without effect`, async () => {
      const response = await call(method, path, body);
      expect(response.status).to.equal(status);
      const { Message } = (await response.json()) as { Message: string };
      expect(Message).to.match(/\w/);
      expect(new Set(kinds())).to.satisfy(
        (seen: Set<string>) => !['said', 'moved', 'shown', 'created', 'updated'].some((kind) => seen.has(kind)),
      );
    });
  }

  it('answers 401 with a page to everything but the token with an empty password', async () => {
    const wrongHeaders = [
      '',
      'Bearer tok_test_1',
      basic('other'),
      `Basic ${btoa('tok_test_1')}`,
      `Basic ${btoa('tok_test_1:x')}`,
      'Basic ???',
    ];
    for (const authorization of wrongHeaders) {
      const response = await call('GET', '/v1/bots', undefined, { headers: { authorization } });
      expect([response.status, response.headers.get('content-type')], authorization).to.deep.equal([401, 'text/html']);
    }
    simulator.core.revoke(simulator.token);
    expect(await statusOf(talk())).to.equal(401);
    simulator.core.grant(simulator.token);
    expect(await statusOf(talk())).to.equal(200);
    expect(entries('said')).to.have.length(1);
  });

  it('refuses a body that is no JSON, of another type, or too large', async () => {
    const headers = { authorization: basic(simulator.token), 'content-type': 'application/json' };
    const path = '/v1/talk?botName=teashop';
    expect(await statusOf(call('POST', path, {}, { headers, body: '{' }))).to.equal(400);
    expect(await statusOf(call('POST', path, {}, { headers: { ...headers, 'content-type': 'text/plain' } }))).to.equal(
      415,
    );
    expect(await statusOf(call('POST', path, {}, { headers, body: `"${'x'.repeat(2_000_000)}"` }))).to.equal(413);
    expect(entries('said')).to.deep.equal([]);
  });

  it('keeps tokens out of the journal, and notes what a client should not send', async () => {
    await call('POST', `/v1/bots?userToken=${simulator.token}`, { name: 'x', language: 1, Scenario: null });
    await call('DELETE', '/v1/bots/x');
    await call('PUT', '/v1/channels/link?channel=slack&externalToken=123%3Asecret&botName=teashop', {});
    const text = await (await fetch(`${simulator.url}/journal`)).text();
    for (const secret of [simulator.token, 'secret']) expect(text).not.to.include(secret);
    expect(problems()).to.deep.equal([
      'the body has an unknown key',
      'botName is not the bot of the path',
      'there is a body',
    ]);
  });

  it('shows people on messengers what they are sent, and reaches only those who wrote', async () => {
    const mira = simulator.user('mira');
    const noor = simulator.user('noor', { channel: 'facebook' });
    mira.say('hi');
    noor.say('hi');
    expect(mira.buttons()).to.deep.equal(['Green', 'Black']);
    mira.press('Green');
    const card = { Name: 'Sencha', Description: 'Japan', ImageUrl: 'https://img.test/s.jpg', EntityOptions: ['Buy'] };
    const body = {
      Messages: ['Look'],
      Entities: [card, card],
      ForcedKeyboard: [['Again'], ['Stop']],
      ForcedState: 'Menu',
    };
    expect(await statusOf(push(body, 'telegram', 'mira'))).to.equal(200);
    expect(await statusOf(push(body, 'facebook', 'noor'))).to.equal(200);
    expect(await statusOf(push(body, 'slack', 'mira'))).to.equal(404);
    expect(
      await statusOf(call('POST', '/v1/broadcast/teashop?channel=telegram', { message: 'We open at nine' })),
    ).to.equal(200);
    const line = '[picture] Sencha Japan https://img.test/s.jpg';
    expect(mira.sees()).to.deep.equal(['Which tea?', 'Green tea is coming.', 'Look', line, line, 'We open at nine']);
    expect(noor.sees()).to.deep.equal(['Which tea?', 'Look', `${line}\n${line}`]);
    expect(noor.buttons()).to.deep.equal(['Again', 'Stop', 'Buy', 'Buy']);
    expect([mira.state(), noor.state(), mira.buttons()]).to.deep.equal(['Menu', 'Menu', []]);
  });

  it('reaches those who come by talk through every channel, or the one that they are in', async () => {
    await talk();
    expect(await statusOf(push({ Messages: ['a'] }, 'slack'))).to.equal(200);
    expect(await statusOf(push({ Messages: ['b'] }, 'spark'))).to.equal(200);
    await simulator.idle();
    expect(simulator.core.seenBy({ bot: 'teashop', user: 'u-77' })).to.deep.equal(['Which tea?', 'a', 'b']);
    await restart({ bridges: { spark: program.url }, talkChannel: 'spark' });
    await talk();
    expect(await statusOf(push({ Messages: ['a'] }, 'slack'))).to.equal(404);
    expect(await statusOf(push({ Messages: ['b'] }, 'spark'))).to.equal(200);
  });

  it('wants a messenger to be linked, where it is told to', async () => {
    await restart({ needsLink: true });
    const mira = simulator.user('mira', { channel: 'slack' });
    expect(() => {
      mira.say('hi');
    }).to.throw('Channel slack is not linked to bot teashop');
    await call('PUT', '/v1/channels/link?channel=slack&externalToken=1&botName=teashop');
    mira.say('hi');
    await call('PUT', '/v1/channels/unlink?channel=slack&botName=teashop');
    expect(await statusOf(push({ Messages: ['x'] }, 'slack', 'mira'))).to.equal(404);
    expect(mira.sees()).to.deep.equal(['Which tea?']);
  });

  it('moves all users of a channel by hand, and no others', async () => {
    const people = ['a', 'b'].map((id) => simulator.user(id));
    const other = simulator.user('a', { channel: 'slack' });
    for (const person of [...people, other]) person.say('hi');
    await call('PUT', '/v1/channels/force/teashop/telegram?state=Start');
    expect([...people, other].map((person) => person.state())).to.deep.equal(['Start', 'Start', 'Menu']);
    await call('PUT', '/v1/channels/force/teashop/telegram?state=Nowhere');
    expect(people.map((person) => person.state())).to.deep.equal(['Start', 'Start']);
    expect(entries('forced')).to.have.length(2);
  });

  describe('with an adapter', () => {
    const failure = 'Something went wrong. Please try again.';
    beforeEach(() => {
      simulator.core.define(
        'teashop',
        scenario(
          [
            'Start',
            `<transition input="*" next="Menu" action="${program.url}/brew?id=7" pending_keyboard="Stop">Wait</transition>`,
          ],
          ['Menu', '<transition input="*">Menu</transition>'],
          ['Other', ''],
        ),
      );
    });
    const messages = async (): Promise<unknown> => ((await (await talk()).json()) as { Messages: unknown }).Messages;
    const state = (): string | undefined => simulator.core.stateOf({ bot: 'teashop', user: 'u-77' });

    it('says its own text first, then that of the adapter, and shows its buttons in place of the own', async () => {
      program.answer = () => [
        200,
        action({ Messages: ['Tea', 'Cup'], ForcedKeyboard: 'A, B', ForcedMessage: { x: 1 } }),
      ];
      expect(await (await talk()).json()).to.deep.equal({
        Count: 3,
        Messages: ['Wait', 'Tea', 'Cup'],
        ForcedState: null,
        ForcedKeyboard: ['A', 'B'],
        Entities: [],
        ForcedMessage: { x: 1 },
      });
      expect(program.heard.map(({ path }) => path)).to.deep.equal(['/brew?id=7&msg=hi']);
      expect(state()).to.equal('Menu');
    });

    it('lets the adapter say nothing', async () => {
      program.answer = () => [200, '{"Count":0,"Messages":[]}'];
      expect(await messages()).to.deep.equal(['Wait']);
      expect(state()).to.equal('Menu');
    });

    it('enters the state that the adapter forces; an empty one is none, an unknown one is noted', async () => {
      for (const [forced, entered] of [
        ['Other', 'Other'],
        ['', 'Menu'],
        ['Nowhere', 'Menu'],
      ] as const) {
        simulator.core.define('teashop', simulator.core.bot('teashop')?.scenario ?? '');
        program.answer = () => [200, action({ ForcedState: forced })];
        const user = `to ${forced}`;
        await talk('hi', user);
        expect(simulator.core.stateOf({ bot: 'teashop', user })).to.equal(entered);
      }
      expect(problems()).to.include('an adapter forces a state that is not there');
    });

    const failures: readonly (readonly [what: string, answer: ReturnType<Program['answer']>])[] = [
      ['500 with an ActionResponse', [500, action({ Messages: ['Sorry'] })]],
      ['400', [400, '']],
      ['201', [201, action()]],
      ['a redirect', [302, '']],
      ['a page', [200, '<html></html>']],
      ['nothing', [200, '']],
      ['null', [200, 'null']],
      ['no messages', [200, '{"Count":1}']],
      ['messages of another shape', [200, action({ Messages: [{ Text: 'x' }] })]],
      ['a keyboard of another shape', [200, action({ ForcedKeyboard: [1] })]],
      ['entities of another shape', [200, action({ Entities: ['x'] })]],
      ['too much', [200, action({ Messages: ['x'.repeat(300_000)] })]],
      ['a cut connection', undefined],
    ];
    for (const [what, answer] of failures) {
      it(`undoes the transition and shows one text for ${what}`, async () => {
        program.answer = () => answer;
        expect(await messages()).to.deep.equal([failure]);
        expect(state()).to.equal('Start');
        expect(kinds()).not.to.include('moved');
        expect(program.heard).to.have.length(1);
      });
    }

    it('hears the text of an adapter that fails, where it is told to', async () => {
      const xml = simulator.core.bot('teashop')?.scenario ?? '';
      await restart({ bots: { teashop: xml }, failureText: 'adapter' });
      program.answer = () => [500, action({ Messages: ['Sorry'] })];
      expect(await messages()).to.deep.equal(['Sorry']);
      expect(state()).to.equal('Start');
    });

    it('hangs up and calls twice when told to', async () => {
      program.answer = () => [200, action({ Messages: ['Tea'] })];
      simulator.faults.adapter.duplicate = 1;
      expect(await messages()).to.deep.equal(['Wait', 'Tea']);
      expect(program.heard).to.have.length(2);
      simulator.core.define('teashop', simulator.core.bot('teashop')?.scenario ?? '');
      simulator.faults.adapter.hangUp = 1;
      expect(await (await talk('hi', 'other')).json()).to.deep.include({ Messages: [failure] });
      await simulator.idle();
      expect(program.heard).to.have.length(3);
    });
  });

  describe('with a bridge', () => {
    beforeEach(async () => {
      await restart({ bridges: { spark: `${program.url}/` }, pushPauseMs: 0 });
      await talk();
    });
    const ids = (): readonly unknown[] =>
      program.heard.map(({ body }) => (JSON.parse(body) as { TalkId: number }).TalkId);

    it('tries again with the same ids when a push is not taken, and shows it once', async () => {
      const answers: (readonly [number, string] | undefined)[] = [[503, ''], undefined];
      program.answer = () => (answers.length > 0 ? answers.shift() : [200, '']);
      await push({ Messages: ['a'] });
      await push({ Messages: ['b'] });
      await simulator.idle();
      expect(ids()).to.deep.equal([501, 501, 501, 502]);
      expect(simulator.core.seenBy({ bot: 'teashop', user: 'u-77', channel: 'spark' })).to.deep.equal(['a', 'b']);
    });

    it('gives up after three tries, and at once when it is told that the push is wrong', async () => {
      program.answer = () => [500, ''];
      await push({ Messages: ['a'] });
      await simulator.idle();
      program.answer = () => [400, ''];
      await push({ Messages: ['b'] });
      await simulator.idle();
      expect(ids()).to.deep.equal([501, 501, 501, 502]);
      expect(entries('undelivered')).to.have.length(2);
    });

    it('escapes what stands in the path, and sends base64 where it is told to', async () => {
      await restart({ bridges: { spark: program.url }, token: 'to/k', pushText: 'base64' });
      await talk('hi', 'a/b?c');
      await push({ Messages: ['Чай'] }, 'spark', 'a%2Fb%3Fc');
      await simulator.idle();
      expect(program.heard[0]).to.deep.include({
        path: '/api/push/to%2Fk/teashop/a%2Fb%3Fc',
        type: 'application/json',
      });
      expect(program.heard[0]?.body).to.include('"Text":"0KfQsNC5"');
    });

    it('broadcasts to everybody who came through it', async () => {
      await talk('hi', 'second');
      simulator.user('mira').say('hi');
      await call('POST', '/v1/broadcast/teashop?channel=spark', { message: 'nine' });
      await simulator.idle();
      expect(program.heard.map(({ path }) => path.split('/').at(-1))).to.deep.equal(['u-77', 'second']);
      expect(entries('broadcast')[0]).to.deep.include({ text: 'nine', users: 2 });
    });

    it('loses, repeats and turns round pushes when told to', async () => {
      await talk('hi', 'second');
      const { push: faults } = simulator.faults;
      faults.drop = 1;
      await push({ Messages: ['lost'] });
      faults.duplicate = 1;
      await push({ Messages: ['twice'] });
      await simulator.idle();
      faults.reorder = 1;
      await push({ Messages: ['late'] });
      await push({ Messages: ['early'] });
      await simulator.idle();
      faults.deaf = 1;
      await push({ Messages: ['again'] });
      await simulator.idle();
      expect(ids()).to.deep.equal([502, 502, 504, 503, 505, 505]);
    });
  });

  const answers: readonly (readonly [
    fault: keyof ChatfirstApiFaults,
    status: number,
    hasEffect: boolean,
    body?: RegExp,
  ])[] = [
    ['resetBefore', 0, false],
    ['throttle', 429, false, /Message/],
    ['fail', 500, false, /Message/],
    ['redirect', 307, false, /^$/],
    ['resetAfter', 0, true],
    ['failAfter', 500, true, /Message/],
    ['badGateway', 502, true, /<html>/],
    ['page', 200, true, /<html>/],
    ['empty', 200, true, /^$/],
    ['null', 200, true, /^null$/],
    ['cut', 0, true],
    ['duplicate', 200, true, /Messages/],
  ];
  for (const [fault, status, hasEffect, body] of answers) {
    it(`can be told to ${fault}: ${status}, ${hasEffect ? 'after' : 'without'} the effect`, async () => {
      Object.assign(simulator.faults.api, { [fault]: 1 });
      const answer = await talk().then(
        async (response) => ({ status: response.status, text: await response.text().catch(() => undefined) }),
        () => undefined,
      );
      const isWhole = answer?.text !== undefined;
      expect(isWhole ? answer.status : 0).to.equal(status);
      if (body !== undefined) expect(answer?.text).to.match(body);
      expect(entries('said')).to.have.length(fault === 'duplicate' ? 2 : hasEffect ? 1 : 0);
      expect(entries('fault')).to.have.length(fault === 'duplicate' ? 0 : 1);
      expect(await statusOf(talk())).to.equal(200);
    });
  }

  it('names the time to wait as it is told', async () => {
    const { api } = simulator.faults;
    Object.assign(api, { throttle: 2, retryAfter: 7, rateLimitReset: 9 });
    const first = await talk();
    expect(first.headers.get('retry-after')).to.equal('7');
    expect(Number(first.headers.get('x-rate-limit-reset'))).to.be.above(9);
    Object.assign(api, { retryAfter: null, rateLimitReset: null });
    const second = await talk();
    expect([second.status, second.headers.get('retry-after'), second.headers.get('x-rate-limit-reset')]).to.deep.equal([
      429,
      null,
      null,
    ]);
  });

  it('answers successes and failures with the statuses that it is told', async () => {
    const { api } = simulator.faults;
    api.successes = [201, 202, 204];
    expect([await statusOf(talk()), await statusOf(talk()), await statusOf(talk())]).to.deep.equal([201, 202, 204]);
    api.statuses = [503, 403];
    api.only = ({ operation }) => operation === 'talk';
    expect(await statusOf(call('GET', '/v1/bots'))).to.equal(200);
    expect([await statusOf(talk()), await statusOf(talk()), await statusOf(talk())]).to.deep.equal([503, 403, 200]);
    expect(entries('said')).to.have.length(4);
  });

  it('answers calls whose result nobody reads with nothing, null or a page, as it is told', async () => {
    for (const [ignoredBody, text] of [
      ['empty', ''],
      ['null', 'null'],
      ['page', '<html><body>done</body></html>'],
    ] as const) {
      await restart({ ignoredBody });
      expect(await (await call('POST', '/v1/bots', { name: 'x', language: 0 })).text()).to.equal(text);
      expect(await (await call('GET', '/v1/bots/x')).json()).to.deep.include({ name: 'x' });
    }
  });

  it('lists bots without scenarios, and tells a conflict otherwise, as it is told', async () => {
    await restart({ listsScenarios: false, existsStatus: 400 });
    expect(await (await call('GET', '/v1/bots')).json()).to.deep.equal([
      { name: 'teashop', language: 1, fancy_name: null, scenario: null },
    ]);
    expect(await statusOf(call('POST', '/v1/bots', { name: 'teashop', language: 1 }))).to.equal(400);
  });

  it('sends the second half of a body later, and leaves a call without an answer', async () => {
    Object.assign(simulator.faults.api, { slow: 1, slowMs: 1 });
    expect(await (await talk()).json()).to.deep.include({ Messages: ['Which tea?'] });
    for (const fault of ['drop', 'silent']) {
      Object.assign(simulator.faults.api, { [fault]: 1 });
      const controller = new AbortController();
      const answer = call('GET', '/v1/bots', undefined, {
        signal: controller.signal,
        headers: { authorization: basic(simulator.token) },
      }).catch(() => 'no answer');
      while (entries('fault').at(-1) === undefined || !JSON.stringify(entries('fault').at(-1)).includes(fault))
        await new Promise((resolve) => setImmediate(resolve));
      controller.abort();
      expect(await answer).to.equal('no answer');
    }
  });

  it('sends redirected calls to another server, which writes down what follows', async () => {
    simulator.faults.api.redirect = 1;
    await call('GET', '/v1/bots', undefined, { redirect: 'follow' });
    expect(simulator.strayed.map(({ method, url }) => ({ method, url }))).to.deep.equal([
      { method: 'GET', url: '/elsewhere' },
    ]);
    expect(simulator.strayed[0]?.headers).not.to.have.property('authorization');
  });

  it('lets somebody write from a shell', async () => {
    const say = async (place: string, body: string): Promise<Response> =>
      fetch(`${simulator.url}/say/${place}`, { method: 'POST', body });
    expect(await (await say('telegram/you', 'hi')).text()).to.equal('Which tea?\n\n[Green] [Black]\n');
    expect(await (await say('telegram/you', 'Green')).text()).to.equal('Green tea is coming.\n\n[Again]\n');
    expect((await say('pigeon/you', 'hi')).status).to.equal(404);
  });

  it('refuses wrong arguments with a sentence', async () => {
    const refused = async (config: Parameters<typeof chatfirstSimulator>[0]): Promise<unknown> =>
      chatfirstSimulator(config).then(
        async (started) => started.close(),
        (error: unknown) => error,
      );
    expect(await refused({ token: 'a:b' })).to.be.instanceOf(TypeError);
    expect(await refused({ bots: { x: '<' } })).to.be.instanceOf(TypeError);
    expect(await refused({ bridges: { spark: 'ftp://x' } })).to.be.instanceOf(TypeError);
    expect(await refused({ pushTries: 0 })).to.be.instanceOf(RangeError);
    expect(await refused({ adapterWithinMs: NaN })).to.be.instanceOf(RangeError);
    expect(() => simulator.user('x', { bot: 'nobot' })).to.throw('there is no bot nobot');
    expect(() => simulator.user('x', { channel: 'spark' })).to.throw('spark is no messenger of the platform');
  });

  it('stops, although an adapter still thinks', async () => {
    simulator.core.define('teashop', scenario(['Start', `<transition input="*" action="${program.url}"/>`]));
    program.answer = () => [200, action()];
    const silent = createServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const asked = once(silent, 'request');
    simulator.core.define(
      'teashop',
      scenario([
        'Start',
        `<transition input="*" action="http://127.0.0.1:${(silent.address() as AddressInfo).port}/"/>`,
      ]),
    );
    const answer = statusOf(talk());
    await asked;
    await simulator.close();
    expect(await answer).to.equal(0);
    silent.closeAllConnections();
    silent.close();
    simulator = await chatfirstSimulator();
  });
});
