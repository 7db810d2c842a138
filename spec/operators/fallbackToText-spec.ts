import { expect } from 'chai';
import fc from 'fast-check';
import { from, mergeMap, of, Subject, take } from 'rxjs';
import {
  accounted,
  choiceBook,
  choices,
  fallbackToText,
  memoryStore,
  openAccounts,
  react,
  readChoices,
  splitText,
  text,
  traceOf,
  type ChoiceBook,
  type InboundEvent,
  type OutboundAction,
  type Store,
} from 'tidewire';
import { marbles, virtualClock } from 'tidewire/testing';
import { delay } from 'rxjs';
import { readChoicesByLabelFirst } from '../support/broken/readChoices-label-first.js';
import { message } from '../support/events.js';

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
const said = (event: InboundEvent): string => (event.kind === 'choice' ? `choice ${event.choice.id}` : event.kind);

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

  it(
    'passes an empty source, a silent one and an error, and unsubscribes',
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      expectObservable(cold<OutboundAction>('|').pipe(fallbackToText())).toBe('|');
      expectObservable(cold<OutboundAction>('-').pipe(fallbackToText())).toBe('-');
      expectObservable(cold<OutboundAction>('-t-#', values).pipe(fallbackToText())).toBe('-t-#', values);
      const source = hot('-t-t-', values);
      const through = source.pipe(
        mergeMap((v) => of(v)),
        fallbackToText(),
        mergeMap((v) => of(v)),
      );
      expectObservable(through, '--!').toBe('-t-', values);
      expectSubscriptions(source.subscriptions).toBe('^-!');
    }),
  );

  it('stops a synchronous source with take(1)', () => {
    let made = 0;
    const endless = from(
      (function* () {
        for (;;) yield action(text(`t${made++}`));
      })(),
    );
    endless.pipe(fallbackToText(), take(1)).subscribe();
    expect(made).to.equal(1);
  });

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

  it('passes what the channel shows or its platform converts as the same object', () => {
    const passing = [
      action(choices('?', ['a']), web),
      action(choices('?', ['a']), sms),
      action(text('x'), sms),
      action({ kind: 'navigate', url: 'https://example.org' }, sms),
    ];
    const seen: OutboundAction[] = [];
    from(passing)
      .pipe(fallbackToText())
      .subscribe((v) => seen.push(v));
    seen.forEach((item, n) => expect(item).to.equal(passing[n]));
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
});

describe('splitText', () => {
  it(
    'splits long texts and passes the rest',
    marbles(({ hot, expectObservable }) => {
      const long = {
        t: action(text('one two')),
        c: values.c,
        x: action({ ...text('one '), id: 'a/1' }),
        y: action({ ...text('two'), id: 'a/2' }),
      };
      expectObservable(hot('-t---c|', long).pipe(splitText(5))).toBe('-(xy)c|', long);
    }),
  );

  it('refuses a length below 2', () => {
    expect(() => splitText(1)).to.throw(RangeError, 'max must be at least 2, got 1');
  });
});

describe('readChoices', () => {
  const answers = (book: ChoiceBook, ...events: readonly InboundEvent[]): string[] => {
    const seen: string[] = [];
    from(events)
      .pipe(readChoices({ book }))
      .subscribe((event) => seen.push(said(event)));
    return seen;
  };
  const armed = (store?: Store): ChoiceBook => {
    const book = choiceBook(store === undefined ? {} : { store });
    book.arm(unknown, {
      action: 'q',
      options: [
        { id: 'yes', label: 'Yes' },
        { id: 'no', label: 'No' },
      ],
    });
    return book;
  };

  it('turns a number or a label into the event that a click gives', () => {
    const seen: InboundEvent[] = [];
    of(message('m', 'c', 'yes'))
      .pipe(readChoices({ book: armed() }))
      .subscribe((v) => seen.push(v));
    const { text: _, ...rest } = message('m');
    expect(seen).to.deep.equal([{ ...rest, kind: 'choice', choice: { id: 'yes', label: 'Yes' }, offer: 'q' }]);
  });

  it('counts the next message only', () => {
    expect(answers(armed(), message('1', 'c', 'hm'), message('2', 'c', '2'))).to.deep.equal(['message', 'message']);
    expect(answers(armed(), message('1', 'c', '2'), message('2', 'c', '2'))).to.deep.equal(['choice no', 'message']);
  });

  it('counts every message until the next offer, when told so', () => {
    const seen: string[] = [];
    from([message('1', 'c', 'hm'), message('2', 'c', '2'), message('3', 'c', '1')])
      .pipe(readChoices({ book: armed(), keepOffers: true }))
      .subscribe((event) => seen.push(said(event)));
    expect(seen).to.deep.equal(['message', 'choice no', 'choice yes']);
  });

  it('keeps conversations apart', () => {
    expect(answers(armed(), message('1', 'other', '2'), message('2', 'c', '2'))).to.deep.equal([
      'message',
      'choice no',
    ]);
  });

  it('works with a store that takes its time', () => {
    const clock = virtualClock();
    const { sync: _, ...fast } = memoryStore();
    const store: Store = { ...fast, get: (key) => fast.get(key).pipe(delay(10, clock)) };
    const seen: string[] = [];
    from([message('1', 'c', '2'), message('2', 'c', '2')])
      .pipe(readChoices({ book: armed(store) }))
      .subscribe((event) => seen.push(`${clock.now()} ${said(event)}`));
    clock.flush();
    expect(seen).to.deep.equal(['10 choice no', '20 message']);
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
          seen.push(said(event));
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

  it('arms nothing that was not delivered', () => {
    const accounts = openAccounts();
    const book = choiceBook();
    of(action({ ...choices('?', ['a', 'b']), cause: undefined }))
      .pipe(accounted<OutboundAction>('desk', { accounts }), fallbackToText({ book }))
      .subscribe((item) => traceOf(item)?.conclude('failed'));
    expect(answers(book, message('1', 'c', '1'))).to.deep.equal(['message']);
  });

  it('reads a number before an equal label', () => {
    fc.assert(numberWins(readChoices));
  });

  it('has a law that rejects a reader that looks at labels first', () => {
    expect(fc.check(numberWins(readChoicesByLabelFirst)).failed).to.equal(true);
  });
});

const numberWins = (implementation: typeof readChoices): fc.IProperty<unknown> =>
  fc.property(fc.shuffledSubarray(['1', '2', '3', '4', '5'], { minLength: 2 }), fc.nat(4), (labels, n) => {
    const book = choiceBook();
    book.arm(unknown, { action: 'q', options: labels.map((label, index) => ({ id: `o${index}`, label })) });
    const seen: string[] = [];
    of(message('m', 'c', String(n + 1)))
      .pipe(implementation({ book }))
      .subscribe((event) => seen.push(said(event)));
    const labelled = labels.indexOf(String(n + 1));
    const expected = n < labels.length ? `choice o${n}` : labelled < 0 ? 'message' : `choice o${labelled}`;
    expect(seen).to.deep.equal([expected]);
  });
