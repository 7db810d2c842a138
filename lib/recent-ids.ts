/** @internal The last so many ids, and up to as many before them: two generations, so that forgetting costs nothing. */
export class RecentIds {
  #young = new Set<string>();
  #old = new Set<string>();

  has(id: string): boolean {
    return this.#young.has(id) || this.#old.has(id);
  }

  /** Whether older ones were forgotten for it. */
  add(id: string, most: number): boolean {
    const isFull = this.#young.size >= most;
    if (isFull) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(id);
    return isFull;
  }

  delete(id: string): void {
    this.#young.delete(id);
    this.#old.delete(id);
  }
}
