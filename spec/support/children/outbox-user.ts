import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { combineLatest, delay, filter, map, mergeMap, of, take, timer } from 'rxjs';
import { deliver, delivered, react, text, type OutboundAction } from 'tidewire';
import { lmdbFile, lmdbQueue, lmdbStore } from 'tidewire/lmdb';
import { fromQueue, outbox } from 'tidewire/queue';

// A program that answers events until it is killed: `outbox-user <mode> <dir> <run>`. Its platform is a file: a line for each effect.
const [, , what = '', dir = '', run = ''] = process.argv;
const mode = what === 'whole' ? 'whole' : 'asTheyCome';
const say = (line: string): void => {
  writeSync(1, `${line}\n`);
};
const journal = openSync(join(dir, 'journal'), 'a');
const file = lmdbFile({ dir: join(dir, 'data') });
const inbox = lmdbQueue({ file, name: 'in', pollMs: 5 });
const queue = lmdbQueue({ file, name: 'out', holds: 'actions', pollMs: 5 });
const store = lmdbStore({ file });

const send = (action: OutboundAction) => {
  const said = action.kind === 'text' ? action.text : '';
  writeSync(journal, `${action.conversation.id} ${action.id} ${said}\n`);
  return of(delivered(action, new Date().toISOString(), [action.id])).pipe(delay(1));
};

fromQueue(inbox)
  .pipe(
    react(() =>
      timer(1, 1).pipe(
        take(3),
        map(() => text(run)),
      ),
    ),
    outbox({ queue, store, mode }, deliver({ name: 'platform' }, send)),
  )
  .subscribe({
    next: ({ status, action }) => {
      say(`${status} ${action.id}`);
    },
    error: (error: unknown) => {
      say(`error ${String(error)}`);
    },
  });

timer(50, 20)
  .pipe(
    mergeMap(() => combineLatest([inbox.counts(), queue.counts()])),
    filter((counts) => counts.every(({ waiting }) => waiting === 0)),
    take(1),
  )
  .subscribe({
    complete: () => {
      say('idle');
    },
  });
