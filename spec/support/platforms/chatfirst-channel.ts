import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fetch as crossFetch } from 'cross-fetch';
import { firstValueFrom, map } from 'rxjs';
import { deliver, delivered, retryDelivery, skipped, type OutboundAction, type Receipt } from 'tidewire';
import { chatfirstChannel, chatfirstClient, fromChatfirstChannel } from 'tidewire/chatfirst';
import { chatfirstSimulator } from 'tidewire/simulators';
import { eventually } from '../eventually.js';
import type { MakePlatform } from '../platform-harness.js';

const TOKEN = 'tok_test_9d07be55';
/** A text that the server refuses when it is told to. */
const REFUSED = 'no';
const MAX_BODY = 65_536;
/** The longest time that the clock of a spec may go on while something is on its way. */
const FOREVER = 2 ** 31 - 1;
const SCENARIO =
  '<fsm name="teashop"><states><state name="Start"><transition input="*" next="Start"/></state></states></fsm>';

/** Chatfirst behind a bridge: what it pushes to the users of a messenger is heard, and what is said there goes by talk. */
export const chatfirstChannelPlatform: MakePlatform = async ({ clock, accounts }) => {
  const channel = chatfirstChannel({
    token: TOKEN,
    bots: ['teashop'],
    answerMs: FOREVER,
    bodyTimeoutMs: FOREVER,
    maxBytes: MAX_BODY,
    accounts,
    scheduler: clock,
  });
  /** The pushes that have come whole, as they are on the wire. */
  const came: { readonly path: string; readonly body: string }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => came.push({ path: request.url ?? '', body: Buffer.concat(chunks).toString() }));
    channel.node(request, response);
  }).listen(0, '127.0.0.1');
  // Whoever calls may take longer for the next call than Node waits for it.
  server.keepAliveTimeout = 0;
  await once(server, 'listening');
  const bridge = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const simulator = await chatfirstSimulator({
    token: TOKEN,
    bots: { teashop: SCENARIO },
    bridges: { spark: bridge },
    pushesToStrangers: true,
    pushWithinMs: FOREVER,
    pushTries: 20,
    pushPauseMs: 1,
    scheduler: clock,
  });
  const { core, faults, journal } = simulator;
  faults.api.only = ({ operation }) => operation === 'talk';
  let sends = 0;
  let cuts = 0;
  let refusing = false;
  let isClosed = false;
  const client = chatfirstClient({
    token: TOKEN,
    baseUrl: simulator.url,
    talkTimeoutMs: FOREVER,
    fetch: async (input, init) => {
      sends++;
      if (refusing && typeof init?.body === 'string' && init.body.includes(`"Text":"${REFUSED}"`)) {
        refusing = false;
        faults.api.statuses = [400];
      }
      return crossFetch(input, init);
    },
    scheduler: clock,
  });
  const statuses: unknown[] = [];
  client.status$.subscribe((status) => statuses.push(status));
  const now = (): string => new Date(clock.now()).toISOString();
  const talk = deliver({ name: 'talk', scheduler: clock }, (action: OutboundAction) => {
    const { account = '', id: user } = action.conversation;
    const text = action.kind === 'text' ? action.text : action.kind === 'media' ? action.media.url : undefined;
    if (text === undefined) return skipped(action, now(), 'unsupported', 'chatfirst: users say words');
    return client.talk(account, { user, text }).pipe(map((): Receipt => delivered(action, now(), [], 'api')));
  });
  /** What the platform is asked to push, by somebody who is no part of this program. */
  const push = async (user: string, text: string): Promise<void> => {
    const answer = await firstValueFrom(
      core.request({
        method: 'POST',
        url: `/v1/push/teashop?id=${encodeURIComponent(user)}&channel=spark`,
        headers: { authorization: `Basic ${btoa(`${TOKEN}:`)}`, 'content-type': 'application/json; charset=UTF-8' },
        body: JSON.stringify({ Messages: [text] }),
      }),
    );
    if (answer.status !== 200) throw new Error(`the push was answered with status ${answer.status}`);
  };
  let copies: { readonly times: number; readonly areApart: boolean } | undefined;
  let taken = 0;
  const post = async (path: string, body: string): Promise<void> => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${bridge}${path}`, { method: 'POST', headers, body });
    await response.text();
    if (response.status === 200) taken++;
  };
  /** A proxy on the way sends again what has come. */
  const repeat = async (times: number, areApart: boolean, before: number): Promise<void> => {
    await eventually('the first has come', () => came.length > before);
    const { path = '', body = '' } = came.at(-1) ?? {};
    const all: Promise<void>[] = [];
    for (let n = 0; n < times; n++) {
      const one = post(path, body);
      all.push(one);
      if (areApart) await one;
    }
    await Promise.all(all);
  };

  return {
    platform: 'chatfirst',
    source: fromChatfirstChannel({ channel }),
    sink: retryDelivery({ scheduler: clock }, talk),
    redelivers: true,
    maxTextLength: 4_096,
    delivers: ['text', 'media'],
    secrets: [TOKEN, btoa(`${TOKEN}:`), simulator.url],
    parts: { client, channel, statuses },
    complaints: () => [],
    trouble: {
      duplicate: (times, how) => {
        copies = { times, areApart: how === 'one by one' };
      },
      throttle: (throttle, retryAfterMs) => {
        Object.assign(faults.api, { throttle, retryAfter: retryAfterMs / 1_000 });
      },
      delay: (delay, delayMs) => {
        Object.assign(faults.api, { delay, delayMs });
      },
      refused: () => {
        refusing = true;
        return { kind: 'text', text: REFUSED };
      },
      loseAnswer: () => {
        faults.api.resetAfter = 1;
      },
      lockOut: () => {
        core.revoke(TOKEN);
      },
      cut: () => {
        server.closeAllConnections();
        faults.api[++cuts % 2 === 0 ? 'resetBefore' : 'resetAfter'] = 1;
      },
      oversize: () => 'x'.repeat(MAX_BODY),
      tellBroken: async ({ id, account = '' }, text) =>
        post(
          `/api/push/${TOKEN}/${account}/${id}`,
          JSON.stringify({ TalkId: 1, Messages: [{ MessageId: 1, Text: [text], Photo: text }] }),
        ),
    },
    customer: (name) => ({
      say: async (text) => {
        const before = came.length;
        await push(name, text);
        if (copies === undefined) return;
        const { times, areApart } = copies;
        copies = undefined;
        await repeat(times - 1, areApart, before);
      },
      sees: () => journal.flatMap((entry) => (entry.kind === 'said' && entry.user === name ? [entry.text] : [])),
    }),
    acknowledged: () => taken + journal.filter((entry) => entry.kind === 'pushed' && entry.status === 200).length,
    sends: () => sends,
    drain: async () => channel.drain(FOREVER),
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      await simulator.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
