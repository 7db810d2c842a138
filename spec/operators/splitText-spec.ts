import { expect } from 'chai';
import { delay, of, take } from 'rxjs';
import { accounted, openAccounts, splitText, traceOf, type OutboundAction, type TextAction } from 'tidewire';
import { marbles, virtualClock } from 'tidewire/testing';
import { itHandlesStreams } from '../support/backbone.js';

const conversation = { platform: 'desk', id: 'c', channel: 'web' } as const;
const text = (said: string, more: Partial<TextAction> = {}): TextAction => ({
  kind: 'text',
  id: 'a',
  conversation,
  text: said,
  ...more,
});
const partsOf = (action: OutboundAction, max: number): readonly OutboundAction[] => {
  const parts: OutboundAction[] = [];
  of(action)
    .pipe(splitText(max))
    .subscribe((part) => parts.push(part));
  return parts;
};

describe('splitText', () => {
  const ends: OutboundAction = { kind: 'end', id: 'e', conversation };

  it(
    'splits long texts and passes the rest',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const values = {
        t: text('one two'),
        e: ends,
        x: text('one ', { id: 'a/1' }),
        y: text('two', { id: 'a/2' }),
      };
      const source = hot('  -t---e|', values);
      const subs = '        ^-----!';
      const expected = '    -(xy)e|';
      expectObservable(source.pipe(splitText(5))).toBe(expected, values);
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  itHandlesStreams<OutboundAction, OutboundAction>(() => splitText(5), text('one'), text('one'));

  it('passes what fits as the same object', () => {
    const short = text('12345');
    expect(partsOf(short, 5)[0]).to.equal(short);
  });

  it('answers with the first part, sets the context with the last, and knows whose words they are', () => {
    const long = text('one two', {
      cause: 'e',
      by: 'human',
      replyTo: 'm',
      format: 'markdown',
      extra: { k: 1 },
      context: { s: 2 },
    });
    const both = { cause: 'e', by: 'human', format: 'markdown', extra: { k: 1 } } as const;
    expect(partsOf(long, 5)).to.deep.equal([
      text('one ', { ...both, id: 'a/1', replyTo: 'm' }),
      text('two', { ...both, id: 'a/2', context: { s: 2 } }),
    ]);
  });

  it('sends no part of nothing but white space', () => {
    expect(partsOf(text('12345 67890'), 5)).to.deep.equal([text('12345', { id: 'a/1' }), text('67890', { id: 'a/2' })]);
    expect(partsOf(text('12345     '), 5)).to.deep.equal([text('12345')]);
    expect(partsOf(text('       '), 5)).to.deep.equal([text('     ')]);
  });

  it('accounts for each part, also when the text comes out of a plain asynchronous operator', () => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock });
    const inFlight: number[] = [];
    of(text('one two six'))
      .pipe(accounted('desk', { accounts }), delay(10, clock), splitText(5))
      .subscribe((part) => {
        inFlight.push(accounts.counts().inFlight);
        traceOf(part)?.conclude('handled');
      });
    clock.flush();
    expect(inFlight).to.deep.equal([1, 1, 1]);
    expect(accounts.counts()).to.deep.include({ inFlight: 0, late: 0 });
    expect(accounts.counts().outcomes.handled).to.equal(1);
  });

  it('settles as failed what nobody takes after unsubscription', () => {
    const accounts = openAccounts();
    of(text('one two'))
      .pipe(accounted('desk', { accounts }), splitText(5), take(1))
      .subscribe((part) => traceOf(part)?.conclude('handled'));
    expect(accounts.counts()).to.deep.include({ inFlight: 0, late: 0 });
    expect(accounts.counts().outcomes.failed).to.equal(1);
  });

  it('refuses a length below 2', () => {
    expect(() => splitText(1)).to.throw(RangeError, 'max must be at least 2, got 1');
    expect(() => splitText(NaN)).to.throw(RangeError);
  });
});
