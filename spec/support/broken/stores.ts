import { EMPTY, map, mergeMap, of, ReplaySubject, type Observable } from 'rxjs';
import type { PutOptions, Revision, Store } from 'tidewire';
import type { LmdbStore } from 'tidewire/lmdb';

/** Makes a store out of a correct one. */
type Breaking = (store: LmdbStore) => Store;

const fields = (store: LmdbStore): Omit<LmdbStore, 'sync'> => ({
  get: (key) => store.get(key),
  put: (key, value, options) => store.put(key, value, options),
  delete: (key, options) => store.delete(key, options),
  scan: (prefix) => store.scan(prefix),
  forget: (prefix) => store.forget(prefix),
  putting: (key, value, options) => store.putting(key, value, options),
  deleting: (key, options) => store.deleting(key, options),
});

/** Options of a `put` without its condition. */
const unconditional = ({ ttlMs }: PutOptions = {}): PutOptions => (ttlMs === undefined ? {} : { ttlMs });

/** Looks first, and writes then: somebody else may do so in between. */
const looksBeforeItWrites: Breaking = (store) => ({
  ...fields(store),
  put: (key, value, options) =>
    store.get(key).pipe(
      mergeMap((stored) => {
        const { if: condition } = options ?? {};
        const isRight = condition === undefined || (stored?.revision ?? 'absent') === condition;
        return isRight ? store.put(key, value, unconditional(options)) : of(undefined);
      }),
    ),
});

/** Counts the revisions of each key, and forgets how many there were. */
export const countsRevisionsAnew: Breaking = (store) => {
  const real = new Map<string, Revision[]>();
  const toReal = (key: string, told: Revision): Revision => real.get(key)?.[told - 1] ?? -1;
  const fromReal = (key: string, revision: Revision): Revision => (real.get(key)?.indexOf(revision) ?? -1) + 1;
  return {
    ...fields(store),
    get: (key) =>
      store.get(key).pipe(map((stored) => stored && { ...stored, revision: fromReal(key, stored.revision) })),
    put: (key, value, { if: condition, ...options } = {}) => {
      const mapped = typeof condition === 'number' ? toReal(key, condition) : condition;
      return store.put(key, value, mapped === undefined ? options : { ...options, if: mapped }).pipe(
        map((revision) => {
          if (revision === undefined) return undefined;
          const all = real.get(key) ?? [];
          real.set(key, all);
          return all.push(revision);
        }),
      );
    },
    delete: (key, { if: condition } = {}) =>
      store.delete(key, condition === undefined ? {} : { if: toReal(key, condition) }).pipe(
        map((isDeleted) => {
          if (isDeleted) real.delete(key);
          return isDeleted;
        }),
      ),
  };
};

/** By the spec of the store contract that it fails: stores that break one law each. */
export const brokenStores: Readonly<Record<string, Breaking>> = {
  'gives back what was put, and nothing for what was not': (store) => ({
    ...fields(store),
    get: (key) => store.get(key).pipe(map((stored) => stored && { ...stored, revision: stored.revision + 1 })),
  }),
  'acts when subscribed, each time again': (store) => ({
    ...fields(store),
    put: (key, value, options): Observable<Revision | undefined> => {
      const done = new ReplaySubject<Revision | undefined>(1);
      store.put(key, value, options).subscribe(done);
      return done;
    },
  }),
  'puts if absent once, whoever races': looksBeforeItWrites,
  'puts if the revision still holds: of many increments none is lost': looksBeforeItWrites,
  'refuses a revision of a key that is gone': (store) => ({
    ...fields(store),
    put: (key, value, options) =>
      store
        .get(key)
        .pipe(
          mergeMap((stored) => store.put(key, value, stored === undefined ? unconditional(options) : (options ?? {}))),
        ),
  }),
  'uses no revision of a key again, not even after its deletion': countsRevisionsAnew,
  'deletes, if the revision still holds': (store) => ({ ...fields(store), delete: (key) => store.delete(key) }),
  'forgets a key after its time to live, counted from the last write': (store) => {
    const written = new Set<string>();
    return {
      ...fields(store),
      put: (key, value, { ttlMs, ...options } = {}) => {
        const isFirst = !written.has(key);
        written.add(key);
        return store.put(key, value, ttlMs !== undefined && isFirst ? { ...options, ttlMs } : options);
      },
    };
  },
  'keeps a key for ever that is written without a time to live': (store) => {
    const last = new Map<string, number>();
    return {
      ...fields(store),
      put: (key, value, options = {}) => {
        const ttlMs = options.ttlMs ?? last.get(key);
        if (ttlMs !== undefined) last.set(key, ttlMs);
        return store.put(key, value, ttlMs === undefined ? options : { ...options, ttlMs });
      },
    };
  },
  'scans by prefix, sorted by key': (store) => ({
    ...fields(store),
    scan: (prefix) => store.scan(prefix).pipe(map((all) => [...all].sort((a, b) => a.revision - b.revision))),
  }),
  'forgets by prefix': (store) => ({ ...fields(store), forget: () => store.forget('') }),
  'keeps keys apart whatever they contain': (store) => ({
    ...fields(store),
    get: (key) => store.get(key.toLowerCase()),
    put: (key, value, options) => store.put(key.toLowerCase(), value, options),
  }),
  'emits one value and completes': (store) => ({
    ...fields(store),
    get: (key) => store.get(key).pipe(mergeMap((stored) => (stored === undefined ? EMPTY : of(stored)))),
  }),
};

/** Stores that do not write together what belongs together. */
export const brokenTogether: Readonly<Record<string, (store: LmdbStore) => LmdbStore>> = {
  'writes its own part alone': (store) => ({
    ...fields(store),
    put: (key, value, { together: _, ...options } = {}) => store.put(key, value, options),
  }),
  'writes one after the other': (store) => ({
    ...fields(store),
    put: (key, value, { together = [], ...options } = {}) =>
      store.put('~', 0, { together }).pipe(mergeMap(() => store.put(key, value, options))),
  }),
};
