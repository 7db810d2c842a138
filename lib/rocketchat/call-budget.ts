import { defer, switchMap, timer, type Observable, type SchedulerLike } from 'rxjs';
import type { ChatError } from '../errors.js';

/** What a budget is counted in, in milliseconds. */
const MINUTE = 60_000;

/** @internal Whether what asks for something may do better later: a page of a proxy is no answer, whatever its status. */
export const mayPass = ({ kind }: ChatError): boolean =>
  kind === 'throttled' || kind === 'unreachable' || kind === 'timeout' || kind === 'undecodable';

/** @internal Calls in the order in which they are asked for, so many in any minute. What is given up has used its place. */
export class CallBudget {
  readonly #limit: number;
  readonly #scheduler: SchedulerLike;
  /** When the last so many calls go out. */
  readonly #places: number[] = [];

  constructor(limit: number, scheduler: SchedulerLike) {
    this.#limit = limit;
    this.#scheduler = scheduler;
  }

  run<T>(call: Observable<T>): Observable<T> {
    return defer(() => {
      const waitMs = this.#take();
      return waitMs <= 0 ? call : timer(waitMs, this.#scheduler).pipe(switchMap(() => call));
    });
  }

  #take(): number {
    if (this.#limit === Infinity) return 0;
    const now = this.#scheduler.now();
    const first = this.#places.length < this.#limit ? undefined : this.#places.shift();
    const at = first === undefined ? now : Math.max(now, first + MINUTE);
    this.#places.push(at);
    return at - now;
  }
}
