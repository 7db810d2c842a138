import { open } from 'lmdb';
import { ChatError } from '../errors.js';

/** What we use of a database of lmdb: its own types speak of `any`. */
export interface Db<K, V> {
  get(key: K): V | undefined;
  put(key: K, value: V, options?: { readonly append?: boolean }): unknown;
  /** Inside of a transaction only: whether it was there. */
  removeSync(key: K): boolean;
  getRange(options: {
    readonly start?: K;
    readonly end?: K;
    readonly limit?: number;
    readonly exclusiveStart?: boolean;
  }): Iterable<{ readonly key: K; readonly value: V }>;
}

/** An open environment of lmdb. */
export interface Engine {
  /** Values as bytes, keys as numbers: in order of arrival. */
  readonly numbered: (name: string) => Db<number, Buffer>;
  /** Values as bytes, keys as bytes. */
  readonly keyed: (name: string) => Db<Uint8Array, Buffer>;
  /** The names of the databases that are there. */
  readonly names: () => readonly string[];
  /** Runs in a transaction that is written as a whole or not at all, and resolves when it is on the disk. */
  readonly transaction: (run: () => void) => Promise<unknown>;
  /** The same at once, for what is done when something is opened: databases that are made in it cost one sync together. */
  readonly transactionSync: <R>(run: () => R) => R;
  readonly close: () => Promise<void>;
}

/** How much address space it takes; lmdb makes it larger by itself. No memory and no disk. */
const MAP_BYTES = 2 ** 35;
const MAX_DATABASES = 128;

/**
 * Opens a file with lmdb, which trusts it: what is damaged or no LMDB file kills the process. Look at it before.
 *
 * A commit is not told before its pages and the page that names them are synced (`overlappingSync: false`): a sync that
 * fails fails the commit, and there is one promise to wait for. Neither are writes collected by lmdb (`eventTurnBatching: false`):
 * we do that, and its own collecting makes a promise that nobody can handle when a commit fails, which ends the process.
 *
 * @internal
 */
export const openEngine = (path: string, readOnly: boolean): Engine => {
  const root = open<Buffer, Uint8Array>(path, {
    noSubdir: true,
    overlappingSync: false,
    eventTurnBatching: false,
    mapSize: MAP_BYTES,
    maxDbs: MAX_DATABASES,
    encoding: 'binary',
    keyEncoding: 'binary',
    ...(readOnly && { readOnly }),
  });
  return {
    numbered: (name) => withRoom(() => root.openDB<Buffer, number>(name, { encoding: 'binary' })),
    keyed: (name) =>
      withRoom(() => root.openDB<Buffer, Uint8Array>(name, { encoding: 'binary', keyEncoding: 'binary' })),
    // Names end with a zero byte when their keys are text, which these are not.
    names: () => [...root.getKeys({})].map((key) => Buffer.from(key).toString().replace(/\0$/, '')),
    transaction: async (run) => root.childTransaction(run),
    transactionSync: (run) => root.transactionSync(run),
    close: async () => root.close(),
  };
};

const withRoom = <T>(make: () => T): T => {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof Error && error.message.includes('MDB_DBS_FULL'))) throw error;
    throw new ChatError('overflow', 'lmdb', 'a file has room for some 20 queues: make another one', { reason: 'full' });
  }
};
