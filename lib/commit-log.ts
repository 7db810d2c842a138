/**
 * Keys in the order and with the times they were added, as a ring: the oldest is at hand without a search, where the head
 * of a `Map` would be behind the holes of all that was deleted before it.
 *
 * @internal
 */
export class CommitLog {
  readonly #windowMs: number;
  readonly #maxKeys: number;
  #keys: (string | undefined)[] = [];
  #times = new Float64Array(16);
  #head = 0;
  #size = 0;

  constructor(windowMs: number, maxKeys: number) {
    this.#windowMs = windowMs;
    this.#maxKeys = maxKeys;
  }

  /** Adds a key; the oldest one leaves through `evict` when there is no room. */
  add(key: string, now: number, evict: (key: string) => void): void {
    if (this.#size === this.#maxKeys) evict(this.#shift());
    if (this.#size === this.#times.length) this.#grow();
    const slot = (this.#head + this.#size) % this.#times.length;
    this.#keys[slot] = key;
    this.#times[slot] = now;
    this.#size++;
  }

  /** Everything that was added `windowMs` ago or earlier leaves through `forget`. */
  expire(now: number, forget: (key: string) => void): void {
    const dueBefore = now - this.#windowMs;
    while (this.#size > 0 && (this.#times[this.#head] ?? 0) <= dueBefore) forget(this.#shift());
  }

  #shift(): string {
    const key = this.#keys[this.#head] ?? '';
    this.#keys[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#times.length;
    this.#size--;
    return key;
  }

  #grow(): void {
    const capacity = Math.min(this.#times.length * 2, Math.max(this.#maxKeys, 16));
    const keys = new Array<string | undefined>(capacity);
    const times = new Float64Array(capacity);
    for (let i = 0; i < this.#size; i++) {
      const slot = (this.#head + i) % this.#times.length;
      keys[i] = this.#keys[slot];
      times[i] = this.#times[slot] ?? 0;
    }
    this.#keys = keys;
    this.#times = times;
    this.#head = 0;
  }
}
