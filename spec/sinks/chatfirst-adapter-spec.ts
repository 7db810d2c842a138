import { Agent, createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { expect } from 'chai';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { concat, delay, filter, firstValueFrom, NEVER, of, Subject, take, throwError, type Observable } from 'rxjs';
import {
  cards,
  choices,
  dedupe,
  end,
  handoff,
  media,
  openAccounts,
  ownership,
  react,
  text,
  type InboundEvent,
  type OutboundAction,
  type Reply,
} from 'tidewire';
import {
  adapterCallOf,
  chatfirstAdapter,
  chatfirstClient,
  forceState,
  fromChatfirstAdapter,
  toChatfirst,
  type ChatfirstAdapter,
  type ChatfirstResponse,
  type ChatfirstUser,
} from 'tidewire/chatfirst';
import { chatfirstSimulator } from 'tidewire/simulators';
import { adapterReceiver } from '../../lib/chatfirst/adapter.js';
import { AdapterDesk, MOUNT } from '../support/adapter-desk.js';
import { exchange } from '../support/chatfirst-exchanges.js';

const JPG = 'https://img.test/s.jpg';
const echo = (event: InboundEvent): Reply | undefined =>
  event.kind === 'message' ? text(`you said ${event.text}`) : undefined;
const NOTHING = { ForcedState: null, ForcedKeyboard: null, Entities: [], ForcedMessage: null };
const NEUTRAL = 'Sorry, that did not work. Please try again in a moment.';

/** A client that writes down what is pushed, and leaves it on its way until told. */
class Pushes {
  readonly sent: { bot: string; to: ChatfirstUser; response: ChatfirstResponse }[] = [];
  readonly #ends: Subject<void>[] = [];
  readonly push = (bot: string, to: ChatfirstUser, response: ChatfirstResponse): Observable<void> => {
    this.sent.push({ bot, to, response });
    const ends = new Subject<void>();
    this.#ends.push(ends);
    return ends;
  };

  arrive(): void {
    this.#ends.shift()?.next();
  }

  said(): readonly string[] {
    return this.sent.flatMap(({ response }) => response.messages);
  }
}

/** A call of the platform, whose answer is out when that is said. */
const called = (adapter: ChatfirstAdapter): ((handed: boolean) => void) => {
  const url = `${MOUNT}?id=u-77&msg=hi`;
  let out = (_: boolean): void => undefined;
  adapterReceiver(adapter).receive(undefined, { method: 'GET', url, header: () => undefined }, (_, handed) => {
    out = handed;
  });
  return (handed) => {
    out(handed);
  };
};

describe('chatfirstAdapter, fromChatfirstAdapter and toChatfirst', () => {
  let desk: AdapterDesk;
  const started = (...args: ConstructorParameters<typeof AdapterDesk>): AdapterDesk =>
    (desk = new AdapterDesk(...args));
  afterEach(() => {
    const { received, inFlight, outcomes } = desk.accounts.counts();
    expect(received).to.equal(inFlight + Object.values(outcomes).reduce((sum, n) => sum + n, 0));
  });

  it('answers as the fixture says', async () => {
    const { request, response } = exchange('adapter');
    started((event) => [text(`Brewing ${adapterCallOf(event)?.parameters['kind'] ?? ''} tea`), forceState('Menu')], {
      path: '/brew',
    });
    const answer = await desk.call(request.url);
    expect(answer.status).to.equal(response.status);
    expect(await answer.json()).to.deep.equal(response.body);
    expect(answer.headers.get('cache-control')).to.equal('no-store');
    expect(answer.headers.get('content-type')).to.equal('application/json; charset=utf-8');
    expect(desk.events[0]).to.include({ kind: 'message', text: 'Green' });
    expect(desk.receipts.every((receipt) => receipt.status === 'delivered' && receipt.via === 'direct')).to.equal(true);
    expect(desk.outcomes()).to.deep.equal({ handled: 1 });
  });

  it('puts messages, keyboard, entities and state into one answer, as soon as all is said', async () => {
    started(() =>
      concat(
        of([text('Look:'), cards([{ title: 'Sencha', image: JPG }])]),
        of(choices('Which?', ['Green', 'Black'])),
        of(end()),
      ),
    );
    expect(await desk.say('tea')).to.deep.equal({
      Count: 2,
      Messages: ['Look:', 'Which?'],
      ForcedState: 'Bye',
      ForcedKeyboard: ['Green', 'Black'],
      Entities: [{ Handle: '', Name: 'Sencha', Description: null, ImageUrl: JPG, EntityOptions: [] }],
      ForcedMessage: null,
    });
    expect(desk.clock.now()).to.equal(0);
  });

  it('answers with nothing when there is nothing to say, and the scenario goes on', async () => {
    started(() => undefined);
    expect(await desk.say('hi')).to.deep.equal({ Count: 0, Messages: [], ...NOTHING });
    expect(desk.outcomes()).to.deep.equal({ handled: 1 });
  });

  it('answers with the neutral text at the deadline, not before', async () => {
    started(() => NEVER, { deadlineMs: 5_000 });
    let isAnswered = false;
    const answer = desk.say('hi');
    void answer.then(() => (isAnswered = true));
    const passed = async (ms: number): Promise<boolean> => {
      desk.clock.advance(ms);
      await new Promise((resolve) => setImmediate(resolve));
      return isAnswered;
    };
    expect([await passed(4_999), await passed(1)]).to.deep.equal([false, true]);
    expect(await answer).to.deep.equal({ Count: 1, Messages: [NEUTRAL], ...NOTHING });
    expect(desk.accounts.counts().inFlight).to.equal(1);
  });

  it('answers at the deadline with what was said until then', async () => {
    started(() => concat(of(text('one moment')), NEVER));
    const answer = desk.say('hi');
    await Promise.resolve();
    desk.clock.advance(10_000);
    expect((await answer)['Messages']).to.deep.equal(['one moment']);
  });

  it('answers a failure with the neutral text and state, with 200, and never with the text of an error', async () => {
    for (const fail of [
      (): never => {
        throw new Error('the password is hush');
      },
      () => throwError(() => new Error('hush')),
      async () => Promise.reject(new Error('hush')),
    ]) {
      started(fail, { neutralText: 'Leider nicht.', neutralState: 'Menu' });
      const answer = await desk.call('?id=u&msg=x');
      expect(answer.status).to.equal(200);
      const body = await answer.text();
      expect(JSON.parse(body)).to.deep.equal({
        Count: 1,
        Messages: ['Leider nicht.'],
        ...NOTHING,
        ForcedState: 'Menu',
      });
      expect(body).not.to.include('hush');
      expect(desk.outcomes()).to.deep.equal({ failed: 1 });
    }
  });

  it('answers what nobody took up with the neutral text', async () => {
    const accounts = openAccounts({ unattendedMs: 1 });
    const adapter = chatfirstAdapter({ path: '/', accounts, deadlineMs: 20 });
    const dropping = filter((_: OutboundAction) => false);
    fromChatfirstAdapter({ adapter }).pipe(react(echo), dropping, toChatfirst({ adapter })).subscribe();
    const answer = await adapter.fetch(new Request('http://x.test/?id=u&msg=x'));
    expect(((await answer.json()) as { Messages: unknown }).Messages).to.deep.equal([NEUTRAL]);
    started(echo);
  });

  it('lets dedupe know a call that comes again before it is answered', async () => {
    const done = new Subject<Reply>();
    const accounts = openAccounts();
    const adapter = chatfirstAdapter({ path: '/', accounts });
    let handled = 0;
    const handler = (): Observable<Reply> => {
      handled++;
      return done;
    };
    fromChatfirstAdapter({ adapter })
      .pipe(dedupe({ fingerprints: 'unanswered' }), react(handler), toChatfirst({ adapter }))
      .subscribe();
    const call = async (msg: string): Promise<unknown> =>
      ((await (await adapter.fetch(new Request(`http://x.test/?id=u&msg=${msg}`))).json()) as { Messages: unknown })
        .Messages;
    const answers = [call('yes'), call('yes')];
    await Promise.resolve();
    done.next(text('ok'));
    done.complete();
    expect(await Promise.all(answers)).to.deep.equal([['ok'], []]);
    expect(handled).to.equal(1);
    await call('yes');
    expect(handled).to.equal(2);
    started(echo);
  });

  it('says it to the call that came again when the first was hung up on', async () => {
    const said = new Subject<Reply>();
    const accounts = openAccounts();
    const adapter = chatfirstAdapter({ path: '/', accounts });
    fromChatfirstAdapter({ adapter })
      .pipe(
        dedupe({ fingerprints: 'unanswered' }),
        react(() => said.pipe(take(1))),
        toChatfirst({ adapter }),
      )
      .subscribe();
    const hangUp = new AbortController();
    const call = async (init?: RequestInit): Promise<Response> =>
      adapter.fetch(new Request('http://x.test/?id=u&msg=yes', init));
    void call({ signal: hangUp.signal });
    const again = call();
    hangUp.abort();
    said.next(text('ok'));
    expect(await (await again).json()).to.deep.include({ Messages: ['ok'] });
    expect(accounts.counts().outcomes).to.include({ handled: 1, duplicate: 1 });
    started(echo);
  });

  it('keeps what was said before a failure', async () => {
    started(() =>
      concat(
        of(text('well')),
        throwError(() => new Error('hush')),
      ),
    );
    expect((await desk.say('hi'))['Messages']).to.deep.equal(['well']);
    expect(desk.outcomes()).to.deep.equal({ failed: 1 });
  });

  it('skips what the answer cannot hold, and says the rest', async () => {
    started(() => [{ kind: 'typing' }, text('hi'), media('file:///x')]);
    expect((await desk.say('hi'))['Messages']).to.deep.equal(['hi']);
    expect(desk.statuses()).to.have.members(['unsupported', 'delivered', 'unsupported']);
    expect(desk.outcomes()).to.deep.equal({ handled: 1 });
  });

  it('skips what comes after the answer where nothing can be pushed', async () => {
    started(() => concat(of(text('one moment')), of(text('found it')).pipe(delay(20_000, desk.clock))));
    const answer = desk.say('hi');
    await Promise.resolve();
    desk.clock.advance(10_000);
    expect((await answer)['Messages']).to.deep.equal(['one moment']);
    desk.clock.advance(10_000);
    expect(desk.statuses()).to.deep.equal(['delivered', 'expired']);
    expect(desk.outcomes()).to.deep.equal({ expired: 1 });
  });

  it('pushes what comes after the answer, and what comes behind it as well, in order', async () => {
    const client = new Pushes();
    started(
      (event) =>
        event.kind === 'message' && event.text === 'slow'
          ? of(text('found it')).pipe(delay(20_000, desk.clock))
          : echo(event),
      { account: 'teashop', channel: 'telegram' },
      { client },
    );
    const answer = desk.say('slow');
    await Promise.resolve();
    desk.clock.advance(10_000);
    expect((await answer)['Messages']).to.deep.equal([NEUTRAL]);
    desk.clock.advance(10_000);
    expect(client.sent).to.deep.equal([
      {
        bot: 'teashop',
        to: { channel: 'telegram', user: 'u-77' },
        response: { messages: ['found it'], keyboard: [], entities: [] },
      },
    ]);
    // The push is on its way: the answer of the next call must not overtake it. Others are answered directly.
    const second = desk.say('quick');
    expect((await desk.say('quick', 'u-78'))['Messages']).to.deep.equal(['you said quick']);
    client.arrive();
    expect(client.said()).to.deep.equal(['found it', 'you said quick']);
    client.arrive();
    expect((await second)['Messages']).to.deep.equal([]);
    expect((await desk.say('again'))['Messages']).to.deep.equal(['you said again']);
    expect(desk.outcomes()).to.deep.equal({ handled: 4 });
  });

  it('pushes nothing before an answer that is being written is out', () => {
    const client = new Pushes();
    const pushing = started(
      () => concat(of(text('first')), of(text('second')).pipe(delay(20_000, desk.clock))),
      { account: 'teashop', channel: 'telegram' },
      { client },
    );
    const out = called(pushing.adapter);
    pushing.clock.advance(30_000);
    expect(client.said()).to.deep.equal([]);
    out(true);
    expect(client.said()).to.deep.equal(['second']);
    client.arrive();
    expect(pushing.receipts.map(({ action }) => action.id.split('#')[1])).to.deep.equal(['1', '2']);
    expect(pushing.outcomes()).to.deep.equal({ handled: 1 });
  });

  it('lets go of what waits behind an answer when it is unsubscribed', () => {
    const pushing = started(() => concat(of(text('first')), of(text('second')).pipe(delay(20_000, desk.clock))), {
      account: 'teashop',
    });
    const out = called(pushing.adapter);
    pushing.clock.advance(20_000);
    pushing.running.unsubscribe();
    out(true);
    expect(pushing.outcomes()).to.deep.equal({ failed: 1 });
  });

  it('answers with what was said before a handoff that must be asked for over a network, and pushes that behind it', async () => {
    const client = new Pushes();
    const { touchNow: _, ...remote } = ownership();
    started(
      () => [text('one moment'), handoff()],
      { account: 'teashop', channel: 'telegram' },
      { client, desk: remote },
    );
    expect((await desk.say('hi'))['Messages']).to.deep.equal(['one moment']);
    expect(client.sent.map(({ response }) => response.state)).to.deep.equal(['Operator']);
    client.arrive();
    expect(desk.statuses()).to.deep.equal(['delivered', 'delivered']);
    expect(desk.outcomes()).to.deep.equal({ handedOff: 1 });
  });

  it('takes an action back that waits in an answer when its event is cancelled', async () => {
    const traced = started(() => concat(of(text('too late')), NEVER));
    const answer = desk.say('hi');
    await Promise.resolve();
    for (const trace of traced.accounts.open()) trace.cancel('handedOff');
    expect((await answer)['Messages']).to.deep.equal([]);
    expect(desk.statuses()).to.deep.equal(['muted']);
    expect(desk.outcomes()).to.deep.equal({ handedOff: 1 });
  });

  it('asks the desk: after the handover the bot is muted', async () => {
    const owners = ownership();
    started(() => [text('one moment'), handoff(), text('one more thing')], {}, { desk: owners });
    const answer = await desk.say('hi');
    expect(answer).to.include({ ForcedState: 'Operator' });
    expect(answer['Messages']).to.deep.equal(['one moment']);
    expect((await desk.say('hi'))['Messages']).to.deep.equal([]);
    const conversation = { platform: 'chatfirst', id: 'u-77', channel: 'unknown' };
    expect(await firstValueFrom(owners.ownerOf(conversation))).to.equal('queue');
    await firstValueFrom(owners.returnToBot(conversation));
    expect((await desk.say('hi'))['Messages']).to.deep.equal(['one moment']);
  });

  it('tells actions apart by what stands behind the path, and takes calls that tell nothing', async () => {
    started((event) => text(`${event.kind} ${adapterCallOf(event)?.action ?? ''} ${event.conversation.id}`));
    const told = async (url: string, mount = ''): Promise<unknown> =>
      ((await (await desk.call(mount + url)).json()) as { Messages: unknown[] }).Messages[0];
    expect(await told('/pay/2?id=u&msg=x', MOUNT)).to.equal('message pay/2 u');
    expect(await told('?id=u')).to.equal('command  u');
    expect(await told('')).to.match(/^command {2}\w{8}-3$/);
  });

  it('refuses what is no call, at no cost, and counts it', async () => {
    started(echo, { maxUrlLength: 200 });
    for (const [url, status] of [
      ['/', 404],
      ['/tea', 404],
      [`${MOUNT}x?id=u`, 404],
      [`${MOUNT.toUpperCase()}?id=u`, 404],
      [`?id=${'u'.repeat(200)}`, 414],
    ] as const) {
      expect((await desk.call(url)).status, url).to.equal(status);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD']) {
      const answer = await desk.call('?id=u&msg=x', { method });
      expect([answer.status, answer.headers.get('allow')]).to.deep.equal([405, 'GET']);
    }
    expect(desk.events).to.deep.equal([]);
    expect(desk.accounts.counts()).to.include({ refused: 9, received: 0 });
  });

  it('takes what a user may say at most, in any script', async () => {
    started(echo);
    for (const letter of ['T', 'Ч', '茶']) {
      const longest = letter.repeat(4_096);
      expect((await desk.call(`?id=u&msg=${encodeURIComponent(longest)}`)).status).to.equal(200);
      expect(desk.events.at(-1)).to.include({ kind: 'message', text: longest });
    }
  });

  it('answers 503 while nobody listens, with words that may be shown, and when too much is open', async () => {
    const adapter = chatfirstAdapter({ path: '/', neutralText: 'Closed.' });
    const closed = await adapter.fetch(new Request('http://x.test/?id=u&msg=x'));
    expect([closed.status, closed.headers.get('retry-after')]).to.deep.equal([503, '1']);
    expect(((await closed.json()) as { Messages: unknown }).Messages).to.deep.equal(['Closed.']);

    started(() => NEVER, { maxInFlight: 3, maxPerConversation: 2 });
    const open = [desk.say('1', 'a'), desk.say('2', 'a')];
    await Promise.resolve();
    expect((await desk.call('?id=a&msg=3')).status).to.equal(503);
    open.push(desk.say('4', 'b'));
    await Promise.resolve();
    expect((await desk.call('?id=c&msg=5')).status).to.equal(503);
    desk.clock.advance(10_000);
    for (const answer of open) expect((await answer)['Messages']).to.deep.equal([NEUTRAL]);
    expect(desk.accounts.counts()).to.include({ refused: 2, received: 3, inFlight: 3 });
    desk.running.unsubscribe();
    expect(desk.outcomes()).to.deep.equal({ failed: 3 });
  });

  it('has one subscriber, and completes when it is drained, with everything answered', async () => {
    started(() => NEVER);
    const errors: unknown[] = [];
    fromChatfirstAdapter({ adapter: desk.adapter }).subscribe({ error: (error: unknown) => errors.push(error) });
    expect(String(errors[0])).to.match(/fromChatfirstAdapter: this adapter has a subscriber already; share\(\)/);
    const answer = desk.say('hi');
    await Promise.resolve();
    const drained = desk.adapter.drain(1_000);
    expect((await answer)['Messages']).to.deep.equal([NEUTRAL]);
    expect((await desk.call('?id=u&msg=x')).status).to.equal(503);
    desk.clock.advance(1_000);
    expect(await drained).to.include({ received: 1, inFlight: 1 });
    desk.running.unsubscribe();
  });

  it('leaves an answer that was hung up on in doubt', async () => {
    const hangUp = new AbortController();
    started(() => concat(of(text('too late')), NEVER));
    const call = desk.call('?id=u&msg=x', { signal: hangUp.signal });
    await Promise.resolve();
    hangUp.abort();
    expect(desk.statuses()).to.deep.equal(['unknown']);
    desk.running.unsubscribe();
    expect(desk.outcomes()).to.deep.equal({ failed: 1 });
    void call;
  });

  it('completes when its source has, and every action has its receipt', () => {
    const client = new Pushes();
    const adapter = chatfirstAdapter({ path: '/' });
    const actions = new Subject<OutboundAction>();
    const seen: string[] = [];
    actions.pipe(toChatfirst({ adapter, client, bot: 'teashop' })).subscribe({
      next: ({ status }) => seen.push(status),
      complete: () => seen.push('complete'),
    });
    actions.next({
      kind: 'text',
      id: '1',
      conversation: { platform: 'chatfirst', id: 'u', channel: 'slack' },
      text: 'hi',
    });
    actions.complete();
    expect(seen).to.deep.equal([]);
    client.arrive();
    expect(seen).to.deep.equal(['delivered', 'complete']);
    started(echo);
  });

  it('refuses configs that cannot work', () => {
    started(echo);
    for (const path of ['', 'tea', '/tea?x', '/te a', '/tea#x']) {
      expect(() => chatfirstAdapter({ path }), path).to.throw(TypeError, 'chatfirstAdapter: path');
    }
    expect(() => chatfirstAdapter({ path: '/', deadlineMs: 0 })).to.throw(RangeError, 'deadlineMs');
    expect(() => chatfirstAdapter({ path: '/', maxUrlLength: 0 })).to.throw(RangeError, 'maxUrlLength');
    expect(() => toChatfirst({})).to.throw(TypeError, 'needs a client or an adapter');
    expect(() => toChatfirst({ adapter: {} as ChatfirstAdapter })).to.throw(TypeError, 'chatfirstAdapter()');
    expect(() => fromChatfirstAdapter({ adapter: {} as ChatfirstAdapter })).to.throw(TypeError, 'chatfirstAdapter()');
  });

  it('survives any address, and shows its path nowhere', async () => {
    started(echo);
    for (const query of [
      '?id=%',
      '?id=%ff&msg=%00',
      '?&&==&id',
      `?${'a=1&'.repeat(3_000)}`,
      '?msg=\ud800&id=u',
      '?__proto__=1&id=u&msg=x',
    ]) {
      const { status } = await desk.call(query);
      expect(status, query).to.equal(200);
    }
    expect(inspect([desk.adapter, desk.accounts.counts()], { depth: 9, showHidden: true })).not.to.include('s3cret');
  });
});

describe('chatfirstAdapter over HTTP', () => {
  const servers: Server[] = [];
  const listen = async (handler: ChatfirstAdapter['node']): Promise<string> => {
    const server = createServer(handler).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const serving = (
    config: Parameters<typeof chatfirstAdapter>[0],
    handler: (event: InboundEvent) => Reply | undefined = echo,
  ): ChatfirstAdapter => {
    const adapter = chatfirstAdapter({ accounts: openAccounts(), ...config });
    fromChatfirstAdapter({ adapter }).pipe(react(handler), toChatfirst({ adapter })).subscribe();
    return adapter;
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  });
  const messages = async (answer: Response | Promise<Response>): Promise<unknown> =>
    ((await (await answer).json()) as { Messages: unknown }).Messages;

  it('works in Express, also below a path of its own, in Fastify and in Hono', async () => {
    const adapter = serving({ path: '/bots/tea' });
    const app = express().use('/bots', adapter.node);
    const listening = app.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const { port } = listening.address() as AddressInfo;
    expect(await messages(fetch(`http://127.0.0.1:${port}/bots/tea?id=u&msg=x`))).to.deep.equal(['you said x']);
    listening.close();

    const server = fastify();
    server.get('/bots/tea', (incoming, reply) => {
      reply.hijack();
      adapter.node(incoming.raw, reply.raw);
    });
    const address = await server.listen({ port: 0, host: '127.0.0.1' });
    expect(await messages(fetch(`${address}/bots/tea?id=u&msg=y`))).to.deep.equal(['you said y']);
    await server.close();

    const hono = new Hono().get('/bots/tea', async (context) => adapter.fetch(context.req.raw));
    expect(await messages(hono.request('/bots/tea?id=u&msg=z'))).to.deep.equal(['you said z']);
  });

  it('uses a connection again, and none that a body is left on', async () => {
    const url = await listen(serving({ path: '/' }).node);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports: (number | undefined)[] = [];
    const call = async (method: string, body?: string): Promise<IncomingMessage> => {
      const request = httpRequest(`${url}/?id=u&msg=x`, { agent, method });
      request.on('error', () => undefined);
      request.on('socket', (socket) => ports.push(socket.localPort));
      if (body !== undefined) request.write(body);
      request.end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.resume();
      await once(response, 'end');
      return response;
    };
    for (let n = 0; n < 3; n++) expect((await call('GET')).headers['connection']).to.equal('keep-alive');
    expect(new Set(ports.filter((port) => port !== undefined)).size).to.be.at.most(1);
    expect((await call('POST', 'x'.repeat(100_000))).headers['connection']).to.equal('close');
    agent.destroy();
  });

  it('serves a scenario: its answers are shown, its states entered, and what failed keeps the user moving', async () => {
    const adapter = serving({ path: MOUNT, neutralText: 'Not now.', neutralState: 'Menu' }, (event) => {
      const { action = '' } = adapterCallOf(event) ?? {};
      if (action === 'fail') throw new Error('hush');
      return action === 'brew'
        ? choices(`Brewing for ${event.conversation.id}`, ['Again', 'Stop'])
        : forceState('Done');
    });
    const url = await listen(adapter.node);
    const action = (name: string): string => `action="${url}${MOUNT}/${name}"`;
    const simulator = await chatfirstSimulator({
      bots: {
        teashop: `<fsm name="teashop"><states>
          <state name="Start"><transition input="tea" next="Menu" ${action('brew')}/>
            <transition input="fail" next="Start" ${action('fail')}/></state>
          <state name="Menu"><transition input="Stop" next="Menu" ${action('stop')}>Stopping</transition></state>
          <state name="Done"><transition input="*" next="Done">It is over.</transition></state>
        </states></fsm>`,
      },
    });
    const mira = simulator.user('mira', { channel: 'slack' });
    mira.say('tea');
    await simulator.idle();
    expect(mira.sees()).to.deep.equal(['Brewing for mira']);
    expect(mira.buttons()).to.deep.equal(['Again', 'Stop']);
    mira.press('Stop');
    await simulator.idle();
    expect([mira.sees().at(-1), mira.state()]).to.deep.equal(['Stopping', 'Done']);
    const leo = simulator.user('leo');
    leo.say('fail');
    await simulator.idle();
    expect([leo.sees(), leo.state()]).to.deep.equal([['Not now.'], 'Menu']);
    expect(JSON.stringify(simulator.journal)).not.to.include('hush');
    await simulator.close();
  });

  it('pushes to the messenger what came after the deadline', async () => {
    const accounts = openAccounts();
    const found = new Subject<Reply>();
    const adapter = chatfirstAdapter({ path: MOUNT, deadlineMs: 50, account: 'teashop', channel: 'slack', accounts });
    const url = await listen(adapter.node);
    const simulator = await chatfirstSimulator({
      bots: {
        teashop: `<fsm name="teashop"><states><state name="Start"><transition input="*" next="Start" action="${url}${MOUNT}"/></state></states></fsm>`,
      },
    });
    const client = chatfirstClient({ token: simulator.token, baseUrl: simulator.url });
    const receipts: string[] = [];
    const done = new Promise<void>((resolve) => {
      fromChatfirstAdapter({ adapter })
        .pipe(
          react(() => found),
          toChatfirst({ adapter, client }),
        )
        .subscribe((receipt) => {
          receipts.push(receipt.status === 'delivered' ? (receipt.via ?? '') : receipt.status);
          resolve();
        });
    });
    const mira = simulator.user('mira', { channel: 'slack' });
    mira.say('where is my tea?');
    await simulator.idle();
    expect(mira.sees()).to.deep.equal([NEUTRAL]);
    found.next(text('It is in the pot.'));
    found.complete();
    await done;
    await simulator.idle();
    expect(mira.sees()).to.deep.equal([NEUTRAL, 'It is in the pot.']);
    expect(receipts).to.deep.equal(['api']);
    await simulator.close();
  });
});
