import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as t from 'io-ts';
import { lastValueFrom, of } from 'rxjs';
import { retryDelivery } from 'tidewire';
import {
  fromRocketChat,
  rocketchatClient,
  rocketchatWebhook,
  toRocketChat,
  type RocketchatStatus,
  type RocketchatTrouble,
} from 'tidewire/rocketchat';
import { rocketchatSimulator, type RocketchatEvent, type RocketchatJournalEntry } from 'tidewire/simulators';
import { eventually } from '../eventually.js';
import type { MakePlatform } from '../platform-harness.js';

const PASSWORD = 'pass-7f3e90d2';
const SECRET = 'hook-c41d7e93';
/** A text that the server refuses when it is told to. */
const REFUSED = 'no';
const MAX_BYTES = 65_536;
/** The longest time that the clock of a spec may go on while something is on its way. */
const FOREVER = 2 ** 31 - 1;

const Author = t.type({ u: t.type({ _id: t.string }) });

/** LiveChat on Rocket.Chat, as a bot that serves rooms: told by its webhook, or by its socket. */
export const rocketchatPlatform =
  (way: 'webhook' | 'realtime'): MakePlatform =>
  async ({ clock, accounts, echoes }) => {
    // Servers have no messages from 1970, and versions of instants begin there.
    if (clock.now() === 0) clock.advance(Date.UTC(2026, 10, 20));
    const isHooked = way === 'webhook';
    const isLive = !isHooked;
    const webhook = rocketchatWebhook({
      secret: SECRET,
      maxBytes: MAX_BYTES,
      bodyTimeoutMs: FOREVER,
      accounts,
      scheduler: clock,
    });
    let answered = 0;
    const server = createServer((request, response) => {
      response.on('finish', () => {
        if (response.statusCode === 200) answered++;
      });
      webhook.node(request, response);
    }).listen(0, '127.0.0.1');
    // Whoever calls may take longer for the next call than Node waits for it.
    server.keepAliveTimeout = 0;
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
          // While something is waited for, time goes on by far more than it takes: a post that is given up would not arrive.
          timeoutMs: FOREVER,
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
      maxFrameBytes: MAX_BYTES,
      maxAnswerBytes: MAX_BYTES,
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
    // Everybody has a room that is served: what becomes of rooms is the subject of other specs.
    for (const name of ['ann', 'bea', 'cia', 'dot']) bot.take(simulator.visitor(name).open());
    clock.advance(60_000);
    await lastValueFrom(client.login());
    const statuses: RocketchatStatus[] = [];
    const troubles: RocketchatTrouble[] = [];
    client.status$.subscribe((status) => statuses.push(status));
    const source = fromRocketChat({
      client,
      ...(isHooked && { webhook }),
      realtime: isLive,
      // Webhooks are turned away until it is known whose they are.
      self: bot.id,
      accounts,
      scheduler: clock,
      // In one of both ways an echo is left to `dropEcho`.
      echoes: isLive && echoes,
      // Nothing is waited for where nobody lets the time go on.
      reorderMs: 0,
    });
    source.troubles$.subscribe((trouble) => troubles.push(trouble));
    const placeOf = (isIt: (entry: RocketchatJournalEntry) => boolean): number => {
      const last = [...journal].reverse().findIndex(isIt);
      return last < 0 ? -1 : journal.length - last;
    };
    const subscribedAt = (): number =>
      placeOf((entry) => entry.kind === 'subscribed' && entry.event === '__my_messages__');
    const lostAt = (): number => placeOf(({ kind }) => kind === 'disconnected');
    /** What is too large is in no history that could be read, either: then what is said meanwhile is lost with it. */
    let isFragile = false;
    const isConnected = (): boolean => !isLive || (isFragile ? subscribedAt() > lostAt() : subscribedAt() >= 0);
    let posts: { readonly times: number } | undefined;
    const isOwn = (message: unknown): boolean => Author.is(message) && message.u._id === bot.id;

    const post = async (body: object): Promise<number> => {
      const headers = { 'x-rocketchat-livechat-token': SECRET };
      const response = await fetch(hookUrl, { method: 'POST', headers, body: JSON.stringify(body) });
      await response.text();
      return response.status;
    };
    const tell = (args: readonly unknown[]): void => {
      const fields = { eventName: '__my_messages__', args: [...args, { roomType: 'l', roomParticipant: true }] };
      core.raw(JSON.stringify({ msg: 'changed', collection: 'stream-room-messages', id: 'id', fields }));
    };

    /** The server tells its last message again. */
    const repeat = (times: number): void => {
      const last = [...journal].reverse().find((entry) => entry.kind === 'told' && entry.event === '__my_messages__');
      for (let n = 0; n < times && last?.kind === 'told'; n++) {
        const fields = { eventName: last.event, args: last.args };
        core.raw(JSON.stringify({ msg: 'changed', collection: last.stream, id: 'id', fields }));
      }
    };
    if (isLive && !echoes)
      Object.assign(faults.event, { only: ({ args }: RocketchatEvent) => isOwn(args[0]), lose: Infinity });

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
      secrets: [PASSWORD, SECRET, 'wrong-0badc0de', core.issueToken('helper.bot').authToken],
      parts: { client, webhook, statuses, troubles },
      complaints: () => statuses.flatMap((status) => ('error' in status ? [status.error] : [])),
      trouble: {
        duplicate: (times) => {
          posts = { times };
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
            if (posts !== undefined && isHooked) Object.assign(faults.hook, { duplicate: 1, copies: posts.times });
            const messageId = visitor.say(text);
            if (isLive && text.length > MAX_BYTES) {
              isFragile = true;
              await eventually('the connection is lost', () => lostAt() > subscribedAt());
            }
            if (posts !== undefined && !isHooked) repeat(posts.times - 1);
            posts = undefined;
            const isTold = (): boolean =>
              !isHooked || journal.some((entry) => entry.kind === 'hooked' && entry.messageId === messageId);
            await eventually('it is known whether it has arrived', isTold);
          },
          sees: () => visitor.sees(),
        };
      },
      // What comes over the socket is acknowledged by nobody.
      acknowledged: () => (isHooked ? answered : accounts.counts().received),
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
