import { expect } from 'chai';
import fc from 'fast-check';
import { either as E } from 'fp-ts';
import type { ChatError, Json } from 'tidewire';
import {
  decodeBot,
  decodeBots,
  decodeCommand,
  decodeLink,
  decodeMessage,
  decodeOutput,
  decodeResponse,
  encodeBot,
  encodeCommand,
  encodeLink,
  encodeMessage,
  encodeOutput,
  encodeResponse,
  parseOutput,
  type ChatfirstBot,
  type ChatfirstCommand,
  type ChatfirstOutput,
  type ChatfirstRequest,
  type ChatfirstResponse,
} from 'tidewire/chatfirst';
import { fromBase64, toBase64 } from '../../../lib/chatfirst/base64.js';
import { isPublicUrl } from '../../../lib/chatfirst/public-url.js';
import { xmlProblem } from '../../../lib/chatfirst/xml.js';
import { exchange, exchanges } from '../../support/chatfirst-exchanges.js';
import { mutate, random } from '../../support/mutations.js';

const right = <A>(decoded: E.Either<ChatError, A>): A => {
  if (E.isLeft(decoded)) throw decoded.left;
  return decoded.right;
};
const left = (decoded: E.Either<ChatError, unknown>): ChatError => {
  if (E.isRight(decoded)) throw new Error('expected an error');
  return decoded.left;
};

const teashop: ChatfirstBot = {
  name: 'teashop',
  language: 'en',
  fancyName: 'Tea Shop',
  scenario: '<fsm name="teashop"><states/></fsm>',
};
const menu: ChatfirstResponse = {
  messages: ['Brewing', 'Ready in 3 minutes'],
  keyboard: ['Again', 'Stop'],
  entities: [{ name: 'Sencha', description: 'Japan', imageUrl: 'https://img.test/s.jpg', options: ['Buy'] }],
  count: 2,
};

/** The call that each fixture makes. */
const commands: Readonly<Record<string, ChatfirstCommand>> = {
  list: { kind: 'bots' },
  create: { kind: 'createBot', bot: teashop },
  'get-unknown': { kind: 'bot', name: 'nobot' },
  update: {
    kind: 'updateBot',
    bot: { name: 'tea shop/2', language: 'ru', scenario: '<fsm name="tea shop/2"><states/></fsm>' },
  },
  'delete-again': { kind: 'deleteBot', name: 'teashop' },
  talk: {
    kind: 'talk',
    bot: 'teashop',
    message: { user: 'u-77', text: 'Green', userName: 'mira', firstName: 'Mira' },
  },
  push: {
    kind: 'push',
    bot: 'teashop',
    channel: 'slack',
    user: 'u-77',
    response: { messages: ['Your tea is ready'], keyboard: ['Green', 'Black'], entities: [], state: 'Menu' },
  },
  broadcast: { kind: 'broadcast', bot: 'teashop', channel: 'telegram', text: 'We open at nine' },
  'talk-v2': {
    kind: 'talkV2',
    bot: 'teashop',
    message: {
      user: 'room9-pers4',
      text: 'hi',
      userName: 'm@x.test',
      firstName: 'Mira',
      lastName: 'K',
      locale: 'en_GB',
      timeZone: 1,
    },
  },
  link: { kind: 'linkChannel', bot: 'teashop', channel: 'telegram', externalToken: '123:sample' },
  denied: { kind: 'bots' },
};

const requestIn = (name: string): ChatfirstRequest => {
  const { method, url, body } = exchange(name).request;
  const [path = '', search = ''] = url.split('?');
  const query = [...new URLSearchParams(search)];
  return body === undefined ? { method, path, query } : { method, path, query, body: body as Json };
};

describe('the calls of Chatfirst', () => {
  for (const [name, command] of Object.entries(commands)) {
    it(`are written and read as in the fixture ${name}`, () => {
      expect(encodeCommand(command, 'tok_test_1')).to.deep.equal(requestIn(name));
      expect(right(decodeCommand(requestIn(name)))).to.deep.equal(command);
    });
  }

  it('cover every fixture that is a call', () => {
    const others = [...exchanges.keys()].filter((name) => !(name in commands));
    expect(others).to.deep.equal(['adapter', 'channel-push']);
  });

  it('that no fixture has are written as the sources of the client have them', () => {
    const wire = (command: ChatfirstCommand): string => {
      const { method, path, query } = encodeCommand(command);
      return `${method} ${path}?${new URLSearchParams(query.map(([key, value]) => [key, value])).toString()}`;
    };
    const [bot, channel] = ['tea shop', 'telegram'];
    expect(wire({ kind: 'channel', bot, channel })).to.equal('GET /v1/channels?channel=telegram&botName=tea+shop');
    expect(wire({ kind: 'unlinkChannel', bot, channel })).to.equal(
      'PUT /v1/channels/unlink?channel=telegram&botName=tea+shop',
    );
    expect(wire({ kind: 'forceState', bot, channel, state: 'Main menu' })).to.equal(
      'PUT /v1/channels/force/tea%20shop/telegram?state=Main+menu',
    );
    for (const kind of ['channel', 'unlinkChannel'] as const) {
      expect(right(decodeCommand(encodeCommand({ kind, bot, channel })))).to.deep.equal({ kind, bot, channel });
    }
    const force = { kind: 'forceState', bot, channel, state: 'Menu' } as const;
    expect(right(decodeCommand(encodeCommand(force)))).to.deep.equal(force);
  });

  it('leave the token out where nobody gives it, and what the first generation does not know', () => {
    expect(encodeCommand({ kind: 'createBot', bot: teashop }).query).to.deep.equal([]);
    const message = { user: 'u', text: 'x', locale: 'en_GB', timeZone: 1, gender: 'f', picture: 'https://x.test/p' };
    expect(encodeCommand({ kind: 'talk', bot: 'b', message }).body).to.deep.equal(
      encodeMessage({ user: 'u', text: 'x' }),
    );
  });

  it('come back from any names', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(name, name, name, fc.string(), (bot, channel, user, text) => {
        const calls: readonly ChatfirstCommand[] = [
          { kind: 'bot', name: bot },
          { kind: 'deleteBot', name: bot },
          { kind: 'updateBot', bot: { name: bot } },
          { kind: 'talk', bot, message: { user, text } },
          { kind: 'talkV2', bot, message: { user, text } },
          { kind: 'push', bot, channel, user, response: { ...menu, messages: [text] } },
          { kind: 'broadcast', bot, channel, text },
          { kind: 'linkChannel', bot, channel, externalToken: text },
          { kind: 'forceState', bot, channel, state: text },
        ];
        for (const call of calls) expect(right(decodeCommand(encodeCommand(call)))).to.deep.equal(call);
      }),
    );
  });

  it('are refused when they are none', () => {
    const request = (method: ChatfirstRequest['method'], path: string, body?: Json): ChatfirstRequest => ({
      method,
      path,
      query: [],
      ...(body !== undefined && { body }),
    });
    const wrong = [
      request('GET', '/v1'),
      request('GET', '/v1/bots/%'),
      request('GET', '/v2/bots'),
      request('POST', '/v1/talk', {}),
      request('POST', '/v1/push/b', {}),
      request('POST', '/v1/broadcast/b', {}),
      request('DELETE', '/v1/bots'),
      request('GET', '/v1/bots/a/b'),
      request('PUT', '/v1/channels/force/b'),
      request('PUT', '/v1/channels/else'),
    ];
    for (const one of wrong) expect(left(decodeCommand(one)).kind, one.path).to.equal('undecodable');
  });
});

describe('the answers of Chatfirst', () => {
  const answer = (name: string): unknown => exchange(name).response.body;

  it('are read and written as in the fixtures', () => {
    expect(right(decodeBots(answer('list')))).to.deep.equal([teashop]);
    expect([teashop].map(encodeBot)).to.deep.equal(answer('list'));
    expect(right(decodeBot(answer('create')))).to.deep.equal(teashop);
    expect(right(decodeResponse(answer('talk')))).to.deep.equal(menu);
    expect(encodeResponse(menu)).to.deep.equal(answer('talk'));
    const second: ChatfirstOutput = {
      talkId: '501',
      messages: [
        { id: '1', text: 'Menu', entities: [], keyboard: [['Green', 'Black'], ['Stop']] },
        {
          id: '2',
          text: 'Чай',
          photo: { name: 'Sencha', imageUrl: 'https://img.test/s.jpg', options: [] },
          entities: [],
          keyboard: [],
        },
      ],
    };
    expect(right(decodeOutput(answer('talk-v2')))).to.deep.equal(second);
    expect(encodeOutput(second)).to.deep.equal(answer('talk-v2'));
    const brewing = { messages: ['Brewing green tea'], keyboard: [], entities: [], state: 'Menu', count: 1 };
    expect(right(decodeResponse(answer('adapter')))).to.deep.equal(brewing);
    expect(encodeResponse(brewing)).to.deep.equal(answer('adapter'));
  });

  it('that are lists may be empty in every way that was seen', () => {
    for (const none of [undefined, null, [], {}, '']) expect(right(decodeBots(none))).to.deep.equal([]);
    for (const wrong of [1, 'x', { bots: [] }, [1], [{}]]) expect(left(decodeBots(wrong)).kind).to.equal('undecodable');
  });

  it('may leave out keys or have them null, and have others', () => {
    const nothing = { messages: [], keyboard: [], entities: [] };
    for (const [wire, expected] of [
      [
        { Count: 0, Messages: [] },
        { ...nothing, count: 0 },
      ],
      [{ Messages: null, Entities: null, ForcedState: '', New: 1 }, nothing],
      [
        { Messages: ['a', null, 'b'], Count: 'many' },
        { ...nothing, messages: ['a', 'b'] },
      ],
      [{ Entities: [null, { Name: '', EntityOptions: null }] }, { ...nothing, entities: [{ options: [] }] }],
      [
        { ForcedState: 'X', ForcedMessage: { any: [1] } },
        { ...nothing, state: 'X', forcedMessage: { any: [1] } },
      ],
    ] as const) {
      expect(right(decodeResponse(wire))).to.deep.equal(expected);
    }
  });

  it('have a keyboard in all forms that were seen, row after row', () => {
    const flat = ['Green', 'Black', 'Stop'];
    for (const keyboard of [
      flat,
      [['Green', 'Black'], ['Stop']],
      'Green, Black,Stop',
      [['Green', null], 'Black', 'Stop', ''],
    ]) {
      expect(right(decodeResponse({ ForcedKeyboard: keyboard })).keyboard).to.deep.equal(flat);
    }
    expect(right(decodeResponse({ ForcedKeyboard: null })).keyboard).to.deep.equal([]);
  });

  it('are refused when they are none, without their values', () => {
    for (const wrong of [
      undefined,
      null,
      'text',
      1,
      [],
      {},
      { Message: 'no' },
      { Messages: 'hush' },
      { Messages: [1] },
    ]) {
      const error = left(decodeResponse(wrong));
      expect(error).to.include({ kind: 'undecodable', platform: 'chatfirst' });
      expect(error.message).not.to.match(/hush/);
    }
    expect(left(decodeResponse({ Messages: 'hush' })).problems?.[0]).to.match(/^Messages\b.* is not /);
  });

  it('have ids of 64 bits whole', () => {
    const text =
      '{"TalkId":9223372036854775807,"Messages":[{"Text":"\\"TalkId\\":1234567890123456789", "MessageId" : 9007199254740993}]}';
    const { talkId, messages } = right(decodeOutput(parseOutput(text), 'plain'));
    expect([talkId, messages[0]?.id, messages[0]?.text]).to.deep.equal([
      '9223372036854775807',
      '9007199254740993',
      '"TalkId":1234567890123456789',
    ]);
    expect(() => parseOutput('{')).to.throw(SyntaxError);
  });

  it('have texts of the second generation as base64, or as they are', () => {
    const texts = (Text: string, how?: 'plain' | 'base64' | 'auto'): string | undefined =>
      right(decodeOutput({ TalkId: 1, Messages: [{ MessageId: 1, Text }] }, how)).messages[0]?.text;
    expect([texts('0KfQsNC5'), texts('Menu'), texts('T3='), texts('Hello there')]).to.deep.equal([
      'Чай',
      'Menu',
      'T3=',
      'Hello there',
    ]);
    expect([texts('0KfQsNC5', 'plain'), texts('0KfQsNC5', 'auto'), texts('Menu', 'auto')]).to.deep.equal([
      '0KfQsNC5',
      'Чай',
      'Menu',
    ]);
  });

  it('come back as they were written', () => {
    const text = fc.string({ unit: 'grapheme' });
    const label = text.filter((it) => it.trim() !== '');
    const maybe = <T>(key: string, value: fc.Arbitrary<T>): fc.Arbitrary<object> =>
      fc.option(value, { nil: undefined }).map((it) => (it === undefined ? {} : { [key]: it }));
    const entity = fc
      .tuple(
        fc.array(label),
        maybe('name', label),
        maybe('description', label),
        maybe('imageUrl', fc.webUrl()),
        maybe('handle', label),
      )
      .map(([options, ...parts]) => Object.assign({ options }, ...parts) as ChatfirstResponse['entities'][number]);
    const response = fc
      .tuple(fc.array(text), fc.array(label), fc.array(entity), maybe('state', label), maybe('count', fc.nat()))
      .map(
        ([messages, keyboard, entities, ...parts]) =>
          Object.assign({ messages, keyboard, entities }, ...parts) as ChatfirstResponse,
      );
    fc.assert(
      fc.property(response, (it) => {
        expect(right(decodeResponse(encodeResponse(it)))).to.deep.equal(it);
      }),
    );
    const id = fc.bigInt({ min: 0n, max: 2n ** 63n }).map(String);
    const message = fc
      .tuple(
        id,
        fc.array(entity),
        fc.array(fc.array(label, { minLength: 1 })),
        maybe('text', text),
        maybe('photo', entity),
      )
      .map(
        ([n, entities, keyboard, ...parts]) =>
          Object.assign({ id: n, entities, keyboard }, ...parts) as ChatfirstOutput['messages'][number],
      );
    fc.assert(
      fc.property(id, fc.array(message), (talkId, messages) => {
        const output = { talkId, messages };
        expect(right(decodeOutput(encodeOutput(output)))).to.deep.equal(output);
        expect(right(decodeOutput(encodeOutput(output, 'plain'), 'plain'))).to.deep.equal(output);
      }),
    );
  });

  it('keep a language that is not known, and erase what is not set', () => {
    expect(right(decodeBot({ name: 'b', language: 7, else: 1 }))).to.deep.equal({ name: 'b', language: 7 });
    expect(encodeBot({ name: 'b', language: 7 })).to.deep.equal({
      name: 'b',
      language: 7,
      fancy_name: null,
      scenario: null,
    });
    expect(right(decodeBot(encodeBot({ name: 'b' })))).to.deep.equal({ name: 'b' });
  });

  it('tell how a bot is linked', () => {
    const link = { bot: 'teashop', channel: 'telegram', externalToken: 'tok_test_2', userToken: 'tok_test_1' };
    const wire = { Token: 'tok_test_2', Name: 'telegram', UserToken: 'tok_test_1', BotName: 'teashop' };
    expect(encodeLink(link)).to.deep.equal(wire);
    expect(right(decodeLink(wire))).to.deep.equal(link);
    expect(right(decodeLink({ Token: null }))).to.deep.equal({});
    expect(left(decodeLink(null)).kind).to.equal('undecodable');
  });

  it('never throw, whatever is wrong with them', () => {
    const next = random(7);
    const readers = [decodeBot, decodeBots, decodeLink, decodeMessage, decodeOutput, decodeResponse];
    for (const { request, response } of exchanges.values()) {
      for (const body of [request.body, response.body]) {
        if (typeof body !== 'object') continue;
        for (let n = 0; n < 100; n++) {
          let json: unknown;
          try {
            json = parseOutput(mutate(body, next));
          } catch {
            continue;
          }
          for (const read of readers) read(json);
        }
      }
    }
    expect(({} as { polluted?: unknown }).polluted).to.equal(undefined);
  });
});

describe('base64', () => {
  it('is one line, of UTF-8, for texts of any length', () => {
    expect(toBase64('tok_test_1:')).to.equal('dG9rX3Rlc3RfMTo=');
    const long = 'Ключ€'.repeat(20_000);
    expect(toBase64(long)).to.equal(Buffer.from(long).toString('base64'));
  });

  it('is read when it is canonical, and nothing else is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(fromBase64(toBase64(text))).to.equal(text);
      }),
    );
    for (const wrong of ['Menu', 'a', 'ab', 'abc', 'YQ', 'YQ=', 'YR==', ' YQ==', 'YQ==\n', '_-__', '/w==', '77+9=']) {
      expect(fromBase64(wrong), wrong).to.equal(undefined);
    }
    expect(fromBase64('77u/YQ==')).to.equal('\ufeffa');
  });
});

describe('isPublicUrl', () => {
  it('knows what nobody outside can fetch', () => {
    for (const url of [
      'https://img.test/s.jpg',
      'http://8.8.8.8/x',
      'https://172.32.0.1/',
      'https://[2606:4700::1111]/',
    ]) {
      expect(isPublicUrl(url), url).to.equal(true);
    }
    const hidden = [
      undefined,
      '',
      '/s.jpg',
      's.jpg',
      'ftp://img.test/s.jpg',
      'data:image/png;base64,AA',
      'https://user:pass@img.test/s.jpg',
      'https://intranet/s.jpg',
      'http://localhost:8080/s.jpg',
      'http://localhost./s.jpg',
      'https://a.local/',
      'http://127.0.0.1/s.jpg',
      'http://2130706433/',
      'http://0x7f.1/',
      'http://10.1.2.3/',
      'http://172.16.0.1/',
      'http://192.168.1.1/',
      'http://169.254.169.254/latest',
      'http://100.64.0.1/',
      'http://[::1]/',
      'http://[fe80::1]/',
      'http://[fd00::1]/',
      'http://[::ffff:10.0.0.1]/',
      'http://0.0.0.0/',
      'http://224.0.0.1/',
    ];
    for (const url of hidden) expect(isPublicUrl(url), url).to.equal(false);
  });
});

describe('xmlProblem', () => {
  it('finds nothing wrong with a scenario', () => {
    for (const text of [
      '<fsm name="teashop"><states/></fsm>',
      '\ufeff<?xml version="1.0"?>\n<!-- a < b & c -->\n<fsm name=\'t "1"\'>\n <states >A &amp; B &#169; &#x41;<![CDATA[ <x> & ]]></states></fsm >\n',
      '<a-b.c:d\n  x = "1"\n  y="2>1"\n/>',
    ]) {
      expect(xmlProblem(text), text).to.equal(undefined);
    }
  });

  it('says what is, and nothing of the text', () => {
    for (const [text, problem] of [
      ['', /no tags/],
      ['just words', /outside of its root/],
      ['{"json":1}', /outside of its root/],
      ['<fsm><state></fsm></state>', /closed that is not open/],
      ['<fsm>', /not closed/],
      ['<fsm/><fsm/>', /more than one root/],
      ['<fsm/>words', /outside of its root/],
      ['<fsm/><![CDATA[words]]>', /outside of its root/],
      ['<fsm>a & b</fsm>', /&/],
      ['<fsm a="b & c"/>', /&/],
      ['<fsm>&secret;</fsm>', /&/],
      ['<fsm>a < b</fsm>', /</],
      ['<fsm a=1/>', /</],
      ['<fsm a="1"b="2"/>', /</],
      ['<!DOCTYPE fsm [<!ENTITY secret "x">]><fsm/>', /document type/],
      ['<fsm><!-- never closed </fsm>', /</],
    ] as const) {
      expect(xmlProblem(text), text)
        .to.match(problem)
        .and.not.match(/secret|words|json/);
    }
  });

  it('takes no more time than the text is long', () => {
    for (const text of [
      '<a '.repeat(50_000),
      '<a' + ' x="1"'.repeat(50_000),
      '<!--'.repeat(50_000),
      '<a' + ' '.repeat(100_000),
    ]) {
      expect(xmlProblem(text)).not.to.equal(undefined);
    }
  }).timeout(2_000);
});
