import { expect } from 'chai';
import { concat, delay, firstValueFrom, map, mergeMap, NEVER, of, Subject, throwError, type Observable } from 'rxjs';
import {
  accounted,
  ChatError,
  deliver,
  forwardOnTimeout,
  openAccounts,
  ownership,
  react,
  delivered,
  memoryStore,
  text,
  traceOf,
  typing,
  type OutboundAction,
  type Store,
} from 'tidewire';
import { forget, fromQueue, memoryQueue, outbox } from 'tidewire/queue';
import { marbles } from 'tidewire/testing';
import { message } from '../support/events.js';
import { OutboxDesk } from '../support/outbox-desk.js';

const say = (id: string, conversation = 'c'): OutboundAction => ({
  kind: 'text',
  id,
  conversation: { platform: 'desk', id: conversation, channel: 'web' },
  text: id,
});
/** A store that writes as one says. */
const storeWith = (
  store: Store,
  putting: (write: Observable<number | undefined>) => Observable<number | undefined>,
): Store => ({
  get: (key) => store.get(key),
  put: (...args) => putting(store.put(...args)),
  delete: (...args) => store.delete(...args),
  scan: (prefix) => store.scan(prefix),
  forget: (prefix) => store.forget(prefix),
});
const types = (id: string): OutboundAction => ({ ...say(id), kind: 'typing' });

describe('outbox', () => {
  it(
    'sends one action of a conversation at a time, and tells what became of it',
    marbles(({ hot, expectObservable }) => {
      const [a, b] = [say('a'), say('b')];
      const source = hot('  -a-b-----------|', { a, b });
      const sink = deliver({ name: 'sink' }, (action) => of(delivered(action, '')).pipe(delay(5)));
      const expected = '    ------A----B---|';

      expectObservable(source.pipe(outbox({ queue: memoryQueue<OutboundAction>(), store: memoryStore() }, sink))).toBe(
        expected,
        { A: delivered(a, ''), B: delivered(b, '') },
      );
    }),
  );

  it(
    'passes on errors of the source, and completes with an empty one',
    marbles(({ hot, cold, expectObservable }) => {
      const around = outbox(
        { queue: memoryQueue<OutboundAction>(), store: memoryStore() },
        deliver({ name: 'x' }, (action) => delivered(action, '')),
      );
      expectObservable(hot<OutboundAction>('--#').pipe(around)).toBe('--#');
      expectObservable(cold<OutboundAction>('--|').pipe(around)).toBe('--|');
      expectObservable(NEVER.pipe(around)).toBe('-');
    }),
  );

  for (const [name, value] of [
    ['rememberMs', 0],
    ['expireMs', 0],
    ['attempts', 0],
    ['forMs', -1],
    ['delayMs', 0],
    ['maxDelayMs', 0],
    ['maxInFlight', 0],
    ['reconcileMs', 0],
  ] as const) {
    it(`refuses ${name}: ${value}`, () => {
      const config = { queue: memoryQueue<OutboundAction>(), store: memoryStore(), [name]: value };
      expect(() => outbox(config, (actions) => actions as never)).to.throw(RangeError, `outbox: ${name}`);
    });
  }

  it('has an action in the queue before the sink has it, and until it has said what became of it', async () => {
    const desk = new OutboxDesk();
    const actions = new Subject<OutboundAction>();
    desk.says.push('nothing');
    desk.send(actions);
    actions.next(say('a'));
    desk.clock.advance(1);
    expect((await firstValueFrom(desk.queue.counts())).waiting).to.equal(1);
    expect(desk.ids).to.equal('');
    desk.clock.advance(10);
    expect(desk.ids).to.equal('a');
    expect((await firstValueFrom(desk.queue.counts())).waiting).to.equal(1);
  });

  it('sends all that waits in one conversation, however much that is, to a sink that answers at once', async () => {
    const queue = memoryQueue<OutboundAction>();
    await firstValueFrom(queue.add(Array.from({ length: 20_000 }, (_, n) => say(String(n)))));
    const sink = deliver({ name: 'sink' }, (action) => [delivered(action, '')]);
    const accounts = openAccounts();
    let last: string | undefined;
    const sending = NEVER.pipe(outbox({ queue, store: memoryStore(), accounts }, sink)).subscribe(({ action }) => {
      last = action.id;
    });
    expect(last).to.equal('19999');
    sending.unsubscribe();
  });

  it('keeps an event open until its actions have their receipts, and touches it', async () => {
    const desk = new OutboxDesk();
    await firstValueFrom(desk.inbox.add(message('e')));
    desk.says.push('delivered', 'nothing');
    desk.react(() => [text('1'), text('2')]);
    desk.clock.advance(20);
    expect(desk.told).to.deep.equal(['delivered e#1']);
    expect(desk.accounts.explain('e')[0]).to.include({ state: 'open', touched: true });
    desk.leave();
  });

  it('sends after a crash what had not gone out, in the middle of a batch', async () => {
    const desk = new OutboxDesk();
    await firstValueFrom(desk.inbox.add(message('e')));
    const bubbles = () => ['1', '2', '3', '4', '5'].map((n) => text(n));
    desk.react(bubbles);
    // Two are over, and nothing of the third has begun that cannot be told.
    while (desk.receipts.length < 2) desk.clock.advance(1);
    desk.kill();
    desk.react(bubbles, { inDoubt: 'resend' });
    desk.clock.advance(1_000);
    expect(desk.ids).to.equal('e#1 e#2 e#3 e#4 e#5');
    expect(await firstValueFrom(desk.inbox.counts())).to.include({ waiting: 0, letters: 0 });
  });

  it('says of what had gone out before a crash that it did, earlier', async () => {
    const desk = new OutboxDesk();
    await firstValueFrom(desk.inbox.add(message('e')));
    desk.says.push('delivered', 'nothing');
    desk.react(() => [text('1'), text('2')]);
    desk.clock.advance(20);
    desk.kill();
    desk.receipts.splice(0);
    desk.react(() => [text('1'), text('2')], { inDoubt: 'resend' });
    desk.clock.advance(1_000);
    expect(desk.receipts.find(({ action }) => action.id === 'e#1')).to.include({ status: 'delivered', via: 'earlier' });
    expect(desk.ids).to.equal('e#1 e#2 e#2');
  });

  it('answers an event again that was resubmitted, under ids that no platform knows', async () => {
    const desk = new OutboxDesk();
    await firstValueFrom(desk.inbox.add(message('e')));
    desk.says.push('delivered', 'no');
    desk.react(() => [text('1'), text('2')]);
    desk.clock.advance(1_000);
    const [letter] = await firstValueFrom(desk.inbox.letters());
    expect(letter).to.include({ outcome: 'failed', touched: true });
    desk.inbox.resubmit(letter?.letter ?? 0).subscribe();
    desk.clock.advance(1_000);
    expect(desk.ids).to.equal('e#1 e#2 e#1~1 e#2~1');
    expect(desk.told.slice(2)).to.deep.equal(['delivered e#1', 'delivered e#2']);
  });

  describe('when something fails', () => {
    it('sends again in its place what may be repeated, after growing pauses', () => {
      const desk = new OutboxDesk();
      desk.says.push('later', 'later');
      desk.send(concat(of(say('a'), say('b')), NEVER), { delayMs: 100 });
      desk.clock.advance(90);
      expect(desk.ids).to.equal('a');
      desk.clock.advance(100);
      expect(desk.ids).to.equal('a a');
      desk.clock.advance(100);
      expect(desk.ids).to.equal('a a');
      desk.clock.advance(100);
      expect(desk.ids).to.equal('a a a b');
      expect(desk.told).to.deep.equal(['delivered a', 'delivered b']);
    });

    it('gives up no later because the clock was set back', () => {
      const desk = new OutboxDesk();
      let setBackMs = 0;
      desk.clock.now = () => desk.clock.frame - setBackMs;
      desk.says.push('later', 'later', 'later');
      const config = { attempts: 2, forMs: 1_000, delayMs: 10 };
      desk.send(concat(of(say('a')), NEVER), config);
      desk.clock.advance(1);
      setBackMs = 3_600_000;
      desk.clock.advance(1_000);
      expect(desk.told).to.deep.equal(['failed a']);
    });

    it('gives up after attempts and time, and parks what has no event', async () => {
      const desk = new OutboxDesk();
      desk.says.push('later', 'later');
      desk.send(concat(of(say('a'), say('b')), NEVER), { attempts: 2, forMs: 0, delayMs: 10 });
      desk.clock.advance(1_000);
      expect(desk.told).to.deep.equal(['failed a', 'delivered b']);
      const [letter] = await desk.letters();
      expect(letter).to.include({ outcome: 'failed', touched: false, reason: 'desk: asks for patience' });
      expect(desk.accounts.bySource().get('outbox:out')?.outcomes).to.include({ deadLettered: 1, handled: 1 });
      desk.queue.resubmit(letter?.letter ?? 0).subscribe();
      desk.clock.advance(1_000);
      expect(desk.ids).to.equal('a a b a');
    });

    it('leaves to the queue of the event what is refused, and parks nothing itself', async () => {
      const desk = new OutboxDesk();
      await firstValueFrom(desk.inbox.add(message('e')));
      desk.says.push('no', 'no');
      desk.react(() => text('1'));
      desk.clock.advance(100_000);
      expect(desk.told).to.deep.equal(['failed e#1', 'failed e#1']);
      expect(await desk.letters()).to.deep.equal([]);
      expect(await firstValueFrom(desk.inbox.letters())).to.have.length(1);
    });

    it('fails what the queue has no room for', () => {
      const desk = new OutboxDesk({ maxItems: 1 });
      desk.says.push('nothing');
      desk.send(concat(of(say('a'), say('b')), NEVER));
      desk.clock.advance(100);
      expect(desk.told).to.deep.equal(['failed b']);
      expect(desk.receipts[0]).to.have.nested.property('error.kind', 'overflow');
    });

    it('goes on when its store does, and says meanwhile that it does not', () => {
      const desk = new OutboxDesk();
      const reports: unknown[] = [];
      desk.accounts.reports$.subscribe((report) => reports.push(report));
      let isFull = true;
      const full = throwError(() => new ChatError('overflow', 'store', 'is full', { retryable: true }));
      const store = storeWith(desk.store, (write) => (isFull ? full : write));
      desk.send(concat(of(say('a', 'c1'), say('b', 'c2')), NEVER), { store });
      desk.clock.advance(119_000);
      expect(desk.ids).to.equal('');
      const report = { kind: 'stuck', source: 'outbox:out', holder: 'outbox', reason: 'store: is full' };
      expect(reports).to.deep.equal([report, report]);
      isFull = false;
      desk.clock.advance(2_000);
      expect(desk.told).to.deep.equal(['delivered a', 'delivered b']);
    });

    it('knows its own mark that it was told was not written', () => {
      const desk = new OutboxDesk();
      let fails = 1;
      const unheard = map((revision: number | undefined) => {
        if (fails-- > 0) throw new ChatError('unreachable', 'store', 'did not answer');
        return revision;
      });
      const store = storeWith(desk.store, (write) => write.pipe(unheard));
      desk.send(concat(of(say('a')), NEVER), { store });
      desk.clock.advance(10_000);
      expect(desk.told).to.deep.equal(['delivered a']);
    });

    it('takes one answer of a sink to each action', () => {
      const told: string[] = [];
      const twice = (actions: Observable<OutboundAction>) =>
        actions.pipe(mergeMap((action) => [delivered(action, ''), delivered(action, '')]));
      const sending = concat(of(say('a'), types('t'), say('b')), NEVER)
        .pipe(outbox({ queue: memoryQueue<OutboundAction>(), store: memoryStore(), accounts: openAccounts() }, twice))
        .subscribe(({ action }) => told.push(action.id));
      expect(told.filter((id) => id !== 't')).to.deep.equal(['a', 'b']);
      sending.unsubscribe();
    });

    it('ends with what the age of an action throws', () => {
      const desk = new OutboxDesk();
      const wrong = new Error('no age');
      const expireMs = (): number => {
        throw wrong;
      };
      desk.send(concat(of(say('a')), NEVER), { expireMs });
      desk.clock.advance(1_000);
      expect(desk.error).to.equal(wrong);
    });

    it('skips what is too old, and sends what somebody resubmits', async () => {
      const desk = new OutboxDesk();
      await firstValueFrom(desk.queue.add([say('old'), say('older')]));
      desk.clock.advance(2_000);
      desk.send(NEVER, { expireMs: ({ id }) => (id === 'old' ? 3_000 : 1_000) });
      desk.clock.advance(100);
      expect(desk.told).to.deep.equal(['delivered old', 'skipped: expired older']);
      expect(desk.accounts.bySource().get('outbox:out')?.outcomes).to.include({ handled: 1, expired: 1 });
    });
  });

  describe('in doubt', () => {
    const dieSending = (inDoubt: 'resend' | 'drop' | 'ask', more = {}): OutboxDesk => {
      const desk = new OutboxDesk();
      desk.says.push('nothing');
      desk.send(concat(of(say('a'), say('b')), NEVER));
      desk.clock.advance(20);
      desk.kill();
      expect(desk.ids).to.equal('a');
      desk.send(NEVER, { inDoubt, ...more });
      desk.clock.advance(1_000);
      return desk;
    };

    it('asks: it is parked, its conversation goes on, and it goes out when it is resubmitted', async () => {
      const desk = dieSending('ask');
      expect(desk.told).to.deep.equal(['unknown a', 'delivered b']);
      const [letter] = await desk.letters();
      expect(letter).to.include({ outcome: 'inDoubt', touched: true });
      expect(letter?.item).to.include({ id: 'a' });
      desk.queue.resubmit(letter?.letter ?? 0).subscribe();
      desk.clock.advance(1_000);
      expect(desk.ids).to.equal('a b a');
      expect(desk.told.at(-1)).to.equal('delivered a');
    });

    it('drops: it is told, and gone', async () => {
      const desk = dieSending('drop');
      expect(desk.told).to.deep.equal(['unknown a', 'delivered b']);
      expect(await desk.letters()).to.deep.equal([]);
    });

    it('resends: before what is behind it', async () => {
      const desk = dieSending('resend');
      expect(desk.ids).to.equal('a a b');
      expect(await desk.letters()).to.deep.equal([]);
    });

    it('believes what is read back', () => {
      expect(dieSending('ask', { reconcile: () => of('resend') }).ids).to.equal('a a b');
      const found = dieSending('ask', {
        reconcile: ({ action }: { readonly action: OutboundAction }) => of(delivered(action, '', ['m'])),
      });
      expect(found.ids).to.equal('a b');
      expect(found.told).to.deep.equal(['delivered a', 'delivered b']);
    });

    it('does as it is told where reading back fails', async () => {
      const desk = dieSending('ask', {
        reconcile: () => throwError(() => new ChatError('unreachable', 'desk', 'is down')),
      });
      expect(await desk.letters()).to.have.length(1);
    });

    it('waits for what is read back no longer than `reconcileMs`', () => {
      const desk = dieSending('ask', { reconcile: () => NEVER, reconcileMs: 2_000 });
      expect(desk.told).to.deep.equal([]);
      desk.clock.advance(2_000);
      expect(desk.told).to.deep.equal(['unknown a', 'delivered b']);
    });

    it('is not what was never given to the sink, whenever its subscriber left', () => {
      for (let ms = 0; ms < 8; ms++) {
        const desk = new OutboxDesk();
        desk.says.push('nothing');
        desk.send(concat(of(say('a')), NEVER));
        desk.clock.advance(ms);
        desk.leave();
        const before = desk.ids;
        desk.says.splice(0);
        desk.clock.advance(100);
        desk.send(NEVER);
        desk.clock.advance(100);
        expect(desk.told, `after ${ms} ms`).to.deep.equal([before === '' ? 'delivered a' : 'unknown a']);
      }
    });

    it('is never run into twice: what is parked is not sent when its handler runs again', async () => {
      const desk = new OutboxDesk();
      await firstValueFrom(desk.inbox.add(message('e')));
      desk.says.push('nothing');
      desk.react(() => text('1'));
      desk.clock.advance(20);
      desk.kill();
      desk.react(() => text('1'));
      desk.clock.advance(1_000);
      expect(desk.ids).to.equal('e#1');
      // That which was found, and that which was made again.
      expect(desk.told).to.deep.equal(['unknown e#1', 'unknown e#1']);
      expect(await firstValueFrom(desk.inbox.letters())).to.have.length(1);
    });

    it('is what a sink does not know, too', async () => {
      const desk = new OutboxDesk();
      desk.says.push('unknown', 'unknown');
      desk.send(concat(of(say('a'), say('b')), NEVER), {
        inDoubt: ({ id }) => (id === 'a' ? 'ask' : 'resend'),
        delayMs: 10,
      });
      desk.clock.advance(1_000);
      expect(desk.ids).to.equal('a b b');
      expect(desk.told).to.deep.equal(['unknown a', 'delivered b']);
      expect(await desk.letters()).to.have.length(1);
    });

    it('ends the stream with what the policy throws', () => {
      const desk = new OutboxDesk();
      desk.says.push('unknown');
      const wrong = new Error('no policy');
      desk.send(concat(of(say('a')), NEVER), {
        inDoubt: () => {
          throw wrong;
        },
      });
      desk.clock.advance(1_000);
      expect(desk.error).to.equal(wrong);
    });
  });

  describe('cancelled', () => {
    it('takes what is not marked out of the queue, and lets what is on its way finish', async () => {
      const desk = new OutboxDesk();
      desk.says.push('nothing');
      desk.run(() =>
        concat(of(say('a'), say('b'), say('c')), NEVER).pipe(accounted('spec', { accounts: desk.accounts })),
      );
      desk.clock.advance(20);
      for (const trace of desk.accounts.open()) trace.cancel('handedOff');
      desk.clock.advance(20);
      expect(desk.ids).to.equal('a');
      expect(desk.told).to.deep.equal(['skipped: muted b', 'skipped: muted c']);
      expect((await firstValueFrom(desk.queue.counts())).waiting).to.equal(1);
    });
  });

  describe('forgotten', () => {
    const conversation = { platform: 'desk', id: 'c', channel: 'web' } as const;
    const seven = ['1', '2', '3', '4', '5', '6', '7'];

    it('ends what waits of a conversation, and goes on with the others', async () => {
      const desk = new OutboxDesk();
      await firstValueFrom(desk.inbox.add(message('e')));
      desk.says.push('nothing');
      desk.react(() => seven.map((n) => text(n)));
      desk.clock.advance(30);
      desk.queue.forget(conversation).subscribe();
      desk.clock.advance(30);
      expect(desk.ids).to.equal('e#1');
      expect(desk.told).to.have.members(seven.slice(1).map((n) => `skipped: superseded e#${n}`));
      desk.queue.add(say('x', 'other')).subscribe();
      desk.clock.advance(30);
      expect(desk.ids).to.equal('e#1 x');
    });

    for (const mode of ['asTheyCome', 'whole'] as const) {
      it(`lets nothing more of it go out (${mode}), and leaves nothing open`, async () => {
        const desk = new OutboxDesk();
        await firstValueFrom(desk.inbox.add(message('e')));
        desk.says.push('nothing');
        desk.react(() => seven.map((n) => text(n)), { mode });
        desk.clock.advance(40);
        expect(desk.ids).to.equal('e#1');
        const { accounts, clock: scheduler } = desk;
        const config = { queues: [desk.inbox, desk.queue], stores: [desk.store], accounts, scheduler, waitMs: 100 };
        let stillOpen: number | undefined;
        forget(conversation, config).subscribe((found) => {
          stillOpen = found.stillOpen;
        });
        desk.clock.advance(100_000);
        // It is with the platform, which says nothing.
        expect(stillOpen).to.equal(1);
        expect(desk.ids).to.equal('e#1');
        expect(desk.told).to.have.members(seven.slice(1).map((n) => `skipped: superseded e#${n}`));
        desk.leave();
        desk.clock.advance(0);
        expect(accounts.open()).to.deep.equal([]);
      });
    }

    it('does not try again what failed meanwhile', () => {
      const desk = new OutboxDesk();
      desk.says.push('later');
      desk.send(concat(of(say('a')), NEVER), { delayMs: 10 });
      while (desk.sent.length === 0) desk.clock.advance(1);
      desk.queue.forget(conversation).subscribe();
      desk.clock.advance(1_000);
      expect(desk.ids).to.equal('a');
      expect(desk.told).to.deep.equal(['skipped: superseded a']);
    });
  });

  describe('with typing', () => {
    it('sends it at once, behind what came before it, and writes it nowhere', async () => {
      const desk = new OutboxDesk();
      desk.send(concat(of(types('t1'), say('a'), types('t2'), say('b'), types('t3')), NEVER));
      expect(desk.ids).to.equal('t1');
      expect((await firstValueFrom(desk.queue.counts())).waiting).to.equal(0);
      desk.clock.advance(100);
      expect(desk.ids).to.equal('t1 a t2 b t3');
      expect(desk.told).to.have.members(['t1', 'a', 't2', 'b', 't3'].map((id) => `delivered ${id}`));
    });
  });

  describe('whole', () => {
    it('sends what a handler made when it is done, in one step with the end of its event', async () => {
      const desk = new OutboxDesk();
      await firstValueFrom(desk.inbox.add(message('e')));
      const more = new Subject<ReturnType<typeof text>>();
      desk.says.push('nothing');
      desk.react(() => more, { mode: 'whole' });
      more.next(text('1'));
      more.next(text('2'));
      desk.clock.advance(100);
      expect(await firstValueFrom(desk.queue.counts())).to.include({ waiting: 0 });
      more.complete();
      desk.clock.advance(1);
      expect(await firstValueFrom(desk.queue.counts())).to.include({ waiting: 2 });
      expect(await firstValueFrom(desk.inbox.counts())).to.include({ waiting: 0 });
      desk.clock.advance(100);
      expect(desk.ids).to.equal('e#1');
      expect(desk.accounts.explain('e')[0]).to.include({ state: 'settled', outcome: 'queued', touched: false });
    });

    it('drops what a handler made that failed, and runs it again', async () => {
      const desk = new OutboxDesk();
      await firstValueFrom(desk.inbox.add(message('e')));
      let runs = 0;
      desk.react(
        () => {
          runs++;
          return runs === 1
            ? concat(
                of(text('1'), text('2')),
                throwError(() => new Error('broke')),
              )
            : of(text('3'));
        },
        { mode: 'whole' },
      );
      desk.clock.advance(10_000);
      expect(desk.told).to.deep.equal(['skipped: superseded e#1', 'skipped: superseded e#2', 'delivered e#1']);
      expect(desk.sent.map((action) => (action.kind === 'text' ? action.text : ''))).to.deep.equal(['3']);
    });

    it('waits with its event while the queue has no room', async () => {
      const desk = new OutboxDesk({ maxItems: 1 });
      await firstValueFrom(desk.queue.add(say('x', 'other')));
      await firstValueFrom(desk.inbox.add(message('e')));
      desk.says.push('later');
      desk.react(() => text('1'), { mode: 'whole', delayMs: 5_000 });
      desk.clock.advance(4_000);
      expect(desk.ids).to.equal('x');
      expect(await firstValueFrom(desk.inbox.counts())).to.include({ waiting: 1 });
      desk.clock.advance(4_000);
      expect(desk.ids).to.equal('x x e#1');
      expect(await firstValueFrom(desk.inbox.counts())).to.include({ waiting: 0 });
    });

    it('has answered a customer who is waited for', async () => {
      const desk = new OutboxDesk();
      await firstValueFrom(desk.inbox.add({ ...message('e'), at: new Date(0).toISOString() }));
      const { clock: scheduler, accounts } = desk;
      const waiting = { afterMs: 100, to: { kind: 'any' }, desk: ownership({ scheduler }), scheduler } as const;
      desk.run(
        (mortal) =>
          fromQueue(mortal.queue(desk.inbox), { accounts, scheduler }).pipe(
            forwardOnTimeout(
              waiting,
              react(() => [text('1'), text('2')]),
            ),
          ),
        { mode: 'whole' },
      );
      desk.clock.advance(1_000);
      expect(desk.told).to.deep.equal(['delivered e#1', 'delivered e#2']);
      expect(await firstValueFrom(desk.inbox.counts())).to.include({ waiting: 0 });
    });

    it('keeps pauses between what it sends', async () => {
      const desk = new OutboxDesk();
      await firstValueFrom(desk.inbox.add(message('e')));
      desk.react(() => [typing(1), text('1'), typing(1), text('2')], { mode: 'whole' });
      desk.clock.advance(1_000);
      expect(desk.ids).to.equal('e#1 e#2 e#3 e#4');
    });
  });

  describe('at the end', () => {
    it('completes when every action has its receipt, and leaves the rest in the queue', () => {
      const desk = new OutboxDesk();
      desk.send(of(say('a'), say('b')));
      expect(desk.isCompleted).to.equal(false);
      desk.clock.advance(100);
      expect(desk.told).to.deep.equal(['delivered a', 'delivered b']);
      expect(desk.isCompleted).to.equal(true);
    });

    it('leaves what is safe as queued at unsubscription, and what is on its way in doubt', () => {
      const desk = new OutboxDesk();
      desk.says.push('nothing');
      desk.run(() => concat(of(say('a'), say('b')), NEVER).pipe(accounted('spec', { accounts: desk.accounts })));
      desk.clock.advance(20);
      desk.leave();
      expect(desk.accounts.bySource().get('spec')?.outcomes).to.include({ inDoubt: 1, queued: 1 });
      desk.send(NEVER, { inDoubt: 'resend' });
      desk.clock.advance(100);
      expect(desk.ids).to.equal('a a b');
    });

    it('forgets a conversation with the others of the store', () => {
      const desk = new OutboxDesk();
      desk.send(concat(of(say('a', 'c'), say('b', 'c2')), NEVER));
      desk.clock.advance(100);
      expect(desk.store.sync.scan('of/7/desk::c/10/outbox/out/').map(({ key }) => key)).to.deep.equal([
        'of/7/desk::c/10/outbox/out/"a"',
      ]);
      expect(traceOf(desk.sent[0])).to.equal(undefined);
    });
  });
});
