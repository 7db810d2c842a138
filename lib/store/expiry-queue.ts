/** @internal */
export interface Expiring {
  readonly expiresAt: number;
}

/**
 * What expires first comes first: a binary heap, so that a million times to live need no timer each.
 *
 * @internal
 */
export class ExpiryQueue<T extends Expiring> {
  readonly #heap: T[] = [];

  get first(): T | undefined {
    return this.#heap[0];
  }

  add(item: T): void {
    const heap = this.#heap;
    let at = heap.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as T;
      if (above.expiresAt <= item.expiresAt) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = item;
  }

  /** Takes out the first item that is due, if any is. */
  due(now: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.expiresAt > now) return undefined;
    const last = this.#heap.pop() as T;
    if (this.#heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(item: T): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let below = left;
      if (right !== undefined && right.expiresAt < left.expiresAt) {
        below = right;
        child++;
      }
      if (item.expiresAt <= below.expiresAt) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = item;
  }
}
