import { expect } from 'chai';
import { delay, NEVER, Subject } from 'rxjs';
import {
  deliver,
  memoryStore,
  openAccounts,
  ownership,
  retryDelivery,
  type OutboundAction,
  type Store,
} from 'tidewire';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import { delivered } from '../../lib/model/receipt.js';
import { message } from '../support/events.js';

const slow = (clock: VirtualClock): Store => {
  const store = memoryStore({ scheduler: clock });
  return {
    get: (key) => store.get(key).pipe(delay(20, clock)),
    put: (key, value, options) => store.put(key, value, options).pipe(delay(20, clock)),
    delete: (key, options) => store.delete(key, options).pipe(delay(20, clock)),
    scan: (prefix) => store.scan(prefix),
    forget: (prefix) => store.forget(prefix),
  };
};

describe('deliver', () => {
  const withIds = deliver({ name: 'toDesk' }, (action) => delivered(action, '', ['m1', 'm2']));
  for (const [where, sink] of [
    ['at once', withIds],
    ['behind retryDelivery', retryDelivery({}, withIds)],
  ] as const) {
    it(`tells the trace under which message ids an action arrived, before it is settled, ${where}`, () => {
      const account = openAccounts().of('desk');
      const actions = new Subject<OutboundAction>();
      actions.pipe(sink).subscribe();
      const action: OutboundAction = { kind: 'typing', id: 'a#1', conversation: message('a').conversation };
      const trace = account.open(action);
      const told: string[] = [];
      trace.onSettled({ arrived: (ids) => told.push(...ids), settled: (_, outcome) => told.push(outcome) });
      actions.next(action);
      trace.release(account);
      expect(told).to.deep.equal(['m1', 'm2', 'handled']);
    });
  }

  it('gives a conversation back that a handoff took which was cancelled while the desk was asked', () => {
    const clock = virtualClock();
    const desk = ownership({ store: slow(clock), scheduler: clock });
    const owners: string[] = [];
    desk.changes$.subscribe(({ owner }) => owners.push(`${clock.now()} ${owner}`));
    const account = openAccounts({ scheduler: clock }).of('desk');
    const actions = new Subject<OutboundAction>();
    actions.pipe(deliver({ name: 'toDesk', desk, scheduler: clock }, () => NEVER)).subscribe();
    const { conversation } = message('a');
    const action: OutboundAction = { kind: 'handoff', id: 'a#1', conversation, to: { kind: 'any' } };
    const trace = account.open(action);
    actions.next(action);
    trace.release(account);
    clock.advance(10);
    trace.cancel('superseded');
    clock.flush();
    expect(owners).to.deep.equal(['20 queue', '40 bot']);
    expect(trace).to.include({ settled: true, outcome: 'superseded' });
  });

  it('fails what was not sent yet when it is unsubscribed while the desk is asked', () => {
    const clock = virtualClock();
    const desk = ownership({ store: slow(clock), scheduler: clock });
    const accounts = openAccounts({ scheduler: clock });
    const account = accounts.of('desk');
    const actions = new Subject<OutboundAction>();
    const running = actions.pipe(deliver({ name: 'toDesk', desk, scheduler: clock }, () => NEVER)).subscribe();
    const { conversation } = message('a');
    const action: OutboundAction = { kind: 'text', id: 'a#1', conversation, text: 'hello' };
    const trace = account.open(action);
    actions.next(action);
    trace.release(account);
    running.unsubscribe();
    expect(trace).to.include({ outcome: 'failed', touched: false });
  });

  for (const [outcome, reason] of [
    ['handedOff', 'muted'],
    ['superseded', 'superseded'],
  ] as const) {
    it(`does not send what is cancelled as ${outcome} while the desk is asked`, () => {
      const clock = virtualClock();
      const desk = ownership({ store: slow(clock), scheduler: clock });
      const accounts = openAccounts({ scheduler: clock });
      const account = accounts.of('desk');
      const actions = new Subject<OutboundAction>();
      const sent: string[] = [];
      const receipts: unknown[] = [];
      actions
        .pipe(
          deliver({ name: 'toDesk', desk, scheduler: clock }, (action) => {
            sent.push(action.id);
            return delivered(action, '');
          }),
        )
        .subscribe((receipt) => receipts.push([receipt.status, 'reason' in receipt && receipt.reason]));
      const { conversation } = message('a');
      const action: OutboundAction = { kind: 'text', id: 'a#1', conversation, text: 'hello' };
      const trace = account.open(action);
      actions.next(action);
      trace.release(account);
      clock.advance(5);
      trace.cancel(outcome);
      clock.advance(100);
      expect(sent).to.deep.equal([]);
      expect(receipts).to.deep.equal([['skipped', reason]]);
      expect(accounts.counts()).to.deep.include({ inFlight: 0 });
      expect(accounts.counts().outcomes[outcome]).to.equal(1);
    });
  }
});
