import { expect } from 'chai';
import { firstValueFrom, map, mergeMap, Subject, throwError, type Observable, type Subscription } from 'rxjs';
import { ChatError, dedupe, delivered, memoryStore, react, text, type Replies, type Store } from 'tidewire';
import { lmdbQueue, lmdbStore, type LmdbStore } from 'tidewire/lmdb';
import { fromQueue, outbox } from 'tidewire/queue';
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

  const full = new ChatError('overflow', 'lmdb', 'the disk is full', { retryable: true });
  const stateIn = async (store: Store): Promise<unknown> =>
    (await firstValueFrom(store.scan('')))
      .filter(({ key }) => key.includes('/dedupe/'))
      .map(({ value }) => (value as { readonly state?: unknown }).state)[0];

  it('knows an event as handled when the queue is done with it, and not before', async () => {
    const clock = virtualClock();
    const file = temporary.file();
    const store = lmdbStore({ file });
    const queue = lmdbQueue({ file, name: 'in' });
    let isFull = true;
    let refused = 0;
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

  /** A pipe that answers as a whole, whose inbox refuses what becomes of an event. */
  const answering = async (
    store: Store | undefined,
    error: ChatError,
    replies: () => Replies = () => text('x'),
    through = (claims: Store): Store => claims,
  ) => {
    const clock = virtualClock();
    const file = temporary.file();
    const own = lmdbStore({ file });
    const inbox = lmdbQueue({ file, name: 'in' });
    const written = (): Promise<unknown> => firstValueFrom(own.put('later', 1));
    const world = { clock, store: store ?? own, written, isRefused: true, refused: 0, sent: 0 };
    const refusing = {
      ...asFields(inbox),
      ack: (...args: Parameters<typeof inbox.ack>) => {
        if (!world.isRefused) return inbox.ack(...args);
        world.refused++;
        return throwError(() => error);
      },
    };
    await firstValueFrom(inbox.add(message('1')));
    running = fromQueue(refusing, { scheduler: clock })
      .pipe(
        dedupe({ store: through(world.store), scheduler: clock }),
        react(replies, { scheduler: clock }),
        outbox({ queue: lmdbQueue({ file, name: 'out', holds: 'actions' }), store: own, mode: 'whole' }, (actions) =>
          actions.pipe(
            map((action) => {
              world.sent++;
              return delivered(action, '');
            }),
          ),
        ),
      )
      .subscribe();
    return world;
  };
  const answer = async (store: Store | undefined, error: ChatError) => {
    const world = await answering(store, error);
    await eventually('it is handled', () => world.refused === 1);
    await world.written();
    return world;
  };

  it('knows an event as handled in a store elsewhere when what it made is safe, and not before', async () => {
    const world = await answer(memoryStore(), full);
    expect(await stateIn(world.store)).to.equal('claimed');
    world.isRefused = false;
    world.clock.advance(1_000);
    await eventually('it is sent', () => world.sent === 1);
    expect(await stateIn(world.store)).to.equal('committed');
  });

  for (const where of ['in the same file', 'elsewhere'] as const) {
    it(`gives an event back whose actions are not written since another process has the queue, ${where}`, async () => {
      const lost = new ChatError('conflict', 'lmdbQueue', 'the lease of in is over');
      const world = await answer(where === 'elsewhere' ? memoryStore() : undefined, lost);
      expect(await stateIn(world.store)).to.equal(undefined);
    });
  }

  /** The claim is written at once, and renewed when `heard` says so. */
  const renewing =
    (heard: Observable<unknown>, begun: () => void) =>
    (store: Store | LmdbStore): Store => {
      let puts = 0;
      return {
        get: (key) => store.get(key),
        put: (key, value, options) => {
          const put = store.put(key, value, options);
          if (++puts !== 2) return put;
          begun();
          return heard.pipe(mergeMap(() => put));
        },
        delete: (key, options) => store.delete(key, options),
        scan: (prefix) => store.scan(prefix),
        forget: (prefix) => store.forget(prefix),
        ...('putting' in store && {
          putting: (...args: Parameters<LmdbStore['putting']>) => store.putting(...args),
        }),
      };
    };
  for (const where of ['in the same file', 'elsewhere'] as const) {
    for (const end of ['is written', 'fails'] as const) {
      it(`knows no event as handled before that where its claim was being renewed at its end, which ${end}, ${where}`, async () => {
        const handled = new Subject<string>();
        const heard = new Subject<unknown>();
        let claimed = 0;
        let renewals = 0;
        const replies = () => {
          claimed++;
          return handled.pipe(map((said) => text(said)));
        };
        const through = renewing(heard, () => renewals++);
        const world = await answering(where === 'elsewhere' ? memoryStore() : undefined, full, replies, through);
        await eventually('it is claimed', () => claimed === 1);
        world.clock.advance(20_000);
        expect(renewals).to.equal(1);
        handled.next('x');
        handled.complete();
        await eventually('it is refused', () => world.refused === 1);
        if (end === 'fails') heard.error(full);
        else heard.next(undefined);
        // Twice: what is asked for when that was written is written by then.
        await world.written();
        await world.written();
        expect(await stateIn(world.store)).to.equal('claimed');
        world.isRefused = false;
        world.clock.advance(1_000);
        await eventually('it is sent', () => world.sent === 1);
        await world.written();
        expect(await stateIn(world.store)).to.equal('committed');
      });
    }
  }
});
