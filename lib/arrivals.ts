import { Observable } from 'rxjs';

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

  has(key: string): boolean {
    for (const one of this.#open) if (one.key === key) return true;
    return false;
  }

  /** Emits as soon as all that is on its way now has arrived, and does not wait for what comes after. */
  settled(key: string): Observable<undefined> {
    return new Observable((subscriber) => {
      const left = [...this.#open].filter((one) => one.key === key);
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
