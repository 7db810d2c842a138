import { expect } from 'chai';
import fc from 'fast-check';
import { isoReader, isoWriter } from '../../lib/iso-instants.js';

/** Instants near each other, from anywhere. */
const instants = fc
  .tuple(fc.double({ min: -8.63e15, max: 8.63e15, noNaN: true }), fc.array(fc.integer({ min: -3_000, max: 3_000 })))
  .map(([first, steps]) => [first, ...steps.map((step) => first + step)]);

describe('isoWriter', () => {
  it('writes what toISOString does, whatever was written before', () => {
    fc.assert(
      fc.property(instants, (list) => {
        const write = isoWriter();
        for (const ms of list) expect(write(ms)).to.equal(new Date(ms).toISOString());
      }),
    );
  });
});

describe('isoReader', () => {
  it('reads what toISOString wrote, whatever was read before', () => {
    fc.assert(
      fc.property(instants, (list) => {
        const read = isoReader();
        for (const ms of list) expect(read(new Date(ms).toISOString())).to.equal(Math.trunc(ms));
      }),
    );
  });

  it('reads everything else as Date.parse does', () => {
    const read = isoReader();
    const texts = [
      '2026-11-20T10:00:05.310Z',
      '2026-11-20T10:00:05.31xZ',
      '2026-11-20T10:00:05.3102',
      '2026-11-20T10:00:05Z',
      '2026-11-20T10:00:05.31+01:00',
      '2026-11-20T10:00:05.310000Z',
      '2026-11-20T24:00:00.000Z',
      '2026-11-20T24:00:00.001Z',
      '2026-02-30T10:00:00.001Z',
      '2026-02-30T10:00:00.002Z',
      '-262026-11-20T10:00:05.310Z',
      'abcdefghijklmnopqrst123Z',
      '',
    ];
    for (const text of [...texts, ...texts]) expect(read(text), text).to.deep.equal(Date.parse(text));
  });
});
