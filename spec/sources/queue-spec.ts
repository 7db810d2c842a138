import { expect } from 'chai';
import { firstValueFrom, merge, mergeMap, Subject, throwError, timer, type Subscription } from 'rxjs';
import {
  ChatError,
  dedupe,
  memoryStore,
  openAccounts,
  react,
  text,
  traceOf,
  type InboundEvent,
  type MessageEvent,
  type Outcome,
} from 'tidewire';
import type { Holder } from '../../lib/trace.js';
import { fromQueue, memoryQueue, type FromQueueConfig, type Leased, type Queue } from 'tidewire/queue';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import { message } from '../support/events.js';
import { asFields } from '../support/queue-model.js';

const holder = { name: 'spec' };

/** A queue with one subscriber in virtual time, whose events are settled by hand. */
const open = (config: FromQueueConfig = {}, queue?: Queue<InboundEvent>) => {
  const clock = virtualClock();
  const accounts = openAccounts({ scheduler: clock });
  const own = queue ?? memoryQueue({ scheduler: clock });
  const seen: InboundEvent[] = [];
  let completed = false;
  const subscribe = (): Subscription =>
    fromQueue(own, { accounts, scheduler: clock, ...config }).subscribe({
      next: (event) => {
        traceOf(event)?.hold(holder);
        seen.push(event);
      },
      complete: () => {
        completed = true;
      },
    });
  const last = (id: string): InboundEvent => {
    const found = [...seen].reverse().find((event) => event.id === id);
    if (found === undefined) throw new Error(`${id} was not handed out`);
    return found;
  };
  return {
    clock,
    accounts,
    queue: own,
    seen,
    subscribe,
    add: async (...events: readonly MessageEvent[]) => firstValueFrom(own.add(events)),
    settle: (id: string, outcome: Outcome, touched = false, reason?: string) => {
      const trace = traceOf(last(id));
      if (touched) trace?.touch();
      trace?.release(holder, outcome, reason);
      clock.advance(0);
    },
    ids: () => seen.map(({ id }) => id).join(' '),
    counts: async () => firstValueFrom(own.counts()),
    letters: async () => firstValueFrom(own.letters()),
    isCompleted: () => completed,
  };
};

/** A queue whose first lease ends with an error, when it is told to. */
const losable = (scheduler: VirtualClock) => {
  const real = memoryQueue({ scheduler });
  const lost = new Subject<never>();
  let leases = 0;
  const queue: Queue<InboundEvent> = {
    ...asFields(real),
    lease: (config) => (leases++ === 0 ? merge(real.lease(config), lost) : real.lease(config)),
  };
  return { real, queue, lost };
};

describe('fromQueue', () => {
  it('gives each item a new account, and finishes it in the queue when that is settled', async () => {
    const { add, subscribe, settle, ids, counts, accounts, seen } = open();
    await add(message('1'), message('2'));
    subscribe();
    expect(ids()).to.equal('1 2');
    expect(accounts.bySource().get('queue:queue')).to.include({ received: 2, inFlight: 2 });
    expect(traceOf(seen[0])?.id).to.equal('1');
    settle('1', 'handled');
    expect(await counts()).to.include({ waiting: 1, inFlight: 1, letters: 0 });
  });

  for (const outcome of [
    'handled',
    'ignored',
    'superseded',
    'handedOff',
    'duplicate',
    'queued',
    'deadLettered',
  ] as const) {
    it(`is done with what was ${outcome}`, async () => {
      const { add, subscribe, settle, counts } = open();
      await add(message('1'));
      subscribe();
      settle('1', outcome);
      expect(await counts()).to.include({ waiting: 0, letters: 0 });
    });
  }

  for (const [outcome, touched] of [
    ['inDoubt', true],
    ['failed', true],
    ['shed', true],
    ['expired', false],
  ] as const) {
    it(`parks what was ${outcome}${touched ? ' after something went out' : ''}, with its report`, async () => {
      const { add, subscribe, settle, counts, letters } = open();
      await add(message('1'));
      subscribe();
      settle('1', outcome, touched, 'because');
      expect(await counts()).to.include({ waiting: 0, letters: 1 });
      expect((await letters())[0]).to.include({ outcome, touched, reason: 'because', attempts: 1, holds: false });
    });
  }

  for (const outcome of ['failed', 'shed'] as const) {
    it(`tries what was ${outcome} again in its place, after growing pauses, then parks it`, async () => {
      const { add, subscribe, settle, clock, ids, letters, counts } = open({ attempts: 3, forMs: 0, delayMs: 100 });
      await add(message('1'));
      subscribe();
      settle('1', outcome, false, 'no');
      await add(message('2'), message('3', 'other'));
      expect(ids()).to.equal('1 3');
      clock.advance(99);
      expect(ids()).to.equal('1 3');
      clock.advance(1);
      expect(ids()).to.equal('1 3 1 2');
      settle('2', 'handled');
      settle('1', outcome, false, 'no');
      expect((await letters()).map(({ item, attempts, reason }) => [item?.id, attempts, reason])).to.deep.equal([
        ['1', 2, 'no'],
      ]);
      expect(await counts()).to.include({ waiting: 1, inFlight: 1 });
    });
  }

  it('tries an item for a time and a number of attempts, both', async () => {
    const { add, subscribe, settle, clock, ids, letters } = open({
      attempts: 2,
      forMs: 1_000,
      delayMs: 300,
      maxDelayMs: 300,
    });
    await add(message('1'));
    subscribe();
    for (let i = 0; i < 4; i++) {
      settle('1', 'failed');
      expect(await letters()).to.deep.equal([]);
      clock.advance(300);
    }
    expect(ids()).to.equal('1 1 1 1 1');
    settle('1', 'failed');
    expect((await letters())[0]).to.include({ attempts: 5, outcome: 'failed' });
  });

  it('tries an item no longer than that because the clock was set back', async () => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock });
    let setBackMs = 0;
    clock.now = () => clock.frame - setBackMs;
    const queue = memoryQueue({ scheduler: clock });
    await firstValueFrom(queue.add(message('1')));
    fromQueue(queue, { accounts, scheduler: clock, attempts: 3, forMs: 1_000, delayMs: 100 }).subscribe((event) => {
      setBackMs = 3_600_000;
      traceOf(event)?.conclude('failed');
    });
    clock.advance(10_000);
    const [letter] = await firstValueFrom(queue.letters());
    expect(letter).to.include({ attempts: 3, outcome: 'failed' });
  });

  it('parks what failed when a later item of its conversation is out: nothing comes behind its successors', async () => {
    const { add, subscribe, settle, ids, letters } = open();
    await add(message('1'), message('2'));
    subscribe();
    settle('1', 'failed');
    expect(ids()).to.equal('1 2');
    expect((await letters())[0]).to.include({ outcome: 'failed', attempts: 1 });
  });

  it('lets a conversation wait for its dead letter, when told so', async () => {
    const { add, subscribe, settle, ids, letters, queue } = open({ onPoison: 'wait', attempts: 1, forMs: 0 });
    await add(message('1'), message('2'), message('3', 'other'));
    subscribe();
    expect(ids()).to.equal('1 3');
    settle('1', 'failed');
    expect(ids()).to.equal('1 3');
    const [letter] = await letters();
    await firstValueFrom(queue.drop(letter?.letter ?? 0));
    expect(ids()).to.equal('1 3 2');
  });

  it('parks what was never settled in so many lives of the process', async () => {
    const { add, subscribe, ids, letters, queue, clock } = open({ attempts: 2, forMs: 1_000 });
    await add(message('1'), message('2'));
    const leased: Leased<InboundEvent>[] = [];
    const lives = queue.lease({ perKey: 1 }).subscribe((next) => leased.push(next));
    for (let life = 0; life < 2; life++) await firstValueFrom(queue.return(leased[life] ?? none()));
    lives.unsubscribe();
    const first = subscribe();
    expect(ids()).to.equal('1 2');
    first.unsubscribe();
    clock.advance(1_000);
    subscribe();
    expect(ids()).to.equal('1 2 2');
    expect((await letters())[0]).to.include({
      outcome: 'failed',
      touched: false,
      reason: 'it was handed out 2 times, and never settled',
    });
  });

  it('has at most `maxInFlight` open, and at most `perKey` of a conversation', async () => {
    const { add, subscribe, settle, ids } = open({ maxInFlight: 3, perKey: 2 });
    await add(message('1'), message('2'), message('3'), message('4', 'b'), message('5', 'd'));
    subscribe();
    expect(ids()).to.equal('1 2 4');
    settle('4', 'handled');
    expect(ids()).to.equal('1 2 4 5');
  });

  it('returns what is open, in order, when unsubscribed; what went out already is parked', async () => {
    const { add, subscribe, settle, ids, letters, seen } = open();
    await add(message('1'), message('2'), message('3'));
    const subscription = subscribe();
    settle('1', 'handled');
    traceOf(seen[1])?.touch();
    subscription.unsubscribe();
    expect((await letters()).map(({ item, outcome, touched }) => [item?.id, outcome, touched])).to.deep.equal([
      ['2', 'inDoubt', true],
    ]);
    subscribe();
    expect(ids()).to.equal('1 2 3 3');
  });

  it('returns what a pipe lets go of as it is torn down', async () => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock });
    const queue = memoryQueue({ scheduler: clock });
    await firstValueFrom(queue.add([message('1'), message('2')]));
    const never = new Subject<never>();
    const subscription = fromQueue(queue, { accounts, scheduler: clock })
      .pipe(react(() => never))
      .subscribe();
    subscription.unsubscribe();
    clock.advance(100_000);
    expect(await firstValueFrom(queue.counts())).to.include({ waiting: 2, letters: 0 });
    expect(accounts.counts()).to.include({ inFlight: 0 });
  });

  it('takes nothing more after `until`, and completes when what is open is settled', async () => {
    const until = new Subject<void>();
    const { add, subscribe, settle, ids, isCompleted, counts } = open({ until });
    await add(message('1'));
    subscribe();
    until.next();
    await add(message('2'));
    expect([ids(), isCompleted()]).to.deep.equal(['1', false]);
    settle('1', 'handled');
    expect(isCompleted()).to.equal(true);
    expect(await counts()).to.include({ waiting: 1, inFlight: 0 });
  });

  it('asks again until the queue hears what became of an item', async () => {
    const clock = virtualClock();
    const real = memoryQueue({ scheduler: clock });
    let isFull = true;
    const full = new ChatError('overflow', 'lmdb', 'the disk is full');
    const queue: Queue<InboundEvent> = {
      ...asFields(real),
      ack: (...args) => (isFull ? throwError(() => full) : real.ack(...args)),
    };
    const { add, subscribe, settle, counts, clock: own } = open({}, queue);
    await add(message('1'));
    subscribe();
    settle('1', 'handled');
    own.advance(5_000);
    expect(await counts()).to.include({ waiting: 1 });
    isFull = false;
    own.advance(1_000);
    expect(await counts()).to.include({ waiting: 0 });
  });

  it('tells the queue nothing of a later item before what it could not be told of an earlier one', async () => {
    const clock = virtualClock();
    const real = memoryQueue({ scheduler: clock });
    const heard: string[] = [];
    let isFull = true;
    const full = new ChatError('overflow', 'lmdb', 'the disk is full', { retryable: true });
    const { settle, ...desk } = open(
      { scheduler: clock },
      {
        ...asFields(real),
        // Each writes for 10 ms, one after the other.
        ack: (leased) =>
          timer(leased.place * 10, clock).pipe(
            mergeMap(() => {
              if (isFull && leased.item.id === '1') return throwError(() => full);
              heard.push(leased.item.id);
              return real.ack(leased);
            }),
          ),
      },
    );
    await desk.add(message('1'), message('2'), message('3'), message('other', 'c2'));
    desk.subscribe();
    settle('1', 'handled');
    settle('2', 'handled');
    settle('other', 'handled');
    clock.advance(500);
    settle('3', 'handled');
    clock.advance(400);
    expect(heard).to.deep.equal(['other']);
    isFull = false;
    clock.advance(1_000);
    expect(heard).to.deep.equal(['other', '1', '2', '3']);
    expect(await desk.counts()).to.include({ waiting: 0 });
  });

  it('cancels what is open when it lost the lease, and asks for the queue again', async () => {
    const clock = virtualClock();
    const { queue, lost } = losable(clock);
    const { add, subscribe, ids, accounts, clock: own } = open({}, queue);
    await add(message('1'));
    subscribe();
    lost.error(new ChatError('conflict', 'lmdbQueue', 'the lease of in is over'));
    expect(accounts.explain('1')[0]).to.include({ outcome: 'shed' });
    own.advance(1_000);
    expect(ids()).to.equal('1 1');
  });

  for (const where of ['in memory', 'in a store'] as const) {
    it(`takes nothing for done that was open when it lost the lease, with dedupe ${where}`, async () => {
      const clock = virtualClock();
      const { real, queue, lost } = losable(clock);
      const store = where === 'in a store' ? { store: memoryStore({ scheduler: clock }) } : {};
      const seen: string[] = [];
      await firstValueFrom(real.add([message('1'), message('2', 'other')]));
      fromQueue(queue, { accounts: openAccounts({ scheduler: clock }), scheduler: clock })
        .pipe(dedupe({ scheduler: clock, ...store }))
        .subscribe((event) => {
          const worker: Holder = {
            name: 'worker',
            cancel: (trace, outcome) => {
              trace.release(worker, outcome);
            },
          };
          traceOf(event)?.hold(worker);
          seen.push(event.id);
          if (seen.length === 2) traceOf(event)?.touch();
        });
      lost.error(new ChatError('conflict', 'lmdbQueue', 'the lease of in is over'));
      clock.advance(1_000);
      // Of the other one something went out.
      expect(seen).to.deep.equal(['1', '2', '1']);
    });
  }

  it('tells the queue once more, when unsubscribed, what it could not be told', async () => {
    const clock = virtualClock();
    const real = memoryQueue({ scheduler: clock });
    let isFull = true;
    const full = new ChatError('overflow', 'lmdb', 'the disk is full', { retryable: true });
    const queue: Queue<InboundEvent> = {
      ...asFields(real),
      ack: (...args) => (isFull ? throwError(() => full) : real.ack(...args)),
    };
    const { add, subscribe, settle, counts } = open({}, queue);
    await add(message('1'), message('2'));
    const subscription = subscribe();
    settle('1', 'handled', true);
    settle('2', 'handled', true);
    isFull = false;
    subscription.unsubscribe();
    expect(await counts()).to.include({ waiting: 0, letters: 0 });
  });

  it('hands a resubmitted event through dedupe, once', async () => {
    const { queue, accounts, clock, add } = open();
    const replies: string[] = [];
    await add(message('1'));
    fromQueue(queue, { accounts, scheduler: clock, attempts: 1, forMs: 0 })
      .pipe(
        dedupe(),
        react(({ id }) => {
          replies.push(id);
          if (replies.length === 1) return [text('x'), text('y')];
          return undefined;
        }),
      )
      .subscribe((action) => {
        traceOf(action)?.touch();
        traceOf(action)?.conclude('failed', 'half of it');
      });
    clock.advance(0);
    const [letter] = await firstValueFrom(queue.letters());
    expect(letter).to.include({ outcome: 'failed', touched: true });
    await firstValueFrom(queue.resubmit(letter?.letter ?? 0));
    clock.advance(0);
    expect(replies).to.deep.equal(['1', '1']);
    expect(await firstValueFrom(queue.counts())).to.include({ waiting: 0, letters: 0 });
  });

  for (const [wrong, sentence] of [
    [{ maxInFlight: 0 }, 'fromQueue: maxInFlight must be at least 1, got 0'],
    [{ perKey: 0 }, 'fromQueue: perKey must be at least 1, got 0'],
    [{ attempts: 0 }, 'fromQueue: attempts must be at least 1, got 0'],
    [{ forMs: -1 }, 'fromQueue: forMs must be at least 0, got -1'],
    [{ delayMs: 0 }, 'fromQueue: delayMs must be above 0, got 0'],
    [{ maxDelayMs: NaN }, 'fromQueue: maxDelayMs must be above 0, got NaN'],
  ] as const) {
    it(`refuses ${JSON.stringify(wrong)}`, () => {
      expect(() => fromQueue(memoryQueue(), wrong)).to.throw(RangeError, sentence);
    });
  }
});

const none = (): never => {
  throw new Error('nothing was handed out');
};
