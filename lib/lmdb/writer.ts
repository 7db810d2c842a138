import { ChatError } from '../errors.js';
import type { AnyTask } from '../queue/task.js';
import type { Engine } from './engine.js';

/** Something that keeps values of the transaction that is running, and writes them at its end. */
export interface Participant {
  /** Writes what it kept. */
  flush(): void;
  /** Forgets what it kept. */
  reset(): void;
}

/**
 * Group commit: what is to be written while a transaction is on its way to the disk goes into the next one, together. Each
 * transaction is written as a whole or not at all.
 *
 * @internal
 */
export class Writer {
  readonly #engine: Engine;
  #tasks: AnyTask[] = [];
  #lasts: AnyTask[] = [];
  readonly #participants = new Set<Participant>();
  #running: Promise<void> | undefined;
  #isInside = false;
  #closed = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Whether a transaction is running right now. */
  get isInside(): boolean {
    return this.#isInside;
  }

  /** @throws ChatError `unreachable` when the file is closed. */
  checkOpen(): void {
    if (this.#closed) throw closed();
  }

  /** Takes part in the transaction that is running. */
  join(participant: Participant): void {
    this.#participants.add(participant);
  }

  /** Writes a task; `last`: behind the others of its transaction. */
  readonly write = (task: AnyTask, last = false): void => {
    if (this.#closed) {
      task.end(closed());
      return;
    }
    (last ? this.#lasts : this.#tasks).push(task);
    this.#start();
  };

  /** Resolves when everything is written, and takes nothing more. */
  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    this.#closed = true;
  }

  #start(): void {
    if (this.#running !== undefined || this.#tasks.length + this.#lasts.length === 0) return;
    this.#running = this.#group();
  }

  async #group(): Promise<void> {
    let group: readonly AnyTask[] | undefined;
    let failure: ChatError | undefined;
    try {
      await this.#engine.transaction(() => {
        // Taken now: lmdb lets us wait for our turn, and more came meanwhile.
        group = this.#takeAll();
        this.#run(group);
      });
    } catch (thrown) {
      failure = await failureOf(thrown);
    }
    this.#running = undefined;
    for (const task of group ?? this.#takeAll()) task.end(failure);
    this.#start();
  }

  #takeAll(): readonly AnyTask[] {
    const all = this.#tasks;
    // Most often there is one of these.
    all.push(...this.#lasts);
    this.#tasks = [];
    this.#lasts = [];
    return all;
  }

  #run(group: readonly AnyTask[]): void {
    this.#isInside = true;
    try {
      for (const task of group) if (!task.isGone) task.run();
      for (const participant of this.#participants) participant.flush();
    } finally {
      this.#isInside = false;
      for (const participant of this.#participants) participant.reset();
      this.#participants.clear();
    }
  }
}

const closed = (): ChatError => new ChatError('unreachable', 'lmdb', 'the file is closed', { retryable: false });

const FULL = /ENOSPC|EDQUOT|EFBIG|No space left|quota|File too large|MDB_MAP_FULL/i;

/** What lmdb says went wrong: it rejects a commit, and tells why by another promise. */
const failureOf = async (thrown: unknown): Promise<ChatError> => {
  const { commitError } = (thrown ?? {}) as { readonly commitError?: Promise<unknown> };
  let cause = thrown;
  if (commitError !== undefined) await commitError.catch((told: unknown) => (cause = told));
  const said = cause instanceof Error ? cause.message : '';
  if (FULL.test(said)) {
    return new ChatError('overflow', 'lmdb', 'the disk is full', { retryable: true, reason: 'diskFull' });
  }
  return new ChatError('unreachable', 'lmdb', 'the transaction was not written', { reason: said.slice(0, 200) });
};
