import type { Table } from '../queue/shelf.js';
import type { Db } from './engine.js';
import { LmdbTable } from './table.js';

/**
 * A table whose numbers only grow, as those of items do. Its pages are filled to their ends; and what the running
 * transaction has written it has at hand, so that what is handed out at once is not read back.
 *
 * @internal
 */
export class Arrivals<V> implements Table<V> {
  readonly #db: Db<number, Buffer>;
  readonly #encode: (value: V) => Buffer;
  readonly #table: LmdbTable<V>;
  /** What was written from `first` on, and is not safe yet; nothing where it was removed again. */
  #fresh: (V | undefined)[] = [];
  #first = 0;

  constructor(db: Db<number, Buffer>, encode: (value: V) => Buffer, decode: (record: Buffer) => V) {
    this.#db = db;
    this.#encode = encode;
    this.#table = new LmdbTable(db, encode, decode);
  }

  get(id: number): V | undefined {
    return this.#fresh[id - this.#first] ?? this.#table.get(id);
  }

  put(id: number, value: V): void {
    if (!isDone(this.#db.put(id, this.#encode(value), APPEND))) throw new Error(`${id} is not behind what is there`);
    if (this.#fresh.length === 0) this.#first = id;
    this.#fresh[id - this.#first] = value;
  }

  remove(id: number): boolean {
    if (id >= this.#first && this.#fresh.length > 0) this.#fresh[id - this.#first] = undefined;
    return this.#table.remove(id);
  }

  after(id: number, limit: number): readonly (readonly [number, V])[] {
    if (this.#fresh.length === 0 || id + 1 < this.#first) return this.#table.after(id, limit);
    const found: [number, V][] = [];
    for (let next = id + 1; next < this.#first + this.#fresh.length && found.length < limit; next++) {
      const value = this.#fresh[next - this.#first];
      if (value !== undefined) found.push([next, value]);
    }
    return found;
  }

  /** The transaction is over. */
  forget(): void {
    if (this.#fresh.length > 0) this.#fresh = [];
  }
}

const APPEND = { append: true } as const;

/** What lmdb answers in a transaction: a promise that tells its result at once. */
const isDone = (answer: unknown): boolean => (answer as { readonly result?: unknown }).result === true;
