import { fetch } from 'cross-fetch';
import { map, Subject } from 'rxjs';
import { openAccounts, routeToFluidTalk, traceOf, type InboundEvent } from 'tidewire';
import { fluidtalkClient } from 'tidewire/fluidtalk';
import { drive } from './drive.js';
import { compare, type Bench } from './harness.js';
import { startServer } from './load.js';

const CALLS = 6_000;
const AT_ONCE = 16;
const KEY = 'ft_sk_bench_0001';
const AT = new Date().toISOString();

const ours = async (url: string): Promise<number> => {
  const account = openAccounts().of('bench');
  const source = new Subject<InboundEvent>();
  const client = fluidtalkClient({ apiKey: KEY, baseUrl: url });
  let done = (): void => undefined;
  const subscription = source
    .pipe(
      routeToFluidTalk(client, { concurrency: AT_ONCE }),
      map((action) => {
        const trace = traceOf(action);
        trace?.touch();
        trace?.conclude('handled');
        return action;
      }),
    )
    .subscribe(() => {
      done();
    });
  const rate = await drive(
    CALLS,
    AT_ONCE,
    (n) => {
      const event: InboundEvent = {
        kind: 'message',
        id: `message-${n}`,
        platform: 'desk',
        conversation: { platform: 'desk', id: `lead-${n % 1_000}`, channel: 'web' },
        at: AT,
        text: 'What is my bicycle up to?',
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

const bare = async (url: string): Promise<number> => {
  let done = (): void => undefined;
  const call = async (n: number): Promise<void> => {
    const body = new URLSearchParams({ target: `desk::lead-${n % 1_000}`, message: 'What is my bicycle up to?' });
    const response = await fetch(`${url}/api/v1/bot/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'X-API-Key': KEY },
      body: body.toString(),
    });
    const { replies } = (await response.json()) as { replies: readonly string[] };
    if (replies.length !== 1) throw new Error('no reply');
    done();
  };
  return drive(
    CALLS,
    AT_ONCE,
    (n) => void call(n),
    (listener) => (done = listener),
  );
};

export const run: Bench['run'] = async (report) => {
  const server = await startServer('persona');
  const url = server.url.replace(/\/$/, '');
  await compare(
    'persona',
    'call/s',
    'bare loop',
    async () => ours(url),
    async () => bare(url),
    report,
  );
  server.stop();
};
