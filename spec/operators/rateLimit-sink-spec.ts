import { expect } from 'chai';
import fc from 'fast-check';
import { map, mergeMap, NEVER, Observable, of, Subject, take, throwError, timer, type OperatorFunction } from 'rxjs';
import {
  budget,
  ChatError,
  deliver,
  memoryStore,
  openAccounts,
  rateLimit,
  type Budget,
  type traceOf,
  type OutboundAction,
  type Outcome,
  type Receipt,
} from 'tidewire';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import { delivered, failed, unknown } from '../../lib/model/receipt.js';
import { sendTimedRateLimit } from '../support/broken/rateLimit-counts-at-send.js';
import { thorough } from '../support/thorough.js';

type Kind = 'text' | 'handoff' | 'note' | 'end';

const action = (id: string, conversation = 'c', kind: Kind = 'text'): OutboundAction => {
  const base = { id, conversation: { platform: 'desk', id: conversation, channel: 'web' } } as const;
  if (kind === 'handoff') return { ...base, kind, to: { kind: 'any' } };
  return kind === 'end' ? { ...base, kind } : { ...base, kind, text: id };
};

/** A platform with a sliding limit per conversation at its own clock, and latency both ways. */
class Platform {
  readonly journal: { readonly id: string; readonly conversation: string; readonly at: number }[] = [];
  refusals = 0;
  requests = 0;
  readonly #accepted = new Map<string, number[]>();

  constructor(
    readonly clock: VirtualClock,
    readonly limit: number,
    readonly perMs: number,
    readonly latency: () => number = () => 10,
    readonly retryAfterMs?: number,
  ) {}

  call(actions: readonly OutboundAction[]): Observable<void> {
    return timer(this.latency(), this.clock).pipe(
      mergeMap(() => {
        this.requests++;
        const key = actions[0]?.conversation.id ?? '';
        const now = this.clock.now();
        const recent = (this.#accepted.get(key) ?? []).filter((at) => at > now - this.perMs);
        if (recent.length >= this.limit) {
          this.refusals++;
          const details = this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs };
          return timer(this.latency(), this.clock).pipe(
            mergeMap(() => throwError(() => new ChatError('throttled', 'desk', 'slow down', details))),
          );
        }
        this.#accepted.set(key, [...recent, now]);
        for (const { id, conversation } of actions) this.journal.push({ id, conversation: conversation.id, at: now });
        return timer(this.latency(), this.clock).pipe(map(() => undefined));
      }),
    );
  }

  readonly sink = (): OperatorFunction<OutboundAction, Receipt> =>
    deliver({ name: 'toDesk', scheduler: this.clock }, (item) =>
      this.call([item]).pipe(map(() => delivered(item, new Date(this.clock.now()).toISOString()))),
    );

  readonly listSink: OperatorFunction<readonly OutboundAction[], readonly Receipt[]> = (requests) =>
    requests.pipe(
      mergeMap((items) =>
        this.call(items).pipe(
          map(() => items.map((item) => delivered(item, new Date(this.clock.now()).toISOString()))),
        ),
      ),
    );
}

class Desk {
  readonly clock = virtualClock();
  readonly accounts = openAccounts({ scheduler: this.clock });
  readonly source = new Subject<OutboundAction>();
  readonly receipts: Receipt[] = [];
  completedAt = -1;
  readonly #account = this.accounts.of('desk');

  through(sink: OperatorFunction<OutboundAction, Receipt>): this {
    this.source.pipe(sink).subscribe({
      next: (receipt) => this.receipts.push(receipt),
      complete: () => (this.completedAt = this.clock.now()),
    });
    return this;
  }

  send(item: OutboundAction): NonNullable<ReturnType<typeof traceOf>> {
    const trace = this.#account.open(item);
    this.source.next(item);
    trace.release(this.#account);
    return trace;
  }

  told(): readonly string[] {
    return this.receipts.map(({ action: { id }, ...receipt }) =>
      receipt.status === 'skipped' ? `${id} ${receipt.reason}` : `${id} ${receipt.status}`,
    );
  }

  outcomes(): Partial<Record<Outcome, number>> {
    return Object.fromEntries(Object.entries(this.accounts.counts().outcomes).filter(([, n]) => n > 0));
  }
}

const limits = { limit: 20, perMs: 60_000 };

describe('rateLimit around a sink', () => {
  it('never runs into the limit of a platform with 5 to 400 ms each way', () => {
    const desk = new Desk();
    let seed = 7;
    const latency = (): number => 5 + ((seed = (seed * 16_807) % 2_147_483_647) % 396);
    const platform = new Platform(desk.clock, 20, 60_000, latency);
    desk.through(rateLimit({ ...limits, scheduler: desk.clock, jitter: 0 }, platform.sink()));
    for (let n = 0; n < 200; n++) desk.send(action(`a${n}`));
    desk.clock.flush();
    expect(platform.refusals).to.equal(0);
    expect(platform.journal.map(({ id }) => id)).to.deep.equal(Array.from({ length: 200 }, (_, n) => `a${n}`));
    expect(desk.outcomes()).to.deep.equal({ handled: 200 });
  });

  it('puts what was throttled back to the head of its line and closes only that line', () => {
    const desk = new Desk();
    const platform = new Platform(desk.clock, 1, 5_000, () => 10, 4_000);
    desk.through(rateLimit({ ...limits, scheduler: desk.clock, jitter: 0 }, platform.sink()));
    for (const item of [action('a1', 'a'), action('a2', 'a'), action('a3', 'a'), action('b1', 'b')]) desk.send(item);
    desk.clock.flush();
    expect(platform.journal.map(({ id }) => id)).to.deep.equal(['a1', 'b1', 'a2', 'a3']);
    expect(platform.journal[1]?.at).to.equal(10);
    expect(platform.refusals).to.be.greaterThan(0);
    expect(desk.told()).to.deep.equal(['a1 delivered', 'b1 delivered', 'a2 delivered', 'a3 delivered']);
    expect(desk.outcomes()).to.deep.equal({ handled: 4 });
  });

  it('learns to leave slots free when the platform throttles again and again', () => {
    const refusals = (count: number): number => {
      const desk = new Desk();
      const platform = new Platform(desk.clock, 10, 60_000, () => 10);
      desk.through(rateLimit({ ...limits, scheduler: desk.clock, jitter: 0, attempts: 50 }, platform.sink()));
      for (let n = 0; n < count; n++) desk.send(action(`a${n}`));
      desk.clock.flush();
      expect(platform.journal.length).to.equal(count);
      return platform.refusals;
    };
    expect(refusals(400) - refusals(200)).to.be.lessThan(refusals(200));
  });

  it('lets a handoff leave next, and what waited is superseded', () => {
    const desk = new Desk();
    const platform = new Platform(desk.clock, 20, 60_000);
    desk.through(rateLimit({ ...limits, scheduler: desk.clock }, platform.sink()));
    for (let n = 0; n < 50; n++) desk.send(action(`a${n}`));
    desk.clock.advance(2_000);
    desk.send(action('note', 'c', 'note'));
    desk.send(action('handoff', 'c', 'handoff'));
    expect(desk.told().filter((line) => line.endsWith('superseded'))).to.have.length(30);
    desk.clock.flush();
    expect(platform.journal.slice(-2).map(({ id }) => id)).to.deep.equal(['handoff', 'note']);
    expect(desk.outcomes()).to.deep.equal({ handled: 21, handedOff: 1, superseded: 30 });
  });

  it('lets an end leave behind a handoff that already waits', () => {
    const desk = new Desk();
    const platform = new Platform(desk.clock, 20, 60_000);
    desk.through(rateLimit({ ...limits, scheduler: desk.clock }, platform.sink()));
    for (const kind of ['text', 'note', 'handoff', 'end'] as const) desk.send(action(kind, 'c', kind));
    desk.send(action('flying', 'c', 'note'));
    desk.clock.flush();
    expect(platform.journal.map(({ id }) => id)).to.deep.equal(['text', 'handoff', 'end', 'note', 'flying']);
  });

  it('takes a handoff into a full queue, since what it overtakes leaves', () => {
    const desk = new Desk();
    const platform = new Platform(desk.clock, 20, 60_000);
    desk.through(rateLimit({ ...limits, maxQueued: 1, scheduler: desk.clock }, platform.sink()));
    for (const id of ['1', '2', '3']) desk.send(action(id));
    desk.send(action('handoff', 'c', 'handoff'));
    desk.send(action('end', 'c', 'end'));
    desk.clock.flush();
    expect(desk.told()).to.deep.equal(['3 shed', '2 superseded', 'end shed', '1 delivered', 'handoff delivered']);
  });

  it('repeats what did not arrive in the order it had, in whatever order that was found out', () => {
    const desk = new Desk();
    const { clock } = desk;
    const requests: string[] = [];
    const at = new Date(0).toISOString();
    const sink: OperatorFunction<readonly OutboundAction[], readonly Receipt[]> = mergeMap((items) => {
      const lost = requests.push(items.map(({ id }) => id).join(' ')) === 2;
      const error = new ChatError('timeout', 'desk', 'no answer', { inDoubt: true });
      return timer(5, clock).pipe(
        map(() => items.map((item) => (lost ? unknown(item, at, error) : delivered(item, at)))),
      );
    });
    const reconcile = ({ action: { id } }: Receipt): Observable<'resend'> =>
      timer({ a: 50, b: 20, c: 30 }[id] ?? 0, clock).pipe(map(() => 'resend' as const));
    desk.through(rateLimit({ ...limits, coalesce: 9, reconcile, scheduler: clock }, sink));
    for (const id of ['first', 'a', 'b', 'c']) desk.send(action(id));
    clock.flush();
    expect(requests).to.deep.equal(['first', 'a b c', 'a b c']);
  });

  it('sends what waits of a key as one request, with a receipt each', () => {
    const desk = new Desk();
    const platform = new Platform(desk.clock, 20, 60_000);
    desk.through(rateLimit({ ...limits, coalesce: 50, scheduler: desk.clock }, platform.listSink));
    for (let n = 0; n < 100; n++) desk.send(action(`a${n}`));
    desk.clock.flush();
    expect(platform.requests).to.equal(3);
    expect(desk.told()).to.deep.equal(Array.from({ length: 100 }, (_, n) => `a${n} delivered`));
  });

  it('skips what is cancelled while it waits, and lets go of the rest when it is unsubscribed', () => {
    const desk = new Desk();
    const platform = new Platform(desk.clock, 1, 60_000);
    const subscription = desk.source
      .pipe(rateLimit({ limit: 1, perMs: 60_000, scheduler: desk.clock }, platform.sink()))
      .subscribe((receipt) => desk.receipts.push(receipt));
    const traces = ['1', '2', '3'].map((id) => desk.send(action(id)));
    desk.clock.advance(1_000);
    traces[1]?.cancel('handedOff');
    expect(desk.told()).to.deep.equal(['1 delivered', '2 muted']);
    subscription.unsubscribe();
    expect(traces.map(({ outcome }) => outcome)).to.deep.equal(['handled', 'handedOff', 'failed']);
  });

  it('gives up after `attempts` with the failed receipt, and never repeats what is in doubt', () => {
    const desk = new Desk();
    let calls = 0;
    const broken = deliver({ name: 'broken', scheduler: desk.clock }, ({ id }) => {
      calls++;
      const inDoubt = id === 'doubt';
      return throwError(() => new ChatError('timeout', 'desk', 'no answer', { inDoubt }));
    });
    desk.through(rateLimit({ ...limits, attempts: 3, scheduler: desk.clock }, broken));
    desk.send(action('plain'));
    desk.send(action('doubt'));
    desk.clock.flush();
    expect(desk.told()).to.deep.equal(['plain failed', 'doubt unknown']);
    expect(calls).to.equal(4);
    expect(desk.outcomes()).to.deep.equal({ failed: 1, inDoubt: 1 });
  });

  it('completes when the source has completed and every action has its receipt', () => {
    const desk = new Desk();
    const platform = new Platform(desk.clock, 1, 100);
    desk.through(rateLimit({ limit: 1, perMs: 100, scheduler: desk.clock }, platform.sink()));
    for (const id of ['1', '2']) desk.send(action(id));
    desk.source.complete();
    desk.clock.flush();
    expect(desk.completedAt).to.equal(140);
  });

  it('passes the end of the sink inside', () => {
    const clock = virtualClock();
    let error: unknown;
    const broken: OperatorFunction<OutboundAction, Receipt> = (actions) =>
      actions.pipe(mergeMap(() => throwError(() => new Error('the sink is broken'))));
    of(action('1'))
      .pipe(rateLimit({ ...limits, scheduler: clock }, broken))
      .subscribe({ error: (e: unknown) => (error = e) });
    expect(String(error)).to.equal('Error: the sink is broken');
  });

  it('shares a budget in a store with other processes, at the platform, and gives back the slot of one that died', () => {
    const desk = new Desk();
    const platform = new Platform(desk.clock, 20, 60_000, () => 50);
    const store = memoryStore({ scheduler: desk.clock });
    const quota = (): Budget => budget({ ...limits, store, scheduler: desk.clock });
    const other = new Subject<OutboundAction>();
    const died = other.pipe(rateLimit({ budget: quota(), jitter: 0 }, () => NEVER)).subscribe();
    desk.through(rateLimit({ budget: quota(), jitter: 0 }, platform.sink()));
    other.next(action('lost'));
    died.unsubscribe();
    for (let i = 0; i < 45; i++) desk.send(action(`a${String(i)}`));
    desk.clock.advance(59_000);
    expect(platform.journal).to.have.length(19);
    desk.clock.advance(300_000);
    expect(platform).to.include({ refusals: 0 });
    expect(platform.journal.map(({ id }) => id)).to.deep.equal(Array.from({ length: 45 }, (_, i) => `a${String(i)}`));
    expect(desk.outcomes()).to.deep.equal({ handled: 45 });
  });

  it('gives a slot back that it had taken for what was cancelled', () => {
    const desk = new Desk();
    const store = memoryStore({ scheduler: desk.clock });
    const quota = budget({ limit: 1, perMs: 1_000, store, scheduler: desk.clock });
    const platform = new Platform(desk.clock, 20, 60_000);
    desk.through(rateLimit({ budget: quota }, platform.sink()));
    const [first, second] = [desk.send(action('1')), desk.send(action('2'))];
    desk.clock.advance(500);
    second.cancel('handedOff');
    desk.clock.advance(5_000);
    expect([first.outcome, second.outcome]).to.deep.equal(['handled', 'handedOff']);
    desk.send(action('3'));
    desk.clock.advance(100);
    expect(desk.told()).to.deep.equal(['1 delivered', '2 muted', '3 delivered']);
  });

  it('shares a budget with another sink and with a stream, of which each waits for the requests of the others', () => {
    const desk = new Desk();
    const { clock } = desk;
    const quota = budget({ limit: 1, perMs: 1_000, scheduler: clock });
    const platform = new Platform(clock, 20, 60_000);
    const other = new Subject<OutboundAction>();
    const stream = new Subject<OutboundAction>();
    const passed: number[] = [];
    desk.through(rateLimit({ budget: quota }, platform.sink()));
    other.pipe(rateLimit({ budget: quota }, platform.sink())).subscribe();
    const gone = other.pipe(rateLimit({ budget: quota }, platform.sink())).subscribe();
    stream.pipe(rateLimit({ budget: quota })).subscribe(() => passed.push(clock.now()));
    desk.send(action('a1'));
    other.next(action('b1'));
    stream.next(action('s1'));
    gone.unsubscribe();
    clock.advance(600_000);
    expect(platform.journal.map(({ id, at }) => `${id} ${at}`)).to.deep.equal(['a1 10', 'b1 1030']);
    expect(passed).to.deep.equal([2_040]);
    expect(clock.actions).to.have.length(0);
  });

  it('gives the slots of a budget back when it is unsubscribed or its sink breaks, and counts them', () => {
    const clock = virtualClock();
    const quota = budget({ limit: 1, perMs: 1_000, scheduler: clock });
    const never = of(action('1')).pipe(rateLimit({ budget: quota }, () => NEVER));
    never.subscribe().unsubscribe();
    clock.advance(2_000);
    const broken: OperatorFunction<OutboundAction, Receipt> = mergeMap(() => throwError(() => new Error('broken')));
    of(action('2'))
      .pipe(rateLimit({ budget: quota }, broken))
      .subscribe({ error: () => undefined });
    const platform = new Platform(clock, 20, 60_000);
    of(action('3'), action('4'))
      .pipe(rateLimit({ budget: quota }, platform.sink()), take(1))
      .subscribe();
    clock.advance(600_000);
    expect(platform.journal).to.deep.equal([{ id: '3', conversation: 'c', at: 3_010 }]);
    expect(clock.actions).to.have.length(0);
  });

  it('leaves no timer behind when it is unsubscribed, however many keys wait', () => {
    const clock = virtualClock();
    const source = new Subject<OutboundAction>();
    const sink = deliver({ name: 'toDesk', scheduler: clock }, (item) => delivered(item, ''));
    const subscription = source.pipe(rateLimit({ limit: 1, perMs: 10, scheduler: clock }, sink)).subscribe();
    for (const id of ['a1', 'a2', 'a3']) source.next(action(id, 'a'));
    clock.advance(5);
    for (const id of ['b1', 'b2']) source.next(action(id, 'b'));
    clock.advance(7);
    subscription.unsubscribe();
    expect(clock.actions).to.deep.equal([]);
  });

  it('aborts requests under way when it is unsubscribed, and lets go of what was to be repeated', () => {
    const desk = new Desk();
    const { clock } = desk;
    let aborted = 0;
    const sink: OperatorFunction<readonly OutboundAction[], readonly Receipt[]> = mergeMap((items) =>
      items.some(({ id }) => id === 'flying')
        ? new Observable<never>(() => () => aborted++)
        : timer(5, clock).pipe(
            map(() =>
              items.map((item) =>
                item.id === 'again'
                  ? failed(item, new Date(0).toISOString(), new ChatError('unreachable', 'desk', 'away'))
                  : delivered(item, new Date(0).toISOString()),
              ),
            ),
          ),
    );
    desk.source.pipe(rateLimit({ ...limits, coalesce: 9, scheduler: clock }, sink), take(2)).subscribe();
    for (const id of ['first', 'again', 'done']) desk.send(action(id));
    desk.send(action('flying', 'other'));
    clock.advance(600_000);
    expect(aborted).to.equal(1);
    expect(desk.outcomes()).to.deep.equal({ handled: 2, failed: 1, inDoubt: 1 });
    expect(clock.actions).to.have.length(0);
  });

  it('keeps a line that began anew while an old wakeup of its key was due', () => {
    const desk = new Desk();
    const { clock } = desk;
    const quota = budget({ limit: 2, perMs: 1_000, scheduler: clock });
    const answer = new Subject<Receipt>();
    const other = new Subject<OutboundAction>();
    const platform = new Platform(clock, 20, 60_000);
    desk.through(rateLimit({ budget: quota, attempts: 1 }, platform.sink()));
    other.pipe(rateLimit({ budget: quota, attempts: 1 }, () => answer)).subscribe();
    desk.send(action('1'));
    clock.advance(100);
    other.next(action('o'));
    const second = desk.send(action('2'));
    answer.next(failed(action('o'), new Date(0).toISOString(), new ChatError('throttled', 'desk', 'slow down')));
    second.cancel('handedOff');
    desk.send(action('3'));
    clock.advance(910);
    desk.send(action('4'));
    desk.source.complete();
    clock.advance(60_000);
    expect(desk.told()).to.deep.equal(['1 delivered', '2 muted', '3 delivered', '4 delivered']);
    expect(desk.completedAt).to.be.greaterThan(0);
  });

  it('refuses numbers out of range', () => {
    const sink = new Platform(virtualClock(), 1, 1).sink();
    expect(() => rateLimit({ limit: 0, perMs: 1 }, sink)).to.throw(RangeError, 'limit must be at least 1, got 0');
    expect(() => rateLimit({ ...limits, attempts: 0 }, sink)).to.throw(
      RangeError,
      'attempts must be at least 1, got 0',
    );
    expect(() => rateLimit({ ...limits, jitter: 2 }, sink)).to.throw(RangeError, 'jitter must be from 0 to 1, got 2');
  });

  it('keeps the limit at the platform, the order, and gives one receipt each, whatever the schedule', () => {
    fc.assert(honestAtThePlatform((...args) => rateLimit(...args)));
  });

  it('does so on a budget in a store too', () => {
    fc.assert(
      honestAtThePlatform(({ scheduler, ...limit }, sink) => {
        const quota = budget({ ...limit, scheduler, store: memoryStore({ scheduler }) });
        return rateLimit({ budget: quota }, sink);
      }),
    );
  });

  it('has a law that rejects a limit that counts from when a request is sent', () => {
    expect(fc.check(honestAtThePlatform(sendTimedRateLimit), thorough).failed).to.equal(true);
  });
});

type Guard = (
  config: { readonly limit: number; readonly perMs: number; readonly scheduler: VirtualClock },
  sink: OperatorFunction<OutboundAction, Receipt>,
) => OperatorFunction<OutboundAction, Receipt>;

const honestAtThePlatform = (guard: Guard): fc.IProperty<unknown> => {
  const arrivals = fc.array(fc.record({ key: fc.nat(2), gap: fc.nat(40), fails: fc.boolean() }), { maxLength: 30 });
  const latencies = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 20 });
  return fc.property(arrivals, latencies, fc.integer({ min: 1, max: 4 }), (list, latency, limit) => {
    const desk = new Desk();
    let n = 0;
    const platform = new Platform(desk.clock, limit, 200, () => latency[n++ % latency.length] ?? 1);
    const refusing = deliver({ name: 'toDesk', scheduler: desk.clock }, (item) =>
      platform.call([item]).pipe(
        map(() => {
          const at = new Date(desk.clock.now()).toISOString();
          const broken = list[Number(item.id)]?.fails === true;
          return broken ? failed(item, at, new ChatError('refused', 'desk', 'no')) : delivered(item, at);
        }),
      ),
    );
    desk.through(guard({ limit, perMs: 200, scheduler: desk.clock }, refusing));
    list.forEach(({ key, gap }, id) => {
      desk.clock.advance(gap);
      desk.send(action(String(id), `c${key}`));
    });
    desk.source.complete();
    desk.clock.flush();
    expect(platform.refusals).to.equal(0);
    expect(desk.receipts.map(({ action: { id } }) => id).sort()).to.deep.equal(list.map((_, id) => String(id)).sort());
    expect(desk.completedAt).to.be.at.least(0);
    expect(desk.accounts.counts().inFlight).to.equal(0);
    for (const key of [0, 1, 2]) {
      const order = platform.journal
        .filter(({ conversation }) => conversation === `c${key}`)
        .map(({ id }) => Number(id));
      expect(order).to.deep.equal([...order].sort((a, b) => a - b));
    }
  });
};
