import { inspect } from 'node:util';
import { expect } from 'chai';
import { lastValueFrom, type Observable, type Subscription } from 'rxjs';
import type { ChatError } from 'tidewire';
import {
  rocketchatClient,
  type RocketchatClient,
  type RocketchatClientConfig,
  type RocketchatCredentials,
  type RocketchatStatus,
  type RocketchatStray,
  type RocketchatStreamNews,
} from 'tidewire/rocketchat';
import { virtualClock } from 'tidewire/testing';
import { fixtures } from '../../support/fixtures.js';
import { ScriptedServer, until, type Peer } from './scripted-server.js';

interface Sent {
  readonly dir: '<' | '>';
  readonly frame: Record<string, unknown>;
}
const frames = fixtures('rocketchat/frames') as ReadonlyMap<string, readonly Sent[]>;
const sentOf = (name: string): readonly Record<string, unknown>[] =>
  (frames.get(name) ?? []).flatMap(({ dir, frame }) => (dir === '>' ? [frame] : []));
const errorOf = (index: number): unknown => frames.get('errors')?.[index]?.frame['error'];

const BOT = 'aGt9SwEdR4fVb6HyN';
const AUTH = 'tok_test_helper_bot_00000000000000000000000';
const TOKEN = 'vis-test-dana-00000000000000000000000001';
const ROOM = 'hT7mQpWz4KcYb2NdR';
const FAST = { lingerMs: 0, reconnectMs: 1, maxReconnectMs: 4, jitterMs: 0, version: '8.0' } as const;

const value = async <T>(call: Observable<T>): Promise<T> => lastValueFrom(call);
const failure = async (call: Observable<unknown>): Promise<ChatError> =>
  lastValueFrom(call).then(
    () => expect.fail('expected an error'),
    (thrown: unknown) => thrown as ChatError,
  );
/** Without the ids, which count up. */
const nameless = ({ id: _id, ...frame }: Readonly<Record<string, unknown>>): object => frame;

describe('the realtime connection of rocketchatClient', () => {
  let server: ScriptedServer;
  let client: RocketchatClient;
  let statuses: RocketchatStatus[] = [];
  const clients: RocketchatClient[] = [];

  const make = (
    more: Partial<RocketchatClientConfig> = {},
    by: RocketchatCredentials = { authToken: AUTH, userId: BOT },
  ): RocketchatClient => {
    client = rocketchatClient({ url: server.url, ...FAST, ...more, ...by } as RocketchatClientConfig);
    clients.push(client);
    statuses = [];
    client.status$.subscribe((status) => statuses.push(status));
    return client;
  };
  const listen = (stream: Observable<RocketchatStreamNews>) => {
    const news: RocketchatStreamNews[] = [];
    const ends: unknown[] = [];
    const subscription: Subscription = stream.subscribe({
      next: (it) => news.push(it),
      error: (error: unknown) => ends.push(error),
      complete: () => ends.push('complete'),
    });
    const events = (): readonly unknown[] => news.flatMap((it) => (it.kind === 'event' ? [it.event.args[0]] : []));
    const readies = (): readonly RocketchatStreamNews[] => news.filter(({ kind }) => kind === 'ready');
    return { news, ends, subscription, events, readies };
  };
  const mine = (): Observable<RocketchatStreamNews> => client.stream('room-messages', '__my_messages__');
  const sent = (peer: Peer, msg: string): readonly Readonly<Record<string, unknown>>[] =>
    peer.frames.filter((frame) => frame['msg'] === msg);
  const kinds = (): readonly string[] => statuses.map(({ kind }) => kind);

  beforeEach(async () => {
    server = await ScriptedServer.start();
    make();
  });
  afterEach(async () => {
    for (const one of clients.splice(0)) one.disconnect();
    await server.close();
  });

  it('greets, logs in, subscribes and answers pings as it is written', async () => {
    const { readies } = listen(mine());
    await until(() => readies().length === 1);
    server.peer.send({ msg: 'ping' });
    server.peer.send({ msg: 'ping', id: 'p1' });
    await until(() => sent(server.peer, 'pong').length === 2);
    const [connect, login, sub, pong] = sentOf('session');
    const expected = [connect!, login!, sub!].map(nameless);
    const isOurs = (frame: Readonly<Record<string, unknown>>): boolean =>
      !JSON.stringify(frame).includes('force_logout') && frame['msg'] !== 'pong';
    expect(server.peer.frames.filter(isOurs).map(nameless)).to.deep.equal(expected);
    expect(sent(server.peer, 'pong')).to.deep.equal([pong, { msg: 'pong', id: 'p1' }]);
    expect(server.peer.subs(`${BOT}/force_logout`)).to.have.length(1);
    expect(statuses.at(-1)).to.deep.equal({ kind: 'authorized', userId: BOT });
  });

  it('subscribes and types as a visitor, without a login, as it is written', async () => {
    make({}, {});
    const visitor = client.asVisitor(TOKEN);
    const messages = listen(visitor.stream('room-messages', ROOM));
    const notices = listen(visitor.stream('livechat-room', ROOM));
    await until(() => messages.readies().length + notices.readies().length === 2);
    await value(visitor.typing(ROOM, 'guest-88'));
    const isHello = ({ msg }: Readonly<Record<string, unknown>>): boolean => msg === 'connect';
    expect(server.peer.frames.filter((frame) => !isHello(frame)).map(nameless)).to.deep.equal(
      sentOf('visitor').map(nameless),
    );
    expect(statuses.at(-1)).to.deep.equal({ kind: 'authorized' });
    await value(visitor.typing(ROOM, 'guest-88', false));
    expect(sent(server.peer, 'method').at(-1)?.['params']).to.deep.equal([
      `${ROOM}/user-activity`,
      'guest-88',
      [],
      { token: TOKEN },
    ]);
  });

  it('types under the name of who is logged in', async () => {
    await value(client.typing(ROOM));
    await value(client.typing(ROOM, false, { name: 'Helper Bot' }));
    expect(
      sent(server.peers[0]!, 'method')
        .slice(1)
        .map(({ method, params }) => [method, params]),
    ).to.deep.equal([['stream-notify-room', [`${ROOM}/user-activity`, 'helper.bot', ['user-typing'], {}]]]);
    expect(sent(server.peers[1]!, 'method').at(-1)?.['params']).to.deep.equal([
      `${ROOM}/user-activity`,
      'Helper Bot',
      [],
      {},
    ]);
    make({}, {});
    expect(await failure(client.typing(ROOM))).to.include({ kind: 'unsupported', reason: 'noName' });
  });

  it('is made when it is needed, shared, and closed after the last', async () => {
    expect(server.peers).to.have.length(0);
    const first = listen(mine());
    const second = listen(mine());
    const other = listen(client.stream('room-messages', ROOM));
    await until(() => first.readies().length + second.readies().length + other.readies().length === 3);
    expect(server.peers).to.have.length(1);
    expect(server.peer.subs('__my_messages__')).to.have.length(1);
    server.peer.event('room-messages', '__my_messages__', 'm1');
    server.peer.event('room-messages', ROOM, 'm2');
    server.peer.event('notify-room', ROOM, 'm3');
    server.peer.send({ msg: 'of-tomorrow' });
    await until(() => other.events().length === 1);
    expect([first.events(), second.events(), other.events()]).to.deep.equal([['m1'], ['m1'], ['m2']]);
    const late = listen(mine());
    expect(late.news).to.deep.equal([{ kind: 'ready' }]);
    late.subscription.unsubscribe();
    first.subscription.unsubscribe();
    expect(sent(server.peer, 'unsub')).to.have.length(0);
    second.subscription.unsubscribe();
    await until(() => sent(server.peer, 'unsub').length === 1);
    expect(sent(server.peer, 'unsub')[0]?.['id']).to.equal(server.peer.subs('__my_messages__')[0]);
    other.subscription.unsubscribe();
    await until(() => kinds().at(-1) === 'closed');
    expect(kinds()).to.deep.equal(['closed', 'connecting', 'authorized', 'closed']);
    await until(() => server.peer.ws.readyState === 3);
  });

  for (const code of [undefined, 1000, 1001, 1011])
    it(`is made again after ${code ?? 'a cut'}, subscribes again after the login, and tells which gap there may be`, async () => {
      const old = listen(mine());
      await until(() => old.readies().length === 1);
      const before = Date.now();
      if (code === undefined) server.peer.ws.terminate();
      else server.peer.ws.close(code);
      await until(() => kinds().includes('reconnecting'));
      const fresh = listen(client.stream('room-messages', ROOM));
      await until(() => old.readies().length === 2 && fresh.readies().length === 1);
      expect(server.peers).to.have.length(2);
      const order = server.peer.frames.map(({ msg, method }) => method ?? msg);
      expect(order.slice(0, 3)).to.deep.equal(['connect', 'login', 'sub']);
      const [, again] = old.readies();
      const since = again?.kind === 'ready' ? (again.gapSince ?? '') : '';
      expect(Date.parse(since)).to.be.at.most(before + 1);
      expect(fresh.readies()).to.deep.equal([{ kind: 'ready' }]);
      server.peer.event('room-messages', '__my_messages__', 'm1');
      await until(() => old.events().length === 1);
      const reconnecting = statuses.find((status) => status.kind === 'reconnecting');
      expect(reconnecting?.error).to.include({ kind: 'unreachable', reason: String(code ?? 1006) });
    });

  it('tells a gap since the server was heard last', async () => {
    const clock = virtualClock();
    make({ scheduler: clock, reconnectMs: 0 });
    const { readies, events } = listen(mine());
    await until(() => readies().length === 1);
    clock.advance(7_000);
    server.peer.event('room-messages', '__my_messages__', 'm1');
    await until(() => events().length === 1);
    clock.advance(5_000);
    server.peer.ws.terminate();
    await until(() => kinds().at(-1) === 'reconnecting');
    clock.advance(1);
    await until(() => readies().length === 2);
    expect(readies()[1]).to.deep.equal({ kind: 'ready', gapSince: '1970-01-01T00:00:07.000Z' });
  });

  it('tells a gap from its beginning, if the next connection is lost before it could subscribe', async () => {
    const { readies } = listen(mine());
    await until(() => readies().length === 1);
    let lost = 0;
    server.onFrame = ({ msg }, peer) => {
      if (msg !== 'sub' || lost++ > 1) return false;
      peer.ws.terminate();
      return true;
    };
    server.peer.ws.terminate();
    const before = Date.now();
    await until(() => readies().length === 2);
    const [, again] = readies();
    expect(Date.parse(again?.kind === 'ready' ? (again.gapSince ?? '') : '')).to.be.at.most(before);
  });

  it('is tried with growing, capped, jittered pauses', async () => {
    server.onFrame = ({ msg }, peer) => {
      if (msg !== 'connect' || server.peers.length > 4) return false;
      peer.ws.close(1011);
      return true;
    };
    make({ reconnectMs: 1, maxReconnectMs: 4, jitterMs: 10, random: () => 0.2 });
    const { readies } = listen(mine());
    await until(() => readies().length === 1);
    const pauses = statuses.flatMap((status) => (status.kind === 'reconnecting' ? [status.delayMs] : []));
    expect(pauses).to.deep.equal([3, 4, 6, 6]);
  });

  it('is given up when the server says nothing, after it was asked for a sign of life', async () => {
    make({ pingMs: 20, silenceMs: 60 });
    const { readies } = listen(mine());
    await until(() => server.peers.some((peer) => sent(peer, 'ping').length === 1));
    server.onFrame = ({ msg }, peer) => msg === 'ping' && peer === server.peers[0];
    await until(() => readies().length === 2);
    const reconnecting = statuses.find((status) => status.kind === 'reconnecting');
    expect(reconnecting?.error.reason).to.equal('silent');
  });

  it('is given up when a greeting has no answer, or one that makes no sense', async () => {
    server.onFrame = ({ msg }) => msg === 'connect' && server.peers.length === 1;
    make({ requestTimeoutMs: 20 });
    const { readies, ends } = listen(mine());
    await until(() => readies().length === 1);
    expect(statuses.find((status) => status.kind === 'reconnecting')?.error.kind).to.equal('timeout');
    expect(ends).to.deep.equal([]);
    server.onFrame = ({ msg }, peer) => {
      if (msg === 'connect') peer.send({ msg: 'failed', version: 'pre1' });
      return msg === 'connect';
    };
    make();
    expect(await failure(mine())).to.include({ kind: 'unsupported' });
    expect(kinds().at(-1)).to.equal('closed');
  });

  describe('the login', () => {
    const refusing = (isRefused: (token: unknown) => boolean): void => {
      server.onFrame = ({ msg, method, id, params }, peer) => {
        if (msg !== 'method' || method !== 'login') return false;
        const [{ resume }] = params as [{ resume: unknown }];
        if (!isRefused(resume)) return false;
        peer.send({ msg: 'result', id, error: errorOf(0) });
        return true;
      };
    };

    it('that is refused ends it, with a token that nobody renews', async () => {
      refusing(() => true);
      const { ends } = listen(mine());
      await until(() => ends.length === 1);
      expect(ends[0]).to.include({ kind: 'unauthorized', reason: '403' });
      expect(server.peers).to.have.length(1);
      expect(statuses.at(-1)).to.deep.include({ kind: 'closed' });
      expect((await failure(mine())).kind).to.equal('unauthorized');
      expect(server.peers).to.have.length(1);
    });

    it('is made anew, once, when it has expired', async () => {
      let token = 0;
      server.script = () => ({ body: { status: 'success', data: { userId: BOT, authToken: `t${++token}` } } });
      refusing((resume) => resume === 't1');
      make({}, { user: 'helper.bot', password: 'x' });
      const { readies } = listen(mine());
      await until(() => readies().length === 1);
      expect(token).to.equal(2);
      const reconnecting = statuses.find((status) => status.kind === 'reconnecting');
      expect(reconnecting).to.deep.include({ delayMs: 0 });
      refusing(() => true);
      server.peer.ws.terminate();
      await until(() => kinds().at(-1) === 'closed');
      expect(token).to.equal(3);
    });

    it('that calls over HTTP renewed is used here, too', async () => {
      let token = 0;
      server.script = ({ path, headers }) => {
        if (path === '/api/v1/login')
          return { body: { status: 'success', data: { userId: BOT, authToken: `t${++token}` } } };
        if (headers['x-auth-token'] === 't2') return { body: { success: true } };
        return { status: 401, body: { success: false, status: 'error', message: 'You must be logged in to do this.' } };
      };
      make({}, { user: 'helper.bot', password: 'x' });
      const { readies } = listen(mine());
      await until(() => readies().length === 1);
      await value(client.join(ROOM));
      await until(() => readies().length === 2);
      expect(JSON.stringify(sent(server.peer, 'method'))).to.include('t2');
    });

    for (const [name, tell] of [
      [
        'says so',
        (peer: Peer) => {
          peer.event('notify-user', `${BOT}/force_logout`, {});
        },
      ],
      [
        'takes the user away',
        (peer: Peer) => {
          peer.send({ msg: 'removed', collection: 'users', id: BOT });
        },
      ],
    ] as const)
      it(`is made again when the server ends it and ${name}`, async () => {
        const { readies } = listen(mine());
        await until(() => readies().length === 1 && server.peer.subs(`${BOT}/force_logout`).length === 1);
        tell(server.peer);
        await until(() => readies().length === 2);
        expect(statuses.find((status) => status.kind === 'reconnecting')?.error.reason).to.equal('loggedOut');
      });

    it('with a password that is refused is not tried again and again', async () => {
      server.script = () => ({ status: 401, body: { status: 'error', error: 'Unauthorized' } });
      make({}, { user: 'helper.bot', password: 'x' });
      expect(await failure(mine())).to.include({ kind: 'unauthorized', reason: 'Unauthorized' });
      expect((await failure(mine())).kind).to.equal('unauthorized');
      expect(server.asked).to.have.length(1);
      expect(server.peers).to.have.length(0);
    });

    it('that names another user is none', async () => {
      server.userId = 'somebodyElse';
      const { subscription } = listen(mine());
      await until(() => kinds().includes('reconnecting'));
      expect(statuses.find((status) => status.kind === 'reconnecting')?.error.kind).to.equal('undecodable');
      subscription.unsubscribe();
    });
  });

  describe('a subscription', () => {
    it('that is refused ends, alone', async () => {
      server.onFrame = ({ msg, id, params }, peer) => {
        if (msg !== 'sub' || (params as unknown[])[0] !== ROOM) return false;
        peer.send({ msg: 'nosub', id, error: errorOf(1) });
        return true;
      };
      const good = listen(mine());
      expect(await failure(client.stream('room-messages', ROOM))).to.include({
        kind: 'refused',
        reason: 'not-allowed',
      });
      await until(() => good.readies().length === 1);
      expect(good.ends).to.deep.equal([]);
      expect(sent(server.peer, 'unsub')).to.deep.equal([]);
    });

    it('that the server ends tells so', async () => {
      const { readies, ends } = listen(mine());
      await until(() => readies().length === 1);
      server.peer.send({ msg: 'nosub', id: server.peer.subs('__my_messages__')[0] });
      await until(() => ends.length === 1);
      expect(ends[0]).to.include({ kind: 'refused', reason: 'ended' });
    });

    it('that is throttled is tried again', async () => {
      let times = 0;
      server.onFrame = ({ msg, id }, peer) => {
        if (msg !== 'sub' || times++ > 1) return false;
        peer.send({ msg: 'nosub', id, error: { error: 'too-many-requests', details: { timeToReset: 3 } } });
        return true;
      };
      const { readies } = listen(client.stream('room-messages', ROOM));
      await until(() => readies().length === 1);
      expect(server.peer.subs(ROOM).length).to.be.at.least(2);
    });

    it('that has no answer, where others have one, ends', async () => {
      server.onFrame = ({ msg, params }) => msg === 'sub' && (params as unknown[])[0] === ROOM;
      make({ requestTimeoutMs: 30 });
      const room = failure(client.stream('room-messages', ROOM));
      const { readies } = listen(mine());
      expect(await room).to.include({ kind: 'timeout', inDoubt: false });
      expect(readies()).to.deep.equal([{ kind: 'ready' }]);
      expect(server.peers).to.have.length(1);
    });

    it('goes on with another connection when nothing was heard on the first since it was asked for', async () => {
      make({ requestTimeoutMs: 30 });
      server.onFrame = ({ msg }, peer) => {
        if (msg !== 'sub' || server.peers.length > 1) return false;
        // It may come behind the answer to the login.
        peer.send({ msg: 'updated', methods: ['1'] });
        return true;
      };
      const { readies, ends } = listen(mine());
      await until(() => readies().length === 1);
      expect(readies()).to.deep.equal([{ kind: 'ready' }]);
      expect(server.peers).to.have.length(2);
      expect(ends).to.deep.equal([]);
    });

    it('that was there before goes on with another connection when it has no answer on one', async () => {
      make({ requestTimeoutMs: 30 });
      const { readies, ends } = listen(mine());
      await until(() => readies().length === 1);
      server.onFrame = ({ msg }) => msg === 'sub' && server.peers.length === 2;
      server.peer.ws.terminate();
      await until(() => readies().length === 2);
      expect(server.peers).to.have.length(3);
      expect(readies()[1]).to.have.property('gapSince');
      expect(statuses.map((status) => status.kind === 'reconnecting' && status.error.kind)).to.include('timeout');
      expect(ends).to.deep.equal([]);
    });

    it('waits for the next connection, however long, when the one that it was sent on is lost', async () => {
      const clock = virtualClock();
      server.onFrame = ({ msg, params }) => msg === 'sub' && (params as unknown[])[0] === ROOM;
      make({ requestTimeoutMs: 1_000, reconnectMs: 5_000, maxReconnectMs: 5_000, scheduler: clock });
      const { ends } = listen(client.stream('room-messages', ROOM));
      await until(() => server.peers.some((peer) => peer.subs(ROOM).length === 1));
      server.peer.ws.terminate();
      await until(() => kinds().at(-1) === 'reconnecting');
      clock.advance(4_000);
      expect(ends).to.deep.equal([]);
    });

    it('hears nothing that another asked for, before it has an answer', async () => {
      server.onFrame = ({ msg, params, id }, peer) => {
        if (msg !== 'sub' || !JSON.stringify(params).includes(TOKEN)) return false;
        peer.event('room-messages', ROOM, 'm1');
        peer.send({ msg: 'nosub', id, error: errorOf(1) });
        return true;
      };
      const agent = listen(client.stream('room-messages', ROOM));
      await until(() => agent.readies().length === 1);
      const visitor = listen(client.asVisitor(TOKEN).stream('room-messages', ROOM));
      await until(() => visitor.ends.length === 1);
      expect(agent.events()).to.deep.equal(['m1']);
      expect(visitor.news).to.deep.equal([]);
    });

    it('of a room that another visitor listens to is refused before the wire', async () => {
      make({}, {});
      const first = listen(client.asVisitor(TOKEN).stream('room-messages', ROOM));
      await until(() => first.readies().length === 1);
      expect(await failure(client.asVisitor('another').stream('room-messages', ROOM))).to.include({
        kind: 'refused',
        reason: 'foreignToken',
      });
      expect(server.peer.subs(ROOM)).to.have.length(1);
    });

    it('is one too many at some point', async () => {
      make({ maxSubscriptions: 2 });
      const first = listen(client.stream('room-messages', 'a'));
      listen(client.stream('room-messages', 'b'));
      expect(await failure(client.stream('room-messages', 'c'))).to.include({ kind: 'overflow' });
      first.subscription.unsubscribe();
      const third = listen(client.stream('room-messages', 'c'));
      await until(() => third.readies().length === 1);
    });
  });

  describe('a call', () => {
    const silent = (method: string, times = 1): void => {
      let left = times;
      server.onFrame = (frame, peer) => {
        if (frame['msg'] !== 'method' || frame['method'] !== method || left-- <= 0) return false;
        peer.ws.terminate();
        return true;
      };
    };

    it('has its own answer, in whatever order answers come', async () => {
      const waiting: unknown[] = [];
      server.onFrame = ({ msg, method, id, params }, peer) => {
        if (msg !== 'method' || method !== 'echo') return false;
        waiting.push(id);
        if (waiting.length === 2)
          for (const one of [...waiting].reverse()) peer.send({ msg: 'result', id: one, result: [one, params] });
        return true;
      };
      const [a, b] = (await Promise.all([value(client.call('echo', ['a'])), value(client.call('echo', ['b']))])) as [
        unknown[],
        unknown[],
      ];
      expect([a[0], b[0]]).to.deep.equal(waiting);
    });

    it('that is refused tells why', async () => {
      server.onFrame = ({ msg, method, id }, peer) => {
        if (msg !== 'method' || method !== 'x') return false;
        peer.send({ msg: 'result', id, error: errorOf(1) });
        return true;
      };
      expect(await failure(client.call('x', []))).to.include({ kind: 'refused', reason: 'not-allowed' });
    });

    it('is in doubt when its connection is lost, unless it may be repeated', async () => {
      listen(mine());
      silent('x');
      expect(await failure(client.call('x', []))).to.include({ kind: 'unreachable', inDoubt: true });
      silent('y', 2);
      expect(await value(client.call('y', [], { repeatable: true }))).to.equal(undefined);
      silent('z', 9);
      expect(await failure(client.call('z', [], { repeatable: true }))).to.include({
        kind: 'unreachable',
        inDoubt: false,
      });
    });

    it('waits only so long for an answer, or a connection', async () => {
      make({ requestTimeoutMs: 30 });
      listen(mine());
      server.onFrame = ({ method }) => method === 'x';
      expect(await failure(client.call('x', []))).to.include({ kind: 'timeout', inDoubt: true });
      server.onFrame = ({ msg }) => msg === 'connect';
      make({ waitMs: 20, maxWaiting: 1, requestTimeoutMs: 5_000 });
      const waiting = failure(client.call('x', []));
      expect(await failure(client.call('y', []))).to.include({ kind: 'overflow' });
      expect(await waiting).to.include({ kind: 'timeout', reason: 'noConnection', inDoubt: false });
    });

    it('keeps the limits of the server for each method, and comes again when it is throttled', async () => {
      let throttled = 0;
      server.onFrame = ({ msg, method, id }, peer) => {
        if (msg !== 'method' || method !== 'x' || throttled++ > 0) return false;
        peer.send({ msg: 'result', id, error: { error: 'too-many-requests', details: { timeToReset: 5 } } });
        return true;
      };
      expect(await value(client.call('x', []))).to.equal(undefined);
      make({ maxWaitMs: 100 });
      listen(mine());
      const calls = Array.from({ length: 12 }, async () =>
        value(client.call('y', [])).then(
          () => 'done',
          (error: unknown) => (error as ChatError).kind,
        ),
      );
      const results = await Promise.all(calls);
      expect(results.filter((result) => result === 'done')).to.have.length(10);
      expect(results.slice(10)).to.deep.equal(['throttled', 'throttled']);
    });
  });

  it('tells what breaks the protocol, and goes on', async () => {
    const strays: RocketchatStray[] = [];
    client.strays$.subscribe((stray) => strays.push(stray));
    const { readies, events } = listen(mine());
    await until(() => readies().length === 1);
    server.peer.ws.send('no JSON');
    server.peer.ws.send('{"msg":"ready"}');
    server.peer.event('room-messages', '__my_messages__', 'm1');
    await until(() => events().length === 1);
    expect(strays.map(({ text, error }) => [text, error.kind])).to.deep.equal([
      ['no JSON', 'undecodable'],
      ['{"msg":"ready"}', 'undecodable'],
    ]);
  });

  it('is closed for good: streams complete, calls fail', async () => {
    const { readies, ends } = listen(mine());
    await until(() => readies().length === 1);
    server.onFrame = ({ method }) => method === 'x';
    const open = failure(client.call('x', []));
    await until(() => sent(server.peer, 'method').length === 2);
    client.disconnect();
    client.disconnect();
    expect(ends).to.deep.equal(['complete']);
    expect(await open).to.include({ kind: 'unreachable', inDoubt: true });
    expect(await failure(client.call('y', []))).to.include({ kind: 'unreachable', retryable: false });
    expect(statuses.at(-1)).to.deep.equal({ kind: 'closed' });
  });

  it('shows no token, whatever is looked at', async () => {
    const stream = client.asVisitor(TOKEN).stream('room-messages', ROOM);
    const { readies, subscription } = listen(stream);
    await until(() => readies().length === 1);
    const shown = [client, stream, subscription, client.status$, statuses, client.typing(ROOM)]
      .map((thing) => inspect(thing, { depth: 8, showHidden: true, getters: true }))
      .join('\n');
    for (const secret of [TOKEN, AUTH])
      expect((shown + JSON.stringify([client, statuses])).includes(secret)).to.equal(false);
  });
});
