import { Observable } from 'rxjs';
import { ChatError } from '../errors.js';

/** @internal What a medium writes. */
export interface AnyTask {
  /** Whoever asked is gone: what has not begun does not begin. */
  readonly isGone: boolean;
  /** Inside of a transaction. Throws what concerns all of it, and keeps what concerns this task. */
  run(): void;
  /** The transaction is safe, or failed. */
  end(failure?: unknown): void;
}

/**
 * Something to be written: `run` in a transaction, then `done` with its result when that is safe, or `failed`. A `ChatError`
 * that `run` throws is its own and means that it has written nothing; anything else ends the transaction.
 *
 * @internal
 */
export class Task<R> implements AnyTask {
  isGone = false;
  readonly #run: () => R;
  readonly #done: (result: R) => void;
  readonly #failed: (error: unknown) => void;
  #outcome: { readonly result: R } | undefined;
  #error: ChatError | undefined;

  constructor(run: () => R, done: (result: R) => void, failed: (error: unknown) => void) {
    this.#run = run;
    this.#done = done;
    this.#failed = failed;
  }

  run(): void {
    try {
      this.#outcome = { result: this.#run() };
    } catch (thrown) {
      if (!(thrown instanceof ChatError)) throw thrown;
      this.#error = thrown;
    }
  }

  end(failure: unknown = this.#error): void {
    if (failure !== undefined) this.#failed(failure);
    else if (this.#outcome !== undefined) this.#done(this.#outcome.result);
  }
}

/** @internal What a task does, and what follows when that is safe. */
export interface Work<R> {
  readonly run: () => R;
  readonly then?: (result: R) => void;
}

/**
 * A task as an Observable: each subscription prepares and writes one. What has begun ends also when nobody listens any more,
 * `then` included.
 *
 * @internal
 */
export const writing = <R>(write: (task: Task<R>) => void, prepare: () => Work<R>): Observable<R> =>
  new Observable((subscriber) => {
    const { run, then } = prepare();
    const task = new Task(
      run,
      (result) => {
        then?.(result);
        subscriber.next(result);
        subscriber.complete();
      },
      (error) => {
        subscriber.error(error);
      },
    );
    write(task);
    return () => {
      task.isGone = true;
    };
  });
