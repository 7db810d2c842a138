import { expect } from 'chai';
import fc from 'fast-check';
import { mergeMap, of, Subject, take, timer } from 'rxjs';
import {
  coalesceBursts,
  dropEcho,
  openAccounts,
  traceOf,
  type InboundEvent,
  type MessageEvent,
  type Outcome,
  type Trace,
} from 'tidewire';
import { marbles, virtualClock } from 'tidewire/testing';
import { itHandlesStreams } from '../support/backbone.js';
import { coalesceBurstsThatKeepsTheLast } from '../support/broken/coalesceBursts-keeps-the-last.js';
import { coalesceBurstsInOneLine } from '../support/broken/coalesceBursts-one-line.js';
import { coalesceBurstsThatSupersedes } from '../support/broken/coalesceBursts-supersedes.js';
import { Desk } from '../support/desk.js';
import { idOf, message } from '../support/events.js';
import { thorough } from '../support/thorough.js';

type CoalesceBursts = typeof coalesceBursts;

const said = (id: string, conversation = 'c'): MessageEvent => message(id, conversation, id);
const merged = (...ids: string[]): MessageEvent => {
  const last = said(ids.at(-1) ?? '');
  return { ...last, text: ids.join('\n'), parts: ids } as MessageEvent;
};
const command = (id: string, conversation = 'c'): InboundEvent => {
  const { text: _, ...rest } = message(id, conversation);
  return { ...rest, kind: 'command', name: id };
};
/** Everything that is emitted for messages of one burst. */
const burst = (...events: readonly InboundEvent[]): readonly InboundEvent[] => {
  const seen: InboundEvent[] = [];
  of(...events)
    .pipe(coalesceBursts({ scheduler: virtualClock() }))
    .subscribe((event) => seen.push(event));
  return seen;
};

describe('coalesceBursts', () => {
  const values = { a: said('a'), b: said('b'), c: said('c'), d: said('d'), B: merged('a', 'b') };

  it(
    'merges the messages that come shortly after each other',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -a-b-------c------d|', values);
      const subs = '        ^------------------!';
      const expected = '    --------B-------c--(d|)';
      expectObservable(source.pipe(coalesceBursts({ quietMs: 5 }))).toBe(expected, values);
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'lets nobody wait longer than `maxMs`, nor more than `maxMessages` together',
    marbles(({ hot, expectObservable }) => {
      const more = { ...values, C: merged('a', 'b', 'c') };
      const source = '  -a--b--c--d------|';
      expectObservable(hot(source, values).pipe(coalesceBursts({ quietMs: 5, maxMs: 7 }))).toBe(
        '               --------C------d-|',
        more,
      );
      expectObservable(hot(source, values).pipe(coalesceBursts({ quietMs: 5, maxMessages: 2 }))).toBe(
        '               ----B-----D------|',
        { ...more, D: merged('c', 'd') },
      );
      expectObservable(hot('-a-b|', values).pipe(coalesceBursts({ maxMessages: 1 }))).toBe('-a-b|', values);
      expectObservable(hot('-a----b-|', values).pipe(coalesceBursts({ quietMs: 9, maxMs: 3 }))).toBe(
        '                   ----a---(b|)',
        values,
      );
    }),
  );

  it(
    'keeps conversations apart',
    marbles(({ hot, expectObservable }) => {
      const two = { ...values, x: said('x', 'other') };
      const source = hot('  -a-x-b--------|', two);
      const expected = '    --------x-B---|';
      expectObservable(source.pipe(coalesceBursts({ quietMs: 5 }))).toBe(expected, two);
    }),
  );

  it(
    'lets go what waits when an event of another kind comes, of the same conversation',
    marbles(({ hot, expectObservable }) => {
      const kinds = { ...values, x: command('x'), y: command('y', 'other') };
      const source = hot('  -a-b-y-x-----------|', kinds);
      const expected = '    -----y-(Bx)--------|';
      expectObservable(source.pipe(coalesceBursts({ quietMs: 5 }))).toBe(expected, kinds);
    }),
  );

  it(
    'lets the kinds in `through` pass and end nothing',
    marbles(({ hot, expectObservable }) => {
      const { text: _, ...rest } = message('t');
      const typing: InboundEvent = { ...rest, kind: 'progress', what: 'typing' };
      const source = hot('  -a-t-b-----|', { ...values, t: typing });
      const expected = '    ---t------B|';
      const result = source.pipe(coalesceBursts({ quietMs: 5, through: ['progress'] }));
      expectObservable(result).toBe(expected, { ...values, t: typing });
    }),
  );

  itHandlesStreams<InboundEvent, InboundEvent>(() => coalesceBursts(), command('x'), command('x'));

  it(
    'lets go of what waits at the end, and forgets it after an error',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('-a-b-|', values).pipe(coalesceBursts())).toBe('-----(B|)', values);
      expectObservable(cold('-a-b-#', values).pipe(coalesceBursts())).toBe('-----#');
    }),
  );

  it(
    'unsubscribes early while something waits, between two mergeMap(of)',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -a-b---', values);
      const unsub = '       ----!';
      const result$ = source.pipe(
        mergeMap((event) => of(event)),
        coalesceBursts({ quietMs: 5 }),
        mergeMap((event) => of(event)),
      );
      expectObservable(result$, unsub).toBe('-------');
      expectSubscriptions(source.subscriptions).toBe('^---!');
    }),
  );

  it(
    'waits for each subscription on its own',
    marbles(({ cold, expectObservable }) => {
      const result$ = cold('-a-b----|', values).pipe(coalesceBursts({ quietMs: 4 }));
      expectObservable(result$).toBe('       -------B|', values);
      expectObservable(result$, '---^').toBe('----------B|', values);
    }),
  );

  it('takes the last message with the texts, pictures and ids of all, and the time of the first', () => {
    const picture = (url: string) => ({ attachments: [{ url }] });
    const at = (second: number): string => `2025-01-01T00:00:0${second}.000Z`;
    const [event, ...others] = burst(
      { ...said('a'), at: at(1), ...picture('1'), replyTo: 'q' },
      { ...said('b'), at: at(2), text: '', ...picture('2') },
      { ...said('c'), at: at(3), context: { n: 1 } },
    );
    expect(others).to.deep.equal([]);
    expect(event).to.deep.equal({
      ...said('c'),
      at: at(1),
      text: 'a\nc',
      parts: ['a', 'b', 'c'],
      attachments: [{ url: '1' }, { url: '2' }],
      replyTo: 'q',
      context: { n: 1 },
    });
  });

  it('passes what came alone as it is, and joins as it is told', () => {
    const alone = said('a');
    expect(burst(alone)[0]).to.equal(alone);
    const seen: unknown[] = [];
    of(said('a'), said('b'))
      .pipe(coalesceBursts({ join: ' ' }))
      .subscribe(({ text }) => seen.push(text));
    expect(seen).to.deep.equal(['a b']);
  });

  it('merges no two senders and no two formats', () => {
    const by = (id: string, role: 'customer' | 'agent', sender: string): InboundEvent => ({
      ...said(id),
      sender: { role, id: sender },
    });
    const seen = burst(
      by('1', 'customer', 'x'),
      by('2', 'agent', 'x'),
      by('3', 'agent', 'y'),
      by('4', 'agent', 'y'),
      { ...by('5', 'agent', 'y'), sender: { role: 'agent', id: 'y', self: true } },
      said('6'),
      { ...said('7'), format: 'html' },
    );
    expect(seen.map(idOf)).to.deep.equal(['1', '2', '4', '5', '6', '7']);
  });

  it('settles all parts as the merged message, and leaves out what was cancelled', () => {
    const clock = virtualClock();
    const desk = new Desk((events) => events.pipe(coalesceBursts({ scheduler: clock })), undefined, clock);
    const [one, two, three] = ['1', '2', '3'].map((id) => desk.deliver(id)) as [Trace, Trace, Trace];
    desk.clock.advance(1_999);
    expect(desk.emitted).to.deep.equal([]);
    two.cancel('handedOff');
    desk.clock.advance(1);
    expect(desk.emitted).to.deep.equal(['3']);
    expect([one, two, three].map(({ outcome }) => outcome)).to.deep.equal([undefined, 'handedOff', undefined]);
    three.touch();
    desk.settle(three, 'inDoubt');
    expect([one, two, three].map(({ outcome }) => outcome)).to.deep.equal(['inDoubt', 'handedOff', 'inDoubt']);
    expect(one.touched).to.equal(true);
    expect(desk.accounts.counts().late).to.equal(0);
  });

  it('follows the last that is accounted for, and waits for nobody when the same message comes twice', () => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock });
    const account = accounts.of('desk');
    const source = new Subject<InboundEvent>();
    const seen: (Trace | undefined)[] = [];
    source.pipe(coalesceBursts({ scheduler: clock })).subscribe((event) => {
      seen.push(traceOf(event));
      traceOf(event)?.conclude('handled');
    });
    const twice = said('a');
    const trace = account.open(twice);
    for (const event of [twice, twice, said('untraced')]) source.next(event);
    trace.release(account);
    clock.flush();
    expect(seen).to.deep.equal([trace]);
    expect(trace.settled).to.equal(true);
  });

  it('lets go of what waits as failed when it is unsubscribed, and arms no timer then or while nothing waits', () => {
    const clock = virtualClock();
    const desk = new Desk((events) => events.pipe(coalesceBursts({ scheduler: clock })), undefined, clock);
    expect(clock.actions.length).to.equal(0);
    const traces = ['1', '2'].map((id) => desk.deliver(id));
    expect(clock.actions.length).to.equal(1);
    traces[0]?.cancel('superseded');
    traces[1]?.cancel('superseded');
    expect(clock.actions.filter(({ closed }) => !closed).length).to.equal(0);
    const last = desk.deliver('3');
    desk.subscription.unsubscribe();
    expect(clock.actions.filter(({ closed }) => !closed).length).to.equal(0);
    expect([...traces, last].map(({ outcome }) => outcome)).to.deep.equal(['superseded', 'superseded', 'failed']);
  });

  it('lets go of what follows the one that was enough', () => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock });
    const account = accounts.of('desk');
    const source = new Subject<InboundEvent>();
    source.pipe(coalesceBursts({ scheduler: clock, quietMs: 10 }), take(1)).subscribe((event) => {
      traceOf(event)?.conclude('handled');
    });
    const traces = ['x', 'y'].map((conversation) => {
      const event = said(conversation, conversation);
      const trace = account.open(event);
      source.next(event);
      trace.release(account);
      return trace;
    });
    clock.advance(10);
    expect(traces.map(({ outcome }) => outcome)).to.deep.equal(['handled', 'failed']);
    expect(clock.actions.filter(({ closed }) => !closed).length).to.equal(0);
  });

  it('works among operators that keep the type', () => {
    const seen: string[] = [];
    of(said('a'), said('b'))
      .pipe(coalesceBursts(), dropEcho())
      .subscribe((event) => seen.push(...(event.parts ?? [])));
    expect(seen).to.deep.equal(['a', 'b']);
  });

  it('refuses numbers out of range', () => {
    expect(() => coalesceBursts({ quietMs: 0 })).to.throw(RangeError, 'coalesceBursts: quietMs must be above 0, got 0');
    expect(() => coalesceBursts({ maxMs: NaN })).to.throw(RangeError, 'coalesceBursts: maxMs must be above 0, got NaN');
    expect(() => coalesceBursts({ maxMessages: 0 })).to.throw(
      RangeError,
      'coalesceBursts: maxMessages must be at least 1, got 0',
    );
  });

  it('merges what the plainest rule merges, when it says so', () => {
    fc.assert(plainRule(coalesceBursts));
  });

  it('loses and doubles no text, keeps the order, and settles each part as the whole', () => {
    fc.assert(nothingLost(coalesceBursts));
  });

  it('has laws that reject what keeps the last alone, has one line for all, and supersedes the parts', () => {
    expect(fc.check(plainRule(coalesceBurstsInOneLine), thorough).failed).to.equal(true);
    expect(fc.check(nothingLost(coalesceBurstsThatKeepsTheLast), thorough).failed).to.equal(true);
    expect(fc.check(nothingLost(coalesceBurstsInOneLine), thorough).failed).to.equal(true);
    expect(fc.check(nothingLost(coalesceBurstsThatSupersedes), thorough).failed).to.equal(true);
  });
});

interface Item {
  readonly conversation: number;
  readonly isMessage: boolean;
  readonly gap: number;
}
const limits = {
  quietMs: fc.integer({ min: 1, max: 8 }),
  maxMs: fc.integer({ min: 1, max: 20 }),
  maxMessages: fc.integer({ min: 1, max: 4 }),
};
const item = {
  conversation: fc.nat(2),
  isMessage: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
  gap: fc.nat(6),
};
const eventOf = ({ conversation, isMessage }: Item, n: number): InboundEvent =>
  isMessage ? said(String(n), `c${conversation}`) : command(String(n), `c${conversation}`);

/** Against the specification in the plainest form: who is merged with whom, and when does it come out? */
const plainRule = (implementation: CoalesceBursts): fc.IProperty<unknown> =>
  fc.property(fc.array(fc.record<Item>(item), { maxLength: 30 }), fc.record(limits), (items, config) => {
    const scheduler = virtualClock();
    const source = new Subject<InboundEvent>();
    const seen: { readonly ids: readonly string[]; readonly at: number; readonly conversation: string }[] = [];
    source.pipe(implementation({ ...config, scheduler })).subscribe((event) => {
      const { parts = [event.id] } = event as { readonly parts?: readonly string[] };
      seen.push({ ids: parts, at: scheduler.now(), conversation: event.conversation.id });
    });
    const arrivals = items.map((one, n) => {
      scheduler.advance(one.gap);
      source.next(eventOf(one, n));
      return scheduler.now();
    });
    source.complete();
    const over = arrivals.at(-1) ?? 0;

    for (const conversation of [0, 1, 2]) {
      const expected: { ids: string[]; at: number; conversation: string }[] = [];
      let open: { ids: string[]; at: number; conversation: string; first: number } | undefined;
      const close = (at: number): void => {
        if (open === undefined) return;
        const { first: _, ...whole } = open;
        expected.push({ ...whole, at: Math.min(whole.at, at) });
        open = undefined;
      };
      items.forEach((one, n) => {
        if (one.conversation !== conversation) return;
        const now = arrivals[n] ?? 0;
        if (open !== undefined && (now >= open.at || !one.isMessage)) close(now);
        if (!one.isMessage) {
          expected.push({ ids: [String(n)], at: now, conversation: `c${conversation}` });
          return;
        }
        open ??= { ids: [], at: 0, conversation: `c${conversation}`, first: now };
        open.ids.push(String(n));
        open.at = Math.min(now + config.quietMs, open.first + config.maxMs);
        if (open.ids.length === config.maxMessages) close(now);
      });
      close(over);
      expect(seen.filter((one) => one.conversation === `c${conversation}`)).to.deep.equal(expected);
    }
  });

const nothingLost = (implementation: CoalesceBursts): fc.IProperty<unknown> => {
  const items = fc.array(fc.record({ ...item, cancelledAfter: fc.nat(9), takes: fc.nat(9) }), { maxLength: 24 });
  return fc.property(items, fc.record(limits), fc.nat(60), (list, config, unsubscribedAt) => {
    const scheduler = virtualClock();
    const accounts = openAccounts({ scheduler });
    const account = accounts.of('desk');
    const source = new Subject<InboundEvent>();
    const waiting = new Set<string>();
    const lines = new Map<string, string[]>();
    const wholes: { readonly ids: readonly string[]; readonly outcome: Outcome }[] = [];
    const balanced = (): void => {
      const { received, inFlight, outcomes, late } = accounts.counts();
      expect(Object.values(outcomes).reduce((sum, n) => sum + n, inFlight)).to.equal(received);
      expect(late).to.equal(0);
    };
    const subscription = source.pipe(implementation({ ...config, scheduler })).subscribe((event) => {
      const { parts = [event.id] } = event as { readonly parts?: readonly string[] };
      for (const part of parts) waiting.delete(part);
      const line = lines.get(event.conversation.id) ?? [];
      lines.set(event.conversation.id, line);
      line.push(...(event.kind === 'message' ? event.text.split('\n') : [event.id]));
      const n = Number(event.id);
      const outcome: Outcome = n % 3 === 0 ? 'failed' : 'handled';
      wholes.push({ ids: parts, outcome });
      const holder = { name: 'handler' };
      const trace = traceOf(event);
      trace?.hold(holder);
      scheduler.schedule(() => trace?.release(holder, outcome), list[n]?.takes);
    });
    if (unsubscribedAt > 30) {
      timer(unsubscribedAt, scheduler).subscribe(() => {
        subscription.unsubscribe();
      });
    }
    const traces: Trace[] = [];
    const cancelled = new Set<string>();
    for (const [n, one] of list.entries()) {
      scheduler.advance(one.gap);
      balanced();
      if (subscription.closed) break;
      const event = eventOf(one, n);
      const trace = account.open(event);
      traces.push(trace);
      waiting.add(event.id);
      source.next(event);
      trace.release(account);
      if (one.cancelledAfter === 0) continue;
      timer(one.cancelledAfter, scheduler).subscribe(() => {
        if (subscription.closed || !waiting.has(event.id)) return;
        cancelled.add(event.id);
        trace.cancel('superseded');
      });
    }
    if (!subscription.closed) source.complete();
    scheduler.flush();
    balanced();

    expect(accounts.counts().inFlight).to.equal(0);
    const out = wholes.flatMap(({ ids }) => ids);
    const came = traces.map(({ id }) => id).filter((id) => !cancelled.has(id));
    const left = unsubscribedAt > 30 ? came.filter((id) => out.includes(id)) : came;
    for (const [conversation, line] of lines) {
      expect(line).to.deep.equal(left.filter((id) => `c${list[Number(id)]?.conversation ?? ''}` === conversation));
    }
    expect([...out].sort()).to.deep.equal([...left].sort());
    for (const { id, outcome } of traces) {
      const whole = wholes.find(({ ids }) => ids.includes(id));
      expect(outcome, id).to.equal(whole?.outcome ?? (cancelled.has(id) ? 'superseded' : 'failed'));
    }
  });
};
