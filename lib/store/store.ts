import type { Observable } from 'rxjs';
import type { Json } from '../model/json.js';

/** Changes with every write of a key, and is never used again for that key, not even after a deletion. */
export type Revision = number;

/** What a store has under a key. */
export interface Stored {
  readonly key: string;
  /** Plain JSON data. Whoever writes it puts the version of its shape into it, and reads older versions. */
  readonly value: Json;
  readonly revision: Revision;
}

export interface PutOptions {
  /** Writes only if there is nothing, or if this is still the revision. Default: always. */
  readonly if?: 'absent' | Revision;
  /** How long it is kept from now on, in milliseconds. Default: for ever. */
  readonly ttlMs?: number;
}

export interface DeleteOptions {
  /** Deletes only if this is still the revision. Default: always. */
  readonly if?: Revision;
}

/**
 * Keys and values with compare-and-set, the one primitive that claims, leases, budgets, choices and ownership are built
 * on. Every method returns a cold Observable of one value: subscribing acts.
 *
 * @throws ChatError from every Observable: `overflow` when the store is full, `unreachable` when it cannot be reached.
 */
export interface Store {
  get(key: string): Observable<Stored | undefined>;
  /** Emits the new revision, or `undefined` when the condition did not hold and nothing was written. */
  put(key: string, value: Json, options?: PutOptions): Observable<Revision | undefined>;
  /** Emits whether something was deleted. */
  delete(key: string, options?: DeleteOptions): Observable<boolean>;
  /** Emits everything whose key begins with `prefix`, sorted by key. */
  scan(prefix: string): Observable<readonly Stored[]>;
  /** Deletes everything whose key begins with `prefix`, and emits how much that was. */
  forget(prefix: string): Observable<number>;
  /** The same without Observables, where the store answers at once. */
  readonly sync?: SyncStore;
  /** Who uses the store, where it can tell: what a process claimed that is known to be dead need not wait for a lease. */
  readonly users?: StoreUsers;
}

/** The processes that use a store. */
export interface StoreUsers {
  /** This process, to be written into what it claims. */
  readonly self: Json;
  /** Whether the process that wrote `user` into a claim is known to be dead. */
  isGone(user: unknown): boolean;
}

/** A store that answers at once. */
export interface SyncStore {
  get(key: string): Stored | undefined;
  put(key: string, value: Json, options?: PutOptions): Revision | undefined;
  delete(key: string, options?: DeleteOptions): boolean;
  scan(prefix: string): readonly Stored[];
  forget(prefix: string): number;
}
