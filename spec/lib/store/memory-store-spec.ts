import { expect } from 'chai';
import { ChatError, memoryStore } from 'tidewire';
import { storeContract, virtualClock } from 'tidewire/testing';

describe('memoryStore', () => {
  storeContract({ describe, it }, (scheduler) => memoryStore({ scheduler }));

  it('refuses a new key when it is full, and still takes the old ones', () => {
    const { sync } = memoryStore({ maxEntries: 2 });
    sync.put('a', 1);
    sync.put('b', 1);
    expect(() => sync.put('c', 1)).to.throw(ChatError, 'memoryStore: is full with 2 entries');
    expect(sync.put('a', 2)).to.be.a('number');
    sync.delete('b');
    expect(sync.put('c', 1)).to.be.a('number');
  });

  it('evicts what was written longest ago, when told so', () => {
    const { sync } = memoryStore({ maxEntries: 2, whenFull: 'evict' });
    for (const key of ['a', 'b', 'a', 'c']) sync.put(key, 1);
    expect(sync.scan('').map(({ key }) => key)).to.deep.equal(['a', 'c']);
  });

  it('makes room by what has expired before it refuses', () => {
    const scheduler = virtualClock();
    const { sync } = memoryStore({ maxEntries: 3, scheduler });
    for (const [key, ttlMs] of [
      ['a', 30],
      ['b', 10],
      ['c', 20],
    ] as const)
      sync.put(key, 1, { ttlMs });
    scheduler.advance(20);
    for (const key of ['d', 'e']) sync.put(key, 1);
    expect(sync.scan('').map(({ key }) => key)).to.deep.equal(['a', 'd', 'e']);
    expect(() => sync.put('f', 1)).to.throw(ChatError);
  });

  it('refuses a bound below 1', () => {
    expect(() => memoryStore({ maxEntries: 0 })).to.throw(RangeError, 'maxEntries must be at least 1, got 0');
  });
});
