import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { filter, firstValueFrom, map, NEVER, Subject, take, toArray } from 'rxjs';
import {
  coalesceBursts,
  dedupe,
  deliver,
  delivered,
  openAccounts,
  react,
  text,
  type InboundEvent,
  type Outcome,
  type Replies,
} from 'tidewire';
import {
  chatfirstChannel,
  chatfirstClient,
  fromChatfirstChannel,
  joinUserId,
  pushedReplies,
  splitUserId,
  type ChatfirstChannel,
  type ChatfirstChannelConfig,
} from 'tidewire/chatfirst';
import { chatfirstSimulator } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { exchange } from '../support/chatfirst-exchanges.js';

const TOKEN = 'tok_test_1';

describe('chatfirstChannel and fromChatfirstChannel', () => {
  const clock = virtualClock();
  let accounts = openAccounts({ scheduler: clock });
  let events: InboundEvent[] = [];
  let channel: ChatfirstChannel;
  const started = (
    handler: (event: InboundEvent) => Replies = () => undefined,
    config: Partial<ChatfirstChannelConfig> = {},
  ): void => {
    accounts = openAccounts({ scheduler: clock });
    events = [];
    channel = chatfirstChannel({ token: TOKEN, accounts, scheduler: clock, ...config });
    const shown = deliver({ name: 'toMessenger', scheduler: clock }, (action) => delivered(action, ''));
    const heard = (event: InboundEvent): Replies => {
      events.push(event);
      return handler(event);
    };
    fromChatfirstChannel({ channel })
      .pipe(dedupe({ scheduler: clock }), react(heard, { scheduler: clock }), shown)
      .subscribe();
  };
  const post = async (path: string, body: unknown, init: RequestInit = {}): Promise<Response> =>
    channel.fetch(
      new Request(`http://bridge.test${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...init,
      }),
    );
  const push = (...texts: readonly string[]): object => ({
    TalkId: 502,
    Messages: texts.map((Text, n) => ({ MessageId: n, Text })),
  });
  const outcomes = (): Partial<Record<Outcome, number>> =>
    Object.fromEntries(Object.entries(accounts.counts().outcomes).filter(([, n]) => n > 0));
  const HERE = '/api/push/tok_test_1/teashop/room9-pers4';

  it('takes what the fixture says', async () => {
    started((event) => pushedReplies(event));
    const { request, response } = exchange('channel-push');
    const answer = await post(request.url, request.body);
    expect([answer.status, await answer.text()]).to.deep.equal([response.status, '']);
    expect(events).to.have.length(1);
    expect(events[0]).to.deep.include({
      kind: 'message',
      id: '502-7',
      text: 'Your tea is ready',
      sender: { role: 'bot' },
      conversation: { platform: 'chatfirst', account: 'teashop', id: 'room9-pers4', channel: 'custom' },
    });
    expect(outcomes()).to.deep.equal({ handled: 1 });
  });

  it('makes an event of each message, in order, and knows what is delivered again by its ids', async () => {
    started();
    await post(HERE, push('a', 'b', 'c'));
    await post(HERE, push('a', 'b', 'c'));
    expect(events.map((event) => event.kind === 'message' && event.text)).to.deep.equal(['a', 'b', 'c']);
    expect(outcomes()).to.deep.equal({ handled: 3, duplicate: 3 });
    expect((await post(HERE, { TalkId: 1, Messages: [] })).status).to.equal(200);
    const ids = '{"TalkId":9223372036854775807,"Messages":[{"MessageId":1,"Text":"x"}]}';
    await post(HERE, ids);
    await post(HERE, ids.replace('807', '806'));
    expect(events.slice(3).map(({ id }) => id)).to.deep.equal(['9223372036854775807-1', '9223372036854775806-1']);
  });

  it('answers 503 when nothing was delivered, so that the platform may come again', async () => {
    started((event) => {
      if (events.length === 1) throw new Error('hush');
      return pushedReplies(event);
    });
    const first = await post(HERE, push('a'));
    expect([first.status, first.headers.get('retry-after'), await first.text()]).to.deep.equal([503, '1', '']);
    expect((await post(HERE, push('a'))).status).to.equal(200);
    expect(outcomes()).to.deep.equal({ failed: 1, handled: 1 });
  });

  it('answers a push that comes again while the first is worked on as that one ends', async () => {
    const ends = new Subject<void>();
    started((event) => {
      if (events.length > 1) return pushedReplies(event);
      return ends.pipe(
        map(() => {
          throw new Error('hush');
        }),
      );
    });
    const answers: number[] = [];
    const both = ['first', 'again'].map(async () => answers.push((await post(HERE, push('a'))).status));
    await new Promise((resolve) => setImmediate(resolve));
    expect([events.length, answers]).to.deep.equal([1, []]);
    ends.next();
    await Promise.all(both);
    expect(answers).to.deep.equal([503, 503]);
    expect((await post(HERE, push('a'))).status).to.equal(200);
    expect(outcomes()).to.deep.equal({ failed: 2, handled: 1 });
  });

  it('answers pushes whose messages were merged all alike', async () => {
    channel = chatfirstChannel({ token: TOKEN, accounts: openAccounts({ scheduler: clock }), scheduler: clock });
    const ends = new Subject<void>();
    const failing = (): Replies =>
      ends.pipe(
        map(() => {
          throw new Error('hush');
        }),
      );
    fromChatfirstChannel({ channel })
      .pipe(coalesceBursts({ scheduler: clock }), react(failing, { scheduler: clock }))
      .subscribe();
    const answers: number[] = [];
    const all = [1, 2].map(async (TalkId) =>
      answers.push((await post(HERE, { TalkId, Messages: [{ MessageId: 1, Text: 'a' }] })).status),
    );
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers).to.deep.equal([]);
    ends.next();
    await Promise.all(all);
    expect(answers).to.deep.equal([503, 503]);
  });

  it('waits until its messages are settled, but no longer than its time', async () => {
    const done = new Subject<void>();
    started(() => done.pipe(map(() => text('ok'))), { answerMs: 5_000 });
    let answered = 0;
    const answers = ['a', 'b'].map(async (user) => post(`/api/push/tok_test_1/teashop/${user}`, push('x')));
    for (const answer of answers) void answer.then(() => answered++);
    const passed = async (ms: number): Promise<number> => {
      clock.advance(ms);
      await new Promise((resolve) => setImmediate(resolve));
      return answered;
    };
    await new Promise((resolve) => setImmediate(resolve));
    expect([await passed(4_999), await passed(1)]).to.deep.equal([0, 2]);
    for (const answer of answers) expect((await answer).status).to.equal(200);
    expect(accounts.counts().inFlight).to.equal(2);
  });

  it('refuses what is no push to its users', async () => {
    started(undefined, { bots: ['teashop'], isUser: (user) => splitUserId(user) !== undefined, maxBytes: 300 });
    const status = async (path: string, body: unknown = push('x'), init?: RequestInit): Promise<number> =>
      (await post(path, body, init)).status;
    for (const path of [
      '/',
      '/api/push/tok_test_2/teashop/a-b',
      '/api/push/tok_test_1/coffee/a-b',
      '/api/push/tok_test_1/teashop',
      `${HERE}/x`,
      '/api/push//teashop/a-b',
    ]) {
      expect(await status(path), path).to.equal(404);
    }
    expect(await status('/api/push/tok_test_1/teashop/nobody')).to.equal(400);
    expect(await status(HERE, push('x'), { headers: { 'content-type': 'text/xml' } })).to.equal(415);
    expect(await status(HERE, push('x'.repeat(400)))).to.equal(413);
    expect(await status(HERE, '{"cut')).to.equal(400);
    expect((await channel.fetch(new Request(`http://bridge.test${HERE}`))).status).to.equal(405);
    expect(accounts.counts()).to.include({ refused: 11, received: 0 });
    expect(await status(HERE, { TalkId: 1 })).to.equal(400);
    const [broken] = events;
    expect(broken).to.include({ kind: 'undecodable', platform: 'chatfirst' });
    expect(broken?.conversation).to.include({ account: 'teashop', id: 'room9-pers4' });
    expect(await status(HERE)).to.equal(200);
  });

  it('answers 503 while nobody listens, when too much is open, and when it is drained', async () => {
    channel = chatfirstChannel({ token: TOKEN, accounts });
    expect((await post(HERE, push('x'))).status).to.equal(503);
    started(() => NEVER, { maxInFlight: 2 });
    const open = post(HERE, push('a', 'b'));
    await new Promise((resolve) => setImmediate(resolve));
    expect((await post('/api/push/tok_test_1/teashop/b', push('c'))).status).to.equal(503);
    const drained = channel.drain(1_000);
    expect((await open).status).to.equal(200);
    clock.advance(1_000);
    expect(await drained).to.include({ received: 2, inFlight: 2 });
    const errors: unknown[] = [];
    started();
    fromChatfirstChannel({ channel }).subscribe({ error: (error: unknown) => errors.push(error) });
    expect(String(errors[0])).to.match(/fromChatfirstChannel: this channel has a subscriber already/);
  });

  it('takes texts in base64 where it is told so, below a path of its own', async () => {
    started(undefined, { texts: 'base64', path: '/bridge/in/', channel: 'slack' });
    await post('/bridge/in/tok_test_1/teashop/u', push('0KfQsNC5'));
    expect(events[0]).to.include({ text: 'Чай' });
    expect(events[0]?.conversation.channel).to.equal('slack');
  });

  it('refuses configs that cannot work, and shows its token nowhere', async () => {
    expect(() => chatfirstChannel({ token: '' })).to.throw(TypeError, 'everybody would know it');
    expect(() => chatfirstChannel({ token: TOKEN, path: 'push' })).to.throw(TypeError, 'chatfirstChannel: path');
    expect(() => chatfirstChannel({ token: TOKEN, answerMs: 0 })).to.throw(RangeError, 'answerMs');
    expect(() => chatfirstChannel({ token: TOKEN, maxBytes: 0 })).to.throw(RangeError, 'maxBytes');
    expect(() => fromChatfirstChannel({ channel: {} as ChatfirstChannel })).to.throw(TypeError, 'chatfirstChannel()');
    started();
    const answer = await post('/api/push/tok_test_1/teashop', 'x');
    const shown = [channel, await answer.text(), [...answer.headers], events, accounts];
    expect(inspect(shown, { depth: 9, showHidden: true })).not.to.include(TOKEN);
  });

  it('reads bodies slowly sent, and those that a framework has read', async () => {
    started(undefined, { scheduler: undefined as never });
    const server = createServer((request, response) => {
      channel.node(request, response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const body = JSON.stringify(push('halves'));
    const request = httpRequest({ port, method: 'POST', path: HERE, headers: { 'content-type': 'application/json' } });
    request.write(body.slice(0, 10));
    request.end(body.slice(10));
    const [response] = (await once(request, 'response')) as [{ statusCode: number; resume: () => void }];
    response.resume();
    expect(response.statusCode).to.equal(200);
    expect(events[0]).to.include({ text: 'halves' });
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  it('brings what the platform pushes to a messenger of its own, each message once', async () => {
    const seen: string[] = [];
    const own = chatfirstChannel({ token: TOKEN, accounts: openAccounts() });
    const settled = firstValueFrom(
      fromChatfirstChannel({ channel: own }).pipe(
        dedupe(),
        react((event) => pushedReplies(event)),
        deliver({ name: 'toMessenger' }, (action) => {
          if (action.kind === 'text' || action.kind === 'choices') {
            const [room, person] = splitUserId(action.conversation.id) ?? [];
            seen.push(`${String(room)} ${String(person)}: ${action.text}`);
          }
          return delivered(action, '');
        }),
        filter(({ status }) => status === 'delivered'),
        take(3),
        toArray(),
      ),
    );
    const bridge = createServer(own.node).listen(0, '127.0.0.1');
    await once(bridge, 'listening');
    const url = `http://127.0.0.1:${(bridge.address() as AddressInfo).port}/api/push`;
    const simulator = await chatfirstSimulator({ bridges: { spark: url.replace(/\/api\/push$/, '') }, pushPauseMs: 1 });
    const client = chatfirstClient({ token: simulator.token, baseUrl: simulator.url });
    const user = joinUserId('room-9', 'pers4');
    await firstValueFrom(client.talk('teashop', { user, text: 'hi' }));
    Object.assign(simulator.faults.push, { duplicate: 1, deaf: 1 });
    const response = { keyboard: [], entities: [] };
    await firstValueFrom(client.push('teashop', { channel: 'spark', user }, { ...response, messages: ['one', 'two'] }));
    await simulator.idle();
    await firstValueFrom(
      client.push('teashop', { channel: 'spark', user }, { ...response, messages: ['three'], keyboard: ['a'] }),
    );
    await settled;
    await simulator.idle();
    expect(seen).to.deep.equal(['room-9 pers4: one', 'room-9 pers4: two', 'room-9 pers4: three']);
    await simulator.close();
    bridge.closeAllConnections();
    bridge.close();
    await once(bridge, 'close');
  });
});
