import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { of } from 'rxjs';
import { retryDelivery } from 'tidewire';
import {
  fromRocketChat,
  rocketchatClient,
  rocketchatWebhook,
  toRocketChat,
  type RocketchatStatus,
  type RocketchatTrouble,
} from 'tidewire/rocketchat';
import { rocketchatSimulator } from 'tidewire/simulators';
import { eventually } from '../eventually.js';
import type { MakePlatform } from '../platform-harness.js';

const PASSWORD = 'pass-7f3e90d2';
const SECRET = 'hook-c41d7e93';
/** A text that the server refuses when it is told to. */
const REFUSED = 'no';
const MAX_BYTES = 65_536;
/** The longest time that the clock of a spec may go on while something is on its way. */
const FOREVER = 2 ** 31 - 1;

/** LiveChat on Rocket.Chat, as a bot that serves rooms: told by its webhook, by its socket, or by both. */
export const rocketchatPlatform =
  (way: 'webhook' | 'realtime' | 'both'): MakePlatform =>
  async ({ clock, accounts, echoes }) => {
    // Servers have no messages from 1970, and versions of instants begin there.
    if (clock.now() === 0) clock.advance(Date.UTC(2026, 10, 20));
    const isHooked = way !== 'realtime';
    const isLive = way !== 'webhook';
    const webhook = rocketchatWebhook({
      secret: SECRET,
      maxBytes: MAX_BYTES,
      bodyTimeoutMs: FOREVER,
      accounts,
      scheduler: clock,
    });
    const server = createServer(webhook.node).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const hookUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const simulator = await rocketchatSimulator({
      accounts: [
        {
          username: 'helper.bot',
          password: PASSWORD,
          roles: ['user', 'bot', 'livechat-agent', 'livechat-manager'],
          status: 'online',
        },
      ],
      scheduler: clock,
      rateLimits: false,
      pingMs: FOREVER,
      ...(isHooked && {
        webhook: {
          url: hookUrl,
          secret: SECRET,
          timeoutMs: FOREVER / 8,
          events: echoes ? ['visitorMessage', 'agentMessage'] : ['visitorMessage'],
        },
      }),
    });
    const { core, journal, faults } = simulator;
    const bot = simulator.agent('helper.bot');
    let password = PASSWORD;
    let sends = 0;
    let isClosed = false;
    faults.rest.only = ({ route, body }) =>
      route === 'chat.sendMessage' &&
      (faults.rest.refuse === undefined || JSON.stringify(body).includes(`"msg":"${REFUSED}"`));
    const client = rocketchatClient({
      url: simulator.url,
      user: 'helper.bot',
      password: () => password,
      version: '8.8',
      lingerMs: 0,
      timeoutMs: FOREVER,
      fileTimeoutMs: FOREVER,
      requestTimeoutMs: FOREVER,
      openWithinMs: FOREVER,
      waitMs: FOREVER,
      pingMs: FOREVER - 1,
      silenceMs: FOREVER,
      reconnectMs: 1,
      jitterMs: 0,
      scheduler: clock,
      fetch: async (input, init) => {
        if (String(input instanceof Request ? input.url : input).includes('chat.sendMessage')) sends++;
        return fetch(input, init);
      },
    });
    const statuses: RocketchatStatus[] = [];
    const troubles: RocketchatTrouble[] = [];
    client.status$.subscribe((status) => statuses.push(status));
    const source = fromRocketChat({
      client,
      ...(isHooked && { webhook }),
      realtime: isLive,
      accounts,
      scheduler: clock,
      echoes: way === 'realtime',
    });
    source.troubles$.subscribe((trouble) => troubles.push(trouble));
    const answered = (): number => journal.filter((entry) => entry.kind === 'hooked' && entry.status === 200).length;
    const isConnected = (): boolean => !isLive || statuses.at(-1)?.kind === 'authorized';
    let posts: { readonly times: number; readonly areApart: boolean } | undefined;
    let taken = 0;

    const post = async (body: object): Promise<number> => {
      const headers = { 'x-rocketchat-livechat-token': SECRET };
      const response = await fetch(hookUrl, { method: 'POST', headers, body: JSON.stringify(body) });
      await response.text();
      if (response.status === 200) taken++;
      return response.status;
    };
    const tell = (args: readonly unknown[]): void => {
      const fields = { eventName: '__my_messages__', args: [...args, { roomType: 'l', roomParticipant: true }] };
      core.raw(JSON.stringify({ msg: 'changed', collection: 'stream-room-messages', id: 'id', fields }));
    };

    return {
      platform: 'rocketchat',
      source,
      sink: retryDelivery(
        { scheduler: clock, random: () => 0 },
        toRocketChat({
          client,
          as: 'agent',
          scheduler: clock,
          downloads: {
            lookup: () => of(['93.184.216.34']),
            fetch: async () => Promise.resolve(new Response('picture', { headers: { 'content-type': 'image/png' } })),
          },
        }),
      ),
      redelivers: true,
      maxTextLength: 5_000,
      delivers: ['text', 'media', 'typing', 'handoff', 'end', 'updateContact', 'updateConversation', 'note'],
      secrets: [PASSWORD, SECRET, 'wrong-0badc0de', 'visitor-ann', core.issueToken('helper.bot').authToken],
      parts: { client, webhook, statuses, troubles },
      complaints: () => statuses.flatMap((status) => ('error' in status && status.error ? [status.error] : [])),
      trouble: {
        duplicate: (times, how) => {
          posts = { times, areApart: how === 'one by one' };
        },
        throttle: (throttle, retryAfterMs) => {
          Object.assign(faults.rest, { throttle, retryAfter: retryAfterMs / 1_000 });
        },
        delay: (delay, delayMs) => {
          Object.assign(faults.rest, { delay, delayMs });
        },
        refused: () => {
          Object.assign(faults.rest, { refuse: 1, refuseWith: 'error-not-allowed' });
          return { kind: 'text', text: REFUSED };
        },
        loseAnswer: () => {
          faults.rest.resetAfter = 1;
        },
        lockOut: () => {
          password = 'wrong-0badc0de';
          core.expireTokens('helper.bot', { isTold: false });
        },
        cut: () => {
          core.drop();
          if (isHooked) server.closeAllConnections();
        },
        oversize: () => 'x'.repeat(MAX_BYTES + 1),
        tellUnknown: async ({ id }) => {
          if (isHooked)
            await post({ _id: id, type: 'BrandNew', createdAt: new Date(clock.now()).toISOString(), messages: [] });
          else tell([{ _id: 'new1', rid: id, t: 'brand_new', msg: '', ts: { $date: clock.now() }, u: { _id: 'u1' } }]);
        },
        tellBroken: async ({ id }, text) => {
          const message = { _id: 'broken1', rid: id, msg: text, ts: 'yesterday', u: { _id: 'u1' } };
          if (isHooked) await post({ _id: id, type: 'Message', messages: [message] });
          else tell([message]);
        },
      },
      customer: (name) => {
        const visitor = simulator.visitor(name);
        return {
          say: async (text) => {
            await eventually('the bot is connected', isConnected);
            if (visitor.rid === undefined) bot.take(visitor.open());
            if (posts !== undefined && isHooked) {
              const { times, areApart } = posts;
              posts = undefined;
              if (areApart) Object.assign(faults.hook, { duplicate: 1, copies: times });
              else Object.assign(faults.hook, { duplicate: 1, copies: times });
            } else if (posts !== undefined) {
              faults.event.only = ({ event }) => event === '__my_messages__';
              faults.event.duplicate = posts.times - 1;
              posts = undefined;
            }
            visitor.say(text);
            await Promise.resolve();
          },
          sees: () => visitor.sees(),
        };
      },
      acknowledged: () => answered() + taken,
      sends: () => sends,
      drain: async () => source.drain(FOREVER),
      close: async () => {
        if (isClosed) return;
        isClosed = true;
        client.disconnect();
        await simulator.close();
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      },
    };
  };
