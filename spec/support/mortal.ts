import { NEVER, Observable, Subscription, timer, type SchedulerLike } from 'rxjs';
import { concatMap, filter } from 'rxjs';
import type { InboundEvent, OutboundAction, Store } from 'tidewire';
import type { Leased, Queue } from 'tidewire/queue';

/**
 * A process that can be killed at any moment: each write of its queues and stores takes two frames, and dies before or after it
 * has happened. What is dead does nothing any more, whoever is unsubscribed from it.
 */
export class Mortal {
  isAlive = true;
  readonly #scheduler: SchedulerLike;
  readonly #leases = new Subscription();

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler;
  }

  kill(): void {
    this.isAlive = false;
    this.#leases.unsubscribe();
  }

  /** `elsewhere`: it cannot be written together with anything else. */
  queue<T extends InboundEvent | OutboundAction>(real: Queue<T>, elsewhere = false): Queue<T> {
    const { errors$, forgotten$, name } = real;
    return {
      name,
      errors$,
      forgotten$,
      add: (items, options) => this.#slow(real.add(items, options)),
      adding: (items) => (elsewhere ? Object.assign(real.adding(items), { medium: real }) : real.adding(items)),
      lease: (config) =>
        new Observable<Leased<T>>((subscriber) => {
          if (!this.isAlive) return;
          const lease = real.lease(config).subscribe(subscriber);
          this.#leases.add(lease);
        }),
      ack: (leased, options) => this.#slow(real.ack(leased, options)),
      return: (leased, options) => this.#slow(real.return(leased, options)),
      park: (leased, report, options) => this.#slow(real.park(leased, report, options)),
      letters: (options) => real.letters(options),
      resubmit: (letter) => this.#slow(real.resubmit(letter)),
      drop: (letter) => this.#slow(real.drop(letter)),
      forget: (conversation) => this.#slow(real.forget(conversation)),
      counts: () => real.counts(),
    };
  }

  /** `elsewhere`: it cannot be written together with a queue. */
  store(real: Store, elsewhere = false): Store {
    return {
      get: (key) => real.get(key),
      put: (key, value, options) => this.#slow(real.put(key, value, options)),
      delete: (key, options) => this.#slow(real.delete(key, options)),
      scan: (prefix) => real.scan(prefix),
      forget: (prefix) => this.#slow(real.forget(prefix)),
      ...(!elsewhere && real.sync !== undefined && { sync: real.sync }),
    };
  }

  /** What happens a moment after it is asked for, and is told a moment after it has happened. */
  #slow<R>(write: Observable<R>): Observable<R> {
    const soon = timer(1, this.#scheduler);
    return soon.pipe(
      concatMap(() => (this.isAlive ? write : NEVER)),
      concatMap((result) => soon.pipe(concatMap(() => [result]))),
      filter(() => this.isAlive),
    );
  }
}
