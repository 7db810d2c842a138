import { expect } from 'chai';
import { concat, delay, from, mergeMap, NEVER, of, Subject, take, throwError, timer, map, Observable } from 'rxjs';
import {
  accounted,
  deliver,
  memoryStore,
  openAccounts,
  react,
  traceOf,
  type InboundEvent,
  type Replies,
  type Reply,
  type Store,
} from 'tidewire';
import { expectAction, marbles, untraced, virtualClock } from 'tidewire/testing';
import { delivered } from '../../lib/model/receipt.js';
import { message } from '../support/events.js';

const text = (said: string): Reply => ({ kind: 'text', text: said });
const values = { A: message('A', 'a'), a: message('a', 'a'), B: message('B', 'b') };
const named = { x: 'x', y: 'y', z: 'z' };

/** What was said, to keep diagrams short. */
const said = map((action: { readonly kind: string }) => (action as { text?: string }).text ?? action.kind);

describe('react', () => {
  it(
    'answers in order within a conversation and concurrently between them',
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -A-a-B---------|', values);
      const subs = '        ^--------------!';
      const answer = cold(' ---x|', { x: text('x') });
      const expected = '    ----x---(xx)---|';
      expectObservable(
        source.pipe(
          react(() => answer),
          said,
        ),
      ).toBe(expected, named);
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it('fills in id, conversation and cause, and numbers the actions of an event', () => {
    const seen: unknown[] = [];
    of(values.A)
      .pipe(react(() => [text('x'), text('y')]))
      .subscribe((action) => seen.push(action));
    const address = { conversation: values.A.conversation, cause: 'A' };
    expect(seen).to.deep.equal([
      { kind: 'text', text: 'x', id: 'A#1', ...address },
      { kind: 'text', text: 'y', id: 'A#2', ...address },
    ]);
  });

  it('takes the id and the trace of the event from no reply that was spread from it', () => {
    const accounts = openAccounts();
    of<InboundEvent>(values.A)
      .pipe(
        accounted<InboundEvent>('desk', { accounts }),
        react((event) => ({ ...event, kind: 'text', text: 'x' }) as Reply),
      )
      .subscribe((action) => {
        expect(action.id).to.equal('A#1');
        expect(traceOf(action)?.id).to.equal('A');
        expectAction(action, { ...untraced(action), conversation: values.A.conversation });
      });
  });

  const shapes: Readonly<Record<string, () => Replies>> = {
    'a reply': () => text('x'),
    'a list': () => [text('x')],
    'a promise of a reply': async () => Promise.resolve(text('x')),
    'a promise of a list': async () => Promise.resolve([text('x')]),
    'an Observable': () => of(text('x')),
    'an Observable of lists': () => of([text('x')]),
    'an async generator': async function* () {
      yield await Promise.resolve(text('x'));
    },
  };
  for (const [name, handler] of Object.entries(shapes)) {
    it(`takes ${name}`, async () => {
      const seen = await new Promise<unknown[]>((resolve, reject) => {
        const list: unknown[] = [];
        of(values.A)
          .pipe(react(handler), said)
          .subscribe({
            next: (v) => list.push(v),
            error: reject,
            complete: () => {
              resolve(list);
            },
          });
      });
      expect(seen).to.deep.equal(['x']);
    });
  }

  it(
    'passes an empty source, a silent one, and an error at once',
    marbles(({ cold, hot, expectObservable }) => {
      expectObservable(cold<InboundEvent>('|').pipe(react(() => undefined))).toBe('|');
      expectObservable(cold<InboundEvent>('-').pipe(react(() => undefined))).toBe('-');
      expectObservable(hot<InboundEvent>('-A-#', values).pipe(react(() => NEVER))).toBe('---#');
    }),
  );

  it(
    'unsubscribes from the source and from what the handler returned',
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -A-B------', values);
      const answer = cold('  ---x---x', { x: text('x') });
      const unsub = '       ------!';
      const result = source.pipe(
        mergeMap((v) => of(v)),
        react(() => answer),
        mergeMap((v) => of(v)),
        said,
      );
      expectObservable(result, unsub).toBe('----x-', named);
      expectSubscriptions(source.subscriptions).toBe('^-----!');
      expectSubscriptions(answer.subscriptions).toBe(['-^----!', '---^--!']);
    }),
  );

  it('stops a synchronous source with take(1)', () => {
    let made = 0;
    const endless = from(
      (function* () {
        for (;;) yield message(`m${String(made++)}`);
      })(),
    );
    endless
      .pipe(
        react(() => text('x')),
        take(1),
      )
      .subscribe();
    expect(made).to.equal(1);
  });

  it('fails the event, not the stream, when the handler throws, rejects or errors', async () => {
    const desk: Desk = new Desk((event) => {
      if (event.id === '1') throw new Error('thrown');
      if (event.id === '2') return Promise.reject(new Error('rejected'));
      if (event.id === '3') return throwError(() => new Error('errored'));
      if (event.id === '4') return { text: 'no kind' } as unknown as Reply;
      return text('x');
    });
    for (const id of ['1', '2', '3', '4', '5']) desk.deliver(id);
    await new Promise((resolve) => setImmediate(resolve));
    expect(desk.seen).to.deep.equal(['5#1']);
    expect(desk.accounts.counts().outcomes.failed).to.equal(4);
    expect(desk.reasons.slice(0, 3)).to.deep.equal(['Error: thrown', 'Error: rejected', 'Error: errored']);
    expect(desk.reasons[3]).to.match(/^TypeError: /);
  });

  for (const [what, replies] of Object.entries({
    'of one without a kind': [{ text: 'no kind' }],
    'whose second has none': [text('x'), { text: 'no kind' }],
    'of a list of one without a kind': [[{ text: 'no kind' }]],
    'of one whose kind is no word': [{ kind: 5 }],
    'with a hole': [null],
  })) {
    it(`settles the event of a list ${what} as failed, at once`, () => {
      const desk: Desk = new Desk(() => replies as unknown as readonly Reply[]);
      expect(desk.deliver('1')).to.include({ settled: true, outcome: 'failed' });
      expect(desk.accounts.counts().inFlight).to.equal(0);
    });
  }

  it('keeps what was said before the handler threw: touched, and never retried', () => {
    const desk: Desk = new Desk(
      () =>
        concat(
          of(text('let me look')),
          throwError(() => new Error('no')),
        ),
      { count: 3 },
    );
    const trace = desk.deliver('1');
    desk.clock.flush();
    expect(desk.seen).to.deep.equal(['1#1']);
    expect(trace).to.include({ settled: true, outcome: 'failed', touched: true });
  });

  it('retries a handler that threw before it said anything, in its lane, with a growing pause', () => {
    const at: number[] = [];
    const desk: Desk = new Desk(
      (event) => {
        at.push(desk.clock.now());
        if (event.id === '1' && at.length < 4) throw new Error('no');
        return text('x');
      },
      { count: 3, delayMs: 100, maxDelayMs: 150 },
    );
    const first = desk.deliver('1');
    desk.deliver('2');
    desk.clock.flush();
    expect(at).to.deep.equal([0, 100, 250, 400, 400]);
    expect(desk.seen).to.deep.equal(['1#1', '2#1']);
    expect(first.outcome).to.equal('handled');
  });

  it('gives up after `retry.count`', () => {
    const desk: Desk = new Desk(() => throwError(() => new Error('no')), { count: 2 });
    const trace = desk.deliver('1');
    desk.clock.flush();
    expect(trace).to.include({ settled: true, outcome: 'failed', touched: false });
  });

  it('settles an event without an answer as handled', () => {
    const desk: Desk = new Desk(() => undefined);
    expect(desk.deliver('1')).to.include({ settled: true, outcome: 'handled' });
  });

  it('frees the lane of a cancelled event, and what its handler still says is not heard', () => {
    const desk: Desk = new Desk((event) =>
      event.id === '1' ? timer(300, desk.clock).pipe(map(() => text('late'))) : text('x'),
    );
    const hung = desk.deliver('1');
    const waiting = desk.deliver('2');
    hung.cancel('handedOff');
    desk.clock.flush();
    expect(hung).to.include({ settled: true, outcome: 'handedOff' });
    expect(waiting).to.include({ settled: true, outcome: 'handled' });
    expect(desk.seen).to.deep.equal(['2#1']);
  });

  it('lets a cancelled event that waits leave the line', () => {
    const desk: Desk = new Desk((event) => timer(10, desk.clock).pipe(map(() => text(event.id))));
    const [, second, third] = ['1', '2', '3'].map((id) => desk.deliver(id));
    second?.cancel('superseded');
    expect(second).to.include({ settled: true, outcome: 'superseded' });
    desk.clock.flush();
    expect(desk.seen).to.deep.equal(['1#1', '3#1']);
    expect(third).to.include({ settled: true, outcome: 'handled' });
  });

  it('sheds what comes beyond `maxQueued`', () => {
    const desk: Desk = new Desk(() => NEVER, undefined, { maxQueued: 1 });
    const traces = ['1', '2', '3'].map((id) => desk.deliver(id));
    expect(traces.map(({ outcome }) => outcome)).to.deep.equal([undefined, undefined, 'shed']);
    desk.subscription.unsubscribe();
    expect(traces.map(({ outcome }) => outcome)).to.deep.equal(['failed', 'failed', 'shed']);
  });

  it('tells `onError` what was thrown', () => {
    const told: [unknown, string][] = [];
    const error = new Error('no');
    const handler = (): never => {
      throw error;
    };
    of(values.A)
      .pipe(react(handler, { onError: (thrown, { id }) => told.push([thrown, id]) }))
      .subscribe();
    expect(told).to.deep.equal([[error, 'A']]);
  });

  it('errors with what `onError` throws, whenever it does', async () => {
    const handlers: (() => Replies)[] = [
      () => {
        throw new Error('no');
      },
      async () => Promise.reject(new Error('no')),
      () => throwError(() => new Error('no')),
    ];
    for (const handler of handlers) {
      const accounts = openAccounts();
      const onError = (): never => {
        throw new Error('broken');
      };
      const errors: unknown[] = [];
      new Observable<InboundEvent>((subscriber) => {
        subscriber.next(values.A);
        subscriber.next(values.B);
      })
        .pipe(accounted<InboundEvent>('desk', { accounts }), react(handler, { onError, concurrency: 1 }))
        .subscribe({ error: (error) => errors.push(error) });
      await new Promise((resolve) => setTimeout(resolve));
      expect(errors.map(String)).to.deep.equal(['Error: broken']);
      expect(accounts.counts().inFlight).to.equal(0);
    }
  });

  it('leaves the outcome of its only reply to who has it, when it is unsubscribed', () => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock });
    of<InboundEvent>(values.A)
      .pipe(
        accounted<InboundEvent>('desk', { accounts }),
        react(() => text('x')),
        take(1),
        deliver({ name: 'toDesk', scheduler: clock }, (action) => of(delivered(action, '')).pipe(delay(50, clock))),
      )
      .subscribe();
    clock.advance(100);
    expect(accounts.counts().outcomes).to.include({ handled: 1, failed: 0 });
  });

  it('completes when the source has completed and the last handler is done', () => {
    const clock = virtualClock();
    let completedAt = -1;
    const answer: Observable<Reply> = of(text('x')).pipe(delay(30, clock));
    of(values.A, values.B)
      .pipe(react(() => answer))
      .subscribe({ complete: () => (completedAt = clock.now()) });
    clock.flush();
    expect(completedAt).to.equal(30);
  });

  it('keeps a state for each conversation, which one event after the other sees', () => {
    const seen: unknown[] = [];
    const count = react<InboundEvent, number>(
      (_, state) => {
        state.set(state.value + 1);
        return text(`${state.value}`);
      },
      { state: { initial: () => 0 } },
    );
    of(values.A, values.a, values.B)
      .pipe(count, said)
      .subscribe((v) => seen.push(v));
    expect(seen).to.deep.equal(['1', '2', '1']);
  });

  it('keeps the state in the given store, and leaves it as it was when the handler fails', () => {
    const store = memoryStore();
    const seen: unknown[] = [];
    const run = (...events: readonly InboundEvent[]): void => {
      from(events)
        .pipe(
          react<InboundEvent, { readonly n: number }>(
            ({ id }, state) => {
              state.set({ n: state.value.n + 1 });
              if (id === 'broken') throw new Error('no');
              return text(`${state.value.n}`);
            },
            { state: { initial: () => ({ n: 0 }), store } },
          ),
          said,
        )
        .subscribe((v) => seen.push(v));
    };
    run(values.A, message('broken', 'a'));
    run(values.a);
    expect(seen).to.deep.equal(['1', '2']);
  });

  it('waits for a slow store, in order', () => {
    const clock = virtualClock();
    const fast = memoryStore();
    const store: Store = {
      ...fast,
      get: (key) => fast.get(key).pipe(delay(10, clock)),
      put: (...call) => fast.put(...call).pipe(delay(10, clock)),
    };
    const seen: string[] = [];
    of(values.A, values.a)
      .pipe(
        react<InboundEvent, number>(
          ({ id }, state) => {
            state.set(state.value + 1);
            return [text(id + String(state.value))];
          },
          { state: { initial: () => 0, store } },
        ),
        said,
      )
      .subscribe({ next: (v) => seen.push(`${clock.now()} ${v}`), complete: () => seen.push(`${clock.now()} |`) });
    clock.flush();
    expect(seen).to.deep.equal(['10 A1', '30 a2', '40 |']);
  });

  it('fails the event when its state cannot be loaded or kept', () => {
    const broken: Store = { ...memoryStore(), get: () => throwError(() => new Error('no disk')) };
    const told: unknown[] = [];
    of(values.A)
      .pipe(
        react(() => undefined, { state: { initial: () => 0, store: broken }, onError: (error) => told.push(error) }),
      )
      .subscribe();
    expect(String(told[0])).to.equal('Error: no disk');
  });

  it('fails the event, not the stream, when the store throws in place of giving an error', () => {
    const told: unknown[] = [];
    let ended = 'no';
    const broken = (): never => {
      throw new Error('no disk');
    };
    for (const store of [
      { ...memoryStore(), get: broken },
      { ...memoryStore(), put: broken },
    ]) {
      const count = react<InboundEvent, number>(
        (_, state) => {
          state.set(state.value + 1);
        },
        { state: { initial: () => 0, store }, onError: (error) => told.push(error) },
      );
      of(values.A, values.a)
        .pipe(count)
        .subscribe({ complete: () => (ended += ', completed'), error: () => (ended += ', errored') });
    }
    expect(told.map(String)).to.deep.equal(Array(4).fill('Error: no disk'));
    expect(ended).to.equal('no, completed, completed');
  });

  it('says so when a handler asks for a state that is not configured', () => {
    const told: unknown[] = [];
    of(values.A)
      .pipe(
        react(
          (_, state) => {
            state.set(undefined);
          },
          { onError: (error) => told.push(error) },
        ),
      )
      .subscribe();
    expect(String(told[0])).to.equal('TypeError: react: there is no state, since config.state is not given');
  });

  it('refuses numbers out of range', () => {
    const handler = (): undefined => undefined;
    expect(() => react(handler, { concurrency: 0 })).to.throw(
      RangeError,
      'react: concurrency must be at least 1, got 0',
    );
    expect(() => react(handler, { maxQueued: -1 })).to.throw(RangeError, 'react: maxQueued must be at least 0, got -1');
    expect(() => react(handler, { retry: { count: -1 } })).to.throw(
      RangeError,
      'react: retry.count must be at least 0, got -1',
    );
    expect(() => react(handler, { retry: { count: 1, delayMs: NaN } })).to.throw(
      RangeError,
      'retry.delayMs must be at least 0',
    );
  });
});

/** A conversation whose events are delivered by hand, behind a sink that delivers at once. */
class Desk {
  readonly clock = virtualClock();
  readonly accounts = openAccounts({ scheduler: this.clock });
  readonly #account = this.accounts.of('desk');
  readonly #source = new Subject<InboundEvent>();
  readonly seen: string[] = [];
  readonly reasons: (string | undefined)[] = [];
  readonly subscription;

  constructor(
    handler: (event: InboundEvent) => Replies,
    retry?: { readonly count: number; readonly delayMs?: number; readonly maxDelayMs?: number },
    config: { readonly maxQueued?: number } = {},
  ) {
    this.accounts.reports$.subscribe((report) => {
      if (report.kind === 'failed') this.reasons.push(report.reason);
    });
    this.subscription = this.#source
      .pipe(react(handler, { ...config, ...(retry && { retry }), scheduler: this.clock }))
      .subscribe((action) => {
        this.seen.push(action.id);
        traceOf(action)?.touch();
        traceOf(action)?.conclude('handled');
      });
  }

  deliver(id: string): NonNullable<ReturnType<typeof traceOf>> {
    const event = message(id);
    const trace = this.#account.open(event);
    this.#source.next(event);
    trace.release(this.#account);
    return trace;
  }
}
