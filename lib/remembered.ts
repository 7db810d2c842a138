/** @internal The last so many keys. */
export class Remembered {
  readonly #keys = new Set<string>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add(key: string): void {
    this.#keys.delete(key);
    this.#keys.add(key);
    const [oldest] = this.#keys.size > this.#most ? this.#keys : [];
    if (oldest !== undefined) this.#keys.delete(oldest);
  }
}
