import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import { memoryStore, type Store } from 'tidewire';
import { lmdbStore, type LmdbFile, type LmdbStore } from 'tidewire/lmdb';
import { storeContract } from 'tidewire/testing';
import { brokenStores, brokenTogether, countsRevisionsAnew } from '../../support/broken/stores.js';
import { Temporary } from '../../support/temporary.js';

describe('lmdbStore', () => {
  const temporary = new Temporary();
  afterEach(temporary.clear);

  storeContract({ describe, it }, (scheduler) => lmdbStore({ file: temporary.file(), scheduler }));

  it('tells who of its users is dead: on this machine, and nobody else', () => {
    const { users } = lmdbStore({ file: temporary.file() });
    const ended = spawnSync(process.execPath, ['--version']).pid;
    const dead = { id: 'a', pid: ended, host: hostname() };
    expect(users?.isGone(dead)).to.equal(true);
    expect(users?.isGone({ ...dead, host: `${hostname()}-2` })).to.equal(false);
    expect(users?.isGone({ ...dead, pid: process.ppid })).to.equal(false);
    expect(users?.isGone(users.self)).to.equal(false);
    for (const wrong of [undefined, null, 'a', {}, { ...dead, pid: -1 }, { ...dead, pid: 1.5 }, { ...dead, id: 1 }])
      expect(users?.isGone(wrong), JSON.stringify(wrong)).to.equal(false);
  });

  describe('broken in one law', () => {
    for (const [law, broken] of Object.entries(brokenStores)) {
      const specs = new Map<string, () => Promise<void>>();
      const runner = {
        describe: (_: string, body: () => void) => {
          body();
        },
        it: (title: string, body: () => Promise<void>) => specs.set(title, body),
      };
      storeContract(runner, (scheduler) => broken(lmdbStore({ file: temporary.file(), scheduler })));

      it(`does not pass: ${law}`, async () => {
        const run = specs.get(law);
        if (run === undefined) throw new Error('the contract has no such spec');
        let failure: unknown;
        await run().catch((thrown: unknown) => (failure = thrown));
        expect(failure).to.be.instanceOf(Error);
      });
    }

    it('is so once for each law', () => {
      const titles: string[] = [];
      const runner = {
        describe: (_: string, body: () => void) => {
          body();
        },
        it: (title: string) => titles.push(title),
      };
      storeContract(runner, () => memoryStore());
      expect(titles.sort()).to.deep.equal(Object.keys(brokenStores).sort());
    });
  });

  describe('when it is opened again', () => {
    /** Whether it has everything, and uses no revision twice. */
    const isKept = async (make: (file: LmdbFile) => Store): Promise<boolean> => {
      const dir = temporary.dir();
      /** One life of the store. */
      const live = async <T>(use: (store: Store) => Promise<T>): Promise<T> => {
        const file = temporary.file(dir);
        const result = await use(make(file));
        await file.close();
        return result;
      };
      const first = await live(async (store) => firstValueFrom(store.put('a', { n: 1 })));
      const found = await live(async (store) => {
        const stored = await firstValueFrom(store.get('a'));
        await firstValueFrom(store.delete('a'));
        return stored;
      });
      const second = await live(async (store) => firstValueFrom(store.put('a', { n: 2 })));
      return JSON.stringify(found?.value) === '{"n":1}' && found?.revision === first && second !== first;
    };

    it('has what it had, and uses no revision twice', async () => {
      expect(await isKept((file) => lmdbStore({ file }))).to.equal(true);
    });

    for (const [title, make] of [
      ['keeps it in memory', () => memoryStore()],
      ['counts revisions anew', (file: LmdbFile) => countsRevisionsAnew(lmdbStore({ file }))],
    ] as const) {
      it(`is found out when it ${title}`, async () => {
        expect(await isKept(make)).to.equal(false);
      });
    }
  });

  describe('together with another', () => {
    /** Whether both parts are written, or none. */
    const isTogether = async (breaking: (store: LmdbStore) => LmdbStore): Promise<boolean> => {
      const file = temporary.file();
      const store = breaking(lmdbStore({ file }));
      const other = lmdbStore({ file, name: 'other' });
      const both = async (n: number): Promise<string> => {
        const together = [other.putting('b', n)];
        await firstValueFrom(store.put('a', n, { if: 'absent', together }));
        const [a, b] = [await firstValueFrom(store.get('a')), await firstValueFrom(other.get('b'))];
        return `${JSON.stringify(a?.value)} ${JSON.stringify(b?.value)}`;
      };
      return (await both(1)) === '1 1' && (await both(2)) === '1 1';
    };

    it('writes both parts, or none', async () => {
      expect(await isTogether((store) => store)).to.equal(true);
    });

    for (const [title, breaking] of Object.entries(brokenTogether)) {
      it(`is found out when it ${title}`, async () => {
        expect(await isTogether(breaking)).to.equal(false);
      });
    }
  });
});
