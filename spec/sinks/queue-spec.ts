import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { concatMap, delay, firstValueFrom, of, Subject, tap, throwError, type Observable } from 'rxjs';
import { accounted, ChatError, openAccounts, traceOf, type InboundEvent } from 'tidewire';
import { lmdbQueue } from 'tidewire/lmdb';
import { memoryQueue, toQueue, type Queue, type QueueReceipt } from 'tidewire/queue';
import { userlikeSimulator } from 'tidewire/simulators';
import { marbles, virtualClock } from 'tidewire/testing';
import { fromUserlike, userlikeWebhook } from 'tidewire/userlike';
import { message } from '../support/events.js';
import { Temporary } from '../support/temporary.js';

const a = message('a');
const b = message('b');
const FULL = new ChatError('overflow', 'lmdb', 'the disk is full');

/** A queue whose `add` is another one. */
const adding = (add: (item: InboundEvent) => Observable<readonly number[]>): Queue<InboundEvent> => {
  const queue = memoryQueue();
  return Object.assign(queue, { add: (item: InboundEvent) => add(item) });
};

describe('toQueue', () => {
  it(
    'tells of each item when the queue has it safe',
    marbles(({ hot, expectObservable }) => {
      const source = hot('   -a-b-----|', { a, b });
      const queue = adding(({ id }) => of([id === 'a' ? 1 : 2]).pipe(delay(id === 'a' ? 2 : 3)));
      const expected = '     ---a--b--|';

      expectObservable(source.pipe(toQueue(queue))).toBe(expected, {
        a: { status: 'queued', item: a, place: 1, at: '1970-01-01T00:00:00.003Z' },
        b: { status: 'queued', item: b, place: 2, at: '1970-01-01T00:00:00.006Z' },
      });
    }),
  );

  it(
    'tells of what the queue refuses, goes on, and completes when the last is told',
    marbles(({ cold, expectObservable }) => {
      const source = cold('  -a-(b|)', { a, b });
      const queue = adding(({ id }) => (id === 'a' ? throwError(() => FULL) : of([2]).pipe(delay(4))));
      const expected = '     -a-----(b|)';

      expectObservable(source.pipe(toQueue(queue))).toBe(expected, {
        a: { status: 'failed', item: a, error: FULL, at: '1970-01-01T00:00:00.001Z' },
        b: { status: 'queued', item: b, place: 2, at: '1970-01-01T00:00:00.007Z' },
      });
    }),
  );

  it(
    'passes on an error of the source',
    marbles(({ hot, expectObservable }) => {
      const source = hot<InboundEvent>('-#');
      expectObservable(source.pipe(toQueue(memoryQueue()))).toBe('-#');
    }),
  );

  const settled = (queue: Queue<InboundEvent>) => {
    const scheduler = virtualClock();
    const accounts = openAccounts({ scheduler });
    const source = new Subject<InboundEvent>();
    const receipts: QueueReceipt<InboundEvent>[] = [];
    const subscription = source
      .pipe(accounted('source', { accounts }), toQueue(queue, { scheduler }))
      .subscribe((receipt) => receipts.push(receipt));
    return { accounts, source, receipts, subscription };
  };

  it('settles an event when the queue has it safe, not before', () => {
    const safe = new Subject<readonly number[]>();
    const { accounts, source } = settled(adding(() => safe));
    source.next(a);
    expect(accounts.explain('a')[0]).to.include({ state: 'open' });
    safe.next([1]);
    expect(accounts.explain('a')[0]).to.include({ state: 'settled', outcome: 'queued' });
  });

  it('settles as failed what the queue refuses', () => {
    const { accounts, source } = settled(adding(() => throwError(() => FULL)));
    source.next(a);
    expect(accounts.explain('a')[0]).to.include({
      outcome: 'failed',
      touched: false,
      reason: 'lmdb: the disk is full',
    });
  });

  it('settles what is being written at unsubscription as it ends', () => {
    const safe = new Subject<readonly number[]>();
    const { accounts, source, subscription, receipts } = settled(adding(() => safe));
    source.next(a);
    subscription.unsubscribe();
    expect(accounts.explain('a')[0]).to.include({ state: 'open' });
    safe.next([1]);
    expect(accounts.explain('a')[0]).to.include({ outcome: 'queued' });
    expect(receipts).to.deep.equal([]);
  });

  it('writes nothing of what is cancelled', () => {
    const queue = memoryQueue();
    const scheduler = virtualClock();
    const accounts = openAccounts({ scheduler });
    const receipts: string[] = [];
    of(a)
      .pipe(
        accounted('source', { accounts }),
        concatMap((event) => {
          traceOf(event)?.cancel('handedOff');
          return [event];
        }),
        toQueue(queue),
      )
      .subscribe(({ status }) => receipts.push(status));
    expect(receipts).to.deep.equal(['skipped']);
    expect(accounts.explain('a')[0]).to.include({ outcome: 'handedOff' });
  });

  it('keeps the trace out of the queue', async () => {
    const queue = memoryQueue();
    const { source } = settled(queue);
    source.next(a);
    const { item } = await firstValueFrom(queue.lease());
    expect(traceOf(item)).to.equal(undefined);
  });
});

describe('a webhook in front of a queue', () => {
  const temporary = new Temporary();
  const headers = { 'API-SECURITY-TOKEN': 'secret' };
  const closings: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closings.splice(0).reverse()) await close();
    await temporary.clear();
  });

  /** A platform, a webhook whose time is virtual, and a queue behind it. */
  const start = async (queue: Queue<InboundEvent>) => {
    const clock = virtualClock();
    const webhook = userlikeWebhook({ headers, accounts: openAccounts({ scheduler: clock }), scheduler: clock });
    const server = createServer(webhook.node).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const simulator = await userlikeSimulator({ webhook: { url: `http://127.0.0.1:${port}/`, headers } });
    closings.push(() => server.close(), simulator.close);
    const arrived = new Subject<InboundEvent>();
    fromUserlike({ webhook }).pipe(tap(arrived), toQueue(queue)).subscribe();
    const answers = (): readonly number[] =>
      simulator.journal.flatMap((entry) => (entry.kind === 'answered' ? [entry.status] : []));
    const kim = simulator.contact('Kim', 'whatsapp_business');
    const lea = simulator.contact('Lea', 'whatsapp_business');
    return { clock, kim, lea, answers, arrived, webhook };
  };

  it('answers 200 when the event is on the disk', async () => {
    const queue = lmdbQueue({ file: temporary.file(), name: 'in' });
    const { kim, answers } = await start(queue);
    await kim.say('Hello');
    expect(answers()).to.deep.equal([200]);
    const { item } = await firstValueFrom(queue.lease());
    expect(item).to.deep.include({ kind: 'started' });
  });

  it('does not answer before, however long that takes, not even when it is stopped', async () => {
    const safe = new Subject<readonly number[]>();
    let isFirst = true;
    const queue = adding(() => {
      const result = isFirst ? safe : of([2]);
      isFirst = false;
      return result;
    });
    const { clock, kim, lea, answers, arrived, webhook } = await start(queue);
    const asked = firstValueFrom(arrived);
    const said = kim.say('Hello');
    await asked;
    clock.advance(60_000);
    // Who comes later is answered: what would have been answered before it has been.
    await lea.say('Hello');
    expect(answers()).to.deep.equal([200]);
    const drained = webhook.drain(1_000);
    await lea.say('Hello?');
    expect(answers()).to.deep.equal([200, 503]);
    safe.next([1]);
    await said;
    expect(answers()).to.deep.equal([200, 503, 200]);
    expect(await drained).to.deep.include({ inFlight: 0 });
  });

  it('answers 503 when the queue refuses it', async () => {
    const { kim, answers } = await start(adding(() => throwError(() => FULL)));
    await kim.say('Hello');
    expect(answers()).to.deep.equal([503]);
  });
});
