import { inspect } from 'node:util';
import { expect } from 'chai';
import { Subject } from 'rxjs';
import { attach, openAccounts, react, traceOf, type Holder, type InboundEvent, type Trace } from 'tidewire';
import { virtualClock } from 'tidewire/testing';
import { message } from '../support/events.js';

const holder = (name: string, passive = false): Holder => ({ name, passive });

describe('Trace', () => {
  const clock = virtualClock();
  const open = (): {
    readonly trace: Trace;
    readonly let: () => void;
    readonly accounts: ReturnType<typeof openAccounts>;
  } => {
    const accounts = openAccounts({ scheduler: clock });
    const account = accounts.of('desk');
    const trace = account.open(message('e'));
    return {
      trace,
      accounts,
      let: () => {
        trace.release(account);
      },
    };
  };

  it('settles when nobody holds it, its forks are settled and an outcome is known', () => {
    const { trace, let: letGo } = open();
    const [a, b] = [holder('a'), holder('b')];
    trace.hold(a);
    letGo();
    const fork = trace.fork('e#1', b);
    trace.release(a, 'handled');
    expect(trace.settled).to.equal(false);
    fork.release(b, 'failed');
    expect(trace).to.include({ settled: true, outcome: 'failed' });
  });

  it('takes the weightiest of several outcomes', () => {
    const { trace, let: letGo } = open();
    const holders = [holder('a'), holder('b'), holder('c'), holder('d')];
    for (const one of holders) trace.hold(one);
    letGo();
    (['handled', 'inDoubt', 'shed', 'ignored'] as const).forEach((outcome, n) => {
      trace.release(holders[n] ?? holder(''), outcome);
    });
    expect(trace.outcome).to.equal('inDoubt');
  });

  it('tells the message ids of what arrives to those who listen to it, or to what it was forked from', () => {
    const { trace } = open();
    const told: string[] = [];
    const settled = (): void => undefined;
    const listen = (to: Trace, name: string): void => {
      to.onSettled({ settled, arrived: (ids) => told.push(`${name} ${ids.join(' ')}`) });
    };
    const [one, other] = [trace.fork('e#1', holder('a')), trace.fork('e#2', holder('a'))];
    for (const [to, name] of [
      [trace, 'event'],
      [one, 'one'],
      [one, 'one too'],
      [other, 'other'],
    ] as const)
      listen(to, name);
    trace.onSettled({ settled });
    one.fork('e#1/1', holder('a')).arrived(['x', 'y']);
    other.arrived([]);
    other.arrived(['z']);
    expect(told).to.deep.equal(['one x y', 'one too x y', 'event x y', 'other z', 'event z']);
  });

  it('takes no notice of a release by somebody who does not hold it', () => {
    const { trace } = open();
    trace.release(holder('stranger'), 'failed');
    expect(trace).to.include({ settled: false, outcome: undefined });
  });

  it('asks every holder of it and of its forks to let go when it is cancelled', () => {
    const { trace, let: letGo } = open();
    const asked: string[] = [];
    const polite = (name: string): Holder => ({
      name,
      cancel(held, outcome) {
        asked.push(`${name} ${held.id}`);
        held.release(this, outcome);
      },
    });
    const [a, b] = [polite('a'), polite('b')];
    trace.hold(a);
    letGo();
    const fork = trace.fork('e#1', b);
    trace.cancel('handedOff');
    expect(asked).to.deep.equal(['b e#1', 'a e']);
    expect(trace).to.include({ settled: true, outcome: 'handedOff', cancelled: true });
    expect(fork.cancelled).to.equal(true);
  });

  it('is quiet when what is open of it only waits in passive hands', () => {
    const { trace, let: letGo } = open();
    const [worker, parking] = [holder('worker'), holder('parking', true)];
    let told = 0;
    trace.onQuiet({ quiet: () => told++ });
    trace.hold(worker);
    letGo();
    const fork = trace.fork('e#1', worker);
    fork.hold(parking);
    fork.release(worker);
    expect(told).to.equal(0);
    trace.release(worker);
    expect(told).to.equal(1);
    expect(trace.settled).to.equal(false);
  });

  it('follows another one, for an item that was merged into it', () => {
    const { trace: leader, let: letLeader } = open();
    const { trace: part, let: letPart } = open();
    part.follow(leader);
    letPart();
    leader.touch();
    leader.conclude('handled');
    expect(part.settled).to.equal(false);
    letLeader();
    expect(part).to.include({ settled: true, outcome: 'handled', touched: true });
  });

  it('is quiet when the one that it follows is, and tells so', () => {
    const { trace: leader, let: letLeader } = open();
    const { trace: part, let: letPart } = open();
    let told = 0;
    part.onQuiet({ quiet: () => told++ });
    part.follow(leader);
    letPart();
    expect([told, part.quiet]).to.deep.equal([0, false]);
    leader.hold(holder('parking', true));
    letLeader();
    expect([told, part.quiet, part.settled]).to.deep.equal([1, true, false]);
  });

  it('tells a late listener at once', () => {
    const { trace, let: letGo } = open();
    trace.conclude('ignored');
    letGo();
    const told: unknown[] = [];
    trace.onSettled({ settled: (_, outcome, touched) => told.push(outcome, touched) });
    expect(told).to.deep.equal(['ignored', false]);
  });

  it('prints as one line', () => {
    const { trace, let: letGo } = open();
    expect(inspect(trace)).to.equal('Trace(e open, held by desk)');
    trace.conclude('ignored');
    letGo();
    expect(inspect({ trace })).to.equal('{ trace: Trace(e ignored, last held by desk) }');
  });

  it('leaves nothing on the wire', () => {
    const { trace } = open();
    expect(JSON.stringify(attach({ id: 'a' }, trace))).to.equal('{"id":"a"}');
  });
});

describe('Accounts', () => {
  it('explain what is open and what is settled, newest first, and every step while somebody listens', () => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock, history: 2 });
    const account = accounts.of('desk');
    const source = new Subject<InboundEvent>();
    accounts.hops$.subscribe();
    source
      .pipe(react(({ id }) => (id === 'slow' ? new Promise<undefined>(() => undefined) : { kind: 'text', text: 'x' })))
      .subscribe((action) => traceOf(action)?.conclude('handled'));
    const deliver = (id: string): void => {
      const event = message(id, id);
      const trace = account.open(event);
      source.next(event);
      trace.release(account);
    };
    for (const id of ['gone', 'a', 'slow', 'a']) deliver(id);
    expect(accounts.explain('gone')).to.deep.equal([]);
    expect(accounts.explain('a').map(({ state, outcome }) => [state, outcome])).to.deep.equal([
      ['settled', 'handled'],
      ['settled', 'handled'],
    ]);
    expect(accounts.explain('a')[0]?.hops?.map(({ verb, holder: who }) => `${verb} ${who}`)).to.deep.equal([
      'hold react',
      'release react',
      'release desk',
    ]);
    const [open] = accounts.explain('slow');
    expect(open).to.deep.include({ state: 'open', source: 'desk', heldBy: ['react'], touched: false });
    expect(open?.conversation).to.deep.equal({ platform: 'desk', id: 'slow', channel: 'web' });
  });

  it('count by source, and together', () => {
    const accounts = openAccounts();
    const [a, b] = [accounts.of('a'), accounts.of('b')];
    for (const account of [a, a, b]) account.open(message('e')).conclude('ignored');
    b.refuse();
    expect(accounts.bySource().get('a')).to.include({ received: 2, inFlight: 2, refused: 0 });
    expect(accounts.counts()).to.include({ received: 3, inFlight: 3, refused: 1 });
    expect(accounts.of('a')).to.equal(a);
  });

  it('drain: resolve when nothing is open, of one source or of all, or when the deadline is over', async () => {
    const clock = virtualClock();
    const books = openAccounts({ scheduler: clock });
    const [one, other] = [books.of('one'), books.of('other')];
    const traces = [one, other].map((account) => account.open(message('e')));
    const told: string[] = [];
    const waits = [
      books.drain(1_000, one).then(({ inFlight }) => told.push(`one ${inFlight}`)),
      books.drain(1_000).then(({ inFlight }) => told.push(`all ${inFlight}`)),
    ];
    traces[0]?.release(one, 'handled');
    await waits[0];
    expect(told).to.deep.equal(['one 0']);
    clock.advance(1_000);
    await waits[1];
    expect(told).to.deep.equal(['one 0', 'all 1']);
    traces[1]?.release(other, 'handled');
    expect(await books.drain(0)).to.include({ received: 2, inFlight: 0 });
  });

  it('refuse numbers out of range', () => {
    expect(() => openAccounts({ unattendedMs: 0 })).to.throw(
      RangeError,
      'accounts: unattendedMs must be above 0, got 0',
    );
    expect(() => openAccounts({ history: -1 })).to.throw(RangeError, 'accounts: history must be');
  });
});
