import { firstValueFrom } from 'rxjs';
import type { ParkReport } from '../queue/queue.js';
import type { QueueSpecs } from './queue-contract.js';
import { equal, kindOf, QueueDesk, said } from './queue-desk.js';

const FAILED: ParkReport = { outcome: 'failed', touched: false, reason: 'no' };
const DAY = 86_400_000;

/** @internal The part of the queue's contract that is about dead letters. */
export const letterContract = (spec: QueueSpecs): void => {
  spec('makes a dead letter of what is parked, and its conversation goes on', async ({ queue, add, advance }) => {
    await add('a1', 'a2');
    const desk = new QueueDesk(queue, { perKey: 1 });
    await desk.settled();
    advance(2_000);
    equal(await firstValueFrom(queue.park(desk.get('a1'), FAILED)), true);
    equal(await desk.settled(), 'a1 a2');
    const letters = await firstValueFrom(queue.letters());
    equal(letters, [
      {
        letter: letters[0]?.letter,
        item: said('a1'),
        outcome: 'failed',
        touched: false,
        reason: 'no',
        key: 'desk::a',
        addedAt: '1970-01-01T00:00:00.000Z',
        parkedAt: '1970-01-01T00:00:02.000Z',
        attempts: 1,
        resubmitted: 0,
        holds: false,
      },
    ]);
    const { waiting, letters: parked, bytes } = await firstValueFrom(queue.counts());
    equal({ waiting, parked, isCounted: bytes > 0 }, { waiting: 1, parked: 1, isCounted: true });
    desk.leave();
  });

  spec('lists dead letters in parts', async ({ queue, add }) => {
    await add('a1', 'a2', 'a3');
    const desk = new QueueDesk(queue);
    await desk.settled();
    for (const id of ['a1', 'a2', 'a3']) await firstValueFrom(queue.park(desk.get(id), FAILED));
    const first = await firstValueFrom(queue.letters({ limit: 2 }));
    equal(
      first.map(({ item }) => item?.id),
      ['a1', 'a2'],
    );
    const rest = await firstValueFrom(queue.letters({ after: first[1]?.letter ?? 0 }));
    equal(
      rest.map(({ item }) => item?.id),
      ['a3'],
    );
    desk.leave();
  });

  for (const what of ['resubmitted', 'dropped'] as const) {
    spec(`lets a conversation wait until the letter that holds it is ${what}`, async ({ queue, add }) => {
      await add('a1', 'b1', 'a2');
      const desk = new QueueDesk(queue, { perKey: 1 });
      await desk.settled();
      await firstValueFrom(queue.park(desk.get('a1'), FAILED, { hold: true }));
      await add('a3');
      await desk.ack('b1');
      equal(await desk.settled(), 'a1 b1');
      desk.leave();
      const next = new QueueDesk(queue);
      equal(await next.settled(), '');
      const [letter] = await firstValueFrom(queue.letters());
      equal(letter?.holds, true);
      const number = letter?.letter ?? 0;
      equal(await firstValueFrom(what === 'dropped' ? queue.drop(number) : queue.resubmit(number)), true);
      equal(await next.settled(), what === 'dropped' ? 'a2 a3' : 'a2 a3 a1');
      next.leave();
    });
  }

  spec('resubmits to the end, as if it had not been tried, and tells so', async ({ queue, add }) => {
    await add('a1', 'a2');
    const desk = new QueueDesk(queue);
    await desk.settled();
    await firstValueFrom(queue.return(desk.get('a2')));
    await desk.settled();
    equal(desk.get('a2').attempt, 2);
    await firstValueFrom(queue.park(desk.get('a2'), FAILED));
    const [letter] = await firstValueFrom(queue.letters());
    equal(letter?.attempts, 2);
    equal(await firstValueFrom(queue.resubmit(letter?.letter ?? 0)), true);
    equal(await firstValueFrom(queue.resubmit(letter?.letter ?? 0)), false);
    equal(await desk.settled(), 'a1 a2 a2 a2');
    const { attempt, resubmitted } = desk.get('a2');
    equal({ attempt, resubmitted }, { attempt: 1, resubmitted: 1 });
    equal((await firstValueFrom(queue.counts())).letters, 0);
    desk.leave();
  });

  spec('drops a dead letter once, and gives its room back', async ({ queue, add }) => {
    await add('a1');
    const desk = new QueueDesk(queue);
    await desk.settled();
    await firstValueFrom(queue.park(desk.get('a1'), FAILED));
    const [letter] = await firstValueFrom(queue.letters());
    equal(await firstValueFrom(queue.drop(letter?.letter ?? 0)), true);
    equal(await firstValueFrom(queue.drop(letter?.letter ?? 0)), false);
    equal((await firstValueFrom(queue.counts())).bytes, 0);
    desk.leave();
  });

  spec(
    'drops dead letters that are too old, but none that holds its conversation',
    async ({ queue, add, advance }) => {
      await add('a1', 'b1', 'c1');
      const desk = new QueueDesk(queue);
      await desk.settled();
      await firstValueFrom(queue.park(desk.get('a1'), FAILED));
      await firstValueFrom(queue.park(desk.get('b1'), FAILED, { hold: true }));
      advance(DAY);
      await firstValueFrom(queue.park(desk.get('c1'), FAILED));
      equal(
        (await firstValueFrom(queue.letters())).map(({ item }) => item?.id),
        ['b1', 'c1'],
      );
      const { letters, expired } = await firstValueFrom(queue.counts());
      equal({ letters, expired }, { letters: 2, expired: 1 });
      desk.leave();
    },
    { retainMs: DAY },
  );

  spec(
    'drops dead letters that are too old behind any number of those that hold a conversation',
    async ({ queue, add, advance }) => {
      const desk = new QueueDesk(queue);
      const held = Array.from(
        { length: 250 },
        (_, n) => `held${String.fromCharCode(97 + (n % 26)).repeat(1 + n / 26)}1`,
      );
      await add(...held, 'a1');
      await desk.settled();
      await Promise.all(held.map((id) => firstValueFrom(queue.park(desk.get(id), FAILED, { hold: true }))));
      await firstValueFrom(queue.park(desk.get('a1'), FAILED));
      advance(DAY);
      for (const id of ['b1', 'c1', 'd1', 'e1']) {
        await add(id);
        await desk.settled();
        await firstValueFrom(queue.park(desk.get(id), FAILED));
      }
      const { letters, expired } = await firstValueFrom(queue.counts());
      equal({ letters, expired }, { letters: 254, expired: 1 });
      desk.leave();
    },
    { retainMs: DAY },
  );

  spec(
    'takes what is new in place of dead letters that are too old',
    async ({ queue, add, advance }) => {
      await add('a1', 'b1');
      const desk = new QueueDesk(queue);
      await desk.settled();
      await firstValueFrom(queue.park(desk.get('a1'), FAILED));
      await firstValueFrom(queue.park(desk.get('b1'), FAILED));
      equal(await kindOf(add('c1')), 'overflow');
      advance(DAY);
      equal(await kindOf(add('c1')), 'no error');
      const { waiting, letters, expired } = await firstValueFrom(queue.counts());
      equal({ waiting, letters, expired }, { waiting: 1, letters: 0, expired: 2 });
      desk.leave();
    },
    { retainMs: DAY, maxItems: 2 },
  );

  spec('forgets a conversation: what waits, what is out and what is parked', async ({ queue, add }) => {
    await add('a1', 'b1', 'a2', 'a3');
    const desk = new QueueDesk(queue, { perKey: 2 });
    await desk.settled();
    await firstValueFrom(queue.park(desk.get('a1'), FAILED, { hold: true }));
    await desk.settled();
    const forgotten: string[] = [];
    const telling = queue.forgotten$.subscribe({
      next: (key) => forgotten.push(key),
      error: () => forgotten.push('error'),
    });
    equal(await firstValueFrom(queue.forget(said('a').conversation)), 3);
    equal(forgotten, ['desk::a']);
    telling.unsubscribe();
    const again = queue.adding(desk.get('a2').item);
    equal(await firstValueFrom(queue.ack(desk.get('a2'), { together: [again] })), false);
    await add('a4');
    equal(await desk.settled(), 'a1 b1 a2 a4');
    equal((await firstValueFrom(queue.counts())).waiting, 2);
    equal(await firstValueFrom(queue.letters()), []);
    desk.leave();
  });
};
