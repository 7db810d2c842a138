import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { firstValueFrom } from 'rxjs';
import { lmdbQueue } from 'tidewire/lmdb';
import { bundled, Child } from '../../support/child.js';
import { message } from '../../support/events.js';
import { Temporary } from '../../support/temporary.js';

const CONVERSATIONS = 10;
const EVENTS = 100;
/** As many as the program makes of each event. */
const BUBBLES = 3;

describe('outbox of a process that is killed', () => {
  const temporary = new Temporary();
  let folder = '';
  let script = '';
  let child: Child | undefined;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tidewire-'));
    script = await bundled('outbox-user', folder);
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    await child?.kill();
    await temporary.clear();
  });

  // Fewer than there are, so that each process has enough to tell before it dies.
  for (const mode of ['asTheyCome', 'whole']) {
    for (const kills of fc.sample(fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 3, maxLength: 3 }), 2)) {
      it(`sends everything once and in order, or names it as in doubt: ${mode}, after ${kills.join(', ')} receipts`, async () => {
        const dir = temporary.dir();
        const file = temporary.file(join(dir, 'data'));
        const inbox = lmdbQueue({ file, name: 'in' });
        const queue = lmdbQueue({ file, name: 'out', holds: 'actions' });
        const events = Array.from({ length: EVENTS }, (_, n) => message(`e${n}`, `c${n % CONVERSATIONS}`));
        await firstValueFrom(inbox.add(events));
        for (const [run, lines] of [...kills, Infinity].entries()) {
          child = new Child(process.execPath, script, mode, dir, String(run));
          if (lines === Infinity) {
            for (let told = 1; !child.lines.includes('idle'); told++) {
              await child.told(told);
              expect(child.lines, child.stderr).to.have.length.at.least(told);
            }
          } else await child.told(lines);
          await child.kill();
          expect(child.lines.filter((line) => line.startsWith('error'))).to.deep.equal([]);
        }

        const effects = readFileSync(join(dir, 'journal'), 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => line.split(' '));
        const letters = await firstValueFrom(queue.letters({ limit: 1_000 }));
        const named = letters.map(({ item }) => item?.id);
        expect(letters.every(({ outcome }) => outcome === 'inDoubt')).to.equal(true);
        expect(named.length).to.be.at.most(kills.length * CONVERSATIONS);
        for (const { conversation } of events.slice(0, CONVERSATIONS)) {
          const ids = effects.flatMap(([of, id]) => (of === conversation.id ? [id] : []));
          const meant = events.flatMap((event) =>
            event.conversation.id === conversation.id
              ? Array.from({ length: BUBBLES }, (_, n) => `${event.id}#${n + 1}`)
              : [],
          );
          // What is named as in doubt may be there or not; twice or in another place it is not.
          expect(ids).to.deep.equal(meant.filter((id) => ids.includes(id) || !named.includes(id)));
        }
        if (mode === 'asTheyCome') return;
        for (const { id } of events) {
          const runs = effects.flatMap(([, of = '', run]) => (of.startsWith(`${id}#`) ? [run] : []));
          expect(new Set(runs).size).to.be.at.most(1);
        }
      });
    }
  }
});
