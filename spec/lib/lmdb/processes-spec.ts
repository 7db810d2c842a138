import { expect } from 'chai';
import fc from 'fast-check';
import { firstValueFrom } from 'rxjs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { message } from '../../support/events.js';
import { lmdbQueue, lmdbStore } from 'tidewire/lmdb';
import type { Leased } from 'tidewire/queue';
import type { InboundEvent } from 'tidewire';
import { bundled, Child } from '../../support/child.js';
import { Temporary } from '../../support/temporary.js';

describe('queues and stores of several processes', () => {
  const temporary = new Temporary();
  const children: Child[] = [];
  let folder = '';
  let script = '';
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tidewire-'));
    script = await bundled('queue-user', folder);
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill();
    await temporary.clear();
  });
  const start = (...args: readonly string[]): Child => {
    const child = new Child(process.execPath, script, ...args);
    children.push(child);
    return child;
  };
  const said = (child: Child, word: string): readonly string[] =>
    child.lines.flatMap((line) => (line.startsWith(`${word} `) ? [line.split(' ')[1] ?? ''] : []));

  /** Everything that is in a queue, in order, as its next consumer gets it. */
  const contents = async (dir: string): Promise<readonly Leased<InboundEvent>[]> => {
    const queue = lmdbQueue({ file: temporary.file(dir), name: 'in' });
    const seen: Leased<InboundEvent>[] = [];
    const { waiting } = await firstValueFrom(queue.counts());
    await new Promise<void>((resolve, reject) => {
      const lease = queue.lease({ perKey: Infinity, maxInFlight: Infinity }).subscribe({
        next: (leased) => {
          seen.push(leased);
          if (seen.length === waiting) {
            queueMicrotask(() => {
              lease.unsubscribe();
              resolve();
            });
          }
        },
        error: reject,
      });
      if (waiting === 0) resolve();
    });
    return seen;
  };
  const number = (id: string): number => Number(id.replace(/^\D+/, ''));

  for (const lines of fc.sample(fc.integer({ min: 1, max: 1_500 }), 4)) {
    it(`have everything that was safe, in order, when one was killed: after ${lines} lines`, async () => {
      const dir = temporary.dir();
      const child = start('produce', dir, 'a');
      await child.told(lines);
      await child.kill();
      const ids = (await contents(dir)).map(({ item }) => item.id);
      expect(ids).to.include.members(said(child, 'added'));
      // What was on its way may be there, too: nothing is missing before it.
      expect(ids).to.deep.equal(ids.map((_, index) => `a${index + 1}`));
    });
  }

  for (const lines of fc.sample(fc.integer({ min: 20, max: 2_000 }), 4)) {
    it(`hand out what was not done, and only that, when a consumer was killed: after ${lines} lines`, async () => {
      const dir = temporary.dir();
      const child = start('both', dir, 'a');
      await child.told(lines);
      await child.kill();
      const left = await contents(dir);
      const ids = left.map(({ item }) => item.id);
      const done = new Set(said(child, 'done'));
      expect(ids.filter((id) => done.has(id))).to.deep.equal([]);
      const got = new Set(said(child, 'got'));
      expect(ids).to.include.members(said(child, 'added').filter((id) => !got.has(id)));
      expect([...ids].sort((a, b) => number(a) - number(b))).to.deep.equal(ids);
      // An attempt is written down before it begins.
      for (const { item, attempt } of left) if (got.has(item.id)) expect(attempt).to.equal(2);
    });
  }

  it('hand out what other processes add, to one consumer; when it dies, another takes over', async () => {
    const dir = temporary.dir();
    const queue = lmdbQueue({ file: temporary.file(dir), name: 'in' });
    const first = start('consume', dir, 'first');
    await first.told(1);
    await firstValueFrom(queue.add([message('m1'), message('m2')]));
    await first.told(3);
    const second = start('consume', dir, 'second');
    await second.told(1);
    await firstValueFrom(queue.add(message('m3')));
    await first.told(4);
    expect(said(first, 'got')).to.deep.equal(['m1', 'm2', 'm3']);
    expect(said(second, 'got')).to.deep.equal([]);
    await first.kill();
    await second.told(4);
    expect(second.lines).to.deep.equal(['asks', 'got m1 2', 'got m2 2', 'got m3 2']);
  });

  it('are of another consumer when theirs stood still for longer than its lease: it writes nothing more', async () => {
    const dir = temporary.dir();
    const queue = lmdbQueue({ file: temporary.file(dir), name: 'in' });
    await firstValueFrom(queue.add([message('m1'), message('m2')]));
    // It does not look by itself who has the queue: what it writes must find that out.
    const first = start('consume', dir, 'first', '1e9');
    await first.told(3);
    first.stop();
    const second = start('consume', dir, 'second');
    await second.told(3);
    expect(second.lines).to.deep.equal(['asks', 'got m1 2', 'got m2 2']);
    // It has heard that it should finish before it can know that it stood still.
    first.talk();
    first.goOn();
    await first.told(6);
    const conflict = 'error conflict lmdbQueue: the lease of in is over';
    expect(first.lines.slice(3)).to.deep.equal([conflict, conflict, conflict]);
    expect(await firstValueFrom(queue.counts())).to.include({ waiting: 2 });
    second.talk();
    await second.told(5);
    expect(second.lines.slice(3)).to.deep.equal(['done m1', 'done m2']);
    expect(await firstValueFrom(queue.counts())).to.include({ waiting: 0, letters: 0 });
  });

  it('end as shed in the pipe of a consumer that stood still; in the other one they go on', async () => {
    const dir = temporary.dir();
    const queue = lmdbQueue({ file: temporary.file(dir), name: 'in' });
    await firstValueFrom(queue.add([message('m1'), message('m2', 'other')]));
    const first = start('work', dir, 'first');
    await first.told(2);
    first.stop();
    const second = start('work', dir, 'second');
    await second.told(2);
    expect(second.lines).to.deep.equal(['got m1', 'got m2']);
    first.goOn();
    await first.told(4);
    expect(first.lines.slice(2)).to.deep.equal(['cancelled m1 shed', 'cancelled m2 shed']);
    // What was cancelled there is not done here.
    expect(await firstValueFrom(queue.counts())).to.include({ waiting: 2 });
    first.talk();
    second.talk();
    while ((await firstValueFrom(queue.counts())).waiting > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(await firstValueFrom(queue.counts())).to.include({ letters: 0 });
    expect([first.lines.length, second.lines.length]).to.deep.equal([4, 2]);
  });

  it('add from several processes without losing or mixing up anything', async () => {
    const dir = temporary.dir();
    const producers = ['a', 'b', 'c'].map((name) => start('produce', dir, name));
    for (const child of producers) await child.told(200);
    for (const child of producers) await child.kill();
    const ids = (await contents(dir)).map(({ item }) => item.id);
    for (const [index, name] of ['a', 'b', 'c'].entries()) {
      const own = ids.filter((id) => id.startsWith(name));
      expect(own).to.deep.equal(own.map((_, n) => `${name}${n + 1}`));
      expect(own).to.include.members(said(producers[index] ?? start(''), 'added'));
    }
  });

  it('compare and set between processes: of many increments none is lost', async () => {
    const dir = temporary.dir();
    const counting = ['a', 'b', 'c'].map(() => start('count', dir, '60'));
    for (const child of counting) expect(await child.ended()).to.equal(0);
    const store = lmdbStore({ file: temporary.file(dir) });
    expect((await firstValueFrom(store.get('n')))?.value).to.equal(180);
  });
});
