import { expect } from 'chai';
import fc from 'fast-check';
import { defer, Observable, of, switchMap, throwError } from 'rxjs';
import { ChatError, memoryStore, type Store } from 'tidewire';
import {
  fluidtalkLedger,
  partsOf,
  type FluidtalkLedger,
  type LedgerCall,
  type LedgerClaim,
  type ReplyPart,
} from 'tidewire/fluidtalk';
import { virtualClock, type VirtualClock } from 'tidewire/testing';

const MIRA = '@mira';
const reply = { bubbles: ['one', 'two'], photoUrl: 'https://cdn.test/p.jpg' };
const HOUR = 3_600_000;

/** The value of an Observable that answers at once. */
const now = <T>(result: Observable<T>): T => {
  const seen: T[] = [];
  let error: unknown;
  let completed = false;
  result.subscribe({
    next: (value) => seen.push(value),
    error: (thrown: unknown) => (error = thrown),
    complete: () => (completed = true),
  });
  if (error !== undefined) throw error;
  expect(seen).to.have.length(1);
  expect(completed).to.equal(true);
  return seen[0] as T;
};
const failure = (result: Observable<unknown>): ChatError => {
  try {
    now(result);
  } catch (error) {
    expect(error).to.be.instanceOf(ChatError);
    return error as ChatError;
  }
  return expect.fail('expected an error');
};
const indexes = (parts: readonly ReplyPart[]): readonly number[] => parts.map(({ index }) => index);

describe('fluidtalkLedger', () => {
  let clock: VirtualClock;
  let store: Store;
  let ledger: FluidtalkLedger;

  beforeEach(() => {
    clock = virtualClock();
    store = memoryStore({ scheduler: clock });
    ledger = restarted();
  });

  /** The ledger of another process. */
  const restarted = (): FluidtalkLedger => fluidtalkLedger({ store, scheduler: clock });
  const claimed = (claim: Observable<LedgerClaim>): LedgerCall => {
    const result = now(claim);
    if (result.kind !== 'claimed') throw new Error(`expected claimed, got ${result.kind}`);
    return result.call;
  };
  const kindOf = (claim: Observable<LedgerClaim>): string => now(claim).kind;

  it('gives a target one opener, ever', () => {
    const call = claimed(ledger.claimOpener(MIRA));
    expect(call).to.deep.equal({ kind: 'opener', target: MIRA, claim: 1 });
    expect(kindOf(ledger.claimOpener(MIRA))).to.equal('called');
    now(ledger.replied(call, reply));
    clock.advance(10_000 * HOUR);
    expect(kindOf(restarted().claimOpener(MIRA))).to.equal('replied');
    expect(kindOf(ledger.claimOpener('@noor'))).to.equal('claimed');
  });

  it('gives no opener to whom there is a conversation with', () => {
    claimed(ledger.begin(MIRA, 'e1'));
    expect(kindOf(ledger.claimOpener(MIRA))).to.equal('known');
    claimed(ledger.claimEvent('@noor', 'e1'));
    expect(kindOf(ledger.claimOpener('@noor'))).to.equal('known');
    const followUp = claimed(ledger.claimFollowUp('@kim'));
    now(ledger.replied(followUp, reply));
    expect(kindOf(ledger.claimOpener('@kim'))).to.equal('known');
  });

  it('gives an opener to whom a follow-up found no conversation with', () => {
    now(ledger.release(claimed(ledger.claimFollowUp(MIRA))));
    expect(kindOf(ledger.claimOpener(MIRA))).to.equal('claimed');
  });

  it('gives a target one follow-up in 24 hours', () => {
    const first = claimed(ledger.claimFollowUp(MIRA));
    now(ledger.replied(first, { bubbles: [] }));
    clock.advance(HOUR);
    expect(now(ledger.claimFollowUp(MIRA))).to.deep.equal({ kind: 'tooSoon', waitMs: 23 * HOUR });
    clock.advance(23 * HOUR - 1);
    expect(kindOf(ledger.claimFollowUp(MIRA))).to.equal('tooSoon');
    clock.advance(1);
    const second = claimed(ledger.claimFollowUp(MIRA));
    expect(second.claim).to.equal(2);
    expect(kindOf(ledger.claimFollowUp(MIRA))).to.equal('called');
    // Who made the first one is late.
    expect(failure(ledger.replied(first, reply)).kind).to.equal('conflict');
    now(ledger.replied(second, reply));
    expect(kindOf(ledger.claimFollowUp(MIRA))).to.equal('replied');
  });

  it('triggers an event once for each target and id', () => {
    claimed(ledger.claimEvent(MIRA, 'cart-1'));
    expect(kindOf(ledger.claimEvent(MIRA, 'cart-1'))).to.equal('called');
    claimed(ledger.claimEvent(MIRA, 'cart-2'));
    claimed(ledger.claimEvent('@noor', 'cart-1'));
    // The id of a message is another matter.
    claimed(ledger.begin(MIRA, 'cart-1'));
  });

  it('keeps a reply until it is delivered, part by part, over a crash', () => {
    const call = claimed(ledger.begin(MIRA, 'e1'));
    expect(now(ledger.pending(call))).to.deep.equal([]);
    expect(now(ledger.replied(call, reply))).to.deep.equal(partsOf(reply));
    expect(indexes(now(ledger.delivered(call, 0)))).to.deep.equal([1, 2]);
    const again = now(restarted().begin(MIRA, 'e1'));
    expect(again).to.deep.equal({ kind: 'replied', call, parts: partsOf(reply).slice(1) });
    expect(indexes(now(ledger.delivered(call, 0)))).to.deep.equal([1, 2]);
    now(ledger.delivered(call, 2));
    expect(now(ledger.delivered(call, 1))).to.deep.equal([]);
    expect(now(restarted().begin(MIRA, 'e1'))).to.deep.equal({ kind: 'replied', call, parts: [] });
    expect(now(restarted().pending(call))).to.deep.equal([]);
  });

  it('does the same for what the persona says of itself', () => {
    for (const claim of [ledger.claimOpener(MIRA), ledger.claimFollowUp(MIRA), ledger.claimEvent(MIRA, 'e')]) {
      const call = claimed(claim);
      now(ledger.replied(call, reply));
      now(ledger.delivered(call, 1));
      const again = now(claim);
      expect(again.kind === 'replied' && indexes(again.parts)).to.deep.equal([0, 2]);
    }
  });

  it('forgets texts once they are delivered', () => {
    const call = claimed(ledger.begin(MIRA, 'e1'));
    now(ledger.replied(call, { bubbles: ['secret text'] }));
    now(ledger.delivered(call, 0));
    expect(JSON.stringify(now(store.scan('')))).not.to.include('secret');
  });

  it('takes a reply that is told twice for one', () => {
    const call = claimed(ledger.begin(MIRA, 'e1'));
    now(ledger.replied(call, reply));
    now(ledger.delivered(call, 0));
    expect(indexes(now(ledger.replied(call, reply)))).to.deep.equal([1, 2]);
  });

  it('never gives out again what is in doubt, until a person says so', () => {
    for (const claim of [ledger.claimOpener(MIRA), ledger.claimEvent(MIRA, 'e'), ledger.begin(MIRA, 'e')]) {
      clock.advance(1_000);
      const since = new Date(clock.now()).toISOString();
      const call = claimed(claim);
      now(ledger.inDoubt(call));
      now(ledger.inDoubt(call));
      clock.advance(10_000 * HOUR);
      expect(now(claim)).to.deep.equal({ kind: 'inDoubt', call, since });
    }
    const stuck = now(ledger.begin(MIRA, 'e'));
    if (!('call' in stuck)) throw new Error('expected a call');
    now(ledger.release(stuck.call));
    expect(claimed(ledger.begin(MIRA, 'e')).claim).to.equal(2);
  });

  it('takes a reply that comes after all to what was in doubt', () => {
    const call = claimed(ledger.begin(MIRA, 'e'));
    now(ledger.inDoubt(call));
    expect(now(ledger.replied(call, reply))).to.have.length(3);
  });

  it('gives out again what failed without effect', () => {
    for (const claim of [
      ledger.claimOpener(MIRA),
      ledger.claimFollowUp(MIRA),
      ledger.claimEvent(MIRA, 'e'),
      ledger.begin('@noor', 'e'),
    ]) {
      const first = claimed(claim);
      now(ledger.release(first));
      now(ledger.release(first));
      expect(failure(ledger.replied(first, reply)).kind).to.equal('conflict');
      const second = claimed(claim);
      for (const late of [ledger.release(first), ledger.inDoubt(first), ledger.replied(first, reply)]) {
        expect(failure(late).kind).to.equal('conflict');
      }
      now(ledger.inDoubt(second));
      now(ledger.release(second));
    }
  });

  it('refuses what cannot follow', () => {
    const call = claimed(ledger.begin(MIRA, 'e'));
    expect(failure(ledger.delivered(call, 0)).kind).to.equal('conflict');
    now(ledger.replied(call, reply));
    for (const wrong of [ledger.release(call), ledger.inDoubt(call), ledger.pending({ ...call, eventId: 'other' })]) {
      expect(failure(wrong).kind).to.equal('conflict');
    }
  });

  it('claims nothing for a sealed target, and still gives what is missing', () => {
    const call = claimed(ledger.begin(MIRA, 'last'));
    now(ledger.replied(call, reply));
    expect(now(ledger.sealed(MIRA))).to.equal(false);
    now(ledger.seal(MIRA));
    now(ledger.seal(MIRA));
    expect(now(restarted().sealed(MIRA))).to.equal(true);
    expect([
      kindOf(ledger.begin(MIRA, 'new')),
      kindOf(ledger.claimEvent(MIRA, 'new')),
      kindOf(ledger.claimOpener(MIRA)),
      kindOf(ledger.claimFollowUp(MIRA)),
      kindOf(ledger.begin(MIRA, 'last')),
    ]).to.deep.equal(['sealed', 'sealed', 'sealed', 'sealed', 'replied']);
    now(ledger.seal('@unknown'));
    expect(kindOf(ledger.claimOpener('@unknown'))).to.equal('sealed');
    expect(now(ledger.sealed('@noor'))).to.equal(false);
  });

  it('forgets a target when a person says so, and no other', () => {
    for (const target of [MIRA, `${MIRA}2`, `${MIRA}"`, `${MIRA}/`]) {
      claimed(ledger.begin(target, 'e'));
      now(ledger.seal(target));
    }
    expect(now(ledger.forget(MIRA))).to.equal(2);
    expect(kindOf(ledger.claimOpener(MIRA))).to.equal('claimed');
    expect(kindOf(ledger.claimOpener(`${MIRA}2`))).to.equal('sealed');
  });

  it('keeps personas apart, and takes white space around a target for nothing', () => {
    claimed(ledger.claimOpener(MIRA));
    expect(kindOf(ledger.claimOpener(` ${MIRA}\n`))).to.equal('called');
    expect(kindOf(ledger.claimOpener('@Mira'))).to.equal('claimed');
    expect(kindOf(fluidtalkLedger({ store, persona: 'other' }).claimOpener(MIRA))).to.equal('claimed');
  });

  it('keeps any targets and ids apart', () => {
    const text = fc.string({ unit: 'binary', minLength: 1 }).filter((value) => value.trim() === value && value !== '');
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(text, text), { selector: (pair) => JSON.stringify(pair) }), (pairs) => {
        const fresh = fluidtalkLedger({ store: memoryStore() });
        for (const [target, id] of pairs) expect(kindOf(fresh.begin(target, id))).to.equal('claimed');
        for (const [target, id] of pairs) expect(kindOf(fresh.begin(target, id))).to.equal('called');
      }),
    );
  });

  it('refuses an empty target or id', () => {
    const empty = [
      ledger.claimOpener(' '),
      ledger.claimFollowUp(''),
      ledger.begin('', 'e'),
      ledger.begin(MIRA, ''),
      ledger.claimEvent(MIRA, ''),
      ledger.seal(''),
      ledger.sealed(''),
      ledger.forget(''),
    ];
    for (const wrong of empty) expect(failure(wrong).kind).to.equal('unsupported');
    expect(now(store.scan(''))).to.deep.equal([]);
  });

  it('claims nothing in a full store, and goes on with what it has', () => {
    store = memoryStore({ maxEntries: 2 });
    ledger = restarted();
    const call = claimed(ledger.begin(MIRA, 'e'));
    for (const claim of [ledger.claimOpener('@noor'), ledger.begin('@noor', 'e'), ledger.claimEvent(MIRA, 'e2')]) {
      expect(failure(claim).kind).to.equal('overflow');
    }
    now(ledger.replied(call, reply));
    now(ledger.delivered(call, 0));
    now(ledger.seal(MIRA));
    expect(kindOf(ledger.claimFollowUp(MIRA))).to.equal('sealed');
    expect(now(store.scan(''))).to.have.length(2);
  });

  it('stops before an entry that a later version wrote', () => {
    claimed(ledger.begin(MIRA, 'e'));
    for (const { key, value } of now(store.scan(''))) now(store.put(key, { ...(value as object), shape: 2 }));
    for (const wrong of [
      ledger.begin(MIRA, 'e'),
      ledger.begin(MIRA, 'new'),
      ledger.claimOpener(MIRA),
      ledger.claimFollowUp(MIRA),
      ledger.sealed(MIRA),
    ]) {
      expect(failure(wrong).kind).to.equal('undecodable');
    }
  });

  it('acts when subscribed, each time again', () => {
    const claim = ledger.claimOpener(MIRA);
    expect(now(store.scan(''))).to.deep.equal([]);
    expect([kindOf(claim), kindOf(claim)]).to.deep.equal(['claimed', 'called']);
  });

  it('passes on the errors of the store', () => {
    const gone = (): Observable<never> => throwError(() => new ChatError('unreachable', 'store', 'is gone'));
    ledger = fluidtalkLedger({ store: { get: gone, put: gone, delete: gone, scan: gone, forget: gone } });
    expect(failure(ledger.claimOpener(MIRA)).kind).to.equal('unreachable');
    expect(failure(ledger.forget(MIRA)).kind).to.equal('unreachable');
  });

  it('refuses a pause that is none', () => {
    expect(() => fluidtalkLedger({ store, followUpPauseMs: 0 })).to.throw(RangeError);
  });
});

/** A store whose operations happen one by one, in an order that somebody picks. */
class Interleaved {
  readonly #waiting: (() => void)[] = [];
  readonly store: Store;

  /** `reachesStore` says whether what a process asked for right before it crashed still happens. */
  constructor(inner: Store, reachesStore: () => boolean = () => false) {
    const later = <T>(operation: Observable<T>): Observable<T> =>
      new Observable((subscriber) => {
        this.#waiting.push(() => {
          if (!subscriber.closed) subscriber.add(operation.subscribe(subscriber));
          else if (reachesStore()) operation.subscribe({ error: () => undefined });
        });
      });
    this.store = {
      get: (key) => later(inner.get(key)),
      put: (key, value, options) => later(inner.put(key, value, options)),
      delete: (key, options) => later(inner.delete(key, options)),
      scan: (prefix) => later(inner.scan(prefix)),
      forget: (prefix) => later(inner.forget(prefix)),
    };
  }

  /** Something else that happens at a time of its own. */
  act(work: () => void): Observable<void> {
    return new Observable((subscriber) => {
      this.#waiting.push(() => {
        if (subscriber.closed) return;
        work();
        subscriber.next();
        subscriber.complete();
      });
    });
  }

  run(pick: (waiting: number) => number): void {
    while (this.#waiting.length > 0) {
      const [operation] = this.#waiting.splice(pick(this.#waiting.length), 1);
      operation?.();
    }
  }
}
/** Picks from a list of numbers, and the first when they are used up. */
const picking = (numbers: readonly number[]): ((waiting: number) => number) => {
  let at = 0;
  return (waiting) => (numbers[at++] ?? 0) % waiting;
};
const order = fc.array(fc.nat({ max: 1_000 }), { minLength: 20, maxLength: 80 });

describe('fluidtalkLedger, raced', () => {
  const claims: Readonly<Record<string, (ledger: FluidtalkLedger) => Observable<LedgerClaim>>> = {
    opener: (ledger) => ledger.claimOpener(MIRA),
    'follow-up': (ledger) => ledger.claimFollowUp(MIRA),
    event: (ledger) => ledger.claimEvent(MIRA, 'e'),
    chat: (ledger) => ledger.begin(MIRA, 'e'),
  };
  for (const [what, claim] of Object.entries(claims)) {
    it(`gives one ${what} to one of many processes, in any order`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 2, max: 5 }), order, (processes, picks) => {
          const shared = new Interleaved(memoryStore());
          const seen: string[] = [];
          for (let n = 0; n < processes; n++) {
            claim(fluidtalkLedger({ store: shared.store })).subscribe({
              next: ({ kind }) => seen.push(kind),
              error: () => seen.push('error'),
            });
          }
          shared.run(picking(picks));
          expect(seen.filter((kind) => kind === 'claimed')).to.have.length(1);
          expect(seen.filter((kind) => kind === 'called')).to.have.length(processes - 1);
        }),
      );
    });
  }

  it('gives an opener only where no conversation was claimed before, and loses no seal', () => {
    fc.assert(
      fc.property(order, (picks) => {
        const shared = new Interleaved(memoryStore());
        const seen: Record<string, string> = {};
        const ledger = (): FluidtalkLedger => fluidtalkLedger({ store: shared.store });
        const note = (name: string): { next: (claim: LedgerClaim) => void; error: () => void } => ({
          next: ({ kind }) => (seen[name] = kind),
          error: () => (seen[name] = 'error'),
        });
        ledger().claimOpener(MIRA).subscribe(note('opener'));
        ledger().claimFollowUp(MIRA).subscribe(note('followUp'));
        ledger().begin(MIRA, 'e').subscribe(note('chat'));
        ledger()
          .seal(MIRA)
          .subscribe({ error: () => (seen['seal'] = 'error') });
        shared.run(picking(picks));
        const after: string[] = [];
        for (const claim of [ledger().begin(MIRA, 'later'), ledger().claimEvent(MIRA, 'later')]) {
          claim.subscribe({ next: ({ kind }) => after.push(kind), error: () => after.push('error') });
        }
        shared.run(picking([]));
        expect(seen['opener']).to.be.oneOf(['claimed', 'known', 'sealed']);
        expect(seen['followUp']).to.be.oneOf(['claimed', 'sealed']);
        expect(seen['chat']).to.be.oneOf(['claimed', 'sealed']);
        expect(seen['seal']).to.equal(undefined);
        expect(after).to.deep.equal(['sealed', 'sealed']);
      }),
    );
  });

  it('loses no mark when parts are delivered side by side', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), order, (length, picks) => {
        const inner = memoryStore();
        const direct = fluidtalkLedger({ store: inner });
        const claim = now(direct.claimOpener(MIRA));
        if (claim.kind !== 'claimed') throw new Error('expected claimed');
        const parts = now(direct.replied(claim.call, { bubbles: Array.from({ length }, (_, n) => `b${n}`) }));
        const shared = new Interleaved(inner);
        for (const { index } of parts) {
          fluidtalkLedger({ store: shared.store })
            .delivered(claim.call, index)
            .subscribe({ error: () => expect.fail('no mark fails') });
        }
        shared.run(picking(picks));
        expect(now(direct.pending(claim.call))).to.deep.equal([]);
      }),
    );
  });

  it('calls once and loses no part of a reply, wherever it crashes', () => {
    const crash = fc.record({ after: fc.nat({ max: 14 }), reaches: fc.boolean() });
    fc.assert(
      fc.property(fc.array(crash, { maxLength: 6 }), order, (crashes, picks) => {
        const inner = memoryStore();
        const direct = fluidtalkLedger({ store: inner });
        let calls = 0;
        const sent: number[] = [];

        /** One life of a process: claims, calls, keeps the reply, and sends what is missing. */
        const life = (shared: Interleaved): Observable<unknown> => {
          const ledger = fluidtalkLedger({ store: shared.store });
          const deliver = (call: LedgerCall, [part, ...rest]: readonly ReplyPart[]): Observable<unknown> => {
            if (part === undefined) return of(undefined);
            const send = (): void => {
              expect(indexes(now(direct.pending(call))), 'a marked part is not sent again').to.include(part.index);
              sent.push(part.index);
            };
            return shared.act(send).pipe(
              switchMap(() => ledger.delivered(call, part.index)),
              switchMap(() => defer(() => deliver(call, rest))),
            );
          };
          return ledger.begin(MIRA, 'e').pipe(
            switchMap((claim) => {
              if (claim.kind === 'replied') return deliver(claim.call, claim.parts);
              if (claim.kind !== 'claimed') return of(undefined);
              return shared
                .act(() => calls++)
                .pipe(
                  switchMap(() => ledger.replied(claim.call, reply)),
                  switchMap((parts) => deliver(claim.call, parts)),
                );
            }),
          );
        };

        const pick = picking(picks);
        for (const { after, reaches } of [...crashes, { after: Infinity, reaches: true }]) {
          const shared = new Interleaved(inner, () => reaches);
          const subscription = life(shared).subscribe({ error: (error: unknown) => expect.fail(String(error)) });
          let steps = 0;
          shared.run((waiting) => {
            if (steps++ >= after) subscription.unsubscribe();
            return pick(waiting);
          });
        }
        const end = now(direct.begin(MIRA, 'e'));
        expect(calls).to.be.at.most(1);
        if (end.kind === 'replied') {
          expect(end.parts).to.deep.equal([]);
          // A crash between sending and marking is the one that repeats a part.
          expect(sent.length).to.be.at.most(3 + crashes.length);
          expect([...new Set(sent)]).to.deep.equal([0, 1, 2]);
        } else expect([end.kind, sent]).to.deep.equal(['called', []]);
      }),
      { numRuns: 500 },
    );
  });
});
