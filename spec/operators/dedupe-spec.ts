import { expect } from 'chai';
import fc from 'fast-check';
import { from, map, mergeMap, of, Subject, take, timer, toArray } from 'rxjs';
import {
  accounts as all,
  dedupe,
  openAccounts,
  react,
  type DedupeConfig,
  type InboundEvent,
  type Report,
} from 'tidewire';
import { marbles, virtualClock } from 'tidewire/testing';
import { dedupeThatSwallowsTheRedelivery } from '../support/broken/dedupe-swallows-redelivery.js';
import { dedupeThatEmitsTwins } from '../support/broken/dedupe-emits-twins.js';
import { Desk } from '../support/desk.js';
import { message } from '../support/events.js';
import { thorough } from '../support/thorough.js';

const values = { a: message('a'), b: message('b'), c: message('c') };

describe('dedupe', () => {
  it(
    'lets each event through once per window',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -a-a-b---a--|', values);
      const subs = '        ^-----------!';
      const expected = '    -a---b------|';
      expectObservable(source.pipe(dedupe())).toBe(expected, values);
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'lets it through again when the window is over, counted from when it was settled',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -a---a-a--|', values);
      const expected = '    -a-----a--|';
      expectObservable(source.pipe(dedupe({ windowMs: 6 }))).toBe(expected, values);
    }),
  );

  it(
    'passes an empty source, a silent one and an error',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold<InboundEvent>('|').pipe(dedupe())).toBe('|');
      expectObservable(cold<InboundEvent>('-').pipe(dedupe())).toBe('-');
      expectObservable(cold<InboundEvent>('-a-#', values).pipe(dedupe())).toBe('-a-#', values);
    }),
  );

  it(
    'hands on what `key` throws',
    marbles(({ hot, expectObservable }) => {
      const key = (): never => {
        throw 'error';
      };
      expectObservable(hot<InboundEvent>('-a-', values).pipe(dedupe({ key }))).toBe('-#');
    }),
  );

  it('reports what it forgets early without what was written', () => {
    const reports: Report[] = [];
    const listening = all.reports$.subscribe((report) => reports.push(report));
    const told = (config: DedupeConfig<InboundEvent>, fingerprint?: string): void => {
      const events = ['a', 'b'].map((id) => ({
        ...message(id),
        ...(fingerprint && { fingerprint: fingerprint + id }),
      }));
      from(events)
        .pipe(dedupe({ maxKeys: 1, ...config }))
        .subscribe();
    };
    told({});
    told({ fingerprints: 'window' }, 'my card is 4111 = ');
    told({ key: ({ id }) => `my card is ${id}` });
    listening.unsubscribe();
    const early = { kind: 'evictedEarly', holder: 'dedupe' };
    expect(reports).to.deep.equal(['desk::c a', 'desk::c', ''].map((key) => ({ ...early, key })));
  });

  it(
    'unsubscribes from the source',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -a-b-', values);
      const unsub = '       --!';
      const result = source.pipe(
        mergeMap((event) => of(event)),
        dedupe(),
        mergeMap((event) => of(event)),
      );
      expectObservable(result, unsub).toBe('-a-', values);
      expectSubscriptions(source.subscriptions).toBe('^-!');
    }),
  );

  it('forgets the keys of an earlier subscription', () => {
    const seen: string[] = [];
    const once = of(values.a, values.a).pipe(dedupe());
    once.subscribe(({ id }) => seen.push(id));
    once.subscribe(({ id }) => seen.push(id));
    expect(seen).to.deep.equal(['a', 'a']);
  });

  it('stops a synchronous source with take(1)', () => {
    let made = 0;
    const endless = from(
      (function* () {
        for (;;) yield message(`m${String(made++)}`);
      })(),
    );
    endless.pipe(dedupe(), take(1)).subscribe();
    expect(made).to.equal(1);
  });

  it('tells conversations and accounts apart', () => {
    const seen: string[] = [];
    const other = { ...values.a, conversation: { ...values.a.conversation, account: 'second' } };
    of(values.a, message('a', 'other'), other, values.a)
      .pipe(dedupe())
      .subscribe(({ conversation }) => {
        seen.push(`${conversation.account ?? ''}/${conversation.id}`);
      });
    expect(seen).to.deep.equal(['/c', '/other', 'second/c']);
  });

  it('at `maxKeys` forgets the oldest settled key, never a claimed one', () => {
    const desk = new Desk(dedupe({ maxKeys: 2 }));
    const claimed = desk.deliver('claimed');
    for (const id of ['a', 'b', 'c']) desk.settle(desk.deliver(id), 'handled');
    expect(['claimed', 'c', 'b', 'a'].filter((id) => desk.isNew(id))).to.deep.equal(['a']);
    desk.settle(claimed, 'handled');
  });

  it('passes events that have only a fingerprint: a person may say the same thing twice', () => {
    const desk = new Desk(dedupe());
    desk.settle(desk.deliver('1', 'yes'), 'handled');
    desk.settle(desk.deliver('2', 'yes'), 'handled');
    expect(desk.emitted).to.deep.equal(['1', '2']);
  });

  it('takes an equal delivery for a twin while the first is unanswered, when asked', () => {
    const desk = new Desk(dedupe({ fingerprints: 'unanswered' }));
    const first = desk.deliver('1', 'yes');
    desk.deliver('2', 'yes');
    desk.settle(first, 'handled');
    desk.settle(desk.deliver('3', 'yes'), 'handled');
    expect(desk.emitted).to.deep.equal(['1', '3']);
    expect(desk.outcomes()).to.deep.equal({ handled: 2, duplicate: 1 });
  });

  it('ends a twin as duplicate when the first is handled', () => {
    const desk = new Desk(dedupe());
    const first = desk.deliver('a');
    desk.deliver('a');
    expect(desk.outcomes()).to.deep.equal({});
    desk.settle(first, 'handled');
    expect(desk.outcomes()).to.deep.equal({ handled: 1, duplicate: 1 });
    expect(desk.emitted).to.deep.equal(['a']);
  });

  it('ends a twin as failed when the first failed untouched, and handles the next delivery', () => {
    const desk = new Desk(dedupe());
    const first = desk.deliver('a');
    desk.deliver('a');
    desk.settle(first, 'failed');
    expect(desk.outcomes()).to.deep.equal({ failed: 2 });
    desk.settle(desk.deliver('a'), 'handled');
    expect(desk.emitted).to.deep.equal(['a', 'a']);
  });

  it('finds a twin quiet when the first is, and tells so: neither before nor later', () => {
    const desk = new Desk(dedupe());
    const first = desk.deliver('a');
    const twin = desk.deliver('a');
    let told = 0;
    twin.onQuiet({ quiet: () => told++ });
    first.hold({ name: 'an open request', passive: true });
    expect([told, twin.quiet]).to.deep.equal([0, false]);
    desk.settle(first, 'handled');
    expect([told, twin.quiet, desk.deliver('a').quiet]).to.deep.equal([1, true, true]);
    expect(desk.outcomes()).to.deep.equal({});
  });

  it('never runs an event again once something of it was delivered', () => {
    const desk = new Desk(dedupe());
    const first = desk.deliver('a');
    first.touch();
    desk.settle(first, 'failed');
    desk.deliver('a');
    expect(desk.outcomes()).to.deep.equal({ failed: 1, duplicate: 1 });
  });

  it('lets `maxTwins` wait and sheds the others', () => {
    const desk = new Desk(dedupe());
    const first = desk.deliver('a');
    for (let i = 0; i < 30; i++) desk.deliver('a');
    expect(desk.outcomes()).to.deep.equal({ shed: 22 });
    desk.settle(first, 'handled');
    expect(desk.outcomes()).to.deep.equal({ handled: 1, duplicate: 8, shed: 22 });
    expect(desk.emitted).to.deep.equal(['a']);
  });

  it('completes with the source although a twin is in flight', () => {
    let all: readonly InboundEvent[] = [];
    const desk = new Desk(dedupe(), (events) => events.pipe(toArray()).subscribe((list) => (all = list)));
    const first = desk.deliver('a');
    desk.deliver('a');
    desk.source.complete();
    expect(all).to.have.length(1);
    desk.settle(first, 'handled');
    expect(desk.outcomes()).to.deep.equal({ handled: 1, duplicate: 1 });
  });

  it('lets waiting twins go as failed when it is unsubscribed', () => {
    const desk = new Desk(dedupe());
    desk.deliver('a');
    desk.deliver('a');
    desk.subscription.unsubscribe();
    expect(desk.outcomes()).to.deep.equal({ failed: 1 });
  });

  it('does not deadlock when the same delivery passes twice', () => {
    const desk = new Desk((events) =>
      events.pipe(
        mergeMap((event) => of(event, event)),
        dedupe(),
      ),
    );
    desk.settle(desk.deliver('a'), 'handled');
    expect(desk.outcomes()).to.deep.equal({ handled: 1 });
  });

  it('m1 that fails, its twin, m2: never m2 before m1, and the next delivery of m1 is handled', () => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock });
    const account = accounts.of('desk');
    const source = new Subject<InboundEvent>();
    const ran: string[] = [];
    let broken = true;
    source
      .pipe(
        dedupe(),
        react((event) =>
          timer(10, clock).pipe(
            map(() => {
              ran.push(event.id);
              if (event.id === 'm1' && broken) throw new Error('no');
              return undefined;
            }),
          ),
        ),
      )
      .subscribe();
    const deliver = (id: string): void => {
      const event = message(id);
      const trace = account.open(event);
      source.next(event);
      trace.release(account);
    };
    for (const id of ['m1', 'm1', 'm2']) deliver(id);
    clock.flush();
    expect(ran).to.deep.equal(['m1', 'm2']);
    expect(accounts.counts().outcomes).to.include({ failed: 2, handled: 1 });
    broken = false;
    deliver('m1');
    clock.flush();
    expect(ran).to.deep.equal(['m1', 'm2', 'm1']);
    expect(accounts.counts()).to.include({ inFlight: 0 });
  });

  it('refuses numbers out of range', () => {
    expect(() => dedupe({ windowMs: 0 })).to.throw(RangeError, 'windowMs must be above 0, got 0');
    expect(() => dedupe({ maxKeys: 0 })).to.throw(RangeError, 'maxKeys must be at least 1, got 0');
    expect(() => dedupe({ waitMs: -1 })).to.throw(RangeError, 'waitMs must be at least 0, got -1');
    expect(() => dedupe({ maxTwins: -1 })).to.throw(RangeError, 'maxTwins must be at least 0, got -1');
  });

  it('has one effect per event, whatever fails and whenever it is delivered again', () => {
    fc.assert(oneEffect(dedupe));
  });

  it('has a law that rejects a dedupe that swallows the redelivery, and one that emits twins', () => {
    expect(fc.check(oneEffect(dedupeThatSwallowsTheRedelivery), thorough).failed).to.equal(true);
    expect(fc.check(oneEffect(dedupeThatEmitsTwins), thorough).failed).to.equal(true);
  });
});

/**
 * Deliveries of a few events at random times, each attempt failing or not: an event has at most one attempt at a time, no
 * attempt after one that succeeded, and at least one success if its last delivery came after the last failure.
 */
const oneEffect = (implementation: typeof dedupe): fc.IProperty<unknown> => {
  const deliveries = fc.array(fc.record({ id: fc.nat(2), gap: fc.nat(12) }), { maxLength: 30 });
  return fc.property(deliveries, fc.array(fc.boolean(), { maxLength: 10 }), (list, failures) => {
    const desk = new Desk(implementation());
    const pending = new Set<string>();
    const succeeded = new Set<string>();
    let attempt = 0;
    for (const { id, gap } of list) {
      desk.clock.advance(gap);
      const name = `m${String(id)}`;
      const before = desk.emitted.length;
      const trace = desk.deliver(name);
      const wasEmitted = desk.emitted.length > before;
      expect(wasEmitted, name).to.equal(!pending.has(name) && !succeeded.has(name));
      if (!wasEmitted) continue;
      pending.add(name);
      const fails = failures[attempt++] ?? false;
      timer(10, desk.clock).subscribe(() => {
        pending.delete(name);
        if (!fails) succeeded.add(name);
        desk.settle(trace, fails ? 'failed' : 'handled');
      });
    }
    desk.clock.flush();
    const { received, inFlight, outcomes } = desk.accounts.counts();
    expect(inFlight).to.equal(0);
    expect(outcomes.handled).to.equal(succeeded.size);
    expect(received).to.equal(list.length);
  });
};
