/** What of one conversation is handed out, and what has to wait for it; places in order. */
interface Lane {
  readonly key: string;
  readonly out: number[];
  /** Places that were passed over, from `first` on. */
  passed: number[];
  first: number;
  /** The last place that is done. */
  done: number;
  paused: boolean;
  isReady: boolean;
}

/** @internal */
export interface Picked {
  readonly place: number;
  readonly key: string;
}

/** Reads on behind a place: what is there, in order. */
export type ReadOn = (after: number, limit: number) => readonly (readonly [number, string])[];

/** How many places are passed over at most, while their conversations are full. */
const LOOK_AHEAD = 100_000;
const CHUNK = 128;

/**
 * Which item is next: in order within a conversation, at most `perKey` of it at a time. Knows places and keys only, and
 * passes over what has to wait, so that a busy conversation does not stop the others. The items are read once.
 *
 * @internal
 */
export class Picking {
  readonly #perKey: number;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that have something to hand out and room for it. */
  #ready: Lane[] = [];
  #firstReady = 0;
  #held: ReadonlySet<string> = new Set();
  /** Read up to here. */
  #cursor = 0;
  #passed = 0;
  /** After a fresh start: what was out already when that was. */
  readonly #outBefore = new Set<number>();

  constructor(perKey: number) {
    this.#perKey = perKey;
  }

  /** Up to where the items were read. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Whether somebody could be handed out without reading on. */
  get hasReady(): boolean {
    return this.#firstReady < this.#ready.length;
  }

  /** Whether it may read on. */
  get mayRead(): boolean {
    return this.#passed < LOOK_AHEAD;
  }

  /**
   * At most `count` places that are handed out from now on; a busy conversation goes behind the others. `last`: the last
   * place that was ever given to an item.
   */
  take(count: number, last: number, readOn: ReadOn): readonly Picked[] {
    const taken: Picked[] = [];
    while (taken.length < count) {
      const lane = this.#nextReady();
      if (lane === undefined) break;
      const place = lane.passed[lane.first];
      if (place === undefined || !this.#hasRoom(lane)) continue;
      lane.first++;
      if (lane.first > 1_000 && lane.first * 2 > lane.passed.length) {
        lane.passed = lane.passed.slice(lane.first);
        lane.first = 0;
      }
      this.#passed--;
      lane.out.push(place);
      taken.push({ place, key: lane.key });
      this.#makeReady(lane);
    }
    while (taken.length < count && this.mayRead) {
      const limit = Math.min(CHUNK, LOOK_AHEAD - this.#passed);
      const found = readOn(this.#cursor, limit);
      for (const [place, key] of found) {
        if (taken.length >= count) return taken;
        this.#cursor = place;
        if (this.#outBefore.delete(place)) continue;
        const lane = this.#laneOf(key);
        if (lane.first < lane.passed.length || !this.#hasRoom(lane)) {
          lane.passed.push(place);
          this.#passed++;
        } else {
          lane.out.push(place);
          taken.push({ place, key });
        }
      }
      if (found.length < limit) {
        // Places at the end may be empty: they were looked at, too.
        this.#cursor = Math.max(this.#cursor, last);
        break;
      }
    }
    return taken;
  }

  /** It is done. */
  settled(key: string, place: number): void {
    this.#outBefore.delete(place);
    const lane = this.#lanes.get(key);
    if (lane === undefined) return;
    const index = lane.out.indexOf(place);
    if (index >= 0) lane.out.splice(index, 1);
    if (place > lane.done) lane.done = place;
    this.#makeReady(lane);
    this.#leaveIdle(lane);
  }

  /** Whether nothing of its conversation was handed out behind it. */
  isLast(key: string, place: number): boolean {
    const lane = this.#lanes.get(key);
    return lane !== undefined && lane.done < place && lane.out[lane.out.length - 1] === place;
  }

  /** Takes back a place and what is out behind it, in order; the conversation pauses until `resume`. */
  takeBack(key: string, place: number): readonly number[] {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return [];
    const back = lane.out.filter((other) => other >= place);
    lane.out.splice(0, lane.out.length, ...lane.out.filter((other) => other < place));
    lane.passed = [...back, ...lane.passed.slice(lane.first)];
    lane.first = 0;
    lane.paused = true;
    this.#passed += back.length;
    return back;
  }

  resume(key: string): void {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return;
    lane.paused = false;
    this.#makeReady(lane);
    this.#leaveIdle(lane);
  }

  /** The conversations that wait for somebody. */
  hold(keys: ReadonlySet<string>): void {
    const before = this.#held;
    this.#held = keys;
    for (const key of before) {
      const lane = keys.has(key) ? undefined : this.#lanes.get(key);
      if (lane !== undefined) this.#makeReady(lane);
    }
  }

  /** Forgets what it has read, because the transaction that it was read in was lost. */
  startAgain(): void {
    this.#cursor = 0;
    this.#passed = 0;
    this.#ready = [];
    this.#firstReady = 0;
    this.#outBefore.clear();
    for (const lane of [...this.#lanes.values()]) {
      for (const place of lane.out) this.#outBefore.add(place);
      lane.passed = [];
      lane.first = 0;
      lane.isReady = false;
      this.#leaveIdle(lane);
    }
  }

  /** It was handed out in a transaction that was lost. */
  untake(key: string, place: number): void {
    const lane = this.#lanes.get(key);
    const index = lane?.out.indexOf(place) ?? -1;
    if (index >= 0) lane?.out.splice(index, 1);
  }

  #laneOf(key: string): Lane {
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { key, out: [], passed: [], first: 0, done: 0, paused: false, isReady: false };
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #hasRoom(lane: Lane): boolean {
    return !lane.paused && lane.out.length < this.#perKey && !this.#held.has(lane.key);
  }

  #nextReady(): Lane | undefined {
    const lane = this.#ready[this.#firstReady];
    if (lane === undefined) return undefined;
    lane.isReady = false;
    this.#firstReady++;
    if (this.#firstReady === this.#ready.length) {
      this.#ready = [];
      this.#firstReady = 0;
    }
    return lane;
  }

  #makeReady(lane: Lane): void {
    if (lane.isReady || lane.first >= lane.passed.length || !this.#hasRoom(lane)) return;
    lane.isReady = true;
    this.#ready.push(lane);
  }

  #leaveIdle(lane: Lane): void {
    if (lane.out.length === 0 && lane.first >= lane.passed.length && !lane.paused) this.#lanes.delete(lane.key);
  }
}
