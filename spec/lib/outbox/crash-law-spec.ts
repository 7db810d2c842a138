import { expect } from 'chai';
import fc from 'fast-check';
import { firstValueFrom } from 'rxjs';
import { message } from '../../support/events.js';
import { countOf, OutboxWorld, type Answer, type WorldConfig } from '../../support/outbox-world.js';

const answers = fc.array(fc.constantFrom<Answer>('ok', 'ok', 'ok', 'unheard', 'unreached', 'later'), { maxLength: 12 });
const kills = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 5 });
const modes = fc.constantFrom('asTheyCome' as const, 'whole' as const);
/** Ends of the ids of events, and their conversations. */
const EVENTS = ['e1', 'e2', 'e3', 'e4', 'e5', 'e6'] as const;
const conversationOf = (event: string): string => (Number(event.slice(1)) % 2 === 0 ? 'even' : 'odd');
/** In the order in which they were said. */
const ALL = EVENTS.flatMap((event) => Array.from({ length: countOf(event) }, (_, n) => `${event}#${n + 1}`));

/** Customers write, processes die and begin anew, and at last one lives long enough. */
const live = async (config: WorldConfig, lives: readonly number[]): Promise<OutboxWorld> => {
  const world = new OutboxWorld(config);
  await firstValueFrom(world.inbox.add(EVENTS.map((event) => message(event, conversationOf(event)))));
  for (const ms of lives) {
    world.start();
    world.clock.advance(ms);
    world.kill();
  }
  world.start();
  world.clock.advance(300_000);
  return world;
};

const effectsOf = (world: OutboxWorld, id: string): number => world.effects.filter((effect) => effect.id === id).length;

/** What every world keeps. */
const check = async (world: OutboxWorld, parked: readonly string[]): Promise<void> => {
  for (const conversation of ['odd', 'even']) {
    const order = world.effects.filter((effect) => effect.conversation === conversation).map(({ id }) => id);
    const first = order.filter((id, index) => order.indexOf(id) === index);
    expect(first).to.deep.equal(ALL.filter((id) => first.includes(id)));
  }
  for (const id of ALL) if (!parked.includes(id)) expect(effectsOf(world, id), id).to.be.at.least(1);
  expect(parked.length).to.be.at.most(world.doubts);
  expect(await firstValueFrom(world.queue.counts())).to.include({ waiting: 0 });
  expect(await firstValueFrom(world.inbox.counts())).to.include({ waiting: 0 });
  expect(world.accounts.counts()).to.include({ inFlight: 0, late: 0 });
  for (const receipts of world.receipts) {
    const ids = receipts.flatMap((receipt) =>
      receipt.status === 'delivered' && receipt.via !== 'earlier' ? [receipt.action.id] : [],
    );
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).to.deep.equal([]);
  }
  // What is over and what is known about it are written at once.
  if (world.isOne) expect(world.marks).to.equal(0);
  // One receipt for each action that was made, or was found in the queue; what was written whole before is skipped.
  const found = world.accounts.bySource().get('outbox:out')?.received ?? 0;
  const last = world.receipts.at(-1) ?? [];
  const skipped = last.filter(({ status }) => status === 'skipped').length;
  expect(last.length).to.equal(world.isWhole ? found + skipped : world.made + found);
};

describe('outbox, killed at any moment', () => {
  it('has every effect once and in order, or has named the action as in doubt', async () => {
    await fc.assert(
      fc.asyncProperty(modes, answers, kills, fc.boolean(), async (mode, list, lives, isStoreElsewhere) => {
        const world = await live({ mode, answers: list, isStoreElsewhere }, lives);
        const parked = await world.parked();
        await check(world, parked);
        for (const id of ALL) expect(effectsOf(world, id), id).to.be.at.most(1);
      }),
      { numRuns: 300 },
    );
  });

  it('has every effect exactly once and in order where the platform can tell', async () => {
    await fc.assert(
      fc.asyncProperty(modes, answers, kills, fc.boolean(), async (mode, list, lives, isStoreElsewhere) => {
        const world = await live({ mode, answers: list, isStoreElsewhere, isReconciled: true }, lives);
        expect(await world.parked()).to.deep.equal([]);
        await check(world, []);
        for (const id of ALL) expect(effectsOf(world, id), id).to.equal(1);
      }),
      { numRuns: 200 },
    );
  });

  it('loses nothing with resend, and repeats what was in doubt only', async () => {
    await fc.assert(
      fc.asyncProperty(modes, answers, kills, async (mode, list, lives) => {
        const world = await live({ mode, answers: list, inDoubt: 'resend' }, lives);
        await check(world, []);
        expect(world.effects.length - ALL.length).to.be.at.most(world.doubts);
      }),
      { numRuns: 200 },
    );
  });

  it('sends what one run of a handler made, and never parts of two, with whole', async () => {
    await fc.assert(
      fc.asyncProperty(answers, kills, fc.boolean(), async (list, lives, isInboxElsewhere) => {
        const world = await live({ mode: 'whole', answers: list, isReconciled: true, isInboxElsewhere }, lives);
        await check(world, []);
        for (const event of EVENTS) {
          const runs = world.effects.flatMap(({ id, run }) => (id.startsWith(`${event}#`) ? [run] : []));
          expect(new Set(runs).size, event).to.equal(1);
        }
      }),
      { numRuns: 200 },
    );
  });
});
