import { expect } from 'chai';
import fc from 'fast-check';
import { concat, defer, EMPTY, ignoreElements, of, Subject, throwError, timer, type Observable } from 'rxjs';
import {
  memoryStore,
  openAccounts,
  react,
  traceOf,
  type ConversationState,
  type InboundEvent,
  type OutboundAction,
  type Outcome,
  type Reply,
} from 'tidewire';
import { virtualClock } from 'tidewire/testing';
import { reactAllAtOnce } from '../support/broken/react-all-at-once.js';
import { reactThatCountsOn } from '../support/broken/react-counts-on.js';
import { reactThatDies } from '../support/broken/react-dies.js';
import { reactThatHidesFailures } from '../support/broken/react-hides-failures.js';
import { reactThatKeepsFailedState } from '../support/broken/react-keeps-failed-state.js';
import { reactThatNumbersAll } from '../support/broken/react-numbers-all.js';
import { reactInOneLine } from '../support/broken/react-one-line.js';
import { reactThatRepeatsItself } from '../support/broken/react-repeats-what-was-said.js';
import { reactThatRetriesBehind } from '../support/broken/react-retries-behind.js';
import { message } from '../support/events.js';
import { thorough } from '../support/thorough.js';

type React = typeof react;

interface Item {
  readonly conversation: number;
  readonly gap: number;
  readonly takes: number;
  /** How many attempts fail. */
  readonly fails: number;
  /** What an attempt says before it ends, one way or the other. */
  readonly says: number;
}
interface Plan {
  readonly items: readonly Item[];
  readonly concurrency: number;
  readonly retries: number;
}

interface Entry extends Item {
  readonly n: number;
  readonly ids: string[];
  /** The state that each attempt found. */
  readonly found: number[];
  attempts: number;
  state: 'waiting' | 'running' | 'done';
  outcome: Outcome | undefined;
}

/** One run in virtual time: what each attempt found and said, and what became of each event. */
class Run {
  readonly clock = virtualClock();
  readonly accounts = openAccounts({ scheduler: this.clock, unattendedMs: 15 });
  readonly entries: readonly Entry[];
  /** Events in the order in which their attempts began. */
  readonly began: readonly Entry[];
  /** What the same events said, sent through the same operator once more. */
  readonly again: readonly (readonly string[])[];
  overlap = false;
  idle = false;
  most = 0;
  ended: 'no' | 'completed' | 'errored' = 'no';
  readonly #plan: Plan;
  #entries: Entry[] = [];
  readonly #attempts: Entry[] = [];

  constructor(implementation: React, plan: Plan) {
    this.#plan = plan;
    const { concurrency, retries } = plan;
    const operator = implementation<InboundEvent, number>((event, state) => this.#attempt(this.#of(event), state), {
      concurrency,
      retry: { count: retries, delayMs: 3 },
      state: { initial: () => 0, store: memoryStore({ scheduler: this.clock }) },
      onError: () => undefined,
      scheduler: this.clock,
    });
    this.entries = this.#deliver(operator);
    this.began = this.#attempts.splice(0);
    this.again = this.#deliver(operator).map(({ ids }) => ids);
  }

  /** Whether the last attempt that an event gets is one that fails. */
  fails({ fails, says }: Item): boolean {
    return says > 0 ? fails > 0 : fails > this.#plan.retries;
  }

  #of({ id }: InboundEvent): Entry {
    const entry = this.#entries[Number(id.slice(1))];
    if (entry === undefined) throw new Error(`no ${id}`);
    return entry;
  }

  #deliver(operator: ReturnType<typeof react<InboundEvent, number>>): readonly Entry[] {
    this.#entries = [];
    const account = this.accounts.of('desk');
    const source = new Subject<InboundEvent>();
    source.pipe(operator).subscribe({
      next: (action: OutboundAction) => {
        this.#of({ id: action.cause } as InboundEvent).ids.push(action.id);
        traceOf(action)?.touch();
        traceOf(action)?.conclude('handled');
      },
      error: () => (this.ended = 'errored'),
      complete: () => {
        if (this.ended === 'no') this.ended = 'completed';
      },
    });
    for (const [n, item] of this.#plan.items.entries()) {
      for (let tick = 0; tick < item.gap; tick++) this.#tick();
      const entry: Entry = { ...item, n, ids: [], found: [], attempts: 0, state: 'waiting', outcome: undefined };
      this.#entries.push(entry);
      const event = message(`e${n}`, `c${item.conversation}`);
      const trace = account.open(event);
      trace.onSettled({ settled: (_, outcome) => (entry.outcome = outcome) });
      source.next(event);
      trace.release(account);
      this.#look();
    }
    source.complete();
    for (let tick = 0; tick < 300; tick++) this.#tick();
    this.clock.flush();
    return this.#entries;
  }

  #attempt(entry: Entry, state: ConversationState<number>): Observable<Reply> {
    const before = state.value;
    return concat(
      defer(() => {
        this.#attempts.push(entry);
        entry.attempts++;
        entry.found.push(before);
        entry.state = 'running';
        const running = this.#entries.filter((other) => other.state === 'running');
        this.most = Math.max(this.most, running.length);
        if (new Set(running.map(({ conversation }) => conversation)).size < running.length) this.overlap = true;
        return timer(entry.takes, this.clock).pipe(ignoreElements());
      }),
      of(...Array.from({ length: entry.says }, (_, n): Reply => ({ kind: 'text', text: String(n) }))),
      defer(() => {
        state.set(before + 1);
        const fails = entry.attempts <= entry.fails;
        if (!fails || entry.says > 0 || entry.attempts > this.#plan.retries) entry.state = 'done';
        return fails ? throwError(() => new Error('no')) : EMPTY;
      }),
    );
  }

  #tick(): void {
    this.clock.advance(1);
    this.#look();
  }

  #look(): void {
    const busy = new Set(this.#entries.filter(({ state }) => state === 'running').map((entry) => entry.conversation));
    const waits = this.#entries.some(({ state, conversation }) => state === 'waiting' && !busy.has(conversation));
    if (waits && busy.size < this.#plan.concurrency) this.idle = true;
  }
}

const plans = fc.record<Plan>({
  items: fc.array(
    fc.record({
      conversation: fc.nat(2),
      gap: fc.nat(4),
      takes: fc.integer({ min: 1, max: 6 }),
      fails: fc.nat(3),
      says: fc.nat(2),
    }),
    { maxLength: 14 },
  ),
  concurrency: fc.integer({ min: 1, max: 3 }),
  retries: fc.nat(2),
});

const law =
  (check: (run: Run, plan: Plan) => void) =>
  (implementation: React): fc.IProperty<unknown> =>
    fc.property(plans, (plan) => {
      check(new Run(implementation, plan), plan);
    });

const LAWS = {
  'is in order within a conversation and concurrent between them': law(
    ({ began, overlap, idle, most }, { concurrency }) => {
      expect(overlap, 'two of a conversation at once').to.equal(false);
      for (const conversation of [0, 1, 2]) {
        const turns = began.filter((entry) => entry.conversation === conversation).map(({ n }) => n);
        expect(turns).to.deep.equal([...turns].sort((a, b) => a - b));
      }
      expect(most).to.be.at.most(concurrency);
      expect(idle, 'a free slot and a conversation that could be handled').to.equal(false);
    },
  ),
  'retries in its lane, while nothing was said, up to `retry.count`': law(({ entries }, { retries }) => {
    for (const { n, attempts, says, ids, fails } of entries) {
      expect(attempts, String(n)).to.equal(says > 0 ? 1 : Math.min(fails, retries) + 1);
      expect(ids.length, String(n)).to.equal(says);
    }
  }),
  'fails the event of a failing handler, and not the stream': law((run) => {
    expect(run.ended).to.equal('completed');
    for (const entry of run.entries) {
      expect(entry.outcome, String(entry.n)).to.equal(run.fails(entry) ? 'failed' : 'handled');
    }
    expect(run.accounts.counts().inFlight).to.equal(0);
  }),
  'has a state that is safe: each handler finds what the successful ones before it left': law((run) => {
    for (const conversation of [0, 1, 2]) {
      let successes = 0;
      for (const entry of run.entries.filter((other) => other.conversation === conversation)) {
        expect(new Set(entry.found), String(entry.n)).to.deep.equal(new Set([successes]));
        if (!run.fails(entry)) successes++;
      }
    }
  }),
  'numbers the actions of an event from 1, the same when it is handled again': law(({ entries, again }) => {
    const expected = entries.map(({ n, says }) => Array.from({ length: says }, (_, i) => `e${n}#${i + 1}`));
    expect(entries.map(({ ids }) => ids)).to.deep.equal(expected);
    expect(again).to.deep.equal(expected);
  }),
} as const;

const BROKEN: Readonly<Record<keyof typeof LAWS, Readonly<Record<string, React>>>> = {
  'is in order within a conversation and concurrent between them': {
    'handles all at once': reactAllAtOnce,
    'handles all in one line': reactInOneLine,
    'retries behind the successors': reactThatRetriesBehind,
  },
  'retries in its lane, while nothing was said, up to `retry.count`': {
    'repeats what was said': reactThatRepeatsItself,
    'retries never': reactThatHidesFailures,
  },
  'fails the event of a failing handler, and not the stream': {
    dies: reactThatDies,
    'hides failures': reactThatHidesFailures,
  },
  'has a state that is safe: each handler finds what the successful ones before it left': {
    'handles all at once': reactAllAtOnce,
    'keeps what a failed handler set': reactThatKeepsFailedState,
  },
  'numbers the actions of an event from 1, the same when it is handled again': {
    'numbers those of the stream': reactThatNumbersAll,
    'counts on': reactThatCountsOn,
  },
};

describe('react, as laws', () => {
  for (const name of Object.keys(LAWS) as (keyof typeof LAWS)[]) {
    it(name, () => {
      fc.assert(LAWS[name](react));
    });
    for (const [what, broken] of Object.entries(BROKEN[name])) {
      it(`${name}: not the one that ${what}`, () => {
        expect(fc.check(LAWS[name](broken), thorough).failed).to.equal(true);
      });
    }
  }
});
