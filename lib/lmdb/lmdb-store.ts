import { asyncScheduler, defer, map, type Observable, type SchedulerLike } from 'rxjs';
import { ChatError } from '../errors.js';
import type { Json } from '../model/index.js';
import { writing } from '../queue/task.js';
import { above, atLeast } from '../range.js';
import type { DeleteOptions, PutOptions, Revision, Store, Stored, StoreUsers } from '../store/store.js';
import { onOneMedium, writeAll, Writing, type Together } from '../store/writing.js';
import { coreOf, type FileCore, type LmdbFile } from './lmdb-file.js';
import { isGoneOwner } from './owner.js';
import type { StoreRecord } from './store-records.js';
import { StoreTable } from './store-table.js';

export interface LmdbStoreConfig {
  readonly file: LmdbFile;
  /** Which store of the file: letters, digits, `.`, `_` and `-`, at most 64. Default: `store`. */
  readonly name?: string;
  /** How many keys it holds. Default: 1 000 000. */
  readonly maxEntries?: number;
  /** How many bytes its records take. Default: 1 GiB. */
  readonly maxBytes?: number;
  /** Clock of the times to live: that of the wall, since several processes compare it. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** A store on the disk, which can also be written together with the queues and the other stores of its file. */
export interface LmdbStore extends Store {
  put(key: string, value: Json, options?: PutOptions & Together): Observable<Revision | undefined>;
  delete(key: string, options?: DeleteOptions & Together): Observable<boolean>;
  /** A `put` as a part of another transaction, which is refused with `conflict` when the condition does not hold. */
  putting(key: string, value: Json, options?: PutOptions): Writing;
  /** The same for `delete`. */
  deleting(key: string, options?: DeleteOptions): Writing;
}

/**
 * A store that survives the end of the process at any moment: what a call has emitted is synced. Several processes may use
 * one at the same time, compare-and-set holds between them. Every write waits for the disk, those of the same time
 * together; reads do not wait.
 *
 * @throws TypeError for a file that is none, or a name with other signs; RangeError for a number out of range.
 */
export function lmdbStore(config: LmdbStoreConfig): LmdbStore {
  const { name = 'store', maxEntries = 1_000_000, maxBytes = 2 ** 30 } = config;
  if (!/^[\w.-]{1,64}$/.test(name)) throw new TypeError('lmdbStore: name must be 1 to 64 letters, digits, . _ or -');
  atLeast('lmdbStore: maxEntries', maxEntries, 1);
  above('lmdbStore: maxBytes', maxBytes, 0);
  const core = coreOf(config.file);
  return new DiskStore(core, new StoreTable(core, name, { maxEntries, maxBytes }, config.scheduler ?? asyncScheduler));
}

class DiskStore implements LmdbStore {
  readonly users: StoreUsers;
  readonly #core: FileCore;
  readonly #table: StoreTable;

  constructor(core: FileCore, table: StoreTable) {
    this.users = { self: { ...core.owner }, isGone: isGoneOwner };
    this.#core = core;
    this.#table = table;
  }

  get(key: string): Observable<Stored | undefined> {
    return defer(() => [stored(this.#table.read(key))]);
  }

  put(
    key: string,
    value: Json,
    { if: condition, ttlMs, together = [] }: PutOptions & Together = {},
  ): Observable<Revision | undefined> {
    return this.#write(together, () =>
      holds(this.#table.read(key), condition) ? this.#table.put(key, value, ttlMs) : undefined,
    );
  }

  putting(key: string, value: Json, { if: condition, ttlMs }: PutOptions = {}): Writing {
    return new Writing(
      this.#core,
      () => {
        this.#check(key, condition);
        this.#table.checkRoom(key, value);
      },
      () => {
        this.#table.put(key, value, ttlMs);
      },
    );
  }

  delete(key: string, { if: condition, together = [] }: DeleteOptions & Together = {}): Observable<boolean> {
    return this.#write(together, () => {
      const before = this.#table.read(key);
      if (before === undefined || !holds(before, condition)) return undefined;
      this.#table.remove(key);
      return true;
    }).pipe(map((deleted) => deleted === true));
  }

  deleting(key: string, { if: condition }: DeleteOptions = {}): Writing {
    return new Writing(
      this.#core,
      () => {
        this.#check(key, condition);
      },
      () => {
        this.#table.remove(key);
      },
    );
  }

  scan(prefix: string): Observable<readonly Stored[]> {
    return defer(() => [this.#table.scan(prefix).flatMap((record) => stored(record) ?? [])]);
  }

  forget(prefix: string): Observable<number> {
    const run = (): number => {
      const found = this.#table.scan(prefix);
      for (const { key } of found) this.#table.remove(key);
      return found.length;
    };
    return writing(this.#core.writer.write, () => ({ run }));
  }

  /** Writes, and what belongs together with it, unless there is nothing to be done. */
  #write<R>(together: readonly Writing[], job: () => R | undefined): Observable<R | undefined> {
    onOneMedium('lmdbStore', this.#core, together);
    const run = (): R | undefined => {
      for (const part of together) part.check();
      const result = job();
      if (result !== undefined) writeAll(together);
      return result;
    };
    const then = (result: R | undefined): void => {
      if (result !== undefined) for (const part of together) part.written();
    };
    return writing(this.#core.writer.write, () => ({ run, then }));
  }

  #check(key: string, condition: PutOptions['if']): void {
    if (holds(this.#table.read(key), condition)) return;
    throw new ChatError('conflict', 'lmdbStore', 'somebody else was faster', { reason: 'revision' });
  }
}

const holds = (before: StoreRecord | undefined, condition: PutOptions['if']): boolean => {
  if (condition === 'absent') return before === undefined;
  return condition === undefined || before?.revision === condition;
};

const stored = (record: StoreRecord | undefined): Stored | undefined =>
  record === undefined ? undefined : { key: record.key, value: record.value, revision: record.revision };
