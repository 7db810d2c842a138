import { expect } from 'chai';
import {
  concat,
  delay,
  EMPTY,
  map,
  merge,
  mergeMap,
  NEVER,
  of,
  Subject,
  take,
  throwError,
  timer,
  type Observable,
  type SchedulerLike,
  type Subscription,
} from 'rxjs';
import {
  ChatError,
  deliver,
  delivered,
  failed,
  forwardOnTimeout,
  openAccounts,
  ownership,
  react,
  retryDelivery,
  text,
  traceOf,
  type ForwardOnTimeoutConfig,
  type InboundEvent,
  type OutboundAction,
  type Outcome,
  type Ownership,
  type Receipt,
  type Replies,
} from 'tidewire';
import { marbles, virtualClock } from 'tidewire/testing';
import { message } from '../support/events.js';

const to = { kind: 'any' } as const;
const at = (ms: number): string => new Date(ms).toISOString();

/** A customer, a responder, a desk, and a platform that shows what it was sent. */
class Desk {
  readonly clock = virtualClock();
  readonly accounts = openAccounts({ scheduler: this.clock });
  readonly desk = ownership({ scheduler: this.clock });
  readonly source = new Subject<InboundEvent>();
  readonly seen: string[] = [];
  readonly receipts: string[] = [];
  isCompleted = false;
  refuses = (_: OutboundAction): boolean => false;
  answer = (action: OutboundAction): Receipt => delivered(action, at(this.clock.now()));
  readonly subscription: Subscription;
  readonly #account = this.accounts.of('desk');

  constructor(
    respond: (event: InboundEvent) => Replies,
    config: Partial<ForwardOnTimeoutConfig> = {},
    /** What is said beside the responder. */
    beside: Observable<OutboundAction> = EMPTY,
  ) {
    const { clock: scheduler, desk, accounts } = this;
    const sink = deliver({ name: 'toDesk', desk, scheduler }, (action): Observable<Receipt> => {
      if (this.refuses(action)) throw new ChatError('refused', 'desk', 'no');
      this.seen.push(`${scheduler.now()} ${action.kind === 'text' ? action.text : action.kind}`);
      return timer(5, scheduler).pipe(map(() => this.answer(action)));
    });
    this.subscription = this.source
      .pipe(
        forwardOnTimeout({ desk, afterMs: 100, to, accounts, scheduler, ...config }, (events) =>
          merge(react(respond, { scheduler })(events), beside),
        ),
        sink,
      )
      .subscribe({
        next: (receipt) =>
          this.receipts.push(`${receipt.action.id} ${receipt.status === 'skipped' ? receipt.reason : receipt.status}`),
        complete: () => (this.isCompleted = true),
      });
  }

  deliver(event: InboundEvent, ms = this.clock.now()): void {
    const stamped = { ...event, at: at(ms) };
    const trace = this.#account.open(stamped);
    this.source.next(stamped);
    trace.release(this.#account);
  }

  later(ms: number, text: string): Observable<{ readonly kind: 'text'; readonly text: string }> {
    return timer(ms, this.clock).pipe(map(() => ({ kind: 'text', text }) as const));
  }

  /** Who gets a conversation from now on, and when. */
  owners(): readonly string[] {
    const owners: string[] = [];
    this.desk.changes$.subscribe(({ owner }) => owners.push(`${this.clock.now()} ${owner}`));
    return owners;
  }

  /** Who has the conversation now. */
  owner(): string | undefined {
    let owner: string | undefined;
    this.desk.ownerOf(message('').conversation).subscribe((found) => (owner = found));
    return owner;
  }

  outcomes(source = 'desk'): Partial<Record<Outcome, number>> {
    const counts = this.accounts.bySource().get(source);
    return Object.fromEntries(Object.entries(counts?.outcomes ?? {}).filter(([, n]) => n > 0));
  }
}

/** A desk that says only 10 ms later that a conversation was given away or back. */
const slowToTell = (desk: Ownership, scheduler: SchedulerLike): Ownership => ({
  ...desk,
  handOver: (...asked) => desk.handOver(...asked).pipe(delay(10, scheduler)),
  returnToBot: (...asked) => desk.returnToBot(...asked).pipe(delay(10, scheduler)),
});

describe('forwardOnTimeout', () => {
  const values = { m: { ...message('m'), at: at(3) }, n: message('n') };
  const handoff: OutboundAction = {
    kind: 'handoff',
    id: 'm#timeout',
    conversation: values.m.conversation,
    cause: 'm',
    to,
  };
  const answer: OutboundAction = { kind: 'text', id: 'a', conversation: values.m.conversation, cause: 'm', text: 'a' };

  it(
    'hands over a customer who waits too long, and what comes later still passes: the sinks mute it',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot<InboundEvent>('---m-------------|', values);
      const subs = '                    ^----------------!';
      const responder = (events: Observable<InboundEvent>): Observable<OutboundAction> =>
        events.pipe(
          delay(9),
          map(() => answer),
        );
      const result = source.pipe(forwardOnTimeout({ desk: ownership(), afterMs: 5, to }, responder));
      expectObservable(result.pipe(map(withoutTrace))).toBe('--------h---a----|', { h: handoff, a: answer });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'passes an empty source, a silent one, an error of the source and one of the responder',
    marbles(({ cold, expectObservable }) => {
      const silent = (events: Observable<InboundEvent>): Observable<OutboundAction> =>
        events.pipe(mergeMap(() => NEVER));
      const through = (source: string, responder = silent): Observable<OutboundAction> =>
        cold<InboundEvent>(source, values).pipe(forwardOnTimeout({ desk: ownership(), afterMs: 5, to }, responder));
      expectObservable(through('|', () => NEVER.pipe(take(0)))).toBe('|');
      expectObservable(through('-')).toBe('-');
      expectObservable(through('-m-#')).toBe('---#');
      expectObservable(through('-m', (events) => events.pipe(mergeMap(() => throwError(() => 'error'))))).toBe('-#');
      const awaitsAnswer = (): never => {
        throw 'error';
      };
      const broken = forwardOnTimeout({ desk: ownership(), afterMs: 5, to, awaitsAnswer }, silent);
      expectObservable(cold<InboundEvent>('-m', values).pipe(broken)).toBe('-#');
    }),
  );

  it(
    'unsubscribes from the source and stops its clock',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot<InboundEvent>('-m---', values);
      const result = source.pipe(
        mergeMap((event) => of(event)),
        forwardOnTimeout(
          { desk: ownership(), afterMs: 5, to },
          mergeMap(() => NEVER),
        ),
        mergeMap((action) => of(action)),
      );
      expectObservable(result, '--!').toBe('---');
      expectSubscriptions(source.subscriptions).toBe('^-!');
    }),
  );

  it('stops at the first answer that arrives, and counts from the first message that waits', () => {
    const desk: Desk = new Desk((event) => (event.id === 'a' ? desk.later(90, 'here') : undefined));
    desk.deliver(message('a'));
    desk.clock.advance(80);
    desk.deliver(message('b'));
    desk.clock.advance(90);
    expect(desk.seen).to.deep.equal(['90 here']);
    desk.clock.advance(100);
    expect(desk.seen).to.deep.equal(['90 here', '180 handoff']);
    expect(desk.outcomes()).to.deep.equal({ handled: 2 });
    expect(desk.outcomes('forwardOnTimeout')).to.deep.equal({ handedOff: 1 });
  });

  it('stops at what a person says, whatever it answers', () => {
    const person = new Subject<OutboundAction>();
    const desk = new Desk(() => undefined, {}, person);
    desk.deliver(message('b'));
    desk.deliver(message('c'));
    person.next({ ...answer, id: 'o#1', cause: 'o', text: 'hello', by: 'human' });
    desk.clock.advance(1_000);
    expect(desk.seen).to.deep.equal(['0 hello']);
  });

  it('does not take typing, notes and failed sends for an answer, and counts from `event.at`', () => {
    const desk: Desk = new Desk(() => [
      { kind: 'typing' },
      { kind: 'note', text: 'he waits' },
      { kind: 'text', text: 'refused' },
    ]);
    desk.refuses = ({ kind }) => kind === 'text';
    desk.clock.advance(1_000);
    desk.deliver(message('a'), 930);
    desk.clock.advance(29);
    expect(desk.seen).to.deep.equal(['1000 typing', '1005 note']);
    desk.clock.advance(1);
    expect(desk.seen).to.deep.equal(['1000 typing', '1005 note', '1030 handoff']);
  });

  it('takes back what is open, mutes what comes late, and lets nothing of the conversation reach the bot', () => {
    const ran: string[] = [];
    const desk: Desk = new Desk((event) => {
      ran.push(event.id);
      return desk.later(150, 'too late');
    });
    desk.deliver(message('a'));
    desk.clock.advance(10);
    desk.deliver(message('b'));
    desk.clock.advance(200);
    desk.deliver(message('c'));
    desk.clock.advance(1_000);
    expect(ran).to.deep.equal(['a']);
    expect(desk.seen).to.deep.equal(['100 handoff']);
    expect(desk.outcomes()).to.deep.equal({ handedOff: 3 });
    expect(desk.accounts.counts()).to.include({ inFlight: 0, late: 0 });
  });

  it('mutes another pipe of the same desk, and a late action that found its way', () => {
    const desk = new Desk(() => undefined);
    desk.deliver(message('a'));
    desk.clock.advance(100);
    const { conversation } = message('a');
    const told: Receipt[] = [];
    const late: OutboundAction = { kind: 'text', id: 'x', conversation, text: 'psst' };
    of(late)
      .pipe(deliver({ name: 'other', desk: desk.desk, scheduler: desk.clock }, (action) => delivered(action, at(0))))
      .subscribe((receipt) => told.push(receipt));
    expect(told[0]).to.include({ status: 'skipped', reason: 'muted' });
  });

  it('gives it back to the bot when it has ended, was given back, or nobody took it', () => {
    const desk = new Desk((event) => (event.kind === 'message' ? { kind: 'text', text: `hi ${event.id}` } : undefined));
    const { conversation } = message('a');
    for (const [n, back] of (['ended', 'handoffFailed', 'returned'] as const).entries()) {
      desk.desk.handOver(conversation, `h${n}`).subscribe();
      desk.deliver(message(`muted${n}`));
      if (back === 'returned') desk.desk.returnToBot(conversation).subscribe();
      else desk.deliver({ ...message(back), kind: back });
      desk.deliver(message(back));
      desk.clock.advance(10);
    }
    expect(desk.seen.map((line) => line.split(' ').slice(1).join(' '))).to.deep.equal([
      'hi ended',
      'hi handoffFailed',
      'hi returned',
    ]);
  });

  it('tells the customer that nobody is there, and tries again until the conversation has ended', () => {
    const desk = new Desk(() => undefined, {
      onHandoffFailed: { say: { kind: 'text', text: 'Nobody is there.' }, retryAfterMs: 1_000 },
    });
    desk.deliver(message('a'));
    desk.clock.advance(100);
    desk.deliver({ ...message('no'), kind: 'handoffFailed' });
    desk.clock.advance(1_000);
    desk.refuses = ({ kind }) => kind === 'handoff';
    desk.deliver({ ...message('no2'), kind: 'handoffFailed' });
    desk.clock.advance(1_500);
    desk.deliver({ ...message('end'), kind: 'ended' });
    desk.clock.advance(10_000);
    expect(desk.seen).to.deep.equal(['100 handoff', '105 Nobody is there.', '1100 handoff']);
    expect(desk.accounts.counts()).to.include({ inFlight: 0 });
  });

  it('hands over once when the responder does so by itself, and takes back what else is open', () => {
    const desk: Desk = new Desk((event) =>
      event.id === 'a' ? desk.later(20, 'bye').pipe(mergeMap(() => [{ kind: 'handoff', to } as const])) : NEVER,
    );
    desk.deliver(message('a'));
    desk.deliver(message('b'));
    desk.clock.advance(1_000);
    expect(desk.seen).to.deep.equal(['20 handoff']);
    expect(desk.outcomes()).to.deep.equal({ handedOff: 2 });
    expect(desk.outcomes('forwardOnTimeout')).to.deep.equal({});
  });

  for (const back of ['ended', 'handoffFailed', 'returned'] as const)
    it(`leaves what was given back (${back}) to the bot when the receipt of its handoff comes late`, () => {
      const desk: Desk = new Desk((event) =>
        event.id === 'a'
          ? { kind: 'handoff', to }
          : event.id === 'b'
            ? desk.later(10, 'hi b')
            : event.id === 'c'
              ? text('hi c')
              : undefined,
      );
      const { conversation } = message('a');
      desk.deliver(message('a'));
      desk.clock.advance(2);
      if (back === 'returned') desk.desk.returnToBot(conversation).subscribe();
      else desk.deliver({ ...message('back'), kind: back });
      desk.deliver(message('b'));
      desk.clock.advance(20);
      expect(desk.receipts).to.deep.equal(['a#1 delivered', 'b#1 delivered']);
      desk.deliver(message('c'));
      desk.clock.advance(1_000);
      expect(desk.seen).to.deep.equal(['0 handoff', '12 hi b', '22 hi c']);
    });

  for (const [event, owner] of [
    ['handoffTaken', 'human'],
    ['ended', 'bot'],
  ] as const)
    it(`says nothing, tries nothing and leaves it where it is when a handoff fails that was on its way at ${event}`, () => {
      const desk = new Desk((event) => (event.id === 'a' ? { kind: 'handoff', to } : undefined), {
        onHandoffFailed: { say: text('Nobody is there.'), retryAfterMs: 10 },
      });
      desk.answer = (action) => failed(action, at(desk.clock.now()), new ChatError('refused', 'desk', 'no'));
      desk.deliver(message('a'));
      desk.clock.advance(2);
      desk.deliver({ ...message('news'), kind: event });
      desk.clock.advance(1_000);
      expect(desk.receipts).to.deep.equal(['a#1 failed']);
      expect(desk.owner()).to.equal(owner);
    });

  it('takes nothing from a person, and says nothing, when a handoff fails that came too late to be asked for', () => {
    const clock = virtualClock();
    const account = openAccounts({ scheduler: clock }).of('desk');
    const desk = ownership({ scheduler: clock });
    const source = new Subject<InboundEvent>();
    const seen: string[] = [];
    const onHandoffFailed = { say: text('Nobody is there.') };
    const responder = react(() => timer(5, clock).pipe(map(() => ({ kind: 'handoff', to }) as const)));
    source
      .pipe(forwardOnTimeout({ desk, afterMs: 100, to, scheduler: clock, onHandoffFailed }, responder))
      .subscribe((action) => {
        seen.push(action.id);
        traceOf(action)?.conclude('shed');
      });
    const event = message('a');
    const trace = account.open(event);
    source.next(event);
    trace.release(account);
    desk.taken(event.conversation).subscribe();
    clock.advance(1_000);
    let owner: string | undefined;
    desk.ownerOf(event.conversation).subscribe((found) => (owner = found));
    expect({ seen, owner }).to.deep.equal({ seen: ['a#1'], owner: 'human' });
  });

  it('gives the bot back what a handoff took that is taken back while it waits to be sent again', () => {
    const clock = virtualClock();
    const account = openAccounts({ scheduler: clock }).of('desk');
    const desk = ownership({ scheduler: clock });
    const source = new Subject<InboundEvent>();
    const seen: string[] = [];
    const sink = deliver({ name: 'toDesk', desk, scheduler: clock }, ({ id }): Receipt => {
      seen.push(id);
      throw new ChatError('unreachable', 'desk', 'nobody is there');
    });
    source
      .pipe(
        forwardOnTimeout(
          { desk, afterMs: 10_000, to, scheduler: clock, onHandoffFailed: { say: text('Nobody is there.') } },
          react(() => ({ kind: 'handoff', to })),
        ),
        retryDelivery({ delayMs: 50, jitter: 0, scheduler: clock }, sink),
      )
      .subscribe();
    const event = { ...message('a'), at: at(0) };
    const trace = account.open(event);
    source.next(event);
    trace.release(account);
    clock.advance(20);
    trace.cancel('superseded');
    clock.advance(1_000);
    let owner: string | undefined;
    desk.ownerOf(event.conversation).subscribe((found) => (owner = found));
    expect({ seen, owner, outcome: trace.outcome }).to.deep.equal({
      seen: ['a#1'],
      owner: 'bot',
      outcome: 'superseded',
    });
  });

  it('gives what it says of two handoffs of one message that failed two ids', () => {
    const desk: Desk = new Desk(
      (event) =>
        event.id === 'a'
          ? merge(of(0), timer(50, desk.clock)).pipe(map(() => ({ kind: 'handoff', to }) as const))
          : undefined,
      { onHandoffFailed: { say: text('Nobody is there.') } },
    );
    desk.refuses = ({ kind }) => kind === 'handoff';
    desk.deliver(message('a'));
    desk.clock.advance(20);
    desk.deliver({ ...message('end'), kind: 'ended' });
    desk.clock.advance(1_000);
    expect(desk.receipts).to.deep.equal([
      'a#1 failed',
      'a#1#untaken.0 delivered',
      'a#2 failed',
      'a#2#untaken.0 delivered',
    ]);
  });

  it('takes nothing from the bot for a handoff that ends handed off where nobody has the conversation', () => {
    const clock = virtualClock();
    const account = openAccounts({ scheduler: clock }).of('desk');
    const desk = ownership({ scheduler: clock });
    const source = new Subject<InboundEvent>();
    const responder = react(() => ({ kind: 'handoff', to }) as const);
    source
      .pipe(forwardOnTimeout({ desk, afterMs: 100, to, scheduler: clock }, responder))
      .subscribe((action) => traceOf(action)?.conclude('handedOff'));
    const event = message('a');
    const trace = account.open(event);
    source.next(event);
    trace.release(account);
    let owner: string | undefined;
    desk.ownerOf(event.conversation).subscribe((found) => (owner = found));
    expect([trace.outcome, owner]).to.deep.equal(['handedOff', 'bot']);
  });

  it('with `hold`, keeps a message open until it is answered or handed over', () => {
    const desk: Desk = new Desk(
      (event) => (event.id === 'a' ? desk.later(20, 'here').pipe(take(1)) : event.id === 'b' ? text('one') : undefined),
      { hold: true },
    );
    for (const id of ['a', 'b', 'c']) desk.deliver(message(id, id));
    desk.clock.advance(10);
    expect(desk.accounts.counts().inFlight).to.equal(2);
    desk.clock.advance(1_000);
    expect(desk.seen).to.deep.equal(['0 one', '20 here', '100 handoff']);
    expect(desk.outcomes()).to.deep.equal({ handled: 2, handedOff: 1 });
  });

  it('with `hold`, notices that a responder handed over, and gives it back when the conversation has ended', () => {
    const desk: Desk = new Desk((event) => (event.id === 'a' ? { kind: 'handoff', to } : text(`re ${event.id}`)), {
      hold: true,
    });
    desk.deliver(message('a'));
    desk.clock.advance(20);
    expect(desk.accounts.counts().inFlight).to.equal(0);
    desk.deliver({ ...message('taken'), kind: 'handoffTaken' });
    desk.deliver({ ...message('end'), kind: 'ended' });
    desk.clock.advance(20);
    desk.deliver(message('b'));
    desk.clock.advance(1_000);
    expect(desk.seen.map((line) => line.split(' ').slice(1).join(' '))).to.deep.equal(['handoff', 're end', 're b']);
  });

  it('takes a responder’s handoff that fails for one that nobody took', () => {
    const desk = new Desk(() => ({ kind: 'handoff', to }), {
      onHandoffFailed: { say: text('Nobody is there.'), retryAfterMs: 1_000, attempts: 3 },
    });
    desk.refuses = ({ kind }) => kind === 'handoff';
    let tried = 0;
    desk.desk.changes$.subscribe(({ owner }) => (tried += owner === 'queue' ? 1 : 0));
    desk.deliver(message('a'));
    desk.clock.advance(100_000);
    expect(desk.seen).to.deep.equal(['0 Nobody is there.']);
    expect(tried).to.equal(4);
    expect(desk.accounts.counts().inFlight).to.equal(0);
  });

  it('hands over once where the time is up before a handoff that failed is tried again', () => {
    const desk = new Desk(() => ({ kind: 'handoff', to }), { onHandoffFailed: { retryAfterMs: 150 } });
    desk.refuses = ({ id }) => id === 'a#1';
    desk.deliver(message('a'));
    desk.clock.advance(10_000);
    expect(desk.seen).to.deep.equal(['100 handoff']);
    expect(desk.receipts).to.deep.equal(['a#1 failed', 'a#timeout.1 delivered']);
  });

  it('leaves alone a handoff of the responder that is tried again by its sink when the time is up', () => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock });
    const desk = ownership({ scheduler: clock });
    const seen: string[] = [];
    const sink = deliver({ name: 'toDesk', desk, scheduler: clock }, (action): Receipt => {
      seen.push(`${clock.now()} ${action.id}`);
      if (clock.now() < 150) throw new ChatError('unreachable', 'desk', 'nobody is there');
      return delivered(action, at(clock.now()));
    });
    const events = new Subject<InboundEvent>();
    events
      .pipe(
        forwardOnTimeout(
          { desk, afterMs: 100, to, accounts, scheduler: clock },
          react(() => ({ kind: 'handoff', to })),
        ),
        retryDelivery({ delayMs: 150, jitter: 0, scheduler: clock }, sink),
      )
      .subscribe();
    const event = { ...message('a'), at: at(0) };
    const account = accounts.of('desk');
    const trace = account.open(event);
    events.next(event);
    trace.release(account);
    clock.advance(1_000);
    expect(seen).to.deep.equal(['0 a#1', '150 a#1']);
    expect(accounts.counts()).to.include({ inFlight: 0, received: 1 });
    expect(trace.outcome).to.equal('handedOff');
  });

  for (const [what, failsAfter, handedOver] of [
    ['is tried again', 0, '105 a#timeout.1'],
    ['fails', 95, '110 a#timeout.1'],
  ] as const) {
    it(`hands over once where the time is up just when a handoff ${what}, and the desk takes its time`, () => {
      const clock = virtualClock();
      const seen: string[] = [];
      const desk = slowToTell(ownership({ scheduler: clock }), clock);
      const refused = new ChatError('refused', 'desk', 'no');
      const events = new Subject<InboundEvent>();
      events
        .pipe(
          forwardOnTimeout(
            { desk, afterMs: 100, to, scheduler: clock, onHandoffFailed: { retryAfterMs: 85 } },
            react(() => ({ kind: 'handoff', to })),
          ),
          deliver({ name: 'toDesk', scheduler: clock }, (action): Receipt | Observable<Receipt> => {
            seen.push(`${clock.now()} ${action.id}`);
            if (action.id !== 'a#1') return delivered(action, at(clock.now()));
            return timer(failsAfter, clock).pipe(map(() => failed(action, at(clock.now()), refused)));
          }),
        )
        .subscribe();
      const event = { ...message('a'), at: at(0) };
      const account = openAccounts({ scheduler: clock }).of('desk');
      const trace = account.open(event);
      events.next(event);
      trace.release(account);
      clock.advance(10_000);
      expect(seen).to.deep.equal(['0 a#1', handedOver]);
    });
  }

  it('gives a conversation back whose handoff fails when the stream has ended', () => {
    const desk = new Desk(() => undefined);
    desk.answer = (action) => failed(action, at(0), new ChatError('refused', 'desk', 'no'));
    const owners = desk.owners();
    desk.deliver(message('a'));
    desk.source.complete();
    desk.clock.advance(10_000);
    expect(owners).to.deep.equal(['100 queue', '105 bot']);
  });

  it('gives a conversation back that it got from a slow desk when nobody listens any more', () => {
    const clock = virtualClock();
    const quick = ownership({ scheduler: clock });
    const owners: string[] = [];
    quick.changes$.subscribe(({ owner }) => owners.push(`${clock.now()} ${owner}`));
    const desk = slowToTell(quick, clock);
    const events = new Subject<InboundEvent>();
    const subscription = events
      .pipe(
        forwardOnTimeout(
          { desk, afterMs: 100, to, scheduler: clock },
          react(() => undefined),
        ),
      )
      .subscribe();
    events.next({ ...message('a'), at: at(0) });
    clock.advance(105);
    subscription.unsubscribe();
    clock.flush();
    expect(owners).to.deep.equal(['100 queue', '110 bot']);
  });

  it('frees the lane of an event that was answered and hangs', () => {
    const desk: Desk = new Desk((event) =>
      event.id === 'a' ? concat(of(text('let me see')), NEVER) : text(`re ${event.id}`),
    );
    desk.deliver(message('a'));
    desk.clock.advance(50);
    desk.deliver(message('b'));
    desk.clock.advance(150);
    desk.deliver({ ...message('end'), kind: 'ended' });
    desk.deliver(message('c'));
    desk.clock.advance(500);
    expect(desk.seen).to.deep.equal(['0 let me see', '150 handoff', '200 re end', '205 re c']);
    expect(desk.accounts.counts().inFlight).to.equal(0);
  });

  it('says nothing more when it is unsubscribed while a handoff waits, and gives the conversation back', () => {
    const note = { kind: 'note', text: 'he waits' } as const;
    const desk: Desk = new Desk(() => timer(98, desk.clock).pipe(map(() => note)), {
      onHandoffFailed: { say: text('Nobody is there.') },
    });
    const owners = desk.owners();
    desk.deliver(message('b'));
    desk.clock.advance(100);
    desk.subscription.unsubscribe();
    desk.clock.advance(60_000);
    expect(desk.seen).to.deep.equal(['98 note']);
    expect(owners).to.deep.equal(['100 queue', '100 bot']);
    expect(desk.accounts.counts().inFlight).to.equal(0);
  });

  it('does nothing more when it was unsubscribed by what it emits', () => {
    const clock = virtualClock();
    const desk = ownership({ scheduler: clock });
    const seen: string[] = [];
    desk.changes$.subscribe(({ conversation, owner }) => seen.push(`${conversation.id} ${owner}`));
    const onHandoffFailed = { retryAfterMs: 1_000 };
    const config = { desk, afterMs: 100, to, onHandoffFailed, accounts: openAccounts({ scheduler: clock }) };
    const events = new Subject<InboundEvent>();
    events
      .pipe(
        forwardOnTimeout(
          { ...config, scheduler: clock },
          mergeMap(() => NEVER),
        ),
        take(1),
      )
      .subscribe();
    for (const id of ['c1', 'c2']) events.next({ ...message(id, id), at: at(0) });
    clock.advance(100_000);
    expect(seen.filter((line) => line.startsWith('c2'))).to.deep.equal([]);
    clock.flush();
  });

  it('completes when the responder has and nobody waits any more', () => {
    const desk = new Desk(() => undefined);
    desk.deliver(message('a'));
    desk.source.complete();
    desk.clock.advance(50);
    expect(desk.isCompleted).to.equal(false);
    desk.clock.advance(60);
    expect(desk).to.include({ isCompleted: true });
    expect(desk.seen).to.deep.equal(['100 handoff']);
  });

  it('stops a synchronous source with take(1), and begins anew with each subscription', () => {
    let made = 0;
    const source = of('a', 'b', 'c').pipe(map((id) => (made++, message(id))));
    const echoing = forwardOnTimeout(
      { desk: ownership(), afterMs: 5, to },
      map((event) => ({ ...answer, id: event.id })),
    );
    const stream = source.pipe(echoing, take(1));
    stream.subscribe();
    stream.subscribe();
    expect(made).to.equal(2);
  });

  it('refuses times out of range', () => {
    const desk = ownership();
    expect(() =>
      forwardOnTimeout(
        { desk, afterMs: 0, to },
        map(() => answer),
      ),
    ).to.throw(RangeError, 'afterMs must be');
    const onHandoffFailed = { retryAfterMs: 0 };
    expect(() =>
      forwardOnTimeout(
        { desk, afterMs: 1, to, onHandoffFailed },
        map(() => answer),
      ),
    ).to.throw(RangeError, 'retryAfterMs must be above 0');
  });
});

const withoutTrace = (action: OutboundAction): OutboundAction => {
  traceOf(action)?.conclude('handled');
  return JSON.parse(JSON.stringify(action)) as OutboundAction;
};
