import { expect } from 'chai';
import { EMPTY, mergeMap, of, Subject, throwError, timer, type Observable, type OperatorFunction } from 'rxjs';
import { ChatError, deliver, openAccounts, retryDelivery, type OutboundAction, type Receipt } from 'tidewire';
import { virtualClock } from 'tidewire/testing';
import { delivered } from '../../lib/model/receipt.js';

const text = (id: string, conversation = 'c'): OutboundAction => ({
  kind: 'text',
  id,
  conversation: { platform: 'desk', id: conversation, channel: 'web' },
  text: id,
});

/** A sink whose calls fail as they are told to, by action id, and the times of all calls. */
class Desk {
  readonly clock = virtualClock();
  readonly accounts = openAccounts({ scheduler: this.clock });
  readonly source = new Subject<OutboundAction>();
  readonly calls: string[] = [];
  readonly told: string[] = [];
  readonly #failures: Map<string, readonly ChatError[]>;

  constructor(
    failures: Readonly<Record<string, readonly ChatError[]>>,
    config: Parameters<typeof retryDelivery>[0] = {},
  ) {
    this.#failures = new Map(Object.entries(failures));
    const options = { scheduler: this.clock, random: () => 0, ...config };
    this.source.pipe(retryDelivery(options, this.#sink())).subscribe((receipt) => {
      this.told.push(`${this.clock.now()} ${receipt.action.id} ${receipt.status}`);
    });
  }

  send(action: OutboundAction): void {
    const account = this.accounts.of('desk');
    const trace = account.open(action);
    this.source.next(action);
    trace.release(account);
  }

  #sink(): OperatorFunction<OutboundAction, Receipt> {
    return deliver({ name: 'toDesk', scheduler: this.clock }, (action) => {
      this.calls.push(`${this.clock.now()} ${action.id}`);
      const [error, ...rest] = this.#failures.get(action.id) ?? [];
      this.#failures.set(action.id, rest);
      if (error !== undefined) throw error;
      return delivered(action, new Date(this.clock.now()).toISOString());
    });
  }
}

const down = new ChatError('unreachable', 'desk', 'no connection');

describe('retryDelivery', () => {
  it('sends again what may succeed later, after a growing pause; what is behind it waits', () => {
    const desk = new Desk({ a: [down, down, down] });
    desk.send(text('a'));
    desk.send(text('b'));
    desk.send(text('x', 'other'));
    desk.clock.flush();
    expect(desk.calls).to.deep.equal(['0 a', '0 x', '1000 a', '3000 a', '7000 a', '7000 b']);
    expect(desk.told).to.deep.equal(['0 x delivered', '7000 a delivered', '7000 b delivered']);
    expect(desk.accounts.counts().outcomes.handled).to.equal(3);
  });

  it('waits as long as the platform asks for, and no longer than `maxDelayMs` by itself', () => {
    const asked = new ChatError('throttled', 'desk', 'slow down', { retryAfterMs: 90_000 });
    const desk = new Desk({ a: [asked, down, down, down] }, { maxDelayMs: 5_000 });
    desk.send(text('a'));
    desk.clock.flush();
    expect(desk.calls).to.deep.equal(['0 a', '90000 a', '92000 a', '96000 a', '101000 a']);
  });

  it('jitters the pause', () => {
    const desk = new Desk({ a: [down] }, { jitter: 0.5, random: () => 0.5 });
    desk.send(text('a'));
    desk.clock.flush();
    expect(desk.calls).to.deep.equal(['0 a', '1250 a']);
  });

  it('gives up after `attempts`, and goes on with the next', () => {
    const desk = new Desk({ a: [down, down, down] }, { attempts: 2 });
    desk.send(text('a'));
    desk.send(text('b'));
    desk.clock.flush();
    expect(desk.told).to.deep.equal(['1000 a failed', '1000 b delivered']);
    expect(desk.accounts.counts().outcomes).to.include({ failed: 1, handled: 1 });
  });

  it('repeats neither what was refused nor what is in doubt', () => {
    const refused = new ChatError('refused', 'desk', 'no');
    const doubt = new ChatError('timeout', 'desk', 'no answer', { inDoubt: true });
    const desk = new Desk({ a: [refused], b: [doubt] });
    for (const id of ['a', 'b']) desk.send(text(id));
    desk.clock.flush();
    expect(desk.calls).to.deep.equal(['0 a', '0 b']);
    expect(desk.told).to.deep.equal(['0 a failed', '0 b unknown']);
  });

  it('finds out what became of what is in doubt, where the platform can tell; its line waits for that', () => {
    const lost = new ChatError('timeout', 'desk', 'no answer', { inDoubt: true });
    const found: Readonly<Record<string, Observable<Receipt | 'resend'>>> = {
      there: of({ ...delivered(text('there'), '1970-01-01T00:00:00.000Z', ['m1']) }),
      gone: of('resend'),
      silent: EMPTY,
      broken: throwError(() => new Error('no')),
    };
    const names = Object.keys(found);
    const desk: Desk = new Desk(Object.fromEntries(names.map((id) => [id, [lost]])), {
      reconcile: ({ action: { id } }) => timer(5, desk.clock).pipe(mergeMap(() => found[id] ?? EMPTY)),
    });
    for (const id of names) desk.send(text(id));
    desk.clock.flush();
    expect(desk.calls).to.deep.equal(['0 there', '5 gone', '1010 gone', '1010 silent', '1015 broken']);
    expect(desk.told).to.deep.equal([
      '5 there delivered',
      '1010 gone delivered',
      '1015 silent unknown',
      '1020 broken unknown',
    ]);
    expect(desk.accounts.counts().outcomes).to.include({ handled: 2, inDoubt: 2 });
  });

  it('goes on with all that waits of a conversation when the sink answers at once', () => {
    const first = new Subject<Receipt>();
    const source = new Subject<OutboundAction>();
    const told: string[] = [];
    const sink = mergeMap((action: OutboundAction) => (action.id === '0' ? first : of(delivered(action, ''))));
    source.pipe(retryDelivery({ scheduler: virtualClock() }, sink)).subscribe(({ action: { id } }) => told.push(id));
    const ids = Array.from({ length: 3_000 }, (_, n) => String(n));
    for (const id of ids) source.next(text(id));
    first.next(delivered(text('0'), ''));
    expect(told).to.deep.equal(ids);
  });

  it('refuses numbers out of range', () => {
    const sink = deliver({ name: 'x' }, (action) => delivered(action, ''));
    expect(() => retryDelivery({ attempts: 0 }, sink)).to.throw(
      RangeError,
      'retryDelivery: attempts must be at least 1',
    );
    expect(() => retryDelivery({ delayMs: -1 }, sink)).to.throw(
      RangeError,
      'retryDelivery: delayMs must be at least 0',
    );
  });
});
