import { expect } from 'chai';
import fc from 'fast-check';
import { defer, delay, map, mergeMap, of, Subject, take, tap, throwError, timer, type Observable } from 'rxjs';
import {
  accounts,
  ChatError,
  dedupe,
  deliver,
  memoryStore,
  openAccounts,
  react,
  text,
  traceOf,
  type DedupeConfig,
  type InboundEvent,
  type Report,
  type Store,
  type Trace,
} from 'tidewire';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import { delivered } from '../../lib/model/receipt.js';
import { dedupeThatForgetsTheLease } from '../support/broken/dedupe-forgets-lease.js';
import { Desk } from '../support/desk.js';
import { message } from '../support/events.js';
import { thorough } from '../support/thorough.js';

const LEASE_MS = 60_000;

const machine = (
  clock: VirtualClock,
  store: Store,
  implementation = dedupe,
  config: DedupeConfig<InboundEvent> = {},
): Desk => new Desk(implementation({ store, scheduler: clock, leaseMs: LEASE_MS, ...config }), undefined, clock);

/** Answers every call after `delayMs`, as a store on the network would; `broken` says whether it refuses. */
const remote = (
  store: Store,
  clock: VirtualClock,
  { delayMs = (): number => 0, broken = (): boolean => false },
): Store => {
  const far = <T>(call: () => Observable<T>): Observable<T> =>
    defer(() => {
      if (broken()) return throwError(() => new ChatError('unreachable', 'store', 'it is away'));
      return timer(delayMs(), clock).pipe(
        mergeMap(call),
        mergeMap((value) => of(value).pipe(delay(delayMs(), clock))),
      );
    });
  return {
    get: (key) => far(() => store.get(key)),
    put: (key, value, options) => far(() => store.put(key, value, options)),
    delete: (key, options) => far(() => store.delete(key, options)),
    scan: (prefix) => far(() => store.scan(prefix)),
    forget: (prefix) => far(() => store.forget(prefix)),
  };
};

describe('dedupe with a store', () => {
  it('refuses a twin on another machine while the first is open, and knows it afterwards', () => {
    const clock = virtualClock();
    const store = memoryStore({ scheduler: clock });
    const [one, other] = [machine(clock, store), machine(clock, store)];
    const first = one.deliver('a');
    other.deliver('a');
    expect(other.outcomes()).to.deep.equal({ shed: 1 });
    one.settle(first, 'handled');
    other.deliver('a');
    expect(other.outcomes()).to.deep.equal({ shed: 1, duplicate: 1 });
    expect(other.emitted).to.deep.equal([]);
  });

  it('lets a twin in the same process wait for the first', () => {
    const clock = virtualClock();
    const desk = machine(clock, memoryStore({ scheduler: clock }));
    const first = desk.deliver('a');
    desk.deliver('a');
    expect(desk.outcomes()).to.deep.equal({});
    desk.settle(first, 'failed');
    expect(desk.outcomes()).to.deep.equal({ failed: 2 });
    desk.settle(desk.deliver('a'), 'handled');
    expect(desk.outcomes()).to.deep.equal({ failed: 2, handled: 1 });
  });

  it('gives the claim back when the event failed untouched, so that any machine handles the next delivery', () => {
    const clock = virtualClock();
    const store = memoryStore({ scheduler: clock });
    const [one, other] = [machine(clock, store), machine(clock, store)];
    one.settle(one.deliver('a'), 'failed');
    other.settle(other.deliver('a'), 'handled');
    expect(other.outcomes()).to.deep.equal({ handled: 1 });
  });

  it('survives a restart', () => {
    const clock = virtualClock();
    const store = memoryStore({ scheduler: clock });
    const before = machine(clock, store);
    before.settle(before.deliver('a'), 'handled');
    before.subscription.unsubscribe();
    expect(machine(clock, store).isNew('a')).to.equal(false);
  });

  it('forgets after the window', () => {
    const clock = virtualClock();
    const desk = machine(clock, memoryStore({ scheduler: clock }), dedupe, { windowMs: 1_000 });
    desk.settle(desk.deliver('a'), 'handled');
    clock.advance(999);
    expect(desk.isNew('a')).to.equal(false);
    clock.advance(1);
    expect(desk.isNew('a')).to.equal(true);
  });

  it('renews the lease as long as the event is open', () => {
    const clock = virtualClock();
    const store = memoryStore({ scheduler: clock });
    const [one, other] = [machine(clock, store), machine(clock, store)];
    const first = one.deliver('a');
    clock.advance(10 * LEASE_MS);
    expect(other.isNew('a')).to.equal(false);
    one.settle(first, 'handled');
    expect(one.outcomes()).to.deep.equal({ handled: 1 });
  });

  it('handles again what was open when a machine died, once its lease is over', () => {
    const store = memoryStore({ scheduler: virtualClock() });
    const dead = virtualClock();
    const alive = virtualClock();
    const shared = memoryStore({ scheduler: alive });
    // Its clock stands still: nothing is renewed.
    machine(dead, shared).deliver('a');
    expect(store.sync.scan('')).to.deep.equal([]);
    const other = machine(alive, shared);
    alive.advance(LEASE_MS - 1);
    expect(other.isNew('a')).to.equal(false);
    alive.advance(1);
    expect(other.isNew('a')).to.equal(true);
  });

  it('handles at once what was open in a process that is known to be dead, and once', () => {
    const clock = virtualClock();
    const store = memoryStore({ scheduler: clock });
    const gone = new Set<unknown>();
    const as = (self: string): Desk =>
      machine(
        clock,
        Object.assign(Object.create(store) as Store, { users: { self, isGone: (u: unknown) => gone.has(u) } }),
      );
    const dead = as('dead');
    dead.settle(dead.deliver('b'), 'handled');
    dead.deliver('a');
    const [one, other] = [as('one'), as('other')];
    expect(one.isNew('a')).to.equal(false);
    gone.add('dead');
    const trace = one.deliver('a');
    other.deliver('a');
    expect(other.outcomes()).to.deep.equal({ shed: 1 });
    one.settle(trace, 'handled');
    expect(one.outcomes()).to.deep.equal({ shed: 1, handled: 1 });
    expect([other.isNew('a'), other.isNew('b')]).to.deep.equal([false, false]);
  });

  it('knows an event without an id of its platform by the id that was made for it', () => {
    const clock = virtualClock();
    const store = memoryStore({ scheduler: clock });
    const before = machine(clock, store);
    before.settle(before.deliver('made-1', 'ok'), 'handled');
    before.settle(before.deliver('made-2', 'ok'), 'handled');
    expect(before.outcomes()).to.deep.equal({ handled: 2 });
    const after = machine(clock, store);
    after.deliver('made-1', 'ok');
    expect(after.outcomes()).to.deep.equal({ duplicate: 1 });
  });

  it('cancels what it has of an event whose lease it lost', () => {
    const [slow, alive] = [virtualClock(), virtualClock()];
    const store = memoryStore({ scheduler: alive });
    const one = machine(slow, store);
    const trace = one.deliver('a');
    alive.advance(LEASE_MS);
    const other = machine(alive, store);
    other.settle(other.deliver('a'), 'handled');
    slow.advance(LEASE_MS);
    expect(trace.cancelled).to.equal(true);
    one.settle(trace, 'handled');
    expect(one.outcomes()).to.deep.equal({ superseded: 1 });
    expect(store.sync.get('of/7/desk::c/6/dedupe/ a')?.value).to.include({ state: 'committed' });
  });

  it('fails the event, not the stream, when the store does, and handles the next delivery', () => {
    const clock = virtualClock();
    let broken = true;
    const desk = machine(clock, remote(memoryStore({ scheduler: clock }), clock, { broken: () => broken }));
    desk.deliver('a');
    expect(desk.outcomes()).to.deep.equal({ failed: 1 });
    broken = false;
    const trace = desk.deliver('a');
    clock.advance(0);
    desk.settle(trace, 'handled');
    expect(desk.outcomes()).to.deep.equal({ failed: 1, handled: 1 });
  });

  it('waits for a store that fails as long as it is told to, in order within the conversation', () => {
    const clock = virtualClock();
    let broken = true;
    const store = remote(memoryStore({ scheduler: clock }), clock, { broken: () => broken });
    const desk = machine(clock, store, dedupe, { waitMs: 5_000 });
    desk.deliver('a');
    clock.advance(1_000);
    desk.deliver('b');
    clock.advance(3_000);
    expect([desk.outcomes(), desk.emitted]).to.deep.equal([{}, []]);
    broken = false;
    clock.advance(1_000);
    expect(desk.emitted).to.deep.equal(['a', 'b']);

    broken = true;
    desk.deliver('c');
    clock.advance(4_999);
    expect(desk.outcomes()).to.deep.equal({});
    // Its last pause is a whole one.
    clock.advance(1_000);
    expect(desk.outcomes()).to.deep.equal({ failed: 1 });
  });

  it('has what was written without its hearing of it', () => {
    const clock = virtualClock();
    const real = memoryStore({ scheduler: clock });
    let isDeaf = true;
    const lost = throwError(() => new ChatError('unreachable', 'store', 'it is away'));
    const store: Store = {
      ...remote(real, clock, {}),
      put: (...args) => real.put(...args).pipe(mergeMap((revision) => (isDeaf ? lost : of(revision)))),
    };
    const desk = machine(clock, store, dedupe, { waitMs: 5_000 });
    desk.deliver('a');
    isDeaf = false;
    clock.advance(1_000);
    expect([desk.outcomes(), desk.emitted]).to.deep.equal([{}, ['a']]);
  });

  it('claims what was given back while it looked who has it', () => {
    const clock = virtualClock();
    const real = memoryStore({ scheduler: clock });
    const [one, other] = [machine(clock, real), machine(clock, remote(real, clock, { delayMs: () => 10 }))];
    const first = one.deliver('a');
    other.deliver('a');
    // The answer that somebody has it is on its way.
    clock.advance(15);
    one.settle(first, 'failed');
    clock.advance(100);
    expect([other.outcomes(), other.emitted]).to.deep.equal([{}, ['a']]);
  });

  it('writes down later what the store could not take when the event was settled', () => {
    const clock = virtualClock();
    let broken = false;
    const store = memoryStore({ scheduler: clock });
    const desk = machine(clock, remote(store, clock, { broken: () => broken }));
    const trace = desk.deliver('a');
    clock.advance(0);
    broken = true;
    desk.settle(trace, 'handled');
    desk.deliver('a');
    expect(desk.outcomes()).to.deep.equal({ handled: 1, duplicate: 1 });
    broken = false;
    clock.advance(LEASE_MS / 3);
    expect(store.sync.scan('of/7/desk::c/6/dedupe/')[0]?.value).to.include({ state: 'committed' });
  });

  it('goes on with an event whose lease ended while the store was away, since nobody else took it', () => {
    const clock = virtualClock();
    let broken = false;
    const store = memoryStore({ scheduler: clock });
    const [one, other] = [machine(clock, remote(store, clock, { broken: () => broken })), machine(clock, store)];
    const trace = one.deliver('a');
    clock.advance(LEASE_MS / 4);
    broken = true;
    clock.advance(2 * LEASE_MS);
    broken = false;
    clock.advance(LEASE_MS);
    expect(trace.cancelled).to.equal(false);
    expect(other.isNew('a')).to.equal(false);
    one.settle(trace, 'handled');
    clock.advance(0);
    expect(one.outcomes()).to.deep.equal({ handled: 1 });
    expect(store.sync.get('of/7/desk::c/6/dedupe/ a')?.value).to.include({ state: 'committed' });
  });

  /** Settled while the store was away, for longer than the lease; `meanwhile` has it to itself before it is back here. */
  const settledInAnOutage = (meanwhile: (other: Desk) => void): { states: unknown[]; reports: Report[] } => {
    const clock = virtualClock();
    let broken = false;
    const store = memoryStore({ scheduler: clock });
    const desk = machine(clock, remote(store, clock, { broken: () => broken }), dedupe, { fingerprints: 'window' });
    const reports: Report[] = [];
    const listening = accounts.reports$.subscribe((report) => reports.push(report));
    const trace = desk.deliver('a', 'my card is 4111');
    clock.advance(0);
    broken = true;
    desk.settle(trace, 'handled');
    clock.advance(LEASE_MS);
    meanwhile(machine(clock, store, dedupe, { fingerprints: 'window' }));
    broken = false;
    clock.advance(LEASE_MS / 3);
    listening.unsubscribe();
    return {
      states: store.sync.scan('of/7/desk::c/6/dedupe/').map(({ value }) => (value as { state?: unknown }).state),
      reports,
    };
  };

  it('writes down what was settled in an outage longer than the lease', () => {
    const { states, reports } = settledInAnOutage(() => undefined);
    expect(states).to.deep.equal(['committed']);
    expect(reports).to.deep.equal([]);
  });

  it('reports what was settled in an outage and taken by another machine, without what was written', () => {
    const { reports } = settledInAnOutage((other) => {
      other.deliver('a', 'my card is 4111');
    });
    expect(reports).to.deep.equal([{ kind: 'evictedEarly', holder: 'dedupe', key: 'of/7/desk::c/6/dedupe/' }]);
  });

  it('keeps the order of a conversation while the store takes its time', () => {
    const clock = virtualClock();
    const delays = [50, 0, 10, 0];
    const store = remote(memoryStore({ scheduler: clock }), clock, { delayMs: () => delays.shift() ?? 0 });
    const desk = machine(clock, store);
    for (const id of ['a', 'b', 'c']) desk.deliver(id);
    clock.advance(100);
    expect(desk.emitted).to.deep.equal(['a', 'b', 'c']);
  });

  it('leaves the outcome of what it let through to who has it, when it is unsubscribed', () => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock });
    const account = accounts.of('desk');
    const source = new Subject<InboundEvent>();
    const store = memoryStore({ scheduler: clock });
    source
      .pipe(
        dedupe({ store, scheduler: clock }),
        take(1),
        react(() => timer(50, clock).pipe(map(() => text('hi')))),
        deliver({ name: 'toDesk', scheduler: clock }, (action) => delivered(action, '')),
      )
      .subscribe();
    const event = message('a');
    const trace = account.open(event);
    source.next(event);
    trace.release(account);
    clock.advance(100);
    expect(trace.outcome).to.equal('handled');
    expect(store.sync.get('of/7/desk::c/6/dedupe/ a')?.value).to.include({ state: 'committed' });
  });

  it('knows what it wrote itself when the store’s answer was lost', () => {
    const clock = virtualClock();
    const store = memoryStore({ scheduler: clock });
    let loses = false;
    const put: Store['put'] = (key, value, options) =>
      store.put(key, value, options).pipe(
        mergeMap((revision) => {
          if (!loses) return [revision];
          loses = false;
          return throwError(() => new ChatError('unreachable', 'store', 'the answer was lost'));
        }),
      );
    const { sync: _, ...far } = store;
    const desk = machine(clock, { ...far, put });
    const trace = desk.deliver('a');
    loses = true;
    clock.advance(LEASE_MS);
    expect(trace.cancelled).to.equal(false);
    loses = true;
    desk.settle(trace, 'handled');
    clock.advance(LEASE_MS);
    expect(desk.outcomes()).to.deep.equal({ handled: 1 });
    expect(machine(clock, store).isNew('a')).to.equal(false);
  });

  it('sets several apart by their names', () => {
    const clock = virtualClock();
    const store = memoryStore({ scheduler: clock });
    const [one, other] = [machine(clock, store), machine(clock, store, dedupe, { name: 'audit' })];
    expect([one.isNew('a'), other.isNew('a'), other.isNew('a')]).to.deep.equal([true, true, false]);
  });

  it('stops its timer when nothing is open', () => {
    const clock = virtualClock();
    const desk = machine(clock, memoryStore({ scheduler: clock }));
    desk.settle(desk.deliver('a'), 'handled');
    clock.flush();
    expect(desk.outcomes()).to.deep.equal({ handled: 1 });
  });

  it('has one effect per event over two machines and a slow store, whatever fails and wherever it is delivered', () => {
    fc.assert(oneEffectAnywhere(dedupe));
  });

  it('has a law that rejects a dedupe that does not renew its lease', () => {
    expect(fc.check(oneEffectAnywhere(dedupeThatForgetsTheLease), thorough).failed).to.equal(true);
  });
});

/** At most one attempt of an event at a time, on whichever machine, and none after one that succeeded. */
const oneEffectAnywhere = (implementation: typeof dedupe): fc.IProperty<unknown> => {
  const deliveries = fc.array(
    fc.record({
      id: fc.nat(2),
      machine: fc.nat(1),
      gap: fc.nat(40_000),
      takesMs: fc.nat(200_000),
      fails: fc.boolean(),
    }),
    { maxLength: 25 },
  );
  return fc.property(deliveries, fc.array(fc.nat(3_000), { minLength: 1, maxLength: 10 }), (list, delays) => {
    const clock = virtualClock();
    let calls = 0;
    const store = remote(memoryStore({ scheduler: clock }), clock, {
      delayMs: () => delays[calls++ % delays.length] ?? 0,
    });
    const running = new Set<string>();
    const succeeded = new Set<string>();
    const wrong: string[] = [];
    const plans = new Map<Trace, { readonly takesMs: number; readonly fails: boolean }>();
    const worker = (): Desk => {
      const work = (event: InboundEvent): Observable<unknown> => {
        const { id } = event;
        const trace = traceOf(event);
        const plan = trace && plans.get(trace);
        if (trace === undefined || plan === undefined) throw new Error('it was not delivered');
        if (running.has(id)) wrong.push(`${id} at once`);
        if (succeeded.has(id)) wrong.push(`${id} again`);
        running.add(id);
        return timer(plan.takesMs, clock).pipe(
          tap(() => {
            running.delete(id);
            if (!plan.fails) succeeded.add(id);
            desk.settle(trace, plan.fails ? 'failed' : 'handled');
          }),
        );
      };
      const desk: Desk = new Desk(
        implementation({ store, scheduler: clock, leaseMs: LEASE_MS }),
        (events) => events.pipe(mergeMap(work)).subscribe(),
        clock,
      );
      return desk;
    };
    const machines = [worker(), worker()];
    for (const { id, machine: at, gap, takesMs, fails } of list) {
      // The store takes its time: it is let through later, or never.
      plans.set((machines[at] as Desk).deliver(`m${String(id)}`), { takesMs, fails });
      clock.advance(gap);
    }
    clock.flush();
    expect(wrong).to.deep.equal([]);
    for (const { accounts } of machines) expect(accounts.counts().inFlight).to.equal(0);
  });
};
