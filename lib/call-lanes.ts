import { defer, Observable, type ObservableInput, type Subscription } from 'rxjs';
import { Job, LaneEngine } from './lane-engine.js';

interface Call {
  readonly key: string;
  readonly begin: (job: CallJob) => void;
  readonly drop: () => void;
}

class CallJob extends Job<Call> {
  inner: Subscription | undefined;
}

/**
 * Calls one after the other per key, and no more than so many at once: for what a stream's lanes cannot keep apart, because
 * a call goes on that nobody waits for any more.
 *
 * @internal
 */
export class CallLanes {
  readonly #engine: LaneEngine<Call, CallJob>;

  constructor(name: string, concurrency: number, maxQueued: number) {
    this.#engine = new LaneEngine<Call, CallJob>({
      name,
      key: ({ item }) => item.key,
      concurrency,
      maxQueued,
      run: (job) => {
        job.item.begin(job);
      },
      drop: ({ item }) => {
        item.drop();
      },
      interrupt: (job) => {
        job.inner?.unsubscribe();
        this.#engine.finish(job);
      },
    });
  }

  /** The call, when its turn has come. Cold; unsubscribing leaves the line, or aborts. Errors with `full` if there is no room. */
  run<R>(key: string, call: () => ObservableInput<R>, full: () => Error): Observable<R> {
    return new Observable((subscriber) => {
      const engine = this.#engine;
      const job: CallJob = new CallJob(engine, {
        key,
        begin: () => {
          job.inner = defer(call).subscribe({
            next: (value) => {
              subscriber.next(value);
            },
            error: (error: unknown) => {
              engine.finish(job);
              subscriber.error(error);
            },
            complete: () => {
              engine.finish(job);
              subscriber.complete();
            },
          });
        },
        drop: () => {
          subscriber.error(full());
        },
      });
      engine.push(job);
      return () => {
        engine.cancel(job, 'superseded');
      };
    });
  }
}
