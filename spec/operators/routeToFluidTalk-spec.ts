import { expect } from 'chai';
import { map, of, Subject, timer, type Observable } from 'rxjs';
import {
  circuit,
  deliver,
  delivered,
  isOutOfTokens,
  memoryStore,
  openAccounts,
  routeToFluidTalk,
  type InboundEvent,
  type MediaEvent,
  type OutboundAction,
  type Outcome,
  type Persona,
  type Receipt,
  type RouteToFluidTalkConfig,
  type Trace,
} from 'tidewire';
import { fluidtalkLedger } from 'tidewire/fluidtalk';
import { fluidtalkCore, type FluidtalkCoreConfig } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { message } from '../support/events.js';
import { virtualPersona } from '../support/virtual-persona.js';

const shown = (action: OutboundAction): string => {
  if (action.kind === 'text') return action.text;
  return action.kind === 'media' ? (action.media.url ?? '') : action.kind;
};

/** A persona on the simulated server, a platform that takes 10 ms, and what the customer saw. */
class Desk {
  readonly clock = virtualClock();
  readonly accounts = openAccounts({ scheduler: this.clock });
  readonly core;
  readonly source = new Subject<InboundEvent>();
  readonly seen: string[] = [];
  readonly receipts: Receipt[] = [];
  readonly #account = this.accounts.of('desk');

  constructor(config: RouteToFluidTalkConfig = {}, server: FluidtalkCoreConfig = {}, more: Partial<Persona> = {}) {
    const { clock: scheduler } = this;
    this.core = fluidtalkCore({ scheduler, thinkMs: 100, ...server });
    const persona = { ...virtualPersona(this.core, scheduler), ...more };
    this.source
      .pipe(
        routeToFluidTalk(persona, { scheduler, ...config }),
        deliver({ name: 'toDesk', scheduler }, (action): Observable<Receipt> => {
          this.seen.push(`${scheduler.now()} ${shown(action)}`);
          return timer(10, scheduler).pipe(map(() => delivered(action, new Date(scheduler.now()).toISOString())));
        }),
      )
      .subscribe((receipt) => this.receipts.push(receipt));
  }

  deliver(event: InboundEvent): Trace {
    const copy = { ...event };
    const trace = this.#account.open(copy);
    this.source.next(copy);
    trace.release(this.#account);
    return trace;
  }

  outcomes(): Partial<Record<Outcome, number>> {
    return Object.fromEntries(Object.entries(this.accounts.counts().outcomes).filter(([, n]) => n > 0));
  }

  asked(): readonly string[] {
    return this.core.journal.filter(({ kind }) => kind === 'called').map(({ at }) => String(at));
  }
}

const say = (id: string, text: string, conversation = 'c'): InboundEvent => message(id, conversation, text);

describe('routeToFluidTalk', () => {
  it('answers with the bubbles in order, then the photo, and shows typing while the persona thinks', () => {
    const desk = new Desk({ typing: true });
    desk.core.script('desk::c', { bubbles: ['Hey!', 'Look:'], photo: 'https://cdn.test/p/1.jpg' });
    desk.deliver(say('a', 'hello'));
    desk.clock.flush();
    expect(desk.seen).to.deep.equal(['0 typing', '100 Hey!', '110 Look:', '120 https://cdn.test/p/1.jpg']);
    expect(desk.outcomes()).to.deep.equal({ handled: 1 });
  });

  it('puts messages, choices, places and commands to it, and ignores the rest', () => {
    const desk = new Desk();
    const base = say('x', '');
    const events = [
      say('a', 'hello'),
      { ...base, id: 'b', kind: 'choice', choice: { id: 'y', label: 'Yes' } },
      { ...base, id: 'c', kind: 'location', latitude: 1, longitude: 2, name: 'Home' },
      { ...base, id: 'd', kind: 'command', name: '/start', text: 'now' },
      { ...base, id: 'e', kind: 'started' },
      { ...say('f', 'echo'), sender: { role: 'bot', self: true } },
    ] as readonly InboundEvent[];
    for (const event of events) desk.deliver(event);
    desk.clock.flush();
    expect(desk.seen.map((line) => line.replace(/^\d+ You said: /, ''))).to.deep.equal([
      'hello',
      'Yes',
      'Home, 1, 2',
      '/start now',
    ]);
    expect(desk.outcomes()).to.deep.equal({ handled: 4, ignored: 2 });
  });

  it('makes one call at a time for a target, and no more than `concurrency` for all', () => {
    const desk = new Desk({ concurrency: 2, target: ({ conversation }) => conversation.id.charAt(0) });
    for (const [id, conversation] of [
      ['1', 'a1'],
      ['2', 'a2'],
      ['3', 'b'],
      ['4', 'c'],
    ] as const) {
      desk.deliver(say(id, id, conversation));
    }
    desk.clock.flush();
    expect(desk.seen).to.deep.equal(['100 You said: 1', '100 You said: 3', '200 You said: 4', '200 You said: 2']);
  });

  it('lets a call whose event was cancelled end unheard, and the next of its target wait for it', () => {
    const desk = new Desk();
    const first = desk.deliver(say('a', 'one'));
    desk.clock.advance(50);
    first.cancel('handedOff');
    desk.deliver(say('b', 'two'));
    desk.clock.flush();
    expect(desk.seen).to.deep.equal(['200 You said: two']);
    expect(desk.outcomes()).to.deep.equal({ handedOff: 1, handled: 1 });
    expect(desk.core.saidBy('desk::c')).to.have.length(2);
  });

  it('aborts it, when asked: the next of its target does not wait', () => {
    const desk = new Desk({ abortUnheard: true });
    const first = desk.deliver(say('a', 'one'));
    desk.clock.advance(50);
    first.cancel('handedOff');
    desk.deliver(say('b', 'two'));
    desk.clock.advance(101);
    expect(desk.seen).to.deep.equal(['150 You said: two']);
  });

  it('makes no call for a customer who was handed over while the call waited for its turn', () => {
    const scheduler = virtualClock();
    const store = memoryStore({ scheduler });
    const desk = new Desk({ concurrency: 1, ledger: fluidtalkLedger({ store, scheduler }) });
    desk.deliver(say('a', 'one', 'x'));
    const second = desk.deliver(say('b', 'two', 'y'));
    desk.clock.advance(50);
    second.cancel('handedOff');
    desk.clock.flush();
    expect(desk.asked()).to.have.length(1);
    desk.deliver(say('b', 'two', 'y'));
    desk.clock.flush();
    expect(desk.seen.map((line) => line.split(' ').slice(1).join(' '))).to.deep.equal([
      'You said: one',
      'You said: two',
    ]);
  });

  it('uploads a picture before it asks', () => {
    const uploaded: number[] = [];
    const desk: Desk = new Desk(
      {},
      {},
      {
        photo: () => of({ bytes: new Uint8Array([1, 2, 3]), mimeType: 'image/png' }),
        uploadImage: ({ bytes }) => (uploaded.push(bytes.length), of({ url: 'https://cdn.test/u/7.jpg' })),
      },
    );
    const media: MediaEvent = { ...say('a', ''), kind: 'media', media: { url: 'https://files.test/x.png' } };
    desk.deliver(media);
    desk.clock.flush();
    expect(uploaded).to.deep.equal([3]);
    expect(desk.seen).to.deep.equal(['100 You said: https://cdn.test/u/7.jpg']);
  });

  it('hands over, is silent, or asks a function: sealed, out of tokens, in doubt, ignored', () => {
    const faults = ['sealed', 'outOfTokens', 'resetAfter', 'ignored'] as const;
    const shownFor = (config: RouteToFluidTalkConfig): readonly string[] =>
      faults.map((fault) => {
        const desk = new Desk(config);
        desk.core.faults[fault] = 1;
        desk.deliver(say('a', 'hello'));
        desk.clock.flush();
        expect(desk.accounts.counts().inFlight).to.equal(0);
        return desk.seen.map((line) => line.split(' ').slice(1).join(' ')).join();
      });
    expect(shownFor({})).to.deep.equal(['handoff', 'handoff', 'handoff', '']);
    const silent = 'silent';
    expect(shownFor({ onSealed: silent, onOutOfTokens: silent, onInDoubt: silent })).to.deep.equal(['', '', '', '']);
    const told = (): { readonly kind: 'text'; readonly text: string } => ({ kind: 'text', text: 'One moment.' });
    expect(shownFor({ onSealed: told, onOutOfTokens: told, onInDoubt: told, onIgnored: told })).to.deep.equal(
      faults.map(() => 'One moment.'),
    );
  });

  it('remembers a sealed target, and asks nothing more of it', () => {
    const desk = new Desk({ onSealed: 'silent' }, { sealAfter: 1 });
    for (const id of ['a', 'b', 'c']) desk.deliver(say(id, id));
    desk.clock.flush();
    expect(desk.seen).to.deep.equal(['100 You said: a']);
    expect(desk.asked()).to.have.length(2);
  });

  it('fails the event, not the stream, for everything else', () => {
    const desk = new Desk();
    desk.core.faults.statuses = [422];
    desk.deliver(say('a', 'hello'));
    desk.deliver(say('b', 'again'));
    desk.clock.flush();
    expect(desk.outcomes()).to.deep.equal({ failed: 1, handled: 1 });
  });

  it('repeats once what the platform throttled, after the pause it asks for, and nothing that is in doubt', () => {
    const desk = new Desk({ onInDoubt: 'silent' });
    desk.core.faults.throttle = 1;
    desk.core.faults.retryAfter = 3;
    desk.deliver(say('a', 'hello'));
    desk.clock.flush();
    expect(desk.seen).to.deep.equal(['3100 You said: hello']);
    desk.core.faults.fail = 1;
    desk.deliver(say('b', 'again'));
    desk.clock.flush();
    expect(desk.asked()).to.have.length(3);
  });

  it('keeps running conversations alive behind a circuit while no new ones are opened', () => {
    const clock = virtualClock();
    const guard = circuit({ opensOn: isOutOfTokens, scheduler: clock });
    const desk = new Desk({ circuit: guard, onOutOfTokens: 'silent' }, { tokens: 1 });
    for (const [id, lead] of [
      ['a', 'old'],
      ['b', 'new'],
      ['c', 'newer'],
      ['d', 'old'],
    ] as const) {
      desk.deliver(say(id, id, lead));
      desk.clock.flush();
    }
    expect(desk.seen).to.deep.equal(['100 You said: a', '210 You said: d']);
    expect(desk.asked()).to.have.length(3);
  });

  it('with a ledger, sends what is missing after a crash, and asks the persona for nothing', () => {
    const scheduler = virtualClock();
    const ledger = fluidtalkLedger({ store: memoryStore({ scheduler }), scheduler });
    const before = new Desk({ ledger });
    before.core.script('desk::c', { bubbles: ['one', 'two', 'three'] });
    before.deliver(say('a', 'hello'));
    // Dies while the second bubble is on its way: its receipt never comes.
    before.clock.advance(115);
    expect(before.seen).to.deep.equal(['100 one', '110 two']);
    const after = new Desk({ ledger });
    after.deliver(say('a', 'hello'));
    after.clock.flush();
    expect(after.seen).to.deep.equal(['0 two', '10 three']);
    expect(after.asked()).to.deep.equal([]);
    after.deliver(say('a', 'hello'));
    after.clock.flush();
    expect(after.seen).to.have.length(2);
  });

  it('with a ledger, gives each part the same id after a crash: what went out before is known by it', () => {
    for (const typing of [false, true]) {
      const scheduler = virtualClock();
      const ledger = fluidtalkLedger({ store: memoryStore({ scheduler }), scheduler });
      const before = new Desk({ ledger, typing });
      before.core.script('desk::c', { bubbles: ['one', 'two', 'three'] });
      before.deliver(say('a', 'hello'));
      before.clock.advance(115);
      const after = new Desk({ ledger, typing });
      after.deliver(say('a', 'hello'));
      after.clock.flush();
      const ids = (desk: Desk): readonly string[] =>
        desk.receipts
          .filter(({ action }) => action.kind === 'text')
          .map(({ action }) => `${shown(action)} ${action.id}`);
      expect(ids(before)).to.deep.equal([typing ? 'one a#2' : 'one a#1']);
      expect(ids(after)).to.deep.equal(typing ? ['two a#3', 'three a#4'] : ['two a#2', 'three a#3']);
    }
  });

  it('with a ledger, hands over what was called before a crash and never answered', () => {
    const scheduler = virtualClock();
    const ledger = fluidtalkLedger({ store: memoryStore({ scheduler }), scheduler });
    const before = new Desk({ ledger });
    before.deliver(say('a', 'hello'));
    before.clock.advance(50);
    const after = new Desk({ ledger });
    after.deliver(say('a', 'hello'));
    after.clock.flush();
    expect(after.seen).to.deep.equal(['0 handoff']);
    expect(after.asked()).to.deep.equal([]);
  });

  it('merges bursts and takes its time, when asked', () => {
    const clock = virtualClock();
    const desk: Desk = new Desk({ coalesceBursts: { quietMs: 50, scheduler: clock } });
    desk.deliver(say('a', 'one'));
    desk.deliver(say('b', 'two'));
    clock.flush();
    desk.clock.flush();
    expect(desk.seen).to.deep.equal(['100 You said: one\ntwo']);
    expect(desk.outcomes()).to.deep.equal({ handled: 2 });
  });

  it('refuses numbers out of range', () => {
    const persona = virtualPersona(fluidtalkCore(), virtualClock());
    expect(() => routeToFluidTalk(persona, { concurrency: 0 })).to.throw(RangeError, 'concurrency must be at least 1');
    expect(() => routeToFluidTalk(persona, { maxQueued: -1 })).to.throw(RangeError, 'maxQueued must be at least 0');
  });
});
