import { expect } from 'chai';
import fc from 'fast-check';
import { defer, delay, NEVER, of, throwError, timer, map, type Observable } from 'rxjs';
import {
  chatfirstCore,
  type ChatfirstAnswer,
  type ChatfirstApiFaults,
  type ChatfirstCoreConfig,
  type ChatfirstIncoming,
  type ChatfirstNetwork,
  type ChatfirstOutgoing,
} from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';

const scenario = (action: string): string =>
  `<fsm name="b"><states><state name="Start"><transition input="*" next="Start" ${action}/></state>
   <state name="Menu"><transition input="*">Menu</transition></state></states></fsm>`;
const ASKS = scenario('action="https://adapter.test/a"');

const said = (...Messages: readonly string[]): ChatfirstIncoming => ({
  status: 200,
  body: JSON.stringify({ Messages }),
});
const msgOf = ({ url }: ChatfirstOutgoing): string => new URL(url).searchParams.get('msg') ?? '';

interface Result {
  status?: number;
  body?: unknown;
  error?: unknown;
}

/** The platform in virtual time, and a network that is written for each spec. */
class Stage {
  readonly clock = virtualClock();
  readonly out: ChatfirstOutgoing[] = [];
  readonly core;

  constructor(
    config: ChatfirstCoreConfig = {},
    network: (clock: Stage['clock']) => ChatfirstNetwork = () => () => NEVER,
  ) {
    const reach = network(this.clock);
    this.core = chatfirstCore({
      scheduler: this.clock,
      bots: { b: ASKS },
      network: (request) =>
        defer(() => {
          this.out.push(request);
          return reach(request);
        }),
      ...config,
    });
  }

  call(method: string, url: string, body?: unknown): Result {
    const result: Result = {};
    const headers = {
      authorization: `Basic ${btoa(`${this.core.token}:`)}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const answer$: Observable<ChatfirstAnswer> = this.core.request({
      method,
      url,
      headers,
      body: body === undefined ? '' : JSON.stringify(body),
    });
    answer$.subscribe({
      next: ({ status, body: text }) =>
        Object.assign(result, { status, body: /^[[{]/.test(text) ? (JSON.parse(text) as unknown) : text }),
      error: (error: unknown) => (result.error = error),
    });
    return result;
  }

  talk(Text: string, InterlocutorId = 'u'): Result {
    return this.call('POST', '/v1/talk?botName=b', { InterlocutorId, Text });
  }

  push(text: string, id = 'u', more: object = {}): Result {
    return this.call('POST', `/v1/push/b?id=${id}&channel=own`, { Messages: [text], ...more });
  }

  kinds(): readonly string[] {
    return this.core.journal.map(({ kind }) => kind);
  }

  count(kind: string): number {
    return this.kinds().filter((one) => one === kind).length;
  }
}

const failure = 'Something went wrong. Please try again.';
const messagesOf = ({ body }: Result): unknown => (body as { Messages?: unknown } | undefined)?.Messages;
const bridged = { bridges: { own: 'https://bridge.test' }, bots: { b: scenario('') } };

describe('chatfirstCore', () => {
  it('waits for an adapter until its deadline, and not a moment longer', () => {
    const late =
      (ms: number) =>
      (clock: Stage['clock']): ChatfirstNetwork =>
      () =>
        timer(ms, clock).pipe(map(() => said('Tea')));
    for (const [ms, text] of [
      [14_999, 'Tea'],
      [15_001, failure],
    ] as const) {
      const stage = new Stage({}, late(ms));
      const answer = stage.talk('hi');
      stage.clock.advance(14_998);
      expect(answer).to.deep.equal({});
      stage.clock.advance(10);
      expect(messagesOf(answer)).to.deep.equal([text]);
    }
  });

  it('takes an adapter that cannot be reached for one that failed', () => {
    for (const network of [() => throwError(() => new Error('refused')), () => of()] as ChatfirstNetwork[]) {
      const stage = new Stage({}, () => network);
      expect(messagesOf(stage.talk('hi'))).to.deep.equal([failure]);
      expect(stage.core.journal.find(({ kind }) => kind === 'told')).to.deep.include({
        status: 0,
        failure: 'there is no answer',
      });
    }
  });

  it('does not call an action that is no address of http', () => {
    for (const action of ['javascript:alert(1)', 'file:///etc/passwd', 'adapter', '/a']) {
      const stage = new Stage({ bots: { b: scenario(`action="${action}"`) } });
      expect(messagesOf(stage.talk('hi'))).to.deep.equal([failure]);
      expect([stage.out, stage.count('problem')]).to.deep.equal([[], 1]);
    }
  });

  it('appends id and msg to what stands in the action, and keeps what the author wrote', () => {
    const cases = [
      ['https://adapter.test/a', 'https://adapter.test/a?id=u%2F1&msg=a+%26%3D%2B%D1%87'],
      ['https://adapter.test/a?k=%20x+y&amp;z#top', 'https://adapter.test/a?k=%20x+y&z&id=u%2F1&msg=a+%26%3D%2B%D1%87'],
      ['https://adapter.test/a?msg=own', 'https://adapter.test/a?msg=own&id=u%2F1'],
      ['https://adapter.test/a?msg=&amp;id=7', 'https://adapter.test/a?msg=&id=7'],
    ] as const;
    for (const [action, url] of cases) {
      const stage = new Stage({ bots: { b: scenario(`action="${action}"`) } }, () => () => of(said()));
      stage.talk('a &=+ч', 'u/1');
      expect(stage.out).to.deep.equal([{ method: 'GET', url, headers: { accept: 'application/json' }, body: '' }]);
    }
  });

  const chain = `<fsm name="b"><states>
    <state name="Start"><transition input="*" next="Mid" no_stop="true">one</transition></state>
    <state name="Mid"><transition input="*" next="End" action="https://adapter.test/">two</transition></state>
    <state name="End"/></states></fsm>`;

  it('undoes the transition whose adapter failed, or all that the message did', () => {
    const one = new Stage({ bots: { b: chain } }, () => () => of({ status: 500, body: '' }));
    expect(messagesOf(one.talk('hi'))).to.deep.equal(['one', failure]);
    expect(one.core.stateOf({ bot: 'b', user: 'u' })).to.equal('Mid');

    const all = new Stage({ bots: { b: chain }, adapterUndoes: 'message' }, () => () => of({ status: 500, body: '' }));
    expect(messagesOf(all.talk('hi'))).to.deep.equal([failure]);
    expect(all.core.stateOf({ bot: 'b', user: 'u' })).to.equal('Start');
    const moves = all.core.journal.flatMap((entry) => (entry.kind === 'moved' ? [[entry.to, entry.by]] : []));
    expect(moves).to.deep.equal([
      ['Mid', 'transition'],
      ['Start', 'undo'],
    ]);
  });

  it('waits in a state that an adapter forces, unless it goes on there', () => {
    const bots = { b: scenario('action="https://adapter.test/" no_stop="true"') };
    const network = (): ChatfirstNetwork => () =>
      of({ status: 200, body: '{"Messages":["Tea"],"ForcedState":"Menu"}' });
    expect(messagesOf(new Stage({ bots }, network).talk('hi'))).to.deep.equal(['Tea']);
    expect(messagesOf(new Stage({ bots, forcedGoesOn: true }, network).talk('hi'))).to.deep.equal(['Tea', 'Menu']);
  });

  it('refuses states that are not there, where it is told to', () => {
    const network = (): ChatfirstNetwork => () =>
      of({ status: 200, body: '{"Messages":["Tea"],"ForcedState":"Gone"}' });
    const stage = new Stage({ unknownState: 'refuse', bridges: { own: 'https://bridge.test' } }, network);
    expect(messagesOf(stage.talk('hi'))).to.deep.equal([failure]);
    expect(stage.push('x', 'u', { ForcedState: 'Gone' }).status).to.equal(400);
    expect(stage.call('PUT', '/v1/channels/force/b/own?state=Gone').status).to.equal(400);
    expect([stage.count('pushed'), stage.count('forced')]).to.deep.equal([0, 0]);
  });

  it('puts the text of a transition before the messages of its adapter, behind them, or nowhere', () => {
    const bots = { b: chain };
    const network = (): ChatfirstNetwork => () => of(said('Tea'));
    for (const [ownText, texts] of [
      ['before', ['one', 'two', 'Tea']],
      ['after', ['one', 'Tea', 'two']],
      ['none', ['one', 'Tea']],
    ] as const)
      expect(messagesOf(new Stage({ bots, ownText }, network).talk('hi'))).to.deep.equal(texts);
  });

  it('gives keyboards in the shape, and counts in the way, that it is told', () => {
    const bots = { b: scenario('pending_keyboard="a,b,c"') };
    const bodyOf = (config: ChatfirstCoreConfig): unknown => new Stage({ bots, ...config }).talk('hi').body;
    expect(bodyOf({})).to.deep.include({ ForcedKeyboard: ['a', 'b', 'c'], Count: 0 });
    expect(bodyOf({ keyboardShape: 'rows' })).to.deep.include({ ForcedKeyboard: [['a', 'b'], ['c']] });
    expect(bodyOf({ keyboardShape: 'text', count: () => null })).to.deep.include({
      ForcedKeyboard: 'a,b,c',
      Count: null,
    });
  });

  it('does the messages of one user one after the other, and those of others meanwhile', () => {
    const stage = new Stage(
      {},
      (clock) => (request) => of(said(msgOf(request))).pipe(delay(msgOf(request) === '1' ? 100 : 10, clock)),
    );
    const [first, second, other] = [stage.talk('1'), stage.talk('2'), stage.talk('3', 'v')];
    expect(stage.out.map(msgOf)).to.deep.equal(['1', '3']);
    stage.clock.advance(10);
    expect([messagesOf(first), messagesOf(second), messagesOf(other)]).to.deep.equal([undefined, undefined, ['3']]);
    stage.clock.advance(90);
    expect([messagesOf(first), messagesOf(second)]).to.deep.equal([['1'], undefined]);
    stage.clock.advance(10);
    expect(messagesOf(second)).to.deep.equal(['2']);
    expect(stage.core.journal.filter(({ kind }) => kind === 'problem')).to.have.length(1);
  });

  it('lets only so many messages of a user wait', () => {
    const stage = new Stage({ maxWaiting: 2 });
    const [running, , , fourth] = ['1', '2', '3', '4'].map((text) => stage.talk(text));
    expect([running?.status, fourth?.status]).to.deep.equal([undefined, 503]);
    stage.clock.flush();
    expect(stage.count('said')).to.equal(3);
  });

  it('lets an adapter push to the user whom it is asked about', () => {
    const stage: Stage = new Stage({ bridges: { own: 'https://bridge.test' } }, () => ({ method }) => {
      if (method === 'POST') return of({ status: 200, body: '' });
      expect(stage.push('pushed').status).to.equal(200);
      return of(said('answered'));
    });
    expect(messagesOf(stage.talk('hi'))).to.deep.equal(['answered']);
    expect(stage.core.seenBy({ bot: 'b', user: 'u' })).to.deep.equal(['pushed', 'answered']);
  });

  it('leaves a call go on when its caller does not wait', () => {
    const stage = new Stage({}, (clock) => () => of(said('Tea')).pipe(delay(5, clock)));
    const headers = { authorization: `Basic ${btoa('tok_test_1:')}`, 'content-type': 'application/json' };
    const body = '{"InterlocutorId":"u","Text":"hi"}';
    stage.core.request({ method: 'POST', url: '/v1/talk?botName=b', headers, body }).subscribe().unsubscribe();
    stage.clock.flush();
    expect(stage.kinds().filter((kind) => ['left', 'moved', 'shown', 'lost'].includes(kind))).to.deep.equal([
      'left',
      'moved',
      'shown',
      'lost',
    ]);
    expect(stage.core.seenBy({ bot: 'b', user: 'u' })).to.deep.equal([]);
  });

  it('pauses longer before every try of a push, while later pushes of the user wait', () => {
    let down = true;
    const stage = new Stage({ ...bridged, pushTries: 4 }, () => () => of({ status: down ? 503 : 200, body: '' }));
    stage.talk('hi', 'u');
    stage.talk('hi', 'v');
    stage.push('1');
    stage.push('2');
    stage.push('3', 'v');
    const texts = (): readonly string[] => stage.out.map(({ body }) => /"Text":"(\d)"/.exec(body)?.[1] ?? '');
    expect(texts()).to.deep.equal(['1', '3']);
    stage.clock.advance(1_000);
    expect(texts()).to.deep.equal(['1', '3', '1', '3']);
    stage.clock.advance(1_999);
    expect(texts()).to.have.length(4);
    down = false;
    stage.clock.advance(1);
    expect(texts()).to.deep.equal(['1', '3', '1', '3', '1', '2', '3']);
    expect(stage.core.seenBy({ bot: 'b', user: 'u', channel: 'own' })).to.deep.equal(['1', '2']);
  });

  it('has so many pushes under way at a time, whatever a broadcast reaches', () => {
    const stage = new Stage(
      { ...bridged, maxPushes: 3, pushTries: 1 },
      (clock) => () => of({ status: 200, body: '' }).pipe(delay(10, clock)),
    );
    for (let n = 0; n < 10; n++) stage.talk('hi', `u${n}`);
    expect(stage.call('POST', '/v1/broadcast/b?channel=own', { message: 'x' }).status).to.equal(200);
    const seen: number[] = [];
    for (let n = 0; n < 4; n++) {
      seen.push(stage.out.length);
      stage.clock.advance(10);
    }
    expect(seen).to.deep.equal([3, 6, 9, 10]);
  });

  it('broadcasts to very many at once', () => {
    const stage = new Stage(bridged, () => () => of({ status: 200, body: '' }));
    for (let n = 0; n < 20_000; n++) stage.talk('hi', `u${n}`);
    stage.call('POST', '/v1/broadcast/b?channel=own', { message: 'x' });
    expect(stage.out).to.have.length(20_000);
    expect(new Set(stage.out.map(({ url }) => url)).size).to.equal(20_000);
  });

  it('is idle when no scenario, adapter, push or pause is under way', () => {
    const stage = new Stage(
      { bridges: { own: 'https://bridge.test' }, pushTries: 2 },
      (clock) =>
        ({ method }) =>
          of(method === 'GET' ? said('Tea') : { status: 500, body: '' }).pipe(delay(5, clock)),
    );
    const idle: number[] = [];
    const watch = (): void => {
      stage.core.idle().subscribe(() => idle.push(stage.clock.now()));
    };
    watch();
    stage.talk('hi');
    watch();
    stage.clock.advance(5);
    stage.push('x');
    watch();
    stage.clock.flush();
    expect(idle).to.deep.equal([0, 5, 5 + 5 + 1_000 + 5]);
  });

  it('does nothing more once it is stopped', () => {
    const stage = new Stage({}, (clock) => () => of(said('Tea')).pipe(delay(5, clock)));
    const answer = stage.talk('hi');
    let idle = false;
    stage.core.idle().subscribe(() => (idle = true));
    stage.core.stop();
    stage.clock.flush();
    expect([answer, idle, stage.count('told')]).to.deep.equal([{}, true, 0]);
    idle = false;
    stage.core.idle().subscribe(() => (idle = true));
    expect(idle).to.equal(true);
  });

  it('delays and turns round calls of the API', () => {
    const stage = new Stage({ bots: { b: scenario('') } });
    const { api } = stage.core.faults;
    Object.assign(api, { delay: 1, delayMs: 5 });
    stage.talk('1');
    api.reorder = 1;
    stage.talk('2');
    stage.talk('3');
    stage.clock.advance(5);
    const order = stage.core.journal.flatMap((entry) => (entry.kind === 'said' ? [entry.text] : []));
    expect(order).to.deep.equal(['3', '2', '1']);
  });

  it('reaches those who never wrote where it is told to', () => {
    const stage = new Stage({ ...bridged, pushesToStrangers: true }, () => () => of({ status: 200, body: '' }));
    expect(stage.push('x', 'stranger').status).to.equal(200);
    expect(stage.core.seenBy({ bot: 'b', user: 'stranger' })).to.deep.equal(['x']);
  });

  it('keeps the bots of one token from another', () => {
    const stage = new Stage();
    stage.core.grant('other');
    const headers = { authorization: `Basic ${btoa('other:')}` };
    let list: string | undefined;
    stage.core.request({ method: 'GET', url: '/v1/bots', headers, body: '' }).subscribe(({ body }) => (list = body));
    expect(list).to.equal('[]');
    expect(stage.core.bot('b', 'other')).to.equal(undefined);
  });

  const message = fc.record({
    user: fc.constantFrom('u', 'v'),
    gap: fc.nat(20),
    thinks: fc.nat(30),
    fails: fc.boolean(),
  });

  it('does every message of a user once and in order, however long adapters think and whether they fail', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 30 }), (list) => {
        const stage = new Stage({}, (clock) => (request) => {
          const one = list[Number(msgOf(request))];
          const answer = one?.fails === true ? { status: 500, body: '' } : said(msgOf(request));
          return of(answer).pipe(delay(one?.thinks ?? 0, clock));
        });
        const answers = list.map(({ user, gap }, n) => {
          const answer = stage.talk(String(n), user);
          stage.clock.advance(gap);
          return answer;
        });
        stage.clock.flush();
        for (const user of ['u', 'v']) {
          const own = list.flatMap((one, n) => (one.user === user ? [n] : []));
          const asked = stage.out.filter(({ url }) => new URL(url).searchParams.get('id') === user).map(msgOf);
          expect(asked).to.deep.equal(own.map(String));
          const expected = own.map((n) => (list[n]?.fails === true ? failure : String(n)));
          expect(stage.core.seenBy({ bot: 'b', user })).to.deep.equal(expected);
          expect(own.flatMap((n) => messagesOf(answers[n] ?? {}))).to.deep.equal(expected);
        }
      }),
    );
  });

  it('delivers the pushes of a user in order, each once unless it is given up', () => {
    const push = fc.record({ user: fc.constantFrom('u', 'v', 'w'), gap: fc.nat(3_000) });
    const statuses = fc.array(fc.constantFrom(200, 200, 200, 400, 429, 500, 0), { maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(push, { maxLength: 20 }),
        statuses,
        fc.integer({ min: 1, max: 3 }),
        (list, answers, maxPushes) => {
          const left = [...answers];
          const stage = new Stage({ ...bridged, maxPushes }, (clock) => () => {
            const status = left.shift() ?? 200;
            return status === 0 ? throwError(() => new Error('reset')) : of({ status, body: '' }).pipe(delay(7, clock));
          });
          for (const user of ['u', 'v', 'w']) stage.talk('hi', user);
          list.forEach(({ user, gap }, n) => {
            stage.push(String(n), user);
            stage.clock.advance(gap);
          });
          stage.clock.flush();
          for (const user of ['u', 'v', 'w']) {
            const seen = stage.core.seenBy({ bot: 'b', user, channel: 'own' }).map(Number);
            expect(seen).to.deep.equal([...new Set(seen)].sort((a, b) => a - b));
          }
          expect(stage.count('shown') + stage.count('undelivered')).to.equal(list.length);
          expect(stage.count('pushed')).to.be.at.most(3 * list.length);
        },
      ),
    );
  });

  type Counted = Exclude<
    keyof ChatfirstApiFaults,
    'only' | 'statuses' | 'successes' | 'delayMs' | 'slowMs' | 'retryAfter' | 'rateLimitReset' | 'redirectTo'
  >;
  /** How often a call happens that a fault strikes. */
  const TIMES: Readonly<Record<Counted, number>> = {
    drop: 0,
    resetBefore: 0,
    redirect: 0,
    throttle: 0,
    fail: 0,
    resetAfter: 1,
    failAfter: 1,
    silent: 1,
    badGateway: 1,
    page: 1,
    empty: 1,
    null: 1,
    cut: 1,
    slow: 1,
    delay: 1,
    reorder: 1,
    duplicate: 2,
  };

  it('moves once for every call that takes effect and never for another, whatever goes wrong', () => {
    const fault = fc.constantFrom(undefined, ...(Object.keys(TIMES) as Counted[]));
    fc.assert(
      fc.property(fc.array(fault, { maxLength: 30 }), (list) => {
        const stage = new Stage({ bots: { b: scenario('') } });
        for (const name of list) {
          if (name !== undefined) stage.core.faults.api[name] = 1;
          stage.talk('hi');
        }
        // What is held back arrives behind this one.
        stage.talk('hi');
        stage.clock.flush();
        const times = list.reduce((sum, name) => sum + (name === undefined ? 1 : TIMES[name]), 1);
        expect([stage.count('said'), stage.count('moved')]).to.deep.equal([times, times]);
        const arrived = new Set(stage.core.journal.flatMap(({ call, kind }) => (kind === 'called' ? [call] : [])));
        expect(stage.count('answered') + stage.count('lost')).to.equal(arrived.size);
      }),
    );
  });
});
