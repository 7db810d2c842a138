import type { SchedulerLike } from 'rxjs';
import { ChatError } from '../errors.js';
import type { Json } from '../model/index.js';
import type { Revision } from '../store/store.js';
import type { Db } from './engine.js';
import { sideKey, type FileCore } from './lmdb-file.js';
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

/** Names of the databases of a store. */
const storeTables = (name: string): { readonly values: string; readonly due: string } => ({
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

/** How much a store holds at most. */
export interface StoreLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/**
 * What a store keeps, in databases of its own: counted, and removed when it is over. Written inside of transactions.
 *
 * @internal
 */
export class StoreTable implements Participant {
  readonly #core: FileCore;
  readonly #name: string;
  readonly #limits: StoreLimits;
  readonly #scheduler: SchedulerLike;
  readonly #values: Db<Uint8Array, Buffer>;
  readonly #due: Db<Uint8Array, Buffer>;
  readonly #key: Uint8Array;
  #head: StoreHead | undefined;

  constructor(core: FileCore, name: string, limits: StoreLimits, scheduler: SchedulerLike) {
    const { values, due } = storeTables(name);
    const { engine } = core;
    this.#core = core;
    [this.#values, this.#due] = engine.transactionSync(() => [engine.keyed(values), engine.keyed(due)] as const);
    this.#name = name;
    this.#key = sideKey('store', name);
    this.#limits = limits;
    this.#scheduler = scheduler;
  }

  /** What is kept under a key and is not over. */
  read(key: string): StoreRecord | undefined {
    this.#core.writer.checkOpen();
    const record = this.#values.get(placeOf(key));
    return record === undefined ? undefined : this.#current(record);
  }

  /** What is kept under the keys that begin so, and is not over. */
  scan(prefix: string): readonly StoreRecord[] {
    this.#core.writer.checkOpen();
    const places = placesOf(prefix);
    return [...this.#values.getRange({ start: places, end: behind(places) })]
      .flatMap(({ value }) => this.#current(value) ?? [])
      .filter(({ key }) => key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  put(key: string, value: Json, ttlMs: number | undefined): Revision {
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

  remove(key: string): void {
    this.#remove(placeOf(key));
  }

  /** @throws ChatError `overflow` when there is no room for it. */
  checkRoom(key: string, value: Json): void {
    this.#fit(key, value, null);
  }

  flush(): void {
    if (this.#head !== undefined) this.#core.side.put(this.#key, encodeJson(this.#head));
  }

  reset(): void {
    this.#head = undefined;
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
    if (head.entries > entries && head.entries > this.#limits.maxEntries) {
      throw new ChatError('overflow', 'lmdbStore', `is full with ${this.#limits.maxEntries} entries`, details);
    }
    if (head.bytes > bytes && head.bytes > this.#limits.maxBytes) {
      throw new ChatError('overflow', 'lmdbStore', `is full: ${this.#limits.maxBytes} bytes is its limit`, details);
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

  #current(record: Buffer): StoreRecord | undefined {
    const found = decodeRecord(record);
    if (found === undefined) {
      const sentence = `${this.#name} holds a record of a shape that this version does not know`;
      throw new ChatError('undecodable', 'lmdbStore', sentence);
    }
    return found.until !== null && found.until <= this.#scheduler.now() ? undefined : found;
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
