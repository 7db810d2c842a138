import type { Table } from '../queue/shelf.js';
import type { Db } from './engine.js';

/**
 * Values by number in a database of their own, in order.
 *
 * @internal
 */
export class LmdbTable<V> implements Table<V> {
  readonly #db: Db<number, Buffer>;
  readonly #encode: (value: V) => Buffer;
  readonly #decode: (record: Buffer) => V;

  constructor(db: Db<number, Buffer>, encode: (value: V) => Buffer, decode: (record: Buffer) => V) {
    this.#db = db;
    this.#encode = encode;
    this.#decode = decode;
  }

  get(id: number): V | undefined {
    const record = this.#db.get(id);
    return record === undefined ? undefined : this.#decode(record);
  }

  put(id: number, value: V): void {
    this.#db.put(id, this.#encode(value));
  }

  remove(id: number): boolean {
    return this.#db.removeSync(id);
  }

  after(id: number, limit: number): readonly (readonly [number, V])[] {
    const found: [number, V][] = [];
    const range = { start: id + 1, ...(limit !== Infinity && { limit }) };
    for (const { key, value } of this.#db.getRange(range)) found.push([key, this.#decode(value)]);
    return found;
  }
}
