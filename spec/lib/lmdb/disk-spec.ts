import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import { lmdbQueue } from 'tidewire/lmdb';
import { bundled, Child } from '../../support/child.js';
import { Temporary } from '../../support/temporary.js';

describe('the disk under a queue', () => {
  const temporary = new Temporary();
  const children: Child[] = [];
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidewire-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill();
    await temporary.clear();
  });
  const start = (command: string, ...args: readonly string[]): Child => {
    const child = new Child(command, ...args);
    children.push(child);
    return child;
  };

  /** Whether the file was synced, without an error, between the request's arrival and the answer. */
  const isSyncedBeforeAnswer = (calls: string): boolean => {
    const lines = calls.split('\n');
    const asked = lines.findIndex((line) => line.includes('"POST / HTTP/1.1'));
    const answered = lines.findIndex((line, index) => index > asked && line.includes('HTTP/1.1 200'));
    if (asked < 0 || answered < 0) throw new Error('no request, or no answer');
    return lines.slice(asked, answered).some((line) => /f(?:data)?sync.*= 0$/.test(line));
  };

  for (const [mode, isSynced] of [
    ['as it is', true],
    ['early', false],
  ] as const) {
    it(`has an event synced before the webhook's answer is written${isSynced ? '' : ', and one that is early is found out'}`, async () => {
      const log = join(folder, `calls-${mode}`);
      const script = await bundled('hook', folder);
      const traced = ['-f', '-e', 'trace=fsync,fdatasync,read,write,writev,sendto,recvfrom', '-s', '40', '-o', log];
      const child = start('strace', ...traced, process.execPath, script, temporary.dir(), mode);
      await child.told(1);
      expect(child.stderr).to.equal('');
      const headers = { 'api-security-token': 'secret', 'content-type': 'application/json' };
      const body = JSON.stringify({ info: { cid: 'c1' }, packet: { name: 'message', payload: { body: 'Hello' } } });
      const response = await fetch(`http://127.0.0.1:${child.lines[0] ?? ''}/`, { method: 'POST', headers, body });
      expect(response.status).to.equal(200);
      expect(await child.leave()).to.equal(0);
      expect(isSyncedBeforeAnswer(readFileSync(log, 'utf8'))).to.equal(isSynced);
    });
  }

  it('is full: what does not fit is refused, what was safe stays, and it goes on when there is room', async () => {
    const dir = temporary.dir();
    const script = await bundled('queue-user', folder);
    // 1 024 blocks of 1 024 bytes; Node ignores the signal, so that it is told by an error.
    const child = start('bash', '-c', `ulimit -f 1024 && exec "$0" "$@"`, process.execPath, script, 'fill', dir, 'a');
    expect(await child.ended()).to.equal(0);
    const told = child.lines.filter((line) => line.startsWith('error'));
    expect(told).to.have.length(1);
    expect(told[0]).to.equal('error overflow lmdb: the disk is full');
    // Its process is well: it said so, and made room by what it had.
    expect(child.lines).to.include('made room').and.include('added again');

    const file = temporary.file(dir);
    const { waiting } = await firstValueFrom(lmdbQueue({ file, name: 'in' }).counts());
    const count = (word: string): number => child.lines.filter((line) => line.startsWith(`${word} `)).length;
    expect(waiting).to.equal(count('added') - count('done'));
    expect(count('done')).to.equal(200);
    expect(count('added')).to.be.greaterThan(100);
  });
});
