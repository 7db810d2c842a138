import { expect } from 'chai';
import { firstValueFrom, throwError, type Subscription } from 'rxjs';
import { ChatError, dedupe, react, type Store } from 'tidewire';
import { lmdbQueue, lmdbStore } from 'tidewire/lmdb';
import { fromQueue } from 'tidewire/queue';
import { virtualClock } from 'tidewire/testing';
import { message } from '../../support/events.js';
import { eventually } from '../../support/eventually.js';
import { asFields } from '../../support/queue-model.js';
import { Temporary } from '../../support/temporary.js';

describe('dedupe behind a queue of the same file', () => {
  const temporary = new Temporary();
  let running: Subscription | undefined;
  afterEach(async () => {
    running?.unsubscribe();
    await temporary.clear();
  });

  const stateIn = async (store: Store): Promise<unknown> =>
    (await firstValueFrom(store.scan('')))
      .map(({ value }) => (value as { readonly state?: unknown }).state)
      .find((state) => state !== undefined);

  it('knows an event as handled when the queue is done with it, and not before', async () => {
    const clock = virtualClock();
    const file = temporary.file();
    const store = lmdbStore({ file });
    const queue = lmdbQueue({ file, name: 'in' });
    let isFull = true;
    let refused = 0;
    const full = new ChatError('overflow', 'lmdb', 'the disk is full', { retryable: true });
    const refuse = () => {
      refused++;
      return throwError(() => full);
    };
    const filling = {
      ...asFields(queue),
      ack: (...args: Parameters<typeof queue.ack>) => (isFull ? refuse() : queue.ack(...args)),
    };
    await firstValueFrom(queue.add(message('1')));
    running = fromQueue(filling, { scheduler: clock })
      .pipe(
        dedupe({ store }),
        react(() => undefined),
      )
      .subscribe();
    await eventually('it is handled', () => refused === 1);
    // What was asked for before this is written by then.
    await firstValueFrom(store.put('later', 1));
    expect(await stateIn(store)).to.equal('claimed');
    isFull = false;
    clock.advance(1_000);
    await firstValueFrom(store.put('later', 2));
    expect(await stateIn(store)).to.equal('committed');
    expect(await firstValueFrom(queue.counts())).to.include({ waiting: 0 });
  });
});
