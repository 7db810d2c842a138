import { writeSync } from 'node:fs';
import { catchError, defer, filter, mergeMap, repeat, retry, take, tap, toArray, type Observable } from 'rxjs';
import { traceOf, type Holder, type InboundEvent, type Trace } from 'tidewire';
import { lmdbFile, lmdbQueue, lmdbStore } from 'tidewire/lmdb';
import { fromQueue, type Leased } from 'tidewire/queue';
import { message } from '../events.js';

// What a process does with a queue until it is killed: `queue-user <what> <dir> <name> [pollMs]`. Tells each thing when it is
// safe.
const [, , what = '', dir = '', name = '', pollMs = '5'] = process.argv;
const say = (line: string): void => {
  writeSync(1, `${line}\n`);
};
const fail = (error: unknown): void => {
  say(`error ${(error as { readonly kind?: string }).kind ?? ''} ${(error as Error).message}`);
};
const file = lmdbFile({ dir });
const queue = lmdbQueue({ file, name: 'in', leaseMs: 2_000, pollMs: Number(pollMs) });
const CONVERSATIONS = 5;

const finish = (leased: Leased<InboundEvent>): void => {
  queue.ack(leased).subscribe({
    next: (wasThere) => {
      say(`${wasThere ? 'done' : 'gone'} ${leased.item.id}`);
    },
    error: fail,
  });
};

/** Adds until the disk is full, makes room, and adds once more. */
const fill = (n: number): Observable<unknown> =>
  queue.add(message(`${name}${n}`, `c${n}`, 'x'.repeat(3_000))).pipe(
    tap(() => {
      say(`added ${name}${n}`);
    }),
    mergeMap(() => fill(n + 1)),
    catchError((error: unknown) => {
      if (isOver) throw error;
      isOver = true;
      fail(error);
      return makeRoom().pipe(
        // Pages are used again when nobody reads them any more.
        mergeMap(() => queue.add(message('again')).pipe(retry({ count: 50, delay: 10 }))),
        tap(() => {
          say('added again');
        }),
      );
    }),
  );
let isOver = false;
const makeRoom = (): Observable<unknown> =>
  queue.lease({ maxInFlight: 200 }).pipe(
    take(200),
    mergeMap((leased) =>
      queue.ack(leased).pipe(
        tap(() => {
          say(`done ${leased.item.id}`);
        }),
      ),
    ),
    toArray(),
    tap(() => {
      say('made room');
    }),
  );

/** Counts one up in a store that others count in, too, until it did so often enough. */
const count = (times: number): Observable<unknown> => {
  const store = lmdbStore({ file });
  return defer(() => store.get('n')).pipe(
    mergeMap((stored) => {
      const value = typeof stored?.value === 'number' ? stored.value + 1 : 1;
      return store.put('n', value, { if: stored?.revision ?? 'absent' });
    }),
    repeat(),
    filter((revision) => revision !== undefined),
    take(times),
  );
};

/** Adds messages, several at a time, until somebody ends the process. */
const produce = (): void => {
  let n = 0;
  const next = (): void => {
    const id = `${name}${++n}`;
    queue.add(message(id, `${name}-${n % CONVERSATIONS}`, 'x'.repeat(300))).subscribe({
      next: () => {
        say(`added ${id}`);
        next();
      },
      error: fail,
    });
  };
  for (let i = 0; i < 8; i++) next();
};

/** Has items in its hands, and finishes all of them whenever somebody talks to it. */
const consume = (): void => {
  const had: Leased<InboundEvent>[] = [];
  process.stdin.on('data', () => {
    had.splice(0).forEach(finish);
  });
  queue.lease().subscribe({
    next: (leased) => {
      had.push(leased);
      say(`got ${leased.item.id} ${leased.attempt}`);
    },
    error: fail,
  });
};

/** The same at the end of a pipe: says of what it has to let go of why, and handles the rest whenever somebody talks to it. */
const work = (): void => {
  const working = new Map<Trace, string>();
  const worker: Holder = {
    name: 'worker',
    cancel: (trace, outcome) => {
      say(`cancelled ${working.get(trace) ?? ''} ${outcome}`);
      working.delete(trace);
      trace.release(worker, outcome);
    },
  };
  process.stdin.on('data', () => {
    for (const trace of working.keys()) trace.release(worker, 'handled');
    working.clear();
  });
  fromQueue(queue).subscribe({
    next: (event) => {
      const trace = traceOf(event);
      if (trace === undefined) throw new Error('an event without its account');
      trace.hold(worker);
      working.set(trace, event.id);
      say(`got ${event.id}`);
    },
    error: fail,
  });
};

switch (what) {
  case 'produce':
    produce();
    break;
  case 'both':
    produce();
    queue.lease({ perKey: 2 }).subscribe({
      next: (leased) => {
        say(`got ${leased.item.id} ${leased.attempt}`);
        // Some are never done.
        if (leased.place % 7 === 0) return;
        finish(leased);
      },
      error: fail,
    });
    break;
  case 'consume':
    say('asks');
    consume();
    break;
  case 'work':
    work();
    break;
  case 'fill':
    fill(1).subscribe({ error: fail, complete: () => void file.close() });
    break;
  case 'count':
    count(Number(name)).subscribe({ error: fail, complete: () => void file.close() });
    break;
}
