export { lmdbFile, type LmdbFile, type LmdbFileConfig } from '../lmdb/lmdb-file.js';
export { lmdbQueue, type LmdbQueueConfig } from '../lmdb/lmdb-queue.js';
export { lmdbStore, type LmdbStore, type LmdbStoreConfig } from '../lmdb/lmdb-store.js';
