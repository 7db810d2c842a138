import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import { lmdbQueue } from 'tidewire/lmdb';
import { trueconfSimulator, type TrueconfSimulator } from 'tidewire/simulators';
import { bundled, Child } from '../../support/child.js';
import { Temporary } from '../../support/temporary.js';

describe('the disk under a queue', () => {
  const temporary = new Temporary();
  const children: Child[] = [];
  const simulators: TrueconfSimulator[] = [];
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidewire-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill();
    for (const simulator of simulators.splice(0)) await simulator.close();
    await temporary.clear();
  });
  const start = (command: string, ...args: readonly string[]): Child => {
    const child = new Child(command, ...args);
    children.push(child);
    return child;
  };

  /** A program whose calls to the system are written down, those that tell what is on the disk and what on the wire. */
  const startTraced = async (name: string, log: string, ...args: readonly string[]): Promise<Child> => {
    const script = await bundled(name, folder);
    const traced = ['-f', '-e', 'trace=fsync,fdatasync,read,write,writev,sendto,recvfrom', '-s', '400', '-o', log];
    return start('strace', ...traced, process.execPath, script, ...args);
  };
  const isSync = (line: string): boolean => /f(?:data)?sync.*= 0$/.test(line);

  /** Whether the file was synced, without an error, between the request's arrival and the answer. */
  const isSyncedBeforeAnswer = (calls: string): boolean => {
    const lines = calls.split('\n');
    const asked = lines.findIndex((line) => line.includes('"POST / HTTP/1.1'));
    const answered = lines.findIndex((line, index) => index > asked && line.includes('HTTP/1.1 200'));
    if (asked < 0 || answered < 0) throw new Error('no request, or no answer');
    return lines.slice(asked, answered).some(isSync);
  };

  /** The same for a frame and what is written to its socket next. */
  const isSyncedBeforeFrame = (calls: string, text: string): boolean => {
    const lines = calls.split('\n');
    const told = lines.findIndex((line) => line.includes(text));
    const [, socket = ''] = /(?:read|recvfrom)\((\d+),/.exec(lines[told] ?? '') ?? [];
    const isWrite = new RegExp(`(?:write|writev|sendto)\\(${socket},`);
    const acknowledged = lines.findIndex((line, index) => index > told && isWrite.test(line));
    if (socket === '' || acknowledged < 0) throw new Error('no frame, or nothing behind it');
    return lines.slice(told, acknowledged).some(isSync);
  };

  for (const [mode, isSynced] of [
    ['as it is', true],
    ['early', false],
  ] as const) {
    it(`has an event synced before the webhook's answer is written${isSynced ? '' : ', and one that is early is found out'}`, async () => {
      const log = join(folder, `calls-${mode}`);
      const child = await startTraced('hook', log, temporary.dir(), mode);
      await child.told(1);
      expect(child.stderr).to.equal('');
      const headers = { 'api-security-token': 'secret', 'content-type': 'application/json' };
      const body = JSON.stringify({ info: { cid: 'c1' }, packet: { name: 'message', payload: { body: 'Hello' } } });
      const response = await fetch(`http://127.0.0.1:${child.lines[0] ?? ''}/`, { method: 'POST', headers, body });
      expect(response.status).to.equal(200);
      expect(await child.leave()).to.equal(0);
      expect(isSyncedBeforeAnswer(readFileSync(log, 'utf8'))).to.equal(isSynced);
    });

    it(`has a message synced before its frame is acknowledged${isSynced ? '' : ', and one that is early is found out'}`, async () => {
      const log = join(folder, `frames-${mode}`);
      const simulator = await trueconfSimulator();
      simulators.push(simulator);
      const child = await startTraced('frames', log, temporary.dir(), String(simulator.port), mode);
      const acknowledged = (): number =>
        simulator.journal.filter((entry) => entry.kind === 'acknowledged' && entry.method === 'sendMessage').length;
      await until(() => simulator.journal.some(({ kind }) => kind === 'authorized'));
      expect(child.stderr).to.equal('');
      const mira = simulator.user('mira');
      // Her chat comes with the first message, in a frame that is acknowledged at once.
      for (const [index, text] of ['Good morning', 'Is my bicycle repaired?'].entries()) {
        mira.say(text);
        await until(() => acknowledged() > index);
      }
      expect(await child.leave()).to.equal(0);
      expect(isSyncedBeforeFrame(readFileSync(log, 'utf8'), 'Is my bicycle repaired?')).to.equal(isSynced);
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

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};
