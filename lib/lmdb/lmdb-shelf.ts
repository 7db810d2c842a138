import { either as E } from 'fp-ts';
import type { Type } from 'io-ts';
import { ChatError } from '../errors.js';
import { conversationKey, type InboundEvent, type OutboundAction } from '../model/index.js';
import { problemsOf } from '../problems.js';
import { EMPTY, jsonOf, type Draft, type Head, type Leasing, type Shelf, type Unpacked } from '../queue/shelf.js';
import { Arrivals } from './arrivals.js';
import type { Db } from './engine.js';
import { sideKey, type FileCore } from './lmdb-file.js';
import * as records from './records.js';
import { LmdbTable } from './table.js';
import type { Participant } from './writer.js';

/** Names of the databases of a queue. */
export const queueTables = (
  name: string,
): Readonly<Record<'items' | 'letters' | 'tries' | 'batches' | 'holds', string>> => ({
  items: `q/${name}/items`,
  letters: `q/${name}/letters`,
  tries: `q/${name}/tries`,
  batches: `q/${name}/batches`,
  holds: `q/${name}/holds`,
});

/**
 * Where a queue on the disk keeps its things: databases of its own, and its head beside those of the others.
 *
 * @internal
 */
export class LmdbShelf<T extends InboundEvent | OutboundAction> implements Shelf<T, records.Content>, Participant {
  readonly name: string;
  readonly label = 'lmdbQueue';
  readonly medium: object;
  readonly leasing: Leasing;
  readonly write: Shelf<T, records.Content>['write'];
  readonly items;
  readonly letters;
  readonly tries;
  readonly batches;
  readonly holds;
  readonly #core: FileCore;
  readonly #codec: Type<T, unknown>;
  readonly #side: Db<Uint8Array, Buffer>;
  readonly #key: Uint8Array;
  /** While a transaction runs: the head as it is in it. */
  #head: Draft | undefined;
  #isChanged = false;

  constructor(core: FileCore, name: string, holds: string, codec: Type<T, unknown>, leasing: Leasing) {
    const names = queueTables(name);
    const { engine } = core;
    this.name = name;
    this.medium = core;
    this.leasing = leasing;
    this.write = core.writer.write;
    this.#core = core;
    this.#codec = codec;
    this.#side = core.side;
    this.#key = sideKey('queue', name);
    const tables = engine.transactionSync(() => {
      const found = this.#claim(holds);
      if (found !== holds) return found;
      return {
        items: engine.numbered(names.items),
        letters: engine.numbered(names.letters),
        tries: engine.numbered(names.tries),
        batches: engine.numbered(names.batches),
        holds: engine.numbered(names.holds),
      };
    });
    if (typeof tables === 'string') throw new TypeError(`lmdbQueue: ${name} of this file holds ${tables}`);
    this.items = new Arrivals(tables.items, records.encodeKept, records.decodeKept);
    this.letters = new LmdbTable(tables.letters, records.encodeLetter, records.decodeLetter);
    this.tries = new LmdbTable(tables.tries, records.encodeJson, records.decodeTries);
    this.batches = new LmdbTable(tables.batches, records.encodeJson, records.decodeBatch);
    this.holds = new LmdbTable(tables.holds, (key: string) => Buffer.from(key), String);
  }

  head(): Head {
    if (this.#head !== undefined) return this.#head;
    const head = this.#read();
    if (this.#core.writer.isInside) {
      this.#core.writer.join(this);
      this.#head = head;
    }
    return head;
  }

  edit(): Draft {
    if (this.#head === undefined) {
      this.#core.writer.join(this);
      this.#head = this.#read();
    }
    this.#isChanged = true;
    return this.#head;
  }

  flush(): void {
    if (this.#head !== undefined && this.#isChanged) this.#side.put(this.#key, records.encodeJson(this.#head));
  }

  reset(): void {
    this.items.forget();
    this.#head = undefined;
    this.#isChanged = false;
  }

  pack(item: T): { readonly key: string; readonly content: records.Content; readonly bytes: number } {
    const key = conversationKey(item.conversation);
    // Its trace is none of its JSON: it stands under a symbol.
    const content = records.recordOf(key, jsonOf(this.label, item));
    return { key, content, bytes: content.record.length };
  }

  unpack(content: records.Content): Unpacked<T> {
    if (content.problem !== undefined) return { problems: [content.problem] };
    let value: unknown;
    try {
      value = JSON.parse(records.jsonIn(content));
    } catch {
      return { problems: ['it is no JSON'] };
    }
    // Asking is faster than decoding, and none of these codecs changes what it accepts.
    if (this.#codec.is(value)) return { item: value };
    const decoded = this.#codec.decode(value);
    return E.isLeft(decoded) ? { problems: problemsOf(decoded.left) } : { item: decoded.right };
  }

  #read(): Draft {
    this.#core.writer.checkOpen();
    const record = this.#side.get(this.#key);
    const head = record === undefined ? { ...EMPTY } : records.decodeHead(record);
    if (head !== undefined) return head;
    const sentence = `the head of ${this.name} is of a shape that this version does not know`;
    throw new ChatError('undecodable', this.label, sentence);
  }

  /** What the queue was made for, from the first time on. */
  #claim(holds: string): string {
    const key = sideKey('holds', this.name);
    const found = this.#side.get(key);
    if (found === undefined) this.#side.put(key, Buffer.from(holds));
    return found?.toString() ?? holds;
  }
}
