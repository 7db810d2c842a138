import { expect } from 'chai';
import { concat, delay, map, of, Subject, throwError, timer, type Observable, type OperatorFunction } from 'rxjs';
import {
  ChatError,
  choiceBook,
  dedupe,
  deliver,
  fanOut,
  lanes,
  memoryStore,
  openAccounts,
  rateLimit,
  react,
  readChoices,
  retryDelivery,
  splitText,
  text,
  type ChoiceEvent,
  type InboundEvent,
  type OutboundAction,
  type Outcome,
  type Receipt,
  type Sink,
  type Store,
  type Trace,
} from 'tidewire';
import { virtualClock } from 'tidewire/testing';
import { userlikeClient, userlikeWebhook, fromUserlike, toUserlike } from 'tidewire/userlike';
import { delivered, failed } from '../../lib/model/receipt.js';
import { message } from '../support/events.js';
import { request, saidIn } from '../support/webhook-desk.js';

/** Events that are delivered by hand, through operators and a sink that takes 20. */
class Desk {
  readonly clock = virtualClock();
  readonly accounts = openAccounts({ scheduler: this.clock });
  readonly source = new Subject<InboundEvent>();
  /** What came out: ids of events, of actions, or of the actions of receipts with their status. */
  readonly seen: string[] = [];
  readonly ran: string[] = [];
  readonly settledAt = new Map<string, number>();
  readonly #account = this.accounts.of('desk');

  through(operator: OperatorFunction<InboundEvent, InboundEvent | OutboundAction | Receipt>): this {
    operator(this.source).subscribe((out) => {
      this.seen.push('status' in out ? `${out.action.id} ${out.status}` : out.id);
    });
    return this;
  }

  readonly answer = react<InboundEvent>((event) => {
    this.ran.push(event.id);
    return text(event.kind === 'message' ? event.text : event.kind);
  });

  readonly sink = (receipt = (action: OutboundAction): Receipt => delivered(action, 'now')): Sink =>
    deliver({ name: 'sink', scheduler: this.clock }, (action) =>
      timer(20, this.clock).pipe(map(() => receipt(action))),
    );

  deliver(event: InboundEvent): Trace {
    const copy = { ...event };
    const trace = this.#account.open(copy);
    trace.onSettled({ settled: ({ id }, _outcome, _touched, at) => this.settledAt.set(id, at) });
    this.source.next(copy);
    trace.release(this.#account);
    return trace;
  }

  outcomes(): Partial<Record<Outcome, number>> {
    return Object.fromEntries(Object.entries(this.accounts.counts().outcomes).filter(([, n]) => n > 0));
  }
}

const throttled = (action: OutboundAction): Receipt =>
  failed(action, 'now', new ChatError('throttled', 'desk', 'slow down'));
const limit = { limit: 1, perMs: 1_000, jitter: 0 };
type Way = (desk: Desk) => OperatorFunction<InboundEvent, InboundEvent | OutboundAction | Receipt>;
const ofConversation = ({ conversation }: InboundEvent): string => conversation.id;
const slow =
  (clock: Desk['clock']) =>
  (event: InboundEvent): Observable<InboundEvent> =>
    of(event).pipe(delay(50, clock));

interface Row {
  readonly way: Way;
  /** Which of e1 and e2, both of one conversation, is cancelled at 10. */
  readonly cancelled: 'e1' | 'e2';
  /** When it is settled: at once, unless it is on its way already. */
  readonly settledAt: number;
  /** What came out until the end. */
  readonly seen: readonly string[];
}

const rows: Readonly<Record<string, Row>> = {
  'lanes, waiting': {
    way: ({ clock }) => lanes({ key: ofConversation }, slow(clock)),
    cancelled: 'e2',
    settledAt: 10,
    seen: ['e1'],
  },
  'lanes, running': {
    way: ({ clock }) => lanes({ key: ofConversation }, slow(clock)),
    cancelled: 'e1',
    settledAt: 10,
    seen: ['e2'],
  },
  'react, waiting': {
    way: ({ clock }) => react(() => of(text('x')).pipe(delay(50, clock))),
    cancelled: 'e2',
    settledAt: 10,
    seen: ['e1#1'],
  },
  'react, running': {
    way: ({ clock }) => react(() => of(text('x')).pipe(delay(50, clock))),
    cancelled: 'e1',
    settledAt: 10,
    seen: ['e2#1'],
  },
  'react, before a retry': {
    way: ({ clock, ran }) =>
      react(
        ({ id }) => {
          ran.push(id);
          if (id === 'e1') throw new Error('no');
          return text('x');
        },
        { retry: { count: 5, delayMs: 30 }, scheduler: clock },
      ),
    cancelled: 'e1',
    settledAt: 10,
    seen: ['e2#1'],
  },
  'dedupe, a twin': {
    way:
      ({ clock }) =>
      (events) =>
        events.pipe(dedupe({ key: ofConversation, scheduler: clock }), lanes({ key: ofConversation }, slow(clock))),
    cancelled: 'e2',
    settledAt: 10,
    seen: ['e1'],
  },
  'rateLimit of events, waiting': {
    way: ({ clock }) => rateLimit({ ...limit, scheduler: clock }),
    cancelled: 'e2',
    settledAt: 10,
    seen: ['e1'],
  },
  'rateLimit of actions, waiting': {
    way:
      ({ answer, clock, sink }) =>
      (events) =>
        events.pipe(answer, rateLimit({ ...limit, scheduler: clock }), sink()),
    cancelled: 'e2',
    settledAt: 10,
    seen: ['e1#1 delivered'],
  },
  'rateLimit around a sink, waiting': {
    way:
      ({ answer, clock, sink }) =>
      (events) =>
        events.pipe(answer, rateLimit({ ...limit, scheduler: clock }, sink())),
    cancelled: 'e2',
    settledAt: 10,
    seen: ['e2#1 skipped', 'e1#1 delivered'],
  },
  'rateLimit around a sink, on its way': {
    way:
      ({ answer, clock, sink }) =>
      (events) =>
        events.pipe(answer, rateLimit({ ...limit, scheduler: clock }, sink())),
    cancelled: 'e1',
    settledAt: 20,
    seen: ['e1#1 delivered', 'e2#1 delivered'],
  },
  'deliver, waiting': {
    way:
      ({ answer, sink }) =>
      (events) =>
        events.pipe(answer, sink()),
    cancelled: 'e2',
    settledAt: 10,
    seen: ['e2#1 skipped', 'e1#1 delivered'],
  },
  'deliver, on its way': {
    way:
      ({ answer, sink }) =>
      (events) =>
        events.pipe(answer, sink()),
    cancelled: 'e1',
    settledAt: 20,
    seen: ['e1#1 delivered', 'e2#1 delivered'],
  },
  'fanOut, both ways waiting': {
    way: ({ clock }) =>
      fanOut(
        (events) => events.pipe(lanes({ key: ofConversation }, slow(clock))),
        (events) => events.pipe(rateLimit({ ...limit, scheduler: clock })),
      ),
    cancelled: 'e2',
    settledAt: 10,
    seen: ['e1', 'e1'],
  },
  'splitText, the parts in a sink': {
    way:
      ({ sink }) =>
      (events) =>
        events.pipe(
          react(() => text('one two')),
          splitText(4),
          sink(),
        ),
    cancelled: 'e2',
    settledAt: 10,
    seen: ['e2#1/1 skipped', 'e2#1/2 skipped', 'e1#1/1 delivered', 'e1#1/2 delivered'],
  },
};

describe('cancellation', () => {
  for (const [name, { way, cancelled, settledAt, seen }] of Object.entries(rows)) {
    it(`reaches what is in ${name}, and the other event goes its way`, () => {
      const desk = new Desk();
      desk.through(way(desk));
      const traces = { e1: desk.deliver(message('e1')), e2: desk.deliver(message('e2')) };
      const before = desk.seen.length;
      desk.clock.advance(10);
      expect(traces[cancelled].settled).to.equal(false);
      traces[cancelled].cancel('handedOff');
      const runs = desk.ran.length;
      desk.clock.flush();
      expect(traces[cancelled].outcome).to.equal('handedOff');
      expect(desk.settledAt.get(cancelled)).to.equal(settledAt);
      expect(desk.seen).to.deep.equal(seen);
      expect(before).to.be.at.most(1);
      expect(desk.ran.slice(runs), 'ran afterwards').not.to.include(cancelled);
      expect(desk.accounts.counts()).to.include({ inFlight: 0, late: 0 });
    });
  }

  it('reaches what waits for the next attempt of retryDelivery: nothing is sent again', () => {
    const desk = new Desk();
    let sends = 0;
    const sink = desk.sink((action) => {
      sends++;
      return throttled(action);
    });
    desk.through((events) =>
      events.pipe(desk.answer, retryDelivery({ delayMs: 1_000, jitter: 0, scheduler: desk.clock }, sink)),
    );
    const trace = desk.deliver(message('e1'));
    desk.clock.advance(500);
    trace.cancel('handedOff');
    expect(trace).to.include({ settled: true, outcome: 'handedOff', touched: false });
    desk.clock.flush();
    expect(sends).to.equal(1);
    expect(desk.seen).to.deep.equal(['e1#1 skipped']);
  });

  it('does not start a handler whose state comes after the cancellation', () => {
    const desk = new Desk();
    const fast = memoryStore();
    const store: Store = { ...fast, get: (key) => fast.get(key).pipe(delay(30, desk.clock)) };
    desk.through(
      react<InboundEvent, number>(
        ({ id }) => {
          desk.ran.push(id);
          return text('x');
        },
        { state: { initial: () => 0, store } },
      ),
    );
    const cancelled = desk.deliver(message('e1'));
    desk.deliver(message('e2'));
    desk.clock.advance(10);
    cancelled.cancel('handedOff');
    desk.clock.flush();
    expect(desk.ran).to.deep.equal(['e2']);
    expect(desk.seen).to.deep.equal(['e2#1']);
  });
});

describe('operators together', () => {
  it('an event that waits 5 min in a limiter while it is delivered again every 10 s: 8 twins join, none is emitted', () => {
    const desk = new Desk();
    const { clock } = desk;
    desk.through((events) =>
      events.pipe(
        dedupe({ scheduler: clock }),
        rateLimit({ limit: 1, perMs: 300_000, scheduler: clock }),
        desk.answer,
        desk.sink(),
      ),
    );
    desk.deliver(message('m0'));
    const traces = [desk.deliver(message('m1'))];
    for (let n = 0; n < 29; n++) {
      clock.advance(10_000);
      traces.push(desk.deliver(message('m1')));
    }
    expect(desk.outcomes()).to.deep.equal({ handled: 1, shed: 21 });
    clock.flush();
    expect(desk.outcomes()).to.deep.equal({ handled: 2, duplicate: 8, shed: 21 });
    expect(desk.ran).to.deep.equal(['m0', 'm1']);
    expect(traces[0]?.outcome).to.equal('handled');
    expect(desk.settledAt.get('m1')).to.equal(300_020);
    expect(desk.accounts.counts()).to.include({ inFlight: 0, late: 0 });
  });

  it('no ids on the wire: "yes" twice within 4 s gets two answers', () => {
    const desk = new Desk();
    desk.through((events) => events.pipe(dedupe({ scheduler: desk.clock }), desk.answer, desk.sink()));
    for (const id of ['made-1', 'made-2']) {
      desk.deliver({ ...message(id, 'c', 'yes'), fingerprint: 'yes' });
      desk.clock.advance(4_000);
    }
    expect(desk.seen).to.deep.equal(['made-1#1 delivered', 'made-2#1 delivered']);
    expect(desk.outcomes()).to.deep.equal({ handled: 2 });
  });

  it('no ids on the wire: "2" to two questions is two choices', () => {
    const desk = new Desk();
    const book = choiceBook({ scheduler: desk.clock });
    const picked: (ChoiceEvent['choice'] | string)[] = [];
    desk.through((events) =>
      events.pipe(
        dedupe({ scheduler: desk.clock }),
        readChoices({ book }),
        react((event) => {
          picked.push(event.kind === 'choice' ? event.choice : event.kind);
          return undefined;
        }),
      ),
    );
    for (const question of ['size', 'colour']) {
      const options = ['first', 'second'].map((label) => ({ id: `${question} ${label}`, label }));
      book.arm(message('').conversation, { action: question, options });
      desk.deliver({ ...message(`made for ${question}`, 'c', '2'), fingerprint: '2' });
      desk.clock.advance(2_000);
    }
    expect(picked).to.deep.equal([
      { id: 'size second', label: 'second' },
      { id: 'colour second', label: 'second' },
    ]);
    expect(desk.outcomes()).to.deep.equal({ handled: 2 });
  });

  it('"let me look", then an error: sent once, failed and touched, and never run again', () => {
    const desk = new Desk();
    let runs = 0;
    desk.through((events) =>
      events.pipe(
        dedupe({ scheduler: desk.clock }),
        react(() => concat(of(text('let me look')), timer(30, desk.clock).pipe(map(() => broken(++runs)))), {
          retry: { count: 3, delayMs: 5 },
          scheduler: desk.clock,
        }),
        desk.sink(),
      ),
    );
    const first = desk.deliver(message('m1'));
    const twin = desk.deliver(message('m1'));
    desk.clock.advance(100);
    const again = desk.deliver(message('m1'));
    desk.clock.flush();
    expect(first).to.include({ settled: true, outcome: 'failed', touched: true });
    expect([twin.outcome, again.outcome]).to.deep.equal(['duplicate', 'duplicate']);
    expect(desk.seen).to.deep.equal(['m1#1 delivered']);
    expect(runs).to.equal(1);
  });

  it('an error before anything was said: failed, untouched, and the next delivery is handled', () => {
    const desk = new Desk();
    let runs = 0;
    desk.through((events) =>
      events.pipe(
        dedupe({ scheduler: desk.clock }),
        react(() => (++runs === 1 ? throwError(() => new Error('no')) : of(text('x')))),
        desk.sink(),
      ),
    );
    expect(desk.deliver(message('m1'))).to.include({ outcome: 'failed', touched: false });
    desk.deliver(message('m1'));
    desk.clock.flush();
    expect(desk.seen).to.deep.equal(['m1#1 delivered']);
    expect(desk.outcomes()).to.deep.equal({ handled: 1, failed: 1 });
  });
});

const broken = (run: number): never => {
  throw new Error(`no, ${run}`);
};

describe('a webhook request that is open', () => {
  const SECRET = 'wh-quiet';
  const clock = virtualClock();
  const soon = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const call = (body: string): Request =>
    new Request('http://localhost/', {
      method: 'POST',
      headers: { 'content-type': 'application/json', token: SECRET },
      body: JSON.stringify(request('message', { body })),
    });

  const openDesk = (handler: Parameters<typeof react<InboundEvent>>[0]) => {
    const accounts = openAccounts({ scheduler: clock });
    const webhook = userlikeWebhook({ headers: { token: SECRET }, accounts, scheduler: clock });
    const client = userlikeClient({
      url: 'http://localhost/',
      token: 't',
      scheduler: clock,
      fetch: async () => Promise.resolve(new Response(null)),
    });
    const receipts: Receipt[] = [];
    fromUserlike({ webhook })
      .pipe(react(handler, { scheduler: clock }), toUserlike({ client, webhook, scheduler: clock }))
      .subscribe((receipt) => receipts.push(receipt));
    return { webhook, accounts, receipts };
  };

  it('is answered at once when the handler is done and all it said is parked, not after the window', async () => {
    const { webhook, accounts, receipts } = openDesk(() => [text('a'), text('b')]);
    const before = clock.now();
    const answer = await webhook.fetch(call('x'));
    expect(saidIn(await answer.json())).to.deep.equal(['a', 'b']);
    expect(clock.now()).to.equal(before);
    expect(receipts.map((receipt) => receipt.status === 'delivered' && receipt.via)).to.deep.equal([
      'direct',
      'direct',
    ]);
    expect(accounts.counts()).to.include({ inFlight: 0, late: 0 });
  });

  it('waits for a handler that is not done, up to the window, with what was said so far', async () => {
    const { webhook, accounts, receipts } = openDesk(() =>
      concat(of(text('let me look')), timer(9_000, clock).pipe(map(() => text('found')))),
    );
    let answered: Response | undefined;
    void webhook.fetch(call('x')).then((response) => (answered = response));
    await soon();
    clock.advance(2_999);
    await soon();
    expect(answered).to.equal(undefined);
    clock.advance(1);
    await soon();
    expect(saidIn(await answered?.json())).to.deep.equal(['let me look']);
    clock.advance(6_000);
    await soon();
    await soon();
    expect(receipts.map((receipt) => receipt.status === 'delivered' && receipt.via)).to.deep.equal(['direct', 'api']);
    expect(accounts.counts()).to.include({ inFlight: 0, late: 0 });
  });
});
