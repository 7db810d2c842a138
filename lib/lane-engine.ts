import type { Outcome } from './model/outcome.js';
import { traceOf, type Holder, type Trace } from './trace.js';

interface JobOwner {
  readonly name: string;
  cancel(job: Job<unknown>, outcome: Outcome): void;
}

/**
 * One item on its way through a lane. It is its own holder of the trace, so that a cancellation finds it without a search;
 * and it is the lane while it is at the head of it, so that a lane costs no object of its own.
 *
 * @internal
 */
export class Job<T> implements Holder {
  readonly owner: JobOwner;
  readonly item: T;
  readonly trace: Trace | undefined;
  state: 'waiting' | 'running' | 'done' = 'waiting';
  key = '';
  /** The neighbours in the lane; the head has none before it. */
  previous: Job<T> | undefined;
  next: Job<T> | undefined;
  /** The last of the same key, known to the head alone. */
  tail: Job<T> | undefined;
  /** The head of the next lane that may run. */
  nextReady: Job<T> | undefined;

  constructor(owner: JobOwner, item: T, trace = traceOf(item)) {
    this.owner = owner;
    this.item = item;
    this.trace = trace;
    trace?.hold(this);
  }

  get name(): string {
    return this.owner.name;
  }

  cancel(_trace: Trace, outcome: Outcome): void {
    this.owner.cancel(this, outcome);
  }
}

/** @internal */
export interface LaneEngineConfig<J> {
  readonly name: string;
  readonly key: (job: J) => string;
  readonly concurrency: number;
  readonly maxQueued: number;
  /** Begins the work; `engine.finish(job)` ends it, at once or later. */
  readonly run: (job: J) => void;
  /** The job leaves without having run: cancelled, or no room. */
  readonly drop: (job: J, outcome: Outcome) => void;
  /** A running job is cancelled. Its lane goes on when this calls `engine.finish(job)`. */
  readonly interrupt: (job: J, outcome: Outcome) => void;
}

/**
 * Runs jobs in order per key and concurrently between keys, at most `concurrency` at a time. A key that has more to do
 * goes to the end of the line after each job, so that a busy key does not starve the others. Every step is O(1).
 *
 * @internal
 */
export class LaneEngine<T, J extends Job<T>> {
  readonly name: string;
  readonly #config: LaneEngineConfig<J>;
  /** The head of each lane, running or ready. */
  readonly #heads = new Map<string, J>();
  #firstReady: J | undefined;
  #lastReady: J | undefined;
  #active = 0;
  #queued = 0;
  #pumping = false;

  constructor(config: LaneEngineConfig<J>) {
    this.name = config.name;
    this.#config = config;
  }

  /** Jobs that wait or run. */
  get size(): number {
    return this.#active + this.#queued;
  }

  push(job: J): void {
    const { key, concurrency, maxQueued, drop } = this.#config;
    try {
      job.key = key(job);
    } catch (error) {
      job.trace?.release(job, 'failed', 'its key could not be told');
      throw error;
    }
    const head = this.#heads.get(job.key);
    const runs = head === undefined && !this.#pumping && this.#active < concurrency;
    // Before it is linked: behind a hung job, what was shed would pile up.
    if (!runs && this.#queued >= maxQueued) {
      job.state = 'done';
      drop(job, 'shed');
      return;
    }
    this.#queued++;
    if (head === undefined) {
      this.#heads.set(job.key, job);
      this.#ready(job);
      this.#pump();
    } else {
      const last = head.tail ?? head;
      last.next = job;
      job.previous = last;
      head.tail = job;
    }
  }

  /** The work of a running job is over: the next of its key may run. Nothing happens when it is over already. */
  finish(job: J): void {
    if (job.state !== 'running') return;
    job.state = 'done';
    this.#active--;
    this.#advance(job);
    if (this.#firstReady !== undefined) this.#pump();
  }

  cancel(job: J, outcome: Outcome): void {
    if (job.state === 'running') this.#config.interrupt(job, outcome);
    else if (job.state === 'waiting') {
      this.#leave(job);
      this.#config.drop(job, outcome);
    }
  }

  /** Empties all lanes; `forEach` sees every job that waited or ran. */
  clear(forEach: (job: J, wasRunning: boolean) => void): void {
    const heads = [...this.#heads.values()];
    this.#heads.clear();
    this.#firstReady = this.#lastReady = undefined;
    this.#active = this.#queued = 0;
    for (const head of heads) {
      for (let job: J | undefined = head; job !== undefined; job = job.next as J | undefined) {
        if (job.state === 'done') continue;
        const wasRunning = job.state === 'running';
        job.state = 'done';
        forEach(job, wasRunning);
      }
    }
  }

  /** A head that leaves before it ran stays until its turn comes, which is bounded by the number of lanes. */
  #leave(job: J): void {
    job.state = 'done';
    this.#queued--;
    const { previous, next } = job;
    if (previous === undefined) return;
    previous.next = next;
    if (next !== undefined) next.previous = previous;
    else {
      const head = this.#heads.get(job.key);
      if (head !== undefined) head.tail = previous === head ? undefined : previous;
    }
  }

  /** The next of this head's lane takes its place. */
  #advance(head: J): void {
    const next = head.next as J | undefined;
    if (next === undefined) {
      this.#heads.delete(head.key);
      return;
    }
    next.tail = head.tail === next ? undefined : head.tail;
    next.previous = head.next = head.tail = undefined;
    this.#heads.set(next.key, next);
    this.#ready(next);
  }

  #ready(head: J): void {
    if (this.#lastReady === undefined) this.#firstReady = head;
    else this.#lastReady.nextReady = head;
    this.#lastReady = head;
  }

  /** A loop in place of recursion: a hundred thousand jobs that end at once need no stack. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const { concurrency, run } = this.#config;
    while (this.#firstReady !== undefined && this.#active < concurrency) {
      const job = this.#firstReady;
      this.#firstReady = job.nextReady as J | undefined;
      if (this.#firstReady === undefined) this.#lastReady = undefined;
      job.nextReady = undefined;
      if (job.state === 'done') this.#advance(job);
      else {
        job.state = 'running';
        this.#queued--;
        this.#active++;
        run(job);
      }
    }
    this.#pumping = false;
  }
}
