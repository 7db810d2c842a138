import { expect } from 'chai';
import fc from 'fast-check';
import {
  concat,
  EMPTY,
  finalize,
  from,
  map,
  mergeMap,
  NEVER,
  of,
  Subject,
  take,
  throwError,
  timer,
  type Observable,
} from 'rxjs';
import { deliver, lanes, openAccounts, react, text, type MessageEvent, type Trace } from 'tidewire';
import { marbles, virtualClock } from 'tidewire/testing';
import { delivered } from '../../lib/model/receipt.js';
import { message } from '../support/events.js';

const key = (item: string): string => item.toUpperCase();

describe('lanes', () => {
  it(
    'runs one inner Observable of a key at a time and those of other keys beside it',
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -A-a-B---------|');
      const subs = '        ^--------------!';
      const inner = cold('  ---x|');
      const expected = '    ----x---(xx)---|';

      expectObservable(source.pipe(lanes({ key }, () => inner))).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(inner.subscriptions).toBe(['-^---!', '-----^---!', '-----^---!']);
    }),
  );

  it(
    'completes when the source has completed and all inner Observables have',
    marbles(({ cold, hot, expectObservable }) => {
      const inner = cold('      --x|');
      const source = hot('  -a-a|');
      const expected = '    ---x--x|';
      expectObservable(source.pipe(lanes({ key }, () => inner))).toBe(expected);
    }),
  );

  it(
    'passes an empty source, a silent one and an error',
    marbles(({ cold, hot, expectObservable }) => {
      expectObservable(cold('|').pipe(lanes({ key }, () => of(1)))).toBe('|');
      expectObservable(cold('-').pipe(lanes({ key }, () => of(1)))).toBe('-');
      expectObservable(hot('-a-#').pipe(lanes({ key }, () => NEVER))).toBe('---#');
    }),
  );

  it(
    'hands on what project, key and the inner Observables throw',
    marbles(({ hot, expectObservable }) => {
      const broken = (): never => {
        throw 'error';
      };
      expectObservable(hot('-a-').pipe(lanes({ key }, broken))).toBe('-#');
      expectObservable(hot('-a-').pipe(lanes({ key: broken }, () => of(1)))).toBe('-#');
      expectObservable(hot('-a-').pipe(lanes({ key }, () => throwError(() => 'error')))).toBe('-#');
    }),
  );

  it(
    'unsubscribes from the source and the inner Observables',
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -a-b------');
      const inner = cold('   ---x---x');
      const unsub = '       ------!';
      const result = source.pipe(
        mergeMap((v) => of(v)),
        lanes({ key }, () => inner),
        mergeMap((v) => of(v)),
      );
      expectObservable(result, unsub).toBe('----x-');
      expectSubscriptions(source.subscriptions).toBe('^-----!');
      expectSubscriptions(inner.subscriptions).toBe(['-^----!', '---^--!']);
    }),
  );

  it('keeps no state between subscriptions', () => {
    const seen: string[] = [];
    const result = of('a', 'b').pipe(lanes({ key }, (v) => of(v)));
    result.subscribe((v) => seen.push(v));
    result.subscribe((v) => seen.push(v));
    expect(seen).to.deep.equal(['a', 'b', 'a', 'b']);
  });

  it('stops a synchronous source with take(1)', () => {
    let made = 0;
    const endless = from(
      (function* () {
        for (;;) yield `v${String(made++)}`;
      })(),
    );
    endless
      .pipe(
        lanes({ key }, (v) => of(v)),
        take(1),
      )
      .subscribe();
    expect(made).to.equal(1);
  });

  it('runs a hundred thousand items of one key that end at once without a deeper stack', () => {
    const source = new Subject<string>();
    const gate = new Subject<never>();
    let ended = 0;
    source.pipe(lanes({ key }, (v) => (v === 'first' ? gate : EMPTY))).subscribe({ complete: () => ended++ });
    source.next('first');
    for (let i = 0; i < 99_999; i++) source.next('FIRST');
    source.complete();
    gate.complete();
    expect(ended).to.equal(1);
  });

  it('runs at most `concurrency` inner Observables, and a busy key goes to the end of the line', () => {
    const clock = virtualClock();
    const seen: string[] = [];
    const source = new Subject<string>();
    source
      .pipe(lanes({ key, concurrency: 1 }, (v) => timer(10, clock).pipe(map(() => v))))
      .subscribe((v) => seen.push(v));
    for (const item of ['a', 'a', 'a', 'b']) source.next(item);
    clock.flush();
    expect(seen).to.deep.equal(['a', 'b', 'a', 'a']);
  });

  it('stops an item that is cancelled by what it emits, in the same call', () => {
    const accounts = openAccounts({ scheduler: virtualClock() });
    const account = accounts.of('desk');
    const source = new Subject<MessageEvent>();
    const seen: string[] = [];
    const torn: string[] = [];
    source
      .pipe(
        lanes({ key: () => '' }, (item) =>
          concat(of(`${item.id}1`, `${item.id}2`), NEVER).pipe(finalize(() => torn.push(item.id))),
        ),
      )
      .subscribe((value) => {
        seen.push(value);
        if (value === 'a1') traces.get('a')?.cancel('handedOff');
      });
    const traces = new Map<string, Trace>();
    for (const id of ['a', 'b']) {
      const event = message(id);
      traces.set(id, account.open(event));
      source.next(event);
      traces.get(id)?.release(account);
    }
    expect(seen).to.deep.equal(['a1', 'b1', 'b2']);
    expect(torn).to.deep.equal(['a']);
  });

  it('leaves the outcome of what it has emitted to who has it, and fails what it has not, when it is unsubscribed', () => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock });
    const account = accounts.of('desk');
    const source = new Subject<MessageEvent>();
    source
      .pipe(
        lanes({ key: ({ conversation }) => conversation.id }, (item) =>
          timer(item.id === 'a' ? 1 : 9, clock).pipe(map(() => item)),
        ),
        take(1),
        react(() => timer(50, clock).pipe(map(() => text('hi')))),
        deliver({ name: 'toDesk', scheduler: clock }, (action) => delivered(action, '')),
      )
      .subscribe();
    const traces = [message('a', 'a'), message('waits', 'a'), message('runs', 'b')].map((event) => {
      const trace = account.open(event);
      source.next(event);
      trace.release(account);
      return trace;
    });
    clock.advance(100);
    expect(traces.map(({ outcome }) => outcome)).to.deep.equal(['handled', 'failed', 'failed']);
  });

  it('refuses a concurrency below 1 and a negative maxQueued', () => {
    expect(() => lanes({ key, concurrency: 0 }, () => EMPTY)).to.throw(
      RangeError,
      'concurrency must be at least 1, got 0',
    );
    expect(() => lanes({ key, maxQueued: -1 }, () => EMPTY)).to.throw(
      RangeError,
      'maxQueued must be at least 0, got -1',
    );
  });

  it('keeps the order of each key, starts what can start, and ends, whatever the schedule', () => {
    const schedule = fc.array(fc.record({ key: fc.nat(3), gap: fc.nat(5), takes: fc.nat(8) }), { maxLength: 40 });
    fc.assert(
      fc.property(schedule, fc.integer({ min: 1, max: 4 }), (items, concurrency) => {
        const clock = virtualClock();
        const source = new Subject<{ key: number; n: number; takes: number }>();
        const done: { key: number; n: number }[] = [];
        let running = 0;
        let most = 0;
        let completed = false;
        const work = (item: { key: number; n: number; takes: number }): Observable<typeof item> => {
          most = Math.max(most, ++running);
          return timer(item.takes, clock).pipe(
            map(() => {
              running--;
              return item;
            }),
          );
        };
        source.pipe(lanes({ key: (item) => String(item.key), concurrency }, work)).subscribe({
          next: (item) => done.push(item),
          complete: () => {
            completed = true;
          },
        });
        items.forEach(({ key, gap, takes }, n) => {
          clock.advance(gap);
          source.next({ key, n, takes });
        });
        source.complete();
        clock.flush();
        expect(completed).to.equal(true);
        expect(most).to.be.at.most(concurrency);
        expect(done.length).to.equal(items.length);
        for (const k of [0, 1, 2, 3]) {
          const order = done.filter((item) => item.key === k).map(({ n }) => n);
          expect(order).to.deep.equal([...order].sort((a, b) => a - b));
        }
      }),
    );
  });
});
