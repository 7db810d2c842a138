import { expect } from 'chai';
import { identity, merge, Subject, tap, type MonoTypeOperatorFunction, type Subscription } from 'rxjs';
import {
  dedupe,
  dropEcho,
  openAccounts,
  react,
  text,
  type Conversation,
  type Hop,
  type InboundEvent,
  type OutboundAction,
  type Outcome,
  type Receipt,
  type Reply,
  type Report,
} from 'tidewire';
import { virtualClock } from 'tidewire/testing';
import { eventually, turn } from './eventually.js';
import type { Answer, PlatformCase } from './platform-case.js';
import { Guest } from './platform-guest.js';
import type { MakePlatform, PlatformHarness } from './platform-harness.js';
import { resources } from './resources.js';

type Counted = Readonly<Partial<Record<Outcome, number>>>;

const repeat: Answer = (event) => (event.kind === 'message' ? text(`re ${event.text}`) : undefined);
const greeting = (name: string): string => `hello from ${name}`;

/** A program on a platform: answers what customers say, and says things by itself. */
export class Stage {
  readonly clock = virtualClock();
  readonly accounts = openAccounts({ scheduler: this.clock });
  readonly receipts: Receipt[] = [];
  /** What went into the sink. */
  readonly sent: OutboundAction[] = [];
  /** What came out of the source, own words too. */
  readonly emitted: InboundEvent[] = [];
  /** What was handled, without greetings and beginnings. */
  readonly heard: InboundEvent[] = [];
  readonly reports: Report[] = [];
  readonly hops: Hop[] = [];
  readonly actions$ = new Subject<OutboundAction>();
  readonly receipts$ = new Subject<Receipt>();
  isCompleted = false;
  isStopping = false;
  /** For answers that wait until something has happened. */
  isGateOpen = false;
  error: unknown;
  readonly #before: ReadonlyMap<string, number>;
  readonly #pushed = new Subject<OutboundAction>();
  readonly #conversations = new Map<string, Conversation>();
  #harness: PlatformHarness | undefined;
  #running: Subscription | undefined;
  #isFinished = false;
  #pushes = 0;

  private constructor(before: ReadonlyMap<string, number>) {
    this.#before = before;
  }

  static async open(
    make: MakePlatform,
    { answer = repeat, through = identity, echoes = false }: PlatformCase,
  ): Promise<Stage> {
    // The timer of the spec's own time limit is set once the spec has begun.
    await turn();
    const stage = new Stage(resources());
    const { clock, accounts } = stage;
    accounts.reports$.subscribe((report) => stage.reports.push(report));
    stage.#harness = await make({ clock, accounts, echoes });
    stage.#run(answer, through);
    return stage;
  }

  get harness(): PlatformHarness {
    if (this.#harness === undefined) throw new Error('the stage is not open');
    return this.#harness;
  }

  /** The stream, as somebody may look into it. */
  get running(): unknown {
    return this.#running;
  }

  /** Customers who say hello, which is not answered. */
  async meet<Names extends readonly string[]>(...names: Names): Promise<{ readonly [K in keyof Names]: Guest }> {
    const customers = names.map((name) => this.harness.customer(name));
    await this.outlasts(Promise.all(customers.map(async (customer, n) => customer.say(greeting(names[n] ?? '')))));
    await this.until('everybody has said hello', () => names.every((name) => this.#conversations.has(name)));
    await this.settled();
    return customers.map((customer, n) => {
      const conversation = this.#conversations.get(names[n] ?? '');
      if (conversation === undefined) throw new Error('nobody has said hello');
      return new Guest(this, customer, conversation);
    }) as { readonly [K in keyof Names]: Guest };
  }

  push(conversation: Conversation, reply: Reply): string {
    const id = `push${++this.#pushes}`;
    this.#pushed.next({ ...reply, id, conversation });
    return id;
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    await eventually(what, isSo, { state: () => this.#state() });
  }

  /** As `until`, and the time of the clock goes on meanwhile. */
  async untilLater(what: string, isSo: () => boolean): Promise<void> {
    const meanwhile = (): void => {
      this.clock.advance(250);
    };
    await eventually(what, isSo, { state: () => this.#state(), meanwhile });
  }

  /** Lets time go on until something is over. */
  async outlasts(work: Promise<unknown>): Promise<void> {
    let isOver = false;
    const ending = work.finally(() => (isOver = true));
    // It is looked at below.
    ending.catch(() => undefined);
    await this.untilLater('it is over', () => isOver);
    await ending;
  }

  /** Nothing that came in is open. */
  async settled(): Promise<void> {
    await this.untilLater('everything is settled', () => this.accounts.counts().inFlight === 0);
  }

  receiptsOf(id: string): readonly Receipt[] {
    return this.receipts.filter(({ action }) => action.id === id);
  }

  /** The receipt of an action that has been pushed. */
  async receipt(id: string): Promise<Receipt> {
    await this.untilLater(`there is a receipt for ${id}`, () => this.receiptsOf(id).length > 0);
    const [receipt] = this.receiptsOf(id);
    if (receipt === undefined) throw new Error(`no receipt for ${id}`);
    return receipt;
  }

  /** What the accounts count from now on. */
  count(): () => { readonly received: number; readonly refused: number; readonly outcomes: Counted } {
    const before = this.accounts.counts();
    return () => {
      const { received, refused, outcomes } = this.accounts.counts();
      const grown = Object.entries(outcomes).flatMap(([outcome, n]) => {
        const more = n - before.outcomes[outcome as Outcome];
        return more === 0 ? [] : [[outcome, more] as const];
      });
      return {
        received: received - before.received,
        refused: refused - before.refused,
        outcomes: Object.fromEntries(grown),
      };
    };
  }

  /**
   * Stops the program, and checks what holds whatever happened: the stream did not fail and completes, in = Σ outcomes with
   * nothing in flight, one receipt for every action.
   */
  async stop(): Promise<void> {
    const { harness } = this;
    this.#pushed.complete();
    let open: number | undefined;
    const draining = harness.drain().then(() => (open = this.accounts.counts().inFlight));
    this.isStopping = true;
    await this.outlasts(draining);
    expect(open, 'open when it was drained').to.equal(0);
    await this.untilLater('the stream has completed', () => this.isCompleted);
    expect(this.error, 'the error of the stream').to.equal(undefined);
    const { received, inFlight, outcomes, late, lost } = this.accounts.counts();
    const ended = Object.values(outcomes).reduce((sum, n) => sum + n, 0);
    expect({ received, inFlight, late, lost }, 'the accounts').to.deep.equal({
      received: ended,
      inFlight: 0,
      late: 0,
      lost: 0,
    });
    const ids = (actions: readonly OutboundAction[]): readonly string[] => actions.map(({ id }) => id).sort();
    expect(ids(this.receipts.map(({ action }) => action)), 'actions with a receipt').to.deep.equal(ids(this.sent));
  }

  /** Ends connections and platform, with the program stopped: no timer and no socket is left. */
  async finish(): Promise<void> {
    if (this.#isFinished) return;
    this.#isFinished = true;
    if (!this.isStopping) await this.stop();
    await this.harness.close();
    await this.leavesNothing();
  }

  async leavesNothing(): Promise<void> {
    const left = (): readonly string[] =>
      [...resources()].flatMap(([type, n]) => (n > (this.#before.get(type) ?? 0) ? [`${n} ${type}`] : []));
    await eventually('nothing keeps the process alive', () => left().length === 0, { state: left });
    expect(this.clock.actions.length, 'timers that are left').to.equal(0);
  }

  /** Ends it whatever happened. */
  async tearDown(): Promise<void> {
    this.#running?.unsubscribe();
    await this.#harness?.close();
  }

  #run(answer: Answer, through: MonoTypeOperatorFunction<OutboundAction>): void {
    const { harness } = this;
    const answers = harness.source.pipe(
      tap((event) => {
        this.emitted.push(event);
      }),
      dropEcho(),
      dedupe(harness.dedupe),
      react((event) => {
        const words = event.kind === 'message' ? event.text : undefined;
        const name = words === undefined ? undefined : /^hello from (\w+)$/.exec(words)?.[1];
        if (name !== undefined) this.#conversations.set(name, event.conversation);
        if (name !== undefined || event.kind === 'started') return undefined;
        this.heard.push(event);
        return answer(event, this);
      }),
    );
    const actions = merge(answers, this.#pushed).pipe(
      through,
      tap((action) => {
        this.sent.push(action);
        this.actions$.next(action);
      }),
    );
    this.#running = actions.pipe(harness.sink).subscribe({
      next: (receipt) => {
        this.receipts.push(receipt);
        this.receipts$.next(receipt);
      },
      error: (error: unknown) => {
        this.error = error;
        this.isCompleted = true;
      },
      complete: () => {
        this.isCompleted = true;
      },
    });
  }

  #state(): unknown {
    const { received, inFlight, refused } = this.accounts.counts();
    const receipts = this.receipts.map((receipt) => `${receipt.action.id} ${receipt.status}`);
    return { received, inFlight, refused, heard: this.heard.length, sent: this.sent.length, receipts };
  }
}
