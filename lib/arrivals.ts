import { defer, mergeMap, Observable } from 'rxjs';

/** @internal What is on its way, each under a key, and who waits until it has arrived. */
export class Arrivals {
  readonly #open = new Set<{ readonly key: string }>();
  readonly #waiting = new Set<() => void>();

  /** Something is on its way; call what it gives back, once, when that has arrived or is lost. */
  add(key: string): () => void {
    const one = { key };
    this.#open.add(one);
    return () => {
      this.#open.delete(one);
      for (const look of [...this.#waiting]) look();
    };
  }

  /** The answer to a question; where there is none, what it is when all has arrived that is on its way as it is asked. */
  late<T>(key: string, question: Observable<T | undefined>): Observable<T | undefined> {
    return defer(() => {
      // Before it is asked: what arrives meanwhile is not in the answer yet, and not on its way any more.
      const arrived = this.settled(key);
      return question.pipe(
        mergeMap((answer) => (answer === undefined ? arrived.pipe(mergeMap(() => question)) : [answer])),
      );
    });
  }

  /** Emits as soon as all has arrived that is on its way when this is called, and does not wait for what comes after. */
  settled(key: string): Observable<undefined> {
    const left = [...this.#open].filter((one) => one.key === key);
    return new Observable((subscriber) => {
      const look = (): void => {
        if (left.some((one) => this.#open.has(one))) return;
        this.#waiting.delete(look);
        subscriber.next(undefined);
        subscriber.complete();
      };
      this.#waiting.add(look);
      subscriber.add(() => this.#waiting.delete(look));
      look();
    });
  }
}
