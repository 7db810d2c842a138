import type { SchedulerLike } from 'rxjs';
import { conversationKey, type InboundEvent, type OutboundAction } from '../model/index.js';
import { MEMORY } from '../store/writing.js';
import { untraced } from '../trace.js';
import { QueueCore } from './queue-core.js';
import type { Queue, QueueLimits } from './queue.js';
import {
  EMPTY,
  jsonOf,
  type Batch,
  type Draft,
  type Head,
  type Kept,
  type KeptLetter,
  type Shelf,
  type Table,
  type Tries,
} from './shelf.js';
import type { AnyTask } from './task.js';

export interface MemoryQueueConfig extends QueueLimits {
  /** Named in reports. Default: `queue`. */
  readonly name?: string;
  /** Clock of the attempts and of the retention. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * A queue in this process's memory: gone when the process ends. Answers synchronously; for specs, for bounding what waits,
 * and in front of what is durable elsewhere. Items are kept as they are given, without their trace; do not change them
 * afterwards. Their bytes are those of their JSON.
 *
 * @throws RangeError at the call, when a limit is out of range.
 */
export function memoryQueue<T extends InboundEvent | OutboundAction = InboundEvent>(
  config: MemoryQueueConfig = {},
): Queue<T> {
  return new QueueCore(new MemoryShelf<T>(config.name ?? 'queue'), config, config.scheduler);
}

class MemoryTable<V> implements Table<V> {
  readonly #values = new Map<number, V>();
  #last = 0;

  get(id: number): V | undefined {
    return this.#values.get(id);
  }

  put(id: number, value: V): void {
    this.#values.set(id, value);
    if (id > this.#last) this.#last = id;
  }

  remove(id: number): boolean {
    return this.#values.delete(id);
  }

  after(id: number, limit: number): readonly (readonly [number, V])[] {
    if (limit === Infinity) return [...this.#values].filter(([other]) => other > id).sort(([a], [b]) => a - b);
    const found: [number, V][] = [];
    // Not by iterating: what is deleted at the head of a `Map` stays in the way of its iterators.
    for (let next = id + 1; next <= this.#last && found.length < limit; next++) {
      const value = this.#values.get(next);
      if (value !== undefined) found.push([next, value]);
    }
    return found;
  }
}

class MemoryShelf<T extends InboundEvent | OutboundAction> implements Shelf<T, T> {
  readonly name: string;
  readonly label = 'memoryQueue';
  readonly medium = MEMORY;
  readonly leasing = undefined;
  readonly items = new MemoryTable<Kept<T>>();
  readonly letters = new MemoryTable<KeptLetter<T>>();
  readonly tries = new MemoryTable<Tries>();
  readonly batches = new MemoryTable<Batch>();
  readonly holds = new MemoryTable<string>();
  readonly #head: Draft = { ...EMPTY };

  constructor(name: string) {
    this.name = name;
  }

  readonly write = (task: AnyTask): void => {
    try {
      task.run();
    } catch (error) {
      task.end(error);
      return;
    }
    task.end();
  };

  head(): Head {
    return this.#head;
  }

  edit(): Draft {
    return this.#head;
  }

  pack(item: T): { readonly key: string; readonly content: T; readonly bytes: number } {
    const content = untraced(item);
    return { key: conversationKey(item.conversation), content, bytes: jsonOf(this.label, content).length };
  }

  unpack(item: T): { readonly item: T } {
    return { item };
  }
}
