import { expect } from 'chai';
import { filter, map, Subject, take, type Subscription } from 'rxjs';
import { dropEcho, openAccounts, traceOf, type Holder, type InboundEvent, type Outcome, type Trace } from 'tidewire';
import { fromTrueConf, type FromTrueConfConfig, type TrueconfSource } from 'tidewire/trueconf';
import { virtualClock } from 'tidewire/testing';
import { TrueconfPort } from '../support/trueconf-port.js';

const worker: Holder = { name: 'worker' };

/** A source in virtual time, and somebody who works on what it emits until told to finish. */
class Bench {
  readonly clock = virtualClock();
  readonly accounts = openAccounts({ scheduler: this.clock });
  readonly events: InboundEvent[] = [];
  readonly #working = new Map<string, Trace>();
  readonly source: TrueconfSource;
  readonly subscription: Subscription;
  error: unknown;
  isComplete = false;

  constructor(
    readonly port: TrueconfPort,
    config: Partial<FromTrueConfConfig> = {},
  ) {
    this.source = fromTrueConf({ client: port, accounts: this.accounts, scheduler: this.clock, ...config });
    this.subscription = this.source.subscribe({
      next: (event) => {
        this.events.push(event);
        const trace = traceOf(event);
        if (trace === undefined) throw new Error('an event without its account');
        trace.hold(worker);
        this.#working.set(event.id, trace);
      },
      error: (error: unknown) => (this.error = error),
      complete: () => (this.isComplete = true),
    });
  }

  get ids(): string {
    return this.events.map(({ id }) => id).join(' ');
  }

  finish(id: string, outcome: Outcome = 'handled', touched = outcome === 'handled'): void {
    const trace = this.#working.get(id);
    if (touched) trace?.touch();
    trace?.release(worker, outcome);
  }

  /** What was counted, without zeros. */
  get counts(): object {
    const { received, inFlight, outcomes, refused } = this.accounts.counts();
    expect(received).to.equal(inFlight + Object.values(outcomes).reduce((sum, n) => sum + n, 0));
    return Object.fromEntries(Object.entries({ inFlight, refused, ...outcomes }).filter(([, n]) => n > 0));
  }
}

describe('fromTrueConf', () => {
  it('emits each message once, with its account, and acknowledges it when it is taken', () => {
    const bench = new Bench(new TrueconfPort(true, 'north'));
    const { port } = bench;
    port.say('a');
    expect(port.acknowledged).to.deep.equal(['a']);
    port.tell('n');
    expect(bench.ids).to.equal('a n');
    bench.finish('a');
    bench.finish('n', 'ignored');
    expect([...bench.accounts.bySource().keys()]).to.deep.equal(['trueconf:north']);
    expect(bench.counts).to.deep.equal({ handled: 1, ignored: 1 });
    expect(port.acknowledged).to.deep.equal(['a']);
  });

  it('acknowledges what comes again, and counts it', () => {
    const bench = new Bench(new TrueconfPort());
    const { port } = bench;
    port.say('a');
    port.say('a');
    bench.finish('a');
    port.say('a');
    port.reconnect();
    port.say('a');
    expect(bench.ids).to.equal('a');
    expect(port.acknowledged).to.deep.equal(['a', 'a', 'a', 'a']);
    expect(bench.counts).to.deep.equal({ handled: 1, duplicate: 3 });
  });

  const acknowledging: readonly [Outcome, boolean, boolean][] = [
    ['handled', true, true],
    ['ignored', false, true],
    ['superseded', false, true],
    ['handedOff', true, true],
    ['queued', false, true],
    ['duplicate', false, true],
    ['inDoubt', true, true],
    ['expired', false, true],
    ['deadLettered', false, true],
    ['failed', true, true],
    ['failed', false, false],
    ['shed', false, false],
  ];
  for (const [outcome, touched, acknowledges] of acknowledging)
    it(`${acknowledges ? 'acknowledges' : 'withholds'} what ends ${outcome}${touched ? ', touched' : ''}, once it is settled`, () => {
      const bench = new Bench(new TrueconfPort(), { acknowledge: 'settled' });
      const { port } = bench;
      port.say('a');
      expect(port.acknowledged).to.deep.equal([]);
      bench.finish('a', outcome, touched);
      expect(port.acknowledged).to.deep.equal(acknowledges ? ['a'] : []);
      bench.clock.advance(1_000_000);
      expect(port.reconnects).to.equal(0);
      port.reconnect();
      expect(bench.ids).to.equal(acknowledges ? 'a' : 'a a');
    });

  it('acknowledges a message on the connection that it came by last', () => {
    const bench = new Bench(new TrueconfPort(), { acknowledge: 'settled' });
    const { port } = bench;
    port.say('a');
    port.say('b');
    port.reconnect();
    port.reconnect();
    expect(bench.counts).to.deep.equal({ inFlight: 4, duplicate: 2 });
    bench.finish('b', 'failed');
    bench.finish('a');
    expect(port.acknowledged).to.deep.equal(['a']);
    expect(bench.ids).to.equal('a b');
    expect(bench.counts).to.deep.equal({ handled: 1, failed: 2, duplicate: 3 });
    port.reconnect();
    expect(bench.ids).to.equal('a b b');
  });

  it('withholds what fails while it is emitted, or is not emitted at all', () => {
    const port = new TrueconfPort();
    const accounts = openAccounts();
    const shed = fromTrueConf({ client: port, accounts }).pipe(
      map((event) => traceOf(event)?.conclude('shed')),
      take(2),
    );
    shed.subscribe({ error: () => undefined });
    port.say('a');
    port.say('b');
    port.say('c');
    expect(port.acknowledged).to.deep.equal([]);
    const again: string[] = [];
    fromTrueConf({ client: port, accounts }).subscribe(({ id }) => again.push(id));
    port.reconnect();
    expect(again).to.deep.equal(['a', 'b', 'c']);
    expect(port.acknowledged).to.deep.equal(['a', 'b', 'c']);
  });

  it('knows messages again over subscriptions, and forgets the oldest', () => {
    const port = new TrueconfPort();
    const ids: string[] = [];
    const config = { client: port, remember: 2, accounts: openAccounts() };
    const end = new Subject<void>();
    for (const round of [1, 2]) {
      const subscription = fromTrueConf(config).subscribe((event) => {
        ids.push(event.id);
        traceOf(event)?.conclude('handled');
      });
      if (round === 1) for (const id of ['a', 'b', 'c']) port.say(id);
      else for (const id of ['b', 'c', 'd', 'e', 'f', 'a']) port.say(id);
      subscription.unsubscribe();
    }
    end.complete();
    expect(ids.join('')).to.equal('abcdefa');
  });

  it('leaves out what the bot did itself, unless it is asked for', () => {
    const bench = new Bench(new TrueconfPort());
    bench.port.say('a', 'c', 'hi', 'opsbot@tc.example.org');
    expect(bench.ids).to.equal('');
    expect(bench.counts).to.deep.equal({ ignored: 1 });
    expect(bench.port.acknowledged).to.deep.equal(['a']);
    const other = new TrueconfPort();
    const accounts = openAccounts();
    const seen: string[] = [];
    const echoes = fromTrueConf({ client: other, echoes: true, accounts });
    echoes
      .pipe(
        filter(({ id }) => seen.push(id) > 0),
        dropEcho(),
      )
      .subscribe(({ id }) => seen.push(id));
    other.say('a', 'c', 'hi', 'opsbot@tc.example.org');
    expect(seen).to.deep.equal(['a']);
  });

  it('passes the end of the client on, and its errors', () => {
    const closed = new Bench(new TrueconfPort());
    closed.port.deliveries.complete();
    expect(closed.isComplete).to.equal(true);
    const failed = new Bench(new TrueconfPort());
    failed.port.deliveries.error(new Error('gave up'));
    expect(String(failed.error)).to.include('gave up');
  });

  it('has one subscriber', () => {
    const port = new TrueconfPort();
    const source = fromTrueConf({ client: port, accounts: openAccounts() });
    const first = source.subscribe();
    for (const second of [source, fromTrueConf({ client: port })]) {
      let error: unknown;
      second.subscribe({ error: (thrown: unknown) => (error = thrown) });
      expect(String(error)).to.include('share()');
    }
    expect(port.listeners).to.equal(1);
    first.unsubscribe();
    source.subscribe();
    expect(port.listeners).to.equal(2);
    expect(port.deliveries.observed).to.equal(true);
  });

  it('refuses wrong arguments at the call', () => {
    const client = new TrueconfPort(false);
    for (const wrong of [
      { maxInFlight: 0 },
      { maxPerConversation: NaN },
      { remember: 0 },
      { pauseMs: 0 },
      { redeliverMs: -1 },
      { joinFiles: { withinMs: 0 } },
    ])
      expect(() => fromTrueConf({ client, ...wrong })).to.throw(
        RangeError,
        Object.keys(wrong)[0] === 'joinFiles' ? 'withinMs' : Object.keys(wrong)[0]!,
      );
    expect(() => fromTrueConf({ client, acknowledge: 'settled' })).to.throw(TypeError, 'receiveUnread');
  });
});
