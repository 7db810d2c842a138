import { inspect } from 'node:util';
import { expect } from 'chai';
import { either as E } from 'fp-ts';
import type { ChatError } from 'tidewire';
import {
  decodeAction,
  decodeChat,
  decodeCommand,
  decodeUpload,
  encodeCommand,
  encodeFields,
  fluidtalkError,
  partsOf,
  type FluidtalkCallName,
  type FluidtalkCommand,
  type FluidtalkResult,
  type FluidtalkWire,
  type FormPart,
} from 'tidewire/fluidtalk';
import { refusalOf } from '../../../lib/fluidtalk/command.js';
import { detailText } from '../../../lib/fluidtalk/refusal.js';
import { fixtures } from '../../support/fixtures.js';
import { mutate, random } from '../../support/mutations.js';

interface Exchange {
  readonly request: {
    readonly path: string;
    readonly form: Readonly<
      Record<string, string | { readonly name: string; readonly type: string; readonly base64: string }>
    >;
  };
  readonly response: { readonly status: number; readonly contentType: string; readonly body: unknown };
}
const exchanges = fixtures('fluidtalk/exchanges') as ReadonlyMap<string, Exchange>;

const wireOf = ({ path, form }: Exchange['request']): FluidtalkWire => ({
  path,
  fields: Object.entries(form).map(([name, value]): FormPart =>
    typeof value === 'string'
      ? { name, value }
      : {
          name,
          bytes: new Uint8Array(Buffer.from(value.base64, 'base64')),
          fileName: value.name,
          mimeType: value.type,
        },
  ),
});

const right = <A>(decoded: E.Either<ChatError, A>): A => {
  if (E.isLeft(decoded)) throw decoded.left;
  return decoded.right;
};
const left = (decoded: E.Either<ChatError, unknown>): ChatError => {
  if (E.isRight(decoded)) throw new Error('expected an error');
  return decoded.left;
};
const spoken = (json: unknown): Omit<FluidtalkResult, 'raw'> => {
  const { raw, ...rest } = right(decodeChat(json));
  expect(raw).to.equal(json);
  return rest;
};

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
const commands: Readonly<Record<string, FluidtalkCommand>> = {
  'inbound-chat': { kind: 'inboundChat', target: '@mira', message: 'hello there', ownUsername: '@tea_acc' },
  'reply-with-photo': { kind: 'inboundChat', target: '@mira', message: 'show me', ownUsername: '@tea_acc' },
  'chat-with-file': {
    kind: 'inboundChat',
    target: '@mira',
    message: '',
    file: { bytes: bytes('iVBORw0KGgo='), mimeType: 'image/png', fileName: 'cup.png' },
  },
  'duplicate-lead': { kind: 'inboundChat', target: '@mira', message: 'hi', ownUsername: '@second_acc' },
  opener: { kind: 'aiOpener', target: '@noor', ownUsername: '@tea_acc' },
  'event-trigger': {
    kind: 'eventTrigger',
    target: '@noor',
    eventType: 'cart_abandoned',
    context: { item: 'sencha', qty: 2 },
  },
  'follow-up': { kind: 'followUp', target: '@noor' },
  'follow-up-without-conversation': { kind: 'followUp', target: '@nobody' },
  'out-of-tokens': { kind: 'aiOpener', target: '@new1' },
  sealed: { kind: 'inboundChat', target: '@mira', message: 'one more thing' },
  upload: { kind: 'uploadImage', bytes: bytes('/9j/4AAQSkZJRg=='), mimeType: 'image/jpeg', fileName: 'image.jpg' },
  'validation-failure': { kind: 'aiOpener', target: '' },
  'proxy-error-page': { kind: 'inboundChat', target: '@mira', message: 'hello' },
};
const session = { sessionId: 's-1002', ignored: false };
const results: Readonly<Record<string, object>> = {
  'inbound-chat': { bubbles: ['hey!', 'what brings you here?'], sessionId: 's-1001', ignored: false },
  'reply-with-photo': {
    bubbles: ['here you go'],
    photoUrl: 'https://cdn.test/p/77.jpg',
    sessionId: 's-1001',
    ignored: false,
  },
  'chat-with-file': { bubbles: ['nice cup'], sessionId: 's-1001', ignored: false },
  'duplicate-lead': { bubbles: [], sessionId: 's-1001', ignored: true, ignoreReason: 'owned by another account' },
  opener: { bubbles: ['hi noor, loved your tea shelf'], ...session },
  'event-trigger': { bubbles: ['still thinking about the sencha?'], ...session },
  'follow-up': { bubbles: ['hey again', 'did the tea arrive?'], ...session },
  upload: { url: 'https://cdn.test/u/abc.jpg' },
};
const errors: Readonly<Record<string, object>> = {
  'follow-up-without-conversation': { kind: 'refused', reason: 'noConversation', inDoubt: false, retryable: false },
  'out-of-tokens': { kind: 'refused', reason: 'outOfTokens', inDoubt: false, retryable: false },
  sealed: { kind: 'refused', reason: 'sealed', inDoubt: false, retryable: false },
  'validation-failure': { kind: 'refused', reason: 'invalid', inDoubt: false, retryable: false },
  'proxy-error-page': { kind: 'unreachable', status: 502, inDoubt: true },
};

const decodeResult = (call: FluidtalkCallName, json: unknown): E.Either<ChatError, object> => {
  if (call === 'inboundChat') return decodeChat(json);
  return call === 'uploadImage' ? decodeUpload(json) : decodeAction(call, json);
};
const noHeader = (): undefined => undefined;

describe('the FluidTalk codec', () => {
  it('has all examples', () => {
    expect([...exchanges.keys()].sort()).to.deep.equal(Object.keys(commands).sort());
    expect([...exchanges.keys()].sort()).to.deep.equal([...Object.keys(results), ...Object.keys(errors)].sort());
  });

  for (const [name, { request, response }] of exchanges) {
    it(`reads and writes the request: ${name}`, () => {
      const wire = wireOf(request);
      const command = right(decodeCommand(wire));
      expect(command).to.deep.equal(commands[name]);
      expect(encodeCommand(command)).to.deep.equal(wire);
    });

    it(`reads the answer: ${name}`, () => {
      const call = commands[name]?.kind ?? 'inboundChat';
      const { status, body } = response;
      if (status === 200) {
        const result = right(decodeResult(call, body));
        expect(result).to.deep.equal(call === 'uploadImage' ? results[name] : { raw: body, ...results[name] });
      } else {
        const error = fluidtalkError(call, { status, header: noHeader, body }, 0);
        expect(error).to.include({ platform: 'fluidtalk', status, ...errors[name] });
      }
    });
  }
});

describe('encodeCommand', () => {
  const textsOf = (command: FluidtalkCommand, own?: string): readonly (readonly [string, unknown])[] =>
    encodeCommand(command, own).fields.map((field) => [field.name, 'value' in field ? field.value : field.bytes]);
  const to = { target: '@a' };

  it('orders the fields as the official client does, the file last', () => {
    const file = { bytes: Uint8Array.of(1), mimeType: 'image/gif' };
    const full = { ...to, ownUsername: '@me', imageUrl: 'https://x.test/a.png', file };
    const names = (command: FluidtalkCommand): string =>
      textsOf(command)
        .map(([name]) => name)
        .join();
    expect(names({ kind: 'inboundChat', message: 'x', ...full })).to.equal(
      'target,message,own_username,image_url,file',
    );
    expect(names({ kind: 'aiOpener', ...full })).to.equal('target,action,own_username,image_url,file');
    expect(names({ kind: 'eventTrigger', eventType: 'e', context: { a: 1 }, ...full })).to.equal(
      'target,action,entry_type,entry_context,own_username,image_url,file',
    );
    expect(names({ kind: 'followUp', ...full })).to.equal('target,action,own_username');
    expect(encodeCommand({ kind: 'uploadImage', ...file }).fields).to.deep.equal([
      { name: 'file', bytes: file.bytes, fileName: 'image.jpg', mimeType: 'image/gif' },
    ]);
  });

  it('leaves out what is empty, and takes the own username of the client where there is none', () => {
    const empty: FluidtalkCommand = { kind: 'inboundChat', message: '', ownUsername: '', imageUrl: '', ...to };
    expect(textsOf(empty)).to.deep.equal([['target', '@a']]);
    expect(textsOf(empty, '@me')).to.deep.equal([
      ['target', '@a'],
      ['own_username', '@me'],
    ]);
    expect(textsOf({ kind: 'followUp', ...to, ownUsername: '@other' }, '@me')).to.deep.include([
      'own_username',
      '@other',
    ]);
    expect(textsOf({ kind: 'eventTrigger', eventType: 'e', context: {}, ...to })).to.have.length(3);
  });

  it('trims the target, and changes nothing else of it', () => {
    expect(textsOf({ kind: 'followUp', target: ' @Änn e\t' })[0]).to.deep.equal(['target', '@Änn e']);
  });

  it('makes the line breaks of both forms of body the same', async () => {
    const { fields } = encodeCommand({ kind: 'inboundChat', message: 'a\r\nb\rc\nd & e=ü 👋', ...to });
    const message = 'a\nb\nc\nd & e=ü 👋';
    const plain = encodeFields(fields);
    expect(plain.contentType).to.equal('application/x-www-form-urlencoded');
    expect(plain.body).to.equal('target=%40a&message=a%0Ab%0Ac%0Ad+%26+e%3D%C3%BC+%F0%9F%91%8B');
    expect(new URLSearchParams(plain.body as string).get('message')).to.equal(message);
    const parts = encodeFields(fields, true);
    const form = await new Response(parts.body as BodyInit, {
      headers: { 'content-type': parts.contentType },
    }).formData();
    expect(form.get('message')).to.equal(message);
  });

  it('writes the context as one field of JSON', () => {
    const context = { text: 'a\r\n"b" 🔥', list: [1, null] };
    const wire = encodeCommand({ kind: 'eventTrigger', eventType: 'e', context, ...to });
    expect(right(decodeCommand(wire))).to.deep.include({ context });
  });
});

describe('decodeCommand', () => {
  const at = (path: string, fields: Readonly<Record<string, string>>): E.Either<ChatError, FluidtalkCommand> =>
    decodeCommand({ path, fields: Object.entries(fields).map(([name, value]) => ({ name, value })) });
  const action = '/api/v1/bot/action';

  it('refuses what is no call, without its values', () => {
    const refused = [
      at('/api/v1/bot/secret', { target: 'secret' }),
      at('/api/v1/characters/chat', {}),
      at('/api/v1/bot/upload', { file: 'secret' }),
      at(action, { target: 'a', action: 'secret' }),
      at(action, { target: 'a', action: 'ENTRY_POINT', entry_context: 'secret' }),
      at(action, { target: 'a', action: 'ENTRY_POINT', entry_context: '[1]' }),
    ].map(left);
    for (const error of refused) {
      expect(error.kind).to.equal('undecodable');
      expect(inspect(error)).not.to.include('secret');
    }
  });
});

describe('refusalOf', () => {
  const file = { bytes: Uint8Array.of(1, 2, 3), mimeType: 'image/png' };
  const chat = { kind: 'inboundChat', target: '@a', message: 'secret' } as const;
  const refused: Readonly<Record<string, readonly [FluidtalkCommand, 'unsupported' | 'overflow']>> = {
    'no target': [{ ...chat, target: '' }, 'unsupported'],
    'a target of white space': [{ kind: 'followUp', target: ' \n' }, 'unsupported'],
    'a target that is no text': [{ kind: 'followUp', target: undefined as unknown as string }, 'unsupported'],
    'neither text nor picture': [{ ...chat, message: '' }, 'unsupported'],
    'two pictures': [{ ...chat, imageUrl: 'https://x.test/', file }, 'unsupported'],
    'an address that is none': [{ ...chat, imageUrl: 'secret' }, 'unsupported'],
    'an address of another kind': [{ ...chat, imageUrl: 'file:///secret' }, 'unsupported'],
    'an address with a user name': [{ ...chat, imageUrl: 'https://secret@x.test/' }, 'unsupported'],
    'an event without a type': [{ kind: 'eventTrigger', target: '@a', eventType: ' ' }, 'unsupported'],
    'an empty picture': [{ ...chat, file: { ...file, bytes: new Uint8Array() } }, 'unsupported'],
    'a file that is no picture': [{ ...file, kind: 'uploadImage', mimeType: 'text/secret' }, 'unsupported'],
    'a picture that is too large': [{ ...file, kind: 'uploadImage', bytes: new Uint8Array(11) }, 'overflow'],
  };
  for (const [what, [command, kind]] of Object.entries(refused)) {
    it(`refuses ${what}`, () => {
      const error = refusalOf(command, 10);
      expect(error).to.include({ kind, inDoubt: false });
      expect(inspect(error)).not.to.include('secret');
    });
  }

  it('takes what is in order', () => {
    expect(refusalOf(chat, 10)).to.equal(undefined);
    expect(refusalOf({ ...chat, message: '', file }, 3)).to.equal(undefined);
    expect(refusalOf({ ...chat, imageUrl: 'https://x.test/a?b', message: '' }, 3)).to.equal(undefined);
  });
});

describe('decodeChat', () => {
  it('takes keys that are missing or null as silence', () => {
    const silence = { bubbles: [], ignored: false };
    const keys = ['reply', 'replies', 'should_send_photo', 'photo_url', 'session_id', 'ignored', 'ignore_reason'];
    expect(spoken({})).to.deep.equal(silence);
    expect(spoken(Object.fromEntries(keys.map((key) => [key, null])))).to.deep.equal(silence);
  });

  it('takes `replies`, else `reply`, never both, and nothing blank', () => {
    const bubbles = (json: object): readonly string[] => spoken(json).bubbles;
    expect(bubbles({ reply: 'a b', replies: ['a', ' ', '', null, 'b'] })).to.deep.equal(['a', 'b']);
    expect(bubbles({ reply: 'a ||| b', replies: [] })).to.deep.equal(['a ||| b']);
    expect(bubbles({ reply: 'a', replies: [''] })).to.deep.equal(['a']);
    expect(bubbles({ reply: ' ', replies: null })).to.deep.equal([]);
  });

  it('takes a photo only when it is wanted and there', () => {
    const url = 'https://cdn.test/1.jpg';
    expect(spoken({ should_send_photo: true, photo_url: url }).photoUrl).to.equal(url);
    expect(spoken({ should_send_photo: false, photo_url: url })).to.deep.equal({ bubbles: [], ignored: false });
    for (const photo_url of ['', null, undefined, 7]) {
      const { bubbles, photoUrl, problems } = spoken({ reply: 'a', should_send_photo: true, photo_url });
      expect({ bubbles, photoUrl }).to.deep.equal({ bubbles: ['a'], photoUrl: undefined });
      expect(problems).to.deep.equal(['should_send_photo is true, and photo_url is not a text']);
    }
  });

  it('takes nothing to send from what is ignored', () => {
    const ignored = { ignored: true, ignore_reason: 'taken', session_id: 7 };
    expect(spoken({ replies: ['a'], should_send_photo: true, photo_url: 'https://x.test/', ...ignored })).to.deep.equal(
      {
        bubbles: [],
        ignored: true,
        ignoreReason: 'taken',
        sessionId: '7',
      },
    );
  });

  it('does not lose a reply because something beside it is strange', () => {
    const strange = { session_id: {}, ignore_reason: 7, should_send_photo: 'yes', photo_url: [] };
    expect(spoken({ reply: 'a', ...strange })).to.deep.equal({ bubbles: ['a'], ignored: false });
  });

  it('refuses what is no result, in doubt and without values', () => {
    for (const json of [undefined, null, 'secret', 7, ['secret'], { reply: ['secret'] }, { ignored: 'secret' }]) {
      const error = left(decodeChat(json));
      expect(error).to.include({ kind: 'undecodable', inDoubt: true });
      expect(inspect(error)).not.to.include('secret');
    }
    expect(left(decodeChat({ replies: 'secret' })).problems).to.not.equal(undefined);
  });

  it('knows the answers of the API for characters', () => {
    for (const json of [{ data: { text: 'secret' }, request_id: 'r' }, { error: { code: 'x' } }]) {
      expect(left(decodeChat(json))).to.include({ kind: 'undecodable', reason: 'otherApi' });
    }
  });
});

describe('decodeAction', () => {
  const bubbles = (message: unknown, split?: boolean): readonly string[] =>
    right(decodeAction('followUp', { message }, split)).bubbles;

  it('cuts the text at |||, unless told otherwise', () => {
    expect(bubbles(' a ||| b|||||| c ')).to.deep.equal(['a', 'b', 'c']);
    expect(bubbles('a | b || c')).to.deep.equal(['a | b || c']);
    expect(bubbles(' a ||| b', false)).to.deep.equal([' a ||| b']);
    for (const silence of ['', ' ', '|||', null, undefined]) expect(bubbles(silence)).to.deep.equal([]);
  });

  it('names the call that was answered with something else', () => {
    expect(left(decodeAction('aiOpener', [])).message).to.equal(
      'fluidtalk: aiOpener was answered with what is no result',
    );
  });
});

describe('decodeUpload', () => {
  it('needs an address, and is never in doubt', () => {
    for (const json of [{}, { url: null }, { url: '' }, [], 'x']) {
      expect(left(decodeUpload(json))).to.include({ kind: 'undecodable', inDoubt: false });
    }
  });
});

describe('partsOf', () => {
  it('numbers the bubbles and puts the photo behind them', () => {
    expect(partsOf({ bubbles: ['a', 'b'], photoUrl: 'https://x.test/' })).to.deep.equal([
      { kind: 'bubble', index: 0, text: 'a' },
      { kind: 'bubble', index: 1, text: 'b' },
      { kind: 'photo', index: 2, url: 'https://x.test/' },
    ]);
    expect(partsOf({ bubbles: [] })).to.deep.equal([]);
  });
});

describe('fluidtalkError', () => {
  const of = (status: number, call: FluidtalkCallName = 'inboundChat', body: unknown = {}, retry?: string): ChatError =>
    fluidtalkError(call, { status, body, header: (name) => (name === 'retry-after' ? retry : undefined) }, 0);
  const table: readonly (readonly [number, FluidtalkCallName, unknown, string, string | undefined, boolean])[] = [
    [400, 'inboundChat', { detail: 'This session is DONE' }, 'refused', 'sealed', false],
    [400, 'aiOpener', { detail: { error: 'session is done.' } }, 'refused', 'sealed', false],
    [400, 'followUp', { detail: [{ loc: ['body'], msg: 'DONE' }] }, 'refused', 'sealed', false],
    [400, 'inboundChat', 'DONE', 'refused', 'sealed', false],
    [400, 'inboundChat', { detail: 'abandoned' }, 'refused', 'badRequest', false],
    [400, 'inboundChat', { detail: [{ msg: 'no', input: 'DONE' }] }, 'refused', 'badRequest', false],
    [400, 'inboundChat', undefined, 'refused', 'badRequest', false],
    [400, 'aiOpener', { detail: 'insufficient_tokens' }, 'refused', 'outOfTokens', false],
    [401, 'inboundChat', { detail: 'no' }, 'unauthorized', undefined, false],
    [403, 'inboundChat', { detail: 'no' }, 'unauthorized', undefined, false],
    [403, 'aiOpener', { detail: 'INSUFFICIENT_TOKENS' }, 'refused', 'outOfTokens', false],
    [402, 'aiOpener', {}, 'refused', 'outOfTokens', false],
    [404, 'followUp', {}, 'refused', 'noConversation', false],
    [404, 'eventTrigger', {}, 'refused', 'unknownEvent', false],
    [404, 'inboundChat', {}, 'refused', 'notFound', false],
    [404, 'uploadImage', {}, 'refused', 'notFound', false],
    [405, 'inboundChat', {}, 'refused', undefined, false],
    [408, 'inboundChat', {}, 'timeout', undefined, true],
    [409, 'inboundChat', {}, 'conflict', undefined, false],
    [413, 'uploadImage', {}, 'refused', 'tooLarge', false],
    [415, 'uploadImage', {}, 'refused', 'wrongType', false],
    [422, 'inboundChat', {}, 'refused', 'invalid', false],
    [429, 'inboundChat', {}, 'throttled', undefined, false],
    [500, 'inboundChat', {}, 'unreachable', undefined, true],
    [502, 'followUp', '<html>', 'unreachable', undefined, true],
    [503, 'aiOpener', {}, 'unreachable', undefined, true],
    [504, 'eventTrigger', {}, 'unreachable', undefined, true],
    [500, 'uploadImage', {}, 'unreachable', undefined, false],
    [503, 'uploadImage', {}, 'unreachable', undefined, false],
    [304, 'inboundChat', '', 'undecodable', undefined, true],
  ];
  for (const [status, call, body, kind, reason, inDoubt] of table) {
    it(`reads ${status} to ${call} with ${JSON.stringify(body)}`, () => {
      const error = of(status, call, body);
      expect({ kind: error.kind, reason: error.reason, inDoubt: error.inDoubt, status: error.status }).to.deep.equal({
        kind,
        reason,
        inDoubt,
        status,
      });
      expect(error.message).to.match(new RegExp(`^fluidtalk: ${call} was (refused with|answered with)`));
    });
  }

  it('says when to come again; then 503 had no effect', () => {
    expect(of(429, 'inboundChat', {}, '7')).to.include({ retryAfterMs: 7_000, inDoubt: false });
    expect(of(503, 'inboundChat', {}, '7')).to.include({ retryAfterMs: 7_000, inDoubt: false });
    expect(of(503, 'inboundChat', {}, 'soon')).to.include({ inDoubt: true });
  });

  it('names the fields that were not accepted', () => {
    const detail = [{ loc: ['body', 'target'], msg: 'secret', type: 'secret' }, { loc: ['secret'] }, null, 7];
    expect(of(422, 'aiOpener', { detail }).problems).to.deep.equal(['target was not accepted']);
  });

  it('says that a key or an address belongs to the other API', () => {
    for (const status of [400, 401, 403, 404, 422]) {
      const error = of(status, 'followUp', { error: { code: 'unauthorized', message: 'secret' }, request_id: 'r' });
      expect(error).to.include({ kind: status === 401 || status === 403 ? 'unauthorized' : 'refused' });
      expect(error.reason).to.equal('otherApi');
      expect(error.message).to.include('another FluidTalk API');
    }
    expect(of(401, 'followUp', { detail: 'x', error: { code: 'x' } }).reason).to.equal(undefined);
  });

  it('shows nothing of the body, whatever its shape', () => {
    const shapes = (text: string): readonly unknown[] => [
      text,
      { detail: text },
      { detail: { error: text, message: { [text]: text } } },
      { detail: [{ loc: ['body', text], msg: text, type: text, input: text }] },
      { error: { code: text, message: text } },
      [text, [text]],
      { detail: null },
      { detail: [[[[[[[text]]]]]]] },
    ];
    for (const [status] of table) {
      for (const body of shapes('secret')) {
        const error = of(status, 'inboundChat', body);
        expect(inspect(error, { depth: Infinity, showHidden: true })).not.to.include('secret');
        expect(JSON.stringify(error)).not.to.include('secret');
      }
    }
  });

  it('reads no more than 500 signs of a body', () => {
    expect(detailText('x'.repeat(10_000))).to.have.length(500);
    expect(detailText({ detail: Array.from({ length: 10_000 }, () => 'xyz') })).to.have.length.of.at.most(500);
  });
});

describe('the FluidTalk codec, with 20 000 mutations', () => {
  it('reads answers or refuses them, and never breaks', () => {
    const bodies = [...exchanges].map(([name, { response }]) => [commands[name]?.kind, response] as const);
    const next = random(7);
    let read = 0;
    for (let n = 0; n < 20_000; n++) {
      const [call = 'inboundChat', { status, body }] = bodies[n % bodies.length]!;
      const text = typeof body === 'string' ? body.slice(0, n % 30) : mutate(body, next);
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        json = undefined;
      }
      if (status === 200) {
        const decoded = decodeResult(call, json);
        if (E.isLeft(decoded))
          expect(decoded.left).to.include({ kind: 'undecodable', inDoubt: call !== 'uploadImage' });
        else {
          read++;
          if (call === 'uploadImage') continue;
          const { bubbles, photoUrl } = decoded.right as FluidtalkResult;
          for (const bubble of bubbles) expect(bubble.trim()).not.to.equal('');
          expect(photoUrl).not.to.equal('');
        }
      } else {
        const error = fluidtalkError(call, { status, header: noHeader, body: json ?? text }, 0);
        expect(error.kind).to.be.oneOf(['refused', 'unreachable']);
      }
    }
    expect(read).to.be.greaterThan(5_000);
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
  }).timeout(60_000);

  it('reads requests or refuses them, and writes what it read in the same way again', () => {
    const forms = [...exchanges.values()].map(({ request }) => request);
    const next = random(11);
    let read = 0;
    for (let n = 0; n < 20_000; n++) {
      let request: unknown;
      try {
        request = JSON.parse(mutate(forms[n % forms.length], next));
      } catch {
        continue;
      }
      const { path, form } = request as { readonly path: unknown; readonly form: unknown };
      if (typeof form !== 'object' || form === null || typeof path !== 'string') continue;
      const fields = Object.entries(form).map(([name, value]): FormPart => {
        const { base64 } = (value ?? {}) as { readonly base64?: unknown };
        return typeof base64 === 'string'
          ? { name, bytes: bytes(base64), fileName: 'a.png', mimeType: 'image/png' }
          : { name, value: typeof value === 'string' ? value : JSON.stringify(value) };
      });
      const decoded = decodeCommand({ path, fields });
      if (E.isLeft(decoded)) expect(decoded.left.kind).to.equal('undecodable');
      else {
        read++;
        const again = encodeCommand(decoded.right);
        expect(encodeCommand(right(decodeCommand(again)))).to.deep.equal(again);
      }
    }
    expect(read).to.be.greaterThan(5_000);
  }).timeout(60_000);
});
