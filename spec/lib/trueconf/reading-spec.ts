import { expect } from 'chai';
import { lastValueFrom, type Observable, type Subscription } from 'rxjs';
import { openAccounts, traceOf } from 'tidewire';
import { trueconfSimulator, type TrueconfSimulator } from 'tidewire/simulators';
import {
  fromTrueConf,
  trueconfClient,
  type TrueconfClient,
  type TrueconfClientOptions,
  type TrueconfDelivery,
  type TrueconfStatus,
} from 'tidewire/trueconf';

const value = async <T>(call: Observable<T>): Promise<T> => lastValueFrom(call);
const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};
const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
};

describe('trueconfClient, reading', () => {
  let simulator: TrueconfSimulator;
  let client: TrueconfClient;
  let statuses: TrueconfStatus[] = [];
  let deliveries: TrueconfDelivery[] = [];

  const make = (more: TrueconfClientOptions = {}): void => {
    statuses = [];
    client = trueconfClient({
      server: '127.0.0.1',
      port: simulator.port,
      secure: false,
      username: 'opsbot',
      password: 's3cret-42',
      lingerMs: 0,
      reconnectMs: 1,
      jitterMs: 0,
      receiveUnread: true,
      ...more,
    });
    client.status$.subscribe((status) => statuses.push(status));
  };
  const listen = (): Subscription => {
    deliveries = [];
    return client.deliveries$.subscribe((delivery) => deliveries.push(delivery));
  };
  const authorized = async (): Promise<void> => until(() => statuses.at(-1)?.kind === 'authorized');
  const texts = (): readonly string[] =>
    deliveries.flatMap(({ event }) => (event.kind === 'message' ? [event.text] : []));
  const count = (kind: string): number => simulator.journal.filter((entry) => entry.kind === kind).length;

  beforeEach(async () => {
    simulator = await trueconfSimulator();
    make();
  });
  afterEach(async () => {
    client.close();
    await simulator.close();
  });

  it('pauses and goes on, and a call goes on by itself', async () => {
    expect(client.pause()).to.equal(false);
    client.resume();
    const subscription = listen();
    await authorized();
    const mira = simulator.user('mira');
    expect(client.pause()).to.equal(true);
    mira.say('one');
    mira.say('two');
    await turns(30);
    expect(texts()).to.deep.equal([]);
    client.resume();
    await until(() => texts().length === 2);
    client.pause();
    mira.say('three');
    expect(await value(client.chats())).to.have.length(1);
    expect(texts()).to.deep.equal(['one', 'two', 'three']);
    simulator.faults.request.only = ({ method }) => method === 'getChats';
    simulator.faults.request.silent = 1;
    const open = client.chats().subscribe({ error: () => undefined });
    expect(client.pause()).to.equal(false);
    open.unsubscribe();
    expect(client.pause()).to.equal(true);
    subscription.unsubscribe();
  });

  it('makes the connection anew on request: no call is cut, new ones wait, and what is unread comes again', async () => {
    client.reconnect();
    const subscription = listen();
    await authorized();
    simulator.user('mira').say('one');
    await until(() => texts().length === 1);
    const { request } = simulator.faults;
    request.only = ({ method }) => method === 'createGroupChat';
    request.delay = 1;
    request.delayMs = 20;
    const open = value(client.createGroup('x'));
    client.reconnect();
    client.reconnect();
    const next = value(client.createGroup('y'));
    expect((await open).chatId).to.be.a('string');
    expect((await next).chatId).to.be.a('string');
    await until(() => texts().length === 2);
    expect(texts()).to.deep.equal(['one', 'one']);
    expect(count('authorized')).to.equal(2);
    expect(count('created')).to.equal(3);
    expect(count('disconnected')).to.equal(1);
    subscription.unsubscribe();
  });

  it('is made anew although a call is given up, or has no answer', async () => {
    make({ requestTimeoutMs: 30 });
    const subscription = listen();
    await authorized();
    const { request } = simulator.faults;
    request.only = ({ method }) => method === 'createGroupChat';
    request.silent = 2;
    const forgotten = client.createGroup('x').subscribe({ error: () => undefined });
    await until(() => count('created') === 1);
    client.reconnect();
    await turns(10);
    expect(count('authorized')).to.equal(1);
    forgotten.unsubscribe();
    await until(() => count('authorized') === 2);
    const late = value(client.createGroup('y')).catch((error: unknown) => error);
    await until(() => count('created') === 2);
    client.reconnect();
    expect(await late).to.include({ kind: 'timeout', inDoubt: true });
    await until(() => count('authorized') === 3);
    subscription.unsubscribe();
  });

  it('leaves calls in doubt that wait for their answers when it is closed meanwhile', async () => {
    listen();
    await authorized();
    simulator.faults.request.only = ({ method }) => method === 'createGroupChat';
    simulator.faults.request.silent = 1;
    const open = value(client.createGroup('x')).catch((error: unknown) => error);
    await until(() => count('created') === 1);
    client.reconnect();
    client.close();
    expect(await open).to.include({ kind: 'unreachable', inDoubt: true });
  });

  for (const receiveUnread of [true, false])
    it(`tells who comes late ${receiveUnread ? 'what nobody heard, by a new connection' : 'nothing of what nobody heard, without receiveUnread'}`, async () => {
      make({ receiveUnread, lingerMs: 1_000 });
      await value(client.chats());
      simulator.user('mira').say('one');
      await until(() => count('told') >= 2);
      await value(client.chats());
      const subscription = listen();
      await value(client.chats());
      await turns(20);
      expect(texts()).to.deep.equal(receiveUnread ? ['one'] : []);
      expect(count('authorized')).to.equal(receiveUnread ? 2 : 1);
      subscription.unsubscribe();
      if (receiveUnread) deliveries.find(({ isAwaited }) => isAwaited)?.acknowledge();
      const again = listen();
      await value(client.chats());
      expect(count('authorized')).to.equal(receiveUnread ? 2 : 1);
      again.unsubscribe();
    });

  it('lets fromTrueConf take a burst in its order, a few at a time', async () => {
    const work = { open: 0, most: 0 };
    const heard: string[] = [];
    const accounts = openAccounts();
    const limits = { maxInFlight: 8, maxPerConversation: 4, pauseMs: 5, redeliverMs: 1 };
    const source = fromTrueConf({ client, accounts, acknowledge: 'settled', ...limits });
    source.subscribe((event) => {
      const trace = traceOf(event);
      const worker = { name: 'worker' };
      trace?.hold(worker);
      work.most = Math.max(work.most, ++work.open);
      setImmediate(() => {
        work.open--;
        if (event.kind === 'message') heard.push(event.text);
        trace?.release(worker, 'handled');
      });
    });
    await authorized();
    const people = ['mira', 'lev', 'nora'].map((name) => simulator.user(name));
    for (let n = 0; n < 100; n++) for (const [at, person] of people.entries()) person.say(`${at}:${n}`);
    await until(() => heard.length === 300 && simulator.core.unread().length === 0);
    for (const at of [0, 1, 2]) {
      const inChat = heard.filter((text) => text.startsWith(`${at}:`));
      expect(inChat).to.deep.equal(Array.from({ length: 100 }, (_, n) => `${at}:${n}`));
    }
    expect(work.most).to.be.at.most(8);
    const counts = await source.drain(1_000);
    expect(counts.inFlight).to.equal(0);
    expect(counts.refused).to.be.greaterThan(0);
  });

  it('tells its server and account', () => {
    make({ account: 'north' });
    expect(client).to.include({ server: '127.0.0.1', account: 'north', receivesUnread: true });
  });
});
