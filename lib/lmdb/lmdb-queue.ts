import { hostname } from 'node:os';
import { either as E } from 'fp-ts';
import type { Type } from 'io-ts';
import type { Observable, SchedulerLike } from 'rxjs';
import { ChatError } from '../errors.js';
import { InboundEventCodec, OutboundActionCodec } from '../model/codec.js';
import { conversationKey, type InboundEvent, type OutboundAction } from '../model/index.js';
import { problemsOf } from '../problems.js';
import { QueueCore } from '../queue/queue-core.js';
import type { Queue, QueueLimits } from '../queue/queue.js';
import { EMPTY, jsonOf, type Head, type Leasing, type Owner, type Shelf, type Unpacked } from '../queue/shelf.js';
import { above } from '../range.js';
import { untraced } from '../trace.js';
import type { Db } from './engine.js';
import { coreOf, sideKey, type FileCore, type LmdbFile } from './lmdb-file.js';
import * as records from './records.js';
import { LmdbTable } from './table.js';
import type { Participant } from './writer.js';

export interface LmdbQueueConfig extends QueueLimits {
  readonly file: LmdbFile;
  /** Which queue of the file: letters, digits, `.`, `_` and `-`, at most 64. */
  readonly name: string;
  /**
   * How long a consumer keeps the queue that does not renew its lease, in milliseconds; it is renewed three times as often.
   * Of a process that is known to be dead the queue is taken at once. Default: 10 000.
   */
  readonly leaseMs?: number;
  /** How often a consumer looks for what other processes added, in milliseconds. Default: 25. */
  readonly pollMs?: number;
  /** Clock of attempts, leases and retention: that of the wall, since several processes compare it. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * A queue of events on the disk. What it has accepted is synced, and survives the end of the process at any moment.
 *
 * What is added at the same time is written together (group commit). Any number of processes may add; one consumer at a
 * time has the queue, the others wait for its lease. What is read back is decoded as an event; what is none becomes a dead
 * letter with its bytes.
 *
 * @throws TypeError for a file that is none, or a name with other signs; RangeError for a number out of range.
 */
export function lmdbQueue(config: LmdbQueueConfig & { readonly holds?: 'events' }): Queue<InboundEvent>;
/** The same for actions. */
export function lmdbQueue(config: LmdbQueueConfig & { readonly holds: 'actions' }): Queue<OutboundAction>;
export function lmdbQueue(
  config: LmdbQueueConfig & { readonly holds?: 'events' | 'actions' },
): Queue<InboundEvent> | Queue<OutboundAction> {
  const { file, name, holds = 'events', leaseMs = 10_000, pollMs = 25, scheduler } = config;
  if (!/^[\w.-]{1,64}$/.test(name)) throw new TypeError('lmdbQueue: name must be 1 to 64 letters, digits, . _ or -');
  above('lmdbQueue: leaseMs', leaseMs, 0);
  above('lmdbQueue: pollMs', pollMs, 0);
  const core = coreOf(file);
  const leasing: Leasing = { owner: core.owner, leaseMs, pollMs, isGone };
  if (holds === 'actions') {
    return new QueueCore(new LmdbShelf(core, name, holds, OutboundActionCodec, leasing), config, scheduler);
  }
  return new QueueCore(new LmdbShelf(core, name, holds, InboundEventCodec, leasing), config, scheduler);
}

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

class LmdbShelf<T extends InboundEvent | OutboundAction> implements Shelf<T, records.Content>, Participant {
  readonly name: string;
  readonly label = 'lmdbQueue';
  readonly medium: object;
  readonly leasing: Leasing;
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
  #head: Head | undefined;
  #isChanged = false;

  constructor(core: FileCore, name: string, holds: string, codec: Type<T, unknown>, leasing: Leasing) {
    const names = queueTables(name);
    const { engine } = core;
    this.name = name;
    this.medium = core;
    this.leasing = leasing;
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
    this.items = new LmdbTable(tables.items, records.encodeKept, records.decodeKept);
    this.letters = new LmdbTable(tables.letters, records.encodeLetter, records.decodeLetter);
    this.tries = new LmdbTable(tables.tries, records.encodeJson, records.decodeTries);
    this.batches = new LmdbTable(tables.batches, records.encodeJson, records.decodeBatch);
    this.holds = new LmdbTable(tables.holds, (key: string) => Buffer.from(key), String);
  }

  write<R>(job: () => R, last?: boolean): Observable<R> {
    return this.#core.writer.write(job, last);
  }

  head(): Head {
    if (this.#head !== undefined) return this.#head;
    const record = this.#side.get(this.#key);
    const head = record === undefined ? EMPTY : records.decodeHead(record);
    if (head === undefined) {
      throw new ChatError(
        'undecodable',
        this.label,
        `the head of ${this.name} is of a shape that this version does not know`,
      );
    }
    if (this.#core.writer.isInside) {
      this.#core.writer.join(this);
      this.#head = head;
    }
    return head;
  }

  setHead(head: Head): void {
    this.#core.writer.join(this);
    this.#head = head;
    this.#isChanged = true;
  }

  flush(): void {
    if (this.#head !== undefined && this.#isChanged) this.#side.put(this.#key, records.encodeJson(this.#head));
  }

  reset(): void {
    this.#head = undefined;
    this.#isChanged = false;
  }

  pack(item: T): { readonly key: string; readonly content: records.Content; readonly bytes: number } {
    const json = Buffer.from(jsonOf(this.label, untraced(item)));
    const key = conversationKey(item.conversation);
    return { key, content: { json }, bytes: records.keptBytes(key, json) };
  }

  unpack({ json, problem }: records.Content): Unpacked<T> {
    if (problem !== undefined) return { problems: [problem] };
    let value: unknown;
    try {
      value = JSON.parse(json.toString());
    } catch {
      return { problems: ['it is no JSON'] };
    }
    // Asking is faster than decoding, and none of these codecs changes what it accepts.
    if (this.#codec.is(value)) return { item: value };
    const decoded = this.#codec.decode(value);
    return E.isLeft(decoded) ? { problems: problemsOf(decoded.left) } : { item: decoded.right };
  }

  /** What the queue was made for, from the first time on. */
  #claim(holds: string): string {
    const key = sideKey('holds', this.name);
    const found = this.#side.get(key);
    if (found === undefined) this.#side.put(key, Buffer.from(holds));
    return found?.toString() ?? holds;
  }
}

/** Whether a process of this machine is known to have ended. Of ourselves, and of other machines, nothing is known. */
const isGone = ({ pid, host }: Owner): boolean => {
  if (pid === undefined || pid === process.pid || host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as { readonly code?: unknown }).code === 'ESRCH';
  }
};
