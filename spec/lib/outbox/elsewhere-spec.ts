import { expect } from 'chai';
import {
  combineLatest,
  concat,
  defer,
  firstValueFrom,
  NEVER,
  of,
  Subject,
  throwError,
  type Observable,
  type Subscription,
} from 'rxjs';
import {
  accounted,
  ChatError,
  dedupe,
  deliver,
  delivered,
  failed,
  openAccounts,
  react,
  text,
  type Accounts,
  type OutboundAction,
  type Receipt,
  type Replies,
} from 'tidewire';
import { lmdbQueue, lmdbStore, type LmdbFile } from 'tidewire/lmdb';
import { fromQueue, outbox, type OutboxConfig } from 'tidewire/queue';
import { virtualClock } from 'tidewire/testing';
import { message } from '../../support/events.js';
import { eventually, turn } from '../../support/eventually.js';
import { OutboxDesk } from '../../support/outbox-desk.js';
import { Temporary } from '../../support/temporary.js';

/** Longer than what a process that goes on has to wait for the disk. */
const LEASE_MS = 1_000_000;
/** More than are open at a time. */
const EVENTS = Array.from({ length: 20 }, (_, n) => `e${n}`);
/** Some are in the hands of who sends, some are not. */
const REST = EVENTS.slice(1, 7);
const IDS = EVENTS.map((id) => `${id}#1`);
const say = (id: string): OutboundAction => ({
  kind: 'text',
  id,
  conversation: { platform: 'desk', id: 'c', channel: 'web' },
  text: id,
});

/** A process of its own as far as a file knows: stands still whenever nobody advances its clock. */
class Process {
  readonly clock = virtualClock();
  readonly accounts: Accounts = openAccounts({ scheduler: this.clock });
  readonly receipts: string[] = [];
  /** What its sink was given. */
  readonly sent: string[] = [];
  /** What its sink says to each. */
  answer = (action: OutboundAction): Observable<Receipt> => of(delivered(action, '', [action.id]));
  readonly inbox;
  readonly queue;
  readonly store;
  isCompleted = false;

  constructor(file: LmdbFile) {
    const { clock: scheduler } = this;
    const config = { file, leaseMs: LEASE_MS, pollMs: 10, scheduler };
    this.inbox = lmdbQueue({ ...config, name: 'in' });
    this.queue = lmdbQueue({ ...config, name: 'out', holds: 'actions' });
    this.store = lmdbStore({ file, scheduler });
  }

  /** Its whole pipe. */
  answers(config: Partial<OutboxConfig> = {}, handler: () => Replies = () => text('hello')): Subscription {
    const { accounts, clock: scheduler, store } = this;
    const events = fromQueue(this.inbox, { accounts, scheduler });
    return this.sends(events.pipe(dedupe({ store, scheduler }), react(handler, { scheduler })), config);
  }

  sends(actions: Observable<OutboundAction>, config: Partial<OutboxConfig> = {}): Subscription {
    const { accounts, clock: scheduler, queue, store } = this;
    const sink = deliver({ name: 'sink', scheduler }, (action) => {
      this.sent.push(action.id);
      return this.answer(action);
    });
    return actions.pipe(outbox({ queue, store, accounts, scheduler, ...config }, sink)).subscribe({
      next: ({ status, action }) => this.receipts.push(`${status} ${action.id}`),
      complete: () => {
        this.isCompleted = true;
      },
    });
  }

  /** Sends what comes from the accounts of `spec`. */
  sendsFrom(actions: Observable<OutboundAction>): Subscription {
    return this.sends(actions.pipe(accounted('spec', { accounts: this.accounts })));
  }

  outcomes(source: string) {
    return this.accounts.bySource().get(source)?.outcomes;
  }

  /** How much is not done, of events and of actions. */
  async waiting(): Promise<readonly number[]> {
    const counts = await firstValueFrom(combineLatest([this.inbox.counts(), this.queue.counts()]));
    return counts.map(({ waiting, letters }) => waiting + letters);
  }
}

describe('an outbox whose queue somebody else sends from', () => {
  const temporary = new Temporary();
  const open: Subscription[] = [];
  afterEach(async () => {
    for (const pipe of open.splice(0)) pipe.unsubscribe();
    await temporary.clear();
  });
  /** Two processes: the first sends, and has heard so. */
  const two = async (): Promise<readonly [Process, Process]> => {
    const dir = temporary.dir();
    const first = new Process(temporary.file(dir));
    const second = new Process(temporary.file(dir));
    const actions = new Subject<OutboundAction>();
    open.push(first.sends(actions));
    actions.next(say('first'));
    await until([first], 'it sends', () => first.receipts.length === 1);
    return [first, second];
  };
  const until = async (live: readonly Process[], what: string, isSo: () => boolean): Promise<void> =>
    eventually(what, isSo, {
      meanwhile: () => {
        for (const { clock } of live) clock.advance(1);
      },
      state: () => live.map(({ receipts, accounts }) => [receipts, accounts.counts()]),
    });
  for (const mode of ['asTheyCome', 'whole'] as const) {
    it(`lets go of what is safe there, and goes on: ${mode}`, async () => {
      const [first, second] = await two();
      open.push(second.answers({ mode }));
      await firstValueFrom(first.inbox.add(EVENTS.map((id) => message(id))));
      await until([first, second], 'all is sent', () => first.receipts.length > EVENTS.length);
      await until([first, second], 'all is done', () => second.outcomes('queue:in')?.queued === EVENTS.length);
      expect(first.receipts).to.deep.equal(['first', ...IDS].map((id) => `delivered ${id}`));
      expect([second.sent, second.receipts]).to.deep.equal([[], []]);
      expect(first.outcomes('outbox:out')).to.include({ handled: 1 + EVENTS.length });
      while ((await first.waiting()).some((count) => count > 0)) await turn();
      for (const { accounts } of [first, second]) expect(accounts.counts()).to.include({ inFlight: 0, late: 0 });
    });
  }

  it('runs a handler again that broke behind it, and repeats nothing', async () => {
    const [first, second] = await two();
    const broken = concat(
      of(text('1')),
      throwError(() => new Error('broke')),
    );
    let runs = 0;
    open.push(second.answers({}, () => defer(() => (runs++ === 0 ? broken : of(text('1'), text('2'))))));
    await firstValueFrom(second.inbox.add(message('e')));
    await until([first, second], 'it is done', () => second.outcomes('queue:in')?.queued === 1);
    await until([first, second], 'all is sent', () => first.receipts.length === 3);
    expect(first.sent).to.deep.equal(['first', 'e#1', 'e#2']);
  });

  it('completes when all that its source made is safe there', async () => {
    const [first, second] = await two();
    open.push(second.sends(of(say('a'))));
    await until([second], 'it is completed', () => second.isCompleted);
    await until([first], 'it is sent', () => first.receipts.length === 2);
    expect(second.receipts).to.deep.equal([]);
  });

  it('sends what is there when the other one ends, and tells what becomes of it', async () => {
    const [, second] = await two();
    const actions = new Subject<OutboundAction>();
    open.push(second.sendsFrom(actions));
    actions.next(say('a'));
    // The first stands still.
    await until([second], 'it is let go of', () => second.outcomes('spec')?.queued === 1);
    open.shift()?.unsubscribe();
    await until([second], 'it sends', () => second.receipts.length === 1);
    actions.next(say('b'));
    await until([second], 'it goes on', () => second.receipts.length === 2);
    expect(second.receipts).to.deep.equal(['delivered a', 'delivered b']);
    expect(second.outcomes('spec')).to.include({ queued: 1, handled: 1 });
  });

  /** The first has stood still, with one action in the hands of its sink; the second has sent everything meanwhile. */
  const stoodStill = async () => {
    const dir = temporary.dir();
    const first = new Process(temporary.file(dir));
    const second = new Process(temporary.file(dir));
    const answer = new Subject<Receipt>();
    first.answer = () => answer;
    const pipe = first.answers();
    open.push(pipe);
    await firstValueFrom(first.inbox.add(['e0', ...REST].map((id) => message(id))));
    await until([first], 'one is sent', () => first.sent.length === 1);
    while ((await first.waiting())[1] !== 1 + REST.length) await turn();
    open.push(second.sends(NEVER, { inDoubt: 'drop' }));
    second.clock.advance(2 * LEASE_MS);
    await until([second], 'the other has sent it', () => second.receipts.length === 1 + REST.length);
    expect(second.receipts).to.deep.equal(['unknown e0#1', ...REST.map((id) => `delivered ${id}#1`)]);
    return { first, second, answer, pipe };
  };

  for (const says of ['delivered', 'later', 'nothing'] as const) {
    it(`lets go when it has stood still, but for what the sink has, which says ${says}`, async () => {
      const { first, answer, pipe } = await stoodStill();
      await until([first], 'it has let go', () => first.outcomes('queue:in')?.queued === REST.length);
      expect(first.receipts).to.deep.equal([]);
      const action = { ...say('e0#1'), conversation: message('e0').conversation };
      if (says === 'delivered') answer.next(delivered(action, ''));
      if (says === 'later') answer.next(failed(action, '', new ChatError('throttled', 'desk', 'asks for patience')));
      if (says === 'nothing') pipe.unsubscribe();
      await until([first], 'nothing is open', () => first.accounts.counts().inFlight === 0);
      expect(first.receipts).to.deep.equal(says === 'delivered' ? ['delivered e0#1'] : []);
      const more = { delivered: { handled: 1 }, later: { queued: 1 + REST.length }, nothing: { inDoubt: 1 } }[says];
      expect(first.outcomes('queue:in')).to.include({ queued: REST.length, ...more });
      if (says === 'nothing') return;
      // It has the queue again, and is as it was.
      open.pop()?.unsubscribe();
      first.answer = (sent) => of(delivered(sent, ''));
      await firstValueFrom(first.inbox.add(message('e7')));
      await until([first], 'it sends again', () => first.receipts.at(-1) === 'delivered e7#1');
    });
  }

  it('does not say of what goes out elsewhere that it was skipped, when it is taken back too late', async () => {
    const { first } = await stoodStill();
    for (const trace of first.accounts.open()) if (trace.id !== 'e0') trace.cancel('handedOff');
    await until([first], 'it has let go', () => first.accounts.counts().inFlight === 1);
    expect(first.receipts).to.deep.equal([]);
    expect(first.outcomes('queue:in')).to.include({ handedOff: REST.length });
  });

  it('does not let go of anything before it has the lease of one that has just ended here', async () => {
    const [first] = await two();
    open.pop()?.unsubscribe();
    const actions = new Subject<OutboundAction>();
    open.push(first.sendsFrom(actions));
    actions.next(say('a'));
    await until([first], 'it is sent', () => first.receipts.length === 2);
    expect(first.outcomes('spec')).to.include({ handled: 1, queued: 0 });
  });

  it('lets go of what another pipe of the same process sends', async () => {
    const desk = new OutboxDesk();
    desk.send(NEVER);
    desk.react(() => text('hello'));
    await firstValueFrom(desk.inbox.add(EVENTS.map((id) => message(id))));
    desk.clock.advance(1_000);
    expect(desk.told).to.deep.equal(IDS.map((id) => `delivered ${id}`));
    const outcomes = (source: string) => desk.accounts.bySource().get(source)?.outcomes;
    expect(outcomes('queue:in')).to.include({ queued: EVENTS.length });
    expect(outcomes('outbox:out')).to.include({ handled: EVENTS.length });
    expect(desk.accounts.counts()).to.include({ inFlight: 0 });
  });
});
