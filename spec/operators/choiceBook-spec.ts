import { expect } from 'chai';
import { forkJoin, mergeMap, throwError, timer } from 'rxjs';
import { accounts, choiceBook, memoryStore, type Conversation, type Offer, type Report, type Store } from 'tidewire';
import { virtualClock } from 'tidewire/testing';

const conversation = (id: string): Conversation => ({ platform: 'desk', id, channel: 'web' });
const offer = (action: string): Offer => ({ action, options: [{ id: 'yes', label: 'Yes' }] });
const asynchronous = (): Store => {
  const { sync: _, ...store } = memoryStore();
  return store;
};

describe('choiceBook', () => {
  it('gives a conversation’s last offer out once', () => {
    const book = choiceBook();
    book.arm(conversation('c'), offer('1'));
    book.arm(conversation('c'), offer('2'));
    expect(book.openSync?.(conversation('c'), true)).to.deep.include(offer('2'));
    expect(book.openSync?.(conversation('c'))).to.deep.include(offer('2'));
    expect(book.openSync?.(conversation('c'))).to.equal(undefined);
  });

  it('gives it to one of two that ask at once', () => {
    const book = choiceBook({ store: asynchronous() });
    expect(book.openSync).to.equal(undefined);
    book.arm(conversation('c'), offer('1'));
    let found: readonly unknown[] = [];
    forkJoin([book.open(conversation('c')), book.open(conversation('c'))]).subscribe((both) => (found = both));
    expect(found.filter((one) => one !== undefined)).to.have.length(1);
  });

  it('leaves in the book what is offered while the last offer is taken out', () => {
    const clock = virtualClock();
    const store = asynchronous();
    const slow: Store = {
      ...store,
      delete: (key, options) => timer(10, clock).pipe(mergeMap(() => store.delete(key, options))),
    };
    const book = choiceBook({ store: slow });
    book.arm(conversation('c'), offer('1'));
    book.open(conversation('c')).subscribe();
    book.arm(conversation('c'), offer('2'));
    clock.flush();
    let left: Offer | undefined;
    book.open(conversation('c'), true).subscribe((found) => (left = found));
    expect(left).to.deep.include(offer('2'));
  });

  it('forgets an offer after `ttlMs`', () => {
    const scheduler = virtualClock();
    const book = choiceBook({ ttlMs: 100, scheduler });
    book.arm(conversation('c'), offer('1'));
    const found: boolean[] = [];
    for (const at of [99, 100])
      scheduler.schedule(() => found.push(book.openSync?.(conversation('c'), true) !== undefined), at);
    scheduler.flush();
    expect(found).to.deep.equal([true, false]);
  });

  it('forgets the conversation that was asked longest ago beyond `maxOffers`', () => {
    const book = choiceBook({ maxOffers: 2 });
    for (const id of ['a', 'b', 'a', 'c']) book.arm(conversation(id), offer(id));
    const open = ['a', 'b', 'c'].filter((id) => book.openSync?.(conversation(id)) !== undefined);
    expect(open).to.deep.equal(['a', 'c']);
  });

  it('reports an offer that cannot be written', () => {
    const reports: Report[] = [];
    const listening = accounts.reports$.subscribe((report) => reports.push(report));
    const store: Store = { ...asynchronous(), put: () => throwError(() => new Error('down')) };
    choiceBook({ store }).arm(conversation('c'), offer('1'));
    listening.unsubscribe();
    expect(reports).to.deep.equal([{ kind: 'evictedEarly', holder: 'choiceBook', key: 'desk::c' }]);
  });

  it('refuses a time to live or a bound that keeps nothing', () => {
    expect(() => choiceBook({ ttlMs: 0 })).to.throw(RangeError, 'ttlMs must be above 0, got 0');
    expect(() => choiceBook({ maxOffers: 0 })).to.throw(RangeError, 'maxOffers must be at least 1, got 0');
  });
});
