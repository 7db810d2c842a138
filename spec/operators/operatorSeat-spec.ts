import { expect } from 'chai';
import fc from 'fast-check';
import { forkJoin, type Observable } from 'rxjs';
import { memoryStore, operatorSeat, type Conversation, type OperatorSeat } from 'tidewire';
import { virtualClock } from 'tidewire/testing';
import { slowStore } from '../support/bridge-desk.js';

const conversation: Conversation = { platform: 'group', id: 'team', channel: 'group' };
const mira: Conversation = { platform: 'desk', account: 'a', id: 'mira', channel: 'web' };
const lev: Conversation = { platform: 'desk', id: 'lev', channel: 'sms' };
const now = <T>(asked: Observable<T>): T => {
  const got: T[] = [];
  asked.subscribe((value) => got.push(value));
  expect(got).to.have.length(1);
  return got[0] as T;
};

describe('operatorSeat', () => {
  it('knows for whom a message stands, while the operators have the conversation', () => {
    const seat = operatorSeat({ conversation });
    now(seat.link(['h', 't'], mira));
    now(seat.link([], lev));
    expect(now(seat.linkOf('t'))).to.deep.equal({ customer: mira, by: 'customer', messageIds: [] });
    expect(now(seat.talkOf(mira))).to.deep.equal({ customer: mira, heading: 'h' });
    expect(now(seat.talks())).to.deep.equal([{ customer: lev }, { customer: mira, heading: 'h' }]);
    now(seat.forget(mira));
    expect(now(seat.linkOf('t'))).to.equal(undefined);
    expect(now(seat.linkOf('unknown'))).to.equal(undefined);
    expect(now(seat.talkOf(mira))).to.equal(undefined);
    expect(now(seat.talks())).to.deep.equal([{ customer: lev }]);
  });

  it('knows which messages say the same, and who wrote them, however many and whenever it learns of them', () => {
    const seat = operatorSeat({ conversation });
    now(seat.link(['h'], mira));
    now(seat.pair(['x', 'y'], mira, ['m'], 'customer'));
    now(seat.pair(['o'], mira, [], 'operator'));
    now(seat.pair(['o'], mira, ['a'], 'operator'));
    now(seat.pair(['o'], mira, ['a', 'b'], 'customer'));
    expect(now(seat.linkOf('y'))).to.deep.equal({ customer: mira, by: 'customer', messageIds: ['m'] });
    expect(now(seat.copiesOf(mira, 'm'))).to.deep.equal({ customer: mira, by: 'customer', messageIds: ['x', 'y'] });
    expect(now(seat.linkOf('o'))).to.deep.equal({ customer: mira, by: 'operator', messageIds: ['a', 'b'] });
    expect(now(seat.copiesOf(mira, 'a'))).to.deep.include({ by: 'operator', messageIds: ['o'] });
    expect(now(seat.copiesOf(lev, 'm'))).to.equal(undefined);
    expect(now(seat.talkOf(mira))).to.deep.include({ heading: 'h' });
  });

  it('opens nothing again that is over: a receipt may come late', () => {
    const seat = operatorSeat({ conversation });
    now(seat.link(['h'], mira));
    now(seat.forget(mira));
    now(seat.pair(['x'], mira, ['m'], 'customer'));
    expect(now(seat.talks())).to.deep.equal([]);
    now(seat.link(['h2'], mira));
    expect(now(seat.talkOf(mira))).to.deep.include({ heading: 'h2' });
    expect(now(seat.linkOf('x'))).to.deep.include({ messageIds: ['m'] });
  });

  it('takes the first message that it learns of for the heading, and none of an operator', () => {
    const seat = operatorSeat({ conversation });
    now(seat.link([], mira));
    now(seat.pair(['o'], mira, ['a'], 'operator'));
    now(seat.pair(['x'], mira, [], 'customer'));
    now(seat.link(['later'], mira));
    expect(now(seat.talkOf(mira))).to.deep.include({ heading: 'x' });
  });

  it('forgets a conversation in which nothing happens, and what messages stand for', () => {
    const scheduler = virtualClock();
    const seat = operatorSeat({ conversation, scheduler, idleMs: 1_000, messageTtlMs: 1_500 });
    now(seat.link(['h'], mira));
    scheduler.advance(900);
    now(seat.pair(['x'], mira, ['m'], 'customer'));
    scheduler.advance(900);
    expect(now(seat.talkOf(mira))).to.deep.include({ heading: 'h' });
    expect(now(seat.linkOf('h'))).to.equal(undefined);
    expect(now(seat.linkOf('x'))).to.deep.include({ customer: mira });
    scheduler.advance(100);
    expect(now(seat.talks())).to.deep.equal([]);
  });

  it('holds so many messages, and all conversations', () => {
    const seat = operatorSeat({ conversation, maxMessages: 3 });
    for (const id of ['a', 'b', 'c', 'd']) now(seat.link([id], { ...mira, id }));
    expect(now(seat.linkOf('a'))).to.equal(undefined);
    expect(now(seat.linkOf('b'))).not.to.equal(undefined);
    expect(now(seat.talks())).to.have.length(4);
    for (let n = 0; n < 150; n++) now(seat.pair(['d'], { ...mira, id: 'd' }, [`m${n}`], 'operator'));
    expect(now(seat.linkOf('d'))?.messageIds).to.have.length(100);
    expect(now(seat.linkOf('d'))?.messageIds.at(-1)).to.equal('m149');
  });

  it('shares a store with other processes, and with other seats in which nothing gets mixed up', () => {
    const store = memoryStore();
    const [one, again] = [operatorSeat({ conversation, store }), operatorSeat({ conversation, store })];
    const other = operatorSeat({ conversation: { ...conversation, id: 'team/talk/x' }, store });
    const named = operatorSeat({ conversation, store, name: 'night' });
    now(one.link(['h'], mira));
    expect(now(again.linkOf('h'))).to.deep.include({ customer: mira });
    for (const seat of [other, named]) {
      expect(now(seat.linkOf('h'))).to.equal(undefined);
      expect(now(seat.talks())).to.deep.equal([]);
      now(seat.link(['h'], lev));
    }
    expect(now(one.talks())).to.deep.equal([{ customer: mira, heading: 'h' }]);
  });

  it('tells customers and messages apart whatever their ids contain', () => {
    const id = fc.string({ unit: fc.constantFrom('a', '/', ':', '1', '%'), maxLength: 4 });
    const pair = fc.tuple(id, id);
    fc.assert(
      fc.property(pair, pair, ([customer, message], [customer2, message2]) => {
        fc.pre(customer !== customer2 || message !== message2);
        const seat: OperatorSeat = operatorSeat({ conversation });
        now(seat.pair(['x'], { ...lev, id: customer }, [message], 'customer'));
        expect(now(seat.copiesOf({ ...lev, id: customer2 }, message2))).to.equal(undefined);
      }),
    );
  });

  it('loses nothing when two processes write at the same time', () => {
    const clock = virtualClock();
    const local = memoryStore({ scheduler: clock });
    let n = 0;
    const seats = [0, 1].map(() =>
      operatorSeat({ conversation, store: slowStore(local, clock, () => [3, 1, 2, 5][n++ % 4] ?? 0) }),
    );
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    const writes = ids.flatMap((id, index) => {
      const seat = seats[index % 2];
      return seat === undefined ? [] : [seat.link([], mira), seat.pair(['o'], mira, [id], 'operator')];
    });
    let isDone = false;
    forkJoin(writes).subscribe(() => (isDone = true));
    clock.advance(1_000);
    expect(isDone).to.equal(true);
    const seat = operatorSeat({ conversation, store: local });
    expect([...(now(seat.linkOf('o'))?.messageIds ?? [])].sort()).to.deep.equal(ids);
  });

  it('does not open again what is forgotten while it writes', () => {
    const clock = virtualClock();
    const local = memoryStore({ scheduler: clock });
    const seat = operatorSeat({ conversation, store: local });
    now(seat.link(['h'], mira));
    operatorSeat({ conversation, store: slowStore(local, clock, () => 10) })
      .pair(['x'], mira, ['m'], 'customer')
      .subscribe();
    clock.advance(5);
    now(seat.forget(mira));
    clock.advance(1_000);
    expect(now(seat.talks())).to.deep.equal([]);
  });

  it('neither passes over nor overwrites what a later version wrote', () => {
    const store = memoryStore();
    const seat = operatorSeat({ conversation, store, name: 'n' });
    for (const key of ['seat/1/n/talk/desk:a:mira', 'seat/1/n/chat/h']) {
      for (const value of [
        { shape: 2 },
        { shape: 1, customer: mira, heading: 7, ids: [7] },
        { shape: 1, customer: 'mira' },
        7,
      ]) {
        store.sync.put(key, value as never);
        const asked = key.endsWith('h') ? [seat.linkOf('h')] : [seat.talkOf(mira), seat.talks()];
        for (const question of [...asked, seat.link(['h'], mira)] as Observable<unknown>[]) {
          let error: unknown;
          question.subscribe({ error: (thrown: unknown) => (error = thrown) });
          expect(error, JSON.stringify(value)).to.include({ kind: 'undecodable' });
        }
        expect(store.sync.get(key)?.value).to.deep.equal(value);
        store.sync.forget('');
      }
    }
  });

  it('refuses numbers out of range', () => {
    const made = (config: object) => () => operatorSeat({ conversation, ...config });
    expect(made({ idleMs: 0 })).to.throw(RangeError, 'operatorSeat: idleMs must be above 0, got 0');
    expect(made({ messageTtlMs: 0 })).to.throw(RangeError, 'operatorSeat: messageTtlMs must be above 0, got 0');
    expect(made({ maxMessages: 0 })).to.throw(RangeError, 'operatorSeat: maxMessages must be at least 1, got 0');
  });
});
