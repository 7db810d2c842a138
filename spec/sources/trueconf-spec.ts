import { expect } from 'chai';
import fc from 'fast-check';
import { filter, map, Subject, take, type Subscription } from 'rxjs';
import { dropEcho, openAccounts, traceOf, type Holder, type InboundEvent, type Outcome, type Trace } from 'tidewire';
import { fromTrueConf, type FromTrueConfConfig, type TrueconfSource } from 'tidewire/trueconf';
import { marbles, virtualClock } from 'tidewire/testing';
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

/** Its parts, to be used apart. */
const bound = (bench: Bench) => ({ port: bench.port, clock: bench.clock, finish: bench.finish.bind(bench) });

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
    const accounts = openAccounts({ scheduler: virtualClock() });
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
    const config = { client: port, remember: 2, accounts: openAccounts({ scheduler: virtualClock() }) };
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
    const accounts = openAccounts({ scheduler: virtualClock() });
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
    const source = fromTrueConf({ client: port, accounts: openAccounts({ scheduler: virtualClock() }) });
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

  describe('under pressure', () => {
    const full = { maxInFlight: 4, maxPerConversation: 2 };

    it('pauses when all places are taken, and reads on as soon as one is free', () => {
      const { port, finish } = bound(new Bench(new TrueconfPort(), { maxInFlight: 2 }));
      port.say('a', 'c1');
      expect(port.pauses).to.deep.equal([]);
      port.say('b', 'c2');
      expect(port.pauses).to.deep.equal([true]);
      finish('a');
      expect(port.pauses).to.deep.equal([true, false]);
    });

    it('pauses for three seconds at most, and reads for as long before it pauses again', () => {
      const { port, clock } = bound(new Bench(new TrueconfPort(), { maxInFlight: 1 }));
      port.say('a');
      clock.advance(2_999);
      expect(port.pauses).to.deep.equal([true]);
      clock.advance(1);
      expect(port.pauses).to.deep.equal([true, false]);
      port.say('b', 'c2');
      clock.advance(2_999);
      port.say('c', 'c3');
      expect(port.pauses).to.deep.equal([true, false]);
      clock.advance(1);
      port.say('d', 'c4');
      expect(port.pauses).to.deep.equal([true, false, true]);
    });

    it('turns away what comes all the same, and has it told again when half of the places are free', () => {
      const bench = new Bench(new TrueconfPort(), { maxInFlight: 2, maxPerConversation: 2 });
      const { port, clock } = bench;
      for (const id of ['a', 'b', 'x', 'y']) port.say(id, `c-${id}`);
      expect(bench.counts).to.deep.equal({ inFlight: 2, refused: 2 });
      expect(port.unread).to.deep.equal(['x', 'y']);
      clock.advance(100_000);
      expect(port.reconnects).to.equal(0);
      bench.finish('a');
      clock.advance(999);
      expect(port.reconnects).to.equal(0);
      clock.advance(1);
      expect(port.reconnects).to.equal(1);
      expect(bench.ids).to.equal('a b x');
      bench.finish('x');
      bench.finish('b');
      clock.advance(1_999);
      expect(port.reconnects).to.equal(1);
      clock.advance(1);
      expect(bench.ids).to.equal('a b x y');
      expect(bench.counts).to.deep.equal({ handled: 3, inFlight: 1, refused: 3 });
      clock.advance(1_000_000);
      expect(port.reconnects).to.equal(2);
    });

    it('keeps the order of a chat: what follows what was turned away waits for it', () => {
      const bench = new Bench(new TrueconfPort(), full);
      const { port, clock } = bench;
      for (const id of ['a', 'b', 'x']) port.say(id);
      bench.finish('a');
      port.say('y');
      port.say('o', 'other');
      port.tell('n');
      expect(bench.ids).to.equal('a b o n');
      for (const id of ['b', 'o', 'n']) bench.finish(id);
      clock.advance(1_000);
      expect(bench.ids).to.equal('a b o n x y');
    });

    it('lets no chat wait that cannot be told again', () => {
      const bench = new Bench(new TrueconfPort(false), full);
      const { port, clock } = bench;
      for (const id of ['a', 'b', 'x']) port.say(id);
      bench.finish('a');
      bench.finish('b');
      port.say('y');
      clock.advance(1_000_000);
      expect(bench.ids).to.equal('a b y');
      expect(port.reconnects).to.equal(0);
      expect(bench.counts).to.deep.equal({ handled: 2, inFlight: 1, refused: 1 });
    });

    it('knows only so many chats that wait; beyond, all do', () => {
      const bench = new Bench(new TrueconfPort(), { maxInFlight: 2, maxPerConversation: 1 });
      const { port, clock } = bench;
      for (const id of ['a', 'b', 'x', 'y', 'z']) port.say(id, `c-${id}`);
      bench.finish('a');
      port.say('z2', 'c-z');
      port.say('o', 'other');
      expect(bench.ids).to.equal('a b');
      bench.finish('b');
      for (let n = 0; n < 20; n++) {
        clock.advance(60_000);
        for (const { id } of bench.events) bench.finish(id);
      }
      expect(bench.ids.split(' ')).to.have.members(['a', 'b', 'x', 'y', 'z', 'o', 'z2']);
      expect(bench.ids.indexOf('z2')).to.be.greaterThan(bench.ids.indexOf('z '));
      expect(bench.counts).to.deep.include({ handled: 7 });
    });

    it('is forgotten with the connection: what it paused, and what was to come again', () => {
      const bench = new Bench(new TrueconfPort(), { maxInFlight: 2 });
      const { port, clock } = bench;
      for (const id of ['a', 'b', 'x']) port.say(id, id);
      port.status.next({ kind: 'connecting' });
      port.reconnect();
      expect(port.pauses).to.deep.equal([true, true]);
      clock.advance(3_000);
      expect(port.pauses).to.deep.equal([true, true, false]);
      bench.finish('a');
      clock.advance(999);
      port.reconnect();
      clock.advance(1_000_000);
      expect(port.reconnects).to.equal(2);
      expect(bench.ids).to.equal('a b x');
    });

    for (const [how, isSettledFirst] of [
      ['its places are free', true],
      ['its places are taken', false],
    ] as const)
      it(`has what was turned away told to who subscribes next on the same connection, in order, when ${how}`, () => {
        const bench = new Bench(new TrueconfPort(), { maxInFlight: 1 });
        const { port } = bench;
        port.say('a');
        port.say('x');
        if (isSettledFirst) bench.finish('a');
        bench.subscription.unsubscribe();
        const next = new Bench(port);
        expect(port.reconnects).to.equal(1);
        port.say('y');
        next.finish('x');
        next.finish('y');
        next.clock.advance(1_000_000);
        expect(next.ids).to.equal('x y');
        expect(port.unread).to.deep.equal([]);
        expect(port.reconnects).to.equal(1);
        next.subscription.unsubscribe();
        expect(new Bench(port).port.reconnects).to.equal(1);
      });

    it('lets all chats wait for that connection while a call keeps the one before', () => {
      const port = new TrueconfPort();
      const first = new Bench(port, { maxInFlight: 1 });
      for (const id of ['a', 'x']) port.say(id);
      first.subscription.unsubscribe();
      let anew = (): void => undefined;
      const reconnect = port.reconnect.bind(port);
      port.reconnect = () => (anew = reconnect);
      const next = new Bench(port);
      port.say('y');
      port.tell('n');
      expect(next.ids).to.equal('n');
      anew();
      expect(next.ids).to.equal('n x y');
    });

    it('makes no connection for what never comes again', () => {
      const port = new TrueconfPort(false);
      const first = new Bench(port, { maxInFlight: 1 });
      for (const id of ['a', 'x']) port.say(id);
      first.subscription.unsubscribe();
      const next = new Bench(port);
      port.say('y');
      expect(next.ids).to.equal('y');
      expect(port.reconnects).to.equal(0);
    });

    it('goes on where sockets cannot pause', () => {
      const port = new TrueconfPort();
      port.canPause = false;
      const bench = new Bench(port, { maxInFlight: 1 });
      for (const id of ['a', 'b']) port.say(id, id);
      bench.finish('a');
      bench.clock.advance(1_000);
      expect(bench.ids).to.equal('a b');
      expect(port.pauses).to.deep.equal([]);
    });

    it('ends with its subscription: no timer, no pause', () => {
      const bench = new Bench(new TrueconfPort(), { maxInFlight: 2 });
      const { port } = bench;
      for (const id of ['a', 'b', 'x']) port.say(id, id);
      expect(port.pauses).to.deep.equal([true]);
      bench.subscription.unsubscribe();
      expect(port.pauses).to.deep.equal([true, false]);
      bench.finish('a');
      bench.finish('b');
      bench.clock.advance(1_000_000);
      expect(port.reconnects).to.equal(0);
      expect(port.deliveries.observed).to.equal(false);
      expect(port.status.observed).to.equal(false);
    });
  });

  describe('with joinFiles', () => {
    const media = { fileId: 'f-f', name: 'plan.png', mimeType: 'image/png', sizeBytes: 7 };
    /** Plays what is said by a character each: `t` `u` `v` texts, `f` `g` files, `F` one with a caption, `o` another's file, `n` none. */
    const play = (
      source: string,
      result: string,
      events: Record<string, object>,
      config: Partial<FromTrueConfConfig> = {},
    ): (() => void) =>
      marbles(({ hot, expectObservable }) => {
        const port = new TrueconfPort();
        const joined = fromTrueConf({
          client: port,
          joinFiles: { withinMs: 4 },
          accounts: openAccounts(),
          ...config,
        });
        hot(source).subscribe((what) => {
          if (what === 'f' || what === 'g') port.file(what);
          else if (what === 'F') port.file('F', 'c', 'mira@tc.example.org', 'inside');
          else if (what === 'o') port.file('o', 'c', 'lev@tc.example.org');
          else if (what === 'n') port.tell('n');
          else port.say(what, what === 'x' ? 'other' : 'c');
        });
        const plain = joined.pipe(
          map(({ id, kind, ...rest }) => ({ id, kind, ...('caption' in rest && { caption: rest.caption }) })),
        );
        expectObservable(plain).toBe(result, events);
      });
    const t = { id: 't', kind: 'message' };
    const u = { id: 'u', kind: 'message' };
    const f = { id: 'f', kind: 'media' };

    it('joins a text and the file behind it', play('-t-f--', '---j--', { j: { ...f, caption: 't' } }));
    it('lets a text go after the window', play('-t----f-', '-----tf', { t, f }));
    it('lets a text go that another text follows', play('-t-u----f', '---t---uf', { t, u, f }));
    it(
      'lets a text go in front of another person, and of what has a caption or is no file',
      play('-t-o-u-F---v-n-', '---(to)(uF)--(vn)-', {
        v: { id: 'v', kind: 'message' },
        t,
        u,
        o: { id: 'o', kind: 'media' },
        F: { id: 'F', kind: 'media', caption: 'inside' },
        n: { id: 'n', kind: 'other' },
      }),
    );
    it(
      'lets chats wait on their own',
      play('-t-x-f-', '-----j-x', { j: { ...f, caption: 't' }, x: { id: 'x', kind: 'message' } }),
    );
    it('joins one file, not two', play('-t-fg-', '---jg-', { j: { ...f, caption: 't' }, g: { ...f, id: 'g' } }));

    it('makes the text a caption without markup, and the file answer what the text answers', () => {
      const bench = new Bench(new TrueconfPort(), { joinFiles: {} });
      bench.port.say('t', 'c', '<b>here</b> &amp; now', 'mira@tc.example.org', { format: 'html', replyTo: 'm' });
      bench.port.file('f');
      expect(bench.events[0]).to.deep.include({ kind: 'media', caption: 'here & now', replyTo: 'm' });
    });

    it('accounts for both, and acknowledges both with the joint event', () => {
      const bench = new Bench(new TrueconfPort(), { joinFiles: {}, acknowledge: 'settled' });
      const { port, clock } = bench;
      port.say('t', 'c', 'Look');
      clock.advance(299);
      port.file('f');
      port.say('u', 'other');
      const [joint] = bench.events;
      expect(joint).to.deep.include({ id: 'f', caption: 'Look', media, raw: [{ id: 't' }, { id: 'f' }] });
      expect(bench.counts).to.deep.equal({ inFlight: 3 });
      expect(port.acknowledged).to.deep.equal([]);
      bench.finish('f');
      expect(port.acknowledged).to.deep.equal(['f', 't']);
      expect(bench.counts).to.deep.equal({ handled: 2, inFlight: 1 });
      expect(bench.ids).to.equal('f');
      clock.advance(300);
      expect(bench.ids).to.equal('f u');
    });

    it('runs both again when the joint event failed, and when nobody took the text', () => {
      const bench = new Bench(new TrueconfPort(), { joinFiles: {}, acknowledge: 'settled' });
      const { port } = bench;
      port.say('t');
      port.file('f');
      bench.finish('f', 'failed');
      port.reconnect();
      expect(bench.ids).to.equal('f f');
      bench.finish('f');
      port.say('u');
      port.say('u');
      bench.subscription.unsubscribe();
      expect(port.unread).to.deep.equal(['u']);
      expect(bench.counts).to.deep.equal({ failed: 4, handled: 2 });
      expect(new Bench(port).ids).to.equal('u');
    });

    it('acknowledges a text with its event, not before', () => {
      const bench = new Bench(new TrueconfPort(), { joinFiles: {} });
      const { port } = bench;
      port.say('t');
      expect(port.acknowledged).to.deep.equal([]);
      port.say('t');
      bench.clock.advance(300);
      expect(port.acknowledged).to.deep.equal(['t', 't']);
      port.say('u');
      port.file('f');
      expect(port.acknowledged).to.have.members(['t', 't', 'u', 'f']);
      expect(bench.ids).to.equal('t f');
    });
  });

  describe('when it is drained', () => {
    it('takes nothing more, completes, and resolves when all is settled and acknowledged', async () => {
      const bench = new Bench(new TrueconfPort(), { acknowledge: 'settled', joinFiles: {} });
      const { port } = bench;
      port.say('a', 'c');
      port.say('b', 'd');
      const drained = bench.source.drain(1_000);
      expect(bench.ids).to.equal('a b');
      expect(bench.isComplete).to.equal(true);
      port.say('c');
      expect(bench.counts).to.deep.equal({ inFlight: 2, refused: 1 });
      bench.finish('a');
      expect(port.deliveries.observed).to.equal(true);
      bench.finish('b');
      expect(await drained).to.deep.include({ received: 2, inFlight: 0, refused: 1 });
      expect(port.acknowledged).to.deep.equal(['a', 'b']);
      expect(port.unread).to.deep.equal(['c']);
      expect(port.deliveries.observed).to.equal(false);
      let isOver = false;
      bench.source.subscribe({ complete: () => (isOver = true) });
      expect(isOver).to.equal(true);
    });

    it('tells how much is left when its time is over', async () => {
      const bench = new Bench(new TrueconfPort(), { acknowledge: 'settled' });
      bench.port.say('a');
      const drained = bench.source.drain(1_000);
      bench.clock.advance(1_000);
      expect((await drained).inFlight).to.equal(1);
      bench.finish('a');
      const never = new Bench(new TrueconfPort());
      expect((await never.source.drain(0)).received).to.equal(0);
      const error: unknown = await never.source.drain(-1).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(RangeError);
    });

    it('leaves what comes then to who subscribes through another source, and counts it once', () => {
      const first = new Bench(new TrueconfPort(), { acknowledge: 'settled' });
      const { port, clock } = first;
      port.say('a');
      void first.source.drain(1_000);
      const second = new Bench(port, { acknowledge: 'settled' });
      for (const id of ['a', 'b']) port.say(id);
      second.finish('b');
      port.repeat('b');
      expect([first.ids, second.ids]).to.deep.equal(['a', 'b']);
      expect(second.counts).to.deep.equal({ handled: 1, duplicate: 1 });
      first.finish('a');
      expect(first.counts).to.deep.equal({ handled: 1, duplicate: 1 });
      expect(port.unread).to.deep.equal([]);
      second.subscription.unsubscribe();
      new Bench(port);
      clock.advance(1_000);
      expect(port.reconnects).to.equal(0);
    });

    it('turns away what comes when the other has gone again, until all is settled', async () => {
      const first = new Bench(new TrueconfPort(), { acknowledge: 'settled' });
      const { port } = first;
      port.say('a');
      const drained = first.source.drain(1_000);
      new Bench(port).subscription.unsubscribe();
      port.say('b');
      expect(first.counts).to.deep.equal({ inFlight: 1, refused: 1 });
      first.finish('a');
      await drained;
      expect(port.deliveries.observed).to.equal(false);
      expect(new Bench(port).ids).to.equal('b');
    });

    it('leaves the subscribers of other sources alone', async () => {
      const bench = new Bench(new TrueconfPort());
      const other = fromTrueConf({ client: bench.port, accounts: bench.accounts, scheduler: bench.clock });
      await other.drain(0);
      bench.port.say('a');
      expect([bench.isComplete, bench.ids]).to.deep.equal([false, 'a']);
    });
  });

  describe('its law', () => {
    const chat = fc.nat(2);
    const steps = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('say' as const, 'file' as const), chat }) },
        {
          weight: 5,
          arbitrary: fc.record({
            do: fc.constant('finish' as const),
            nth: fc.nat(5),
            outcome: fc.constantFrom<Outcome>('handled', 'handled', 'failed', 'shed', 'ignored'),
          }),
        },
        {
          weight: 2,
          arbitrary: fc.record({ do: fc.constantFrom('drop' as const, 'again' as const, 'resubscribe' as const) }),
        },
        { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(4_000) }) },
      ),
      { maxLength: 60 },
    );
    const configs = fc.record({
      acknowledge: fc.constantFrom('accepted' as const, 'settled' as const),
      maxInFlight: fc.integer({ min: 1, max: 6 }),
      maxPerConversation: fc.integer({ min: 1, max: 4 }),
      joined: fc.boolean(),
    });

    it('holds under drops, doubles, pressure and failures: nothing is lost, doubled or out of order', () => {
      fc.assert(
        fc.property(steps, configs, (script, { joined, ...config }) => {
          const port = new TrueconfPort();
          const accounts = openAccounts({ scheduler: virtualClock() });
          const clock = virtualClock();
          const open: { readonly id: string; readonly trace: Trace }[] = [];
          /** How often each wire message was taken, and may have been: once more for each time it failed untouched. */
          const taken = new Map<string, number>();
          const allowed = new Map<string, number>();
          const done = new Set<string>();
          const order: string[] = [];
          const said: string[] = [];
          const parts = new Map<string, readonly string[]>();
          const partsOf = (event: InboundEvent): readonly string[] =>
            Array.isArray(event.raw) ? event.raw.map((raw: { id: string }) => raw.id) : [event.id];
          const source = fromTrueConf({
            client: port,
            accounts,
            scheduler: clock,
            ...config,
            ...(joined && { joinFiles: {} }),
          });
          const subscribe = (): Subscription =>
            source.subscribe({
              next: (event) => {
                const trace = traceOf(event);
                if (trace === undefined) throw new Error('an event without its account');
                trace.hold(worker);
                open.push({ id: event.id, trace });
                parts.set(event.id, partsOf(event));
                for (const id of partsOf(event)) {
                  taken.set(id, (taken.get(id) ?? 0) + 1);
                  if (taken.get(id) === 1) order.push(id);
                }
              },
              error: (error: unknown) => {
                throw error;
              },
            });
          let subscription = subscribe();
          const end = (at: number, outcome: Outcome): void => {
            const [one] = open.splice(at, 1);
            if (one === undefined) return;
            if (outcome === 'handled') one.trace.touch();
            one.trace.release(worker, outcome);
            for (const id of parts.get(one.id) ?? []) {
              if (outcome === 'failed' || outcome === 'shed') allowed.set(id, (allowed.get(id) ?? 1) + 1);
              else done.add(id);
            }
          };
          let n = 0;
          for (const step of script) {
            switch (step.do) {
              case 'say':
              case 'file': {
                const id = `${step.chat}-${++n}`;
                said.push(id);
                port[step.do](id, `c${step.chat}`);
                break;
              }
              case 'finish':
                if (open.length > 0) end(step.nth % open.length, step.outcome);
                break;
              case 'drop':
                port.reconnect();
                break;
              case 'again':
                for (const id of said) port.repeat(id);
                break;
              case 'resubscribe':
                subscription.unsubscribe();
                subscription = subscribe();
                break;
              case 'wait':
                clock.advance(step.ms);
            }
          }
          // Everybody works through what is left, and what was turned away is told again by itself.
          const workOn = (): void => {
            for (let round = 0; round < 4 * n + 8; round++) {
              while (open.length > 0) end(0, 'handled');
              clock.advance(61_000);
            }
          };
          workOn();
          expect([...taken.keys()]).to.have.members(said);
          // What failed comes with the next connection.
          port.reconnect();
          workOn();
          const { received, inFlight, outcomes } = accounts.counts();
          expect(received).to.equal(inFlight + Object.values(outcomes).reduce((sum, count) => sum + count, 0));
          expect(inFlight).to.equal(0);
          expect(port.unread).to.deep.equal([]);
          if (config.acknowledge === 'settled') expect([...done]).to.have.members(said);
          for (const id of said) {
            expect(taken.get(id) ?? 0, `${id} was taken`).to.be.at.least(1);
            expect(taken.get(id) ?? 0, `${id} was taken`).to.be.at.most(allowed.get(id) ?? 1);
          }
          for (const at of [0, 1, 2]) {
            const inChat = (id: string): boolean => id.startsWith(`${at}-`);
            expect(order.filter(inChat)).to.deep.equal(said.filter(inChat));
          }
        }),
        { numRuns: 300 },
      );
    });
  });
});
