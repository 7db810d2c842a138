import { expect } from 'chai';
import fc from 'fast-check';
import { of } from 'rxjs';
import {
  accounted,
  choiceBook,
  choices,
  fallbackToText,
  openAccounts,
  OUTCOMES,
  profiles,
  react,
  readChoices,
  text,
  traceOf,
  type CapabilityProfile,
  type Card,
  type Choice,
  type Conversation,
  type InboundEvent,
  type OutboundAction,
} from 'tidewire';
import { marbles } from 'tidewire/testing';
import { itHandlesStreams } from '../support/backbone.js';
import { fallbackToTextThatArmsWhenRendered } from '../support/broken/fallbackToText-arms-when-rendered.js';
import { fallbackToTextThatCopies } from '../support/broken/fallbackToText-copies.js';
import { readChoicesByLabelFirst } from '../support/broken/readChoices-label-first.js';
import { message } from '../support/events.js';
import { label, labels, writtenNumber } from '../support/offers.js';
import { thorough } from '../support/thorough.js';

const sms = { platform: 'userlike', id: 'c', channel: 'sms' } as const;
const web = { ...sms, channel: 'web' } as const;
const unknown = { platform: 'desk', id: 'c', channel: 'web' } as const;

const action = (reply: object, conversation: OutboundAction['conversation'] = unknown): OutboundAction =>
  ({ id: 'a', conversation, cause: 'e', ...reply }) as OutboundAction;
const values = {
  c: action(choices('Coffee?', ['Yes', 'No'])),
  t: action(text('hello')),
  T: action(text('Coffee?\n\n1. Yes\n2. No\n\nPlease reply with a number.')),
};

describe('fallbackToText', () => {
  it(
    'renders choices as a numbered list and passes texts',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -c-----t-|', values);
      const subs = '        ^--------!';
      const expected = '    -T-----t-|';
      expectObservable(source.pipe(fallbackToText())).toBe(expected, values);
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  itHandlesStreams<OutboundAction, OutboundAction>(() => fallbackToText(), values.c, values.T);

  it('hands on what a text of the user throws', () => {
    const broken = (): never => {
      throw new Error('no words');
    };
    let error: unknown;
    of(values.c)
      .pipe(fallbackToText({ texts: { option: broken } }))
      .subscribe({ error: (thrown: unknown) => (error = thrown) });
    expect(String(error)).to.equal('Error: no words');
  });

  it('writes links, files and surveys out, in the words it is given', () => {
    const seen: string[] = [];
    const media = { kind: 'media', media: { url: 'https://example.org/a.pdf', name: 'a.pdf' }, caption: 'Here' };
    const links = { kind: 'links', text: 'More', links: [{ label: 'Prices', url: 'https://example.org/p' }] };
    of(action(media, sms), action(links), action(choices('Kaffee?', ['Ja'])))
      .pipe(fallbackToText({ texts: { prompt: 'Bitte antworten Sie mit einer Nummer.' } }))
      .subscribe((v) => seen.push(v.kind === 'text' ? v.text : v.kind));
    expect(seen).to.deep.equal([
      'Here\na.pdf: https://example.org/a.pdf',
      'More\nPrices: https://example.org/p',
      'Kaffee?\n\n1. Ja\n\nBitte antworten Sie mit einer Nummer.',
    ]);
  });

  it('splits what is too long, each part with its own account', () => {
    const accounts = openAccounts();
    const ids: string[] = [];
    of<InboundEvent>(message('e'))
      .pipe(
        accounted<InboundEvent>('desk', { accounts }),
        react(() => text('x'.repeat(4_000) + ' ' + 'y'.repeat(4_000))),
        fallbackToText(),
      )
      .subscribe((part) => {
        ids.push(part.id);
        expect(accounts.counts().inFlight).to.equal(1);
        traceOf(part)?.conclude('handled');
      });
    expect(ids).to.deep.equal(['e#1/1', 'e#1/2']);
    expect(accounts.counts().outcomes.handled).to.equal(1);
  });

  it('passes what has no text, and what has no meaning on the channel', () => {
    const file = action({ kind: 'media', media: { fileId: '4' } }, sms);
    const page = action({ kind: 'navigate', url: 'https://example.org' }, sms);
    const seen: OutboundAction[] = [];
    of(file, page)
      .pipe(fallbackToText())
      .subscribe((v) => seen.push(v));
    expect(seen[0]).to.equal(file);
    expect(seen[1]).to.equal(page);
  });

  it('writes no offer down that its channel rejects', () => {
    const book = choiceBook();
    const mute: CapabilityProfile = { ...textOnly(100), actions: {} };
    of(values.c)
      .pipe(fallbackToText({ book, profiles: [mute] }))
      .subscribe();
    expect(book.openSync?.(unknown)).to.equal(undefined);
  });

  it('refuses a profile whose texts have no room', () => {
    expect(() => fallbackToText({ profiles: [textOnly(1)] })).to.throw(
      RangeError,
      'maxTextLength of desk, web must be',
    );
  });
});

const textOnly = (maxTextLength: number): CapabilityProfile => ({
  platform: 'desk',
  channel: 'web',
  actions: { text: 'native', choices: 'fallback', cards: 'fallback' },
  maxTextLength,
  formats: ['plain'],
});

describe('the laws of fallbackToText', () => {
  const sink = { name: 'sink' };
  /** Everything that a customer can pick, in the order they see it. */
  const offered = (question: OutboundAction): readonly Choice[] =>
    question.kind === 'choices'
      ? question.choices
      : question.kind === 'cards'
        ? question.cards.flatMap((card) => [
            ...(card.id === undefined ? [] : [{ id: card.id, label: card.title }]),
            ...(card.choices ?? []),
          ])
        : [];
  const card: fc.Arbitrary<Card> = fc
    .record({ id: fc.uuid(), title: label, choices: fc.array(choiceOf(label)) })
    .chain(({ id, title, choices: below }): fc.Arbitrary<Card> =>
      fc.constantFrom({ id, title }, { title, choices: below }, { id, title, choices: below }),
    );
  const question = fc.oneof(
    labels.map((list) =>
      choices(
        'Which?',
        list.map((written, n) => ({ id: `o${n}`, label: written })),
      ),
    ),
    fc.array(card, { minLength: 1, maxLength: 5 }).map((cards) => ({ kind: 'cards', cards })),
  );
  const known = [...profiles, textOnly(20), textOnly(500)];
  const place = fc.constantFrom(...known.map((profile, n) => ({ profile, conversation: placeOf(profile, n) })));

  /** What is answered with the number that stands before an option is that option's click, in all its fields. */
  const readsWhatItRendered = (render: typeof fallbackToText, reader: typeof readChoices): fc.IProperty<unknown> =>
    fc.property(place, question, writtenNumber, ({ profile, conversation }, reply, write) => {
      const book = choiceBook();
      const asked = action(reply, conversation);
      let shown = '';
      of(asked)
        .pipe(render({ book, profiles: [profile], texts: { option: (n, words) => `<<${n}>>${words}` } }))
        .subscribe((part) => (shown += part.kind === 'text' ? part.text : ''));
      const numbers = Array.from(shown.matchAll(/<<(\d+)>>/gu), ([, n]) => Number(n));
      offered(asked).forEach((option, index) => {
        const { text: _, ...rest } = { ...message('m'), conversation };
        const said: InboundEvent = { ...rest, kind: 'message', text: write(numbers[index] ?? index + 1) };
        const seen: InboundEvent[] = [];
        of(said)
          .pipe(reader({ book, keepOffers: true }))
          .subscribe((event) => seen.push(event));
        const click = { ...rest, kind: 'choice', choice: { id: option.id, label: option.label }, offer: 'a' };
        expect(seen).to.deep.equal([click]);
      });
    });

  it('read(render(x)) = x: on every profile, for every option, however its number is written', () => {
    fc.assert(readsWhatItRendered(fallbackToText, readChoices));
  });
  it('rejects a reader that looks at labels first', () => {
    expect(fc.check(readsWhatItRendered(fallbackToText, readChoicesByLabelFirst), thorough).failed).to.equal(true);
  });

  /** An offer can be answered once its action has settled as delivered, perhaps delivered, or queued; not before, not otherwise. */
  const armsOnDelivery = (render: typeof fallbackToText): fc.IProperty<unknown> =>
    fc.property(fc.constantFrom(...OUTCOMES), (outcome) => {
      const book = choiceBook();
      let sent: OutboundAction | undefined;
      of(values.c)
        .pipe(accounted('desk', { accounts: openAccounts() }), render({ book }))
        .subscribe((item) => {
          sent = item;
          traceOf(item)?.hold(sink);
        });
      expect(book.openSync?.(unknown, true)).to.equal(undefined);
      traceOf(sent)?.release(sink, outcome);
      const isArmed = book.openSync?.(unknown, true) !== undefined;
      expect(isArmed).to.equal(outcome === 'handled' || outcome === 'inDoubt' || outcome === 'queued');
    });

  it('arms an offer when its action is delivered', () => {
    fc.assert(armsOnDelivery(fallbackToText));
  });
  it('rejects one that arms it when it is rendered', () => {
    expect(fc.check(armsOnDelivery(fallbackToTextThatArmsWhenRendered), thorough).failed).to.equal(true);
  });

  /** What the channel shows, or its platform converts, is left alone. */
  const leavesAlone = (render: typeof fallbackToText): fc.IProperty<unknown> => {
    const passing = [
      action(choices('?', ['a']), web),
      action(choices('?', ['a']), sms),
      action(text('x'), sms),
      action({ kind: 'end' }, web),
    ];
    return fc.property(fc.constantFrom(...passing), (item) => {
      const seen: OutboundAction[] = [];
      of(item)
        .pipe(render({ book: choiceBook() }))
        .subscribe((same) => seen.push(same));
      expect(seen[0]).to.equal(item);
    });
  };

  it('passes what is shown or converted as the same object', () => {
    fc.assert(leavesAlone(fallbackToText));
  });
  it('rejects one that copies it', () => {
    expect(fc.check(leavesAlone(fallbackToTextThatCopies), thorough).failed).to.equal(true);
  });
});

function choiceOf(words: fc.Arbitrary<string>): fc.Arbitrary<Choice> {
  return fc.record({ id: fc.uuid(), label: words });
}

function placeOf({ platform, channel }: CapabilityProfile, n: number): Conversation {
  return { platform, id: `c${n}`, channel: channel === '*' ? 'threema' : channel };
}
