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
  /** The heads of the lanes that may run before and after this one. */
  previousReady: Job<T> | undefined;
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
  #readyCount = 0;
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

  /** Whether a job of this key waits or runs. */
  has(key: string): boolean {
    return this.#heads.has(key);
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
    // More than none only while it pumps: those that are ready run before it is over, and wait for nothing.
    const free = concurrency - this.#active;
    const runs = head === undefined && this.#readyCount < free;
    // Before it is linked: behind a hung job, what was shed would pile up.
    if (!runs && this.#queued - Math.min(free, this.#readyCount) >= maxQueued) {
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
    const next = this.#promote(job);
    if (next !== undefined) this.#ready(next);
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
    const running: J[] = [];
    const waiting: J[] = [];
    for (const head of this.#heads.values()) {
      for (let job: J | undefined = head; job !== undefined; job = job.next as J | undefined) {
        (job.state === 'running' ? running : waiting).push(job);
        job.state = 'done';
      }
    }
    this.#heads.clear();
    this.#firstReady = this.#lastReady = undefined;
    this.#active = this.#queued = this.#readyCount = 0;
    // Nothing is linked any more, and all is done: what these calls cancel or finish in their turn is left alone.
    for (const job of running) forEach(job, true);
    for (const job of waiting) forEach(job, false);
  }

  /** At once, wherever it waits: behind one hung job, what is cancelled would pile up. */
  #leave(job: J): void {
    job.state = 'done';
    this.#queued--;
    const { previous, next } = job;
    if (previous === undefined) {
      this.#leaveHead(job);
      return;
    }
    previous.next = next;
    if (next !== undefined) next.previous = previous;
    else {
      const head = this.#heads.get(job.key);
      if (head !== undefined) head.tail = previous === head ? undefined : previous;
    }
    job.previous = job.next = undefined;
  }

  /** The next of its lane takes its place in the line of those that may run. */
  #leaveHead(head: J): void {
    const before = head.previousReady as J | undefined;
    const after = head.nextReady as J | undefined;
    const next = this.#promote(head);
    head.previousReady = head.nextReady = undefined;
    if (next === undefined) this.#readyCount--;
    else {
      next.previousReady = before;
      next.nextReady = after;
    }
    if (before === undefined) this.#firstReady = next ?? after;
    else before.nextReady = next ?? after;
    if (after === undefined) this.#lastReady = next ?? before;
    else after.previousReady = next ?? before;
  }

  /** The next of this head's lane is its head from now on. */
  #promote(head: J): J | undefined {
    const next = head.next as J | undefined;
    if (next === undefined) {
      this.#heads.delete(head.key);
      return undefined;
    }
    next.tail = head.tail === next ? undefined : head.tail;
    next.previous = head.next = head.tail = undefined;
    this.#heads.set(next.key, next);
    return next;
  }

  #ready(head: J): void {
    this.#readyCount++;
    if (this.#lastReady === undefined) this.#firstReady = head;
    else {
      this.#lastReady.nextReady = head;
      head.previousReady = this.#lastReady;
    }
    this.#lastReady = head;
  }

  #takeReady(): J | undefined {
    const job = this.#firstReady;
    if (job === undefined) return undefined;
    const next = job.nextReady as J | undefined;
    job.nextReady = undefined;
    if (next === undefined) this.#lastReady = undefined;
    else next.previousReady = undefined;
    this.#firstReady = next;
    this.#readyCount--;
    return job;
  }

  /** A loop in place of recursion: a hundred thousand jobs that end at once need no stack. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const { concurrency, run } = this.#config;
    try {
      while (this.#active < concurrency) {
        const job = this.#takeReady();
        if (job === undefined) return;
        job.state = 'running';
        this.#queued--;
        this.#active++;
        run(job);
      }
    } finally {
      this.#pumping = false;
    }
  }
}
