import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { lastValueFrom, type Observable } from 'rxjs';
import { openAccounts, react, text, type ChatError, type InboundEvent, type Receipt } from 'tidewire';
import { trueconfSimulator, type TrueconfSimulator } from 'tidewire/simulators';
import {
  fromTrueConf,
  toTrueConf,
  trueconfClient,
  type TrueconfClient,
  type TrueconfClientOptions,
  type TrueconfStatus,
} from 'tidewire/trueconf';
import { CuttingWire, type OnTheWire } from '../../support/cutting-wire.js';

const LOGIN = { username: 'opsbot', password: 's3cret-42' } as const;
const value = async <T>(call: Observable<T>): Promise<T> => lastValueFrom(call);
const failure = async (call: Observable<unknown>): Promise<ChatError> =>
  lastValueFrom(call).then(
    () => expect.fail('expected an error'),
    (thrown: unknown) => thrown as ChatError,
  );
const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};
const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
};

describe('a TrueConf bot survives', () => {
  let simulator: TrueconfSimulator;
  let client: TrueconfClient;
  let statuses: TrueconfStatus[] = [];
  let events: InboundEvent[] = [];
  let error: unknown;

  const make = (more: TrueconfClientOptions = {}): TrueconfClient => {
    statuses = [];
    client = trueconfClient({
      server: '127.0.0.1',
      port: simulator.port,
      secure: false,
      receiveUnread: true,
      lingerMs: 0,
      reconnectMs: 1,
      maxReconnectMs: 4,
      jitterMs: 0,
      requestTimeoutMs: 2_000,
      httpTimeoutMs: 2_000,
      pollMs: 2,
      ...more,
      ...LOGIN,
    });
    client.status$.subscribe((status) => statuses.push(status));
    return client;
  };
  const listen = () => {
    events = [];
    error = undefined;
    const accounts = openAccounts({ unattendedMs: 50 });
    const source = fromTrueConf({ client, accounts });
    const subscription = source.subscribe({
      next: (event) => events.push(event),
      error: (thrown: unknown) => (error = thrown),
    });
    return { accounts, source, subscription };
  };
  const said = (): readonly string[] => events.flatMap((event) => (event.kind === 'message' ? [event.text] : []));
  const authorized = async (): Promise<void> => until(() => statuses.at(-1)?.kind === 'authorized');
  const count = (kind: string): number => simulator.journal.filter((entry) => entry.kind === kind).length;

  beforeEach(async () => {
    simulator = await trueconfSimulator();
  });
  afterEach(async () => {
    client.close();
    await simulator.close();
  });

  describe('a connection that is cut', () => {
    let wire: CuttingWire;
    beforeEach(async () => {
      wire = await new CuttingWire(simulator.port).start();
    });
    afterEach(async () => wire.stop());

    const upgrade = 'upgrade: websocket';
    const points: readonly (readonly [string, (chunk: OnTheWire) => number | undefined])[] = [
      ['before the token call', ({ way, text: it }) => (way === 'up' && it.includes('oauth/token') ? 0 : undefined)],
      [
        'in the token call',
        ({ way, text: it, bytes }) => (way === 'up' && it.includes('oauth/token') ? bytes >> 1 : undefined),
      ],
      [
        'in its answer',
        ({ way, text: it, bytes }) => (way === 'down' && it.includes('access_token') ? bytes - 9 : undefined),
      ],
      [
        'in the handshake',
        ({ way, text: it, bytes }) => (way === 'up' && it.toLowerCase().includes(upgrade) ? bytes >> 1 : undefined),
      ],
      ['in the answer to it', ({ text: it, bytes }) => (it.startsWith('HTTP/1.1 101') ? bytes >> 1 : undefined)],
      ['open, before it authorizes', ({ text: it, bytes }) => (it.startsWith('HTTP/1.1 101') ? bytes : undefined)],
      ['in the frame that authorizes', ({ way, isFrame, bytes }) => (way === 'up' && isFrame ? bytes >> 1 : undefined)],
      [
        'before the answer to that',
        ({ way, text: it }) => (way === 'down' && it.includes('connectionId') ? 0 : undefined),
      ],
      [
        'in the answer to that',
        ({ way, text: it, bytes }) => (way === 'down' && it.includes('connectionId') ? bytes >> 1 : undefined),
      ],
      ['before the first event', ({ way, text: it }) => (way === 'down' && it.includes('"one"') ? 0 : undefined)],
      ['in an event', ({ way, text: it, bytes }) => (way === 'down' && it.includes('"one"') ? bytes - 3 : undefined)],
      [
        'behind an event, before it is acknowledged',
        ({ way, text: it, bytes }) => (way === 'down' && it.includes('"one"') ? bytes : undefined),
      ],
      [
        'in an acknowledgement',
        (() => {
          let isTold = false;
          return ({ way, text: it, bytes }) => {
            isTold ||= way === 'down' && it.includes('"one"');
            return isTold && way === 'up' ? bytes >> 1 : undefined;
          };
        })(),
      ],
    ];
    for (const [point, rule] of points)
      it(`${point}: nothing is lost or told twice`, async () => {
        wire.rule = rule;
        make({ port: wire.port });
        const { accounts, subscription } = listen();
        const mira = simulator.user('mira');
        mira.say('one');
        await until(() => wire.cuts === 1);
        mira.say('two');
        await until(() => said().length >= 2 && simulator.core.unread().length === 0);
        expect(said()).to.deep.equal(['one', 'two']);
        const { received, inFlight, outcomes } = accounts.counts();
        expect(received).to.equal(inFlight + Object.values(outcomes).reduce((sum, n) => sum + n, 0));
        expect(await value(client.chats())).to.have.length(1);
        expect(simulator.journal.filter(({ kind }) => kind === 'problem')).to.deep.equal([]);
        subscription.unsubscribe();
      });

    const called = { way: 'up', isFrame: true } as const;
    it('in a call, written and without an answer, or with half of one: in doubt, and done once at most', async () => {
      make({ port: wire.port });
      const { subscription } = listen();
      for (const [at, effects] of [
        ['in the call', 0],
        ['behind the call', 1],
        ['in the answer', 1],
      ] as const) {
        await authorized();
        const before = count('created');
        wire.rule = ({ way, isFrame, text: it, bytes }) => {
          if (at === 'in the answer') return way === 'down' && it.includes('"chatId"') ? bytes >> 1 : undefined;
          if (way !== called.way || !isFrame) return undefined;
          return at === 'in the call' ? bytes >> 1 : bytes;
        };
        expect(await failure(client.createGroup('x')), at).to.include({ kind: 'unreachable', inDoubt: true });
        await until(() => count('created') === before + effects);
        await turns(5);
        expect(count('created') - before).to.equal(effects);
        await until(() => statuses.at(-1)?.kind === 'authorized');
      }
      subscription.unsubscribe();
    });

    it('in an upload or a download: nothing is in doubt, and it can be repeated', async () => {
      make({ port: wire.port, uploadTimeoutMs: 300, downloadTimeoutMs: 300 });
      const { subscription } = listen();
      const mira = simulator.user('mira');
      const chatId = mira.open();
      const file = { bytes: new Uint8Array(100_000).fill(7), name: 'big.bin' };
      const { fileId } = await value(client.sendDocument(chatId, file));
      for (const rule of [
        ({ text: it }: OnTheWire) => (it.includes('/client/v1/files') ? 0 : undefined),
        ({ way, text: it, bytes }: OnTheWire) => (way === 'up' && it.includes('\u0007\u0007') ? bytes >> 1 : undefined),
        ({ way, text: it, bytes }: OnTheWire) =>
          way === 'down' && it.includes('temporalFileId') ? bytes - 3 : undefined,
      ]) {
        wire.rule = rule;
        const refused = await failure(client.sendDocument(chatId, file));
        expect(refused.inDoubt).to.equal(false);
        expect(wire.cuts).to.be.at.least(1);
      }
      wire.rule = ({ way, text: it, bytes }) =>
        way === 'down' && it.includes('\u0007\u0007') ? bytes >> 1 : undefined;
      expect((await failure(client.download(fileId))).inDoubt).to.equal(false);
      expect((await value(client.download(fileId))).bytes).to.have.length(100_000);
      expect(mira.sees(chatId)).to.have.length(1);
      expect((await value(client.sendDocument(chatId, file))).fileId).to.be.a('string');
      subscription.unsubscribe();
    });

    it('in the close handshake: it is over all the same, and the next is made', async () => {
      make({ port: wire.port });
      for (const left of [0, 1]) {
        await value(client.chats());
        wire.rule = ({ way, isFrame }) => (way === (left === 0 ? 'up' : 'down') && isFrame ? left : undefined);
        const { subscription } = listen();
        await until(() => wire.cuts > 0 || statuses.at(-1)?.kind === 'authorized');
        subscription.unsubscribe();
        await until(() => count('disconnected') === count('connected'));
        expect(statuses.at(-1)?.kind).to.equal('closed');
        expect(error).to.equal(undefined);
      }
      expect(await value(client.chats())).to.be.an('array');
    });
  });

  it('a restart of the server', async () => {
    make();
    const { subscription } = listen();
    await authorized();
    const mira = simulator.user('mira');
    mira.say('before');
    simulator.core.restart(30);
    mira.say('meanwhile');
    await until(() => count('authorized') === 2 && said().length === 2);
    expect(said()).to.deep.equal(['before', 'meanwhile']);
    expect(statuses.filter(({ kind }) => kind === 'reconnecting').length).to.be.at.least(1);
    subscription.unsubscribe();
  });

  it('a half-open connection, which only a ping finds', async () => {
    make({ pingMs: 5, pongWithinMs: 20 });
    const { subscription } = listen();
    await authorized();
    simulator.core.freeze();
    simulator.user('mira').say('hello?');
    await until(() => said().length === 1);
    subscription.unsubscribe();
  });

  it('a token that expires in the middle of it', async () => {
    make();
    const { subscription } = listen();
    await authorized();
    const mira = simulator.user('mira');
    simulator.core.expireTokens();
    mira.say('one');
    simulator.faults.request.only = ({ method }) => method === 'sendMessage';
    simulator.faults.request.errorCodes = [203];
    await until(() => said().length === 1);
    await value(client.sendText(mira.open(), 'still here'));
    mira.say('two');
    await until(() => said().length === 2);
    expect(mira.sees()).to.deep.equal(['still here']);
    subscription.unsubscribe();
  });

  it('a server that does not let it in, without hammering: pauses grow, and a refusal ends it', async () => {
    make({ maxReconnectMs: 64 });
    const { request } = simulator.faults;
    request.only = ({ method }) => method === 'auth';
    request.errorCodes = [300, 300, 300, 300];
    const first = listen();
    await authorized();
    const pauses = statuses.flatMap((status) => (status.kind === 'reconnecting' ? [status.delayMs] : []));
    expect(pauses).to.deep.equal([1, 2, 4, 8]);
    first.subscription.unsubscribe();
    await until(() => statuses.at(-1)?.kind === 'closed');
    const before = count('connected');
    request.errorCodes = [201, 201, 201, 201];
    const second = listen();
    await until(() => error !== undefined);
    expect(error).to.include({ kind: 'unauthorized', reason: '201' });
    expect(count('connected') - before).to.equal(2);
    await turns(50);
    expect(count('connected') - before).to.equal(2);
    second.subscription.unsubscribe();
  });

  it('frames that are no JSON, too large, or answer what was not asked', async () => {
    make({ maxFrameBytes: 2_000 });
    const { subscription } = listen();
    await authorized();
    for (const raw of [
      '{',
      '[1]',
      '{"type":3,"id":1}',
      '{"type":2,"id":4242}',
      '{"type":2,"id":-1}',
      '{"type":1,"id":1}',
    ])
      simulator.core.raw(raw);
    simulator.user('mira').say('one');
    await until(() => said().length === 1);
    expect(events.filter(({ kind }) => kind === 'undecodable')).to.have.length(5);
    expect(count('connected')).to.equal(1);
    simulator.core.raw(JSON.stringify({ type: 1, id: 1, method: 'sendMessage', payload: 'x'.repeat(2_001) }));
    await until(() => count('authorized') === 2);
    const lost = statuses.find((status) => status.kind === 'reconnecting');
    expect(lost?.error.kind).to.equal('overflow');
    expect(said()).to.deep.equal(['one']);
    subscription.unsubscribe();
  });

  it('an event loop that is blocked for longer than the server waits for a pong', async () => {
    await simulator.close();
    simulator = await trueconfSimulator({ pingMs: 20, pongWithinMs: 60 });
    make();
    const bot = fork(new URL('./blocked-bot.ts', import.meta.url).pathname, [String(simulator.port)], {
      execArgv: ['--conditions=tidewire-source', '--import=tsx'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const gone = once(bot, 'exit');
    const mira = simulator.user('mira');
    mira.say('one');
    await until(() => mira.sees().length === 1);
    mira.say('block 300');
    await until(() => count('disconnected') === 1);
    mira.say('two');
    await until(() => mira.sees().length === 2 && simulator.core.unread().length === 0);
    expect(mira.sees()).to.deep.equal(['done: one', 'done: two']);
    expect(count('authorized')).to.equal(2);
    bot.disconnect();
    await gone;
  });

  it('1 000 reconnects in a row with traffic: nothing lost, doubled or out of order, and nothing left behind', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const warnings: Error[] = [];
    const warned = (warning: Error): unknown => warnings.push(warning);
    process.on('warning', warned);
    const resources = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout' || kind === 'TCPSocketWrap').length;

    make({ reconnectMs: 0 });
    const accounts = openAccounts({ history: 100 });
    const heard = new Map<string, string[]>();
    /** How each reply ended, and what it said in which chat; whole receipts would be what is left behind. */
    const ends: (readonly [Receipt['status'], string, string])[] = [];
    const source = fromTrueConf({ client, accounts });
    source
      .pipe(
        react((event) => {
          if (event.kind !== 'message') return undefined;
          const { id } = event.conversation;
          heard.set(id, [...(heard.get(id) ?? []), event.text]);
          return text(`re ${event.text}`);
        }),
        toTrueConf({ client }),
      )
      .subscribe(({ status, action: { conversation, ...action } }) =>
        ends.push([status, conversation.id, action.kind === 'text' ? action.text : '']),
      );
    const people = ['mira', 'lev', 'nora'].map((name) => simulator.user(name));
    const chats = people.map((person) => person.open());
    const words = people.map((): string[] => []);
    let said = 0;
    const speak = (): void => {
      const who = said % people.length;
      const word = `${++said}`;
      words[who]?.push(word);
      people[who]?.say(word);
    };

    await authorized();
    let reconnects = 0;
    let before = { heap: 0, resources: 0 };
    while (reconnects < 1_000) {
      speak();
      // At another moment each time: at once, while the bot answers, or when all is quiet.
      await turns(reconnects % 5);
      simulator.core.drop(reconnects % 3 === 0 ? 1_001 : undefined);
      if (reconnects % 2 === 0) speak();
      await until(() => simulator.journal.some(({ kind }) => kind === 'authorized'));
      simulator.core.journal.length = 0;
      statuses.length = 0;
      reconnects++;
      if (reconnects === 200 || reconnects === 1_000) {
        await until(() => ends.length === said && simulator.core.unread().length === 0);
        collect();
        const now = { heap: process.memoryUsage().heapUsed, resources: resources() };
        if (reconnects === 1_000) {
          expect(now.heap - before.heap, 'bytes on the heap').to.be.below(4_000_000);
          expect(now.resources - before.resources, 'timers and sockets').to.be.at.most(4);
        }
        before = now;
      }
    }
    for (const [at, chat] of chats.entries()) expect(heard.get(chat)).to.deep.equal(words[at]);
    const counts = await source.drain(5_000);
    expect(counts).to.deep.include({ inFlight: 0, refused: 0, late: 0, lost: 0 });
    expect(counts.outcomes.handled + counts.outcomes.inDoubt).to.equal(said);
    for (const [at, person] of people.entries()) {
      const replies = person.shows(chats[at]).filter((line) => line.startsWith('re '));
      expect(replies).to.deep.equal([...new Set(replies)]);
      const numbers = replies.map((line) => Number(line.slice(3)));
      expect(numbers).to.deep.equal([...numbers].sort((one, other) => one - other));
      const delivered = ends.flatMap(([status, chat, reply]) =>
        status === 'delivered' && chat === chats[at] ? [reply] : [],
      );
      expect(replies).to.include.members(delivered);
    }
    expect(ends.filter(([status]) => status === 'failed' || status === 'skipped')).to.deep.equal([]);
    process.off('warning', warned);
    expect(warnings).to.deep.equal([]);
  });
});
