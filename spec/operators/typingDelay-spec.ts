import { expect } from 'chai';
import fc from 'fast-check';
import { mergeMap, of, Subject, take, timer } from 'rxjs';
import {
  accounted,
  deliver,
  openAccounts,
  profiles,
  react,
  text,
  traceOf,
  typingDelay,
  type CapabilityProfile,
  type InboundEvent,
  type OutboundAction,
  type Receipt,
  type Reply,
  type Trace,
} from 'tidewire';
import { marbles, virtualClock } from 'tidewire/testing';
import { delivered, skipped } from '../../lib/model/receipt.js';
import { itHandlesStreams } from '../support/backbone.js';
import { typingDelayInOneLine } from '../support/broken/typingDelay-one-line.js';
import { typingDelaySideBySide } from '../support/broken/typingDelay-side-by-side.js';
import { typingDelayWithoutCustody } from '../support/broken/typingDelay-without-custody.js';
import { message } from '../support/events.js';
import { thorough } from '../support/thorough.js';

type TypingDelay = typeof typingDelay;

const action = (id: string, reply: Reply, conversation = 'c'): OutboundAction => ({
  ...reply,
  id,
  conversation: { platform: 'desk', id: conversation, channel: 'web' },
});
const bubble = (id: string, conversation = 'c', said = 'word'): OutboundAction =>
  action(id, { kind: 'text', text: said }, conversation);
const typing = (id: string, forMs: number, conversation = 'c'): OutboundAction =>
  action(`${id}~typing`, { kind: 'typing', forMs, visible: true }, conversation);
const steadily = { perCharacterMs: 1, minMs: 0 };

describe('typingDelay', () => {
  const values = {
    A: bubble('A'),
    a: bubble('a'),
    B: bubble('B', 'other'),
    h: action('h', { kind: 'handoff', to: { kind: 'any' } }),
    n: action('n', { kind: 'note', text: 'n' }),
    s: typing('A', 4),
    t: typing('a', 4),
    T: typing('B', 4, 'other'),
  };

  it(
    'lets bubbles out at the speed at which a person writes',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -A-a--------|', values);
      const subs = '        ^-----------!';
      const expected = '    -s---(At)a--|';
      expectObservable(source.pipe(typingDelay(steadily))).toBe(expected, values);
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'does not let one conversation wait for another, and completes when all is out',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -A-B-|', values);
      const expected = '    -s-T-A-(B|)';
      expectObservable(source.pipe(typingDelay(steadily))).toBe(expected, values);
      expectObservable(hot<OutboundAction>('-|').pipe(typingDelay(steadily))).toBe('-|');
    }),
  );

  it(
    'puts no pause in front of what a person has written',
    marbles(({ hot, expectObservable }) => {
      const words = { ...values, p: { ...values.a, by: 'human' } as const };
      expectObservable(hot('-p--|', words).pipe(typingDelay(steadily))).toBe('-p--|', words);
      expectObservable(hot('-Ap|', words).pipe(typingDelay(steadily))).toBe('-s---(Ap|)', words);
    }),
  );

  it(
    'puts no pause in front of a handoff or a note, and lets neither overtake',
    marbles(({ hot, expectObservable }) => {
      expectObservable(hot('-h-n--|', values).pipe(typingDelay(steadily))).toBe('-h-n--|', values);
      expectObservable(hot('-Ahn|', values).pipe(typingDelay(steadily))).toBe('-s---(Ahn|)', values);
    }),
  );

  it(
    'says nothing of typing when told so, or where the channel does not know it',
    marbles(({ hot, expectObservable }) => {
      const mute: CapabilityProfile = {
        platform: 'desk',
        channel: '*',
        actions: { text: 'native' },
        maxTextLength: 99,
        formats: ['plain'],
      };
      const silent = [typingDelay({ ...steadily, typing: false }), typingDelay({ ...steadily, profiles: [mute] })];
      for (const operator of silent) {
        expectObservable(hot<OutboundAction>('-A-|', values).pipe(operator)).toBe('-----(A|)', values);
      }
      expectObservable(hot('-A-|', values).pipe(typingDelay({ ...steadily, profiles }))).toBe('-s---(A|)', values);
    }),
  );

  itHandlesStreams<OutboundAction, OutboundAction>(() => typingDelay(), values.h, values.h);

  it(
    'forgets what waits after an error, and waits for each subscription on its own',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('-A-#', values).pipe(typingDelay(steadily))).toBe('-s-#', values);
      const result$ = cold('-A---|', values).pipe(typingDelay(steadily));
      expectObservable(result$).toBe('      -s---(A|)', values);
      expectObservable(result$, '--^').toBe('---s---(A|)', values);
    }),
  );

  it(
    'unsubscribes early during a pause, between two mergeMap(of)',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -A-a---', values);
      const unsub = '       ----!';
      const result$ = source.pipe(
        mergeMap((item) => of(item)),
        typingDelay(steadily),
        mergeMap((item) => of(item)),
      );
      expectObservable(result$, unsub).toBe('-s-----', values);
      expectSubscriptions(source.subscriptions).toBe('^---!');
    }),
  );

  it('takes as long as its words, within bounds', () => {
    const pauses = (reply: Reply): readonly number[] => {
      const scheduler = virtualClock();
      const at: number[] = [];
      of(action('x', reply))
        .pipe(typingDelay({ scheduler }))
        .subscribe(() => at.push(scheduler.now()));
      scheduler.flush();
      return at;
    };
    const label = 'x'.repeat(20);
    expect(pauses({ kind: 'text', text: 'x'.repeat(100) })).to.deep.equal([0, 3_000]);
    expect(pauses({ kind: 'text', text: 'hi' })).to.deep.equal([0, 500]);
    expect(pauses({ kind: 'text', text: 'x'.repeat(1_000) })).to.deep.equal([0, 4_000]);
    expect(pauses({ kind: 'choices', text: label, choices: [{ id: '1', label }] })).to.deep.equal([0, 1_200]);
    expect(pauses({ kind: 'cards', cards: [{ title: label, text: label }] })).to.deep.equal([0, 1_200]);
    expect(pauses({ kind: 'cards', text: label, cards: [] })).to.deep.equal([0, 600]);
    expect(pauses({ kind: 'links', text: label, links: [{ label, url: 'https://x.test' }] })).to.deep.equal([0, 1_200]);
    expect(pauses({ kind: 'media', media: { url: 'https://x.test' } })).to.deep.equal([0, 500]);
    expect(pauses({ kind: 'media', media: {}, caption: 'x'.repeat(30) })).to.deep.equal([0, 900]);
    expect(pauses({ kind: 'survey', survey: '1', title: label })).to.deep.equal([0, 600]);
    for (const kind of ['end', 'release', 'typing'] as const) expect(pauses({ kind })).to.deep.equal([0]);
  });

  it('keeps no event from its outcome with its typing, and changes none', () => {
    const scheduler = virtualClock();
    const accounts = openAccounts({ scheduler });
    const receipts: Receipt[] = [];
    of(message('e'))
      .pipe(
        accounted<InboundEvent>('desk', { accounts }),
        react(() => [text('one'), text('two')]),
        typingDelay({ scheduler }),
        deliver({ name: 'sink', scheduler }, (sent) =>
          sent.kind === 'typing' ? skipped(sent, '', 'shed') : delivered(sent, ''),
        ),
      )
      .subscribe((receipt) => receipts.push(receipt));
    scheduler.flush();
    expect(receipts.map((receipt) => [receipt.action.id, receipt.action.cause])).to.deep.equal(
      ['e#1~typing', 'e#1', 'e#2~typing', 'e#2'].map((id) => [id, 'e']),
    );
    const { inFlight, outcomes, late, lost } = accounts.counts();
    expect({ inFlight, handled: outcomes.handled, late, lost }).to.deep.equal({
      inFlight: 0,
      handled: 1,
      late: 0,
      lost: 0,
    });
  });

  /** Actions with accounts of their own, given one by one. */
  const desk = (operator = typingDelay, config: Parameters<TypingDelay>[0] = steadily) => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock });
    const account = accounts.of('desk');
    const source = new Subject<OutboundAction>();
    const result$ = source.pipe(operator({ ...config, scheduler: clock }));
    const send = (sent: OutboundAction): Trace => {
      const copy = { ...sent };
      const trace = account.open(copy);
      source.next(copy);
      trace.release(account);
      return trace;
    };
    const timers = (): number => clock.actions.filter(({ closed }) => !closed).length;
    return { clock, accounts, source, result$, send, timers };
  };

  it('lets a handoff out at once when the event whose bubbles wait is cancelled', () => {
    const { clock, accounts, source, result$, send } = desk();
    const seen: [string, number][] = [];
    result$.subscribe(({ id }) => seen.push([id, clock.now()]));
    const account = accounts.of('desk');
    const event = message('e');
    const trace = account.open(event);
    of(event)
      .pipe(react(() => [text('word'), text('word'), text('word'), { kind: 'note', text: '' }]))
      .subscribe((reply) => {
        source.next({ ...reply, conversation: values.h.conversation });
      });
    trace.release(account);
    clock.advance(5);
    trace.cancel('handedOff');
    send(values.h);
    clock.flush();
    expect(seen).to.deep.equal([
      ['e#1~typing', 0],
      ['e#1', 4],
      ['e#2~typing', 4],
      ['h', 5],
    ]);
    expect(trace.outcome).to.equal('handedOff');
    expect(accounts.counts().inFlight).to.equal(0);
  });

  it('emits nothing that is cancelled while its typing goes out, or was before it came', () => {
    const { clock, accounts, source, result$, send, timers } = desk();
    const seen: string[] = [];
    const account = accounts.of('desk');
    const doomed = { ...bubble('1') };
    const trace = account.open(doomed);
    result$.subscribe(({ id }) => {
      seen.push(id);
      if (id === '1~typing') trace.cancel('superseded');
    });
    source.next(doomed);
    trace.release(account);
    expect(timers()).to.equal(0);
    const early = { ...bubble('2') };
    const cancelled = account.open(early);
    cancelled.cancel('handedOff');
    source.next(early);
    cancelled.release(account);
    send(bubble('3'));
    clock.flush();
    expect(seen).to.deep.equal(['1~typing', '3~typing', '3']);
    expect([trace.outcome, cancelled.outcome]).to.deep.equal(['superseded', 'handedOff']);
  });

  it('sheds beyond `maxQueued`, and lets go of what waits as failed', () => {
    const { clock, result$, send, timers } = desk(typingDelay, { ...steadily, maxQueued: 1 });
    const subscription = result$.subscribe((sent) => traceOf(sent)?.conclude('handled'));
    const traces = ['1', '2', '3'].map((id) => send(bubble(id)));
    clock.advance(4);
    traces.push(send(bubble('4')));
    expect(timers()).to.equal(1);
    subscription.unsubscribe();
    expect(timers()).to.equal(0);
    expect(traces.map(({ outcome }) => outcome)).to.deep.equal(['handled', 'failed', 'shed', 'failed']);
  });

  it('leaves to others what was enough for them', () => {
    for (const enough of [1, 2]) {
      const { clock, result$, send, timers } = desk();
      result$.pipe(take(enough)).subscribe((sent) => traceOf(sent)?.conclude('handled'));
      const trace = send(bubble('1'));
      clock.flush();
      expect(trace.outcome).to.equal(enough === 1 ? 'failed' : 'handled');
      expect(timers()).to.equal(0);
    }
  });

  it('refuses numbers out of range', () => {
    expect(() => typingDelay({ perCharacterMs: -1 })).to.throw(
      RangeError,
      'typingDelay: perCharacterMs must be at least',
    );
    expect(() => typingDelay({ minMs: -1 })).to.throw(RangeError, 'typingDelay: minMs must be at least 0, got -1');
    expect(() => typingDelay({ maxMs: 499 })).to.throw(RangeError, 'typingDelay: maxMs must be at least 500, got 499');
    expect(() => typingDelay({ maxQueued: NaN })).to.throw(RangeError, 'typingDelay: maxQueued must be at least 0');
  });

  it('takes the time that the plainest rule takes', () => {
    fc.assert(plainRule(typingDelay));
  });

  it('keeps the order, loses nothing, hurries nobody, and emits nothing that was cancelled', () => {
    fc.assert(nothingLost(typingDelay));
  });

  it('has laws that reject pauses side by side, one line for all, and no custody', () => {
    expect(fc.check(plainRule(typingDelayInOneLine), thorough).failed).to.equal(true);
    expect(fc.check(nothingLost(typingDelaySideBySide), thorough).failed).to.equal(true);
    expect(fc.check(nothingLost(typingDelayWithoutCustody), thorough).failed).to.equal(true);
  });

  interface Item {
    readonly conversation: number;
    /** Characters; below 0: nothing that is written. */
    readonly length: number;
    readonly gap: number;
    readonly cancelledAfter: number;
  }
  const runs = (cancelled: number) =>
    fc.record({
      items: fc.array(
        fc.record<Item>({
          conversation: fc.nat(2),
          length: fc.integer({ min: -3, max: 12 }),
          gap: fc.nat(8),
          cancelledAfter: fc.nat(cancelled),
        }),
        { maxLength: 30 },
      ),
      minMs: fc.nat(3),
      maxMs: fc.integer({ min: 3, max: 10 }),
    });
  type Plan = ReturnType<typeof runs> extends fc.Arbitrary<infer P> ? P : never;

  const pauseOf = ({ length }: Item, { minMs, maxMs }: Plan): number =>
    length < 0 ? 0 : Math.min(Math.max(minMs, length), maxMs);

  /** What was emitted when, and what came when. */
  const run = (implementation: TypingDelay, { items, minMs, maxMs }: Plan) => {
    const { clock, accounts, source, result$, send } = desk(implementation, { perCharacterMs: 1, minMs, maxMs });
    const out = new Map<string, number>();
    const order: string[] = [];
    let completed = false;
    result$.subscribe({
      next: (sent) => {
        expect(out.has(sent.id), `${sent.id} twice`).to.equal(false);
        out.set(sent.id, clock.now());
        if (sent.kind === 'typing') return;
        order.push(sent.id);
        traceOf(sent)?.conclude('handled');
      },
      complete: () => {
        completed = true;
      },
    });
    const traces: Trace[] = [];
    const came: number[] = [];
    const cancelledAt = new Map<string, number>();
    for (const [n, { conversation, length, gap, cancelledAfter }] of items.entries()) {
      clock.advance(gap);
      came.push(clock.now());
      const id = String(n);
      const place = `c${conversation}`;
      const said = 'x'.repeat(Math.max(0, length));
      const trace = send(length < 0 ? action(id, { kind: 'note', text: '' }, place) : bubble(id, place, said));
      traces.push(trace);
      if (cancelledAfter === 0) continue;
      timer(cancelledAfter, clock).subscribe(() => {
        if (out.has(id)) return;
        cancelledAt.set(id, clock.now());
        trace.cancel('superseded');
      });
    }
    source.complete();
    clock.flush();
    return { out, order, traces, came, cancelledAt, completed, counts: accounts.counts() };
  };

  const plainRule = (implementation: TypingDelay): fc.IProperty<unknown> =>
    fc.property(runs(0), (plan) => {
      const { out, came } = run(implementation, plan);
      const expected = new Map<string, number>();
      const free = new Map<number, number>();
      plan.items.forEach((item, n) => {
        const begins = Math.max(came[n] ?? 0, free.get(item.conversation) ?? 0);
        const pause = pauseOf(item, plan);
        if (pause > 0) expected.set(`${n}~typing`, begins);
        expected.set(String(n), begins + pause);
        free.set(item.conversation, begins + pause);
      });
      expect(Object.fromEntries(out)).to.deep.equal(Object.fromEntries(expected));
    });

  const nothingLost = (implementation: TypingDelay): fc.IProperty<unknown> =>
    fc.property(runs(20), (plan) => {
      const { out, order, traces, came, cancelledAt, completed, counts } = run(implementation, plan);
      expect(completed).to.equal(true);
      expect(counts.inFlight).to.equal(0);
      for (const conversation of [0, 1, 2]) {
        let before = 0;
        const line = order.filter((id) => plan.items[Number(id)]?.conversation === conversation);
        const left = traces.map(({ id }) => id).filter((id) => !cancelledAt.has(id));
        expect(line).to.deep.equal(left.filter((id) => plan.items[Number(id)]?.conversation === conversation));
        for (const id of line) {
          const item = plan.items[Number(id)] as Item;
          const at = out.get(id) ?? NaN;
          expect(at, id).to.be.at.least(Math.max(before, came[Number(id)] ?? 0) + pauseOf(item, plan));
          before = at;
        }
      }
      for (const { id, outcome } of traces) {
        expect(outcome, id).to.equal(cancelledAt.has(id) ? 'superseded' : 'handled');
      }
    });
});
