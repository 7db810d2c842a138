import { expect } from 'chai';
import fc from 'fast-check';
import { join } from 'node:path';
import { firstValueFrom, map, mergeMap, NEVER, Subject, throwError, timer } from 'rxjs';
import {
  ChatError,
  conversationKey,
  dedupe,
  deliver,
  delivered,
  handoff,
  openAccounts,
  react,
  text,
  type Conversation,
  type InboundEvent,
  type Reply,
} from 'tidewire';
import { lmdbFile, lmdbQueue, lmdbStore } from 'tidewire/lmdb';
import { forget, fromQueue, memoryQueue, outbox, type Forgotten, type Leased } from 'tidewire/queue';
import { virtualClock } from 'tidewire/testing';
import { coreOf } from '../../lib/lmdb/lmdb-file.js';
import { queueTables } from '../../lib/lmdb/lmdb-shelf.js';
import { BridgeDesk, chat, lev as other, mira as customer } from '../support/bridge-desk.js';
import { message } from '../support/events.js';
import { eventually } from '../support/eventually.js';
import { everythingIn, Keeping } from '../support/keeping.js';
import { Temporary } from '../support/temporary.js';

const person = (id: string, account?: string): Conversation => ({
  platform: 'desk',
  id,
  channel: 'web',
  ...(account !== undefined && { account }),
});
const mira = person('mira');
const MARK = 'Mira-Winter-4111';
const OTHER = 'Lev-Sommer-5222';

describe('forget', () => {
  const temporary = new Temporary();
  afterEach(temporary.clear);

  it('removes everything about a conversation, and says how much that was', async () => {
    const keeping = new Keeping();
    await keeping.fill(mira, MARK);
    await keeping.fill(person('lev'), OTHER);
    const other = await keeping.told(OTHER);
    expect(await keeping.told(MARK)).to.include(MARK);
    expect(await firstValueFrom(forget(mira, keeping.config))).to.deep.equal({
      cancelled: 0,
      stillOpen: 0,
      // What waits in the inbox, a dead letter, and two answers.
      queued: 4,
      // One of `ownership`, `choiceBook` and `react` each, two of `dedupe`, and of the seat a conversation, three messages, and
      // where these are.
      stored: 13,
      // The target, a chat and an event.
      ledgered: 3,
      explained: 3,
    });
    expect(await keeping.told(MARK)).not.to.include(MARK);
    expect(await keeping.told(MARK)).not.to.include('desk::mira');
    const left = await keeping.told(OTHER);
    expect(left.slice(left.indexOf('"explained"'), left.indexOf('"waiting"'))).to.equal(
      other.slice(other.indexOf('"explained"'), other.indexOf('"waiting"')),
    );
    expect(JSON.parse(left)).to.have.property('stored').that.has.length(16);
    keeping.end();
  });

  it('leaves nothing of it in the databases of a file', async () => {
    const dir = temporary.dir();
    const file = lmdbFile({ dir });
    const keeping = new Keeping(
      lmdbStore({ file }),
      lmdbQueue({ file, name: 'in' }),
      lmdbQueue({ file, name: 'out', holds: 'actions' }),
    );
    await keeping.fill(mira, MARK);
    await keeping.fill(person('lev'), OTHER);
    await firstValueFrom(forget(mira, keeping.config));
    keeping.end();
    await file.close();
    const all = await everythingIn(join(dir, 'tidewire.mdb'));
    expect(all).not.to.include(MARK);
    expect(all).not.to.include('mira');
    expect(all.split(OTHER).length).to.be.greaterThan(20);
  });

  it('touches no other conversation, however alike', async () => {
    const part = fc.string({
      unit: fc.constantFrom('a', 'b', '::', ':', ' ', '/', '%', '%3A', '1', '9', '=', 'of/', 'again 1', '"'),
      maxLength: 4,
    });
    const conversation = fc.record({ id: part, account: fc.option(part, { nil: undefined }) });
    const similar = conversation.chain(({ id, account }) =>
      fc.tuple(
        fc.constant(person(id, account)),
        fc.oneof(
          conversation.map((other) => person(other.id, other.account)),
          part.map((more) => person(id + more, account)),
          fc.tuple(fc.constantFrom('/', ' ', ':'), part).map(([sign, more]) => person(id + sign + more, account)),
          part.map((more) => person(more + id, account)),
        ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        similar.filter(([a, b]) => conversationKey(a).trim() !== conversationKey(b).trim()),
        async ([one, other]) => {
          const [both, alone] = [new Keeping(), new Keeping()];
          await both.fill(one, MARK);
          await both.fill(other, OTHER);
          await alone.fill(other, OTHER);
          const expected = plain(await alone.told(OTHER));
          await firstValueFrom(forget(one, both.config));
          expect(plain(await both.told(OTHER))).to.equal(expected);
          expect(await both.told(MARK)).not.to.include(MARK);
          both.end();
          alone.end();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('cancels what is open: nothing more goes out, and what waits behind it is not handed out', async () => {
    const accounts = openAccounts();
    const inbox = memoryQueue();
    const sent: string[] = [];
    const begun: string[] = [];
    const answers = new Subject<string>();
    await firstValueFrom(inbox.add(['m1', 'm2', 'm3'].map((id) => message(id, 'mira'))));
    await firstValueFrom(inbox.add(message('l1', 'lev')));
    const running = fromQueue(inbox, { accounts, perKey: 1 })
      .pipe(
        react((event) => {
          begun.push(event.id);
          return answers.pipe(map((answer) => text(`${event.id} ${answer}`)));
        }),
        deliver({ name: 'toDesk' }, (action) => {
          sent.push(action.id);
          return delivered(action, '');
        }),
      )
      .subscribe();
    const forgotten = await firstValueFrom(forget(mira, { accounts, queues: [inbox] }));
    expect(forgotten).to.include({ cancelled: 1, stillOpen: 0, queued: 3, explained: 1 });
    answers.next('hello');
    answers.complete();
    expect([begun, sent]).to.deep.equal([['m1', 'l1'], ['l1#1']]);
    expect(accounts.counts().outcomes).to.include({ superseded: 1, handled: 1 });
    expect([accounts.explain('m1'), accounts.explain('l1').length]).to.deep.equal([[], 1]);
    expect(await firstValueFrom(inbox.counts())).to.include({ waiting: 0, letters: 0 });
    running.unsubscribe();
  });

  it('waits for what cannot be stopped, up to `waitMs`, and does not remember it afterwards', () => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock });
    const account = accounts.of('desk');
    const holder = { name: 'a call under way' };
    const open = (): void => {
      const event = message('m', 'mira');
      const trace = account.open(event);
      trace.hold(holder);
      trace.release(account);
      timer(100, clock).subscribe(() => {
        trace.release(holder, 'handled');
      });
    };
    const seen: Forgotten[] = [];
    const ask = (waitMs: number): void => {
      forget(mira, { accounts, waitMs, scheduler: clock }).subscribe((found) => seen.push(found));
    };
    open();
    ask(1_000);
    clock.advance(99);
    expect(seen).to.deep.equal([]);
    clock.advance(1);
    expect(seen.pop()).to.include({ cancelled: 1, stillOpen: 0, explained: 1 });
    open();
    ask(10);
    clock.advance(10);
    expect(seen.pop()).to.include({ cancelled: 1, stillOpen: 1, explained: 0 });
    clock.advance(90);
    expect(accounts.explain('m')).to.deep.equal([]);
    expect(accounts.counts()).to.include({ received: 2, inFlight: 0 });
  });

  it('removes what somebody who was at work put into a queue as the last thing', async () => {
    const accounts = openAccounts();
    const outbox = memoryQueue();
    const account = accounts.of('desk');
    const event = message('m', 'mira');
    const trace = account.open(event);
    const holder = {
      name: 'writer',
      cancel: () => {
        outbox.add(message('late', 'mira')).subscribe();
        trace.release(holder);
      },
    };
    trace.hold(holder);
    trace.release(account);
    expect(await firstValueFrom(forget(mira, { accounts, queues: [outbox] }))).to.include({ cancelled: 1, queued: 1 });
    expect(await firstValueFrom(outbox.counts())).to.include({ waiting: 0 });
  });

  it('lets nothing of it into an outbox that was on its way there', async () => {
    const file = temporary.file();
    const inbox = lmdbQueue({ file, name: 'in' });
    const queue = lmdbQueue({ file, name: 'out', holds: 'actions' });
    const store = lmdbStore({ file });
    const accounts = openAccounts();
    const sent: string[] = [];
    const receipts: string[] = [];
    const forgotten = new Subject<Forgotten>();
    const over = firstValueFrom(forgotten);
    const begin = () => forget(mira, { accounts, queues: [inbox, queue], stores: [store] }).subscribe(forgotten);
    const running = fromQueue(inbox, { accounts })
      .pipe(
        dedupe({ store }),
        react((event) => {
          // Asked for first, and written together with the end of the event.
          if (event.id === 'm') begin();
          return text(event.id);
        }),
        outbox({ queue, store, mode: 'whole', accounts }, (actions) =>
          actions.pipe(
            map((action) => {
              sent.push(action.id);
              return delivered(action, '');
            }),
          ),
        ),
      )
      .subscribe(({ status, action }) => receipts.push(`${status} ${action.id}`));
    await firstValueFrom(inbox.add(message('m', 'mira')));
    expect(await over).to.include({ queued: 1, cancelled: 0 });
    await firstValueFrom(inbox.add(message('l', 'lev')));
    await eventually('the other one has an answer', () => receipts.length === 2);
    expect(sent).to.deep.equal(['l#1']);
    expect(receipts).to.deep.equal(['skipped m#1', 'delivered l#1']);
    expect(await firstValueFrom(store.scan(''))).not.to.satisfy((all: unknown) => JSON.stringify(all).includes('mira'));
    running.unsubscribe();
    await file.close();
  });

  it('removes what a pipe that ends meanwhile has put into a queue', async () => {
    const file = temporary.file();
    const queue = lmdbQueue({ file, name: 'out', holds: 'actions' });
    const accounts = openAccounts();
    const event = message('m', 'mira');
    const account = accounts.of('desk');
    const replies = new Subject<Reply>();
    const events = new Subject<InboundEvent>();
    const running = events
      .pipe(
        react(() => replies),
        outbox({ queue, store: lmdbStore({ file }), accounts }, (actions) => actions.pipe(mergeMap(() => NEVER))),
      )
      .subscribe();
    const trace = account.open(event);
    events.next(event);
    trace.release(account);
    const over = firstValueFrom(forget(mira, { accounts, queues: [queue] }));
    replies.next(text('late'));
    running.unsubscribe();
    expect(await over).to.include({ cancelled: 0, queued: 1 });
    expect(await firstValueFrom(queue.counts())).to.include({ waiting: 0 });
    await file.close();
  });

  it('leaves no trace of how often something was tried that comes back afterwards', async () => {
    const dir = temporary.dir();
    const file = lmdbFile({ dir });
    const inbox = lmdbQueue({ file, name: 'in' });
    await firstValueFrom(inbox.add(message('m', 'mira')));
    const handedOut = new Subject<Leased<InboundEvent>>();
    const first = firstValueFrom(handedOut);
    const running = inbox.lease().subscribe(handedOut);
    const leased = await first;
    await firstValueFrom(forget(mira, { accounts: openAccounts(), queues: [inbox] }));
    await firstValueFrom(inbox.return(leased));
    expect(coreOf(file).engine.numbered(queueTables('in').tries).get(leased.place)).to.equal(undefined);
    running.unsubscribe();
    await file.close();
  });

  it('reaches what operators remember in memory', async () => {
    const accounts = openAccounts();
    const desk = new BridgeDesk({
      takes: () => true,
      responder: react((event) => (event.kind === 'message' && event.text === 'human' ? handoff() : undefined)),
    });
    const remembered: string[] = [];
    const source = new Subject<InboundEvent>();
    const running = source
      .pipe(
        react(
          (event, state) => {
            remembered.push(state.value);
            state.set(event.id);
          },
          { state: { initial: () => 'nothing' } },
        ),
      )
      .subscribe();
    desk.says(customer, MARK);
    desk.says(other, OTHER);
    source.next(message('a', 'mira'));
    source.next(message('b', 'lev'));
    await firstValueFrom(forget(customer, { accounts }));
    source.next(message('c', 'mira'));
    source.next(message('d', 'lev'));
    expect(remembered).to.deep.equal(['nothing', 'nothing', 'nothing', 'b']);
    for (const one of [customer, other]) desk.says(one, 'human');
    const told = desk.view(chat).join('\n');
    expect(told).to.include('Mira: human').and.to.include(OTHER);
    expect(told).not.to.include(MARK);
    running.unsubscribe();
  });

  it('tells what a store does not do, and goes on when it is called again', async () => {
    const keeping = new Keeping();
    await keeping.fill(mira, MARK);
    const { store } = keeping;
    const broken = { ...store, delete: () => throwError(() => new ChatError('unreachable', 'store', 'it is away')) };
    const failed: unknown = await firstValueFrom(forget(mira, { ...keeping.config, stores: [broken] })).catch(
      (error: unknown) => error,
    );
    expect(failed).to.include({ kind: 'unreachable' });
    expect(await firstValueFrom(forget(mira, keeping.config))).to.include({ queued: 0, stored: 13, ledgered: 3 });
    expect(await keeping.told(MARK)).not.to.include(MARK);
    keeping.end();
  });

  it('forgets by the targets that it is told, where a persona knows people by names of yours', async () => {
    const { ledger } = new Keeping();
    for (const target of ['@mira', '@mira2']) await firstValueFrom(ledger.seal(target));
    const told = { accounts: openAccounts(), ledgers: [ledger], targets: ['@mira'] };
    expect(await firstValueFrom(forget(mira, told))).to.include({ ledgered: 1 });
    expect(await firstValueFrom(ledger.sealed('@mira2'))).to.equal(true);
  });

  it('does nothing before it is subscribed to', async () => {
    const keeping = new Keeping();
    await keeping.fill(mira, MARK);
    forget(mira, keeping.config);
    expect(await keeping.told(MARK))
      .to.include(`dead-${MARK}`)
      .and.to.include(`theirs-${MARK}`);
    keeping.end();
  });

  it('refuses a `waitMs` below 0', () => {
    expect(() => forget(mira, { waitMs: -1 })).to.throw(RangeError, 'forget: waitMs');
  });
});

/** Without what counts writes. */
const plain = (told: string): string =>
  told.replaceAll(/"(?:letter|revision|receivedAt|settledAt|addedAt|parkedAt|bytes|owner|at)":("[^"]*"|\d+)/g, '');
