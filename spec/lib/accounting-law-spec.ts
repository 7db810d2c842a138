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
  fanOut,
  keep,
  lanes,
  openAccounts,
  OUTCOMES,
  react,
  traceOf,
  type Accounts,
  type InboundEvent,
  type OutboundAction,
  type Receipt,
} from 'tidewire';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import { delivered, failed, unknown } from '../../lib/model/receipt.js';
import { message } from '../support/events.js';

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

/** in = Σ outcomes + in flight, where each side is counted on its own. */
const inBalance = (accounts: Accounts): void => {
  const { received, inFlight, outcomes } = accounts.counts();
  expect(received).to.equal(OUTCOMES.reduce((sum, outcome) => sum + outcomes[outcome], 0) + inFlight);
};

const name = (table: Readonly<Record<string, unknown>>): fc.Arbitrary<string> => fc.constantFrom(...Object.keys(table));
const pick = <T>(table: Readonly<Record<string, T>>, key: string): T => {
  const found = table[key];
  if (found === undefined) throw new Error(`no ${key}`);
  return found;
};

describe('the accounting law', () => {
  it('holds at every tick of random pipelines; no trace settles twice; nothing is in flight at the end', () => {
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
    fc.assert(
      fc.property(
        pipeline,
        ({ events, handler, actions, deliveries, takesMs, misbehaves, unsubscribedAt, failsAt }) => {
          const clock = virtualClock();
          const accounts = openAccounts({ scheduler: clock, unattendedMs: 1_000 });
          const settled = new Set<object>();
          let at = 0;
          const arrivals = deliveries.map(({ id, conversation, gap }) =>
            timer((at += gap), clock).pipe(map(() => message(`m${String(id)}`, `c${String(conversation)}`))),
          );
          const broken =
            failsAt === undefined
              ? EMPTY
              : timer(failsAt, clock).pipe(mergeMap(() => throwError(() => new Error('no'))));
          const source: Observable<InboundEvent> = defer(() => merge(...arrivals, broken)).pipe(
            accounted<InboundEvent>('desk', { accounts }),
            map((event) => {
              traceOf(event)?.onSettled({
                settled: (trace) => {
                  expect(settled.has(trace), 'settled twice').to.equal(false);
                  settled.add(trace);
                  inBalance(accounts);
                },
              });
              return event;
            }),
          );
          let stream: Observable<InboundEvent> = source;
          for (const key of events) stream = stream.pipe(pick(onEvents, key)(clock));
          let replies = stream.pipe(pick(handlers, handler)(clock));
          for (const key of actions) replies = replies.pipe(pick(onActions, key)(clock));
          const receipts = replies.pipe(
            sink(clock, takesMs, misbehaves),
            takeUntil(unsubscribedAt === undefined ? EMPTY : timer(unsubscribedAt, clock)),
          );
          receipts.subscribe({
            next: () => {
              inBalance(accounts);
            },
            error: () => undefined,
          });
          for (let tick = 0; tick < 160; tick++) {
            clock.advance(1);
            inBalance(accounts);
          }
          clock.flush();
          inBalance(accounts);
          expect(accounts.counts().inFlight, 'in flight at the end').to.equal(0);
        },
      ),
      { numRuns: 400 },
    );
  });
});
