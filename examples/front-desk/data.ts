import { firstValueFrom, ignoreElements, merge, type Observable } from 'rxjs';
import type { InboundEvent, OutboundAction } from 'tidewire';
import { lmdbFile, lmdbQueue, lmdbStore, type LmdbStore } from 'tidewire/lmdb';
import { fromQueue, toQueue, type Queue } from 'tidewire/queue';

/** What the desk keeps on the disk. */
export interface Data {
  readonly dir: string;
  readonly store: LmdbStore;
  readonly outbox: Queue<OutboundAction>;
  /** What comes in is on the disk before anybody is told that it was accepted, and comes out of there until `stopped`. */
  readonly through: (arriving: Observable<InboundEvent>, stopped: Observable<unknown>) => Observable<InboundEvent>;
  /** What waits there, in words. */
  readonly found: () => Promise<string>;
  readonly close: () => Promise<void>;
}

export const openData = (dir: string): Data => {
  const file = lmdbFile({ dir });
  const inbox = lmdbQueue({ file, name: 'in' });
  const outbox = lmdbQueue({ file, name: 'out', holds: 'actions' });
  return {
    dir,
    store: lmdbStore({ file }),
    outbox,
    through: (arriving, stopped) =>
      merge(arriving.pipe(toQueue(inbox), ignoreElements()), fromQueue(inbox, { until: stopped })),
    found: async () => {
      const [coming, going] = [await firstValueFrom(inbox.counts()), await firstValueFrom(outbox.counts())];
      const letters = coming.letters + going.letters;
      return `${coming.waiting} messages and ${going.waiting} answers wait, ${letters} dead letters`;
    },
    close: async () => file.close(),
  };
};
