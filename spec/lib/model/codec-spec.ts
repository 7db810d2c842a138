import { expect } from 'chai';
import { either as E } from 'fp-ts';
import fc from 'fast-check';
import { ChatError, OUTCOMES, profiles, type InboundEvent, type OutboundAction, type Receipt } from 'tidewire';
import {
  CapabilityProfileCodec,
  ConversationCodec,
  decodeWith,
  InboundEventCodec,
  OutboundActionCodec,
  OutcomeCodec,
  ReceiptCodec,
} from 'tidewire/model';
import { delivered, failed, skipped, unknown } from '../../../lib/model/receipt.js';

const conversation = { platform: 'desk', account: 'a', id: 'c', channel: 'web' };
const base = { id: 'e', platform: 'desk', conversation, at: '2025-01-01T00:00:00.000Z', raw: { wire: [1] } };
const events: readonly InboundEvent[] = [
  { ...base, kind: 'started', proactive: true, context: { a: [1] } },
  {
    ...base,
    kind: 'message',
    text: 'hi',
    format: 'plain',
    replyTo: 'm',
    attachments: [{ url: 'https://example.org' }],
  },
  {
    ...base,
    kind: 'choice',
    choice: { id: 'a', label: 'A' },
    offer: 'q',
    fingerprint: 'f',
    sender: { role: 'customer' },
  },
  { ...base, kind: 'media', media: { fileId: '7', sizeBytes: 3 }, caption: 'x' },
  { ...base, kind: 'location', latitude: 1.5, longitude: -2 },
  { ...base, kind: 'edited', messageId: 'm', text: 'x' },
  { ...base, kind: 'removed', messageId: 'm' },
  { ...base, kind: 'membership', change: 'joined', members: [{ role: 'agent', id: '1' }] },
  { ...base, kind: 'command', name: 'start' },
  { ...base, kind: 'progress', what: 'typing', active: true },
  { ...base, kind: 'handoffFailed' },
  { ...base, kind: 'handoffTaken', agent: { role: 'agent' } },
  { ...base, kind: 'unsubscribed' },
  { ...base, kind: 'ended', by: 'timeout' },
  { ...base, kind: 'other', name: 'future' },
  { ...base, kind: 'undecodable', problems: ['x is not string'] },
];
const to = { id: 'a', conversation, cause: 'e' };
const actions: readonly OutboundAction[] = [
  { ...to, kind: 'text', text: 'hi', format: 'markdown', extra: { a: null } },
  {
    ...to,
    kind: 'choices',
    text: '?',
    choices: [{ id: 'a', label: 'A', description: 'x' }],
    layout: 'list',
    header: { text: 'h' },
  },
  {
    ...to,
    kind: 'cards',
    cards: [{ title: 'x', choices: [{ id: 'a', label: 'A' }], links: [{ label: 'l', url: 'u' }] }],
  },
  { ...to, kind: 'links', text: 'x', links: [{ label: 'l', url: 'u' }] },
  { ...to, kind: 'media', by: 'human', media: { url: 'u' } },
  { ...to, kind: 'survey', title: 't', survey: 's' },
  { ...to, kind: 'navigate', url: 'u' },
  { ...to, kind: 'typing', forMs: 5 },
  { ...to, kind: 'edit', messageId: 'm', text: 'x' },
  { ...to, kind: 'remove', messageId: 'm' },
  { ...to, kind: 'forward', messageId: 'm', to: conversation },
  { ...to, kind: 'handoff', to: { kind: 'any' } },
  { ...to, kind: 'handoff', to: { kind: 'skills', skills: [1, 'a'] }, onFailure: 'unassign' },
  { ...to, kind: 'release' },
  { ...to, kind: 'end', comment: 'x' },
  { ...to, kind: 'openConversation', with: 'kim' },
  { ...to, kind: 'updateContact', subscribed: false, customFields: { a: 1 } },
  { ...to, kind: 'updateConversation', topics: ['a'] },
  { ...to, kind: 'note', text: 'x', contactId: 7 },
  { ...to, kind: 'dispatch', to: { kind: 'operator', id: 7 } },
  { ...to, kind: 'platform', name: 'x', payload: [1, { a: null }] },
];
const [anAction] = actions as readonly [OutboundAction];
const error = new ChatError('throttled', 'desk', 'slow down', {
  retryAfterMs: 5,
  status: 429,
  reason: 'busy',
  problems: ['x'],
});
const receipts: readonly Receipt[] = [
  delivered(anAction, base.at, ['1'], 'api'),
  failed(anAction, base.at, error),
  unknown(anAction, base.at, error),
  skipped(anAction, base.at, 'muted', 'a human has it'),
];
const overTheWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

describe('the codecs of the model', () => {
  for (const event of events) {
    it(`give a ${event.kind} event back`, () => {
      expect(decodeWith(InboundEventCodec, overTheWire(InboundEventCodec.encode(event)))).to.deep.equal(E.right(event));
      expect(InboundEventCodec.is(event)).to.equal(true);
    });
  }
  for (const action of actions) {
    it(`give a ${action.kind} action back`, () => {
      expect(decodeWith(OutboundActionCodec, overTheWire(OutboundActionCodec.encode(action)))).to.deep.equal(
        E.right(action),
      );
    });
  }
  for (const receipt of receipts) {
    it(`give a ${receipt.status} receipt back`, () => {
      const decoded = decodeWith(ReceiptCodec, overTheWire(ReceiptCodec.encode(receipt)));
      if (E.isLeft(decoded)) throw new Error(decoded.left.join());
      expect(overTheWire(decoded.right)).to.deep.equal(overTheWire(receipt));
      if (decoded.right.status === 'failed')
        expect(decoded.right.error).to.be.instanceOf(ChatError).with.property('message', error.message);
    });
  }

  it('give outcomes, conversations and profiles back', () => {
    for (const outcome of OUTCOMES) expect(OutcomeCodec.decode(outcome)).to.deep.equal(E.right(outcome));
    expect(E.isLeft(OutcomeCodec.decode('lost'))).to.equal(true);
    expect(decodeWith(ConversationCodec, conversation)).to.deep.equal(E.right(conversation));
    for (const profile of profiles)
      expect(decodeWith(CapabilityProfileCodec, overTheWire(profile))).to.deep.equal(E.right(profile));
  });

  it('cover every kind', () => {
    expect(new Set(events.map(({ kind }) => kind)).size).to.equal(16);
    expect(new Set(actions.map(({ kind }) => kind)).size).to.equal(20);
  });

  it('say what is wrong with paths and expectations, and no values', () => {
    const wrong = (value: unknown): unknown => {
      const decoded = decodeWith(InboundEventCodec, value);
      return E.isLeft(decoded) ? decoded.left : 'fine';
    };
    expect(wrong({ ...base, kind: 'message', text: { secret: 1 } })).to.deep.equal(['text is not string']);
    expect(wrong({ ...base, kind: 'nonsense' })).to.deep.equal(['the body is not an event']);
    expect(wrong({ ...base, kind: 'started', conversation: { ...conversation, id: 7 } })).to.deep.equal([
      'conversation.id is not string',
    ]);
    expect(wrong({ ...base, kind: 'constructor' })).to.deep.equal(['the body is not an event']);
  });

  it('keep what they do not know, and survive anything', () => {
    expect(decodeWith(InboundEventCodec, { ...events[1], future: 1 })).to.deep.equal(
      E.right({ ...events[1], future: 1 }),
    );
    fc.assert(
      fc.property(fc.anything(), (value) => {
        for (const codec of [InboundEventCodec, OutboundActionCodec, ReceiptCodec]) {
          expect(E.isLeft(codec.decode(value))).to.equal(true);
        }
      }),
    );
  });
});
