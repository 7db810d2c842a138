import { expect } from 'chai';
import {
  asyncScheduler,
  delay,
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
  type OperatorFunction,
} from 'rxjs';
import {
  ChatError,
  followUpAfter,
  forwardOnTimeout,
  memoryStore,
  openAccounts,
  ownership,
  react,
  rateLimit,
  routeToFluidTalk,
  type FollowUpAfterConfig,
  type InboundEvent,
  type OutboundAction,
  type Replies,
} from 'tidewire';
import { fluidtalkLedger, type FluidtalkResult } from 'tidewire/fluidtalk';
import { marbles, virtualClock } from 'tidewire/testing';
import { message } from '../support/events.js';
import { HOUR, QuietLead } from '../support/quiet-lead.js';
import { virtualPersona } from '../support/virtual-persona.js';

const says = (...bubbles: readonly string[]): FluidtalkResult => ({ bubbles, ignored: false, raw: null });
const configOf = (more: Partial<FollowUpAfterConfig> = {}): FollowUpAfterConfig => ({
  persona: { followUp: () => of(says('still there?')) },
  quietMs: 5,
  ledger: fluidtalkLedger({ store: memoryStore() }),
  mayContact: () => true,
  ...more,
});

describe('followUpAfter', () => {
  const values = { m: message('m'), n: message('n') };
  const answer: OutboundAction = { kind: 'text', id: 'a', conversation: values.m.conversation, cause: 'm', text: 'a' };
  const followUp: OutboundAction = { ...answer, id: 'm#followUp.0', text: 'still there?' };

  it(
    'follows up on a lead who was answered and says nothing',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot<InboundEvent>('-m---------------|', values);
      const subs = '                    ^----------------!';
      const persona = { followUp: () => timer(2).pipe(map(() => says('still there?'))) };
      const responder = (events: Observable<InboundEvent>): Observable<OutboundAction> =>
        events.pipe(
          delay(2),
          map(() => answer),
        );
      const result = source.pipe(followUpAfter(configOf({ persona }), responder));
      expectObservable(result).toBe('---a------f------|', { a: answer, f: followUp });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'passes an empty source, a silent one, an error of the source, of the responder and of `target`',
    marbles(({ cold, expectObservable }) => {
      const silent = mergeMap(() => NEVER as Observable<OutboundAction>);
      const through = (source: string, responder = silent, more: Partial<FollowUpAfterConfig> = {}) =>
        cold<InboundEvent>(source, values).pipe(followUpAfter(configOf(more), responder));
      expectObservable(through('|', () => NEVER.pipe(take(0)))).toBe('|');
      expectObservable(through('-')).toBe('-');
      expectObservable(through('-m-#')).toBe('---#');
      const failing = mergeMap(() => throwError(() => 'error'));
      expectObservable(through('-m', failing)).toBe('-#');
      const target = (): never => {
        throw 'error';
      };
      expectObservable(through('-m', silent, { target })).toBe('-#');
    }),
  );

  it(
    'unsubscribes from the source, stops its clock and aborts its calls',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot<InboundEvent>('-m-----------', values);
      const call = cold<FluidtalkResult>('-----');
      const result = source.pipe(
        mergeMap((event) => of(event)),
        followUpAfter(
          configOf({ persona: { followUp: () => call } }),
          map(() => answer),
        ),
        mergeMap((action) => of(action)),
      );
      expectObservable(result, '--------!').toBe('-a---', { a: answer });
      expectSubscriptions(source.subscriptions).toBe('^-------!');
      expectSubscriptions(call.subscriptions).toBe('------^-!');
    }),
  );

  it(
    'drops what waits when the responder completes, and completes when a call under way is answered',
    marbles(({ hot, expectObservable }) => {
      const persona = { followUp: () => timer(4).pipe(map(() => says('still there?'))) };
      const answering = map(() => answer);
      const early = hot<InboundEvent>('-m--|', values).pipe(followUpAfter(configOf({ persona }), answering));
      expectObservable(early).toBe('-a--|', { a: answer });
      const late = hot<InboundEvent>('-m-----|', values).pipe(followUpAfter(configOf({ persona }), answering));
      expectObservable(late).toBe('-a--------(f|)', { a: answer, f: followUp });
    }),
  );

  it('counts from the last answer that was delivered', () => {
    const desk: QuietLead = new QuietLead({}, () => [
      { kind: 'typing' },
      { kind: 'text', text: 'one' },
      { kind: 'text', text: 'two' },
    ]);
    desk.open('c');
    desk.write('a');
    desk.clock.advance(1_029);
    expect(desk.followUps()).to.equal(0);
    desk.clock.advance(200);
    expect(desk.seen).to.deep.equal(['1000 typing', '1010 one', '1020 two', '2130 Are you still there, c?']);
    expect(desk.outcomes()).to.deep.equal({ handled: 1 });
    expect(desk.accounts.counts()).to.include({ inFlight: 0, late: 0, lost: 0 });
  });

  it('reminds nobody whom a person has answered', () => {
    const desk = new QuietLead({}, () => [
      { kind: 'text', text: 'one' },
      { kind: 'text', text: 'a person', by: 'human' },
    ]);
    desk.open('c');
    desk.write('a');
    desk.clock.advance(10_000);
    expect(desk.seen).to.deep.equal(['1000 one', '1010 a person']);
  });

  it('reminds nobody who was not answered: typing, notes, failed and missing answers', () => {
    const respond = (event: InboundEvent): Replies => {
      if (event.id === 'typing') return { kind: 'typing' };
      if (event.id === 'note') return [{ kind: 'note', text: 'x' }];
      return event.id === 'refused' ? { kind: 'text', text: 'refused' } : event.id === 'late' ? NEVER : undefined;
    };
    const desk = new QuietLead({}, respond);
    desk.refuses = (said) => said === 'refused';
    for (const id of ['typing', 'note', 'refused', 'late', 'nothing']) {
      desk.open(id);
      desk.write(id, id);
    }
    desk.clock.advance(HOUR);
    expect(desk.followUps()).to.equal(0);
  });

  it('reminds nobody who wrote since: an answer to what they wrote before is none', () => {
    const desk: QuietLead = new QuietLead({}, (event) => (event.id === 'a' ? { kind: 'text', text: 'here' } : NEVER));
    desk.open('c');
    desk.write('a');
    desk.write('b');
    desk.clock.advance(HOUR);
    expect(desk.seen).to.deep.equal(['1000 here']);
    expect(desk.followUps()).to.equal(0);
  });

  it('waits while an answer is still under way', () => {
    const slow: QuietLead = new QuietLead({}, () =>
      timer(0, 5_000, slow.clock).pipe(
        take(2),
        map((n) => ({ kind: 'text', text: `${n}` }) as const),
      ),
    );
    slow.open('c');
    slow.write('a');
    slow.clock.advance(5_900);
    expect(slow.followUps()).to.equal(0);
    slow.clock.advance(200);
    expect(slow.followUps()).to.equal(1);
    const held = new QuietLead(
      {},
      () => [
        { kind: 'text', text: 'one' },
        { kind: 'text', text: 'two' },
      ],
      {},
      (config, responder) => (events) =>
        events.pipe(
          followUpAfter(config, responder),
          rateLimit({ limit: 1, perMs: 5_000, scheduler: config.scheduler ?? asyncScheduler }),
        ),
    );
    held.open('c');
    held.write('a');
    held.clock.advance(5_900);
    expect(held.followUps()).to.equal(0);
    held.clock.advance(300);
    expect(held.followUps()).to.equal(1);
  });

  it('follows up once for each silence, and once in 24 hours', () => {
    const desk = new QuietLead();
    desk.open('c');
    desk.write('a');
    desk.clock.advance(10 * HOUR);
    expect(desk.followUps()).to.equal(1);
    desk.write('b');
    desk.clock.advance(13 * HOUR);
    expect(desk.followUps()).to.equal(1);
    desk.clock.advance(2 * HOUR);
    desk.write('c');
    desk.clock.advance(10 * HOUR);
    expect(desk.followUps()).to.equal(2);
    desk.clock.advance(100 * HOUR);
    expect(desk.followUps()).to.equal(2);
  });

  it('is cancelled by a new message: before the call, during it, and between its bubbles', () => {
    const desk = new QuietLead();
    desk.open('c');
    desk.core.script('c', { bubbles: ['one', 'two', 'three'] });
    desk.write('a');
    desk.clock.advance(1_000);
    desk.write('b');
    desk.clock.advance(1_115);
    desk.write('c');
    desk.clock.advance(10);
    expect(desk.seen.map((line) => line.split(' ').slice(1).join(' '))).to.deep.equal(['re a', 're b', 'one', 're c']);
    expect(desk.outcomes()).to.deep.equal({ superseded: 3 });
    const during = new QuietLead();
    during.open('c');
    during.write('a');
    during.clock.advance(1_060);
    during.write('b');
    during.clock.advance(HOUR);
    expect(during.seen.map((line) => line.split(' ').slice(1).join(' '))).to.deep.equal(['re a', 're b']);
    expect(during.followUps()).to.equal(1);
  });

  it('says no more of it when the lead answers at once', () => {
    const scheduler = virtualClock();
    const events = new Subject<InboundEvent>();
    const seen: string[] = [];
    const persona = { followUp: () => of(says('one', 'two')) };
    events
      .pipe(
        followUpAfter(
          configOf({ persona, scheduler }),
          map(({ id }) => ({ ...answer, id, cause: id })),
        ),
      )
      .subscribe(({ id }) => {
        seen.push(id);
        if (id === 'm#followUp.0') events.next(values.n);
      });
    events.next(values.m);
    scheduler.advance(5);
    expect(seen).to.deep.equal(['m', 'm#followUp.0', 'n']);
  });

  it('counts again from an answer that is said while it counts', () => {
    const desk: QuietLead = new QuietLead({}, undefined, {}, (config, responder) =>
      followUpAfter(config, (events) =>
        merge(
          responder(events),
          timer(2_005, config.scheduler).pipe(map(() => ({ ...answer, id: 'late', text: 'late' }))),
        ),
      ),
    );
    desk.open('c');
    desk.write('a');
    desk.clock.advance(1_990);
    expect(desk.followUps()).to.equal(0);
    desk.clock.advance(100);
    expect(desk.followUps()).to.equal(1);
  });

  it('forgets who will not be answered: they take no place from others', () => {
    const desk = new QuietLead({ maxWaiting: 2 }, (event) =>
      event.id === 'b' ? undefined : { kind: 'text', text: 'hi' },
    );
    for (const lead of ['a', 'b', 'c']) desk.open(lead);
    for (const lead of ['a', 'b', 'c']) desk.write(lead, lead);
    desk.clock.advance(HOUR);
    expect(desk.followUps()).to.equal(2);
  });

  it('does not send later what was taken back, and marks what was delivered', () => {
    const desk = new QuietLead();
    desk.open('c');
    desk.core.script('c', { bubbles: ['one', 'two'] });
    desk.write('a');
    desk.clock.advance(1_115);
    desk.write('b');
    desk.clock.advance(HOUR);
    const claims: string[] = [];
    desk.ledger.claimFollowUp('c').subscribe(({ kind }) => claims.push(kind));
    expect(claims).to.deep.equal(['tooSoon']);
  });

  it('contacts nobody who has ended, unsubscribed, is handed over, or is on the stop list', () => {
    const stops: Readonly<Record<string, (desk: QuietLead) => void>> = {
      ended: (desk) => desk.happen('ended'),
      unsubscribed: (desk) => desk.happen('unsubscribed'),
      handoffTaken: (desk) => desk.happen('handoffTaken'),
      started: (desk) => desk.happen('started'),
      owned: (desk) => desk.desk.handOver(message('x').conversation, 'h').subscribe(),
      agent: (desk) => desk.deliver({ ...message('x'), sender: { role: 'agent' } }),
    };
    for (const [name, stop] of Object.entries(stops)) {
      for (const afterMs of [500, 1_050]) {
        const desk = new QuietLead();
        desk.open('c');
        desk.write('a');
        desk.clock.advance(afterMs);
        stop(desk);
        desk.clock.advance(HOUR);
        expect(
          desk.seen.filter((line) => line.includes('still')),
          name,
        ).to.deep.equal([]);
      }
    }
    for (const mayContact of [() => false, () => of(false), async () => Promise.resolve(false)]) {
      const desk = new QuietLead({ mayContact });
      desk.open('c');
      desk.write('a');
      desk.clock.advance(HOUR);
      expect(desk.followUps()).to.equal(0);
    }
  });

  it('asks the stop list again before the text goes out', () => {
    let asked = 0;
    const desk = new QuietLead({ mayContact: () => ++asked === 1 });
    desk.open('c');
    desk.write('a');
    desk.clock.advance(HOUR);
    expect(desk).to.deep.include({ seen: ['1000 re a'] });
    expect(desk.followUps()).to.equal(1);
  });

  it('contacts nobody again who unsubscribed, with a store after a restart either', () => {
    const forgetful = new QuietLead();
    forgetful.open('c');
    forgetful.happen('unsubscribed');
    forgetful.write('a');
    forgetful.clock.advance(HOUR);
    expect(forgetful.followUps()).to.equal(0);
    const store = memoryStore();
    const desk = new QuietLead({ store });
    desk.open('c');
    desk.happen('unsubscribed');
    desk.write('a');
    desk.clock.advance(HOUR);
    expect(desk.followUps()).to.equal(0);
    const after = new QuietLead({ store });
    after.open('c');
    after.write('a');
    after.clock.advance(HOUR);
    expect(after.followUps()).to.equal(0);
  });

  it('is not confused by typing indicators, echoes and events that it does not know', () => {
    const desk = new QuietLead();
    desk.open('c');
    desk.write('a');
    desk.clock.advance(500);
    desk.deliver({ ...message('t'), kind: 'progress', what: 'read' });
    desk.deliver({ ...message('e'), sender: { role: 'bot', self: true } });
    desk.deliver({ ...message('o'), kind: 'other', name: 'x' });
    desk.clock.advance(HOUR);
    expect(desk.followUps()).to.equal(1);
  });

  it('is cancelled by an answer that comes while the persona thinks', () => {
    const desk: QuietLead = new QuietLead({}, undefined, {}, (config, responder) =>
      followUpAfter(config, (events) =>
        merge(
          responder(events),
          timer(2_070, config.scheduler).pipe(map(() => ({ ...answer, id: 'late', text: 'late' }))),
        ),
      ),
    );
    desk.open('c');
    desk.write('a');
    desk.clock.advance(HOUR);
    expect(desk.seen).to.deep.equal(['1000 re a', '2070 late']);
    expect(desk.followUps()).to.equal(1);
  });

  it('reports what fails, and goes on', () => {
    const fails = (error: unknown): QuietLead => {
      const desk = new QuietLead({ persona: { followUp: () => throwError(() => error) } });
      desk.write('a');
      desk.clock.advance(HOUR);
      desk.write('b');
      desk.clock.advance(1);
      expect(desk.seen.at(-1)).to.match(/re b$/);
      return desk;
    };
    const claimAfter = (desk: QuietLead): string => {
      let kind = '';
      desk.ledger.claimFollowUp('c').subscribe((claim) => (kind = claim.kind));
      return kind;
    };
    const refused = fails(new ChatError('refused', 'fluidtalk', 'no', { reason: 'noConversation' }));
    expect(refused.reports).to.deep.equal(['fluidtalk: no']);
    expect(claimAfter(refused)).to.equal('claimed');
    expect(claimAfter(fails(new ChatError('timeout', 'fluidtalk', 'no', { inDoubt: true })))).to.equal('inDoubt');
    expect(claimAfter(fails(new ChatError('refused', 'fluidtalk', 'no', { reason: 'sealed' })))).to.equal('sealed');
    const mayContact = (): never => {
      throw new Error('the list is gone');
    };
    const listless = new QuietLead({ mayContact });
    listless.write('a');
    listless.clock.advance(HOUR);
    expect(listless.reports).to.deep.equal(['fluidtalk: the list is gone']);
  });

  it('leaves nobody in doubt about a sealed or silent persona', () => {
    const desk = new QuietLead();
    for (const lead of ['sealed', 'silent', 'ignored']) desk.open(lead);
    desk.ledger.seal('sealed').subscribe();
    desk.core.script('silent', { bubbles: [] });
    for (const lead of ['sealed', 'silent']) desk.write(`a ${lead}`, lead);
    desk.clock.advance(HOUR);
    desk.core.faults.ignored = 1;
    desk.write('a ignored', 'ignored');
    desk.clock.advance(HOUR);
    expect(desk.seen).to.have.length(3);
    expect(desk.followUps()).to.equal(1);
    expect(desk.reports).to.deep.equal([]);
  });

  it('asks for no more than `concurrency` at once, and watches no more than `maxWaiting`', () => {
    const desk = new QuietLead({ concurrency: 1, maxWaiting: 2 });
    for (const lead of ['a', 'b', 'c']) desk.open(lead);
    for (const lead of ['a', 'b', 'c']) desk.write(lead, lead);
    desk.clock.advance(HOUR);
    const asked = desk.core.journal.filter(({ kind }) => kind === 'asked').map(({ at, target }) => `${at} ${target}`);
    expect(asked).to.deep.equal(['4010 b', '4110 c']);
  });

  it('works without traces: what passes counts as delivered', () => {
    const desk = new QuietLead();
    desk.open('c');
    const config = configOf({ scheduler: desk.clock, quietMs: 1_000 });
    const seen: string[] = [];
    of(message('a'))
      .pipe(
        mergeMap((event) => merge(of(event), NEVER)),
        followUpAfter(
          config,
          map(({ id }) => ({ ...answer, cause: id })),
        ),
      )
      .subscribe(({ id }) => seen.push(`${desk.clock.now()} ${id}`));
    desk.clock.advance(1_000);
    expect(seen).to.deep.equal(['1000 a', '2000 a#followUp.0']);
  });

  it('stops a synchronous source with take(1), and begins anew with each subscription', () => {
    let made = 0;
    const source = of('a', 'b', 'c').pipe(map((id) => (made++, message(id))));
    const stream = source.pipe(
      followUpAfter(
        configOf(),
        map((event) => ({ ...answer, id: event.id })),
      ),
      take(1),
    );
    stream.subscribe();
    stream.subscribe();
    expect(made).to.equal(2);
  });

  it('reminds behind a persona that answers, inside of what hands over', () => {
    const desk: QuietLead = new QuietLead({}, undefined, {}, (config) => {
      const { scheduler = asyncScheduler, desk: owners = ownership(), accounts = openAccounts() } = config;
      const route: OperatorFunction<InboundEvent, OutboundAction> = routeToFluidTalk(
        { inboundChat: (chat) => virtualPersona(desk.core, scheduler).inboundChat(chat) },
        { target: ({ conversation }) => conversation.id, typing: false, scheduler },
      );
      const handing = { desk: owners, afterMs: 500, to: { kind: 'any' }, hold: true, accounts, scheduler } as const;
      return (events) => events.pipe(forwardOnTimeout(handing, followUpAfter(config, route)));
    });
    desk.write('a');
    desk.clock.advance(HOUR);
    expect(desk.seen).to.deep.equal(['100 You said: a', '1210 Are you still there, c?']);
    expect(desk.accounts.counts()).to.include({ inFlight: 0, late: 0 });
  });

  it('keeps nothing and no timer when nobody waits', () => {
    const desk = new QuietLead();
    desk.open('c');
    desk.write('a');
    desk.happen('ended');
    desk.clock.flush();
    expect(desk.clock.actions).to.have.length(0);
    desk.source.complete();
    expect(desk.isCompleted).to.equal(true);
  });

  it('refuses numbers out of range', () => {
    const refused =
      (more: Partial<FollowUpAfterConfig>): (() => unknown) =>
      () =>
        followUpAfter(
          configOf(more),
          react(() => undefined),
        );
    expect(refused({ quietMs: 0 })).to.throw(RangeError, 'quietMs must be above 0');
    expect(refused({ quietMs: 2 ** 31 })).to.throw(RangeError, 'quietMs must be at most 2147483647');
    expect(refused({ concurrency: 0 })).to.throw(RangeError, 'concurrency must be at least 1');
    expect(refused({ maxWaiting: 0 })).to.throw(RangeError, 'maxWaiting must be at least 1');
  });
});
