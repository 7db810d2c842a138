import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import {
  bufferTime,
  catchError,
  combineLatest,
  debounceTime,
  delay,
  distinctUntilKeyChanged,
  EMPTY,
  filter,
  from,
  groupBy,
  last,
  map,
  merge,
  mergeMap,
  of,
  pairwise,
  partition,
  retry,
  share,
  switchMap,
  take,
  takeUntil,
  tap,
  timer,
  toArray,
  VirtualTimeScheduler,
  withLatestFrom,
  type Observable,
  type OperatorFunction,
} from 'rxjs';
import {
  accounted,
  deliver,
  fanOut,
  keep,
  openAccounts,
  react,
  type InboundEvent,
  type OutboundAction,
  type Outcome,
  type Report,
} from 'tidewire';
import { traceOf, untraced } from '../../lib/trace.js';
import { delivered, failed } from '../../lib/model/receipt.js';
import { ChatError } from '../../lib/errors.js';

type Actions = OperatorFunction<OutboundAction, OutboundAction>;

/** Three events, 10 apart; two actions from each, 5 apart; the row's plain RxJS; a sink that takes 20 and settles. */
class Desk {
  readonly clock = new VirtualTimeScheduler();
  readonly accounts = openAccounts({ scheduler: this.clock, unattendedMs: 10_000 });
  readonly reports: Report[] = [];
  readonly settledAt = new Map<string, number>();
  readonly sent: string[] = [];
  readonly #settled = new Set<object>();

  constructor() {
    this.accounts.reports$.subscribe((report) => this.reports.push(report));
  }

  readonly events = (): Observable<InboundEvent> =>
    timer(0, 10, this.clock).pipe(
      take(3),
      map((n) => event(`e${String(n + 1)}`)),
      accounted<InboundEvent>('desk', { accounts: this.accounts }),
      tap((item) => {
        const trace = traceIn(item);
        trace.onSettled({
          settled: (settled, _outcome, _touched, at) => {
            expect(this.#settled.has(settled), `${settled.id} settled twice`).to.equal(false);
            this.#settled.add(settled);
            this.settledAt.set(settled.id, at);
          },
        });
      }),
    );

  readonly react = (): OperatorFunction<InboundEvent, OutboundAction> =>
    react(
      () =>
        timer(0, 5, this.clock).pipe(
          take(2),
          map((n) => ({ kind: 'text' as const, text: `answer ${String(n)}` })),
        ),
      { scheduler: this.clock },
    );

  readonly sink = (
    takesMs = 20,
    broken = (_: OutboundAction): boolean => false,
  ): OperatorFunction<OutboundAction, unknown> =>
    deliver({ name: 'sink', scheduler: this.clock }, (action) =>
      timer(takesMs, this.clock).pipe(
        map(() => {
          this.sent.push(action.id);
          const at = new Date(this.clock.now()).toISOString();
          return broken(action) ? failed(action, at, new ChatError('refused', 'desk', 'no')) : delivered(action, at);
        }),
      ),
    );

  run(stream: Observable<unknown>): this {
    stream.subscribe({ error: () => undefined });
    this.clock.flush();
    return this;
  }

  ends(expected: Partial<Record<Outcome, number>>): void {
    const { inFlight, received, outcomes } = this.accounts.counts();
    expect(inFlight, 'in flight').to.equal(0);
    expect(received, 'received').to.equal(Object.values(outcomes).reduce((sum, n) => sum + n, 0));
    expect(Object.fromEntries(Object.entries(outcomes).filter(([, n]) => n > 0))).to.deep.equal(expected);
  }
}

const event = (id: string): InboundEvent => ({
  kind: 'message',
  id,
  platform: 'desk',
  conversation: { platform: 'desk', id: `c-${id}`, channel: 'web' },
  at: '2025-01-01T00:00:00.000Z',
  text: 'hello',
  raw: null,
});

const TRACE = Symbol.for('tidewire.trace');
interface Traceable {
  onSettled(listener: { settled(trace: { id: string }, outcome: Outcome, touched: boolean, at: number): void }): void;
}
const traceIn = (item: object): Traceable => (item as Record<symbol, Traceable>)[TRACE] as Traceable;

const through = (plain: (desk: Desk) => Actions, takesMs?: number): Desk => {
  const desk = new Desk();
  return desk.run(desk.events().pipe(desk.react(), plain(desk), desk.sink(takesMs)));
};

const merged = (into: unknown, from: unknown): unknown => {
  if (typeof from !== 'object' || from === null) return from;
  const target = (typeof into === 'object' && into !== null ? into : {}) as Record<string, unknown>;
  for (const [key, value] of Object.entries(from)) target[key] = merged(target[key], value);
  return target;
};
/** As lodash's `cloneDeep`: symbols and prototypes too. */
const cloneDeep = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.create(Object.getPrototypeOf(value) as object) as Record<PropertyKey, unknown>;
  for (const key of Reflect.ownKeys(value)) copy[key] = cloneDeep((value as Record<PropertyKey, unknown>)[key]);
  return copy as T;
};
const freezeDeep = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const key of Reflect.ownKeys(value)) freezeDeep((value as Record<PropertyKey, unknown>)[key]);
  return value;
};
/** As immer's `produce`: a shallow copy with every own key, changed and frozen. */
const produce = <T extends object>(value: T, change: (draft: Record<string, unknown>) => void): T => {
  const draft = Object.create(Object.getPrototypeOf(value) as object, Object.getOwnPropertyDescriptors(value)) as T;
  change(draft as Record<string, unknown>);
  return Object.freeze(draft);
};
// eslint-disable-next-line @typescript-eslint/no-extraneous-class -- it stands for a user's class
class Wrapped {
  constructor(action: OutboundAction) {
    Object.assign(this, action);
  }
}
const identity: Actions = (actions) => actions;

const handled: Readonly<Record<string, (desk: Desk) => Actions>> = {
  nothing: () => identity,
  'map with spread': () => map((action) => ({ ...action, extra: { a: 1 } })),
  'Object.assign': () => map((action) => Object.assign({}, action)),
  'rest and spread': () =>
    map((action) => {
      const { extra: _, ...rest } = action;
      return { ...rest };
    }),
  "immer's produce": () =>
    map((action) =>
      produce(action, (draft) => {
        draft['extra'] = { a: 1 };
      }),
    ),
  'a shallow freeze': () => map((action) => Object.freeze(action)),
  'a deep freeze': () => map(freezeDeep),
  'a class instance': () => map((action) => new Wrapped(action) as unknown as OutboundAction),
  'mergeMap of something asynchronous': ({ clock }) => mergeMap((action) => timer(30, clock).pipe(map(() => action))),
  'delay(100)': ({ clock }) => delay(100, clock),
  'groupBy and mergeMap':
    ({ clock }) =>
    (actions) =>
      actions.pipe(
        groupBy(({ conversation }) => conversation.id),
        mergeMap((group) => group.pipe(delay(7, clock))),
      ),
  'bufferTime, flattened':
    ({ clock }) =>
    (actions) =>
      actions.pipe(
        bufferTime(15, clock),
        mergeMap((buffer) => from(buffer)),
      ),
  'toArray, flattened': () => (actions) =>
    actions.pipe(
      toArray(),
      mergeMap((all) => from(all)),
    ),
  'partition of a shared stream': () => (actions) => {
    const [odd, even] = partition(actions.pipe(share()), ({ id }) => id.endsWith('1'));
    return merge(odd, even);
  },
};

const found: Readonly<Record<string, (action: OutboundAction) => unknown>> = {
  'a new literal': ({ id, kind, conversation, cause }) => ({ id, kind, conversation, cause, text: 'new' }),
  'a JSON round trip': (action) => JSON.parse(JSON.stringify(action)) as unknown,
  structuredClone: (action) => structuredClone(action),
  'Object.fromEntries': (action) => Object.fromEntries(Object.entries(action)),
  'a deep merge': (action) => merged({}, action),
};

const vanishing: Readonly<
  Record<string, { readonly plain: (desk: Desk) => Actions; readonly ends: Partial<Record<Outcome, number>> }>
> = {
  'a filter that drops actions': { plain: () => filter(({ id }) => id.endsWith('1')), ends: { expired: 3 } },
  debounceTime: { plain: ({ clock }) => debounceTime(50, clock), ends: { expired: 3 } },
  switchMap: {
    plain: ({ clock }) => switchMap((action) => timer(50, clock).pipe(map(() => action))),
    ends: { expired: 3 },
  },
  distinctUntilKeyChanged: { plain: () => distinctUntilKeyChanged('kind'), ends: { expired: 3 } },
  'withLatestFrom of a late stream': {
    plain:
      ({ clock }) =>
      (actions) =>
        actions.pipe(
          withLatestFrom(timer(12, clock)),
          map(([action]) => action),
        ),
    ends: { handled: 1, expired: 2 },
  },
  'only the last of a buffer': {
    plain:
      ({ clock }) =>
      (actions) =>
        actions.pipe(
          bufferTime(100, clock),
          mergeMap((all) => from(all.slice(-1))),
        ),
    ends: { expired: 3 },
  },
  'pairwise into one text': {
    plain: () => (actions) =>
      actions.pipe(
        pairwise(),
        filter((_, n) => n % 2 === 0),
        map(([, second]) => second),
      ),
    ends: { expired: 3 },
  },
};

describe('plain RxJS between react and the sink', () => {
  for (const [name, plain] of Object.entries(handled)) {
    it(`${name}: 3 handled`, () => {
      const desk = through(plain);
      desk.ends({ handled: 3 });
      expect(desk.sent).to.have.length(6);
      expect(desk.reports).to.deep.equal([]);
    });
  }

  for (const [name, rebuild] of Object.entries(found)) {
    it(`${name}: 3 handled, found by action id, and the loss reported`, () => {
      const desk = through(() => map((action) => rebuild(action) as OutboundAction));
      desk.ends({ handled: 3 });
      expect(desk.reports.filter(({ kind }) => kind === 'lostTrace')).to.have.length(6);
    });
  }

  it('a deep clone of the trace counts as none: found by action id', () => {
    const desk = through(() => map(cloneDeep));
    desk.ends({ handled: 3 });
    expect(desk.reports.map(({ kind }) => kind)).to.deep.equal(Array(6).fill('lostTrace'));
  });

  for (const [name, { plain, ends }] of Object.entries(vanishing)) {
    it(`${name}: expired after unattendedMs, the last operator named`, () => {
      const desk = through(plain);
      desk.ends(ends);
      const expired = desk.reports.filter((report) => report.kind === 'expired');
      expect(expired).to.have.length(ends.expired ?? 0);
      for (const report of expired) expect(report.lastHolder).to.equal('react');
      for (const { id } of expired) expect(desk.settledAt.get(id)).to.be.within(10_000, 10_100);
    });
  }

  it('share into two branches, both sent: 3 handled, each after all copies', () => {
    const desk = new Desk();
    const actions = desk.events().pipe(desk.react(), share());
    desk.run(merge(actions.pipe(desk.sink(5)), actions.pipe(desk.sink(200))));
    desk.ends({ handled: 3 });
    expect(desk.settledAt.get('e1')).to.equal(400);
  });

  it('a copy that fails makes it failed', () => {
    const desk = new Desk();
    const actions = desk.events().pipe(desk.react(), share());
    desk.run(merge(actions.pipe(desk.sink()), actions.pipe(desk.sink(20, ({ id }) => id === 'e2#2'))));
    desk.ends({ handled: 2, failed: 1 });
  });

  it('duplicated by mergeMap: 3 handled', () => {
    const desk = through(() => mergeMap((action) => of(action, { ...action })));
    desk.ends({ handled: 3 });
    expect(desk.sent).to.have.length(12);
  });

  it('an archive of 1 ms and a sink that fails at 200 ms: failed, at 200 ms', () => {
    const desk = new Desk();
    const actions = desk.events().pipe(
      take(1),
      react(() => ({ kind: 'text', text: 'one' }), { scheduler: desk.clock }),
      share(),
    );
    desk.run(merge(actions.pipe(desk.sink(1)), actions.pipe(desk.sink(200, () => true))));
    expect(desk.settledAt.get('e1')).to.equal(200);
    expect(desk.accounts.counts().outcomes.failed).to.equal(1);
  });

  it('share of events into two reacts: 3 handled, after both', () => {
    const desk = new Desk();
    const events = desk.events().pipe(share());
    desk.run(merge(events.pipe(desk.react(), desk.sink(5)), events.pipe(desk.react(), desk.sink(100))));
    desk.ends({ handled: 3 });
    expect(desk.settledAt.get('e1')).to.equal(200);
  });

  it('share with a plain delay in one branch: settled too early, counted and reported as late', () => {
    const desk = new Desk();
    const events = desk.events().pipe(share());
    desk.run(
      merge(events.pipe(desk.react(), desk.sink()), events.pipe(delay(150, desk.clock), desk.react(), desk.sink())),
    );
    desk.ends({ handled: 3 });
    expect(desk.accounts.counts().late).to.be.greaterThan(0);
    expect(desk.reports.some(({ kind }) => kind === 'late')).to.equal(true);
  });

  it('combineLatest replaying the last item: reported as late', () => {
    const desk = new Desk();
    const actions = desk.events().pipe(desk.react());
    const replayed = combineLatest([actions, timer(0, 60, desk.clock).pipe(take(4))]).pipe(map(([action]) => action));
    desk.run(replayed.pipe(desk.sink()));
    expect(desk.accounts.counts().late).to.be.greaterThan(0);
    expect(desk.accounts.counts().inFlight).to.equal(0);
  });

  it('fanOut in place of share: right', () => {
    const desk = new Desk();
    const slow = (events: Observable<InboundEvent>): Observable<unknown> =>
      events.pipe(delay(150, desk.clock), desk.react(), desk.sink());
    desk.run(desk.events().pipe(fanOut((events) => events.pipe(desk.react(), desk.sink()), slow)));
    desk.ends({ handled: 3 });
    expect(desk.accounts.counts().late).to.equal(0);
    expect(desk.settledAt.get('e1')).to.equal(190);
  });

  it('filter on events: the dropped one is ignored', () => {
    const desk = new Desk();
    desk.run(
      desk.events().pipe(
        filter(({ id }) => id !== 'e2'),
        desk.react(),
        desk.sink(),
      ),
    );
    desk.ends({ handled: 2, ignored: 1 });
    expect(desk.settledAt.get('e2')).to.equal(10_010);
  });

  it('keep on events or actions: ignored at once', () => {
    const desk = new Desk();
    desk.run(
      desk.events().pipe(
        keep(({ id }) => id !== 'e2'),
        desk.react(),
        keep(({ id }) => !id.startsWith('e3')),
        desk.sink(),
      ),
    );
    desk.ends({ handled: 1, ignored: 2 });
    expect(desk.settledAt.get('e2')).to.equal(10);
    expect(desk.settledAt.get('e3')).to.equal(25);
  });

  it('takeUntil after react: what was held is failed at that moment', () => {
    const desk = new Desk();
    // eslint-disable-next-line rxjs-x/no-unsafe-takeuntil -- what an unsafe place for it does is what this is about
    desk.run(desk.events().pipe(desk.react(), takeUntil(timer(12, desk.clock)), desk.sink()));
    desk.ends({ handled: 1, failed: 1 });
    expect(desk.reports).to.deep.include({
      kind: 'failed',
      id: 'e2',
      source: 'desk',
      lastHolder: 'sink',
      reason: 'unsubscribed',
    });
  });

  it('an error in map, caught: what was held is failed at that moment', () => {
    const desk = new Desk();
    const breaks = map<OutboundAction, OutboundAction>((action) => {
      if (action.id === 'e2#1') throw new Error('no');
      return action;
    });
    desk.run(
      desk.events().pipe(
        desk.react(),
        breaks,
        catchError(() => EMPTY),
        desk.sink(),
      ),
    );
    desk.ends({ handled: 1, failed: 1 });
    expect(desk.settledAt.get('e2')).to.equal(10);
  });

  it('an error and retry: a new subscription starts new deliveries', () => {
    const desk = new Desk();
    let broken = false;
    const breaks = map<OutboundAction, OutboundAction>((action) => {
      if (action.id === 'e2#1' && !broken) {
        broken = true;
        throw new Error('no');
      }
      return action;
    });
    desk.run(desk.events().pipe(desk.react(), breaks, retry(1), desk.sink()));
    const { received, outcomes, inFlight } = desk.accounts.counts();
    expect({ received, inFlight, handled: outcomes.handled, failed: outcomes.failed }).to.deep.equal({
      received: 5,
      inFlight: 0,
      handled: 4,
      failed: 1,
    });
  });

  it('last(): everything else vanished', () => {
    through(() => last()).ends({ expired: 3 });
  });

  it('makes a traced action unlike a plain one, and untraced() like it', () => {
    const desk = new Desk();
    const seen: OutboundAction[] = [];
    desk.run(
      desk.events().pipe(
        take(1),
        desk.react(),
        tap((action) => seen.push(action)),
        desk.sink(),
      ),
    );
    const [action] = seen;
    if (action === undefined) throw new Error('nothing was emitted');
    const plain = { kind: 'text', text: 'answer 0', id: 'e1#1', cause: 'e1', conversation: event('e1').conversation };
    expect(traceOf(action)).not.to.equal(undefined);
    expect(action).not.to.deep.equal(plain);
    expect(isDeepStrictEqual(action, plain)).to.equal(false);
    expect(untraced(action)).to.deep.equal(plain);
    expect(isDeepStrictEqual(untraced(action), plain)).to.equal(true);
  });
});
