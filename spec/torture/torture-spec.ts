import { expect } from 'chai';
import type { Break } from './orders.js';
import { torture } from './torture.js';

/** Machines differ in how fast they kill. */
const TIME_MS = 60_000;

describe('torture', function () {
  this.timeout(TIME_MS);

  const run = async (isBroken: Break | undefined) =>
    (await torture({ kills: 3, seed: 7, isBroken, onLife: () => undefined })).verdict;

  it('finds nothing lost, doubled or out of order in a bot that is as it should be', async () => {
    expect((await run(undefined)).faults).to.deep.equal([]);
  });

  it('finds out a bot that answers before it writes', async () => {
    expect((await run('early')).lost).to.be.greaterThan(0);
  });

  it('finds out a bot that sends without a mark', async () => {
    expect((await run('nomark')).doubled).to.be.greaterThan(0);
  });
});
