import { asyncScheduler, defer, type SchedulerLike } from 'rxjs';
import { ChatError } from '../errors.js';
import type { Json } from '../model/json.js';
import { ExpiryQueue } from './expiry-queue.js';
import type { DeleteOptions, PutOptions, Revision, Store, Stored, SyncStore } from './store.js';
import { atLeast } from '../range.js';

export interface MemoryStoreConfig {
  /** How many keys it holds. Default: 1 000 000. */
  readonly maxEntries?: number;
  /**
   * What happens to a new key when it is full: `refuse` it with an `overflow` error, or `evict` the key that was written
   * longest ago. Default: `refuse`, because what is built on a store counts on what it wrote.
   */
  readonly whenFull?: 'refuse' | 'evict';
  /** Clock of the times to live. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

interface Entry extends Stored {
  readonly expiresAt: number;
  older: Entry | undefined;
  newer: Entry | undefined;
}

/**
 * A store in this process's memory: gone when the process ends. Answers synchronously. Values are kept as they are given;
 * do not change them afterwards. What has outlived its `ttlMs` is removed when the store is next used.
 *
 * @throws RangeError at the call, when `maxEntries` is below 1.
 */
export function memoryStore(config: MemoryStoreConfig = {}): Store & { readonly sync: SyncStore } {
  const sync = new MemoryStore(config);
  return {
    sync,
    get: (key) => defer(() => [sync.get(key)]),
    put: (key, value, options) => defer(() => [sync.put(key, value, options)]),
    delete: (key, options) => defer(() => [sync.delete(key, options)]),
    scan: (prefix) => defer(() => [sync.scan(prefix)]),
    forget: (prefix) => defer(() => [sync.forget(prefix)]),
  };
}

class MemoryStore implements SyncStore {
  readonly #maxEntries: number;
  readonly #whenFull: 'refuse' | 'evict';
  readonly #scheduler: SchedulerLike;
  readonly #entries = new Map<string, Entry>();
  readonly #expiry = new ExpiryQueue<Entry>();
  #oldest: Entry | undefined;
  #newest: Entry | undefined;
  #revision = 0;

  constructor({ maxEntries = 1_000_000, whenFull = 'refuse', scheduler = asyncScheduler }: MemoryStoreConfig) {
    atLeast('memoryStore: maxEntries', maxEntries, 1);
    this.#maxEntries = maxEntries;
    this.#whenFull = whenFull;
    this.#scheduler = scheduler;
  }

  get(key: string): Stored | undefined {
    this.#expire();
    return this.#entries.get(key);
  }

  put(key: string, value: Json, { if: condition, ttlMs }: PutOptions = {}): Revision | undefined {
    const now = this.#expire();
    const before = this.#entries.get(key);
    if (condition === 'absent' ? before !== undefined : condition !== undefined && before?.revision !== condition) {
      return undefined;
    }
    if (before !== undefined) this.#remove(before);
    else if (this.#entries.size >= this.#maxEntries) this.#makeRoom();
    const revision = ++this.#revision;
    const expiresAt = ttlMs === undefined ? Infinity : now + ttlMs;
    const entry: Entry = { key, value, revision, expiresAt, older: this.#newest, newer: undefined };
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    this.#entries.set(key, entry);
    if (ttlMs !== undefined) this.#expiry.add(entry);
    return revision;
  }

  delete(key: string, { if: condition }: DeleteOptions = {}): boolean {
    this.#expire();
    const entry = this.#entries.get(key);
    if (entry === undefined || (condition !== undefined && entry.revision !== condition)) return false;
    this.#remove(entry);
    return true;
  }

  scan(prefix: string): readonly Stored[] {
    this.#expire();
    return [...this.#entries.values()]
      .filter(({ key }) => key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ key, value, revision }) => ({ key, value, revision }));
  }

  forget(prefix: string): number {
    const found = this.scan(prefix);
    for (const { key } of found) this.delete(key);
    return found.length;
  }

  #expire(): number {
    const now = this.#scheduler.now();
    for (let due = this.#expiry.due(now); due !== undefined; due = this.#expiry.due(now)) {
      if (this.#entries.get(due.key) === due) this.#remove(due);
    }
    return now;
  }

  #makeRoom(): void {
    if (this.#whenFull === 'refuse' || this.#oldest === undefined) {
      throw new ChatError('overflow', 'memoryStore', `is full with ${this.#maxEntries} entries`);
    }
    this.#remove(this.#oldest);
  }

  #remove(entry: Entry): void {
    const { key, older, newer } = entry;
    this.#entries.delete(key);
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    entry.older = entry.newer = undefined;
  }
}
