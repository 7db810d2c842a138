import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { Arrivals } from '../../../lib/lmdb/arrivals.js';
import { openEngine, type Engine } from '../../../lib/lmdb/engine.js';
import { Temporary } from '../../support/temporary.js';

describe('Arrivals', () => {
  const temporary = new Temporary();
  let engine: Engine;
  beforeEach(() => {
    engine = openEngine(join(temporary.dir(), 'data.mdb'), false);
  });
  afterEach(async () => {
    await engine.close();
    await temporary.clear();
  });
  const open = (name: string): Arrivals<string> =>
    engine.transactionSync(() => new Arrivals(engine.numbered(name), (value) => Buffer.from(value), String));

  it('answers as a map does that is sorted, within a transaction and behind it', () => {
    const operation = fc.oneof(
      fc.constant({ kind: 'put' as const }),
      fc.record({ kind: fc.constant('remove' as const), id: fc.nat(8) }),
      fc.record({ kind: fc.constant('get' as const), id: fc.nat(8) }),
      fc.record({ kind: fc.constant('after' as const), id: fc.nat(8), limit: fc.integer({ min: 1, max: 4 }) }),
    );
    let runs = 0;
    fc.assert(
      fc.property(
        fc.array(fc.array(operation, { minLength: 5, maxLength: 25 }), { maxLength: 4, size: 'max' }),
        (transactions) => {
          const table = open(`t${runs++}`);
          const model = new Map<number, string>();
          let next = 1;
          for (const operations of transactions) {
            engine.transactionSync(() => {
              for (const one of operations) {
                if (one.kind === 'put') {
                  table.put(next, `v${next}`);
                  model.set(next, `v${next}`);
                  next++;
                } else if (one.kind === 'remove') expect(table.remove(one.id)).to.equal(model.delete(one.id));
                else if (one.kind === 'get') expect(table.get(one.id)).to.equal(model.get(one.id));
                else {
                  const expected = [...model].filter(([id]) => id > one.id).slice(0, one.limit);
                  expect(table.after(one.id, one.limit)).to.deep.equal(expected);
                }
              }
            });
            table.forget();
          }
        },
      ),
      { numRuns: 100, endOnFailure: true },
    );
  });

  it('refuses what is not behind all that is there, and keeps it as it is', () => {
    const table = open('items');
    engine.transactionSync(() => {
      table.put(5, 'five');
    });
    table.forget();
    expect(() =>
      engine.transactionSync(() => {
        table.put(5, 'another');
      }),
    ).to.throw('5 is not behind what is there');
    expect(table.get(5)).to.equal('five');
  });
});
