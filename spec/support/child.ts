import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Bundles a program, so that it starts in a tenth of the time: one of `spec/support/children`; `lmdb` stays what it is. */
export const bundled = async (
  name: string,
  dir: string,
  entry = new URL(`./children/${name}.ts`, import.meta.url),
): Promise<string> => {
  const outfile = join(dir, `${name}.mjs`);
  const lmdb = pathToFileURL(createRequire(import.meta.url).resolve('lmdb')).href.replace(
    /dist\/index\.cjs$/,
    'node-index.js',
  );
  await build({
    entryPoints: [entry.pathname],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['tidewire-source'],
    logLevel: 'silent',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    plugins: [
      {
        name: 'lmdb',
        setup: (all) => {
          all.onResolve({ filter: /^lmdb$/ }, () => ({ path: lmdb, external: true }));
        },
      },
    ],
  });
  return outfile;
};

/** A program that tells what it does, a line each. */
export class Child {
  readonly lines: string[] = [];
  stderr = '';
  readonly #process: ChildProcess;
  readonly #exit: Promise<unknown[]>;
  #rest = '';
  #watch: () => void = () => undefined;

  constructor(command: string, ...args: readonly string[]) {
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#exit = once(this.#process, 'close');
    this.#process.stdout?.on('data', (chunk: Buffer) => {
      const parts = `${this.#rest}${chunk.toString()}`.split('\n');
      this.#rest = parts.pop() ?? '';
      this.lines.push(...parts);
      this.#watch();
    });
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
  }

  /** Resolves when it has told so many lines, or has ended. */
  async told(count: number): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      this.#watch = () => {
        if (this.lines.length >= count) resolve();
      };
      this.#watch();
    });
    await Promise.race([enough, this.#exit]);
  }

  /** Has it do what it does when somebody talks to it. */
  talk(): void {
    this.#process.stdin?.write('\n');
  }

  /** It stands still, and does not know it. */
  stop(): void {
    this.#process.kill('SIGSTOP');
  }

  goOn(): void {
    this.#process.kill('SIGCONT');
  }

  /** Ends what it talks to, and waits for it. */
  async leave(): Promise<unknown> {
    this.#process.stdin?.end();
    return this.ended();
  }

  async kill(): Promise<void> {
    this.#process.stdin?.end();
    this.#process.kill('SIGKILL');
    await this.#exit;
  }

  /** Its exit code, or the signal that ended it. */
  async ended(): Promise<unknown> {
    const [code, signal] = await this.#exit;
    return code ?? signal;
  }
}
