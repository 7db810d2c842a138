import { firstValueFrom, type SchedulerLike } from 'rxjs';
import type { MessageEvent } from '../model/index.js';
import type { Queue, QueueLimits } from '../queue/queue.js';
import { letterContract } from './queue-contract-letters.js';
import { equal, kindOf, QueueDesk, said } from './queue-desk.js';
import type { SpecRunner } from './store-contract.js';
import { virtualClock } from './virtual-clock.js';

/** Makes an empty queue that is nobody else's, with a clock and limits. */
export type MakeQueue = (
  scheduler: SchedulerLike,
  limits: QueueLimits,
) => Queue<MessageEvent> | Promise<Queue<MessageEvent>>;

/** What a spec of the contract gets. */
export interface QueueSpec {
  readonly queue: Queue<MessageEvent>;
  readonly add: (...ids: readonly string[]) => Promise<readonly number[]>;
  readonly advance: (ms: number) => void;
}

/** @internal */
export type QueueSpecs = (title: string, body: (spec: QueueSpec) => Promise<void>, limits?: QueueLimits) => void;

/** What every `Queue` must do, as specs. `make` is called for each spec; its queue is of events. */
export const queueContract = ({ describe, it }: SpecRunner, make: MakeQueue): void => {
  const spec: QueueSpecs = (title, body, limits = {}) => {
    it(title, async () => {
      const clock = virtualClock();
      const queue = await make(clock, limits);
      await body({
        queue,
        add: async (...ids) => firstValueFrom(queue.add(ids.map(said))),
        advance: (ms) => {
          clock.advance(ms);
        },
      });
    });
  };

  describe('the queue contract', () => {
    spec('hands out what was added, in order, as it was', async ({ queue, add, advance }) => {
      advance(1_000);
      const places = await add('a1', 'b1', 'a2');
      const desk = new QueueDesk(queue);
      equal(await desk.settled(), 'a1 b1 a2');
      equal(
        desk.seen.map(({ item }) => item),
        ['a1', 'b1', 'a2'].map(said),
      );
      equal(
        desk.seen.map(({ place }) => place),
        places,
      );
      equal(
        [...places].sort((a, b) => a - b),
        places,
      );
      const { key, addedAt, attempt, firstAttemptAt, resubmitted } = desk.get('a2');
      const at = '1970-01-01T00:00:01.000Z';
      equal(
        { key, addedAt, attempt, firstAttemptAt, resubmitted },
        {
          key: 'desk::a',
          addedAt: at,
          attempt: 1,
          firstAttemptAt: at,
          resubmitted: 0,
        },
      );
      desk.leave();
    });

    spec('hands out what is added later', async ({ queue, add }) => {
      const desk = new QueueDesk(queue);
      equal(await desk.settled(), '');
      await add('a1');
      await add('b1');
      equal(await desk.settled(), 'a1 b1');
      desk.leave();
    });

    spec('acts when subscribed, each time again', async ({ queue }) => {
      const adding = queue.add(said('a1'));
      equal((await firstValueFrom(queue.counts())).waiting, 0);
      const [first] = await firstValueFrom(adding);
      const [second] = await firstValueFrom(adding);
      equal((second ?? 0) > (first ?? 0), true);
      equal((await firstValueFrom(queue.counts())).waiting, 2);
    });

    spec('keeps what is not acknowledged, and forgets what is', async ({ queue, add }) => {
      await add('a1', 'a2', 'a3');
      const first = new QueueDesk(queue);
      await first.settled();
      await first.ack('a1', 'a2');
      first.leave();
      const second = new QueueDesk(queue);
      equal(await second.settled(), 'a3');
      await second.ack('a3');
      equal(await firstValueFrom(queue.counts()), {
        waiting: 0,
        inFlight: 0,
        letters: 0,
        bytes: 0,
        damaged: 0,
        expired: 0,
      });
      second.leave();
    });

    spec('hands out at most `perKey` of a conversation, and others meanwhile', async ({ queue, add }) => {
      await add('a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1');
      const desk = new QueueDesk(queue, { perKey: 2 });
      equal(await desk.settled(), 'a1 a2 b1 b2 c1');
      await desk.ack('a2');
      equal(await desk.settled(), 'a1 a2 b1 b2 c1 a3');
      await desk.ack('a1', 'a3');
      equal(await desk.settled(), 'a1 a2 b1 b2 c1 a3 a4');
      desk.leave();
    });

    spec('hands out at most `maxInFlight`', async ({ queue, add }) => {
      await add('a1', 'b1', 'c1', 'd1');
      const desk = new QueueDesk(queue, { maxInFlight: 2 });
      equal(await desk.settled(), 'a1 b1');
      equal((await firstValueFrom(queue.counts())).inFlight, 2);
      await desk.ack('b1');
      equal(await desk.settled(), 'a1 b1 c1');
      desk.leave();
    });

    spec('keeps the order when items are acknowledged while they are handed out', async ({ queue, add }) => {
      await add('a1', 'a2', 'b1', 'a3', 'b2', 'b3');
      const desk = new QueueDesk(queue, { perKey: 1, maxInFlight: 2 }, (leased) => {
        queue.ack(leased).subscribe({ error: () => undefined });
      });
      const ids = (await desk.settled()).split(' ');
      equal(ids.filter((id) => id.startsWith('a')).join(' '), 'a1 a2 a3');
      equal(ids.filter((id) => id.startsWith('b')).join(' '), 'b1 b2 b3');
      desk.leave();
    });

    spec('hands out again, in order, what its consumer did not give back', async ({ queue, add }) => {
      await add('a1', 'b1', 'a2', 'a3');
      const first = new QueueDesk(queue, { perKey: 2 });
      await first.settled();
      await first.ack('b1');
      first.leave();
      await add('a4');
      const second = new QueueDesk(queue);
      equal(await second.settled(), 'a1 a2 a3 a4');
      equal(second.get('a1').attempt, 1);
      second.leave();
    });

    spec('has one consumer; the next one waits until that one ends', async ({ queue, add }) => {
      await add('a1', 'a2');
      const first = new QueueDesk(queue, { maxInFlight: 1 });
      const second = new QueueDesk(queue);
      const third = new QueueDesk(queue);
      equal(await first.settled(), 'a1');
      equal(await second.settled(), '');
      second.leave();
      first.leave();
      equal(await third.settled(), 'a1 a2');
      third.leave();
    });

    spec('tells who has it: not before that is known, and whenever it changes', async ({ queue, add }) => {
      await add('a1');
      const told: string[][] = [];
      const desk = (): QueueDesk => {
        const mine: string[] = [];
        told.push(mine);
        return new QueueDesk(queue, { holder: (who) => mine.push(who) }, ({ item }) => mine.push(item.id));
      };
      const [first, second] = [desk(), desk()];
      await second.settled();
      const third = desk();
      await third.settled();
      equal(told, [['us', 'a1'], ['others'], ['others']]);
      second.leave();
      first.leave();
      await third.settled();
      equal(told, [['us', 'a1'], ['others'], ['others', 'us', 'a1']]);
      third.leave();
      const fourth = desk();
      await fourth.settled();
      equal(told[3], ['us', 'a1']);
      fourth.leave();
    });

    spec('takes nothing back from whose lease is over', async ({ queue, add }) => {
      await add('a1');
      const first = new QueueDesk(queue);
      await first.settled();
      first.leave();
      equal(await kindOf(first.ack('a1')), 'conflict');
      const second = new QueueDesk(queue);
      await second.settled();
      equal(await kindOf(first.ack('a1')), 'conflict');
      equal(await kindOf(firstValueFrom(queue.return(first.get('a1')))), 'conflict');
      await second.ack('a1');
      equal(await kindOf(second.ack('a1')), 'conflict');
      second.leave();
    });

    spec('takes back an item with all behind it, in order, and counts the attempt', async ({ queue, add }) => {
      await add('a1', 'a2', 'b1', 'a3');
      const desk = new QueueDesk(queue, { perKey: 2 });
      equal(await desk.settled(), 'a1 a2 b1');
      equal(await firstValueFrom(queue.return(desk.get('a1'))), true);
      equal(await desk.settled(), 'a1 a2 b1 a1 a2');
      equal([desk.get('a1').attempt, desk.get('a2').attempt], [2, 1]);
      desk.leave();
      const next = new QueueDesk(queue);
      equal(await next.settled(), 'a1 a2 b1 a3');
      equal([next.get('a1').attempt, next.get('a2').attempt], [2, 1]);
      next.leave();
    });

    spec('returns the last of a conversation only, when asked to', async ({ queue, add }) => {
      await add('a1', 'a2', 'b1');
      const desk = new QueueDesk(queue);
      await desk.settled();
      equal(await firstValueFrom(queue.return(desk.get('a1'), { ifLast: true })), false);
      equal(await firstValueFrom(queue.return(desk.get('b1'), { ifLast: true })), true);
      await desk.ack('a2');
      equal(await firstValueFrom(queue.return(desk.get('a1'), { ifLast: true })), false);
      equal(await desk.settled(), 'a1 a2 b1 b1');
      desk.leave();
    });

    spec('pauses a conversation whose item was returned, and no other', async ({ queue, add, advance }) => {
      await add('a1', 'b1');
      const desk = new QueueDesk(queue);
      await desk.settled();
      await firstValueFrom(queue.return(desk.get('a1'), { afterMs: 1_000 }));
      await add('a2', 'b2');
      advance(999);
      equal(await desk.settled(), 'a1 b1 b2');
      advance(1);
      equal(await desk.settled(), 'a1 b1 b2 a1 a2');
      equal(desk.get('a1').firstAttemptAt, '1970-01-01T00:00:00.000Z');
      desk.leave();
    });

    spec(
      'refuses what is beyond its limit of items, all of it, and has room again afterwards',
      async ({ queue, add }) => {
        await add('a1', 'a2');
        equal(await kindOf(add('a3', 'a4')), 'overflow');
        await add('a3');
        equal(await kindOf(add('a4')), 'overflow');
        const desk = new QueueDesk(queue);
        equal(await desk.settled(), 'a1 a2 a3');
        await desk.ack('a1');
        await add('a4');
        desk.leave();
      },
      { maxItems: 3 },
    );

    spec(
      'refuses what is beyond its limit of bytes',
      async ({ queue, add }) => {
        await add('a1', 'a2');
        const { bytes } = await firstValueFrom(queue.counts());
        equal(bytes > 0 && bytes <= 600, true);
        equal(await kindOf(add('a3', 'a4', 'a5')), 'overflow');
        equal((await firstValueFrom(queue.counts())).bytes, bytes);
      },
      { maxBytes: 600 },
    );

    spec(
      'refuses an item that is too large',
      async ({ queue, add }) => {
        equal(await kindOf(firstValueFrom(queue.add({ ...said('a1'), text: 'x'.repeat(1_000) }))), 'overflow');
        await add('a1');
      },
      { maxItemBytes: 1_000 },
    );

    spec(
      'writes together with an acknowledgement, all or nothing',
      async ({ queue, add }) => {
        await add('a1', 'a2');
        const desk = new QueueDesk(queue);
        await desk.settled();
        const tooMany = queue.adding(['b1', 'b2', 'b3'].map(said));
        equal(await kindOf(firstValueFrom(queue.ack(desk.get('a1'), { together: [tooMany] }))), 'overflow');
        equal((await firstValueFrom(queue.counts())).waiting, 2);
        await firstValueFrom(queue.ack(desk.get('a1'), { together: [queue.adding(said('b1'))] }));
        equal(await desk.settled(), 'a1 a2 b1');
        equal((await firstValueFrom(queue.counts())).waiting, 2);
        desk.leave();
      },
      { maxItems: 4 },
    );

    letterContract(spec);
  });
};
