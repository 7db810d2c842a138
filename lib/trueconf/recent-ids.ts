/** @internal The last so many ids, and up to as many before them: two generations, so that forgetting costs nothing. */
export class RecentIds {
  #young = new Set<string>();
  #old = new Set<string>();

  has(id: string): boolean {
    return this.#young.has(id) || this.#old.has(id);
  }

  add(id: string, most: number): void {
    if (this.#young.size >= most) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(id);
  }
}
