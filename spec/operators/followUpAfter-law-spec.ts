import { expect } from 'chai';
import fc from 'fast-check';
import { EMPTY, map, of, Subject, timer, type Observable, type OperatorFunction, type Subscription } from 'rxjs';
import {
  ChatError,
  deliver,
  delivered,
  followUpAfter,
  memoryStore,
  openAccounts,
  ownership,
  react,
  type FollowUpAfterConfig,
  type FollowUpLedger,
  type InboundEvent,
  type OutboundAction,
} from 'tidewire';
import { fluidtalkLedger, type LedgerCall } from 'tidewire/fluidtalk';
import { fluidtalkCore } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { message } from '../support/events.js';
import { virtualPersona } from '../support/virtual-persona.js';
import { thorough } from '../support/thorough.js';

const QUIET_MS = 3_600_000;
const DAY_MS = 86_400_000;
const FOLLOW_UP = 'Are you still there';

type Responder = OperatorFunction<InboundEvent, OutboundAction>;
type Program = (config: FollowUpAfterConfig, responder: Responder) => Responder;

/** Claims whatever it is asked. */
const carelessLedger = (): FollowUpLedger => {
  const call: LedgerCall = { kind: 'followUp', target: '', claim: 1 };
  const nothing = (): Observable<void> => of(undefined);
  return {
    claimFollowUp: () => of({ kind: 'claimed', call }),
    replied: (_, { bubbles }) => of(bubbles.map((text, index) => ({ kind: 'bubble', index, text }) as const)),
    delivered: () => of([]),
    inDoubt: nothing,
    release: nothing,
    seal: nothing,
  };
};

/** Each breaks the law it is listed under. */
const BROKEN: Readonly<Record<string, Program>> = {
  'asks at most once in 24 hours': (config, responder) =>
    followUpAfter({ ...config, ledger: carelessLedger() }, responder),
  'says nothing after a stop': (config, responder) => (events) =>
    events.pipe(
      map((event): InboundEvent => (event.kind === 'unsubscribed' ? { ...event, kind: 'other', name: 'x' } : event)),
      followUpAfter({ ...config, mayContact: () => true }, responder),
    ),
  'says nothing while a lead waits for an answer': (config, responder) => {
    const last = new Map<string, string>();
    // Whatever is said is an answer to what they wrote last.
    return followUpAfter(config, (events) =>
      responder(events.pipe(map((event) => (last.set(event.conversation.id, event.id), event)))).pipe(
        map((action) => ({ ...action, cause: last.get(action.conversation.id) ?? '' })),
      ),
    );
  },
  'says nothing while a person has the conversation': ({ desk: _, ...config }, responder) =>
    followUpAfter(config, responder),
  'says nothing to a lead who was never answered': (config, responder) =>
    // Without a trace what is said counts, arrived or not.
    followUpAfter(config, (events) =>
      responder(events).pipe(
        map((action) => ({ ...(JSON.parse(JSON.stringify(action)) as typeof action), id: `${action.id}x` })),
      ),
    ),
};

interface Entry {
  readonly at: number;
  readonly lead: string;
  readonly what: 'wrote' | 'read' | 'reminded' | 'unsubscribed' | 'listed' | 'owned' | 'returned' | 'ended';
  readonly text: string;
}

/** Leads, a persona, people, and a program that may be started again at any moment. */
class World {
  readonly clock = virtualClock();
  readonly core;
  readonly desk = ownership({ scheduler: this.clock });
  readonly journal: Entry[] = [];
  readonly listed = new Set<string>();
  refusals = 0;
  readonly #store = memoryStore({ scheduler: this.clock });
  readonly #program: Program;
  readonly #thinking: () => number;
  #source = new Subject<InboundEvent>();
  #account = openAccounts({ scheduler: this.clock }).of('desk');
  #running: Subscription | undefined;

  constructor(program: Program, thinking: () => number) {
    this.#program = program;
    this.#thinking = thinking;
    this.core = fluidtalkCore({ scheduler: this.clock, thinkMs: () => Math.min(this.#thinking(), 50_000) });
    for (const target of ['a', 'b']) this.core.chat({ target, message: 'hi' }).subscribe();
    this.clock.advance(100_000);
    this.start();
  }

  start(): void {
    this.#running?.unsubscribe();
    const { clock: scheduler, desk, core } = this;
    const accounts = openAccounts({ scheduler });
    this.#account = accounts.of('desk');
    this.#source = new Subject();
    const responder = react(
      (event: InboundEvent) => {
        const thinkMs = this.#thinking();
        if (event.kind !== 'message' || thinkMs > 90_000) return EMPTY;
        return timer(thinkMs, scheduler).pipe(map(() => ({ kind: 'text', text: event.text }) as const));
      },
      { scheduler },
    );
    const program = this.#program(
      {
        persona: virtualPersona(core, scheduler),
        quietMs: QUIET_MS,
        ledger: fluidtalkLedger({ store: this.#store, scheduler }),
        store: this.#store,
        mayContact: ({ id }) => !this.listed.has(id),
        desk,
        target: ({ conversation }) => conversation.id,
        accounts,
        scheduler,
      },
      responder,
    );
    this.#running = this.#source
      .pipe(
        program,
        deliver({ name: 'toLead', scheduler }, (action) => {
          const text = action.kind === 'text' ? action.text : '';
          if (this.refusals > 0) {
            this.refusals--;
            throw new ChatError('refused', 'desk', 'no');
          }
          this.note(action.conversation.id, text.startsWith(FOLLOW_UP) ? 'reminded' : 'read', text);
          return timer(10, scheduler).pipe(map(() => delivered(action, new Date(scheduler.now()).toISOString())));
        }),
      )
      .subscribe({ error: () => undefined });
  }

  happen(lead: string, id: string, kind: 'message' | 'unsubscribed' | 'ended'): void {
    const event: InboundEvent = { ...message(id, lead, id), kind };
    const trace = this.#account.open(event);
    this.note(lead, kind === 'message' ? 'wrote' : kind, id);
    this.#source.next(event);
    trace.release(this.#account);
  }

  note(lead: string, what: Entry['what'], text = ''): void {
    this.journal.push({ at: this.clock.now(), lead, what, text });
  }

  /** The reminders, and what had happened to the lead before each. */
  reminders(): readonly { readonly at: number; readonly before: readonly Entry[] }[] {
    return this.journal.flatMap(({ at, lead, what }, index) =>
      what === 'reminded' ? [{ at, before: this.journal.slice(0, index).filter((entry) => entry.lead === lead) }] : [],
    );
  }
}

const LAWS: Readonly<Record<string, (world: World) => void>> = {
  'asks at most once in 24 hours': ({ core }) => {
    const last = new Map<string, number>();
    for (const entry of core.journal) {
      if (entry.kind !== 'asked') continue;
      expect(entry.at - (last.get(entry.target) ?? -Infinity)).to.be.at.least(DAY_MS);
      last.set(entry.target, entry.at);
    }
  },
  'says nothing after a stop': (world) => {
    for (const { before } of world.reminders()) {
      expect(before.map(({ what }) => what)).not.to.include.members(['unsubscribed']);
      expect(before.map(({ what }) => what)).not.to.include.members(['listed']);
    }
  },
  'says nothing while a lead waits for an answer': (world) => {
    for (const { before } of world.reminders()) {
      const wrote = before.filter(({ what }) => what === 'wrote').at(-1);
      expect(before.some(({ what, text }) => what === 'read' && text === wrote?.text)).to.equal(true);
    }
  },
  'says nothing while a person has the conversation': (world) => {
    for (const { before } of world.reminders()) {
      const owner = before.filter(({ what }) => what === 'owned' || what === 'returned').at(-1);
      expect(owner?.what).not.to.equal('owned');
    }
  },
  'says nothing to a lead who was never answered': (world) => {
    for (const { at, before } of world.reminders()) {
      const answer = before.filter(({ what }) => what === 'read').at(-1);
      expect(answer?.at ?? Infinity).to.be.at.most(at - QUIET_MS);
    }
  },
};

const steps = fc.array(
  fc.record({
    gapMs: fc.oneof(fc.nat(100_000), fc.nat(2 * QUIET_MS), fc.integer({ min: QUIET_MS, max: QUIET_MS + 120_000 })),
    lead: fc.constantFrom('a', 'b'),
    step: fc.oneof(
      { weight: 8, arbitrary: fc.constant('write' as const) },
      fc.constantFrom('start', 'end', 'unsubscribe', 'list', 'own', 'return', 'refuse', 'resetAfter', 'fail', 'silent'),
    ),
  }),
  { maxLength: 20 },
);
const thinking = fc.array(fc.oneof(fc.nat(2_000), fc.nat(100_000)), { minLength: 1, maxLength: 6 });

const whatever = (program: Program, law: (world: World) => void): fc.IProperty<unknown> =>
  fc.property(steps, thinking, (list, thoughts) => {
    let n = 0;
    const world = new World(program, () => thoughts[n++ % thoughts.length] ?? 0);
    list.forEach(({ gapMs, lead, step }, index) => {
      world.clock.advance(gapMs);
      const { conversation } = message('x', lead);
      switch (step) {
        case 'write':
          world.happen(lead, `m${index}`, 'message');
          break;
        case 'end':
          world.happen(lead, `e${index}`, 'ended');
          break;
        case 'unsubscribe':
          world.happen(lead, `u${index}`, 'unsubscribed');
          break;
        case 'list':
          world.listed.add(lead);
          world.note(lead, 'listed');
          break;
        case 'own':
          world.desk.handOver(conversation, `h${index}`).subscribe();
          world.note(lead, 'owned');
          break;
        case 'return':
          world.desk.returnToBot(conversation).subscribe();
          world.note(lead, 'returned');
          break;
        case 'refuse':
          world.refusals = 1;
          break;
        case 'start':
          world.start();
          break;
        default:
          world.core.faults[step] = 1;
      }
    });
    world.clock.advance(30 * QUIET_MS);
    law(world);
  });

describe('a follow-up, whatever the leads, the persona, people and the process do', () => {
  for (const [name, law] of Object.entries(LAWS)) {
    it(name, () => {
      fc.assert(whatever(followUpAfter, law), { numRuns: 300 });
    });
    it(`${name}: not the one that is broken on purpose`, () => {
      expect(fc.check(whatever(BROKEN[name] as Program, law), thorough).failed).to.equal(true);
    });
  }

  it('is said in the first place', () => {
    const world = new World(followUpAfter, () => 10);
    world.happen('a', 'm', 'message');
    world.clock.advance(2 * QUIET_MS);
    expect(world.reminders()).to.have.length(1);
  });
});
