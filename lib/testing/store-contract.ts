import { defer, lastValueFrom, type Observable, type SchedulerLike } from 'rxjs';
import type { Store } from '../store/store.js';
import { difference } from './difference.js';
import { plainly } from './plainly.js';
import { virtualClock } from './virtual-clock.js';

/** The two functions of a spec runner that a contract needs: those of mocha, jest, vitest and `node:test` fit. */
export interface SpecRunner {
  readonly describe: (title: string, body: () => void) => unknown;
  readonly it: (title: string, body: () => Promise<void>) => unknown;
}

const equal = (actual: unknown, expected: unknown): void => {
  const found = difference(plainly(actual), plainly(expected));
  if (found !== undefined) throw new Error(found);
};
const one = async <T>(call: Observable<T>): Promise<T> => lastValueFrom(call);

/**
 * What every `Store` must do, as specs. `make` is called for each spec and gets the clock that times to live are measured
 * with; what it returns is empty and nobody else's.
 */
export const storeContract = (
  { describe, it }: SpecRunner,
  make: (scheduler: SchedulerLike) => Store | Promise<Store>,
): void => {
  const spec = (title: string, body: (store: Store, advance: (ms: number) => void) => Promise<void>): void => {
    it(title, async () => {
      const clock = virtualClock();
      await body(await make(clock), (ms) => {
        clock.advance(ms);
      });
    });
  };

  describe('the store contract', () => {
    spec('gives back what was put, and nothing for what was not', async (store) => {
      equal(await one(store.get('a')), undefined);
      const revision = await one(store.put('a', { n: [1, null, 'x'] }));
      const stored = await one(store.get('a'));
      equal(stored?.value, { n: [1, null, 'x'] });
      equal(stored?.revision, revision);
      equal(stored?.key, 'a');
    });

    spec('acts when subscribed, each time again', async (store) => {
      const put = store.put('a', 1, { if: 'absent' });
      equal(await one(store.get('a')), undefined);
      equal((await one(put)) !== undefined, true);
      equal(await one(put), undefined);
    });

    spec('puts if absent once, whoever races', async (store) => {
      const won = await Promise.all([1, 2, 3, 4].map((n) => one(store.put('a', n, { if: 'absent' }))));
      equal(won.filter((revision) => revision !== undefined).length, 1);
    });

    spec('puts if the revision still holds: of many increments none is lost', async (store) => {
      await one(store.put('n', 0));
      const increment = async (): Promise<void> => {
        for (;;) {
          const stored = await one(store.get('n'));
          if (stored === undefined) throw new Error('expected n');
          const next = (stored.value as number) + 1;
          if ((await one(store.put('n', next, { if: stored.revision }))) !== undefined) return;
        }
      };
      await Promise.all(Array.from({ length: 8 }, increment));
      equal((await one(store.get('n')))?.value, 8);
    });

    spec('refuses a revision of a key that is gone', async (store) => {
      equal(await one(store.put('a', 1, { if: 1 })), undefined);
    });

    spec('uses no revision of a key again, not even after its deletion', async (store) => {
      const first = await one(store.put('a', 1));
      await one(store.delete('a'));
      const second = await one(store.put('a', 1));
      equal(first === second, false);
      equal(await one(store.put('a', 2, { if: first ?? 0 })), undefined);
    });

    spec('deletes, if the revision still holds', async (store) => {
      const revision = (await one(store.put('a', 1))) ?? 0;
      await one(store.put('a', 2));
      equal(await one(store.delete('a', { if: revision })), false);
      equal(await one(store.delete('a')), true);
      equal(await one(store.delete('a')), false);
      equal(await one(store.get('a')), undefined);
    });

    spec('forgets a key after its time to live, counted from the last write', async (store, advance) => {
      await one(store.put('a', 1, { ttlMs: 1_000 }));
      advance(999);
      equal((await one(store.get('a')))?.value, 1);
      await one(store.put('a', 2, { ttlMs: 1_000 }));
      advance(999);
      equal((await one(store.get('a')))?.value, 2);
      advance(1);
      equal(await one(store.get('a')), undefined);
      equal((await one(store.put('a', 3, { if: 'absent' }))) !== undefined, true);
    });

    spec('keeps a key for ever that is written without a time to live', async (store, advance) => {
      await one(store.put('a', 1, { ttlMs: 10 }));
      await one(store.put('a', 2));
      advance(1_000_000_000);
      equal((await one(store.get('a')))?.value, 2);
    });

    spec('scans by prefix, sorted by key', async (store) => {
      for (const key of ['b/2', 'a/1', 'b/10', 'b', 'c']) await one(store.put(key, key));
      equal(
        (await one(store.scan('b/'))).map(({ key, value }) => [key, value]),
        [
          ['b/10', 'b/10'],
          ['b/2', 'b/2'],
        ],
      );
      equal((await one(store.scan(''))).length, 5);
    });

    spec('forgets by prefix', async (store) => {
      for (const key of ['b/2', 'a/1', 'b/1']) await one(store.put(key, 1));
      equal(await one(store.forget('b/')), 2);
      equal(
        (await one(store.scan(''))).map(({ key }) => key),
        ['a/1'],
      );
    });

    spec('keeps keys apart whatever they contain', async (store) => {
      const keys = ['', ' ', 'a\u0000b', 'é', '😀', '__proto__', 'a/b', 'A/b'];
      for (const key of keys) await one(store.put(key, key));
      for (const key of keys) equal((await one(store.get(key)))?.value, key);
    });

    spec('emits one value and completes', async (store) => {
      let seen = 0;
      await one(
        defer(() => {
          store.get('a').subscribe({ next: () => seen++, error: () => undefined });
          return store.get('a');
        }),
      );
      equal(seen, 1);
    });
  });
};
