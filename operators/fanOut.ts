import { defer, mergeMap, Observable, Subject, type ObservableInput, type OperatorFunction } from 'rxjs';
import { consume } from '../lib/consume.js';
import { attach, traceOf, type Holder } from '../lib/trace.js';

/** One way of several for the same items. */
export type Branch<T, R> = (items: Observable<T>) => ObservableInput<R>;

/**
 * Sends each item down every branch and merges what they give. What `share` and `merge` do, with one account for each
 * branch: the item is settled when all branches are done with it, however long each of them waits.
 *
 *     source   -a--b----|
 *     branch 1 -a--b----|
 *     branch 2 --A--B---|    a plain `delay`
 *     result   -aA-bB---|
 *
 * Each branch gets a copy of its own. A copy that a branch drops with a plain `filter` ends `ignored`. Completes when the
 * source and all branches have completed. Errors: those of the source and of the branches.
 *
 * @throws RangeError at the call, without branches.
 */
export function fanOut<T extends { readonly id: string }, R>(
  ...branches: readonly Branch<T, R>[]
): OperatorFunction<T, R> {
  if (branches.length === 0) throw new RangeError('fanOut: at least one branch is needed');

  return (source) =>
    new Observable<R>((subscriber) => {
      const ways = branches.map((branch, n) => new Way<T, R>(n + 1, branch));
      defer(() => ways)
        .pipe(mergeMap(({ output }) => output))
        .subscribe(subscriber);
      consume(source, subscriber, {
        next: (item) => {
          for (const way of ways) way.send(item);
        },
        complete: () => {
          for (const { input } of ways) input.complete();
        },
      });
    });
}

class Way<T extends { readonly id: string }, R> implements Holder {
  readonly name: string;
  readonly input = new Subject<T>();
  readonly output: ObservableInput<R>;
  readonly #n: number;

  constructor(n: number, branch: Branch<T, R>) {
    this.name = 'fanOut';
    this.#n = n;
    this.output = branch(this.input);
  }

  send(item: T): void {
    const trace = traceOf(item);
    if (trace === undefined) {
      this.input.next(item);
      return;
    }
    const fork = trace.fork(`${item.id}~${this.#n}`, this, false);
    this.input.next(attach({ ...item }, fork));
    fork.release(this);
  }
}
