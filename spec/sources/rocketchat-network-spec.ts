import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { openAccounts, traceOf, type InboundEvent } from 'tidewire';
import {
  fromRocketChat,
  rocketchatClient,
  rocketchatWebhook,
  type FromRocketChatConfig,
  type RocketchatClient,
  type RocketchatClientOptions,
  type RocketchatTrouble,
} from 'tidewire/rocketchat';
import { rocketchatSimulator, type RocketchatSimulator, type RocketchatSimulatorConfig } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { eventually } from '../support/eventually.js';

const PASSWORD = 'corr3ct-horse';
const SECRET = 'hook-secret-test-1';
const SINCE = '2020-01-01T00:00:00.000Z';

for (const version of ['8.8.0', '7.10.0'])
  describe(`fromRocketChat, over a network, from a server of version ${version}`, () => {
    let simulator: RocketchatSimulator;
    let server: Server;
    let client: RocketchatClient;
    let dana: ReturnType<RocketchatSimulator['visitor']>;
    let rid = '';
    const events: InboundEvent[] = [];
    const troubles: RocketchatTrouble[] = [];
    let error: unknown;
    let accounts = openAccounts();
    let stop = (): void => undefined;

    const start = async (
      config: Partial<FromRocketChatConfig>,
      {
        rules = {},
        options = {},
        isHooked = false,
      }: { rules?: RocketchatSimulatorConfig; options?: RocketchatClientOptions; isHooked?: boolean } = {},
    ): Promise<void> => {
      accounts = openAccounts();
      const webhook = rocketchatWebhook({ secret: SECRET, accounts });
      server = createServer(webhook.node).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
      simulator = await rocketchatSimulator({
        version,
        webhook: { url, secret: SECRET },
        accounts: [
          {
            username: 'helper.bot',
            password: PASSWORD,
            roles: ['user', 'bot', 'livechat-agent', 'livechat-manager'],
            status: 'online',
          },
        ],
        ...rules,
      });
      client = rocketchatClient({
        url: simulator.url,
        user: 'helper.bot',
        password: PASSWORD,
        lingerMs: 0,
        reconnectMs: 1,
        maxReconnectMs: 5,
        jitterMs: 0,
        ...options,
      });
      const self = simulator.agent('helper.bot').id;
      const source = fromRocketChat({
        client,
        self,
        accounts,
        reorderMs: 5,
        ...(isHooked && { webhook }),
        ...config,
      });
      source.troubles$.subscribe((trouble) => troubles.push(trouble));
      const running = source.subscribe({
        next: (event) => {
          events.push(event);
          traceOf(event)?.conclude('handled');
        },
        error: (thrown: unknown) => (error = thrown),
      });
      stop = () => {
        running.unsubscribe();
      };
      dana = simulator.visitor('Dana');
      const isHeard = (): boolean =>
        config.realtime !== true ||
        simulator.journal.some((entry) => entry.kind === 'subscribed' && entry.event === '__my_messages__');
      await eventually('it is subscribed', isHeard);
      rid = dana.open();
      simulator.agent('helper.bot').take(rid);
    };
    const said = (): readonly string[] => events.flatMap((event) => (event.kind === 'message' ? [event.text] : []));
    const hears = async (...texts: readonly string[]): Promise<void> => {
      await eventually('all is heard', () => said().length >= texts.length, { state: said });
      expect(said()).to.deep.equal(texts);
    };

    afterEach(async () => {
      stop();
      client.disconnect();
      await simulator.close();
      server.closeAllConnections();
      server.close();
      events.length = troubles.length = 0;
      error = undefined;
    });

    it('login token expired: it goes on with another, and misses nothing', async () => {
      await start({ realtime: true });
      dana.say('one');
      await hears('one');
      simulator.core.expireTokens('helper.bot');
      dana.say('two');
      await hears('one', 'two');
      dana.say('three');
      await hears('one', 'two', 'three');
    });

    it('socket cut while messages flow: the gap is filled, the order kept, nothing doubled', async () => {
      await start({ realtime: true });
      const texts = Array.from({ length: 60 }, (_, n) => `m${n}`);
      for (const [n, words] of texts.entries()) {
        dana.say(words);
        if (n % 7 === 3) simulator.core.drop();
        await new Promise((resolve) => setImmediate(resolve));
      }
      await hears(...texts);
      expect(troubles).to.deep.equal([]);
    });

    it('rate limit hit on every route: it polls within the limits, however the server answers meanwhile', async () => {
      const clock = virtualClock();
      clock.advance(Date.UTC(2026, 10, 20));
      const FOREVER = 2 ** 31 - 1;
      await start(
        { poll: { everyMs: 5_000 }, since: SINCE, scheduler: clock },
        { rules: { callLimit: 4, scheduler: clock }, options: { timeoutMs: FOREVER, scheduler: clock } },
      );
      simulator.faults.rest.only = ({ route }) => route !== 'login';
      Object.assign(simulator.faults.rest, { throttle: 2, page: 1, refuse: 1, resetBefore: 1 });
      for (const words of ['one', 'two', 'three']) dana.say(words);
      const meanwhile = (): void => {
        clock.advance(100);
      };
      await eventually('all is heard', () => said().length >= 3, { state: () => [said(), troubles], meanwhile });
      expect(said()).to.deep.equal(['one', 'two', 'three']);
      expect(error).to.equal(undefined);
    });

    it('webhook delivered 10 times: it is one event, and each copy is answered 200', async () => {
      await start({}, { isHooked: true });
      Object.assign(simulator.faults.hook, { duplicate: 1, copies: 10 });
      dana.say('one');
      dana.say('two');
      const posts = () => simulator.core.journal.filter((entry) => entry.kind === 'posted').length;
      await hears('one', 'two');
      await eventually('all copies are counted', () => accounts.counts().outcomes.duplicate >= 9, {
        state: () => accounts.counts(),
      });
      expect(posts()).to.be.at.least(2);
      expect(accounts.counts()).to.include({ refused: 0 });
    });

    it('webhook and realtime racing: each message is one event, in order, whichever comes first', async () => {
      await start({ realtime: true, reorderMs: 100 }, { isHooked: true });
      const texts = Array.from({ length: 40 }, (_, n) => `m${n}`);
      const { event, hook } = simulator.faults;
      for (const [n, words] of texts.entries()) {
        if (n % 3 === 0) Object.assign(event, { delay: 1, delayMs: 5 });
        if (n % 3 === 1) Object.assign(hook, { delay: 1, delayMs: 5 });
        dana.say(words);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await hears(...texts);
      const twice = () => accounts.counts().outcomes.duplicate;
      await eventually('the other input has told, too', () => twice() >= texts.length, { state: twice });
      expect(said()).to.deep.equal(texts);
      expect(new Set(events.map(({ id }) => id)).size).to.equal(events.length);
    });

    for (const [fault, faults] of [
      ['server answers 200 with `success: false`', { refuse: 1, refuseWith: 'error-not-allowed' }],
      ['HTML error page from a proxy', { page: 2 }],
    ] as const)
      it(`${fault}: the gap is filled, or told of, and the room goes on`, async () => {
        await start({ realtime: true });
        dana.say('one');
        await hears('one');
        simulator.faults.rest.only = ({ route }) => route === 'chat.syncMessages';
        Object.assign(simulator.faults.rest, faults);
        simulator.faults.connection.refuse = 1;
        simulator.core.drop();
        dana.say('two');
        if ('refuse' in faults) {
          await eventually('it is told', () => troubles.length > 0);
          expect(troubles.map((trouble) => [trouble.kind, trouble.error.kind])).to.deep.equal([['gap', 'refused']]);
          dana.say('three');
          await hears('one', 'three');
        } else await hears('one', 'two');
      });

    it('ends with the error of the login when nobody can log in', async () => {
      await start({ realtime: true });
      const wrong = rocketchatClient({ url: simulator.url, user: 'helper.bot', password: 'wrong-0badc0de' });
      let thrown: unknown;
      fromRocketChat({ client: wrong, poll: true }).subscribe({ error: (it: unknown) => (thrown = it) });
      await eventually('it is told', () => thrown !== undefined);
      expect(thrown).to.include({ kind: 'unauthorized' });
      wrong.disconnect();
    });
  });
