import { expect } from 'chai';
import fc from 'fast-check';
import { map, timer } from 'rxjs';
import {
  bridge,
  dedupe,
  forwardOnTimeout,
  memoryStore,
  operatorSeat,
  ownership,
  OUTCOMES,
  react,
  text,
  type Conversation,
  type InboundEvent,
} from 'tidewire';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import { BridgeDesk, chat, kim, lev, mira, slowStore } from '../support/bridge-desk.js';
import {
  bridgeBesideTheAccount,
  bridgeThatDoesNotAsk,
  bridgeThatGuesses,
  bridgeThatHurries,
  bridgeThatKeeps,
  bridgeThatLearnsNothing,
  bridgeThatRepeatsItself,
  bridgeThatSwaps,
  bridgeWithoutTranscript,
} from '../support/broken/bridge.js';
import { thorough } from '../support/thorough.js';

type Bridge = typeof bridge;

const customers = [mira, lev, kim] as const;

type Step =
  | { readonly kind: 'ask' | 'say' | 'end'; readonly who: number }
  | { readonly kind: 'edit'; readonly who: number; readonly which: number }
  | { readonly kind: 'answer' | 'return' | 'close'; readonly which: number }
  | { readonly kind: 'change'; readonly which: number }
  | { readonly kind: 'plain' }
  | { readonly kind: 'again'; readonly which: number };
interface Plan {
  readonly steps: readonly (Step & { readonly gapMs: number })[];
  /** How long the platforms take, in turn; the store, if it takes any time. */
  readonly latencies: readonly number[];
  readonly storeMs: readonly number[];
}

/** What an operator said: for whom, as far as can be seen in the chat, and when. */
interface Answer {
  readonly id: string;
  readonly text: string;
  readonly customer: Conversation | undefined;
  readonly at: number;
  readonly isOpen: boolean;
  /** All whose conversation was open then. */
  readonly open: readonly Conversation[];
  /** It answers no message: when nothing is open any more, it is for the operators. */
  readonly isPlain: boolean;
  /** A correction of an answer. */
  readonly of?: Answer;
  /** What operators said before, which it answers. */
  readonly to?: Answer;
}

/** What went to a customer in a person's words while the bot had the conversation, or what was not told in the books. */
class Run {
  readonly clock: VirtualClock = virtualClock();
  readonly world: BridgeDesk;
  readonly answers: Answer[] = [];
  readonly said: { readonly id: string; readonly text: string; readonly customer: Conversation }[] = [];
  readonly untimely: string[] = [];
  readonly closed: { readonly customer: string; readonly at: number }[] = [];
  books = true;
  readonly #store = memoryStore({ scheduler: this.clock });
  readonly #desk = ownership({ store: this.#store, scheduler: this.clock });
  readonly #seat = operatorSeat({ conversation: chat, store: this.#store, scheduler: this.clock });
  /** Who an event is from. */
  readonly #from = new Map<string, Conversation | undefined>();
  readonly #delivered: InboundEvent[] = [];

  constructor(implementation: Bridge, { steps, latencies, storeMs }: Plan) {
    const { clock } = this;
    let n = 0;
    let m = 0;
    const store =
      storeMs.length === 0 ? this.#store : slowStore(this.#store, clock, () => storeMs[m++ % storeMs.length] ?? 0);
    const watched: Bridge = (config, responder) => (events) =>
      implementation(
        config,
        responder,
      )(events).pipe(
        map((action) => {
          const { conversation, by, id } = action;
          if (by === 'human' && this.#owner(conversation) === 'bot') this.untimely.push(id);
          return action;
        }),
      );
    this.world = new BridgeDesk({
      clock,
      store,
      implementation: watched,
      takes: () => true,
      takesMs: () => latencies[n++ % latencies.length] ?? 0,
      before: dedupe({ scheduler: clock }),
      responder: react((event) =>
        event.kind !== 'message'
          ? undefined
          : event.text.includes('help')
            ? { kind: 'handoff', to: { kind: 'any' } }
            : { kind: 'text', text: `bot: ${event.text}` },
      ),
    });
    const { source } = this.world;
    source.subscribe((event) => {
      if (!this.#delivered.some(({ id }) => id === event.id)) this.#delivered.push(event);
    });
    this.world.desk.changes$.subscribe(({ conversation, owner }) => {
      if (owner === 'bot') this.closed.push({ customer: conversation.id, at: clock.now() });
    });
    steps.forEach((step, index) => {
      this.#pass(step.gapMs);
      this.#do(step, index);
      this.#look();
    });
    this.#pass(30_000);
  }

  #pass(ms: number): void {
    for (let passed = 0; passed < ms && passed < 100; passed += 5) {
      this.clock.advance(Math.min(5, ms - passed));
      this.#look();
    }
    this.clock.advance(Math.max(0, ms - 100));
    this.#look();
  }

  #look(): void {
    for (const { received, inFlight, outcomes } of this.world.accounts.bySource().values()) {
      if (received !== OUTCOMES.reduce((sum, outcome) => sum + outcomes[outcome], inFlight)) this.books = false;
    }
  }

  #owner(conversation: Conversation): string {
    let found = '';
    this.#desk.ownerOf(conversation).subscribe((owner) => (found = owner));
    return found;
  }

  #open(): readonly Conversation[] {
    const open: Conversation[] = [];
    this.#seat.talks().subscribe((talks) => open.push(...talks.map(({ customer }) => customer)));
    return open.filter((customer) => this.#owner(customer) !== 'bot');
  }

  /** For whom a message in the chat stands; what the bridge tells operators stands for nobody. */
  #standsFor(from: string): Conversation | undefined {
    const [event = '', ...action] = from.split('#');
    return action.length > 0 && /^[ov]/.test(event) ? undefined : this.#from.get(event);
  }

  #do(step: Step, index: number): void {
    const { world } = this;
    switch (step.kind) {
      case 'ask':
      case 'say': {
        const customer = customers[step.who] ?? mira;
        const [id, text] = [`c${index}`, step.kind === 'ask' ? `help ${index}` : `said ${index}`];
        this.#from.set(id, customer);
        this.said.push({ id, text, customer });
        world.says(customer, text, { id });
        return;
      }
      case 'edit': {
        const customer = customers[step.who] ?? mira;
        const own = this.said.filter((message) => message.customer === customer);
        const message = own[step.which % Math.max(1, own.length)];
        if (message === undefined) return;
        const id = `x${index}`;
        this.#from.set(id, customer);
        const edited = {
          ...world.base(customer, id),
          kind: 'edited',
          messageId: message.id,
          text: `edited ${index}`,
        } as const;
        world.deliver(edited);
        return;
      }
      case 'end':
        world.ends(customers[step.who] ?? mira);
        return;
      case 'plain':
      case 'answer':
      case 'return':
      case 'close': {
        // Whom the operators mean who answer nobody, only they know.
        const shown = world
          .shown(chat)
          .filter(({ from }) => !this.answers.some(({ id, isPlain }) => isPlain && id === from));
        const answered = step.kind === 'plain' ? undefined : shown[step.which % Math.max(1, shown.length)];
        if (step.kind !== 'plain' && answered === undefined) return;
        const open = this.#open();
        const customer =
          answered !== undefined ? this.#standsFor(answered.from) : open.length === 1 ? open[0] : undefined;
        const isOpen = customer !== undefined && open.some(({ id }) => id === customer.id);
        const command = step.kind === 'return' ? '/return ' : step.kind === 'close' ? '/end ' : '';
        const [id, text] = [`o${index}`, `answer ${index}`];
        if (answered !== undefined) this.#from.set(id, customer);
        const to = this.answers.find((one) => one.id === answered?.from);
        const at = this.clock.now();
        this.answers.push({ id, text, customer, at, isOpen, open, isPlain: answered === undefined, ...(to && { to }) });
        world.says(chat, command + text, { id, ...(answered !== undefined && { replyTo: answered.id }) });
        return;
      }
      case 'change': {
        const own = this.answers.filter(
          ({ id, customer, of }) => customer !== undefined && of === undefined && this.#from.has(id),
        );
        const of = own[step.which % Math.max(1, own.length)];
        if (of === undefined) return;
        const [id, text] = [`v${index}`, `changed ${index}`];
        const isOpen = of.isOpen && this.#open().some((customer) => customer.id === of.customer?.id);
        this.answers.push({
          id,
          text,
          customer: of.customer,
          at: this.clock.now(),
          isOpen,
          open: [],
          isPlain: false,
          of,
        });
        world.deliver({ ...world.base(chat, id), kind: 'edited', messageId: of.id, text });
        return;
      }
      case 'again': {
        const event = this.#delivered[this.#delivered.length - 1 - (step.which % 5)];
        if (event !== undefined) world.deliver(event);
      }
    }
  }

  /** How often something was said to a customer. */
  reached({ id }: Conversation, text: string): number {
    return this.world.actions.filter(
      (action) =>
        action.conversation.id === id &&
        (action.kind === 'text' || action.kind === 'edit') &&
        (action.text === text || action.text === `Correction: ${text}`),
    ).length;
  }

  told(id: string): number {
    return this.world.actions.filter(
      (action) => action.kind === 'text' && action.conversation.id === chat.id && action.replyTo === id,
    ).length;
  }

  /** For whom it was: what reached nobody stands for nobody, and neither does what answers it. */
  customerOf({ customer, to, of }: Answer): Conversation | undefined {
    if (of !== undefined) return this.customerOf(of);
    return to === undefined || customers.some((one) => this.reached(one, to.text) > 0) ? customer : undefined;
  }

  staysOpen(customer: Conversation, at: number): boolean {
    return !this.closed.some((closing) => closing.customer === customer.id && closing.at >= at);
  }
}

const gapMs = fc.oneof({ weight: 3, arbitrary: fc.nat(3) }, fc.nat(60), fc.constant(400));
const who = fc.nat(2);
const which = fc.nat(30);
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), who, gapMs }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('say' as const), who, gapMs }) },
    { weight: 7, arbitrary: fc.record({ kind: fc.constant('answer' as const), which, gapMs }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('plain' as const), gapMs }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('edit' as const), who, which, gapMs }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('change' as const), which, gapMs }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('again' as const), which, gapMs }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('return' as const, 'close' as const), which, gapMs }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), who, gapMs }) },
  ),
  { maxLength: 25 },
);
const plans: fc.Arbitrary<Plan> = fc.record({
  steps,
  latencies: fc.array(fc.oneof(fc.constant(0), fc.nat(40)), { minLength: 1, maxLength: 5 }),
  storeMs: fc.oneof(fc.constant([]), fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 })),
});

const LAWS = {
  'brings every answer to the customer it is for, exactly once, or tells the operator that it does not': (run: Run) => {
    for (const answer of run.answers) {
      const { id, text, at, isOpen, open, isPlain, of } = answer;
      const customer = run.customerOf(answer);
      const reached = customers.map((other) => run.reached(other, text));
      const total = reached.reduce((sum, times) => sum + times, 0);
      expect(total, text).to.be.at.most(1);
      if (!isPlain || open.length === 1)
        expect(total, `${text} at others`).to.equal(customer ? run.reached(customer, text) : 0);
      const stays = (one: Conversation): boolean => run.staysOpen(one, of?.at ?? at);
      if (isPlain && open.length > 1 && open.every(stays)) expect([total, run.told(id)], text).to.deep.equal([0, 1]);
      else if (customer !== undefined && isOpen && stays(customer)) {
        // What answers no message is not said when somebody else is open by then.
        expect(isPlain ? total + run.told(id) : total, text).to.equal(1);
      }
      // Nobody is told of a change to what went nowhere.
      else if (total === 0 && of === undefined && !isPlain) expect(run.told(id), text).to.be.at.least(1);
    }
  },
  'keeps the order of what operators say to a customer': (run: Run) => {
    for (const customer of customers) {
      const inOrder = run.answers.filter(({ of, text }) => of === undefined && run.reached(customer, text) > 0);
      const read = run.world.actions.flatMap((action) =>
        action.conversation.id === customer.id && action.kind === 'text' && action.by === 'human' ? [action.text] : [],
      );
      expect(read.filter((text) => text.startsWith('answer'))).to.deep.equal(inOrder.map(({ text }) => text));
    }
  },
  'says nothing to a customer whose conversation was given back or is over': ({ untimely }: Run) => {
    expect(untimely).to.deep.equal([]);
  },
  'copies what a customer says to the operators, or leaves it to the bot: once, in order, and nothing is lost': (
    run: Run,
  ) => {
    for (const customer of customers) {
      const own = run.said.filter((message) => message.customer === customer);
      const place = (id: string | undefined): number => own.findIndex((message) => message.id === id);
      const copies: number[] = [];
      const bot: number[] = [];
      const told = new Set<string>();
      for (const action of run.world.actions) {
        if (action.kind !== 'text') continue;
        const { conversation, cause, text } = action;
        for (const [, words = ''] of text.matchAll(/: ((?:said|help) \d+)$/gm)) told.add(words);
        if (conversation.id === chat.id && place(cause) >= 0 && !text.includes('waits for')) copies.push(place(cause));
        if (conversation.id === customer.id && text.startsWith('bot: ')) bot.push(place(cause));
      }
      for (const seen of [copies, bot]) expect(seen).to.deep.equal([...new Set(seen)].sort((a, b) => a - b));
      for (const { id, text } of own) {
        expect(copies.includes(place(id)) && bot.includes(place(id)), text).to.equal(false);
        expect(told.has(text), `${text} of ${customer.id}`).to.equal(true);
      }
    }
  },
  'accounts for everything, at every moment': ({ books, world }: Run) => {
    expect(books).to.equal(true);
    expect(world.accounts.counts()).to.include({ inFlight: 0, late: 0, lost: 0 });
    const { failed, expired, shed, inDoubt } = world.accounts.counts().outcomes;
    expect({ failed, expired, shed, inDoubt }).to.deep.equal({ failed: 0, expired: 0, shed: 0, inDoubt: 0 });
  },
} satisfies Readonly<Record<string, (run: Run) => void>>;

const BROKEN: Readonly<Record<keyof typeof LAWS, Readonly<Record<string, Bridge>>>> = {
  'brings every answer to the customer it is for, exactly once, or tells the operator that it does not': {
    guesses: bridgeThatGuesses,
    'repeats itself': bridgeThatRepeatsItself,
    'learns nothing from receipts': bridgeThatLearnsNothing,
  },
  'keeps the order of what operators say to a customer': { hurries: bridgeThatHurries },
  'says nothing to a customer whose conversation was given back or is over': {
    'does not ask the desk': bridgeThatDoesNotAsk,
  },
  'copies what a customer says to the operators, or leaves it to the bot: once, in order, and nothing is lost': {
    'swaps what comes in': bridgeThatSwaps,
    'tells nothing of what was said before': bridgeWithoutTranscript,
  },
  'accounts for everything, at every moment': {
    'keeps what it has': bridgeThatKeeps,
    'speaks beside the account': bridgeBesideTheAccount,
  },
};

const law =
  (check: (run: Run) => void) =>
  (implementation: Bridge): fc.IProperty<unknown> =>
    fc.property(plans, (plan) => {
      check(new Run(implementation, plan));
    });

describe('bridge, whatever customers, operators, platforms and the store do', () => {
  for (const name of Object.keys(LAWS) as (keyof typeof LAWS)[]) {
    it(name, () => {
      fc.assert(law(LAWS[name])(bridge), { numRuns: 300 });
    });
    for (const [what, broken] of Object.entries(BROKEN[name])) {
      it(`${name}: not the one that ${what}`, () => {
        expect(fc.check(law(LAWS[name])(broken), thorough).failed).to.equal(true);
      });
    }
  }
});

describe('bridge around forwardOnTimeout, whoever hands over, and however late it is known', () => {
  const to = { kind: 'any' } as const;
  const scripts = fc.array(
    fc.record({
      kind: fc.constantFrom('ask' as const, 'ask' as const, 'say' as const, 'end' as const, 'return' as const),
      who,
      gapMs,
    }),
    { maxLength: 12 },
  );
  const afterMs = fc.integer({ min: 5, max: 60 });

  it('leaves no customer with nobody', () => {
    fc.assert(
      fc.property(scripts, plans, afterMs, (script, { latencies, storeMs }, timeoutMs) => {
        const clock = virtualClock();
        const store = memoryStore({ scheduler: clock });
        const [n, m] = [{ at: 0 }, { at: 0 }];
        const next = (all: readonly number[], place: { at: number }): number => all[place.at++ % all.length] ?? 0;
        const slow = storeMs.length === 0 ? store : slowStore(store, clock, () => next(storeMs, n));
        const desk = ownership({ store: slow, scheduler: clock });
        const bot = react(
          (event) =>
            event.kind !== 'message'
              ? undefined
              : timer(next(latencies, m), clock).pipe(
                  map(() => (event.text === 'help' ? ({ kind: 'handoff', to } as const) : text(`bot: ${event.text}`))),
                ),
          { scheduler: clock },
        );
        const world = new BridgeDesk({
          clock,
          desk,
          store: slow,
          takes: () => true,
          takesMs: () => next(latencies, m),
          responder: forwardOnTimeout({ desk, afterMs: timeoutMs, to, scheduler: clock }, bot),
        });
        for (const { kind, who: at, gapMs: ms } of script) {
          const customer = customers[at] ?? mira;
          const heading = world.shown(chat).at(-1)?.id;
          if (kind === 'end') world.ends(customer);
          else if (kind !== 'return') world.says(customer, kind === 'ask' ? 'help' : 'hello');
          else if (heading !== undefined) world.says(chat, '/return', { replyTo: heading });
          clock.advance(ms);
        }
        clock.advance(30_000);
        for (const customer of customers) {
          const before = world.actions.length;
          world.says(customer, 'anybody?');
          clock.advance(30_000);
          const heard = world.actions.slice(before).filter((action) => action.kind === 'text');
          expect(
            heard.some((action) => action.text.includes('anybody?')),
            customer.id,
          ).to.equal(true);
        }
        expect(world.accounts.counts()).to.include({ inFlight: 0 });
      }),
      { numRuns: 200 },
    );
  });
});
