import { expect } from 'chai';
import fc from 'fast-check';
import { map, Subject, tap, timer, type Observable } from 'rxjs';
import { lanes, openAccounts, type MessageEvent, type Outcome } from 'tidewire';
import { virtualClock } from 'tidewire/testing';
import { Job, LaneEngine } from '../../lib/lane-engine.js';
import { lanesThatDropSilently } from '../support/broken/lanes-drop-silently.js';
import { lanesThatEndWithTheSource } from '../support/broken/lanes-end-with-source.js';
import { lanesThatStay } from '../support/broken/lanes-greedy.js';
import { lanesWithoutBound } from '../support/broken/lanes-no-bound.js';
import { lanesWithoutLimit } from '../support/broken/lanes-no-limit.js';
import { lanesInOneLine } from '../support/broken/lanes-one-line.js';
import { lanesThatOverlap } from '../support/broken/lanes-overlap.js';
import { lanesThatSwap } from '../support/broken/lanes-swap.js';
import { lanesWithoutCustody } from '../support/broken/lanes-without-custody.js';
import { message } from '../support/events.js';
import { thorough } from '../support/thorough.js';

type Lanes = typeof lanes;

interface Plan {
  readonly items: readonly {
    readonly key: number;
    readonly gap: number;
    readonly takes: number;
    /** Cancelled so long after it came; 0: never. */
    readonly cancelledAfter: number;
  }[];
  readonly concurrency: number;
  readonly maxQueued: number;
  /** Unsubscribed at; 0: never. */
  readonly unsubscribedAt: number;
}

interface Entry {
  readonly n: number;
  readonly key: string;
  /** Turns of each key that began while this one was at the head of its lane and waited. */
  readonly overtakenBy: Map<string, number>;
  state: 'waiting' | 'running' | 'done';
  outcome: Outcome | undefined;
  emitted: number;
}

const UNATTENDED_MS = 15;

/** One run in virtual time, with everything that happens checked and written down on the way. */
class Run {
  readonly clock = virtualClock();
  readonly accounts = openAccounts({ scheduler: this.clock, unattendedMs: UNATTENDED_MS });
  readonly entries: Entry[] = [];
  readonly started: Entry[] = [];
  most = 0;
  mostWaiting = 0;
  /** Whether a lane that could run stood still at some tick. */
  idle = false;
  /** Whether two of one key ran at once. What is found is kept and checked afterwards: an operator would catch a throw. */
  overlap = false;
  completed = false;
  readonly #plan: Plan;

  constructor(implementation: Lanes, plan: Plan) {
    this.#plan = plan;
    const { items, concurrency, maxQueued, unsubscribedAt } = plan;
    const account = this.accounts.of('desk');
    const source = new Subject<MessageEvent>();
    const config = { key: ({ conversation }: MessageEvent) => conversation.id, concurrency, maxQueued };
    const subscription = source.pipe(implementation(config, (item) => this.#work(this.#of(item)))).subscribe({
      next: (entry) => {
        entry.emitted++;
        entry.outcome = 'handled';
      },
      complete: () => {
        this.completed = true;
      },
    });
    if (unsubscribedAt > 0) {
      timer(unsubscribedAt, this.clock).subscribe(() => {
        subscription.unsubscribe();
      });
    }
    for (const [n, { key, gap, cancelledAfter }] of items.entries()) {
      for (let tick = 0; tick < gap; tick++) this.#tick();
      if (subscription.closed) break;
      const event = message(String(n), `k${key}`);
      const entry: Entry = {
        n,
        key: `k${key}`,
        overtakenBy: new Map(),
        state: 'waiting',
        outcome: undefined,
        emitted: 0,
      };
      this.entries.push(entry);
      const trace = account.open(event);
      trace.onSettled({
        settled: (_, outcome) => {
          entry.state = 'done';
          entry.outcome ??= outcome;
        },
      });
      source.next(event);
      trace.release(account);
      if (cancelledAfter > 0) {
        timer(cancelledAfter, this.clock).subscribe(() => {
          trace.cancel('superseded');
        });
      }
      this.#look();
    }
    source.complete();
    for (let tick = 0; tick < 400; tick++) this.#tick();
    this.clock.flush();
  }

  of(key: string): readonly Entry[] {
    return this.entries.filter((entry) => entry.key === key);
  }

  get keys(): ReadonlySet<string> {
    return new Set(this.entries.map(({ key }) => key));
  }

  #of({ id }: MessageEvent): Entry {
    const entry = this.entries[Number(id)];
    if (entry === undefined) throw new Error(`no ${id}`);
    return entry;
  }

  #work(entry: Entry): Observable<Entry> {
    for (const key of this.keys) {
      const head = this.of(key).find(({ state }) => state !== 'done');
      if (head?.state !== 'waiting' || head === entry) continue;
      head.overtakenBy.set(entry.key, (head.overtakenBy.get(entry.key) ?? 0) + 1);
    }
    entry.state = 'running';
    this.started.push(entry);
    const running = this.entries.filter(({ state }) => state === 'running');
    this.most = Math.max(this.most, running.length);
    if (new Set(running.map(({ key }) => key)).size < running.length) this.overlap = true;
    const over = (): void => {
      entry.state = 'done';
    };
    return timer(this.#plan.items[entry.n]?.takes ?? 0, this.clock).pipe(
      map(() => entry),
      // The next turn begins inside the completion of this one.
      tap({ complete: over, unsubscribe: over }),
    );
  }

  #tick(): void {
    this.clock.advance(1);
    this.#look();
  }

  #look(): void {
    const waiting = this.entries.filter(({ state }) => state === 'waiting');
    const running = this.entries.filter(({ state }) => state === 'running');
    this.mostWaiting = Math.max(this.mostWaiting, waiting.length);
    const busy = new Set(running.map(({ key }) => key));
    if (waiting.some(({ key }) => !busy.has(key)) && running.length < this.#plan.concurrency) this.idle = true;
  }
}

const plan = (limits: Partial<Record<'keys' | 'maxQueued' | 'cancelled' | 'unsubscribed', number>>) =>
  fc.record<Plan>({
    items: fc.array(
      fc.record({
        key: fc.nat((limits.keys ?? 4) - 1),
        gap: fc.nat(4),
        takes: fc.integer({ min: 1, max: 9 }),
        cancelledAfter: fc.nat(limits.cancelled ?? 0),
      }),
      { maxLength: 24 },
    ),
    concurrency: fc.integer({ min: 1, max: 3 }),
    maxQueued: fc.integer({ min: 0, max: 6 }).map((max) => (limits.maxQueued === undefined ? 100 : max)),
    unsubscribedAt: fc.nat(limits.unsubscribed ?? 0),
  });

const law =
  (plans: fc.Arbitrary<Plan>, check: (run: Run, plan: Plan) => void) =>
  (implementation: Lanes): fc.IProperty<unknown> =>
    fc.property(plans, (one) => {
      check(new Run(implementation, one), one);
    });

const LAWS = {
  'is ordered per key': law(plan({}), ({ started, keys, overlap }) => {
    expect(overlap, 'two of a key at once').to.equal(false);
    for (const key of keys) {
      const turns = started.filter((entry) => entry.key === key).map(({ n }) => n);
      expect(turns).to.deep.equal([...turns].sort((a, b) => a - b));
    }
  }),
  'is concurrent between keys, up to `concurrency`': law(plan({}), ({ idle, most }, { concurrency }) => {
    expect(most).to.be.at.most(concurrency);
    expect(idle, 'a free slot and a lane that could run').to.equal(false);
  }),
  'is fair: nobody begins twice while another lane waits for its turn': law(plan({}), ({ entries }) => {
    for (const { n, overtakenBy } of entries) {
      for (const [key, turns] of overtakenBy) expect(turns, `${key} before ${String(n)}`).to.be.at.most(1);
    }
  }),
  'is bounded, and says at once what it sheds': law(
    plan({ maxQueued: 6 }),
    ({ entries, mostWaiting, started, accounts }, { maxQueued }) => {
      expect(mostWaiting).to.be.at.most(maxQueued);
      const shed = entries.filter(({ outcome }) => outcome === 'shed');
      expect(started.length + shed.length).to.equal(entries.length);
      expect(accounts.counts().outcomes.shed).to.equal(shed.length);
    },
  ),
  'gives back everything that went in: emitted once, or settled': law(
    plan({ maxQueued: 6, cancelled: 12, unsubscribed: 60 }),
    ({ entries, completed, accounts }, { items, unsubscribedAt }) => {
      for (const { n, emitted, outcome } of entries) {
        const { cancelledAfter = 0 } = items[n] ?? {};
        expect(emitted, String(n)).to.equal(outcome === 'handled' ? 1 : 0);
        const ends: (Outcome | undefined)[] = ['handled', 'shed'];
        if (cancelledAfter > 0) ends.push('superseded');
        if (unsubscribedAt > 0) ends.push('failed');
        expect(outcome, String(n)).to.be.oneOf(ends);
      }
      if (unsubscribedAt === 0) expect(completed).to.equal(true);
      expect(accounts.counts().inFlight).to.equal(0);
    },
  ),
} as const;

const BROKEN: Readonly<Record<keyof typeof LAWS, Readonly<Record<string, Lanes>>>> = {
  'is ordered per key': { 'overlaps its turns': lanesThatOverlap, 'swaps neighbours': lanesThatSwap },
  'is concurrent between keys, up to `concurrency`': {
    'has one line': lanesInOneLine,
    'has no limit': lanesWithoutLimit,
  },
  'is fair: nobody begins twice while another lane waits for its turn': { 'stays with a busy key': lanesThatStay },
  'is bounded, and says at once what it sheds': {
    'has no bound': lanesWithoutBound,
    'drops silently': lanesThatDropSilently,
  },
  'gives back everything that went in: emitted once, or settled': {
    'ends with its source': lanesThatEndWithTheSource,
    'holds nothing': lanesWithoutCustody,
  },
};

describe('lanes, as laws', () => {
  for (const name of Object.keys(LAWS) as (keyof typeof LAWS)[]) {
    it(name, () => {
      fc.assert(LAWS[name](lanes));
    });
    for (const [what, broken] of Object.entries(BROKEN[name])) {
      it(`${name}: not the one that ${what}`, () => {
        expect(fc.check(LAWS[name](broken), thorough).failed).to.equal(true);
      });
    }
  }

  it('is bounded in what it links too: nothing of what was shed stays, in a hung lane or in lanes that wait', () => {
    const shed: string[] = [];
    const engine = new LaneEngine<string, Job<string>>({
      name: 'lanes',
      key: ({ item }) => item.charAt(0),
      concurrency: 1,
      maxQueued: 1,
      run: () => undefined,
      drop: ({ item }) => shed.push(item),
      interrupt: () => undefined,
    });
    const jobs = ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'd1'].map((item) => new Job(engine, item));
    for (const job of jobs) engine.push(job);
    expect(shed).to.deep.equal(['a3', 'a4', 'b1', 'c1', 'd1']);
    const [running, waiting] = jobs;
    const linked = [running, waiting].flatMap((job) => [job?.next, job?.tail, job?.nextReady]);
    expect(linked.filter((job) => job !== undefined).map(({ item }) => item)).to.deep.equal(['a2', 'a2']);
    expect(engine.size).to.equal(2);
  });

  it('keeps nothing of the lanes whose head was cancelled while they waited, and the line as it was', () => {
    const lines = fc.array(fc.nat(3), { minLength: 1, maxLength: 15 });
    fc.assert(
      fc.property(lines, fc.array(fc.nat(99), { maxLength: 20 }), (items, picks) => {
        const ran: string[] = [];
        const engine: LaneEngine<string, Job<string>> = new LaneEngine({
          name: 'lanes',
          key: ({ item }) => item.charAt(0),
          concurrency: 1,
          maxQueued: 100,
          run: ({ item }) => ran.push(item),
          drop: () => undefined,
          interrupt: () => undefined,
        });
        const hung = new Job(engine, 'hung');
        engine.push(hung);
        const jobs = items.map((lane, n) => new Job(engine, `${String(lane)}-${String(n)}`));
        for (const job of jobs) engine.push(job);
        const cancelled = new Set(picks.map((pick) => jobs[pick % jobs.length]));
        // In the order of the picks: heads, and what has become a head.
        for (const job of cancelled) if (job !== undefined) engine.cancel(job, 'handedOff');
        const left = jobs.filter((job) => !cancelled.has(job));
        expect(engine.size).to.equal(1 + left.length);
        for (const job of cancelled) {
          expect([job?.next, job?.previous, job?.nextReady, job?.previousReady, job?.tail]).to.deep.equal(
            new Array(5).fill(undefined),
          );
        }
        // The line is that of the lanes as they came first, each with what is left of it; a turn puts a lane to its end.
        const line = [...new Set(jobs.map(({ key }) => key))].map((key) => left.filter((job) => job.key === key));
        const expected: string[] = ['hung'];
        for (let lane = line.shift(); lane !== undefined; lane = line.shift()) {
          const [first, ...others] = lane;
          if (first === undefined) continue;
          expected.push(first.item);
          if (others.length > 0) line.push(others);
        }
        const byItem = new Map([hung, ...jobs].map((job) => [job.item, job]));
        for (let n = 0; n < ran.length; n++) engine.finish(byItem.get(ran[n] ?? '') as Job<string>);
        expect(ran).to.deep.equal(expected);
        expect(engine.size).to.equal(0);
      }),
    );
  });

  it('lets run what comes from inside a job while places are free, although nothing may wait', () => {
    const ran: string[] = [];
    const shed: string[] = [];
    const engine: LaneEngine<string, Job<string>> = new LaneEngine({
      name: 'lanes',
      key: ({ item }) => item,
      concurrency: 3,
      maxQueued: 0,
      run: ({ item }) => {
        ran.push(item);
        if (item === 'a') for (const other of ['b', 'a', 'c', 'd']) engine.push(new Job(engine, other));
      },
      drop: ({ item }) => shed.push(item),
      interrupt: () => undefined,
    });
    engine.push(new Job(engine, 'a'));
    expect(ran).to.deep.equal(['a', 'b', 'c']);
    expect(shed).to.deep.equal(['a', 'd']);
  });

  it('goes on after a job that threw', () => {
    const ran: string[] = [];
    const engine: LaneEngine<string, Job<string>> = new LaneEngine({
      name: 'lanes',
      key: ({ item }) => item,
      concurrency: 2,
      maxQueued: 10,
      run: ({ item }) => {
        if (item === 'broken') throw new Error('broken');
        ran.push(item);
      },
      drop: () => undefined,
      interrupt: () => undefined,
    });
    expect(() => {
      engine.push(new Job(engine, 'broken'));
    }).to.throw('broken');
    engine.push(new Job(engine, 'next'));
    expect(ran).to.deep.equal(['next']);
  });

  it('keeps nothing of what was cancelled behind a hung item, and the order of the others', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { maxLength: 12 }), (cancelled) => {
        const ran: string[] = [];
        const engine: LaneEngine<string, Job<string>> = new LaneEngine({
          name: 'lanes',
          key: () => '',
          concurrency: 1,
          maxQueued: 100,
          run: ({ item }) => ran.push(item),
          drop: () => undefined,
          interrupt: () => undefined,
        });
        const jobs = Array.from({ length: 11 }, (_, n) => new Job(engine, String(n)));
        for (const job of jobs) engine.push(job);
        const [head, ...behind] = jobs;
        for (const index of cancelled) engine.cancel(behind[index] as Job<string>, 'handedOff');
        const left = behind.filter((_, index) => !cancelled.includes(index));
        const linked: string[] = [];
        for (let job = head?.next; job !== undefined; job = job.next) linked.push(job.item);
        expect(linked).to.deep.equal(left.map(({ item }) => item));
        const last = new Job(engine, 'last');
        engine.push(last);
        for (const job of [head as Job<string>, ...left, last]) engine.finish(job);
        expect(ran).to.deep.equal(['0', ...left.map(({ item }) => item), 'last']);
        expect(engine.size).to.equal(0);
      }),
    );
  });
});
