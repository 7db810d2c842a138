import { expect } from 'chai';
import { Picking } from '../../../lib/queue/picking.js';

/** Places 1 to `count` of one conversation, or of the one that `key` says. */
const shelf =
  (count: number, key: (place: number) => string = () => 'a') =>
  (after: number, limit: number): readonly (readonly [number, string])[] => {
    const found: [number, string][] = [];
    for (let place = after + 1; place <= count && found.length < limit; place++) found.push([place, key(place)]);
    return found;
  };
const places = (picked: readonly { readonly place: number }[]): readonly number[] => picked.map(({ place }) => place);

describe('Picking', () => {
  it('passes over what has to wait, and reads each place once', () => {
    const picking = new Picking(1);
    const all = shelf(6, (place) => (place < 5 ? 'a' : 'b'));
    let reads = 0;
    const readOn = (after: number, limit: number): readonly (readonly [number, string])[] => {
      const found = all(after, limit);
      reads += found.length;
      return found;
    };
    expect(places(picking.take(9, 6, readOn))).to.deep.equal([1, 5]);
    for (let place = 2; place <= 4; place++) {
      picking.settled('a', place - 1);
      expect(places(picking.take(9, 6, readOn))).to.deep.equal([place]);
    }
    expect(reads).to.equal(6);
  });

  it('does not look again where it found nothing', () => {
    const picking = new Picking(1);
    expect(picking.take(9, 40, () => [])).to.deep.equal([]);
    expect(picking.cursor).to.equal(40);
  });

  it('stops reading on when too much has to wait, and goes on when that is less', () => {
    const picking = new Picking(1);
    const many = shelf(200_000, (place) => (place <= 100_002 ? 'a' : 'b'));
    expect(places(picking.take(9, 200_000, many))).to.deep.equal([1]);
    expect([picking.cursor, picking.mayRead]).to.deep.equal([100_001, false]);
    picking.settled('a', 1);
    expect(places(picking.take(1, 200_000, many))).to.deep.equal([2]);
    expect(picking.mayRead).to.equal(true);
  });

  it('takes turns between conversations that have more than they may', () => {
    const picking = new Picking(1);
    const all = shelf(8, (place) => (place % 2 === 1 ? 'a' : 'b'));
    picking.take(9, 8, all);
    picking.settled('a', 1);
    picking.settled('b', 2);
    expect(places(picking.take(9, 8, all))).to.deep.equal([3, 4]);
  });

  it('hands out again what it took in a transaction that was lost, and nothing that was out before', () => {
    const picking = new Picking(3);
    expect(places(picking.take(2, 5, shelf(5)))).to.deep.equal([1, 2]);
    expect(places(picking.take(9, 5, shelf(5)))).to.deep.equal([3]);
    picking.untake('a', 3);
    picking.startAgain();
    expect(places(picking.take(9, 5, shelf(5)))).to.deep.equal([3]);
    picking.settled('a', 1);
    expect(places(picking.take(9, 5, shelf(5)))).to.deep.equal([4]);
  });

  it('knows whether something was handed out behind a place', () => {
    const picking = new Picking(3);
    picking.take(2, 5, shelf(5));
    expect([picking.isLast('a', 1), picking.isLast('a', 2)]).to.deep.equal([false, true]);
    picking.settled('a', 2);
    expect(picking.isLast('a', 1)).to.equal(false);
  });
});
