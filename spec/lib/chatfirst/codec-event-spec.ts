import { expect } from 'chai';
import fc from 'fast-check';
import { either as E } from 'fp-ts';
import { cards, choices, text, type InboundEvent } from 'tidewire';
import {
  adapterCallOf,
  adapterEvent,
  decodeAdapterCall,
  decodeOutput,
  decodePush,
  decodePushPath,
  encodeAdapterCall,
  encodeOutput,
  encodePushPath,
  joinUserId,
  pushedReplies,
  splitUserId,
  type ChatfirstAdapterCall,
} from 'tidewire/chatfirst';
import { InboundEventCodec } from 'tidewire/model';
import { exchange } from '../../support/chatfirst-exchanges.js';
import { mutate, random } from '../../support/mutations.js';

const arrival = { id: 'made-1', at: '2026-01-01T00:00:00.000Z' };

describe('the calls of an adapter', () => {
  const brew: ChatfirstAdapterCall = { action: 'brew', user: 'u-77', text: 'Green', parameters: { kind: 'green' } };

  it('are read and written as in the fixture', () => {
    const { url } = exchange('adapter').request;
    expect(decodeAdapterCall(url, '')).to.deep.equal(brew);
    expect(encodeAdapterCall(brew, '')).to.equal(url);
  });

  it('come back as they were written', () => {
    const word = fc.string({ unit: 'grapheme' });
    const name = word.filter((it) => it !== 'id' && it !== 'msg' && it !== '__proto__');
    fc.assert(
      fc.property(word, word, fc.dictionary(name, word, { noNullPrototype: true }), (user, said, parameters) => {
        const call = { action: 'a/b', parameters, text: said, ...(user !== '' && { user }) };
        expect(decodeAdapterCall(encodeAdapterCall(call, '/x'), '/x')).to.deep.equal(call);
      }),
    );
  });

  it('may lead below the adapter, and nowhere else', () => {
    const actionAt = (url: string): string | undefined => decodeAdapterCall(url, '/tea/s3cret')?.action;
    expect(
      ['/tea/s3cret', '/tea/s3cret/', '/tea/s3cret?id=1', '/tea/s3cret/pay/2/?id=1', '/tea/s3cret#x'].map(actionAt),
    ).to.deep.equal(['', '', '', 'pay/2', '']);
    for (const url of ['/tea', '/tea/s3cretly', '/tea/S3CRET', '/tea/s3cre?t', '', '/x/tea/s3cret']) {
      expect(actionAt(url), url).to.equal(undefined);
    }
  });

  it('are messages when they tell what was said, else commands', () => {
    const event = adapterEvent(brew, { ...arrival, account: 'teashop', channel: 'telegram' });
    expect(event).to.deep.equal({
      kind: 'message',
      id: 'made-1',
      platform: 'chatfirst',
      conversation: { platform: 'chatfirst', account: 'teashop', id: 'u-77', channel: 'telegram' },
      at: arrival.at,
      fingerprint: '/brew?kind=green&id=u-77&msg=Green',
      sender: { role: 'customer', id: 'u-77' },
      text: 'Green',
      raw: brew,
    });
    expect(adapterCallOf(event)).to.deep.equal(brew);
    const silent = adapterEvent({ action: 'brew', user: 'u', parameters: {} }, arrival);
    expect(silent).to.include({ kind: 'command', name: 'brew' });
    expect(adapterEvent({ action: '', user: 'u', text: ' ', parameters: {} }, arrival)).to.include({ name: 'call' });
    for (const one of [event, silent]) expect(E.isRight(InboundEventCodec.decode(one))).to.equal(true);
  });

  it('that name no user are conversations of their own', () => {
    const event = adapterEvent({ action: '', text: 'hi', parameters: {} }, arrival);
    expect(event.conversation).to.deep.equal({ platform: 'chatfirst', id: 'made-1', channel: 'unknown' });
    expect(event.sender).to.deep.equal({ role: 'customer' });
  });

  it('are found in events of adapters alone', () => {
    const event = adapterEvent(brew, arrival);
    expect(adapterCallOf({ ...event, platform: 'userlike' })).to.equal(undefined);
    expect(adapterCallOf({ ...event, raw: { action: 1 } })).to.equal(undefined);
  });

  it('take the first of parameters with the same name, and none for a prototype', () => {
    const call = decodeAdapterCall('/?id=1&id=2&msg=a&msg=b&x=1&x=2&__proto__=evil', '');
    expect(call).to.deep.include({ user: '1', text: 'a' });
    expect(call?.parameters['x']).to.equal('1');
    expect(({} as { evil?: unknown }).evil).to.equal(undefined);
  });
});

describe('the pushes to a channel', () => {
  const target = { userToken: 'tok_test_1', bot: 'teashop', user: 'room9-pers4' };
  const { url, body } = exchange('channel-push').request;
  const read = (json: unknown, texts?: 'plain' | 'base64' | 'auto'): readonly InboundEvent[] => {
    const decoded = decodePush(json, target, arrival, texts);
    if (E.isLeft(decoded)) throw decoded.left;
    return decoded.right;
  };

  it('are read and written as in the fixture', () => {
    expect(decodePushPath(url, '/api/push')).to.deep.equal(target);
    expect(encodePushPath(target, '/api/push')).to.equal(url);
    expect(read(body)).to.deep.equal([
      {
        kind: 'message',
        id: '502-7',
        platform: 'chatfirst',
        conversation: { platform: 'chatfirst', account: 'teashop', id: 'room9-pers4', channel: 'custom' },
        at: arrival.at,
        sender: { role: 'bot' },
        text: 'Your tea is ready',
        raw: (body as { Messages: unknown[] }).Messages[0],
      },
    ]);
    const output = decodeOutput(body, 'plain');
    expect(E.isRight(output) && encodeOutput(output.right, 'plain')).to.deep.equal(body);
  });

  it('name users in any letters, and nothing else in their path', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1 }),
        fc.string({ unit: 'grapheme', minLength: 1 }),
        (bot, user) => {
          const whom = { userToken: 't/?', bot, user };
          expect(decodePushPath(encodePushPath(whom, '/p'), '/p')).to.deep.equal(whom);
        },
      ),
    );
    for (const path of [
      '/api/push',
      '/api/push/',
      '/api/push/t/b',
      '/api/push/t/b/',
      '/api/push/t//u',
      '/api/push/t/b/u/x',
      '/api/pushy/t/b/u',
      '/api/push/t/b/%',
    ]) {
      expect(decodePushPath(path, '/api/push'), path).to.equal(undefined);
    }
  });

  it('have their texts as the option says', () => {
    const push = { TalkId: 1, Messages: [{ MessageId: 1, Text: '0KfQsNC5' }] };
    const texts = (['plain', 'base64', 'auto'] as const)
      .map((how) => read(push, how)[0])
      .map((event) => event?.kind === 'message' && event.text);
    expect(texts).to.deep.equal(['0KfQsNC5', 'Чай', 'Чай']);
  });

  it('tell what to show, galleries and buttons too', () => {
    const [event, bare] = read(exchange('talk-v2').response.body, 'base64');
    expect(event === undefined ? [] : pushedReplies(event)).to.deep.equal([
      choices('Menu', ['Green', 'Black', 'Stop']),
    ]);
    expect(bare).to.deep.include({ text: 'Чай', attachments: [{ url: 'https://img.test/s.jpg', name: 'Sencha' }] });
    expect(bare === undefined ? [] : pushedReplies(bare)).to.deep.equal([
      text('Чай'),
      cards([{ title: 'Sencha', image: 'https://img.test/s.jpg' }]),
    ]);
    const [wordless] = read({ TalkId: 1, Messages: [{ MessageId: 1, KeyboardOptions: [['a']] }] });
    expect(wordless === undefined ? [] : pushedReplies(wordless, 'Bitte:')).to.deep.equal([choices('Bitte:', ['a'])]);
    if (event === undefined) return;
    expect(pushedReplies({ ...event, platform: 'userlike' })).to.deep.equal([]);
    expect(pushedReplies({ ...event, raw: null })).to.deep.equal([]);
  });

  it('are refused when they are none, and never throw', () => {
    for (const wrong of [null, '', [], {}, { TalkId: 1 }, { TalkId: 1, Messages: ['text'] }]) {
      expect(E.isLeft(decodePush(wrong, target, arrival)), JSON.stringify(wrong)).to.equal(true);
    }
    const next = random(3);
    for (let n = 0; n < 300; n++) {
      let json: unknown;
      try {
        json = JSON.parse(mutate(exchange('talk-v2').response.body, next));
      } catch {
        continue;
      }
      const decoded = decodePush(json, target, arrival, 'auto');
      if (E.isRight(decoded)) for (const event of decoded.right) pushedReplies(event);
    }
  });
});

describe('joinUserId', () => {
  it('is undone by splitUserId, whatever is in the halves', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (room, person) => {
        const id = joinUserId(room, person);
        expect(splitUserId(id)).to.deep.equal([room, person]);
        expect(id.split('-')).to.have.length(2);
      }),
    );
    expect(joinUserId('room9', 'pers4')).to.equal('room9-pers4');
    for (const wrong of ['', 'room9', 'a-b-c', '%-b']) expect(splitUserId(wrong), wrong).to.equal(undefined);
  });
});
