import { Observable, type Subscriber } from 'rxjs';
import { ChatError } from '../errors.js';
import type { Engine } from './engine.js';

/** Something that keeps values of the transaction that is running, and writes them at its end. */
export interface Participant {
  /** Writes what it kept. */
  flush(): void;
  /** Forgets what it kept. */
  reset(): void;
}

interface Job {
  readonly run: () => unknown;
  readonly subscriber: Subscriber<unknown>;
  /** Whoever asked is gone; what has not begun does not begin. */
  isGone: boolean;
  outcome: { readonly result: unknown } | { readonly error: ChatError } | undefined;
}

/**
 * Group commit: what is to be written while a transaction is on its way to the disk goes into the next one, together. Each
 * transaction is written as a whole or not at all.
 *
 * @internal
 */
export class Writer {
  readonly #engine: Engine;
  #jobs: Job[] = [];
  #lasts: Job[] = [];
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

  /** Takes part in the transaction that is running. */
  join(participant: Participant): void {
    this.#participants.add(participant);
  }

  /**
   * Runs `job` in a transaction and emits its result when that is synced; a `ChatError` that it throws concerns nobody
   * else. `last`: behind the others of its transaction.
   */
  write<R>(job: () => R, last = false): Observable<R> {
    return new Observable<R>((subscriber) => {
      if (this.#closed) {
        subscriber.error(new ChatError('unreachable', 'lmdb', 'the file is closed', { retryable: false }));
        return undefined;
      }
      const waiting: Job = { run: job, subscriber: subscriber, isGone: false, outcome: undefined };
      (last ? this.#lasts : this.#jobs).push(waiting);
      this.#start();
      return () => {
        waiting.isGone = true;
      };
    });
  }

  /** Resolves when everything is written, and takes nothing more. */
  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    this.#closed = true;
  }

  #start(): void {
    if (this.#running !== undefined || this.#jobs.length + this.#lasts.length === 0) return;
    this.#running = this.#group();
  }

  async #group(): Promise<void> {
    let group: readonly Job[] = [];
    let failure: ChatError | undefined;
    try {
      await this.#engine.transaction(() => {
        // Taken now: lmdb lets us wait for our turn, and more came meanwhile.
        group = this.#run();
      });
    } catch (thrown) {
      failure = await failureOf(thrown);
    }
    this.#running = undefined;
    if (group.length === 0 && failure !== undefined) {
      group = [...this.#jobs.splice(0), ...this.#lasts.splice(0)];
    }
    for (const { subscriber, outcome } of group) {
      const error = failure ?? (outcome !== undefined && 'error' in outcome ? outcome.error : undefined);
      if (error !== undefined) subscriber.error(error);
      else {
        subscriber.next(outcome !== undefined && 'result' in outcome ? outcome.result : undefined);
        subscriber.complete();
      }
    }
    this.#start();
  }

  #run(): readonly Job[] {
    const group = [...this.#jobs.splice(0), ...this.#lasts.splice(0)];
    this.#isInside = true;
    try {
      for (const job of group) {
        if (job.isGone) continue;
        try {
          job.outcome = { result: job.run() };
        } catch (thrown) {
          if (!(thrown instanceof ChatError)) throw thrown;
          job.outcome = { error: thrown };
        }
      }
      for (const participant of this.#participants) participant.flush();
      return group;
    } finally {
      this.#isInside = false;
      for (const participant of this.#participants) participant.reset();
      this.#participants.clear();
    }
  }
}

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
