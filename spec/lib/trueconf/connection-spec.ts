import { expect } from 'chai';
import type { ChatError } from 'tidewire';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import {
  trueconfClient,
  type TrueconfClient,
  type TrueconfClientOptions,
  type TrueconfCredentials,
  type TrueconfDelivery,
  type TrueconfStatus,
} from 'tidewire/trueconf';
import type { Observable } from 'rxjs';
import { HandServer, TOKEN } from './hand-server.js';

const LOGIN = { username: 'opsbot', password: 's3cret-42' } as const;
const MINUTE = 60_000;

/** What became of a call. */
interface End {
  value?: unknown;
  error?: ChatError;
}

describe('trueconfClient, its connection', () => {
  let clock: VirtualClock;
  let server: HandServer;
  let client: TrueconfClient;
  let statuses: TrueconfStatus[] = [];
  let deliveries: TrueconfDelivery[] = [];
  let ended: ChatError | undefined;

  const make = (more: TrueconfClientOptions = {}, by: TrueconfCredentials = { token: TOKEN }): TrueconfClient => {
    const { WebSocket, fetch } = server;
    const hand = { WebSocket, fetch, scheduler: clock, jitterMs: 0, lingerMs: 0, pingMs: 20 * MINUTE };
    client = trueconfClient({ server: 'tc.example.org', ...hand, ...more, ...by });
    statuses = [];
    client.status$.subscribe((status) => statuses.push(status));
    return client;
  };
  const listen = () => {
    deliveries = [];
    ended = undefined;
    return client.deliveries$.subscribe({
      next: (it) => deliveries.push(it),
      error: (thrown: unknown) => (ended = thrown as ChatError),
    });
  };
  const end = (call: Observable<unknown>): End => {
    const result: End = {};
    call.subscribe({
      next: (it) => (result.value = it),
      error: (thrown: unknown) => (result.error = thrown as ChatError),
    });
    return result;
  };
  /** Until what was fetched has come. */
  const fetched = async (): Promise<void> => {
    for (let n = 0; n < 8; n++) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(0);
  };
  const pauses = (): readonly number[] =>
    statuses.flatMap((status) => (status.kind === 'reconnecting' ? [status.delayMs] : []));
  /** Loses the connection, and waits out the pause. */
  const lose = (): void => {
    server.socket.end();
    clock.advance(pauses().at(-1) ?? 0);
  };

  beforeEach(() => {
    clock = virtualClock();
    server = new HandServer();
    make();
  });
  afterEach(() => {
    client.close();
  });

  it('offers json.v1 at the address of the chatbot connector', () => {
    listen();
    expect(server.socket).to.include({ url: 'wss://tc.example.org/websocket/chat_bot/' });
    expect(server.socket.protocols).to.deep.equal(['json.v1']);
  });

  describe('with a token that is refused', () => {
    const start = async (more: TrueconfClientOptions = {}): Promise<void> => {
      make(more, LOGIN);
      listen();
      await fetched();
      server.socket.welcome();
    };

    it('is made anew once for all calls, which are sent again, when those under way have their answers', async () => {
      await start();
      const [first] = server.sockets;
      const sends = [1, 2, 3, 4, 5].map((n) => end(client.createGroup(`${n}`)));
      const other = end(client.createChannel('x'));
      for (const call of first?.calls('createGroupChat').slice(0, 3) ?? []) first?.answer(call, { errorCode: 203 });
      const later = end(client.createChannel('later'));
      expect(first?.calls('createChannel')).to.have.length(1);
      expect(first?.closes).to.deep.equal([]);
      // One had its effect already, the others not.
      for (const call of first?.calls('createGroupChat').slice(3) ?? []) first?.answer(call, { errorCode: 200 });
      first?.answerAll('createChannel', { chatId: 'done' });
      expect(other.value).to.deep.equal({ chatId: 'done' });
      expect(first?.closes).to.deep.equal([1000]);
      clock.advance(0);
      await fetched();
      server.socket.welcome();
      expect(server.sockets).to.have.length(2);
      expect(server.asked).to.have.length(2);
      expect(pauses()).to.deep.equal([0]);
      const again = server.socket.calls('createGroupChat');
      expect(again.map(({ payload }) => payload?.['title'])).to.have.members(['1', '2', '3', '4', '5']);
      server.socket.answerAll('createGroupChat', { chatId: 'c' });
      server.socket.answerAll('createChannel', { chatId: 'c' });
      for (const it of [...sends, later]) expect(it).to.deep.equal({ value: { chatId: 'c' } });
    });

    it('waits no longer for an answer than the call does', async () => {
      await start({ requestTimeoutMs: 700 });
      const silent = end(client.createGroup('x'));
      const refused = end(client.createChannel('y'));
      server.socket.answerAll('createChannel', { errorCode: 203 });
      clock.advance(699);
      expect(server.socket.closes).to.deep.equal([]);
      clock.advance(1);
      expect(silent.error).to.include({ kind: 'timeout', inDoubt: true });
      await fetched();
      server.socket.welcome().answerAll('createChannel', { chatId: 'c' });
      expect(refused.value).to.deep.equal({ chatId: 'c' });
    });

    it('leaves nothing in doubt but what was on its way, when it is lost meanwhile', async () => {
      await start();
      const silent = end(client.createGroup('x'));
      const refused = end(client.createChannel('y'));
      server.socket.answerAll('createChannel', { errorCode: 203 });
      server.socket.end();
      expect(silent.error).to.include({ kind: 'unreachable', inDoubt: true });
      expect(refused).to.deep.equal({});
    });

    it('pauses before a token that comes after one that was no good either, longer each time', async () => {
      await start();
      const refuse = async (): Promise<void> => {
        const call = end(client.createGroup('x'));
        server.socket.answerAll('createGroupChat', { errorCode: 203 });
        clock.advance(pauses().at(-1) ?? 0);
        await fetched();
        server.socket.welcome().answerAll('createGroupChat', { errorCode: 203 });
        expect(call.error).to.include({ kind: 'unauthorized', reason: '203' });
      };
      for (let n = 0; n < 4; n++) await refuse();
      expect(pauses()).to.deep.equal([0, 1_000, 2_000, 4_000]);
      end(client.chats());
      server.socket.answerAll('getChats', []);
      await refuse();
      expect(pauses().at(-1)).to.equal(0);
    });

    for (const code of [202, 204])
      it(`gives up at once when it is refused with ${code}`, async () => {
        make({}, LOGIN);
        listen();
        await fetched();
        server.socket.reject(code);
        expect(ended).to.include({ kind: 'unauthorized', reason: String(code) });
        clock.advance(MINUTE);
        expect(server.sockets).to.have.length(1);
        expect(statuses.at(-1)).to.deep.equal({ kind: 'closed', error: ended });
      });
  });

  describe('that closes', () => {
    it('takes no call any more: the next does, and nothing is in doubt', () => {
      listen();
      const first = server.socket.welcome();
      first.readyState = 2;
      const calls = [end(client.createGroup('x')), end(client.sendText('c', 'hi')), end(client.chats())];
      expect(first.sent.filter(({ method }) => method !== 'auth')).to.deep.equal([]);
      lose();
      const next = server.socket.welcome();
      next.answerAll('createGroupChat', { chatId: 'c' });
      next.answerAll('getChats', []);
      next.answerAll('sendMessage', { chatId: 'c', messageId: 'm', timestamp: 1 });
      expect(calls.map(({ error }) => error)).to.deep.equal([undefined, undefined, undefined]);
      expect(calls[0]?.value).to.deep.equal({ chatId: 'c' });
      expect(server.sockets).to.have.length(2);
    });

    it('lets a call that it did not take wait as long as others', () => {
      make({ waitMs: 500 });
      listen();
      server.socket.welcome().readyState = 2;
      const call = end(client.createGroup('x'));
      clock.advance(500);
      expect(call.error).to.include({ kind: 'timeout', reason: 'noConnection', inDoubt: false });
    });
  });

  describe('and what cannot be sent', () => {
    it('is refused at the call, before anybody connects', () => {
      const circle: Record<string, unknown> = {};
      circle['circle'] = circle;
      for (const payload of [{ count: 1n }, circle, undefined])
        expect(() => client.request({ method: 'getChats', payload: payload as never }))
          .to.throw(TypeError)
          .with.property('message', 'trueconfClient: payload of getChats must be JSON');
      expect(() => client.request({ method: '', payload: {} })).to.throw(TypeError);
      expect(server.sockets).to.have.length(0);
    });

    it('keeps no other call waiting, and cuts nobody off', () => {
      listen();
      const socket = server.socket.welcome();
      socket.broken = new Error('of a socket of one’s own');
      const broken = end(client.createGroup('x'));
      socket.tell({ type: 1, id: 7, method: 'dance', payload: {} });
      socket.broken = undefined;
      const good = end(client.chats());
      socket.answerAll('getChats', []);
      expect(good.value).to.deep.equal([]);
      expect(server.sockets).to.have.length(1);
      clock.advance(30_000);
      expect(broken.error).to.include({ kind: 'timeout', inDoubt: false });
    });

    it('is sent as it was at the call', () => {
      const payload: Record<string, number> = { count: 1, page: 1 };
      const call = client.request({ method: 'getChats', payload });
      payload['count'] = 2;
      end(call);
      const [sent] = server.socket.welcome().calls('getChats');
      expect(sent?.payload).to.deep.equal({ count: 1, page: 1 });
    });
  });

  describe('and calls that are over', () => {
    const count = (): number => server.socket.calls('getChats').length;

    it('forgets those that nobody waits for, with their timers', () => {
      listen();
      server.socket.welcome();
      const timers = clock.actions.length;
      client.chats().subscribe().unsubscribe();
      expect(count()).to.equal(1);
      expect(clock.actions.length).to.equal(timers);
      lose();
      server.socket.welcome();
      expect(count()).to.equal(0);
    });

    it('forgets those that had no answer in time, with their timers', () => {
      listen();
      server.socket.welcome();
      const timers = clock.actions.length;
      const call = end(client.chats());
      clock.advance(10_000);
      expect(call.error).to.include({ kind: 'timeout' });
      expect(clock.actions.length).to.equal(timers);
      lose();
      server.socket.welcome();
      expect(count()).to.equal(0);
    });

    it('forgets those that were answered, or waited in vain, with their timers', () => {
      listen();
      const opening = clock.actions.length;
      const waiting = client.chats().subscribe();
      waiting.unsubscribe();
      expect(clock.actions.length).to.equal(opening);
      server.socket.welcome();
      expect(count()).to.equal(0);
      const timers = clock.actions.length;
      end(client.chats());
      server.socket.answerAll('getChats', []);
      expect(clock.actions.length).to.equal(timers);
    });

    it('sends one that may be repeated three times at most', () => {
      const call = end(client.chats());
      for (let n = 0; n < 3; n++) {
        server.socket.welcome();
        expect(count()).to.equal(1);
        expect(call).to.deep.equal({});
        lose();
      }
      expect(call.error).to.include({ kind: 'unreachable', inDoubt: false });
    });
  });

  describe('that is lost', () => {
    it('is made again after a pause that doubles, and is short again once it was authorized', () => {
      listen();
      for (let n = 0; n < 9; n++) lose();
      server.socket.welcome();
      lose();
      lose();
      expect(pauses()).to.deep.equal([
        1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 1_000, 2_000,
      ]);
    });

    it('pauses for as long as the server asks for, as far as timers go', async () => {
      const busy = (seconds: string) => () => new Response('', { status: 503, headers: { 'retry-after': seconds } });
      server.answers.push(busy('3600'), busy('0'), busy('99999999'));
      make({ jitterMs: 10, random: () => 0.5 }, LOGIN);
      listen();
      await fetched();
      clock.advance(3_600_005);
      await fetched();
      clock.advance(2_005);
      await fetched();
      expect(pauses()).to.deep.equal([3_600_005, 2_005, 2 ** 31 - 1]);
      expect(server.asked).to.have.length(3);
    });

    it('can be made again without pauses', () => {
      make({ reconnectMs: 0 });
      listen();
      for (let n = 0; n < 1_100; n++) lose();
      expect(new Set(pauses())).to.deep.equal(new Set([0]));
      expect(server.sockets).to.have.length(1_101);
    });
  });

  it('asks the server now and then where the socket cannot ping, as long as it is used', () => {
    make({ pingMs: 5_000 });
    const subscription = listen();
    const socket = server.socket.welcome();
    for (let beats = 1; beats < 4; beats++) {
      clock.advance(5_000);
      expect(socket.calls('getChats')).to.have.length(beats);
      clock.advance(2_000);
      socket.answer(socket.calls('getChats').at(-1) ?? { type: 1, id: 0 }, beats % 2 === 0 ? [] : { errorCode: 302 });
    }
    clock.advance(5_000);
    clock.advance(10_000);
    expect(statuses.find((status) => status.kind === 'reconnecting')?.error).to.include({ kind: 'timeout' });
    subscription.unsubscribe();
    expect(clock.actions.length).to.equal(0);
  });

  describe('and what the server tells', () => {
    it('acknowledges all that has a number, and hands on what cannot be read', () => {
      listen();
      const socket = server.socket.welcome();
      for (const frame of [
        { type: 1, id: 5 },
        { type: 1, id: 6, method: 7, payload: {} },
        { type: 1, id: 8, method: 'editMessage' },
        { type: 1, id: -1 },
        { type: 1, id: 1.5 },
        { type: 3, id: 9 },
        '{"type":1,"id":10',
      ])
        socket.tell(frame);
      expect(deliveries.map(({ event }) => event.kind)).to.deep.equal(Array(7).fill('undecodable'));
      expect(deliveries.map(({ acknowledge, isAwaited }) => acknowledge() || isAwaited)).to.deep.equal(
        Array(7).fill(false),
      );
      expect(socket.acknowledged).to.deep.equal([5, 6, 8]);
    });

    it('hands on binary frames as what cannot be read', () => {
      listen();
      const socket = server.socket.welcome();
      const bytes = new TextEncoder().encode('{"type":1,"id":9,"method":"removeChat","payload":{"chatId":"c"}}');
      expect(socket.binaryType).to.equal('arraybuffer');
      socket.emit('message', { data: bytes.buffer });
      socket.emit('message', { data: Uint8Array.of(0xff, 0xfe) });
      expect(deliveries.map(({ event }) => event)).to.have.length(2);
      const [first] = deliveries;
      expect(first?.event).to.include({ kind: 'undecodable', raw: new TextDecoder().decode(bytes) });
      expect(first?.event).to.have.deep.property('problems', ['the frame is not text']);
      expect(socket.acknowledged).to.deep.equal([9]);
    });

    it('tells nothing ahead of what nobody heard, while a call keeps its connection', () => {
      make({ receiveUnread: true });
      const open = end(client.createGroup('x'));
      const socket = server.socket.welcome();
      const message = (id: number): object => ({
        type: 1,
        id,
        method: 'sendMessage',
        payload: {
          chatId: 'c',
          messageId: `m${id}`,
          timestamp: 1_735_725_600_000 + id,
          author: { id: 'mira@tc.example.org', type: 1 },
          type: 200,
          content: { text: `text ${id}`, parseMode: 'text' },
        },
      });
      const heard = (): string => deliveries.map(({ event }) => event.id).join(' ');
      socket.tell(message(1));
      listen();
      socket.tell(message(2));
      socket.tell({ type: 1, id: 3, method: 'clearHistory', payload: { chatId: 'c', forAll: true } });
      expect(deliveries.map(({ isAwaited }) => isAwaited)).to.deep.equal([false]);
      socket.answerAll('createGroupChat', { chatId: 'd' });
      expect(open.value).to.deep.equal({ chatId: 'd' });
      clock.advance(0);
      deliveries = [];
      const next = server.socket.welcome();
      expect(next).not.to.equal(socket);
      next.tell(message(1));
      next.tell(message(2));
      expect(heard()).to.equal('m1 m2');
      expect(socket.acknowledged).to.deep.equal([3]);
    });

    it('has ids that no other client has, though both connect in the same millisecond', () => {
      const ids = new Set<string>();
      for (let n = 0; n < 3; n++) {
        make();
        listen();
        server.socket.welcome().tell({ type: 1, id: 1, method: 'dance', payload: {} });
        for (const { event } of deliveries) ids.add(event.id);
        client.close();
      }
      expect(ids.size).to.equal(3);
    });
  });

  describe('and its status', () => {
    const seen = () => {
      const told: unknown[] = [];
      client.status$.subscribe({ next: (status) => told.push(status), complete: () => told.push('complete') });
      return told;
    };

    it('is told once, also after close', () => {
      listen();
      server.socket.welcome();
      const early = seen();
      client.close();
      const userId = 'opsbot@tc.example.org';
      expect(early).to.deep.equal([{ kind: 'authorized', userId }, { kind: 'closed' }, 'complete']);
      expect(seen()).to.deep.equal([{ kind: 'closed' }, 'complete']);
    });

    it('does not change where there was no connection to close', () => {
      const early = seen();
      client.close();
      expect(early).to.deep.equal([{ kind: 'closed' }, 'complete']);
    });
  });
});
