import { expect } from 'chai';
import type { Break, Stage } from './orders.js';
import type { LifePlan } from './plan.js';
import { torture } from './torture.js';

/** Machines differ in how fast they kill. */
const TIME_MS = 180_000;

describe('torture', function () {
  this.timeout(TIME_MS);

  const run = async (isBroken?: Break, plan?: LifePlan) =>
    (await torture({ kills: 3, seed: 7, isBroken, onLife: () => undefined, ...(plan && { plan }) })).verdict;

  /** It dies at the third time of this, and not before: there is nothing left to chance. */
  const dyingAt = (stage: Stage): LifePlan => ({
    stage,
    death: { stage, count: 3, afterMs: 0 },
    killAfterMs: TIME_MS,
    jumps: [],
    roomBytes: undefined,
    mode: 'asTheyCome',
  });

  it('finds nothing lost, doubled or out of order in a bot that is as it should be', async () => {
    expect((await run()).faults).to.deep.equal([]);
  });

  for (const stage of ['answer', 'sent'] as const) {
    it(`finds nothing in it when it dies at the worst of times: ${stage}`, async () => {
      expect((await run(undefined, dyingAt(stage))).faults).to.deep.equal([]);
    });
  }

  it('finds out a bot that answers before it writes', async () => {
    expect((await run('early', dyingAt('answer'))).lost).to.be.greaterThan(0);
  });

  it('finds out a bot that sends without a mark', async () => {
    expect((await run('nomark', dyingAt('sent'))).doubled).to.be.greaterThan(0);
  });
});
