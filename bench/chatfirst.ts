import { fetch } from 'cross-fetch';
import { map, Subject } from 'rxjs';
import { accounted, openAccounts, traceOf, type InboundEvent, type OutboundAction } from 'tidewire';
import { chatfirstClient, routeToChatfirst, scenarioBot, toChatfirst } from 'tidewire/chatfirst';
import { drive } from './drive.js';
import { compare, type Bench, type Report } from './harness.js';
import { callsOf, startServer } from './load.js';

const CALLS = 6_000;
const AT_ONCE = 16;
const TOKEN = 'tok_bench_1';
const AT = new Date().toISOString();
const USERS = 100_000;
const A_SECOND = 5_000;

const clientOf = (url: string) => chatfirstClient({ token: TOKEN, baseUrl: url, plainHttp: true });
const throwing = (error: unknown): void => {
  throw error;
};

const talks = async (url: string): Promise<number> => {
  const account = openAccounts().of('bench');
  const source = new Subject<InboundEvent>();
  let done = (): void => undefined;
  const subscription = source
    .pipe(
      routeToChatfirst(scenarioBot(clientOf(url), 'teashop'), { concurrency: AT_ONCE }),
      map((action) => {
        const trace = traceOf(action);
        trace?.touch();
        trace?.conclude('handled');
        return action;
      }),
    )
    .subscribe({
      next: () => {
        done();
      },
      error: throwing,
    });
  const rate = await drive(
    CALLS,
    AT_ONCE,
    (n) => {
      const event: InboundEvent = {
        kind: 'message',
        id: `message-${n}`,
        platform: 'desk',
        conversation: { platform: 'desk', id: `user-${n % 1_000}`, channel: 'web' },
        at: AT,
        text: 'Green tea, please',
        raw: null,
      };
      const trace = account.open(event);
      source.next(event);
      trace.release(account);
    },
    (listener) => (done = listener),
  );
  subscription.unsubscribe();
  return rate;
};

const push = (n: number): OutboundAction => ({
  kind: 'text',
  id: `push-${n}`,
  conversation: { platform: 'chatfirst', account: 'teashop', id: `user-${n}`, channel: 'slack' },
  text: 'Your tea is ready',
});

const pushes = async (url: string): Promise<number> => {
  const accounts = openAccounts();
  const source = new Subject<OutboundAction>();
  let done = (): void => undefined;
  const subscription = source.pipe(accounted('bench', { accounts }), toChatfirst({ client: clientOf(url) })).subscribe({
    next: ({ status }) => {
      if (status !== 'delivered') throw new Error(status);
      done();
    },
    error: throwing,
  });
  const rate = await drive(
    CALLS,
    AT_ONCE,
    (n) => {
      source.next(push(n % 1_000));
    },
    (listener) => (done = listener),
  );
  subscription.unsubscribe();
  return rate;
};

/** The same requests with the same HTTP client, and nothing around. */
const bare =
  (path: (n: number) => string, body: (n: number) => unknown) =>
  async (url: string): Promise<number> => {
    let done = (): void => undefined;
    const headers = {
      accept: 'application/json',
      'content-type': 'application/json; charset=UTF-8',
      authorization: `Basic ${btoa(`${TOKEN}:`)}`,
    };
    const call = async (n: number): Promise<void> => {
      const response = await fetch(url + path(n), { method: 'POST', headers, body: JSON.stringify(body(n)) });
      const answer = await response.text();
      if (response.status !== 200 || (answer !== '' && JSON.parse(answer) === null)) throw new Error('no answer');
      done();
    };
    return drive(
      CALLS,
      AT_ONCE,
      (n) => void call(n),
      (listener) => (done = listener),
    );
  };
const bareTalks = bare(
  () => '/v1/talk?botName=teashop',
  (n) => ({ InterlocutorId: `desk::user-${n % 1_000}`, Text: 'Green tea, please' }),
);
const barePushes = bare(
  (n) => `/v1/push/teashop?id=user-${n % 1_000}&channel=slack`,
  () => ({ Messages: ['Your tea is ready'], ForcedState: null, ForcedKeyboard: null, Entities: [] }),
);

const heap = (): number => {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

/** One push to each of so many users, so many a second: what is on the heap near the end, against early on. */
const everybody = async (url: string, report: Report): Promise<void> => {
  const source = new Subject<OutboundAction>();
  let [begun, done, early, late] = [0, 0, 0, 0];
  const began = performance.now();
  await new Promise<void>((resolve) => {
    source.pipe(accounted('bench', { accounts: openAccounts() }), toChatfirst({ client: clientOf(url) })).subscribe({
      next: () => {
        done++;
        if (done === USERS / 5) early = heap();
        if (done === (USERS / 5) * 4) late = heap();
        if (done === USERS) resolve();
      },
      error: throwing,
    });
    const tick = (): void => {
      const due = Math.min(USERS, ((performance.now() - began) * A_SECOND) / 1_000);
      for (; begun < due; begun++) source.next(push(begun));
      if (begun < USERS) setTimeout(tick, 2);
    };
    tick();
  });
  const rate = USERS / ((performance.now() - began) / 1_000);
  report({ name: 'chatfirst/push-rate', value: rate, unit: 'push/s' });
  report({
    name: 'chatfirst/push-memory',
    value: late / 2 ** 20,
    unit: 'MiB',
    ratio: late / early,
    against: 'a fifth of the way',
  });
};

export const run: Bench['run'] = async (report) => {
  const [ours, nothing] = [await startServer('ours-adapter'), await startServer('bare-adapter')];
  await compare(
    'chatfirst/adapter',
    'req/s',
    'bare node:http',
    async () => callsOf(ours.url),
    async () => callsOf(nothing.url),
    report,
  );
  ours.stop();
  nothing.stop();
  const server = await startServer('scenario');
  const url = server.url.replace(/\/$/, '');
  const rows = [
    ['chatfirst/talk', talks, bareTalks],
    ['chatfirst/push', pushes, barePushes],
  ] as const;
  for (const [name, measure, measureBare] of rows)
    await compare(
      name,
      'call/s',
      'bare loop',
      async () => measure(url),
      async () => measureBare(url),
      report,
    );
  await everybody(url, report);
  server.stop();
};
