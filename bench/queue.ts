import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subject } from 'rxjs';
import { openAccounts, traceOf, type InboundEvent } from 'tidewire';
import { lmdbFile, lmdbQueue } from 'tidewire/lmdb';
import { fromQueue, toQueue, type Leased, type Queue } from 'tidewire/queue';
import { compare, type Bench } from './harness.js';
import { messageOf, rawFile, type RawFile } from './queue-raw.js';
import { million } from './queue-million.js';

const CONVERSATIONS = 1_000;
const MESSAGES = 50_000;
/** Messages a second, and for how many seconds. */
const [RATE, SECONDS] = [5_000, 4];

/** Has something done with a message, and calls back when that is over. */
type Run = (event: InboundEvent, over: () => void) => void;

let numbers = 0;
const nextMessage = (): InboundEvent => messageOf(++numbers, numbers % CONVERSATIONS);

/** Messages a second, so many of them on their way at a time. */
const rateOf = async (inFlight: number, run: Run, finish = async () => Promise.resolve()): Promise<number> => {
  const began = performance.now();
  let [started, ended] = [0, 0];
  await new Promise<void>((resolve) => {
    const next = (): void => {
      if (started++ < MESSAGES) run(nextMessage(), over);
    };
    const over = (): void => {
      if (++ended === MESSAGES) resolve();
      else next();
    };
    for (let n = 0; n < inFlight; n++) next();
  });
  await finish();
  return (MESSAGES * 1_000) / (performance.now() - began);
};

const unexpected = (error: unknown): void => {
  throw error;
};

/** Accepted, delivered, settled: safely accepted, and safely done. */
const throughQueue = async (queue: Queue<InboundEvent>, inFlight: number): Promise<number> => {
  const waiting = new Map<string, () => void>();
  const settle = (leased: Leased<InboundEvent>): void => {
    const { id } = leased.item;
    const next = (): void => {
      waiting.get(id)?.();
      waiting.delete(id);
    };
    queue.ack(leased).subscribe({ next, error: unexpected });
  };
  const lease = queue.lease().subscribe({ next: settle, error: unexpected });
  const rate = await rateOf(inFlight, (event, over) => {
    waiting.set(event.id, over);
    queue.add(event).subscribe({ error: unexpected });
  });
  lease.unsubscribe();
  return rate;
};

/** The same by hand: put, wait for the disk, get, remove, wait for the disk. */
const throughRaw = async ({ db, encode }: RawFile, inFlight: number): Promise<number> =>
  rateOf(inFlight, (event, over) => {
    const number = numbers;
    void db.put(number, encode(event));
    void db.flushed.then(() => {
      if (db.get(number) === undefined) throw new Error('it is not there');
      void db.remove(number);
      void db.flushed.then(over);
    });
  });

/** Through the operators, with accounts: a source in front, a pipe behind. */
const throughPlatforms = async (queue: Queue<InboundEvent>, inFlight: number): Promise<number> => {
  const accounts = openAccounts();
  const account = accounts.of('bench');
  const source = new Subject<InboundEvent>();
  const until = new Subject<void>();
  const waiting = new Map<string, () => void>();
  const writing = source.pipe(toQueue(queue)).subscribe({ error: unexpected });
  let complete = (): void => undefined;
  const completed = new Promise<void>((resolve) => (complete = resolve));
  fromQueue(queue, { accounts, until }).subscribe({
    next: (event) => {
      traceOf(event)?.conclude('handled');
      waiting.get(event.id)?.();
      waiting.delete(event.id);
    },
    error: unexpected,
    complete,
  });
  const rate = await rateOf(
    inFlight,
    (event, over) => {
      waiting.set(event.id, over);
      const trace = account.open(event);
      source.next(event);
      trace.release(account);
    },
    // When the queue knows of all.
    async () => {
      until.next();
      return completed;
    },
  );
  writing.unsubscribe();
  return rate;
};

/** The 99th percentile of what an acceptance takes, in milliseconds, when so many arrive each second. */
const patienceOf = async (accept: Run): Promise<number> => {
  const took: number[] = [];
  const began = performance.now();
  let sent = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(Math.floor(((performance.now() - began) * RATE) / 1_000), RATE * SECONDS);
      for (; sent < due; sent++) {
        // From when it was due, so that a standstill counts for all that it held up.
        const at = began + (sent * 1_000) / RATE;
        accept(nextMessage(), () => {
          took.push(performance.now() - at);
          if (took.length === RATE * SECONDS) resolve();
        });
      }
      if (sent === RATE * SECONDS) clearInterval(timer);
    }, 1);
  });
  return took.sort((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? NaN;
};

const acceptedByQueue = async (queue: Queue<InboundEvent>): Promise<number> => {
  const settle = (leased: Leased<InboundEvent>): void => {
    queue.ack(leased).subscribe({ error: unexpected });
  };
  const lease = queue.lease().subscribe({ next: settle, error: unexpected });
  const patience = await patienceOf((event, accepted) => {
    queue.add(event).subscribe({ next: accepted, error: unexpected });
  });
  lease.unsubscribe();
  return patience;
};

const acceptedByRaw = async ({ db, encode }: RawFile): Promise<number> =>
  patienceOf((event, accepted) => {
    const number = numbers;
    void db.put(number, encode(event));
    void db.flushed.then(() => {
      accepted();
      db.get(number);
      void db.remove(number);
    });
  });

/** A queue overst the database that it is made of, in the same process and on the same disk. */
export const run: Bench['run'] = async (report) => {
  const dir = mkdtempSync(join(tmpdir(), 'tidewire-bench-'));
  try {
    const file = lmdbFile({ dir: join(dir, 'queue') });
    const queue = lmdbQueue({ file, name: 'in' });
    const raw = rawFile(join(dir, 'raw'));
    for (const inFlight of [1_000, 100]) {
      await compare(
        inFlight === 1_000 ? 'queue' : `queue/${inFlight}-in-flight`,
        'msg/s',
        'raw lmdb (asked 0.3)',
        async () => throughQueue(queue, inFlight),
        async () => throughRaw(raw, inFlight),
        report,
        5,
      );
    }
    await compare(
      'queue/platforms',
      'msg/s',
      'raw lmdb',
      async () => throughPlatforms(queue, 1_000),
      async () => throughRaw(raw, 1_000),
      report,
    );
    await compare(
      'queue/accepted-p99',
      'ms',
      'raw lmdb at 5 000/s',
      async () => acceptedByQueue(queue),
      async () => acceptedByRaw(raw),
      report,
    );
    await file.close();
    await raw.close();
    await million(dir, report);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};
