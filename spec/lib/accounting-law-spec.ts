import { expect } from 'chai';
import fc from 'fast-check';
import {
  catchError,
  concat,
  defer,
  delay,
  EMPTY,
  filter,
  map,
  merge,
  mergeMap,
  of,
  share,
  switchMap,
  take,
  takeUntil,
  throwError,
  timer,
  type MonoTypeOperatorFunction,
  type Observable,
  type OperatorFunction,
} from 'rxjs';
import {
  accounted,
  ChatError,
  dedupe,
  deliver,
  dropEcho,
  fanOut,
  keep,
  lanes,
  onKind,
  openAccounts,
  OUTCOMES,
  rateLimit,
  react,
  traceOf,
  type Accounts,
  type InboundEvent,
  type OutboundAction,
  type Outcome,
  type Receipt,
} from 'tidewire';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import { delivered, failed, unknown } from '../../lib/model/receipt.js';
import {
  accountsThatBookTwice,
  accountsThatDeriveInFlight,
  accountsThatForgetFailures,
} from '../support/broken/accounts.js';
import {
  waitInCustody,
  waitThatConcludes,
  waitThatForgetsTeardown,
  waitThatHoldsTwice,
  waitThatReleasesTwice,
  waitThatSwallows,
  waitWithoutCustody,
} from '../support/broken/custody.js';
import { message } from '../support/events.js';
import { thorough } from '../support/thorough.js';

type OnEvents = (clock: VirtualClock) => MonoTypeOperatorFunction<InboundEvent>;
type OnActions = (clock: VirtualClock) => MonoTypeOperatorFunction<OutboundAction>;
type Handler = (clock: VirtualClock) => OperatorFunction<InboundEvent, OutboundAction>;

const text = (said: string) => ({ kind: 'text' as const, text: said });

const onEvents: Readonly<Record<string, OnEvents>> = {
  nothing: () => (events) => events,
  dedupe: () => dedupe(),
  filter: () => filter(({ id }) => id !== 'm1'),
  keep: () => keep(({ id }) => id !== 'm2'),
  delay: (clock) => delay(7, clock),
  take: () => take(4),
  'an error, caught': () => (events) =>
    events.pipe(
      mergeMap((event) => (event.id === 'm3' ? throwError(() => new Error('no')) : of(event))),
      catchError(() => EMPTY),
    ),
  duplication: () => mergeMap((event) => of(event, event)),
  lanes: (clock) => lanes({ key: ({ conversation }) => conversation.id }, (event) => of(event).pipe(delay(5, clock))),
  fanOut: (clock) =>
    fanOut(
      (events) => events,
      (events) => events.pipe(delay(30, clock)),
    ),
};

const handlers: Readonly<Record<string, Handler>> = {
  'one reply': () => react(() => text('x')),
  'two replies': () => react(() => [text('x'), text('y')]),
  none: () => react(() => undefined),
  'a slow one': (clock) =>
    react(() =>
      timer(0, 9, clock).pipe(
        take(3),
        map(() => text('x')),
      ),
    ),
  'a failing one': () => react(({ id }) => (id === 'm0' ? throwError(() => new Error('no')) : text('x'))),
  'a half failing one': () =>
    react(() =>
      concat(
        of(text('x')),
        throwError(() => new Error('no')),
      ),
    ),
  'a retried one': (clock) =>
    react(() => throwError(() => new Error('no')), { retry: { count: 2, delayMs: 5 }, scheduler: clock }),
};

const onActions: Readonly<Record<string, OnActions>> = {
  nothing: () => (actions) => actions,
  filter: () => filter(({ id }) => id.endsWith('#1')),
  take: () => take(3),
  switchMap: (clock) => switchMap((action) => of(action).pipe(delay(12, clock))),
  'share, split and merged': (clock) => (actions) => {
    const shared = actions.pipe(share());
    return merge(shared.pipe(filter(({ id }) => id.endsWith('1'))), shared.pipe(delay(3, clock)));
  },
  duplication: () => mergeMap((action) => of(action, { ...action })),
  'new literals': () => map((action) => JSON.parse(JSON.stringify(action)) as OutboundAction),
  lanes: (clock) => lanes({ key: ({ id }) => id }, (action) => of(action).pipe(delay(4, clock))),
};

const sink = (clock: VirtualClock, takesMs: number, misbehaves: number): OperatorFunction<OutboundAction, Receipt> =>
  deliver({ name: 'sink', scheduler: clock }, (action) =>
    timer(takesMs, clock).pipe(
      map(() => {
        const at = new Date(clock.now()).toISOString();
        const error = new ChatError('timeout', 'desk', 'no answer', { inDoubt: true });
        if (misbehaves === 1) return failed(action, at, error);
        return misbehaves === 2 ? unknown(action, at, error) : delivered(action, at);
      }),
    ),
  );

/** Opens and settlements as they happen, counted beside the books. */
class Witness {
  readonly accounts: Accounts;
  readonly #settled = new Set<object>();
  readonly #outcomes = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  #opened = 0;
  /** Kept for the end: what is thrown while an event is settled is caught by whoever settles it. */
  #twice = false;

  constructor(accounts: Accounts) {
    this.accounts = accounts;
  }

  readonly watch: MonoTypeOperatorFunction<InboundEvent> = (events) =>
    events.pipe(
      accounted<InboundEvent>('desk', { accounts: this.accounts }),
      map((event) => {
        this.#opened++;
        traceOf(event)?.onSettled({
          settled: (trace, outcome) => {
            this.#twice ||= this.#settled.has(trace);
            this.#settled.add(trace);
            this.#outcomes[outcome]++;
          },
        });
        return event;
      }),
    );

  /** in = Σ outcomes + in flight, where each side is counted on its own, and agrees with what was seen. */
  check(): void {
    const { received, inFlight, outcomes } = this.accounts.counts();
    const seen = { received: this.#opened, inFlight: this.#opened - this.#settled.size, outcomes: this.#outcomes };
    const sum = OUTCOMES.reduce((total, outcome) => total + outcomes[outcome], 0);
    const right =
      !this.#twice &&
      received === sum + inFlight &&
      received === seen.received &&
      inFlight === seen.inFlight &&
      OUTCOMES.every((outcome) => outcomes[outcome] === seen.outcomes[outcome]);
    // An assertion library is slow, and this is asked at every tick.
    if (right) return;
    expect(this.#twice, 'settled twice').to.equal(false);
    expect({ received, inFlight, outcomes }).to.deep.equal(seen);
    expect(received, 'in = Σ outcomes + in flight').to.equal(sum + inFlight);
  }
}

const name = (table: Readonly<Record<string, unknown>>): fc.Arbitrary<string> => fc.constantFrom(...Object.keys(table));
const pick = <T>(table: Readonly<Record<string, T>>, key: string): T => {
  const found = table[key];
  if (found === undefined) throw new Error(`no ${key}`);
  return found;
};

/** Random pipelines of ours and of plain RxJS, torn down or failing at any time. */
const balance = (open: typeof openAccounts): fc.IProperty<unknown> => {
  const pipeline = fc.record({
    events: fc.array(name(onEvents), { maxLength: 3 }),
    handler: name(handlers),
    actions: fc.array(name(onActions), { maxLength: 3 }),
    deliveries: fc.array(fc.record({ id: fc.nat(4), conversation: fc.nat(2), gap: fc.nat(9) }), { maxLength: 12 }),
    takesMs: fc.nat(25),
    misbehaves: fc.nat(3),
    unsubscribedAt: fc.option(fc.nat(80), { nil: undefined }),
    failsAt: fc.option(fc.nat(80), { nil: undefined }),
  });
  return fc.property(
    pipeline,
    ({ events, handler, actions, deliveries, takesMs, misbehaves, unsubscribedAt, failsAt }) => {
      const clock = virtualClock();
      const witness = new Witness(open({ scheduler: clock, unattendedMs: 1_000 }));
      let at = 0;
      const arrivals = deliveries.map(({ id, conversation, gap }) =>
        timer((at += gap), clock).pipe(map(() => message(`m${String(id)}`, `c${String(conversation)}`))),
      );
      const broken =
        failsAt === undefined ? EMPTY : timer(failsAt, clock).pipe(mergeMap(() => throwError(() => new Error('no'))));
      let stream: Observable<InboundEvent> = defer(() => merge(...arrivals, broken)).pipe(witness.watch);
      for (const key of events) stream = stream.pipe(pick(onEvents, key)(clock));
      let replies = stream.pipe(pick(handlers, handler)(clock));
      for (const key of actions) replies = replies.pipe(pick(onActions, key)(clock));
      const receipts = replies.pipe(
        sink(clock, takesMs, misbehaves),
        takeUntil(unsubscribedAt === undefined ? EMPTY : timer(unsubscribedAt, clock)),
      );
      receipts.subscribe({ error: () => undefined });
      for (let tick = 0; tick < 160; tick++) {
        clock.advance(1);
        witness.check();
      }
      clock.flush();
      witness.check();
      expect(witness.accounts.counts().inFlight, 'in flight at the end').to.equal(0);
    },
  );
};

type Wait = (ms: number, clock: VirtualClock) => MonoTypeOperatorFunction<InboundEvent>;

/** An operator of ours in front of a handler and a sink: whatever waits in it is neither given up, nor lost, nor forgotten. */
const custody = (wait: Wait): fc.IProperty<unknown> => {
  const plan = fc.record({
    gaps: fc.array(fc.nat(9), { maxLength: 12 }),
    waitsMs: fc.integer({ min: 1, max: 30 }),
    unsubscribedAt: fc.option(fc.nat(80), { nil: undefined }),
  });
  return fc.property(plan, ({ gaps, waitsMs, unsubscribedAt = Infinity }) => {
    const clock = virtualClock();
    const witness = new Witness(openAccounts({ scheduler: clock, unattendedMs: 10 }));
    const { accounts } = witness;
    let at = 0;
    const arrivals = gaps.map((gap, n) => timer((at += gap), clock).pipe(map(() => message(`m${n}`, `c${n % 3}`))));
    let completed = false;
    const subscription = merge(...arrivals)
      .pipe(
        witness.watch,
        wait(waitsMs, clock),
        react(() => text('x')),
        sink(clock, 3, 0),
      )
      .subscribe({ complete: () => (completed = true) });
    for (let tick = 0; tick < 120; tick++) {
      clock.advance(1);
      witness.check();
      if (tick !== unsubscribedAt) continue;
      subscription.unsubscribe();
      witness.check();
      expect(accounts.counts().inFlight, 'in flight after the teardown').to.equal(0);
    }
    clock.flush();
    const { inFlight, late, lost, received, outcomes } = accounts.counts();
    expect({ inFlight, late, lost }).to.deep.equal({ inFlight: 0, late: 0, lost: 0 });
    if (unsubscribedAt === Infinity) {
      expect(outcomes.handled).to.equal(received);
      expect(completed).to.equal(true);
    } else expect(outcomes.handled + outcomes.failed + outcomes.inDoubt).to.equal(received);
  });
};

const waits: Readonly<Record<string, Wait>> = {
  'one that is as it must be': waitInCustody,
  lanes: (ms, clock) =>
    lanes({ key: ({ conversation }) => conversation.id }, (event) => of(event).pipe(delay(ms, clock))),
  rateLimit: (perMs, scheduler) => rateLimit({ limit: 1, perMs, scheduler }),
  dedupe: (windowMs, scheduler) => dedupe({ windowMs, scheduler }),
  fanOut: () => fanOut((events) => events),
  keep: () => keep(() => true),
  onKind: () => onKind('message', (event) => ({ ...event, text: 'changed' })),
  dropEcho: () => dropEcho(),
};

describe('the accounting law', () => {
  it('holds at every tick of random pipelines; no trace settles twice; nothing is in flight at the end', () => {
    fc.assert(balance(openAccounts), { numRuns: 400 });
  });

  for (const [what, broken] of Object.entries({
    'derive what is in flight': accountsThatDeriveInFlight,
    'book a settled delivery twice': accountsThatBookTwice,
    'forget what failed': accountsThatForgetFailures,
  })) {
    it(`rejects accounts that ${what}`, () => {
      expect(fc.check(balance(broken), thorough).failed).to.equal(true);
    });
  }

  for (const [what, wait] of Object.entries(waits)) {
    it(`holds for what waits in ${what}: nothing late, lost or given up, nothing left after a teardown`, () => {
      fc.assert(custody(wait), { numRuns: 50 });
    });
  }

  for (const [what, broken] of Object.entries({
    'lets go twice, with different holders': waitThatReleasesTwice,
    'forgets to let go at teardown': waitThatForgetsTeardown,
    'swallows what it holds': waitThatSwallows,
    'holds twice and lets go once': waitThatHoldsTwice,
    'holds nothing while it waits': waitWithoutCustody,
    'says what became of it in place of who handles it': waitThatConcludes,
  })) {
    it(`rejects an operator that ${what}`, () => {
      expect(fc.check(custody(broken), thorough).failed).to.equal(true);
    });
  }
});
