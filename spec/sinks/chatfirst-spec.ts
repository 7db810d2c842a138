import { expect } from 'chai';
import { firstValueFrom, lastValueFrom, map, Observable, of, Subject, timer, toArray } from 'rxjs';
import {
  cards,
  choices,
  end,
  handoff,
  ownership,
  platformAction,
  text,
  type OutboundAction,
  type Receipt,
  type Reply,
} from 'tidewire';
import { chatfirstClient, forceState, toChatfirst, type ToChatfirstConfig } from 'tidewire/chatfirst';
import { chatfirstSimulator, type ChatfirstSimulator } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';

let made = 0;
const to = (user: string, reply: Reply, channel = 'telegram', account: string | null = 'teashop'): OutboundAction => ({
  ...reply,
  id: `own-${++made}`,
  conversation: { platform: 'chatfirst', id: user, channel, ...(account !== null && { account }) },
});
const shortly = (receipt: Receipt): string => (receipt.status === 'skipped' ? receipt.reason : receipt.status);

describe('toChatfirst', () => {
  let simulator: ChatfirstSimulator;
  beforeEach(async () => {
    simulator = await chatfirstSimulator();
  });
  afterEach(async () => simulator.close());

  const send = async (
    actions: readonly OutboundAction[],
    config: Partial<ToChatfirstConfig> = {},
  ): Promise<readonly Receipt[]> => {
    const client = chatfirstClient({ token: simulator.token, baseUrl: simulator.url });
    return lastValueFrom(of(...actions).pipe(toChatfirst({ client, ...config }), toArray()));
  };
  const known = async (...users: readonly string[]): Promise<void> => {
    for (const user of users) simulator.user(user).say('hi');
    await simulator.idle();
  };
  const effects = (kind: string): number => simulator.journal.filter((entry) => entry.kind === kind).length;

  it('pushes texts, buttons, galleries and states to users of a messenger, in order', async () => {
    await known('mira');
    const receipts = await send([
      to('mira', text('Your tea is ready')),
      to('mira', choices('Another?', ['Yes', 'No'])),
      to(
        'mira',
        cards([
          { title: 'Sencha', text: 'Japan', image: 'https://img.test/s.jpg', choices: [{ id: 'b', label: 'Buy' }] },
        ]),
      ),
      to('mira', forceState('Menu')),
    ]);
    await simulator.idle();
    expect(receipts.map(shortly)).to.deep.equal(['delivered', 'delivered', 'delivered', 'delivered']);
    const mira = simulator.user('mira');
    expect(mira.sees().slice(1)).to.deep.equal([
      'Your tea is ready',
      'Another?',
      '[picture] Sencha Japan https://img.test/s.jpg',
    ]);
    expect(mira.state()).to.equal('Menu');
  });

  it('takes handoff and end to the states that they are named', async () => {
    const state =
      '<state name="Operator"/><state name="Bye"/><state name="Start"><transition input="*" next="Start"/></state>';
    simulator.core.define('teashop', `<fsm name="teashop"><states>${state}</states></fsm>`);
    await known('mira', 'leo');
    const receipts = await send([to('mira', handoff()), to('leo', end())], {
      states: { handoff: 'Operator', end: 'Bye' },
    });
    expect(receipts.map(shortly)).to.deep.equal(['delivered', 'delivered']);
    expect([simulator.user('mira').state(), simulator.user('leo').state()]).to.deep.equal(['Operator', 'Bye']);
    expect((await send([to('mira', handoff())])).map(shortly)).to.deep.equal(['unsupported']);
  });

  it('broadcasts where that is allowed, and nowhere else', async () => {
    await known('mira', 'leo');
    const everybody = to('', platformAction('broadcast', { text: 'We open at nine' }));
    expect((await send([everybody])).map(shortly)).to.deep.equal(['unsupported']);
    const nothing = to('', platformAction('broadcast', {}));
    expect((await send([nothing], { allowBroadcast: true })).map(shortly)).to.deep.equal(['unsupported']);
    expect(effects('broadcast')).to.equal(0);
    expect((await send([everybody], { allowBroadcast: true })).map(shortly)).to.deep.equal(['delivered']);
    await simulator.idle();
    expect([simulator.user('mira').sees().at(-1), simulator.user('leo').sees().at(-1)]).to.deep.equal([
      'We open at nine',
      'We open at nine',
    ]);
  });

  it('skips what it cannot say, and sends the rest', async () => {
    await known('mira');
    const elsewhere = { ...to('mira', text('x')), conversation: { platform: 'userlike', id: 'mira', channel: 'web' } };
    const receipts = await send([
      elsewhere,
      to('mira', { kind: 'typing' }),
      to('mira', text('x'.repeat(4_097))),
      to('mira', text('x'), 'telegram', null),
      to('mira', text('x'), 'unknown'),
      to('mira', platformAction('response', { Messages: [], Entities: [{ ImageUrl: 'hush' }] })),
      to('mira', text('hi')),
    ]);
    expect(receipts.map(shortly).sort()).to.deep.equal(
      ['unsupported', 'unsupported', 'unsupported', 'unsupported', 'expired', 'unsupported', 'delivered'].sort(),
    );
    for (const receipt of receipts) if (receipt.status === 'skipped') expect(receipt.detail).not.to.include('hush');
    expect((await send([to('mira', text('x'), 'telegram', null)], { bot: 'teashop' })).map(shortly)).to.deep.equal([
      'delivered',
    ]);
  });

  it('fails for a user who never wrote and a channel that is not known, and goes on with the others', async () => {
    await known('mira');
    const receipts = await send([to('nobody', text('a')), to('mira', text('b'), 'smoke'), to('mira', text('c'))]);
    const of404 = receipts.filter((receipt) => receipt.status === 'failed' && receipt.error.reason === 'notFound');
    expect([of404.length, receipts.map(shortly).sort()]).to.deep.equal([2, ['delivered', 'failed', 'failed']]);
  });

  for (const [fault, seen] of [
    ['resetAfter', 1],
    ['failAfter', 1],
    ['badGateway', 1],
    ['page', 1],
    ['resetBefore', 0],
    ['fail', 0],
    ['redirect', 0],
  ] as const) {
    it(`does not know what became of a push after the fault ${fault}, and never repeats it`, async () => {
      await known('mira');
      simulator.faults.api[fault] = 1;
      const client = chatfirstClient({ token: simulator.token, baseUrl: simulator.url, timeoutMs: 300 });
      const receipts = await send([to('mira', text('once')), to('mira', text('then'))], { client });
      await simulator.idle();
      expect(receipts.map(shortly)).to.deep.equal(['unknown', 'delivered']);
      const sees = simulator.user('mira').sees();
      expect(sees.filter((line) => line === 'once')).to.have.length(seen);
      expect(simulator.journal.filter((entry) => entry.kind === 'called' && entry.operation === 'push')).to.have.length(
        2,
      );
      expect(simulator.strayed).to.deep.equal([]);
    });
  }

  it('knows that a push arrived whatever the body of its answer is', async () => {
    await known('mira');
    Object.assign(simulator.faults.api, { empty: 1, null: 1, successes: [204, 202] });
    const receipts = await send(['a', 'b', 'c'].map((said) => to('mira', text(said))));
    expect(receipts.map(shortly)).to.deep.equal(['delivered', 'delivered', 'delivered']);
  });

  it('says how long to wait when it is throttled, and asks the desk', async () => {
    await known('mira');
    Object.assign(simulator.faults.api, { throttle: 1, retryAfter: 7 });
    const [receipt] = await send([to('mira', text('hi'))]);
    expect(receipt?.status === 'failed' && receipt.error).to.include({ kind: 'throttled', retryAfterMs: 7_000 });
    expect(receipt).to.include({ retryable: true });
    const desk = ownership();
    const action = to('mira', text('hi'));
    await firstValueFrom(desk.taken(action.conversation));
    expect((await send([action], { desk })).map(shortly)).to.deep.equal(['muted']);
  });

  it('fails at once with a token that was refused', async () => {
    simulator.core.revoke(simulator.token);
    const receipts = await send(
      ['a', 'b', 'c'].map((user) => to(user, text('hi'))),
      { concurrency: 1 },
    );
    expect(receipts.map((receipt) => receipt.status === 'failed' && receipt.error.kind)).to.deep.equal([
      'unauthorized',
      'unauthorized',
      'unauthorized',
    ]);
    expect(effects('called')).to.equal(1);
  });

  it('pushes to one user after the other, to many at once, and broadcasts of a channel one by one', () => {
    const clock = virtualClock();
    const running = new Map<string, number>();
    let most = 0;
    let sameUser = 0;
    const slow = (key: string): Observable<void> =>
      new Observable<void>((subscriber) => {
        running.set(key, (running.get(key) ?? 0) + 1);
        sameUser = Math.max(sameUser, ...running.values());
        most = Math.max(most, running.size);
        return timer(10, clock)
          .pipe(
            map(() => {
              running.delete(key);
            }),
          )
          .subscribe(subscriber);
      });
    const client = {
      push: (_: string, { user }: { readonly user: string }) => slow(user),
      broadcast: (bot: string, channel: string) => slow(`${bot} ${channel}`),
    };
    const actions = Array.from({ length: 60 }, (_, n) =>
      n % 3 === 0 ? to(String(n), platformAction('broadcast', { text: 'hi' })) : to(`user ${n % 20}`, text(String(n))),
    );
    const receipts: Receipt[] = [];
    of(...actions)
      .pipe(toChatfirst({ client, concurrency: 8, allowBroadcast: true, scheduler: clock }))
      .subscribe((receipt) => receipts.push(receipt));
    clock.advance(10_000);
    expect([receipts.length, sameUser, most]).to.deep.equal([60, 1, 8]);
    expect(receipts.map(shortly).every((status) => status === 'delivered')).to.equal(true);
    expect(() => toChatfirst({ client, concurrency: 0 })).to.throw(RangeError);
  });

  it('pushes to 100 000 users at 5 000 a second with a queue that stays short', () => {
    const clock = virtualClock();
    let atOnce = 0;
    let mostAtOnce = 0;
    const arrive = (): void => {
      atOnce--;
    };
    const client = {
      push: () => {
        mostAtOnce = Math.max(mostAtOnce, ++atOnce);
        return timer(6, clock).pipe(map(arrive));
      },
    };
    let waiting = 0;
    let mostWaiting = 0;
    const statuses = new Map<string, number>();
    const actions = new Subject<OutboundAction>();
    actions.pipe(toChatfirst({ client, maxQueued: 20, scheduler: clock })).subscribe((receipt) => {
      waiting--;
      statuses.set(shortly(receipt), (statuses.get(shortly(receipt)) ?? 0) + 1);
    });
    for (let n = 0; n < 100_000; n++) {
      mostWaiting = Math.max(mostWaiting, ++waiting);
      actions.next(to(`user ${n}`, text('hi')));
      if (n % 5 === 4) clock.advance(1);
    }
    clock.advance(10);
    expect([...statuses]).to.deep.equal([['delivered', 100_000]]);
    expect(mostAtOnce).to.be.at.most(32);
    expect(mostWaiting).to.be.at.most(52);
  }).timeout(30_000);
});
