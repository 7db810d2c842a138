import { of, type Observable } from 'rxjs';
import type { Json, PutOptions, Revision } from 'tidewire';
import type { LmdbStore } from 'tidewire/lmdb';

/** A store that does not write down that an action is about to be sent: an outbox must be found out with it. */
export const withoutMarks = (store: LmdbStore): LmdbStore => ({
  get: (key) => store.get(key),
  put: (key: string, value: Json, options?: PutOptions): Observable<Revision | undefined> =>
    (value as { readonly state?: string }).state === 'sent' ? of(1) : store.put(key, value, options),
  delete: (key, options) => store.delete(key, options),
  scan: (prefix) => store.scan(prefix),
  forget: (prefix) => store.forget(prefix),
  putting: (key, value, options) => store.putting(key, value, options),
  deleting: (key, options) => store.deleting(key, options),
});
