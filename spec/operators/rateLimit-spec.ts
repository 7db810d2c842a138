import { expect } from 'chai';
import fc from 'fast-check';
import {
  delay,
  from,
  mergeMap,
  of,
  Subject,
  take,
  throwError,
  type MonoTypeOperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { budget, memoryStore, openAccounts, rateLimit, type InboundEvent } from 'tidewire';
import { marbles, virtualClock } from 'tidewire/testing';
import { averagingRateLimit } from '../support/broken/rateLimit-average.js';
import { unfairRateLimit } from '../support/broken/rateLimit-one-line.js';
import { message } from '../support/events.js';
import { thorough } from '../support/thorough.js';

const key = (item: string): string => item.toUpperCase();

describe('rateLimit', () => {
  it(
    'lets `limit` of a key pass in any window and delays the others',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -a-a-a-a------|');
      const subs = '        ^-------------!';
      const expected = '    -a-a---a-a----|';
      expectObservable(source.pipe(rateLimit({ limit: 2, perMs: 6, key }))).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'does not let one key wait for another',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -a-A-b-B----|');
      const expected = '    -a---b-A---B|';
      expectObservable(source.pipe(rateLimit({ limit: 1, perMs: 6, key }))).toBe(expected);
    }),
  );

  it(
    'completes when nothing waits any more',
    marbles(({ hot, expectObservable }) => {
      expectObservable(hot('-a-b|').pipe(rateLimit({ limit: 1, perMs: 6 }))).toBe('-a-----(b|)');
      expectObservable(hot('-a|').pipe(rateLimit({ limit: 1, perMs: 6 }))).toBe('-a|');
    }),
  );

  it(
    'sheds what finds no free slot, when told so',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -a-b-c-d-|');
      const expected = '    -a-----d-|';
      expectObservable(source.pipe(rateLimit({ limit: 1, perMs: 6, overflow: 'shed' }))).toBe(expected);
    }),
  );

  it(
    'passes an empty source, a silent one and an error',
    marbles(({ cold, hot, expectObservable }) => {
      const limit = rateLimit<string>({ limit: 1, perMs: 6 });
      expectObservable(cold('|').pipe(limit)).toBe('|');
      expectObservable(cold('-').pipe(limit)).toBe('-');
      expectObservable(hot('-a-b-#').pipe(limit)).toBe('-a---#');
    }),
  );

  it(
    'hands on what `key` throws',
    marbles(({ hot, expectObservable }) => {
      const broken = (): never => {
        throw 'error';
      };
      expectObservable(hot('-a-').pipe(rateLimit({ limit: 1, perMs: 6, key: broken }))).toBe('-#');
    }),
  );

  it(
    'unsubscribes from the source and forgets what waits',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -a-b------');
      const unsub = '       -----!';
      const result = source.pipe(
        mergeMap((v) => of(v)),
        rateLimit({ limit: 1, perMs: 6 }),
        mergeMap((v) => of(v)),
      );
      expectObservable(result, unsub).toBe('-a--------');
      expectSubscriptions(source.subscriptions).toBe('^----!');
    }),
  );

  it('begins with fresh windows in each subscription', () => {
    const scheduler = virtualClock();
    const seen: string[] = [];
    const limited = of('a').pipe(rateLimit({ limit: 1, perMs: 6, scheduler }));
    limited.subscribe((v) => seen.push(v));
    limited.subscribe((v) => seen.push(v));
    expect(seen).to.deep.equal(['a', 'a']);
  });

  it('stops a synchronous source with take(1)', () => {
    let made = 0;
    const endless = from(
      (function* () {
        for (;;) yield `v${made++}`;
      })(),
    );
    endless.pipe(rateLimit({ limit: 9, perMs: 6 }), take(1)).subscribe();
    expect(made).to.equal(1);
  });

  it('settles beyond `maxQueued` as shed, holds what waits, and lets go of it as failed', () => {
    const scheduler = virtualClock();
    const accounts = openAccounts({ scheduler });
    const account = accounts.of('desk');
    const source = new Subject<InboundEvent>();
    const subscription = source
      .pipe(rateLimit({ limit: 1, perMs: 60_000, maxQueued: 2, scheduler }))
      .subscribe((event) => event);
    const traces = ['1', '2', '3', '4'].map((id) => {
      const event = message(id);
      const trace = account.open(event);
      source.next(event);
      trace.release(account);
      return trace;
    });
    scheduler.advance(50_000);
    expect(traces.map(({ outcome }) => outcome)).to.deep.equal(['ignored', undefined, undefined, 'shed']);
    traces[1]?.cancel('handedOff');
    subscription.unsubscribe();
    expect(traces.map(({ outcome }) => outcome)).to.deep.equal(['ignored', 'handedOff', 'failed', 'shed']);
  });

  it('arms no timer after the last item was taken', () => {
    const scheduler = virtualClock();
    const source = new Subject<string>();
    const seen: string[] = [];
    source.pipe(rateLimit({ limit: 1, perMs: 1_000, scheduler, key }), take(3)).subscribe((item) => seen.push(item));
    for (const item of ['a', 'a']) source.next(item);
    scheduler.advance(500);
    for (const item of ['b', 'b']) source.next(item);
    scheduler.advance(501);
    expect(seen).to.deep.equal(['a', 'b', 'a']);
    expect(scheduler.actions).to.have.length(0);
  });

  it('shares a budget between two pipes', () => {
    const scheduler = virtualClock();
    const quota = budget({ limit: 2, perMs: 100, scheduler });
    const at: number[] = [];
    const sources = [new Subject<string>(), new Subject<string>()];
    for (const source of sources) source.pipe(rateLimit({ budget: quota })).subscribe(() => at.push(scheduler.now()));
    for (let i = 0; i < 3; i++) for (const source of sources) source.next('x');
    scheduler.advance(1_000);
    expect(at).to.deep.equal([0, 0, 100, 100, 200, 200]);
  });

  it('shares a budget in a store between processes, whose clocks agree', () => {
    const scheduler = virtualClock();
    const store = memoryStore({ scheduler });
    const at: number[] = [];
    const sources = [new Subject<string>(), new Subject<string>()];
    for (const source of sources) {
      const quota = budget({ limit: 2, perMs: 100, store, scheduler });
      source.pipe(rateLimit({ budget: quota })).subscribe(() => at.push(scheduler.now()));
    }
    for (let i = 0; i < 3; i++) for (const source of sources) source.next('x');
    scheduler.advance(1_000);
    expect(at).to.deep.equal([0, 0, 100, 100, 200, 200]);
  });

  it('sheds what finds no slot in a store, when asked', () => {
    const scheduler = virtualClock();
    const quota = budget({ limit: 1, perMs: 100, store: memoryStore({ scheduler }), scheduler });
    const seen: string[] = [];
    of('a', 'b')
      .pipe(rateLimit({ budget: quota, overflow: 'shed' }))
      .subscribe((item) => seen.push(item));
    expect(seen).to.deep.equal(['a']);
  });

  it('sheds while the store of a budget cannot be reached, when asked, and then goes on', () => {
    const scheduler = virtualClock();
    const store = memoryStore({ scheduler });
    let away = false;
    const get: typeof store.get = (key) => (away ? throwError(() => new Error('away')) : store.get(key));
    const quota = budget({ limit: 5, perMs: 100, store: { ...store, get }, scheduler });
    const source = new Subject<InboundEvent>();
    const seen: string[] = [];
    source.pipe(rateLimit({ budget: quota, overflow: 'shed' })).subscribe(({ id }) => seen.push(id));
    const accounts = openAccounts({ scheduler });
    for (const id of ['a', 'b', 'c']) {
      away = id === 'b';
      const event = message(id);
      const trace = accounts.of('desk').open(event);
      source.next(event);
      trace.release(accounts.of('desk'));
    }
    expect(seen).to.deep.equal(['a', 'c']);
    expect(accounts.counts().outcomes.shed).to.equal(1);
  });

  it('gives a slot back that a store wrote after whoever wanted it had gone', () => {
    for (const overflow of ['delay', 'shed'] as const) {
      const scheduler = virtualClock();
      const store = memoryStore({ scheduler });
      const get: typeof store.get = (key) => store.get(key).pipe(delay(10, scheduler));
      const put: typeof store.put = (...args) => store.put(...args).pipe(delay(10, scheduler));
      const quota = budget({ limit: 1, perMs: 1_000, store: { ...store, get, put }, scheduler });
      const at: number[] = [];
      const gone = of('a')
        .pipe(rateLimit({ budget: quota, overflow }))
        .subscribe();
      scheduler.advance(15);
      gone.unsubscribe();
      scheduler.advance(985);
      of('b')
        .pipe(rateLimit({ budget: quota, overflow }))
        .subscribe(() => at.push(scheduler.now()));
      scheduler.advance(60_000);
      expect(at).to.deep.equal([1_020]);
    }
  });

  it('pauses when a store refuses every write, and goes on when it does no longer', () => {
    const scheduler = virtualClock();
    const store = memoryStore({ scheduler });
    let refuses = true;
    let writes = 0;
    const put: typeof store.put = (...args) => {
      if (++writes > 1_000) throw new Error('too many');
      return refuses ? of(undefined) : store.put(...args);
    };
    const quota = budget({ limit: 1, perMs: 5_000, store: { ...store, put }, scheduler });
    const at: number[] = [];
    of('a', 'b')
      .pipe(rateLimit({ budget: quota }))
      .subscribe(() => {
        at.push(scheduler.now());
        refuses = true;
      });
    scheduler.advance(1_500);
    expect(writes).to.equal(40);
    refuses = false;
    scheduler.advance(1_000);
    expect(at).to.deep.equal([2_000]);
    scheduler.advance(1_000);
    refuses = false;
    scheduler.advance(6_000);
    expect(at).to.deep.equal([2_000, 7_000]);
    expect(writes).to.be.below(200);
  });

  it('waits while the store of a budget cannot be reached, and then goes on', () => {
    const scheduler = virtualClock();
    const store = memoryStore({ scheduler });
    let away = true;
    const get: typeof store.get = (key) => (away ? throwError(() => new Error('away')) : store.get(key));
    const quota = budget({ limit: 1, perMs: 100, store: { ...store, get }, scheduler });
    const at: number[] = [];
    of('a')
      .pipe(rateLimit({ budget: quota }))
      .subscribe(() => at.push(scheduler.now()));
    scheduler.advance(1_500);
    away = false;
    scheduler.advance(1_500);
    expect(at).to.deep.equal([2_000]);
  });

  it('refuses numbers out of range', () => {
    expect(() => rateLimit({ limit: 0, perMs: 1 })).to.throw(RangeError, 'rateLimit: limit must be at least 1, got 0');
    expect(() => rateLimit({ limit: 1, perMs: 0 })).to.throw(RangeError, 'rateLimit: perMs must be above 0, got 0');
    expect(() => rateLimit({ limit: 1, perMs: 1, maxQueued: -1 })).to.throw(RangeError, 'maxQueued must be at least 0');
    expect(() => budget({ limit: 0, perMs: 1 })).to.throw(RangeError, 'budget: limit must be at least 1, got 0');
  });

  it('holds the limit in every window, keeps the order, never waits without need, and loses nothing', () => {
    fc.assert(honestLimit((config) => rateLimit(config)));
  });

  it('does so on a budget in a store too', () => {
    fc.assert(
      honestLimit(({ limit, perMs, scheduler, ...rest }) =>
        rateLimit({ ...rest, budget: budget({ limit, perMs, scheduler, store: memoryStore({ scheduler }) }) }),
      ),
    );
  });

  it('has a law that rejects an average in place of a window, and one line for all keys', () => {
    expect(fc.check(honestLimit(averagingRateLimit), thorough).failed).to.equal(true);
    expect(fc.check(honestLimit(unfairRateLimit), thorough).failed).to.equal(true);
  });
});

interface Item {
  readonly key: number;
  readonly n: number;
}
type Implementation = (config: {
  readonly limit: number;
  readonly perMs: number;
  readonly key: (item: Item) => string;
  readonly scheduler: SchedulerLike;
}) => MonoTypeOperatorFunction<Item>;

/** Against the specification in the plainest form: when may the n-th item of a key pass at the earliest? */
const honestLimit = (implementation: Implementation): fc.IProperty<unknown> => {
  const arrivals = fc.array(fc.record({ key: fc.nat(2), gap: fc.nat(30) }), { maxLength: 40 });
  return fc.property(
    arrivals,
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 60 }),
    (list, limit, perMs) => {
      const scheduler = virtualClock();
      const source = new Subject<Item>();
      const passed: (Item & { readonly at: number })[] = [];
      const arrivedAt = new Map<number, number>();
      let completed = false;
      source.pipe(implementation({ limit, perMs, key: (item) => String(item.key), scheduler })).subscribe({
        next: (item) => passed.push({ ...item, at: scheduler.now() }),
        complete: () => {
          completed = true;
        },
      });
      list.forEach(({ key, gap }, n) => {
        scheduler.advance(gap);
        arrivedAt.set(n, scheduler.now());
        source.next({ key, n });
      });
      source.complete();
      scheduler.flush();
      expect(completed).to.equal(true);
      expect(passed.length).to.equal(list.length);
      for (const key of [0, 1, 2]) {
        const expected: number[] = [];
        list.forEach((item, n) => {
          if (item.key !== key) return;
          const blocked = expected.length >= limit ? (expected[expected.length - limit] ?? 0) + perMs : 0;
          expected.push(Math.max(arrivedAt.get(n) ?? 0, blocked));
        });
        const of = passed.filter((item) => item.key === key);
        expect(of.map(({ at }) => at)).to.deep.equal(expected);
        expect(of.map(({ n }) => n)).to.deep.equal([...of].map(({ n }) => n).sort((a, b) => a - b));
      }
    },
  );
};
