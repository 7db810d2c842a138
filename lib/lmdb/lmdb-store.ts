import { asyncScheduler, defer, map, type Observable, type SchedulerLike } from 'rxjs';
import { ChatError } from '../errors.js';
import type { Json } from '../model/index.js';
import { above, atLeast } from '../range.js';
import type { DeleteOptions, PutOptions, Revision, Store, Stored } from '../store/store.js';
import { onOneMedium, writeAll, Writing, type Together } from '../store/writing.js';
import type { Db } from './engine.js';
import { coreOf, sideKey, type FileCore, type LmdbFile } from './lmdb-file.js';
import { encodeJson, isCount, objectIn } from './records.js';
import {
  behind,
  decodeRecord,
  dueEnd,
  duePlace,
  encodeRecord,
  placeOf,
  placesOf,
  type StoreRecord,
} from './store-records.js';
import type { Participant } from './writer.js';

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
  return new DiskStore(coreOf(config.file), name, maxEntries, maxBytes, config.scheduler ?? asyncScheduler);
}

/** Names of the databases of a store. */
export const storeTables = (name: string): { readonly values: string; readonly due: string } => ({
  values: `s/${name}/values`,
  due: `s/${name}/due`,
});

/** What a store knows about itself. */
interface StoreHead {
  readonly entries: number;
  readonly bytes: number;
  readonly revision: number;
}

/** How a value would be kept. */
interface Fitted {
  readonly place: Buffer;
  readonly before: Buffer | undefined;
  readonly record: Buffer;
  readonly head: StoreHead;
}

/** How many records that are over are removed with each write. */
const SWEEP = 64;

class DiskStore implements LmdbStore, Participant {
  readonly #core: FileCore;
  readonly #values: Db<Uint8Array, Buffer>;
  readonly #due: Db<Uint8Array, Buffer>;
  readonly #name: string;
  readonly #key: Uint8Array;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #scheduler: SchedulerLike;
  #head: StoreHead | undefined;

  constructor(core: FileCore, name: string, maxEntries: number, maxBytes: number, scheduler: SchedulerLike) {
    const { values, due } = storeTables(name);
    this.#core = core;
    const { engine } = core;
    [this.#values, this.#due] = engine.transactionSync(() => [engine.keyed(values), engine.keyed(due)] as const);
    this.#name = name;
    this.#key = sideKey('store', name);
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
    this.#scheduler = scheduler;
  }

  get(key: string): Observable<Stored | undefined> {
    return defer(() => [stored(this.#read(placeOf(key)))]);
  }

  put(
    key: string,
    value: Json,
    { if: condition, ttlMs, together = [] }: PutOptions & Together = {},
  ): Observable<Revision | undefined> {
    onOneMedium('lmdbStore', this.#core, together);
    return this.#write(together, () => {
      const before = this.#read(placeOf(key));
      return holds(before, condition) ? this.#put(key, value, ttlMs) : undefined;
    });
  }

  putting(key: string, value: Json, { if: condition, ttlMs }: PutOptions = {}): Writing {
    return new Writing(
      this.#core,
      () => {
        this.#check(key, condition);
        this.#fit(key, value, null);
      },
      () => {
        this.#put(key, value, ttlMs);
      },
    );
  }

  delete(key: string, { if: condition, together = [] }: DeleteOptions & Together = {}): Observable<boolean> {
    onOneMedium('lmdbStore', this.#core, together);
    return this.#write(together, () => {
      const before = this.#read(placeOf(key));
      if (before === undefined || (condition !== undefined && before.revision !== condition)) return undefined;
      this.#remove(placeOf(key));
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
        this.#remove(placeOf(key));
      },
    );
  }

  scan(prefix: string): Observable<readonly Stored[]> {
    return defer(() => [this.#scan(prefix).flatMap((record) => stored(record) ?? [])]);
  }

  forget(prefix: string): Observable<number> {
    return this.#core.writer.write(() => {
      const found = this.#scan(prefix);
      for (const { key } of found) this.#remove(placeOf(key));
      return found.length;
    });
  }

  flush(): void {
    if (this.#head !== undefined) this.#core.side.put(this.#key, encodeJson(this.#head));
  }

  reset(): void {
    this.#head = undefined;
  }

  #write<R>(together: readonly Writing[], job: () => R | undefined): Observable<R | undefined> {
    return this.#core.writer
      .write(() => {
        for (const writing of together) writing.check();
        const result = job();
        if (result !== undefined) writeAll(together);
        return result;
      })
      .pipe(
        map((result) => {
          if (result !== undefined) for (const { written } of together) written();
          return result;
        }),
      );
  }

  #put(key: string, value: Json, ttlMs: number | undefined): Revision {
    const now = this.#scheduler.now();
    this.#sweep(now);
    const until = ttlMs === undefined ? null : now + ttlMs;
    const { place, before, record, head } = this.#fit(key, value, until);
    this.#forgetEnd(place, before);
    this.#values.put(place, record);
    if (until !== null) this.#due.put(duePlace(until, place), place);
    this.#head = head;
    return head.revision;
  }

  /** How it would be kept, and what there would be then: throws when that is too much. */
  #fit(key: string, value: Json, until: number | null): Fitted {
    const place = placeOf(key);
    const before = this.#values.get(place);
    const { entries, bytes, revision } = this.#open();
    const record = encodeRecord({ key, value, revision: revision + 1, until });
    const head: StoreHead = {
      entries: before === undefined ? entries + 1 : entries,
      bytes: bytes + record.length - (before?.length ?? 0),
      revision: revision + 1,
    };
    const details = { retryable: true, reason: 'full' };
    if (head.entries > entries && head.entries > this.#maxEntries) {
      throw new ChatError('overflow', 'lmdbStore', `is full with ${this.#maxEntries} entries`, details);
    }
    if (head.bytes > bytes && head.bytes > this.#maxBytes) {
      throw new ChatError('overflow', 'lmdbStore', `is full: ${this.#maxBytes} bytes is its limit`, details);
    }
    return { place, before, record, head };
  }

  #remove(place: Buffer): void {
    const before = this.#values.get(place);
    if (before === undefined) return;
    const { entries, bytes, revision } = this.#open();
    this.#forgetEnd(place, before);
    this.#values.removeSync(place);
    this.#head = { entries: entries - 1, bytes: bytes - before.length, revision };
  }

  #forgetEnd(place: Buffer, record: Buffer | undefined): void {
    const until = record === undefined ? null : (decodeRecord(record)?.until ?? null);
    if (until !== null) this.#due.removeSync(duePlace(until, place));
  }

  /** Removes some of what is over. */
  #sweep(now: number): void {
    const range = { start: Buffer.of(0), end: dueEnd(now), limit: SWEEP };
    for (const { key, value } of [...this.#due.getRange(range)]) {
      this.#due.removeSync(key);
      this.#remove(value);
    }
  }

  /** What is kept at a place and is not over. */
  #read(place: Buffer): StoreRecord | undefined {
    const record = this.#values.get(place);
    return record === undefined ? undefined : this.#current(record);
  }

  #current(record: Buffer): StoreRecord | undefined {
    const found = decodeRecord(record);
    if (found === undefined) {
      const sentence = `${this.#name} holds a record of a shape that this version does not know`;
      throw new ChatError('undecodable', 'lmdbStore', sentence);
    }
    return found.until !== null && found.until <= this.#scheduler.now() ? undefined : found;
  }

  #scan(prefix: string): readonly StoreRecord[] {
    const places = placesOf(prefix);
    return [...this.#values.getRange({ start: places, end: behind(places) })]
      .flatMap(({ value }) => this.#current(value) ?? [])
      .filter(({ key }) => key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  #check(key: string, condition: PutOptions['if']): void {
    if (holds(this.#read(placeOf(key)), condition)) return;
    throw new ChatError('conflict', 'lmdbStore', 'somebody else was faster', { reason: 'revision' });
  }

  /** The head, inside of a transaction. */
  #open(): StoreHead {
    if (this.#head !== undefined) return this.#head;
    const record = this.#core.side.get(this.#key);
    const found = record === undefined ? { entries: 0, bytes: 0, revision: 0 } : objectIn(record);
    const { entries, bytes, revision } = found ?? {};
    if (!isCount(entries) || !isCount(bytes) || !isCount(revision)) {
      const sentence = `the head of ${this.#name} is of a shape that this version does not know`;
      throw new ChatError('undecodable', 'lmdbStore', sentence);
    }
    this.#core.writer.join(this);
    return (this.#head = { entries, bytes, revision });
  }
}

const holds = (before: StoreRecord | undefined, condition: PutOptions['if']): boolean => {
  if (condition === 'absent') return before === undefined;
  return condition === undefined || before?.revision === condition;
};

const stored = (record: StoreRecord | undefined): Stored | undefined =>
  record === undefined ? undefined : { key: record.key, value: record.value, revision: record.revision };
