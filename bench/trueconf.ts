import { fork } from 'node:child_process';
import { once } from 'node:events';
import { lastValueFrom } from 'rxjs';
import { openAccounts, traceOf } from 'tidewire';
import { fromTrueConf, trueconfClient } from 'tidewire/trueconf';
import { WebSocket, type RawData } from 'ws';
import { compare, type Bench } from './harness.js';

const REQUESTS = 20_000;
const EVENTS = 20_000;
const AT_ONCE = 32;
const A_SECOND = 5_000;
const LATENCIES = 15_000;

interface Caller {
  /** Asks for a name; resolves with the answer. */
  readonly ask: (done: () => void) => void;
  /** Has so many events told and acknowledges all; resolves when the server has every acknowledgement. */
  readonly hear: (count: number) => Promise<void>;
  readonly close: () => void;
}

const ours = async (port: number): Promise<Caller> => {
  const client = trueconfClient({
    server: '127.0.0.1',
    port,
    secure: false,
    username: 'opsbot',
    password: 'secret',
    requestTimeoutMs: 60_000,
  });
  const accounts = openAccounts();
  const failed = (error: unknown): void => {
    throw error;
  };
  const subscription = fromTrueConf({ client, accounts }).subscribe({
    next: (event) => traceOf(event)?.conclude('handled'),
    error: failed,
  });
  await lastValueFrom(client.displayName('mira@tc.example.org'));
  return {
    ask: (done) => {
      client.displayName('mira@tc.example.org').subscribe({ complete: done, error: failed });
    },
    hear: async (count) => {
      await lastValueFrom(client.createGroup(String(count)));
    },
    close: () => {
      subscription.unsubscribe();
      client.close();
    },
  };
};

const bare = async (port: number): Promise<Caller> => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/websocket/chat_bot/`, ['json.v1'], { perMessageDeflate: false });
  await once(socket, 'open');
  const open = new Map<number, () => void>();
  let id = 0;
  let seen = 0;
  socket.on('message', (data: RawData) => {
    const frame = JSON.parse((data as Buffer).toString()) as { readonly type: number; readonly id: number };
    if (frame.type === 1) {
      seen++;
      socket.send(JSON.stringify({ type: 2, id: frame.id }));
      return;
    }
    const done = open.get(frame.id);
    open.delete(frame.id);
    done?.();
  });
  const call = (method: string, payload: unknown, done: () => void): void => {
    open.set(++id, done);
    socket.send(JSON.stringify({ type: 1, id, method, payload }));
  };
  await new Promise<void>((resolve) => {
    call('auth', { token: 'e30.e30.x', tokenType: 'JWT' }, resolve);
  });
  return {
    ask: (done) => {
      call('getUserDisplayName', { userId: 'mira@tc.example.org' }, done);
    },
    hear: async (count) => {
      seen = 0;
      await new Promise<void>((resolve) => {
        call('createGroupChat', { title: String(count) }, resolve);
      });
      if (seen !== count) throw new Error(`${seen} events came`);
    },
    close: () => {
      socket.close();
    },
  };
};

const seconds = (began: bigint): number => Number(process.hrtime.bigint() - began) / 1e9;

/** Keeps so many requests under way until all are answered; requests a second. */
const asking = async ({ ask }: Caller): Promise<number> => {
  const began = process.hrtime.bigint();
  await new Promise<void>((resolve) => {
    let [begun, done] = [0, 0];
    const next = (): void => {
      if (begun < REQUESTS) {
        begun++;
        ask(answered);
      }
    };
    const answered = (): void => {
      if (++done === REQUESTS) resolve();
      else next();
    };
    for (let n = 0; n < AT_ONCE; n++) next();
  });
  return REQUESTS / seconds(began);
};

const hearing = async ({ hear }: Caller): Promise<number> => {
  const began = process.hrtime.bigint();
  await hear(EVENTS);
  return EVENTS / seconds(began);
};

/** The 99th percentile of the time to an answer, in milliseconds, at so many requests a second whether answered or not. */
const waiting = async ({ ask }: Caller): Promise<number> => {
  const times: number[] = [];
  const began = performance.now();
  await new Promise<void>((resolve) => {
    let begun = 0;
    const tick = (): void => {
      const due = Math.min(LATENCIES, ((performance.now() - began) * A_SECOND) / 1_000);
      for (; begun < due; begun++) {
        const asked = performance.now();
        ask(() => {
          times.push(performance.now() - asked);
          if (times.length === LATENCIES) resolve();
        });
      }
      if (begun < LATENCIES) setTimeout(tick, 1);
    };
    tick();
  });
  return times.sort((one, other) => one - other)[Math.floor(LATENCIES * 0.99)] ?? NaN;
};

const startFiles = async (port: number): Promise<readonly [up: number, down: number]> => {
  const child = fork(new URL('./trueconf-files.js', import.meta.url), [String(port)], { execArgv: ['--expose-gc'] });
  const [bytes] = (await once(child, 'message')) as [[number, number]];
  return bytes;
};

export const run: Bench['run'] = async (report) => {
  const server = fork(new URL('./trueconf-server.js', import.meta.url));
  const [port] = (await once(server, 'message')) as [number];
  const [us, them] = [await ours(port), await bare(port)];
  const rows = [
    ['trueconf/request', 'req/s', asking],
    ['trueconf/event', 'event/s', hearing],
    ['trueconf/p99', 'ms', waiting],
  ] as const;
  for (const [name, unit, measure] of rows)
    await compare(
      name,
      unit,
      'bare ws',
      async () => measure(us),
      async () => measure(them),
      report,
    );
  us.close();
  them.close();
  const [up, down] = await startFiles(port);
  report({ name: 'trueconf/upload', value: up / 2 ** 20, unit: 'MiB' });
  report({ name: 'trueconf/download', value: down / 2 ** 20, unit: 'MiB' });
  server.kill();
};
