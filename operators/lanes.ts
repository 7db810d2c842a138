import { defer, Observable, type ObservableInput, type OperatorFunction, type Subscription } from 'rxjs';
import { consume } from '../lib/consume.js';
import { Job, LaneEngine } from '../lib/lane-engine.js';
import { atLeast } from '../lib/range.js';

export interface LanesConfig<T> {
  /** What must stay in order: two items with equal keys share a lane. */
  readonly key: (item: T) => string;
  /** How many inner Observables run at once, one per key. Default: no limit. */
  readonly concurrency?: number;
  /** How many items may wait in all lanes together; what comes beyond is settled `shed`. Default: 100 000. */
  readonly maxQueued?: number;
  /** Named in reports and explanations. Default: `lanes`. */
  readonly name?: string;
}

class LaneJob<T> extends Job<T> {
  inner: Subscription | undefined;
  /** Something of it is downstream, maybe the item itself. */
  isOut = false;
}

/**
 * Projects each item to an inner Observable: in order within a key, concurrently between keys. What `concatMap` is for
 * one conversation and `mergeMap` between them, at constant cost per item for one key or a hundred thousand.
 *
 *     source  -A-a-B---------|        key: upper case, inner: two frames
 *     inner A  --x|
 *     inner a     --y|
 *     inner B      --z|
 *     result  ---x-yz--------|
 *
 * Holds each item until its inner Observable ends. A cancelled item leaves the line, or its inner Observable is
 * unsubscribed. Errors: those of the source, of `key`, of `project` and of the inner Observables; then, and when it is
 * unsubscribed, what it holds is settled `failed`, unless its inner Observable has emitted and somebody downstream has it.
 *
 * @throws RangeError at the call, when `concurrency` is below 1 or `maxQueued` below 0.
 */
export function lanes<T, R>(config: LanesConfig<T>, project: (item: T) => ObservableInput<R>): OperatorFunction<T, R> {
  const { key, concurrency = Infinity, maxQueued = 100_000, name = 'lanes' } = config;
  atLeast('lanes: concurrency', concurrency, 1);
  atLeast('lanes: maxQueued', maxQueued, 0);
  return (source) =>
    new Observable<R>((subscriber) => {
      let completed = false;

      const finish = (job: LaneJob<T>): void => {
        job.trace?.release(job);
        engine.finish(job);
        if (completed && engine.size === 0) subscriber.complete();
      };
      const engine = new LaneEngine<T, LaneJob<T>>({
        name,
        key: ({ item }) => key(item),
        concurrency,
        maxQueued,
        run: (job) => {
          job.inner = defer(() => project(job.item)).subscribe({
            next: (value) => {
              // Cancelled by what it emitted before, in the same call: it cannot be unsubscribed yet.
              if (job.state !== 'running') return;
              job.isOut = true;
              subscriber.next(value);
            },
            error: (error: unknown) => {
              subscriber.error(error);
            },
            complete: () => {
              finish(job);
            },
          });
          if (job.state !== 'running') job.inner.unsubscribe();
        },
        drop: (job, outcome) => {
          job.trace?.release(job, outcome);
          if (completed && engine.size === 0) subscriber.complete();
        },
        interrupt: (job, outcome) => {
          job.inner?.unsubscribe();
          job.trace?.release(job, outcome);
          finish(job);
        },
      });

      subscriber.add(() => {
        engine.clear((job) => {
          job.inner?.unsubscribe();
          if (job.isOut) job.trace?.abandon(job, 'failed', 'unsubscribed');
          else job.trace?.release(job, 'failed', 'unsubscribed');
        });
      });
      consume(source, subscriber, {
        next: (item) => {
          engine.push(new LaneJob<T>(engine, item));
        },
        complete: () => {
          completed = true;
          if (engine.size === 0) subscriber.complete();
        },
      });
    });
}
