import { expect } from 'chai';
import fc from 'fast-check';
import { either as E } from 'fp-ts';
import type { ActionKind, Choice, Header, Json, JsonObject, OutboundAction } from 'tidewire';
import { OutboundActionCodec } from 'tidewire/model';
import {
  decodeBotEvents,
  encodeAction,
  encodeBody,
  userlikeDialect,
  type DecodeBotEventsConfig,
} from 'tidewire/userlike';
import { fixtures } from '../../support/fixtures.js';
import { mutate, random } from '../../support/mutations.js';

const numbered = (): (() => string) => {
  let n = 0;
  return () => `a${n++}`;
};
const decode = (json: unknown, config: Partial<DecodeBotEventsConfig> = {}): readonly OutboundAction[] => {
  const decoded = decodeBotEvents(json, { makeId: numbered(), ...config });
  if (E.isLeft(decoded)) throw decoded.left;
  return decoded.right;
};
const problems = (json: unknown): readonly string[] | undefined => {
  const decoded = decodeBotEvents(json, { makeId: numbered() });
  return E.isLeft(decoded) ? decoded.left.problems : undefined;
};
const encode = (actions: readonly OutboundAction[], dialect = userlikeDialect as Record<string, string>): Json => {
  const events = actions.flatMap((action) => {
    const encoded = encodeAction(action, dialect as typeof userlikeDialect);
    if (E.isLeft(encoded)) throw encoded.left;
    return encoded.right;
  });
  return JSON.parse(encodeBody(events)) as Json;
};
const event = (name: string, payload?: unknown, info: object = {}): object => ({
  info: { cid: 'c1', ...info },
  packet: { name, ...(payload !== undefined && { payload }) },
});
const essence = ({ id: _, conversation: _c, ...rest }: OutboundAction): object => rest;
const one = (name: string, payload?: unknown): object | undefined => decode(event(name, payload)).map(essence)[0];

describe('decodeBotEvents', () => {
  for (const [name, json] of fixtures('userlike/outbound')) {
    it(`gives back what was encoded as ${name}`, () => {
      const actions = decode(json);
      expect(encode(actions)).to.deep.equal(json);
      for (const action of actions) {
        expect(OutboundActionCodec.is(action)).to.equal(true);
        expect(action.conversation).to.deep.include({ platform: 'userlike', channel: 'unknown' });
        // All of them are in our words but the one that is deprecated.
        expect(action).not.to.have.property('extra');
        expect(action.kind === 'platform').to.equal(name === 'button-deprecated');
      }
    });
  }

  it('says every event of the documentation in our words', () => {
    const kinds = [...fixtures('userlike/outbound').values()].flatMap((json) => decode(json).map(({ kind }) => kind));
    const expected: readonly ActionKind[] = [
      ...(['text', 'choices', 'cards', 'links', 'media', 'navigate', 'typing', 'handoff', 'release', 'end'] as const),
      ...(['updateContact', 'updateConversation', 'note', 'dispatch', 'platform'] as const),
    ];
    expect([...new Set(kinds)]).to.have.members(expected);
  });

  it('takes ids, account and channel from its caller, and nothing from an empty list', () => {
    const config = { makeId: () => 'mine', account: 'shop', channel: 'sms' };
    expect(decode(event('end'), config)).to.deep.equal([
      {
        kind: 'end',
        id: 'mine',
        conversation: { platform: 'userlike', account: 'shop', id: 'c1', channel: 'sms' },
      },
    ]);
    expect(decode([])).to.deep.equal([]);
  });

  it('reads keys as the dialect spells them', () => {
    const dialect = { 'delay.duration': 'seconds', 'buttons.link': 'url', 'buttons.buttons': 'options' };
    const wire = [
      event('delay', { seconds: 0.5 }),
      event('buttons', { body: 'x', options: [{ label: 'a', url: 'https://example.org' }] }),
    ];
    const actions = decode(wire, { dialect });
    expect(actions.map(essence)).to.deep.equal([
      { kind: 'typing', forMs: 500 },
      { kind: 'links', text: 'x', links: [{ label: 'a', url: 'https://example.org' }] },
    ]);
    expect(encode(actions, { ...userlikeDialect, ...dialect })).to.deep.equal(wire);
    expect(problems(wire)).to.deep.equal(['0.packet.payload.duration is not a number above 0']);
  });

  it('keeps in extra what an action has no field for', () => {
    expect(one('message', { body: 'x', text_format: 'markdown_v2', future: [1] })).to.deep.equal({
      kind: 'text',
      text: 'x',
      extra: { text_format: 'markdown_v2', future: [1] },
    });
    expect(one('forward_any', { on_failure: 'queue' })).to.deep.include({
      onFailure: 'unassign',
      extra: { on_failure: 'queue' },
    });
    expect(one('contact_update', { name: null, city: 'Bonn' })).to.deep.equal({
      kind: 'updateContact',
      extra: { name: null, city: 'Bonn' },
    });
    const header = { type: 'image', link: 'https://example.org/a.png', alt: 'a' };
    const options = [{ id: 'a', label: 'A' }];
    expect(one('button_template', { body: 'x', fallback: 'x', header, options })).to.deep.include({
      header: { media: { url: 'https://example.org/a.png', mimeType: 'image/*' } },
      extra: { header },
    });
  });

  it('hands on as they are what it does not know and what no action of ours can say', () => {
    for (const [name, payload] of [
      ['future', { a: 1 }],
      ['__proto__', {}],
      ['constructor', {}],
      ['button', { body: 'x', link: 'https://example.org', label: 'go' }],
      ['buttons', { body: 'x', buttons: [{ label: 'call', link: 'tel:+49' }] }],
      ['buttons', { body: 'x', links: [] }],
      ['carousel', { body: 'x', fallback: 'x', options: [{ headline: 'x' }] }],
      ['email_dispatch', { type: 'operator' }],
      ['forward_skills', { skills: [] }],
      ['delay', { duration: 1e308 }],
    ] as const) {
      expect(one(name, payload), name).to.deep.equal({ kind: 'platform', name, payload });
    }
  });

  it('takes a missing payload as an empty one, and no context for none', () => {
    expect(one('abort')).to.deep.equal({ kind: 'release' });
    expect(one('abort', null)).to.deep.equal({ kind: 'release' });
    expect(decode(event('abort', {}, { context: null })).map(essence)).to.deep.equal([{ kind: 'release' }]);
  });

  it('refuses what breaks the protocol, with paths and no values', () => {
    const secret = 'secret';
    const options = (n: number): object[] => Array.from({ length: n }, (_, i) => ({ id: String(i), label: secret }));
    const question = { body: secret, fallback: secret };
    for (const [json, ...expected] of [
      [secret, 'the body is not an object'],
      [undefined, 'the body is not an object'],
      [{}, 'info is not an object', 'packet is not an object'],
      [[event('end'), 7], '1 is not an object'],
      [event('end', {}, { cid: '' }), 'info.cid is not a string that is not empty'],
      [event('end', {}, { context: [] }), 'info.context is not a JSON object of up to 10000 bytes'],
      [
        event('end', {}, { context: { a: 'é'.repeat(5_000) } }),
        'info.context is not a JSON object of up to 10000 bytes',
      ],
      [event('end', [secret]), 'packet.payload is not a JSON object'],
      [event('message', {}), 'packet.payload.body is not a string of up to 5000 characters'],
      [event('message', { body: 'x'.repeat(5_001) }), 'packet.payload.body is not a string of up to 5000 characters'],
      [event('bubbles', { body: secret, options: options(1) }), 'packet.payload.fallback is not string'],
      [event('bubbles', { ...question, options: [] }), 'packet.payload.options is not a list of at least 1'],
      [
        event('button_template', { ...question, options: options(4) }),
        'packet.payload.options is not a list of 1 to 3',
      ],
      [
        event('list_template', { ...question, options: options(11) }),
        'packet.payload.options is not a list of 1 to 10',
      ],
      [
        event('bubbles', { ...question, options: [...options(1), { id: 7 }] }),
        'packet.payload.options.1.id is not string',
        'packet.payload.options.1.label is not string',
      ],
      [event('carousel', { ...question, options: [{}] }), 'packet.payload.options.0.headline is not string'],
      [
        [event('end'), event('buttons', { body: secret, buttons: [{ label: 'a', link: secret }] })],
        '1.packet.payload.buttons.0.link is not an absolute url',
      ],
      [event('button', { body: secret }), 'packet.payload.link is not an absolute url'],
      [event('media', { link: 'ftp://secret' }), 'packet.payload.link is not an absolute web address'],
      [event('navigate', { link: '/secret' }), 'packet.payload.link is not an absolute url'],
      [event('delay', { duration: 0 }), 'packet.payload.duration is not a number above 0'],
      [event('forward_group', { group_id: secret }), 'packet.payload.group_id is not a whole number'],
      [event('forward_skills', { skills: [7, {}] }), 'packet.payload.skills.1 is not a string or a number'],
      [event('contact_update', {}), 'packet.payload is not an object with at least one field'],
      [event('contact_update', { campaigns: secret }), 'packet.payload.campaigns is not boolean'],
      [event('conversation_update', { topics: secret }), 'packet.payload.topics is not UnknownArray'],
      [event('note_create', { text: secret }), 'packet.payload.body is not string'],
      [event('addon_dispatch', {}), 'packet.payload.type is not string'],
      [event('email_dispatch', { type: secret }), 'packet.payload.type is not operator or contact'],
    ] as const) {
      const decoded = decodeBotEvents(json, { makeId: numbered() });
      expect(problems(json)).to.deep.equal(expected);
      expect(JSON.stringify(decoded)).not.to.include(secret);
      expect(E.isLeft(decoded) && decoded.left).to.include({ kind: 'undecodable', platform: 'userlike' });
    }
  });

  it('refuses what is nested deeper than functions can call themselves', () => {
    let nested: Json = {};
    for (let depth = 0; depth < 100_000; depth++) nested = { a: nested };
    expect(problems(event('future', nested))).to.deep.equal(['packet.payload is not a JSON object']);
  });

  it('law: gives back every action that Userlike can express, but for what its wire cannot hold', () => {
    fc.assert(
      fc.property(fc.array(action, { minLength: 1, maxLength: 4 }), (actions) => {
        expect(decode(encode(actions)).map(essence)).to.deep.equal(actions.flatMap(held).map(essence));
      }),
      { numRuns: 3_000, seed: 7 },
    );
  });

  it('law: decoding twice gives what decoding once gave', () => {
    fc.assert(
      fc.property(action, (original) => {
        const actions = decode(encode([original]));
        expect(decode(encode(actions))).to.deep.equal(actions);
      }),
      { numRuns: 1_000, seed: 8 },
    );
  });

  it('survives 20 000 mutations of the fixtures, and what it takes is encoded as it came', () => {
    const bodies = [...fixtures('userlike/outbound').values()];
    const next = random(11);
    const counts = { taken: 0, refused: 0 };
    for (let n = 0; n < 20_000; n++) {
      const mutated = mutate(bodies[n % bodies.length], next);
      let json: Json;
      try {
        json = JSON.parse(mutated) as Json;
      } catch {
        continue;
      }
      const decoded = decodeBotEvents(json, { makeId: numbered() });
      if (E.isLeft(decoded)) {
        counts.refused++;
        expect(decoded.left.kind).to.equal('undecodable');
        expect(decoded.left.problems).not.to.have.length(0);
        continue;
      }
      counts.taken++;
      const events = Array.isArray(json) ? json : [json];
      expect(decoded.right.map((decodedOne) => encode([decodedOne]))).to.deep.equal(events.map(canonical));
      for (const decodedOne of decoded.right) expect(OutboundActionCodec.is(decodedOne)).to.equal(true);
    }
    expect(counts.taken).to.be.greaterThan(5_000);
    expect(counts.refused).to.be.greaterThan(3_000);
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
    expect(Object.keys(Object.prototype)).to.deep.equal([]);
  }).timeout(60_000);
});

/** An event without what means nothing: further keys of the envelope, an absent payload, a context of `null`. */
const canonical = (wire: Json): Json => {
  const { info, packet } = wire as { info: Record<string, Json>; packet: Record<string, Json> };
  const { cid = '', context } = info;
  const { name = '', payload } = packet;
  return {
    info: { cid, ...(context !== undefined && context !== null && { context }) },
    packet: { name, payload: payload ?? {} },
  };
};

const object = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>, needed: readonly string[] = []) =>
  fc.record(fields as Record<string, fc.Arbitrary<Json>>, { requiredKeys: [...needed] }) as fc.Arbitrary<JsonObject>;
const word = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' });
const line = fc.string({ maxLength: 40, unit: 'grapheme' });
const jsonObject = fc
  .dictionary(fc.string({ maxLength: 6 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);
const id = fc.oneof(word, fc.integer());
const url = fc.webUrl({ withQueryParameters: true, withFragments: true });
const choice = object({ id: word, label: word, description: line }, ['id', 'label']);
const choices = (most: number) => fc.array(choice, { minLength: 1, maxLength: most });
const media = object(
  { url, mimeType: fc.constantFrom('image/png', 'video/mp4', 'application/pdf'), name: word, sizeBytes: fc.nat() },
  ['url'],
);
const common = { text: line, fallback: line, header: object({ text: line, media }), footer: line };

/** Fields beside those that all actions have, by kind: as much as Userlike has a word for, and what it has none for. */
const bodies: readonly (readonly [ActionKind, fc.Arbitrary<JsonObject>])[] = [
  ['text', object({ text: line, format: fc.constantFrom('plain', 'markdown'), replyTo: word }, ['text'])],
  ['choices', object({ ...common, choices: choices(14), openLabel: line, listTitle: line }, ['text', 'choices'])],
  [
    'choices',
    object({ ...common, choices: choices(14), layout: fc.constant('bubbles') }, ['text', 'choices', 'layout']),
  ],
  [
    'choices',
    object({ ...common, choices: choices(3), layout: fc.constant('buttons') }, ['text', 'choices', 'layout']),
  ],
  [
    'choices',
    object({ ...common, choices: choices(10), layout: fc.constant('list'), openLabel: line, listTitle: line }, [
      'text',
      'choices',
      'layout',
    ]),
  ],
  [
    'cards',
    object(
      {
        text: line,
        fallback: line,
        cards: fc.array(object({ id: line, title: line, text: line, image: url }, ['id', 'title']), {
          minLength: 1,
          maxLength: 5,
        }),
      },
      ['cards'],
    ),
  ],
  [
    'links',
    object({ text: line, links: fc.array(object({ label: line, url }, ['label', 'url']), { minLength: 1 }) }, [
      'text',
      'links',
    ]),
  ],
  ['media', object({ media, caption: line, replyTo: word }, ['media'])],
  ['navigate', object({ url }, ['url'])],
  ['typing', object({ forMs: fc.integer({ min: 1, max: 10_000_000 }), visible: fc.boolean() }, ['forMs'])],
  [
    'handoff',
    object(
      {
        to: fc.oneof(
          fc.constant({ kind: 'any' }),
          object({ kind: fc.constant('group'), id: fc.oneof(fc.integer(), fc.integer().map(String)) }, ['kind', 'id']),
          object({ kind: fc.constant('skills'), skills: fc.array(id, { minLength: 1 }) }, ['kind', 'skills']),
        ),
        onFailure: fc.constantFrom('report', 'unassign'),
        comment: line,
      },
      ['to'],
    ),
  ],
  ['release', object({})],
  ['end', object({ comment: line })],
  [
    'updateContact',
    object(
      { name: line, email: line, phone: line, externalId: line, customFields: jsonObject, subscribed: fc.boolean() },
      ['name'],
    ),
  ],
  [
    'updateConversation',
    object({ subject: line, topics: fc.array(line), locale: line, customFields: jsonObject }, ['locale']),
  ],
  ['note', object({ text: line, contactId: id }, ['text'])],
  [
    'dispatch',
    object(
      {
        to: fc.oneof(
          fc.constant({ kind: 'contact' }),
          object({ kind: fc.constant('operator'), id }, ['kind', 'id']),
          object({ kind: fc.constant('addon'), name: line }, ['kind', 'name']),
        ),
      },
      ['to'],
    ),
  ],
  ['platform', object({ name: word.map((name) => `x_${name}`), payload: jsonObject }, ['name', 'payload'])],
];

/** Any action that Userlike can express, with keys of its own that the platform does not have. */
const action: fc.Arbitrary<OutboundAction> = fc.constantFrom(...bodies).chain(([kind, body]) =>
  fc
    .tuple(body, object({ context: jsonObject, extra: jsonObject.map(prefixed), cause: word }), word)
    .map(([fields, shared, cid]): OutboundAction => {
      const whole = { id: 'x', kind, conversation: { platform: 'userlike', id: cid, channel: 'web' } };
      // As JSON, which has one zero.
      return JSON.parse(JSON.stringify({ ...whole, ...shared, ...fields })) as OutboundAction;
    }),
);

const prefixed = (fields: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [`x_${key}`, value]));

/** The action without `keys`, and without those that are `undefined`. */
const without = <A extends object>(whole: A, ...keys: readonly string[]): A =>
  Object.fromEntries(
    Object.entries(whole).filter(([key, value]) => value !== undefined && !keys.includes(key)),
  ) as unknown as A;

/** What is left of an action on the wire. */
const held = (original: OutboundAction): readonly OutboundAction[] => {
  const empty = Object.keys(original.extra ?? {}).length === 0 ? 'extra' : '';
  const said = without(original, 'cause', 'replyTo', 'comment', empty);
  switch (said.kind) {
    case 'text':
      return [without(said, said.format === 'plain' ? 'format' : '')];
    case 'choices': {
      const { layout = 'bubbles' } = said;
      const lost = {
        bubbles: ['layout', 'header', 'footer', 'openLabel', 'listTitle'],
        buttons: ['openLabel', 'listTitle'],
        list: [],
      }[layout];
      const options = said.choices.map((option): Choice => without(option, layout === 'list' ? '' : 'description'));
      const header = layout === 'list' ? headerOfList(said.header) : headerOfButtons(said.header);
      return [
        without(
          { ...said, choices: options, header } as typeof said,
          ...lost,
          said.fallback === said.text ? 'fallback' : '',
        ),
      ];
    }
    case 'cards': {
      const { text = '', fallback = text } = said;
      return [without(said, text === '' ? 'text' : '', fallback === text ? 'fallback' : '')];
    }
    case 'media': {
      const { caption, context: _, extra: _e, ...address } = said;
      const file = { ...without(said, 'caption'), media: without(said.media, 'mimeType', 'name', 'sizeBytes') };
      if (caption === undefined) return [file];
      return [{ kind: 'text', text: caption, id: address.id, conversation: address.conversation }, file];
    }
    case 'handoff':
      return [
        without(
          { ...said, to: said.to.kind === 'group' ? { kind: 'group', id: Number(said.to.id) } : said.to },
          said.onFailure === 'report' ? 'onFailure' : '',
        ),
      ];
    case 'platform': {
      const payload = { ...(said.payload as JsonObject), ...said.extra };
      return [without({ ...said, payload }, 'extra')];
    }
    default:
      return [said];
  }
};

const headerOfList = (header: Header | undefined): Header | undefined =>
  header?.text === undefined ? undefined : { text: header.text };
const headerOfButtons = (header: Header | undefined): Header | undefined => {
  const { media: file } = header ?? {};
  if (file?.url === undefined) return headerOfList(header);
  const [type = ''] = (file.mimeType ?? '').split('/');
  return { media: { url: file.url, ...(['image', 'video'].includes(type) && { mimeType: `${type}/*` }) } };
};
