import { expect } from 'chai';
import fc from 'fast-check';
import { delay, from, of, Subject, throwError } from 'rxjs';
import {
  accounted,
  choiceBook,
  choices,
  fallbackToText,
  memoryStore,
  openAccounts,
  react,
  readChoices,
  traceOf,
  type Choice,
  type ChoiceBook,
  type ChoiceBookConfig,
  type ChoiceEvent,
  type InboundEvent,
  type OutboundAction,
  type Store,
} from 'tidewire';
import { marbles, virtualClock } from 'tidewire/testing';
import { itHandlesStreams } from '../support/backbone.js';
import { readChoicesByGuess } from '../support/broken/readChoices-guesses.js';
import { readChoicesThatKeepsAsking } from '../support/broken/readChoices-keeps-asking.js';
import { readChoicesByLabelFirst } from '../support/broken/readChoices-label-first.js';
import { message } from '../support/events.js';
import { thorough } from '../support/thorough.js';

const { conversation } = message('m');
const yesOrNo: readonly Choice[] = [
  { id: 'yes', label: 'Yes' },
  { id: 'no', label: 'No' },
];
const armed = (options = yesOrNo, config: ChoiceBookConfig = {}): ChoiceBook => {
  const book = choiceBook(config);
  book.arm(conversation, { action: 'q', options });
  return book;
};
const say = (text: string): InboundEvent => message('m', 'c', text);
const click: InboundEvent = { ...choiceOf(message('m'), 'yes', 'Yes') };
const named = (event: InboundEvent): string => (event.kind === 'choice' ? `choice ${event.choice.id}` : event.kind);

function choiceOf({ text: _, ...rest }: ReturnType<typeof message>, id: string, label: string): ChoiceEvent {
  return { ...rest, kind: 'choice', choice: { id, label }, offer: 'q' };
}
const heard = (
  events: readonly InboundEvent[],
  { book = armed(), keepOffers = false, implementation = readChoices } = {},
): string[] => {
  const seen: string[] = [];
  from(events)
    .pipe(implementation({ book, keepOffers }))
    .subscribe((event) => seen.push(named(event)));
  return seen;
};

describe('readChoices', () => {
  it(
    'turns a number or a label into the event that a click gives',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const values = { m: say('2'), c: choiceOf(message('m'), 'no', 'No') };
      const source = hot('  -m-m-|', values);
      const subs = '        ^----!';
      const expected = '    -c-m-|';
      expectObservable(source.pipe(readChoices({ book: armed() }))).toBe(expected, values);
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  describe('with a book in memory', () => {
    itHandlesStreams<InboundEvent, InboundEvent>(
      () => readChoices<InboundEvent>({ book: choiceBook() }),
      say('2'),
      say('2'),
    );
  });
  describe('with a book in a store', () => {
    const { sync: _, ...store } = memoryStore();
    const book = choiceBook({ store });
    itHandlesStreams<InboundEvent, InboundEvent>(() => readChoices<InboundEvent>({ book }), say('2'), say('2'));
  });

  it('counts every message until the next offer, when told so', () => {
    const said = [say('hm'), say('2'), say('1')];
    expect(heard(said, { keepOffers: true })).to.deep.equal(['message', 'choice no', 'choice yes']);
  });

  it('takes a click, a file or a place for the answer', () => {
    const media: InboundEvent = { ...say(''), kind: 'media', media: {} };
    const location: InboundEvent = { ...say(''), kind: 'location', latitude: 0, longitude: 0 };
    for (const other of [click, media, location]) expect(heard([other, say('2')])[1]).to.equal('message');
  });

  it('leaves the question open when somebody else speaks, and never reads an agent or ourselves', () => {
    const agent: InboundEvent = { ...say('1'), sender: { role: 'agent' } };
    const echo: InboundEvent = { ...say('1'), sender: { role: 'customer', self: true } };
    const typing: InboundEvent = { ...say(''), kind: 'progress', what: 'typing' };
    const customer: InboundEvent = { ...say('2'), sender: { role: 'customer' } };
    expect(heard([agent, echo, typing, customer])).to.deep.equal(['message', 'message', 'progress', 'choice no']);
  });

  it('keeps conversations apart', () => {
    expect(heard([message('1', 'other', '2'), say('2')])).to.deep.equal(['message', 'choice no']);
  });

  it('keeps the account of the message', () => {
    const accounts = openAccounts();
    of(say('2'))
      .pipe(accounted('desk', { accounts }), readChoices({ book: armed() }))
      .subscribe((event) => traceOf(event)?.conclude('handled'));
    expect(accounts.counts()).to.deep.include({ inFlight: 0 });
    expect(accounts.counts().outcomes.handled).to.equal(1);
  });

  it('keeps the order with a store that takes its time', () => {
    const clock = virtualClock();
    const { sync: _, ...fast } = memoryStore();
    const store: Store = { ...fast, get: (key) => fast.get(key).pipe(delay(10, clock)) };
    const seen: string[] = [];
    from([say('2'), say('2')])
      .pipe(readChoices({ book: armed(yesOrNo, { store }) }))
      .subscribe((event) => seen.push(`${clock.now()} ${named(event)}`));
    clock.flush();
    expect(seen).to.deep.equal(['10 choice no', '20 message']);
  });

  it('hands on the error of the store', () => {
    const { sync: _, ...store } = memoryStore();
    const book = choiceBook({ store: { ...store, get: () => throwError(() => new Error('down')) } });
    let error: unknown;
    of(say('2'))
      .pipe(readChoices({ book }))
      .subscribe({ error: (thrown: unknown) => (error = thrown) });
    expect(String(error)).to.equal('Error: down');
  });

  it('takes "2" for a message while the list is still on its way, and for a choice when it has arrived', () => {
    const accounts = openAccounts();
    const book = choiceBook();
    const events = new Subject<InboundEvent>();
    const seen: string[] = [];
    const sink = { name: 'slow sink' };
    let sent: OutboundAction | undefined;
    events
      .pipe(
        accounted<InboundEvent>('desk', { accounts }),
        readChoices({ book }),
        react((event) => {
          seen.push(named(event));
          return event.id === '1' ? choices('Coffee?', ['Yes', 'No']) : undefined;
        }),
        fallbackToText({ book }),
      )
      .subscribe((item) => {
        sent = item;
        traceOf(item)?.hold(sink);
      });
    events.next(message('1'));
    events.next(message('2', 'c', '2'));
    traceOf(sent)?.release(sink, 'handled');
    events.next(message('3', 'c', '2'));
    expect(seen).to.deep.equal(['message', 'message', 'choice No']);
  });
});

describe('the laws of readChoices', () => {
  const numberWins = (implementation: typeof readChoices): fc.IProperty<unknown> =>
    fc.property(fc.shuffledSubarray(['1', '2', '3', '4', '5'], { minLength: 2 }), fc.nat(4), (written, n) => {
      const book = armed(written.map((label, index) => ({ id: `o${index}`, label })));
      const labelled = written.indexOf(String(n + 1));
      const expected = n < written.length ? `choice o${n}` : labelled < 0 ? 'message' : `choice o${labelled}`;
      expect(heard([say(String(n + 1))], { book, implementation })).to.deep.equal([expected]);
    });

  const ambiguousStays = (implementation: typeof readChoices): fc.IProperty<unknown> => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'B', 'é', 'ن'), minLength: 1, maxLength: 5 });
    return fc.property(letters, letters, fc.boolean(), (beginning, end, twins) => {
      const [first, second] = twins ? [beginning, beginning.toUpperCase()] : [`${beginning}x${end}`, `${beginning}y`];
      const options = [first, second, 'z'].map((label, n) => ({ id: `o${n}`, label }));
      expect(heard([say(beginning)], { book: armed(options), implementation })).to.deep.equal(['message']);
      expect(heard([say('z')], { book: armed(options), implementation })).to.deep.equal(['choice o2']);
    });
  };

  const nextOnly = (implementation: typeof readChoices): fc.IProperty<unknown> =>
    fc.property(fc.array(fc.constantFrom('hm', '1', 'no'), { minLength: 2, maxLength: 6 }), (said) => {
      const [first, ...later] = heard(said.map(say), { implementation });
      expect(first).to.equal(said[0] === 'hm' ? 'message' : said[0] === '1' ? 'choice yes' : 'choice no');
      expect(new Set(later)).to.deep.equal(new Set(['message']));
    });

  const laws = { numberWins, ambiguousStays, nextOnly };
  const broken = {
    numberWins: readChoicesByLabelFirst,
    ambiguousStays: readChoicesByGuess,
    nextOnly: readChoicesThatKeepsAsking,
  };
  const words = {
    numberWins: 'a number wins over an equal label',
    ambiguousStays: 'what fits several labels stays a message',
    nextOnly: 'only the next message counts',
  };
  for (const name of ['numberWins', 'ambiguousStays', 'nextOnly'] as const) {
    it(`hold: ${words[name]}`, () => {
      fc.assert(laws[name](readChoices));
    });
    it(`reject a reader that breaks it: ${words[name]}`, () => {
      expect(fc.check(laws[name](broken[name]), thorough).failed).to.equal(true);
    });
  }
});
