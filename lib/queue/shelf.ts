import { ChatError } from '../errors.js';
import type { Outcome } from '../model/index.js';
import type { AnyTask } from './task.js';

/** Who has the lease. */
export interface Owner {
  readonly id: string;
  readonly pid?: number;
  readonly host?: string;
}

/** What a queue knows about itself, written with every change of it. */
export interface Head {
  /** The place of the next item. */
  readonly next: number;
  readonly nextLetter: number;
  readonly nextBatch: number;
  readonly waiting: number;
  readonly letters: number;
  readonly bytes: number;
  readonly damaged: number;
  readonly expired: number;
  /** Goes up with every change of the lease: whoever comes with an older one has lost it. */
  readonly fence: number;
  readonly owner: Owner | null;
  /** When the lease ends that is not renewed, in milliseconds of the clock; null: never. */
  readonly until: number | null;
  /** Goes up whenever a conversation is held or let go. */
  readonly holdChanges: number;
}

export const EMPTY: Head = {
  next: 1,
  nextLetter: 1,
  nextBatch: 1,
  waiting: 0,
  letters: 0,
  bytes: 0,
  damaged: 0,
  expired: 0,
  fence: 0,
  owner: null,
  until: null,
  holdChanges: 0,
};

/** A head while a transaction changes it. */
export type Draft = { -readonly [Name in keyof Head]: Head[Name] };

/** An item as it is kept. */
export interface Kept<C> {
  readonly key: string;
  /** When it was added, in milliseconds of the clock. */
  readonly at: number;
  readonly resubmitted: number;
  readonly bytes: number;
  readonly content: C;
}

/** A dead letter as it is kept. */
export interface KeptLetter<C> {
  readonly kept: Kept<C>;
  readonly outcome: Outcome;
  readonly touched: boolean;
  readonly reason: string | undefined;
  readonly parkedAt: number;
  readonly attempts: number;
  readonly holds: boolean;
}

/** How often an item was handed out without being done, and since when. */
export interface Tries {
  readonly attempts: number;
  readonly since: number;
}

/** Items that were handed out together, and when. */
export interface Batch {
  readonly at: number;
  readonly places: readonly number[];
}

/** Values by number. */
export interface Table<V> {
  get(id: number): V | undefined;
  put(id: number, value: V): void;
  /** Whether it was there. */
  remove(id: number): boolean;
  /** At most `limit` entries behind `id`, in order. */
  after(id: number, limit: number): readonly (readonly [number, V])[];
}

/** What came out of a kept item: itself, or why it cannot be read. */
export type Unpacked<T> = { readonly item: T } | { readonly problems: readonly string[] };

/** How leases are kept apart between processes. */
export interface Leasing {
  readonly owner: Owner;
  readonly leaseMs: number;
  /** How often a consumer looks for what other processes wrote, in milliseconds. */
  readonly pollMs: number;
  /** Whether an owner is known to be dead. */
  readonly isGone: (owner: Owner) => boolean;
}

/**
 * Where a queue keeps its things, and nothing else: all rules are the queue's. Tables are written inside of `write` only.
 *
 * @internal
 */
export interface Shelf<T, C> {
  readonly name: string;
  /** In error messages: `memoryQueue`. */
  readonly label: string;
  /** What can be written in one transaction with it. */
  readonly medium: object;
  /** Nothing when no other process can have it. */
  readonly leasing: Leasing | undefined;
  /** Writes a task, after those that came before. `last`: it may come after later ones that share its transaction. */
  readonly write: (task: AnyTask, last?: boolean) => void;
  head(): Head;
  /** The head to be changed, inside of a transaction: all changes of it are written together. */
  edit(): Draft;
  readonly items: Table<Kept<C>>;
  readonly letters: Table<KeptLetter<C>>;
  readonly tries: Table<Tries>;
  readonly batches: Table<Batch>;
  /** The keys of the conversations that wait, by letter. */
  readonly holds: Table<string>;
  /** @throws ChatError when it cannot be kept. */
  pack(item: T): { readonly key: string; readonly content: C; readonly bytes: number };
  unpack(content: C): Unpacked<T>;
}

/**
 * The JSON of an item.
 *
 * @throws ChatError `refused` when there is none: a circle, a `bigint`.
 * @internal
 */
export const jsonOf = (label: string, item: object): string => {
  try {
    return JSON.stringify(item);
  } catch {
    throw new ChatError('refused', label, 'an item cannot be written as JSON', { reason: 'noJson' });
  }
};
