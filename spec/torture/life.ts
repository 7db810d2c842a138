import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Letter, Orders, Told } from './orders.js';

/** One life of the bot: what it told, and how it ended. */
export class Life {
  readonly number: number;
  /** Actions that were handed to a sink, and are not over. */
  readonly inFlight = new Set<string>();
  /** Actions that are over, and what became of them. */
  readonly receipts = new Map<string, string>();
  readonly doubts: Extract<Told, { readonly kind: 'doubt' }>[] = [];
  /** Resolves with the signal or the code that ended it. */
  readonly over: Promise<string>;
  /** Resolves when it is ready, or over. */
  readonly ready: Promise<unknown>;
  stderr = '';
  readonly #process: ChildProcess;
  #answered: (told: Told) => void = () => undefined;

  /** `fileBytes`: files cannot grow beyond it. */
  constructor(number: number, script: string, orders: Orders, fileBytes: number | undefined) {
    this.number = number;
    const program = [process.execPath, script, JSON.stringify(orders)];
    // In blocks of 1 024 bytes; Node ignores the signal, so that a program is told by an error.
    const blocks = fileBytes === undefined ? 0 : Math.ceil(fileBytes / 1_024);
    const [command = '', ...rest] =
      fileBytes === undefined ? program : ['bash', '-c', `ulimit -f ${blocks} && exec "$0" "$@"`, ...program];
    this.#process = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdin, stdout, stderr } = this.#process;
    this.over = once(this.#process, 'close').then(([code, signal]) => String(signal ?? code));
    // What is said to a dead process is said to nobody.
    stdin?.on('error', () => undefined);
    stderr?.on('data', (chunk: Buffer) => (this.stderr = (this.stderr + chunk.toString()).slice(-4_000)));
    let isReady: () => void = () => undefined;
    this.ready = Promise.race([new Promise<void>((resolve) => (isReady = resolve)), this.over]);
    if (stdout === null) return;
    createInterface({ input: stdout }).on('line', (line) => {
      const told = read(line);
      if (told === undefined) return;
      if (told.kind === 'ready') isReady();
      else this.#hear(told);
    });
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** How many items wait in its queues; nothing when it is dead. */
  async waiting(): Promise<number | undefined> {
    const told = await this.#ask('counts');
    return told?.kind === 'counts' ? told.waiting : undefined;
  }

  async letters(): Promise<readonly Letter[]> {
    const told = await this.#ask('letters');
    return told?.kind === 'letters' ? told.letters : [];
  }

  async #ask(question: string): Promise<Told | undefined> {
    const answer = new Promise<Told>((resolve) => (this.#answered = resolve));
    this.#process.stdin?.write(`${question}\n`);
    return Promise.race([answer, this.over.then(() => undefined)]);
  }

  #hear(told: Told): void {
    switch (told.kind) {
      case 'send':
        this.inFlight.add(told.action);
        return;
      case 'receipt':
        this.inFlight.delete(told.action);
        this.receipts.set(told.action, told.status);
        return;
      case 'doubt':
        this.doubts.push(told);
        return;
      default:
        this.#answered(told);
    }
  }
}

/** The last line of a killed process may be half of one. */
const read = (line: string): Told | undefined => {
  try {
    return JSON.parse(line) as Told;
  } catch {
    return undefined;
  }
};
