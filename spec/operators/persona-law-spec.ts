import { expect } from 'chai';
import fc from 'fast-check';
import { defer, map, NEVER, Subject, type Observable, type OperatorFunction, type Subscription } from 'rxjs';
import {
  dedupe,
  deliver,
  delivered,
  forwardOnTimeout,
  memoryStore,
  openAccounts,
  ownership,
  routeToFluidTalk,
  type Conversation,
  type InboundEvent,
  type OutboundAction,
  type Ownership,
  type PersonaLedger,
  type Receipt,
  type Store,
  type Trace,
} from 'tidewire';
import { fluidtalkLedger } from 'tidewire/fluidtalk';
import { fluidtalkCore, type FluidtalkCore } from 'tidewire/simulators';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import { message } from '../support/events.js';
import { virtualPersona } from '../support/virtual-persona.js';
import { thorough } from '../support/thorough.js';

const AFTER_MS = 45_000;

/** What a program is made of; a broken one puts it together otherwise. */
interface Parts {
  readonly clock: VirtualClock;
  readonly core: FluidtalkCore;
  readonly desk: Ownership;
  readonly ledger: PersonaLedger;
  readonly accounts: ReturnType<typeof openAccounts>;
  readonly sink: (desk?: Ownership) => OperatorFunction<OutboundAction, Receipt>;
}
type Program = (parts: Parts) => OperatorFunction<InboundEvent, Receipt>;

const to = { kind: 'any' } as const;

const program: Program =
  ({ clock, core, desk, ledger, accounts, sink }) =>
  (events) => {
    const persona = routeToFluidTalk(virtualPersona(core, clock), { ledger, scheduler: clock });
    const config = { desk, afterMs: AFTER_MS, to, hold: true, accounts, scheduler: clock };
    return events.pipe(dedupe(), forwardOnTimeout(config, persona), sink(desk));
  };

/** Each breaks the law it is listed under. */
const BROKEN: Readonly<Record<string, Program>> = {
  'never answers a message twice':
    ({ clock, core, sink }) =>
    (events) =>
      events.pipe(routeToFluidTalk(virtualPersona(core, clock), { scheduler: clock }), sink()),
  'never speaks after the handover':
    ({ clock, core, desk, ledger, accounts, sink }) =>
    (events) => {
      const persona = routeToFluidTalk(virtualPersona(core, clock), { ledger, scheduler: clock });
      const config = { afterMs: AFTER_MS, to, hold: true, accounts, scheduler: clock };
      // Its sink does not ask the desk, and what is open is not taken back: the responder sees copies.
      const copies: typeof persona = (source) => persona(source.pipe(untracked));
      return events.pipe(dedupe(), forwardOnTimeout({ ...config, desk }, copies), sink());
    },
  'leaves no customer without answer or handover':
    ({ clock, core, ledger, sink }) =>
    (events) =>
      events.pipe(dedupe(), routeToFluidTalk(virtualPersona(core, clock), { ledger, scheduler: clock }), sink()),
  'opens one conversation, for one token, with each customer':
    ({ clock, core, desk, ledger, accounts, sink }) =>
    (events) => {
      // Every spelling is a conversation of its own.
      const target = ({ conversation, id }: InboundEvent): string => `${conversation.id} ${id}`;
      const persona = routeToFluidTalk(virtualPersona(core, clock), { ledger, target, scheduler: clock });
      const config = { desk, afterMs: AFTER_MS, to, hold: true, accounts, scheduler: clock };
      return events.pipe(dedupe(), forwardOnTimeout(config, persona), sink(desk));
    },
};

const untracked: OperatorFunction<InboundEvent, InboundEvent> = map(
  (event) => JSON.parse(JSON.stringify(event)) as InboundEvent,
);

/** What a contact saw and wrote. */
interface Entry {
  readonly at: number;
  readonly conversation: string;
  readonly what: 'wrote' | 'read' | 'handed over' | 'ended' | 'returned';
  readonly text: string;
}

/** Contacts, a persona, people, and a program that may die at any moment and be started again. */
class World {
  readonly clock = virtualClock();
  readonly core: FluidtalkCore;
  readonly journal: Entry[] = [];
  readonly #store = memoryStore({ scheduler: this.clock });
  readonly #program: Program;
  readonly #unsettled = new Map<string, InboundEvent>();
  readonly #all: InboundEvent[] = [];
  #source = new Subject<InboundEvent>();
  #account = openAccounts({ scheduler: this.clock }).of('desk');
  #running: Subscription | undefined;
  #alive = { yes: true };
  desk: Ownership = ownership();

  constructor(implementation: Program, thinkMs: () => number) {
    this.#program = implementation;
    this.core = fluidtalkCore({ scheduler: this.clock, tokens: 1_000, thinkMs });
    this.start();
  }

  start(): void {
    const alive = (this.#alive = { yes: true });
    const { clock, core } = this;
    const living = <T>(call: () => Observable<T>): Observable<T> => defer(() => (isAlive() ? call() : NEVER));
    const isAlive = (): boolean => alive.yes;
    const store: Store = {
      get: (key) => living(() => this.#store.get(key)),
      put: (key, value, options) => living(() => this.#store.put(key, value, options)),
      delete: (key, options) => living(() => this.#store.delete(key, options)),
      scan: (prefix) => living(() => this.#store.scan(prefix)),
      forget: (prefix) => living(() => this.#store.forget(prefix)),
    };
    const accounts = openAccounts({ scheduler: clock });
    this.#account = accounts.of('desk');
    this.desk = ownership({ store, scheduler: clock });
    const ledger = fluidtalkLedger({ store, scheduler: clock });
    this.#source = new Subject();
    const sink = (desk?: Ownership): OperatorFunction<OutboundAction, Receipt> =>
      deliver({ name: 'toContact', scheduler: clock, ...(desk !== undefined && { desk }) }, (action) => {
        if (action.kind === 'text') this.#note(action.conversation, 'read', action.text);
        if (action.kind === 'handoff') this.#note(action.conversation, 'handed over', '');
        return delivered(action, new Date(clock.now()).toISOString());
      });
    this.#running = this.#source
      .pipe(this.#program({ clock, core, desk: this.desk, ledger, accounts, sink }))
      .subscribe({ error: () => undefined });
    for (const event of [...this.#unsettled.values()]) this.#deliver(event);
  }

  crash(): void {
    this.#alive.yes = false;
    this.#running?.unsubscribe();
    this.start();
  }

  write(conversation: string, id: string): void {
    const event = { ...message(id, conversation, id), at: new Date(this.clock.now()).toISOString() };
    this.#note(event.conversation, 'wrote', id);
    this.#all.push(event);
    this.#deliver(event);
  }

  repeat(index: number): void {
    const event = this.#all[this.#all.length - 1 - (index % 3)];
    if (event !== undefined) this.#deliver(event);
  }

  end(conversation: string): void {
    const event: InboundEvent = { ...message(`end${this.journal.length}`, conversation), kind: 'ended' };
    this.#note(event.conversation, 'ended', '');
    this.#deliver(event);
  }

  giveBack(conversation: string): void {
    const { conversation: place } = message('x', conversation);
    this.#note(place, 'returned', '');
    this.desk.returnToBot(place).subscribe();
  }

  #deliver(event: InboundEvent): void {
    const copy = { ...event };
    const alive = this.#alive;
    const trace: Trace = this.#account.open(copy);
    if (!this.#unsettled.has(event.id)) this.#unsettled.set(event.id, event);
    trace.onSettled({
      settled: (_, outcome) => {
        // Its twin says what becomes of it.
        if (alive.yes && outcome !== 'duplicate') this.#unsettled.delete(event.id);
      },
    });
    this.#source.next(copy);
    trace.release(this.#account);
  }

  #note({ id }: Conversation, what: Entry['what'], text: string): void {
    this.journal.push({ at: this.clock.now(), conversation: id, what, text });
  }
}

const LAWS: Readonly<Record<string, (world: World) => void>> = {
  'never answers a message twice': ({ journal }) => {
    const read = journal.filter(({ what }) => what === 'read').map(({ text }) => text);
    expect(read).to.deep.equal([...new Set(read)]);
  },
  'never speaks after the handover': ({ journal }) => {
    const handedOver = new Set<string>();
    for (const { conversation, what, text } of journal) {
      if (what === 'handed over') {
        expect(handedOver.has(conversation), 'handed over again').to.equal(false);
        handedOver.add(conversation);
      } else if (what === 'ended' || what === 'returned') handedOver.delete(conversation);
      else if (what === 'read') expect(handedOver.has(conversation), text).to.equal(false);
    }
  },
  'leaves no customer without answer or handover': ({ journal }) => {
    journal.forEach(({ at, conversation, what, text }, index) => {
      if (what !== 'wrote') return;
      const own = journal.filter((entry) => entry.conversation === conversation);
      const before = own.filter((entry) => journal.indexOf(entry) < index).map((entry) => entry.what);
      const isHuman =
        before.lastIndexOf('handed over') > Math.max(before.lastIndexOf('ended'), before.lastIndexOf('returned'));
      const after = own.filter((entry) => journal.indexOf(entry) > index && entry.at <= at + AFTER_MS);
      const isOver = after.some((entry) => ['handed over', 'ended', 'read'].includes(entry.what));
      expect(isHuman || isOver, `${text} of ${conversation} at ${at}`).to.equal(true);
    });
  },
  'opens one conversation, for one token, with each customer': ({ core, journal }) => {
    const tokens = core.journal.filter(({ kind }) => kind === 'token').length;
    const customers = new Set(journal.filter(({ what }) => what === 'wrote').map(({ conversation }) => conversation));
    expect(tokens).to.equal(core.journal.filter(({ kind }) => kind === 'opened').length);
    expect(tokens).to.be.at.most(customers.size);
  },
};

const steps = fc.array(
  fc.record({
    gapMs: fc.oneof(fc.nat(3_000), fc.nat(60_000)),
    conversation: fc.constantFrom('a', 'b'),
    step: fc.oneof(
      { weight: 6, arbitrary: fc.constant('write' as const) },
      fc.constantFrom('crash', 'repeat', 'end', 'return', 'resetAfter', 'fail', 'silent', 'throttle', 'refuse'),
    ),
  }),
  { maxLength: 20 },
);

const whatever = (implementation: Program, law: (world: World) => void): fc.IProperty<unknown> =>
  fc.property(
    steps,
    fc.array(fc.oneof(fc.nat(2_000), fc.nat(100_000)), { minLength: 1, maxLength: 6 }),
    (list, thinking) => {
      let calls = 0;
      const world = new World(implementation, () => thinking[calls++ % thinking.length] ?? 0);
      list.forEach(({ gapMs, conversation, step }, index) => {
        world.clock.advance(gapMs);
        switch (step) {
          case 'write':
            world.write(conversation, `m${index}`);
            break;
          case 'crash':
            world.crash();
            break;
          case 'repeat':
            world.repeat(index);
            break;
          case 'end':
            world.end(conversation);
            break;
          case 'return':
            world.giveBack(conversation);
            break;
          case 'refuse':
            world.core.faults.statuses = [422];
            break;
          default:
            world.core.faults[step] = 1;
        }
      });
      world.clock.advance(300_000);
      law(world);
    },
  );

describe('a persona on a desk, whatever the customers, the persona, the network and the process do', () => {
  for (const [name, law] of Object.entries(LAWS)) {
    it(name, () => {
      fc.assert(whatever(program, law), { numRuns: 300 });
    });
    it(`${name}: not the one that is broken on purpose`, () => {
      expect(fc.check(whatever(BROKEN[name] as Program, law), thorough).failed).to.equal(true);
    });
  }
});
