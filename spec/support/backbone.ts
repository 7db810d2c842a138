import { expect } from 'chai';
import { from, mergeMap, of, take, type OperatorFunction } from 'rxjs';
import { marbles } from 'tidewire/testing';

/** What an operator does with a stream, whatever is in it: the cases of one that emits `result` at once for each `value`. */
export const itHandlesStreams = <T, R>(operator: () => OperatorFunction<T, R>, value: T, result: R): void => {
  const values = { v: value };
  const results = { v: result };

  it(
    'completes with an empty source, waits with a silent one and hands on an error',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold<T>('|').pipe(operator())).toBe('|');
      expectObservable(cold<T>('-').pipe(operator())).toBe('-');
      expectObservable(cold<T>('-v-#', values).pipe(operator())).toBe('-v-#', results);
    }),
  );

  it(
    'unsubscribes early, between two mergeMap(of)',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -v-v-', values);
      const unsub = '       --!';
      const expected = '    -v-';
      const result$ = source.pipe(
        mergeMap((item) => of(item)),
        operator(),
        mergeMap((item) => of(item)),
      );
      expectObservable(result$, unsub).toBe(expected, results);
      expectSubscriptions(source.subscriptions).toBe('^-!');
    }),
  );

  it(
    'can be subscribed again',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('     -v-v|', values);
      const result$ = source.pipe(operator());
      expectObservable(result$).toBe('-v-v|', results);
      expectObservable(result$, '---^').toBe('----v-v|', results);
      expectSubscriptions(source.subscriptions).toBe(['^---!', '---^---!']);
    }),
  );

  it('stops a synchronous source with take(1)', () => {
    let made = 0;
    const endless = (function* (): Generator<T> {
      for (;;) {
        made++;
        yield value;
      }
    })();
    from(endless).pipe(operator(), take(1)).subscribe();
    expect(made).to.equal(1);
  });
};
