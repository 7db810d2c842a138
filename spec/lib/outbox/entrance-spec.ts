import { expect } from 'chai';
import { firstValueFrom, map, mergeMap, Subject, throwError, timer } from 'rxjs';
import {
  ChatError,
  delivered,
  memoryStore,
  openAccounts,
  react,
  text,
  type InboundEvent,
  type Receipt,
} from 'tidewire';
import { fromQueue, memoryQueue, outbox, type Queue } from 'tidewire/queue';
import { virtualClock } from 'tidewire/testing';
import type { OutboundAction } from 'tidewire';
import { message } from '../../support/events.js';
import { asFields } from '../../support/queue-model.js';

/** An outbox whose queue takes 10 ms for everything, and refuses what `isRefused` says. */
const open = (isRefused: (action: OutboundAction) => boolean, isRetryable = true) => {
  const clock = virtualClock();
  const accounts = openAccounts({ scheduler: clock });
  const inbox = memoryQueue({ name: 'in', scheduler: clock });
  const real = memoryQueue<OutboundAction>({ name: 'out', scheduler: clock });
  const full = new ChatError('overflow', 'lmdb', 'the disk is full', { retryable: isRetryable });
  const queue: Queue<OutboundAction> = {
    ...asFields(real),
    add: (items) =>
      timer(10, clock).pipe(
        mergeMap(() => ([items].flat().some(isRefused) ? throwError(() => full) : real.add(items))),
      ),
  };
  const sent: string[] = [];
  const receipts: Receipt[] = [];
  const events = new Subject<InboundEvent>();
  const out = outbox({ queue, store: memoryStore({ scheduler: clock }), accounts, scheduler: clock }, (actions) =>
    actions.pipe(
      map((action) => {
        sent.push(action.id);
        return delivered(action, '');
      }),
    ),
  );
  const answer = react((event: InboundEvent) => text(event.id), { scheduler: clock });
  const run = (source: typeof events | ReturnType<typeof fromQueue<InboundEvent>>) =>
    source.pipe(answer, out).subscribe((receipt) => receipts.push(receipt));
  const subscription = run(fromQueue(inbox, { accounts, scheduler: clock }));
  return { clock, accounts, inbox, sent, receipts, events, run, subscription };
};

describe('the entrance of an outbox', () => {
  it('tries again in its place what is refused of an event that is safe; what comes behind it waits', async () => {
    let isFull = true;
    const { clock, inbox, sent } = open(({ id }) => isFull && id === '1#1');
    await firstValueFrom(inbox.add([message('1'), message('2'), message('other', 'c2')]));
    clock.advance(5_500);
    await firstValueFrom(inbox.add(message('3')));
    clock.advance(100);
    expect(sent).to.deep.equal(['other#1']);
    isFull = false;
    clock.advance(1_000);
    expect(sent).to.deep.equal(['other#1', '1#1', '2#1', '3#1']);
    expect(await firstValueFrom(inbox.counts())).to.include({ waiting: 0, letters: 0 });
  });

  it('skips what is taken back while it waits for room, and keeps the order of the rest', async () => {
    let isFull = true;
    const { clock, accounts, inbox, sent, receipts } = open(({ id }) => isFull && id === '1#1');
    await firstValueFrom(inbox.add([message('1'), message('2')]));
    clock.advance(100);
    accounts
      .open()
      .find(({ id }) => id === '1')
      ?.cancel('handedOff');
    clock.advance(1_000);
    expect(receipts.map(({ status, action }) => `${status} ${action.id}`)).to.deep.equal([
      'skipped 1#1',
      'delivered 2#1',
    ]);
    isFull = false;
    await firstValueFrom(inbox.add(message('3')));
    clock.advance(1_000);
    expect(sent).to.deep.equal(['2#1', '3#1']);
  });

  it('tells whoever has nothing safe at once that it is refused', () => {
    const { clock, events, run, receipts } = open(() => true);
    run(events);
    events.next(message('1'));
    clock.advance(10);
    expect(receipts.map(({ status }) => status)).to.deep.equal(['failed']);
  });

  it('parks the event of what the queue never takes', async () => {
    const { clock, inbox, receipts } = open(({ id }) => id === '1#1', false);
    await firstValueFrom(inbox.add([message('1'), message('2')]));
    clock.advance(100);
    expect(receipts.map(({ status, action }) => `${status} ${action.id}`)).to.deep.equal([
      'failed 1#1',
      'delivered 2#1',
    ]);
    expect(await firstValueFrom(inbox.counts())).to.include({ letters: 1 });
  });

  it('lets go of what waits when nobody listens any more', async () => {
    const { clock, inbox, accounts, subscription } = open(() => true);
    await firstValueFrom(inbox.add([message('1'), message('2')]));
    clock.advance(100);
    subscription.unsubscribe();
    expect(accounts.counts()).to.include({ inFlight: 0 });
    expect(await firstValueFrom(inbox.counts())).to.include({ waiting: 2 });
  });
});
