import { expect } from 'chai';
import { either as E } from 'fp-ts';
import {
  cards,
  choices,
  handoff,
  links,
  media,
  note,
  text,
  type InboundEvent,
  type OutboundAction,
  type Reply,
} from 'tidewire';
import { decodeWebhook } from '../../../lib/userlike/decode.js';
import { userlikeDialect } from '../../../lib/userlike/dialect.js';
import { encodeAction, encodeBody, listOrder } from '../../../lib/userlike/encode.js';
import { fixtures } from '../../support/fixtures.js';
import { mutate, random } from '../../support/mutations.js';

const arrival = { id: 'u1', at: '2025-01-01T00:00:00.000Z' };
const decode = (json: unknown): readonly InboundEvent[] => {
  const decoded = decodeWebhook(json, arrival);
  if (E.isLeft(decoded)) throw decoded.left;
  return decoded.right;
};
const problems = (json: unknown): readonly string[] | undefined => {
  const decoded = decodeWebhook(json, arrival);
  return E.isLeft(decoded) ? decoded.left.problems : undefined;
};
const essence = ({
  id,
  fingerprint: _,
  at: _at,
  raw: _raw,
  platform: _p,
  conversation,
  sender: _s,
  ...rest
}: InboundEvent) => ({
  id,
  channel: conversation.channel,
  ...rest,
});

const inbound: Readonly<Record<string, readonly object[]>> = {
  'start-website': [{ id: 'u1', channel: 'web', kind: 'started' }],
  'start-with-initial-text-whatsapp': [
    { id: 'u1', channel: 'whatsapp', kind: 'started' },
    { id: 'u1.1', channel: 'whatsapp', kind: 'message', text: 'Is my bicycle repaired?' },
  ],
  'start-with-initial-file-telegram': [
    { id: 'u1', channel: 'telegram', kind: 'started' },
    { id: 'u1.1', channel: 'telegram', kind: 'media', media: { url: 'https://media.example.org/in/brake.jpg' } },
  ],
  message: [{ id: 'u1', channel: 'web', kind: 'message', text: 'R-20417', context: { state: 'ask_ticket' } }],
  click: [
    {
      id: 'u1',
      channel: 'web',
      kind: 'choice',
      choice: { id: 'repair_status', label: 'Repair status' },
      context: { state: 'menu' },
    },
  ],
  'a-second-click-on-the-same-choice-whatsapp-arrives-as-messag': [
    { id: 'u1', channel: 'whatsapp', kind: 'message', text: 'Repair status', context: { state: 'menu' } },
  ],
  media: [
    {
      id: 'u1',
      channel: 'whatsapp',
      kind: 'media',
      media: { url: 'https://media.example.org/in/invoice.pdf', mimeType: 'application/pdf', name: 'invoice.pdf' },
    },
  ],
  location: [
    {
      id: 'u1',
      channel: 'whatsapp',
      kind: 'location',
      latitude: 50.1109,
      longitude: 8.6821,
      name: 'Workshop',
      address: 'Sample street 1',
    },
  ],
  'forward-failed': [{ id: 'u1', channel: 'web', kind: 'handoffFailed', context: { state: 'handover' } }],
  'campaign-unsubscribe': [{ id: 'u1', channel: 'whatsapp', kind: 'unsubscribed' }],
};

describe('decodeWebhook', () => {
  for (const [name, json] of fixtures('userlike/inbound')) {
    it(`decodes ${name}`, () => {
      expect(decode(json).map(essence)).to.deep.equal(inbound[name]);
      for (const event of decode(json)) {
        expect(event.raw).to.equal(json);
        expect(event.conversation.id).to.match(/^chatbot::731:/);
        expect(event.platform).to.equal('userlike');
      }
    });
  }

  const envelope = (name: string, payload?: unknown, info: object = {}): unknown => ({
    info: { cid: 'c1', ...info },
    packet: { name, ...(payload !== undefined && { payload }) },
  });

  it('takes what is optional and what is more', () => {
    expect(decode(envelope('forward_failed', null))).to.have.length(1);
    expect(decode(envelope('start', undefined, { approach_mode: 'proactive', future: 1 }))[0]).to.include({
      proactive: true,
    });
    expect(
      decode(envelope('message', { body: 'x', future: {} }, { contact: 7, context: [], conversation: null }))[0],
    ).to.deep.include({
      text: 'x',
      sender: { role: 'customer' },
      conversation: { platform: 'userlike', id: 'c1', channel: 'unknown' },
    });
  });

  it('names the account when there are several bots', () => {
    const decoded = decodeWebhook(envelope('start'), { ...arrival, account: 'shop' });
    expect(E.isRight(decoded) && decoded.right[0]?.conversation.account).to.equal('shop');
  });

  it('reads clicks in every plausible form, and passes those without an id as other', () => {
    const id = (payload: unknown): unknown => {
      const [event] = decode(envelope('click', payload));
      return event?.kind === 'choice' ? event.choice.id : event?.kind;
    };
    expect(
      [{ value: { id: 'a' } }, { value: 'a' }, { value: { id: 7 } }, { id: 'a' }, {}, { value: {} }].map(id),
    ).to.deep.equal(['a', 'a', '7', 'a', 'other', 'other']);
  });

  it('reads who is writing', () => {
    const contact = { id: 5, name: 'Kim', email: 'kim@example.org', mobile_number: '+49', locale: 'de_DE', city: null };
    expect(decode(envelope('start', {}, { contact }))[0]?.sender).to.deep.equal({
      role: 'customer',
      id: '5',
      name: 'Kim',
      email: 'kim@example.org',
      phone: '+49',
      locale: 'de_DE',
    });
  });

  it('passes event names that it does not know as other', () => {
    expect(decode(envelope('future', { a: 1 })).map(essence)).to.deep.equal([
      { id: 'u1', channel: 'unknown', kind: 'other', name: 'future' },
    ]);
  });

  it('refuses what breaks the protocol, with paths and no values', () => {
    expect(problems('secret')).to.deep.equal(['the body is not valid']);
    expect(problems({ info: { cid: 7 }, packet: { name: 'secret' } })).to.deep.equal(['info.cid is not string']);
    expect(problems(envelope('message', { body: 12 }))).to.deep.equal(['packet.payload.body is not string']);
    expect(problems(envelope('media', { note: 'secret' }))).to.deep.equal(['packet.payload has no web address']);
    expect(problems(envelope('location', { latitude: 'north' }))).to.deep.equal([
      'packet.payload has no latitude and longitude',
    ]);
    expect(problems({ info: { cid: '' }, packet: { name: 'start' } })).to.deep.equal(['info.cid is empty']);
  });

  it('gives equal requests equal fingerprints, and others others', () => {
    const print = (json: unknown): string | undefined => decode(json)[0]?.fingerprint;
    expect(print(envelope('message', { body: 'yes' }))).to.equal(print(envelope('message', { body: 'yes' })));
    expect(print(envelope('message', { body: 'yes' }))).not.to.equal(print(envelope('message', { body: 'no' })));
  });

  it('survives 100 000 mutations of the fixtures', () => {
    const bodies = [...fixtures('userlike/inbound').values()];
    const next = random(42);
    let decoded = 0;
    for (let n = 0; n < 100_000; n++) {
      const mutated = mutate(bodies[n % bodies.length], next);
      let json: unknown;
      try {
        json = JSON.parse(mutated);
      } catch {
        continue;
      }
      const result = decodeWebhook(json, arrival);
      if (E.isRight(result)) decoded += result.right.length;
      else expect(result.left.kind).to.equal('undecodable');
    }
    expect(decoded).to.be.greaterThan(10_000);
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
  }).timeout(60_000);
});

const cid = {
  web: 'chatbot::731:0f3c9b1e5d7a4c2f8e6b0a9d4c1f7e22',
  whatsapp: 'chatbot::731:7be2a4d09c5f4f3db1a86e0c92d75f10',
};
const [web, whatsapp] = [cid.web, cid.whatsapp].map((id) => (reply: Reply, more: object = {}): OutboundAction => ({
  ...reply,
  ...more,
  id: 'a',
  conversation: { platform: 'userlike', id, channel: 'web' },
})) as [(reply: Reply, more?: object) => OutboundAction, (reply: Reply, more?: object) => OutboundAction];

const options = (...pairs: readonly (readonly [string, string])[]) => pairs.map(([id, label]) => ({ id, label }));
const outbound: Readonly<Record<string, readonly OutboundAction[]>> = {
  'message-with-context-and-formatting-as-a-single-object-respo': [
    web(text('Hello, this is **Velo**.', { format: 'markdown', context: { state: 'menu' } })),
  ],
  bubbles: [
    web(
      choices(
        'What do you need?',
        options(['repair_status', 'Repair status'], ['opening_hours', 'Opening hours'], ['human', 'Talk to a person']),
        { fallback: 'What do you need? Reply with a number.' },
      ),
    ),
  ],
  carousel: [
    web(
      cards(
        [
          { id: 'city', title: 'City bike', text: '7 gears, basket', image: 'https://media.example.org/city.png' },
          { id: 'cargo', title: 'Cargo bike', text: 'Up to 100 kg', image: 'https://media.example.org/cargo.png' },
        ],
        { text: 'Our rental bikes', fallback: 'Our rental bikes. Reply with a number.' },
      ),
    ),
  ],
  'button-template-minimal': [
    whatsapp(
      choices(
        'Shall we keep you posted on WhatsApp?',
        options(['subscribe', 'Yes, please'], ['no_thanks', 'No, thanks']),
        {
          layout: 'buttons',
          fallback: 'Shall we keep you posted? Reply with a number.',
        },
      ),
    ),
  ],
  'button-template-with-header-and-footer-whatsapp': [
    whatsapp(
      choices('Here is your offer.', options(['accept', 'Accept'], ['decline', 'Decline']), {
        layout: 'buttons',
        header: { media: { url: 'https://media.example.org/offer.pdf', mimeType: 'application/pdf' } },
        footer: 'Valid for 14 days',
        fallback: 'Here is your offer: accept (1) or decline (2)?',
      }),
    ),
  ],
  'list-template': [
    whatsapp(
      choices(
        'Pick a day for the inspection.',
        [
          { id: 'mon', label: 'Monday', description: '09:00 to 12:00' },
          { id: 'thu', label: 'Thursday', description: '14:00 to 18:00' },
        ],
        {
          layout: 'list',
          header: { text: 'Appointments' },
          footer: 'Duration about 30 minutes',
          openLabel: 'Choose day',
          listTitle: 'Free days',
          fallback: 'Pick a day for the inspection. Reply with a number.',
        },
      ),
    ),
  ],
  'button-deprecated': [
    web({
      kind: 'platform',
      name: 'button',
      payload: { body: 'Track your parcel', label: 'Open tracking', link: 'https://shop.example.org/track' },
    }),
  ],
  buttons: [
    web(
      links('More on our site', {
        Prices: 'https://shop.example.org/prices',
        Directions: 'https://shop.example.org/directions',
      }),
    ),
  ],
  media: [web(media('https://media.example.org/manual-front.png'))],
  navigate: [web({ kind: 'navigate', url: 'https://shop.example.org/booking' })],
  'contact-update': [
    web({
      kind: 'updateContact',
      name: 'Kim Sample',
      email: 'kim@example.org',
      phone: '+4915100000000',
      externalId: 'K-881',
      customFields: { bike_type: 'cargo' },
    }),
  ],
  'contact-update-plus-message-as-a-list-campaign-signup': [
    whatsapp({ kind: 'updateContact', subscribed: true }),
    whatsapp(text('Done, you will hear from us.', { context: { state: 'subscribed' } })),
  ],
  abort: [web({ kind: 'release' })],
  end: [web({ kind: 'end' })],
  'forward-group-with-feedback': [web(handoff({ kind: 'group', id: 44 }), { context: { state: 'handover' } })],
  'forward-skills': [web(handoff({ kind: 'skills', skills: [12, 19] }, { onFailure: 'unassign' }))],
  'message-then-forward-any-with-feedback': [web(text('I am getting a colleague.')), web(handoff())],
  'delay-between-two-messages': [
    web(text('Let me look.')),
    web({ kind: 'typing', forMs: 2_000, visible: true }),
    web(text('Found it.')),
  ],
  'note-create-on-the-conversation': [web(note('Asked twice for ticket R-20417'))],
  'note-create-on-the-contact': [web({ kind: 'note', text: 'Prefers calls in the evening', contactId: 5120077 })],
  'conversation-update': [
    web({
      kind: 'updateConversation',
      subject: 'Repair R-20417',
      topics: ['repair'],
      locale: 'de',
      customFields: { ticket: 'R-20417' },
    }),
  ],
  'addon-dispatch': [web({ kind: 'dispatch', to: { kind: 'addon', name: 'zendesk' } })],
  'email-dispatch-to-an-operator': [web({ kind: 'dispatch', to: { kind: 'operator', id: 307 } })],
  'email-dispatch-to-the-contact': [web({ kind: 'dispatch', to: { kind: 'contact' } })],
};

const encode = (...actions: readonly OutboundAction[]): unknown => {
  const events = actions.flatMap((action) => {
    const encoded = encodeAction(action);
    if (E.isLeft(encoded)) throw encoded.left;
    return encoded.right;
  });
  const body = encodeBody(listOrder(events));
  return body === '' ? '' : (JSON.parse(body) as unknown);
};

describe('encodeAction', () => {
  for (const [name, json] of fixtures('userlike/outbound')) {
    it(`encodes ${name}`, () => {
      expect(encode(...(outbound[name] ?? []))).to.deep.equal(json);
    });
  }

  const refused: Readonly<Record<string, readonly [OutboundAction, string]>> = {
    'a text that is too long': [web(text('x'.repeat(5_001))), 'overflow'],
    'a context that is too large': [web(text('x', { context: { a: 'é'.repeat(5_000) } })), 'overflow'],
    'four buttons': [web(choices('?', ['a', 'b', 'c', 'd'], { layout: 'buttons' })), 'unsupported'],
    'a list of eleven': [web(choices('?', Array.from('abcdefghijk'), { layout: 'list' })), 'unsupported'],
    'choices without options': [web(choices('?', [])), 'unsupported'],
    'an option without a label': [web(choices('?', [''])), 'unsupported'],
    'a card without an id': [web(cards([{ title: 'x' }])), 'unsupported'],
    'a link that is no address': [web(links('x', { a: 'javascript:alert(1)' })), 'unsupported'],
    'a file without an address': [web(media({ fileId: '7' })), 'unsupported'],
    'typing without a time': [web({ kind: 'typing' }), 'unsupported'],
    'an empty update': [web({ kind: 'updateContact' }), 'unsupported'],
    'a handoff to an agent': [web(handoff({ kind: 'agent', id: '7' })), 'unsupported'],
    'a group without a number': [web(handoff({ kind: 'group', id: 'sales' })), 'unsupported'],
    'an edit': [web({ kind: 'edit', messageId: '1', text: 'x' }), 'unsupported'],
    'a platform action without an object': [web({ kind: 'platform', name: 'x', payload: 7 }), 'unsupported'],
  };
  for (const [name, [action, kind]] of Object.entries(refused)) {
    it(`refuses ${name}`, () => {
      const encoded = encodeAction(action);
      expect(E.isLeft(encoded) && encoded.left.kind).to.equal(kind);
    });
  }

  it('takes a context of 10 000 bytes', () => {
    const action = web(text('x', { context: { a: 'x'.repeat(10_000 - 8) } }));
    expect(E.isRight(encodeAction(action))).to.equal(true);
    expect(E.isLeft(encodeAction(web(text('x', { context: { a: 'x'.repeat(10_000 - 7) } }))))).to.equal(true);
  });

  it('sends the caption before its file, and merges extra keys in last', () => {
    expect(
      encode(
        web(media('https://example.org/a.png', 'Look'), { extra: { name: 'a', link: 'https://example.org/b.png' } }),
      ),
    ).to.deep.equal([
      { info: { cid: cid.web }, packet: { name: 'message', payload: { body: 'Look' } } },
      { info: { cid: cid.web }, packet: { name: 'media', payload: { link: 'https://example.org/b.png', name: 'a' } } },
    ]);
  });

  it('writes unverified keys as the dialect spells them', () => {
    const encoded = encodeAction(web({ kind: 'typing', forMs: 500 }), {
      ...userlikeDialect,
      'delay.duration': 'seconds',
    });
    expect(E.isRight(encoded) && encoded.right[0]?.packet.payload).to.deep.equal({ seconds: 0.5 });
  });
});

describe('listOrder', () => {
  it('puts what ends the session last and drops a delay that delays nothing', () => {
    const names = (...actions: readonly OutboundAction[]): unknown => {
      const body = encode(...actions);
      return (Array.isArray(body) ? body : [body]).map((event: { packet?: { name: string } }) => event.packet?.name);
    };
    const pause = web({ kind: 'typing', forMs: 1 });
    expect(names(web({ kind: 'end' }), web(note('x')), web(text('x')))).to.deep.equal([
      'note_create',
      'message',
      'end',
    ]);
    expect(names(web(text('x')), pause, pause)).to.deep.equal(['message']);
    expect(names(web(text('x')), pause, web({ kind: 'end' }))).to.deep.equal(['message', 'delay', 'end']);
    expect(encode(pause)).to.equal('');
  });
});
