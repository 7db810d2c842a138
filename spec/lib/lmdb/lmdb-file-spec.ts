import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { open } from 'lmdb';
import { firstValueFrom, take, toArray } from 'rxjs';
import { ChatError, type OutboundAction } from 'tidewire';
import { lmdbFile, lmdbQueue, lmdbStore } from 'tidewire/lmdb';
import { memoryQueue } from 'tidewire/queue';
import { checkDirectory } from '../../../lib/lmdb/check.js';
import { message } from '../../support/events.js';
import { Temporary } from '../../support/temporary.js';

describe('lmdbFile', () => {
  const temporary = new Temporary();
  afterEach(temporary.clear);

  /** A directory with 500 messages, one of them parked, and a key. */
  const filled = async (): Promise<string> => {
    const dir = temporary.dir();
    const file = lmdbFile({ dir });
    const queue = lmdbQueue({ file, name: 'in' });
    await firstValueFrom(queue.add(Array.from({ length: 500 }, (_, n) => message(`m${n}`, `c${n}`))));
    const leased = await firstValueFrom(queue.lease({ maxInFlight: 1 }));
    expect(leased.item.id).to.equal('m0');
    await firstValueFrom(lmdbStore({ file }).put('a', 1, { ttlMs: 1e9 }));
    await file.close();
    return dir;
  };
  const data = (dir: string): string => join(dir, 'tidewire.mdb');
  const bytesOf = (dir: string): Readonly<Record<string, string>> =>
    Object.fromEntries(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name)).toString('base64')]));
  /** Writes into a file at a place. */
  const patch = (path: string, at: number, bytes: Uint8Array): void => {
    const content = readFileSync(path);
    content.set(bytes, at);
    writeFileSync(path, content);
  };

  it('keeps what is in it', async () => {
    const dir = await filled();
    const file = temporary.file(dir);
    expect(await firstValueFrom(lmdbQueue({ file, name: 'in' }).counts())).to.include({ waiting: 500 });
    expect((await firstValueFrom(lmdbStore({ file }).get('a')))?.value).to.equal(1);
  });

  it('hands out all that an earlier process left, without looking for it again', async () => {
    const queue = lmdbQueue({ file: temporary.file(await filled()), name: 'in', pollMs: 1e9 });
    const all = await firstValueFrom(queue.lease().pipe(take(500), toArray()));
    expect(all.map(({ item }) => item.id)).to.deep.equal(all.map((_, n) => `m${n}`));
  });

  it('ends who still uses it when it is closed, with an error that says so', async () => {
    const file = lmdbFile({ dir: temporary.dir() });
    const queue = lmdbQueue({ file, name: 'in', pollMs: 1 });
    const store = lmdbStore({ file });
    const consumer = firstValueFrom(queue.lease()).catch(String);
    await firstValueFrom(store.put('a', 1));
    await file.close();
    const said = 'ChatError: lmdb: the file is closed';
    expect(await consumer).to.equal(said);
    expect(await firstValueFrom(queue.lease()).catch(String)).to.equal(said);
    expect(await firstValueFrom(queue.add(message('1'))).catch(String)).to.equal(said);
    expect(await firstValueFrom(queue.counts()).catch(String)).to.equal(said);
    expect(await firstValueFrom(queue.letters()).catch(String)).to.equal(said);
    expect(await firstValueFrom(store.get('a')).catch(String)).to.equal(said);
    expect(await firstValueFrom(store.scan('')).catch(String)).to.equal(said);
  });

  it('makes its directory, and its marker in it', () => {
    const dir = join(temporary.dir(), 'deeper', 'data.d');
    temporary.file(dir);
    expect(JSON.parse(readFileSync(join(dir, 'tidewire.json'), 'utf8'))).to.include({ tidewire: 1 });
    expect(readdirSync(dir).sort()).to.deep.equal(['tidewire.json', 'tidewire.mdb', 'tidewire.mdb-lock']);
  });

  const spoilings: Readonly<Record<string, readonly [(dir: string) => void, string]>> = {
    'that is no LMDB file': [
      (dir) => {
        writeFileSync(data(dir), Buffer.alloc(100_000, 'no database '));
      },
      'is no LMDB file',
    ],
    'that is almost empty': [
      (dir) => {
        truncateSync(data(dir), 100);
      },
      'is cut off after 100 bytes',
    ],
    'whose second page is missing': [
      (dir) => {
        truncateSync(data(dir), 4_096);
      },
      'is cut off after 4096 bytes',
    ],
    'that was cut off': [
      (dir) => {
        truncateSync(data(dir), 40_960);
      },
      'is cut off: it has 40960 bytes of',
    ],
    'of another format of LMDB': [
      (dir) => {
        patch(data(dir), 28, Buffer.of(1, 0, 0, 0));
      },
      'is an LMDB file of format 1, and lmdb reads format 2',
    ],
    'with an impossible page size': [
      (dir) => {
        patch(data(dir), 48, Buffer.of(1, 2, 3, 4));
      },
      'is damaged: its first page has no possible page size',
    ],
    'whose second page was overwritten': [
      (dir) => {
        patch(data(dir), 4_096, Buffer.alloc(200, 'x'));
      },
      'is damaged: its second page is none of LMDB',
    ],
    'whose pages contradict each other': [
      (dir) => {
        patch(data(dir), 4_096 + 48, Buffer.of(0, 32, 0, 0));
      },
      'is damaged: its two first pages contradict each other',
    ],
    'whose last page is impossible': [
      (dir) => {
        for (const page of [0, 4_096]) patch(data(dir), page + 144, Buffer.alloc(8, 0xff));
      },
      'is damaged: its last page has an impossible number',
    ],
    'without a marker': [
      (dir) => {
        const marker = join(dir, 'tidewire.json');
        copyFileSync(marker, `${marker}.bak`);
        writeFileSync(marker, '');
      },
      'cannot be read',
    ],
    'with a marker of something else': [
      (dir) => {
        writeFileSync(join(dir, 'tidewire.json'), '{"name":"x"}');
      },
      'is no marker of ours',
    ],
    'of a later version': [
      (dir) => {
        writeFileSync(join(dir, 'tidewire.json'), '{"tidewire":2,"id":"x"}');
      },
      'is of format 2, and this version knows up to 1',
    ],
    'of a format that never was': [
      (dir) => {
        writeFileSync(join(dir, 'tidewire.json'), '{"tidewire":0,"id":"x"}');
      },
      'is no marker of ours',
    ],
    'of another marker': [
      (dir) => {
        writeFileSync(join(dir, 'tidewire.json'), '{"tidewire":1,"id":"x"}');
      },
      'belongs to another marker than the one beside it',
    ],
  };
  for (const [what, [spoil, sentence]] of Object.entries(spoilings)) {
    it(`refuses a file ${what}, and leaves it as it is`, async () => {
      const dir = await filled();
      spoil(dir);
      const { 'tidewire.mdb-lock': _, ...before } = bytesOf(dir);
      expect(() => lmdbFile({ dir }))
        .to.throw(ChatError, sentence)
        .with.property('kind', 'refused');
      const { 'tidewire.mdb-lock': _lock, ...after } = bytesOf(dir);
      expect(after).to.deep.equal(before);
      expect(await checkDirectory(dir)).to.include({ isWhole: false });
    });
  }

  it('refuses a file of another program', async () => {
    const dir = temporary.dir();
    const foreign = open({ path: data(dir), noSubdir: true });
    await foreign.put('key', 'value');
    await foreign.close();
    expect(() => lmdbFile({ dir })).to.throw(ChatError, 'is not ours: there is no');
    expect(existsSync(join(dir, 'tidewire.json'))).to.equal(false);
    lmdbMarker(dir);
    expect(() => lmdbFile({ dir })).to.throw(ChatError, 'is the file of another program');
    expect((await checkDirectory(dir)).lines).to.include('the list of its parts: it is the file of another program');
  });

  it('goes on where it was killed while it made the file', async () => {
    const dir = temporary.dir();
    lmdbMarker(dir);
    writeFileSync(data(dir), '');
    const store = lmdbStore({ file: temporary.file(dir) });
    expect(await firstValueFrom(store.put('a', 1))).to.equal(1);
  });

  it('does without a lock file that is none', async () => {
    const dir = await filled();
    writeFileSync(`${data(dir)}-lock`, Buffer.alloc(9_000, 'x'));
    expect(await firstValueFrom(lmdbQueue({ file: temporary.file(dir), name: 'in' }).counts())).to.include({
      waiting: 500,
    });
  });

  it('writes nothing after it is closed, and says so', async () => {
    const file = lmdbFile({ dir: temporary.dir() });
    const store = lmdbStore({ file });
    const written = firstValueFrom(store.put('a', 1));
    await file.close();
    expect(await written).to.equal(1);
    const error = await firstValueFrom(store.put('a', 2)).catch((thrown: unknown) => thrown);
    expect(error).to.include({ kind: 'unreachable', message: 'lmdb: the file is closed' });
  });

  it('parks what it cannot read, with its bytes, and goes on', async () => {
    const dir = await filled();
    const raw = open<Buffer, number>({ path: data(dir), noSubdir: true, overlappingSync: false, maxDbs: 32 });
    const items = raw.openDB<Buffer, number>('q/in/items', { encoding: 'binary' });
    await items.put(2, Buffer.from('no record of ours'));
    const other = Buffer.from(items.get(3) ?? []);
    other[0] = 0xa9;
    await items.put(3, other);
    const third = Buffer.from(items.get(4) ?? []);
    third.write('massage', third.indexOf('message'));
    await items.put(4, third);
    await raw.close();
    const queue = lmdbQueue({ file: temporary.file(dir), name: 'in' });
    const leased = await firstValueFrom(queue.lease());
    expect(leased.item.id).to.equal('m0');
    const letters = await firstValueFrom(queue.letters());
    expect(letters.map(({ reason, item }) => [reason, item])).to.deep.equal([
      ['it cannot be read: it is no record of ours', undefined],
      ['it cannot be read: a later version wrote it', undefined],
      ['it cannot be read: the body is not an event', undefined],
    ]);
    expect(await firstValueFrom(queue.counts())).to.include({ waiting: 497, letters: 3, damaged: 3 });
    const error = await firstValueFrom(queue.resubmit(1)).catch((thrown: unknown) => thrown);
    expect(error).to.include({ kind: 'undecodable' });
  });

  it('refuses to open a queue of events as one of actions', () => {
    const file = temporary.file();
    lmdbQueue({ file, name: 'in' });
    expect(() => lmdbQueue({ file, name: 'in', holds: 'actions' })).to.throw(TypeError, 'in of this file holds events');
  });

  it('says so when a file has no room for another queue', () => {
    const file = temporary.file();
    expect(() => {
      for (let n = 0; n < 40; n++) lmdbQueue({ file, name: `q${n}` });
    }).to.throw(ChatError, 'lmdb: a file has room for some 20 queues');
  });

  it('keeps actions', async () => {
    const action: OutboundAction = { kind: 'text', id: 'e#0', conversation: message('1').conversation, text: 'hello' };
    const queue = lmdbQueue({ file: temporary.file(), name: 'out', holds: 'actions' });
    await firstValueFrom(queue.add(action));
    expect((await firstValueFrom(queue.lease())).item).to.deep.equal(action);
  });

  it('writes queues and stores of a file together, all or nothing', async () => {
    const file = temporary.file();
    const inbox = lmdbQueue({ file, name: 'in' });
    const outbox = lmdbQueue({ file, name: 'out', holds: 'actions' });
    const store = lmdbStore({ file });
    await firstValueFrom(inbox.add([message('1'), message('2')]));
    const revision = (await firstValueFrom(store.put('state', 0))) ?? 0;
    const action: OutboundAction = { kind: 'text', id: '1#0', conversation: message('1').conversation, text: 'x' };
    const leased: Parameters<typeof inbox.ack>[0][] = [];
    const lease = inbox.lease().subscribe((next) => leased.push(next));
    await firstValueFrom(inbox.drop(0));
    await firstValueFrom(inbox.drop(0));
    const [first, second] = leased;
    if (first === undefined || second === undefined) throw new Error('two were to be handed out');
    const together = () => [outbox.adding(action), store.putting('state', 1, { if: revision })];
    expect(await firstValueFrom(inbox.ack(first, { together: together() }))).to.equal(true);
    const error = await firstValueFrom(inbox.ack(second, { together: together() })).catch((thrown: unknown) => thrown);
    expect(error).to.include({ kind: 'conflict' });
    const [out, left] = [await firstValueFrom(outbox.counts()), await firstValueFrom(inbox.counts())];
    expect({ out: out.waiting, left: left.waiting }).to.deep.equal({ out: 1, left: 1 });
    lease.unsubscribe();
    const elsewhere = memoryQueue().adding(message('3'));
    expect(() => inbox.ack(first, { together: [elsewhere] })).to.throw(TypeError, 'belongs to the same file only');
  });

  for (const [wrong, sentence] of [
    [{ name: '' }, 'name must be'],
    [{ name: 'a/b' }, 'name must be'],
    [{ name: 'in', maxItems: 0 }, 'maxItems must be at least 1'],
    [{ name: 'in', leaseMs: 0 }, 'leaseMs must be above 0'],
    [{ name: 'in', pollMs: NaN }, 'pollMs must be above 0'],
  ] as const) {
    it(`refuses a queue with ${JSON.stringify(wrong)}`, () => {
      expect(() => lmdbQueue({ file: temporary.file(), ...wrong })).to.throw(sentence);
    });
  }
  it('refuses what is no file, and no directory', () => {
    expect(() => lmdbStore({ file: { ...temporary.file() } })).to.throw(TypeError, 'make the file with lmdbFile()');
    expect(() => lmdbFile({ dir: '' })).to.throw(TypeError, 'dir must name a directory');
  });

  describe('checkDirectory', () => {
    it('reads everything, and says how much that is', async () => {
      const { isWhole, lines } = await checkDirectory(await filled());
      expect(isWhole).to.equal(true);
      expect(lines).to.include.members(['queue in: 500 items, 0 dead letters', 'store store: 1 entries']);
    });

    it('survives what kills its reader, and names it', async () => {
      const dir = await filled();
      const content = readFileSync(data(dir));
      // All pages but the two that are looked at first.
      content.fill(0xab, 8_192);
      writeFileSync(data(dir), content);
      const { isWhole, lines } = await checkDirectory(dir);
      expect(isWhole).to.equal(false);
      expect(lines[lines.length - 1]).to.match(/is damaged: reading it ended with/);
    });

    it('names what it cannot read, and books that are wrong', async () => {
      const dir = await filled();
      const raw = open<Buffer, number>({ path: data(dir), noSubdir: true, overlappingSync: false, maxDbs: 32 });
      await raw.openDB<Buffer, number>('q/in/items', { encoding: 'binary' }).put(7, Buffer.from('spoilt'));
      await raw.close();
      const { isWhole, lines } = await checkDirectory(dir);
      expect(isWhole).to.equal(false);
      expect(lines.join('\n')).to.include('queue in: item 7 cannot be read');
      expect(lines.join('\n')).to.include('queue in: its head does not say that there are 500 items');
    });

    it('says what is wrong with a file that it must not open', async () => {
      expect(await checkDirectory(temporary.dir())).to.deep.include({ isWhole: false });
      const dir = await filled();
      writeFileSync(data(dir), Buffer.alloc(100_000, 'x'));
      expect((await checkDirectory(dir)).lines.join()).to.include('is no LMDB file');
    });

    it('is what `tidewire check` prints, and ends with', async () => {
      const main = new URL('../../../lib/cli/main.ts', import.meta.url).pathname;
      const check = async (dir: string): Promise<readonly [number | null, string]> =>
        new Promise((resolve) => {
          const args = ['--conditions=tidewire-source', '--import', 'tsx', main, 'check', dir];
          const child = execFile(process.execPath, args, (_error, stdout, stderr) => {
            resolve([child.exitCode, stdout + stderr]);
          });
        });
      const [code, text] = await check(await filled());
      expect(code).to.equal(0);
      expect(text).to.include('everything can be read');
      const empty = temporary.dir();
      expect(await check(empty)).to.deep.equal([
        2,
        `tidewire: nothing is kept in ${empty}: there is no ${data(empty)}\n`,
      ]);
      lmdbMarker(empty);
      expect((await check(empty))[0]).to.equal(1);
    });
  });
});

const lmdbMarker = (dir: string): void => {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'tidewire.json'), '{"tidewire":1,"id":"x"}');
};
