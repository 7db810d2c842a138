import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fetch as crossFetch } from 'cross-fetch';
import { fromUserlike, toUserlike, userlikeClient, userlikeWebhook } from 'tidewire/userlike';
import { userlikeSimulator } from 'tidewire/simulators';
import type { MakePlatform } from '../platform-harness.js';

const HOOK = 'hook-c41d7e93';
const TOKEN = 'tok-5e2c8d41';
/** The longest time that the clock of a spec may go on while something is on its way. */
const FOREVER = 2 ** 31 - 1;

/** Userlike: answers in the webhook's response where it can (`direct`), or all by the API URL. */
export const userlikePlatform =
  (way: 'direct' | 'api'): MakePlatform =>
  async ({ clock, accounts }) => {
    const webhook = userlikeWebhook({
      headers: { 'API-SECURITY-TOKEN': HOOK },
      // However slow a spec is, nothing goes the other way.
      directAnswerMs: way === 'direct' ? FOREVER : 1,
      bodyTimeoutMs: FOREVER,
      accounts,
      scheduler: clock,
    });
    const server = createServer(webhook.node).listen(0, '127.0.0.1');
    // Whoever calls may take longer for the next call than Node waits for it.
    server.keepAliveTimeout = 0;
    await once(server, 'listening');
    const hookUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const simulator = await userlikeSimulator({
      webhook: { url: hookUrl, headers: { 'API-SECURITY-TOKEN': HOOK } },
      token: TOKEN,
      scheduler: clock,
      reach: (link) => !link.startsWith('https://unreachable.'),
    });
    const { faults, journal } = simulator;
    let sends = 0;
    let cuts = 0;
    let token = TOKEN;
    let isClosed = false;
    const client = userlikeClient({
      url: simulator.url,
      token: () => token,
      timeoutMs: FOREVER,
      fetch: async (input, init) => {
        sends++;
        return crossFetch(input, init);
      },
      scheduler: clock,
    });
    const statuses: unknown[] = [];
    client.status$.subscribe((status) => statuses.push(status));
    const post = async (cid: string, packet: unknown): Promise<void> => {
      const headers = { 'content-type': 'application/json', 'api-security-token': HOOK };
      const response = await fetch(hookUrl, {
        method: 'POST',
        headers,
        body: JSON.stringify({ info: { cid }, packet }),
      });
      await response.text();
    };

    return {
      platform: 'userlike',
      source: fromUserlike({ webhook }),
      sink: toUserlike({ client, scheduler: clock, ...(way === 'direct' && { webhook }) }),
      // The wire has no ids: equal requests are taken for one while it says so.
      dedupe: { fingerprints: 'window' },
      redelivers: false,
      maxTextLength: 5_000,
      delivers: [
        'text',
        'choices',
        'cards',
        'links',
        'media',
        'navigate',
        'typing',
        'handoff',
        'release',
        'end',
        'updateContact',
        'updateConversation',
        'note',
        'dispatch',
      ],
      secrets: [HOOK, TOKEN, 'wrong-0badc0de', simulator.url, new URL(simulator.url).pathname],
      parts: { client, webhook, statuses },
      complaints: () => [],
      trouble: {
        duplicate: (times, how) => {
          Object.assign(faults, { duplicate: 1, copies: times, atOnce: how === 'all at once' });
        },
        throttle: (throttle, retryAfterMs) => {
          Object.assign(faults, { throttle, retryAfter: retryAfterMs / 1_000 });
        },
        delay: (delay, delayMs) => {
          Object.assign(faults, { delay, delayMs });
        },
        refused: () => ({ kind: 'media', media: { url: 'https://unreachable.test/a.png' } }),
        loseAnswer: () => {
          faults.resetAfter = 1;
        },
        lockOut: () => {
          token = 'wrong-0badc0de';
        },
        cut: () => {
          server.closeAllConnections();
          faults[++cuts % 2 === 0 ? 'resetBefore' : 'resetAfter'] = 1;
        },
        oversize: () => 'x'.repeat(1_048_577),
        tellUnknown: async ({ id }) => post(id, { name: 'brand_new', payload: { a: 1 } }),
        tellBroken: async ({ id }, text) => post(id, { name: 'message', payload: { body: { text } } }),
      },
      customer: (name) => {
        const { say, sees } = simulator.contact(name, 'web');
        return { say, sees };
      },
      acknowledged: () => journal.filter((entry) => entry.kind === 'answered' && entry.status === 200).length,
      sends: () => sends,
      drain: async () => webhook.drain(FOREVER),
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
