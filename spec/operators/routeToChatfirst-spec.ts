import { expect } from 'chai';
import { concatMap, firstValueFrom, from, map, NEVER, of, Subject, throwError, timer, toArray, Observable } from 'rxjs';
import {
  ChatError,
  choices,
  deliver,
  delivered,
  forwardOnTimeout,
  handoff,
  openAccounts,
  ownership,
  text,
  type InboundEvent,
  type OutboundAction,
  type Outcome,
  type Reply,
  type Trace,
} from 'tidewire';
import {
  chatfirstClient,
  routeToChatfirst,
  scenarioBot,
  type ChatfirstMessage,
  type RouteToChatfirstConfig,
  type ScenarioAnswer,
} from 'tidewire/chatfirst';
import { chatfirstSimulator } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { itHandlesStreams } from '../support/backbone.js';
import { message } from '../support/events.js';

const answer = (...replies: readonly Reply[]): ScenarioAnswer => ({
  replies,
  raw: { messages: [], keyboard: [], entities: [] },
});
const shown = (action: OutboundAction): string => (action.kind === 'text' ? action.text : action.kind);

/** A scenario that says what it hears after 100 ms, and what the customers saw. */
class Desk {
  readonly clock;
  readonly accounts;
  readonly source = new Subject<InboundEvent>();
  readonly heard: (ChatfirstMessage & { at: number })[] = [];
  readonly aborted: string[] = [];
  readonly seen: string[] = [];
  /** What is answered next; otherwise what was said. */
  readonly next: Observable<ScenarioAnswer>[] = [];
  readonly #account;

  constructor(
    config: RouteToChatfirstConfig = {},
    wrap = (route: ReturnType<typeof routeToChatfirst>) => route,
    scheduler = virtualClock(),
  ) {
    this.clock = scheduler;
    this.accounts = openAccounts({ scheduler });
    this.#account = this.accounts.of('desk');
    const bot = {
      talk: (said: ChatfirstMessage): Observable<ScenarioAnswer> => {
        const echo = timer(100, scheduler).pipe(map(() => answer(text(`you said ${said.text}`))));
        return new Observable((subscriber) => {
          this.heard.push({ ...said, at: scheduler.now() });
          let isOver = false;
          (this.next.shift() ?? echo).subscribe({
            next: (value) => {
              isOver = true;
              subscriber.next(value);
            },
            error: (error: unknown) => {
              isOver = true;
              subscriber.error(error);
            },
            complete: () => {
              subscriber.complete();
            },
          });
          return () => {
            if (!isOver) this.aborted.push(said.text);
          };
        });
      },
    };
    this.source
      .pipe(
        wrap(routeToChatfirst(bot, { scheduler, ...config })),
        deliver({ name: 'toDesk', scheduler }, (action) => {
          this.seen.push(`${scheduler.now()} ${shown(action)}`);
          return delivered(action, '');
        }),
      )
      .subscribe();
  }

  say(id: string, said = id, conversation = 'c', more: Partial<InboundEvent> = {}): Trace {
    const event = { ...message(id, conversation, said), ...more } as InboundEvent;
    const trace = this.#account.open(event);
    this.source.next(event);
    trace.release(this.#account);
    return trace;
  }

  outcomes(): Partial<Record<Outcome, number>> {
    return Object.fromEntries(Object.entries(this.accounts.counts().outcomes).filter(([, n]) => n > 0));
  }
}

const error = (kind: 'unreachable' | 'throttled' | 'refused', details: object): Observable<never> =>
  throwError(() => new ChatError(kind, 'chatfirst', 'talk failed', details));

describe('routeToChatfirst', () => {
  const value = message('v');
  itHandlesStreams(() => routeToChatfirst({ talk: ({ text: said }) => of(answer(text(said))) }), value, {
    kind: 'text',
    id: 'v#1',
    conversation: value.conversation,
    cause: 'v',
    text: 'hello',
  });

  it('answers with what the scenario says, in order, one call at a time for each user', () => {
    const desk = new Desk();
    desk.next.push(of(answer(text('Hi!'), choices('Which tea?', ['Green', 'Black']))));
    desk.say('a');
    desk.say('b');
    desk.say('c', 'c', 'other');
    desk.clock.advance(1_000);
    expect(desk.seen).to.deep.equal(['0 Hi!', '0 choices', '100 you said b', '100 you said c']);
    expect(desk.heard.map(({ user, text: said, at }) => `${at} ${user} ${said}`)).to.deep.equal([
      '0 desk::c a',
      '0 desk::c b',
      '0 desk::other c',
    ]);
    desk.say('d');
    desk.say('e');
    desk.clock.advance(1_000);
    expect(desk.heard.slice(3).map(({ at }) => at)).to.deep.equal([1_000, 1_100]);
    expect(desk.outcomes()).to.deep.equal({ handled: 5 });
  });

  it('says the label of a choice, captions, commands and places; what says nothing is ignored', () => {
    const desk = new Desk();
    const raw = null;
    desk.say('1', '', 'c', { kind: 'choice', choice: { id: 'green', label: 'Green' } });
    desk.say('2', '', 'c', { kind: 'command', name: '/start', text: 'tea' });
    desk.say('3', '', 'c', { kind: 'media', media: {}, caption: 'my pot', raw });
    desk.say('4', '', 'c', { kind: 'location', latitude: 1, longitude: 2 });
    desk.say('5', '', 'c', { kind: 'started' });
    desk.say('6', '', 'c', { kind: 'media', media: {} });
    desk.say('7', 'hi', 'c', { sender: { role: 'agent' } });
    desk.say('8', 'hi', 'c', { sender: { role: 'customer', self: true } });
    desk.clock.advance(1_000);
    expect(desk.heard.map(({ text: said }) => said)).to.deep.equal(['Green', '/start tea', 'my pot', '1, 2']);
    expect(desk.outcomes()).to.deep.equal({ handled: 4, ignored: 4 });
  });

  it('tells the scenario who it is as far as it may, and takes your word for all of it', () => {
    const desk = new Desk();
    desk.say('a', 'a', 'c', {
      sender: { role: 'customer', name: ' Mira van  Dyk ', email: 'hush@x.test', locale: 'en_GB' },
    });
    expect(desk.heard[0]).to.deep.equal({
      user: 'desk::c',
      text: 'a',
      firstName: 'Mira',
      lastName: 'Dyk',
      locale: 'en_GB',
      at: 0,
    });
    const own = new Desk({
      user: () => 'u-77',
      say: ({ id }) => (id === 'a' ? 'start' : undefined),
      about: () => ({ userName: 'm' }),
    });
    own.say('a', '', 'c', { kind: 'started' });
    own.say('b');
    own.clock.advance(100);
    expect(own.heard).to.deep.equal([{ user: 'u-77', text: 'start', userName: 'm', at: 0 }]);
    expect(own.outcomes()).to.deep.equal({ handled: 1, ignored: 1 });
  });

  it('fails an event whose words cannot be found, and goes on', () => {
    const failing = (): never => {
      throw new Error('no');
    };
    for (const config of [{ say: failing }, { user: failing }, { about: failing }] as const) {
      const desk = new Desk(config);
      desk.say('a');
      expect(desk.outcomes()).to.deep.equal({ failed: 1 });
    }
  });

  it('asks again, once, when the platform asks to wait or no connection came about', () => {
    const desk = new Desk();
    desk.next.push(error('throttled', { retryAfterMs: 2_000 }));
    desk.say('a');
    desk.clock.advance(5_000);
    desk.next.push(error('unreachable', { inDoubt: false }), error('unreachable', { inDoubt: false }));
    desk.say('b');
    desk.clock.advance(5_000);
    expect(desk.heard.map(({ text: said, at }) => `${at} ${said}`)).to.deep.equal([
      '0 a',
      '2000 a',
      '5000 b',
      '6000 b',
    ]);
    expect(desk.seen).to.deep.equal(['2100 you said a']);
    expect(desk.outcomes()).to.deep.equal({ handled: 1, failed: 1 });
  });

  it('asks never again what was refused, asks to wait too long, or is in doubt', () => {
    const desk = new Desk({ onInDoubt: 'silent' });
    desk.next.push(error('refused', { reason: 'notFound' }), error('throttled', { retryAfterMs: 31_000 }));
    desk.next.push(error('throttled', {}), error('unreachable', { inDoubt: true }));
    for (const id of ['a', 'b', 'c', 'd']) desk.say(id);
    desk.clock.advance(100_000);
    expect(desk.heard.map(({ text: said }) => said)).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(desk.outcomes()).to.deep.equal({ failed: 3, handled: 1 });
  });

  it('has a policy for what is in doubt: a person, silence, or what a function says', () => {
    const lost = error('unreachable', { inDoubt: true });
    const said = (onInDoubt?: RouteToChatfirstConfig['onInDoubt']): readonly string[] => {
      const desk = new Desk(onInDoubt === undefined ? {} : { onInDoubt });
      desk.next.push(lost);
      desk.say('a');
      desk.clock.advance(10_000);
      expect(desk.heard).to.have.length(1);
      return desk.seen;
    };
    expect(said()).to.deep.equal(['0 handoff']);
    expect(said('silent')).to.deep.equal([]);
    expect(said((event, why) => text(`${event.id} ${why.kind}`))).to.deep.equal(['0 a unreachable']);
    expect(said(() => [[text('sorry'), handoff()]])).to.deep.equal(['0 sorry', '0 handoff']);
  });

  it('lets a call end unheard whose event was cancelled, and the next of its user waits for it', () => {
    const desk = new Desk();
    const first = desk.say('a');
    desk.say('b');
    const third = desk.say('c');
    desk.clock.advance(50);
    first.cancel('handedOff');
    third.cancel('handedOff');
    desk.clock.advance(1_000);
    expect(desk.heard.map(({ text: said, at }) => `${at} ${said}`)).to.deep.equal(['0 a', '100 b']);
    expect([desk.seen, desk.aborted]).to.deep.equal([['200 you said b'], []]);
    expect(desk.outcomes()).to.deep.equal({ handled: 1, handedOff: 2 });
    const impatient = new Desk({ abortUnheard: true });
    impatient.say('a').cancel('handedOff');
    expect(impatient.aborted).to.deep.equal(['a']);
  });

  it('is bounded: users at once, and calls that wait', () => {
    const desk = new Desk({ concurrency: 2, maxQueued: 1 });
    for (const user of ['a', 'b', 'c', 'd']) desk.say(user, user, user);
    desk.clock.advance(1_000);
    expect(desk.heard.map(({ text: said, at }) => `${at} ${said}`)).to.deep.equal(['0 a', '0 b', '100 c']);
    expect(desk.outcomes()).to.deep.equal({ handled: 3, failed: 1 });
    expect(() => routeToChatfirst({ talk: () => NEVER }, { concurrency: 0 })).to.throw(RangeError, 'concurrency');
    expect(() => routeToChatfirst({ talk: () => NEVER }, { maxQueued: -1 })).to.throw(RangeError, 'maxQueued');
  });

  it('leaves a customer who waits too long to a person, and nobody hears what it says then', () => {
    const clock = virtualClock();
    const owners = ownership({ scheduler: clock });
    const waits = { desk: owners, afterMs: 45_000, to: { kind: 'any' }, scheduler: clock } as const;
    const desk = new Desk({}, (route) => forwardOnTimeout(waits, route), clock);
    desk.next.push(timer(60_000, desk.clock).pipe(map(() => answer(text('too late')))));
    desk.say('a', 'a', 'c', { at: new Date(desk.clock.now()).toISOString() });
    desk.clock.advance(100_000);
    expect(desk.seen).to.deep.equal(['45000 handoff']);
    expect(desk.outcomes()).to.deep.equal({ handedOff: 1 });
  });
});

describe('scenarioBot', () => {
  const states = { handoff: 'Operator', end: 'Bye' };
  const raw = { messages: ['hi'], keyboard: [], entities: [] };
  const client = (state?: string) => ({
    talk: () => of(state === undefined ? raw : { ...raw, state }),
    talkV2: () => of({ talkId: '1', messages: [{ id: '1', text: 'hello', entities: [], keyboard: [['a']] }] }),
  });
  const hello = { user: 'u', text: 'hi' };

  it('tells of a person and an end by the states that it is told, and of others nothing', async () => {
    const replies = async (state?: string): Promise<readonly string[]> => {
      const told = await firstValueFrom(scenarioBot(client(state), 'teashop', { states }).talk(hello));
      expect(told.state).to.equal(state);
      return told.replies.map(({ kind }) => kind);
    };
    expect(await replies()).to.deep.equal(['text']);
    expect(await replies('Operator')).to.deep.equal(['text', 'handoff']);
    expect(await replies('Bye')).to.deep.equal(['text', 'end']);
    expect(await replies('Menu')).to.deep.equal(['text']);
  });

  it('takes messages for a person and an end that mean it, in both generations', async () => {
    const kinds = async (said: string, generation: 'v1' | 'v2'): Promise<readonly string[]> => {
      const api = {
        talk: () => of({ messages: ['so', said], keyboard: ['a'], entities: [] }),
        talkV2: () =>
          of({ talkId: '1', messages: ['so', said].map((it) => ({ id: '1', text: it, entities: [], keyboard: [] })) }),
      };
      const bot = scenarioBot(api, 'teashop', { marks: { handoff: '#person', end: '#end' }, generation });
      return (await firstValueFrom(bot.talk(hello))).replies.map(({ kind }) => kind);
    };
    for (const generation of ['v1', 'v2'] as const) {
      expect(await kinds(' #person', generation)).to.deep.equal(['text', 'handoff']);
      expect(await kinds('#end', generation)).to.deep.equal(['text', 'end']);
    }
    expect(await kinds('# person', 'v2')).to.deep.equal(['text', 'text']);
  });

  it('talks through the second generation where it is told so', async () => {
    const { replies } = await firstValueFrom(scenarioBot(client(), 'teashop', { generation: 'v2' }).talk(hello));
    expect(replies).to.deep.equal([choices('hello', ['a'])]);
    expect(() => scenarioBot(client(), '')).to.throw(TypeError, 'name of a bot');
  });

  it('walks through a scenario on the simulator, the same in both generations', async () => {
    const simulator = await chatfirstSimulator();
    const api = chatfirstClient({ token: simulator.token, baseUrl: simulator.url, v2Url: simulator.url });
    const walk = async (generation: 'v1' | 'v2'): Promise<readonly Reply[]> =>
      firstValueFrom(
        from(['hi', 'Tea!', 'green']).pipe(
          concatMap((said) => scenarioBot(api, 'teashop', { generation }).talk({ user: generation, text: said })),
          concatMap(({ replies }) => replies),
          toArray(),
        ),
      );
    const expected = [
      choices('Which tea?', ['Green', 'Black']),
      choices('Use the buttons please.', ['Green', 'Black']),
      choices('Green tea is coming.', ['Again']),
    ];
    expect([await walk('v1'), await walk('v2')]).to.deep.equal([expected, expected]);
    await simulator.close();
  });

  for (const fault of ['resetAfter', 'failAfter', 'silent', 'page', 'empty', 'null', 'cut'] as const) {
    it(`never says a word twice after the fault ${fault}`, async () => {
      const simulator = await chatfirstSimulator();
      simulator.faults.api[fault] = 1;
      const api = chatfirstClient({ token: simulator.token, baseUrl: simulator.url, talkTimeoutMs: 200 });
      const actions = await firstValueFrom(
        of(message('a', 'c', 'hi')).pipe(routeToChatfirst(scenarioBot(api, 'teashop')), toArray()),
      );
      expect(actions.map(({ kind }) => kind)).to.deep.equal(['handoff']);
      await simulator.idle();
      expect(simulator.journal.filter(({ kind }) => kind === 'said')).to.have.length(1);
      expect(simulator.core.stateOf({ bot: 'teashop', user: 'desk::c' })).to.equal('Menu');
      await simulator.close();
    });
  }
});
