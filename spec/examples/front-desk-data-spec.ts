import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { expect } from 'chai';

const main = new URL('../../examples/front-desk/main.ts', import.meta.url).pathname;

/** A line of what Userlike saw. */
interface Entry {
  readonly contact: string;
  readonly kind: string;
  readonly text?: string;
  readonly status?: number;
}

/** The program with a directory for its data, whatever the environment of the specs has. */
class DurableDesk {
  printed = '';
  complaints = '';
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  readonly #ended: Promise<unknown[]>;

  constructor(dir: string) {
    const args = ['--conditions=tidewire-source', '--import', 'tsx', main, '--data', dir];
    this.#process = spawn(process.execPath, args, {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.#process, 'close');
    this.#process.stdout.on('data', (chunk: Buffer) => (this.printed += chunk.toString()));
    this.#process.stderr.on('data', (chunk: Buffer) => (this.complaints += chunk.toString()));
  }

  /** Resolves when it is open, or has ended. */
  async open(): Promise<void> {
    const up = new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.printed.includes('Ctrl-C ends.')) resolve();
      };
      this.#process.stdout.on('data', look);
    });
    await Promise.race([up, this.#ended]);
  }

  async end(signal: NodeJS.Signals): Promise<unknown> {
    this.#process.kill(signal);
    const [code] = await this.#ended;
    return code;
  }
}

describe('the front desk with --data', function () {
  this.timeout(90_000);
  const dir = mkdtempSync(join(tmpdir(), 'tidewire-'));
  const desks: DurableDesk[] = [];
  let home = '';
  let pid = 0;
  after(async () => {
    for (const desk of desks) await desk.end('SIGKILL');
    if (existsSync(join(dir, 'userlike.json'))) process.kill(pid, 'SIGTERM');
    rmSync(dir, { recursive: true, force: true });
  });

  const start = async (): Promise<DurableDesk> => {
    const desk = new DurableDesk(dir);
    desks.push(desk);
    await desk.open();
    return desk;
  };
  const journal = async (name: string): Promise<readonly Entry[]> => {
    const entries = (await (await fetch(`${home}/journal`)).json()) as readonly Entry[];
    return entries.filter(({ contact }) => contact === name);
  };
  const sees = async (name: string): Promise<readonly string[]> =>
    (await journal(name)).flatMap(({ kind, text }) => (kind === 'seen' && text !== undefined ? [text] : []));
  const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
    const givenUpAt = performance.now() + 30_000;
    while (!(await isSo())) if (performance.now() > givenUpAt) throw new Error(`waited in vain until ${what}`);
  };
  const seen = async (name: string, words: string): Promise<void> =>
    until(`${name} sees ${words}`, async () => (await sees(name)).some((text) => text.includes(words)));
  const say = (name: string, text: string, channel = 'sms'): void => {
    void fetch(`${home}/say/${channel}/${name}`, { method: 'POST', body: text });
  };
  /** What a customer said is on the disk. */
  const accepted = async (name: string, count: number): Promise<void> =>
    until(
      'it is accepted',
      async () =>
        (await journal(name)).filter(({ status, kind }) => kind === 'answered' && status === 200).length >= count,
    );

  it('goes on in the middle of a conversation after it was killed, and says what it found', async () => {
    const first = await start();
    expect(first.printed).to.include(`Data is in ${dir}: 0 messages and 0 answers wait, 0 dead letters.`);
    ({ home, pid } = JSON.parse(readFileSync(join(dir, 'userlike.json'), 'utf8')) as { home: string; pid: number });

    // Ana has a question before her, Bo is with a person, Lea waits for an answer and says something more.
    say('Ana', 'Hello');
    await seen('Ana', 'What can we do for you?');
    const inTranscript = /^userlike +Ana +> +Hello$[^]*^userlike +Ana +< +Welcome to the Velo workshop!/m;
    await until('it is printed', async () => (await sees('Ana')).length > 0 && inTranscript.test(first.printed));
    say('Bo', 'Hello');
    await seen('Bo', 'What can we do for you?');
    say('Bo', '3');
    await until('a person has Bo', async () => (await journal('Bo')).some(({ kind }) => kind === 'taken'));
    say('Lea', 'Where is my bicycle?');
    await seen('Lea', 'Let me look that up');
    say('Lea', 'Thank you!');
    await accepted('Lea', 2);
    await first.end('SIGKILL');
    expect(first.complaints).to.equal('');

    const second = await start();
    expect(second.printed).to.match(/: [2-9] messages and 0 answers wait, 0 dead letters\./);
    say('Ana', '2');
    await seen('Ana', 'Monday to Friday');
    await seen('Lea', 'You are welcome');
    expect(await sees('Lea')).to.deep.equal([
      'Welcome to the Velo workshop!',
      'Let me look that up …',
      'Your bicycle is ready. Come by until 18:00.',
      'You are welcome.',
    ]);
    expect((await journal('Bo')).filter(({ kind }) => kind === 'taken')).to.have.length(1);
    expect(await sees('Bo')).to.have.length(3);

    expect(await second.end('SIGINT')).to.equal(0);
    expect(second.complaints).to.equal('');
    expect(second.printed).to.include('received is the sum');
    // What was answered after the restart, and nothing from before it.
    expect(second.printed).to.match(/^userlike +Ana +< +.*Monday to Friday/m);
    expect(second.printed).to.match(/^userlike +Lea +< +You are welcome\.$/m);
    expect(second.printed).not.to.include('Where is my bicycle?\n');
    expect(second.printed).to.include(`In ${dir}: 0 messages and 0 answers wait, 0 dead letters.`);
  });

  it('takes the simulated Userlike with it when it ends in an orderly way', async () => {
    expect(existsSync(join(dir, 'userlike.json'))).to.equal(false);
    const answers = await fetch(home).then(
      () => true,
      () => false,
    );
    expect(answers).to.equal(false);
  });

  /** How it ends, and what it complains about. */
  const ending = async (...options: readonly string[]): Promise<readonly [unknown, string]> => {
    const child = spawn(process.execPath, ['--conditions=tidewire-source', '--import', 'tsx', main, ...options], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaints = '';
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
    const [code] = (await once(child, 'close')) as unknown[];
    return [code, complaints];
  };

  it('says so when no directory is named', async () => {
    for (const options of [['--data'], ['--data='], ['--data', '--once']])
      expect(await ending(...options)).to.deep.equal([2, '--data needs a directory: --data ./data\n']);
  });

  it('refuses options that it does not have', async () => {
    const refused = (what: string) => [2, `${what}: there are --data DIR and --once\n`];
    expect(await ending('--dta', 'x')).to.deep.equal(refused("Unknown option '--dta'"));
    expect(await ending('here')).to.deep.equal(refused("Unexpected argument 'here'"));
  });

  it('says in a sentence that a file is foreign, and leaves it as it is', async () => {
    const foreign = mkdtempSync(join(dir, 'foreign-'));
    const file = join(foreign, 'tidewire.mdb');
    writeFileSync(file, 'something else');
    const sentence = `lmdb: ${file} is not ours: there is no ${join(foreign, 'tidewire.json')}; nothing was changed\n`;
    expect(await ending('--data', foreign)).to.deep.equal([1, sentence]);
    expect(readFileSync(file, 'utf8')).to.equal('something else');
  });
});
