import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fetch as crossFetch } from 'cross-fetch';
import { retry, throwError, timer } from 'rxjs';
import { ChatError, retryDelivery } from 'tidewire';
import {
  chatfirstAdapter,
  chatfirstClient,
  forceState,
  fromChatfirstAdapter,
  toChatfirst,
  type ChatfirstClient,
} from 'tidewire/chatfirst';
import { chatfirstSimulator } from 'tidewire/simulators';
import { eventually } from '../eventually.js';
import type { MakePlatform } from '../platform-harness.js';

const TOKEN = 'tok_test_c41d7e93';
const MOUNT = '/tea/s3cret-5e2c8d41';
const MAX_URL = 8_192;
/** What a user reads in place of an answer, from the program and from the platform. */
const EXCUSES = ['Not now.', 'That did not work.'] as const;
/** The longest time that the clock of a spec may go on while something is on its way. */
const FOREVER = 2 ** 31 - 1;

/** Every state calls the adapter, whatever is said, and stays. */
const scenarioAt = (url: string): string => {
  const states = ['Start', 'Operator', 'Bye'].map(
    (name) => `<state name="${name}"><transition input="*" next="${name}" action="${url}"/></state>`,
  );
  return `<fsm name="teashop"><states>${states.join('')}</states></fsm>`;
};

/**
 * Chatfirst, whose scenario asks an adapter for every word: the answer of the call says what is to be said (`direct`), or all
 * of it is pushed. What nobody asked for is pushed in any case.
 */
export const chatfirstPlatform =
  (way: 'direct' | 'push'): MakePlatform =>
  async ({ clock, accounts }) => {
    const [neutralText, errorText] = EXCUSES;
    const adapter = chatfirstAdapter({
      path: MOUNT,
      deadlineMs: FOREVER,
      neutralText,
      account: 'teashop',
      channel: 'telegram',
      maxUrlLength: MAX_URL,
      accounts,
      scheduler: clock,
    });
    let calls = 0;
    const server = createServer((request, response) => {
      calls++;
      adapter.node(request, response);
    }).listen(0, '127.0.0.1');
    // Whoever calls may take longer for the next call than Node waits for it.
    server.keepAliveTimeout = 0;
    await once(server, 'listening');
    const adapterUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}${MOUNT}`;
    const simulator = await chatfirstSimulator({
      token: TOKEN,
      bots: { teashop: scenarioAt(adapterUrl) },
      unknownState: 'refuse',
      errorText,
      adapterWithinMs: FOREVER,
      scheduler: clock,
    });
    const { core, faults, journal } = simulator;
    let sends = 0;
    let cuts = 0;
    let isClosed = false;
    const client = chatfirstClient({
      token: TOKEN,
      baseUrl: simulator.url,
      timeoutMs: FOREVER,
      fetch: async (input, init) => {
        sends++;
        return crossFetch(input, init);
      },
      scheduler: clock,
    });
    const statuses: unknown[] = [];
    client.status$.subscribe((status) => statuses.push(status));
    // An answer is made of all actions of its call, so nothing around the sink may hold one of them back.
    const patient: Pick<ChatfirstClient, 'push'> = {
      push: (bot, to, response) =>
        client.push(bot, to, response).pipe(
          retry({
            count: 5,
            delay: (error: unknown) =>
              error instanceof ChatError && error.kind === 'throttled'
                ? timer(error.retryAfterMs ?? 0, clock)
                : throwError(() => error),
          }),
        ),
    };
    const states = { handoff: 'Operator', end: 'Bye' };
    let copies: { readonly times: number; readonly areApart: boolean } | undefined;
    let repeated = 0;

    /** A proxy on the way calls again, once the first call has arrived. */
    const repeat = async (times: number, areApart: boolean, before: number): Promise<void> => {
      await eventually('the first has come', () => calls > before);
      const url = journal.flatMap((entry) => (entry.kind === 'asked' ? [entry.url] : [])).at(-1) ?? '';
      const call = async (): Promise<void> => {
        const response = await fetch(url);
        await response.text();
        if (response.status === 200) repeated++;
      };
      const all: Promise<void>[] = [];
      for (let n = 0; n < times; n++) {
        const one = call();
        all.push(one);
        if (areApart) await one;
      }
      await Promise.all(all);
    };

    return {
      platform: 'chatfirst',
      source: fromChatfirstAdapter({ adapter }),
      sink:
        way === 'direct'
          ? toChatfirst({ adapter, client: patient, states, scheduler: clock })
          : retryDelivery({ scheduler: clock }, toChatfirst({ client, states, scheduler: clock })),
      // A call has no id: equal ones are taken for one while it says so.
      dedupe: { fingerprints: 'window' },
      redelivers: false,
      maxTextLength: 4_096,
      delivers: ['text', 'choices', 'cards', 'media', 'handoff', 'end'],
      secrets: [TOKEN, btoa(`${TOKEN}:`), MOUNT, simulator.url],
      parts: { client, adapter, statuses },
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
        refused: () => forceState('Nowhere'),
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
        oversize: () => 'x'.repeat(MAX_URL),
      },
      customer: (name) => {
        const user = simulator.user(name, { channel: 'telegram' });
        const answers = (): number => journal.filter((entry) => entry.kind === 'told' && entry.user === name).length;
        let said = 0;
        return {
          say: async (text) => {
            const [before, own] = [calls, ++said];
            user.say(text);
            if (copies !== undefined) {
              const { times, areApart } = copies;
              copies = undefined;
              await repeat(times - 1, areApart, before);
            }
            await eventually('the call is over', () => answers() >= own);
          },
          sees: () => user.sees().filter((text) => !EXCUSES.some((excuse) => excuse === text)),
        };
      },
      acknowledged: () => repeated + journal.filter((entry) => entry.kind === 'told' && entry.status === 200).length,
      sends: () => sends,
      drain: async () => adapter.drain(FOREVER),
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
