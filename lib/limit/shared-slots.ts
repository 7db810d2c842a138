import { EMPTY, map, mergeMap, Observable, type SchedulerLike, type Subscription } from 'rxjs';
import type { Json } from '../model/index.js';
import { above, atLeast } from '../range.js';
import { hasShape, recordIn } from '../store/record.js';
import type { Store, Stored } from '../store/store.js';

/** @internal */
export interface SharedSlotsConfig {
  readonly store: Store;
  /** In front of every key in the store. */
  readonly prefix: string;
  readonly limit: number;
  readonly perMs: number;
  readonly scheduler: SchedulerLike;
}

/** A slot that is taken: when it is free again, and whether its request is still under way. */
type Slot = {
  readonly id: string;
  readonly freeAt: number;
  readonly flying: boolean;
};

/** Version of the records' shape. */
const SHAPE = 1;
type SlotRecord = { readonly shape: typeof SHAPE; readonly slots: readonly Slot[] };

const isSlot = (value: unknown): value is Slot => {
  const { id, freeAt, flying } = (value ?? {}) as Readonly<Record<keyof Slot, unknown>>;
  return typeof id === 'string' && typeof freeAt === 'number' && typeof flying === 'boolean';
};
const isRecord = (value: Json): value is SlotRecord =>
  hasShape(value, SHAPE) && Array.isArray(value['slots']) && value['slots'].every(isSlot);
/** How much longer than its window a slot is taken whose request got no answer: its process may have died. */
const GRACE_MS = 60_000;
/** How long to wait before asking a store again that could not answer, or about slots whose requests are under way. */
const AGAIN_MS = 1_000;
/** How often a record is written at once while others write it too. */
const TRIES = 20;

/**
 * The slots of a limit in a store that several processes share: one record for each key in use, written by
 * compare-and-set.
 *
 * @internal
 */
export class SharedSlots {
  readonly scheduler: SchedulerLike;
  readonly #config: SharedSlotsConfig;
  readonly #owner = globalThis.crypto.randomUUID();
  #count = 0;

  constructor(config: SharedSlotsConfig) {
    atLeast('budget: limit', config.limit, 1);
    above('budget: perMs', config.perMs, 0);
    this.scheduler = config.scheduler;
    this.#config = config;
  }

  /** Emits the id of a slot, once one is free and taken. While the store cannot be reached, it waits. */
  take(key: string): Observable<string> {
    return new Observable((subscriber) => {
      let asking: Subscription | undefined;
      let waiting: Subscription | undefined;
      const again = (pauseMs: number): void => {
        waiting = this.scheduler.schedule(ask, pauseMs);
      };
      const ask = (): void => {
        asking = this.tryTake(key).subscribe({
          next: (taken) => {
            if (typeof taken === 'number') again(Math.max(1, taken - this.scheduler.now()));
            else {
              subscriber.next(taken);
              subscriber.complete();
            }
          },
          error: () => {
            again(AGAIN_MS);
          },
        });
      };
      subscriber.add(() => {
        asking?.unsubscribe();
        waiting?.unsubscribe();
      });
      ask();
    });
  }

  /** Emits the id of a slot, or when to ask again. */
  tryTake(key: string): Observable<string | number> {
    return new Observable((subscriber) => {
      // Stays subscribed: a write that is under way cannot be taken back, only its slot.
      this.#tryTake(key, () => subscriber.closed).subscribe({
        next: (taken) => {
          if (!subscriber.closed) subscriber.next(taken);
          else if (typeof taken === 'string') this.giveBack(key, taken);
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          subscriber.complete();
        },
      });
    });
  }

  #tryTake(key: string, given: () => boolean, tries = 1): Observable<string | number> {
    return this.#read(key).pipe(
      mergeMap(([stored, slots]) => {
        if (given()) return EMPTY;
        const now = this.scheduler.now();
        if (slots.length >= this.#config.limit) {
          const freeAt = Math.min(...slots.map((slot) => slot.freeAt));
          return [slots.some(({ flying }) => flying) ? Math.min(freeAt, now + AGAIN_MS) : freeAt];
        }
        const id = `${this.#owner}-${++this.#count}`;
        const taken: Slot = { id, freeAt: now + this.#config.perMs + GRACE_MS, flying: true };
        return this.#write(key, stored, [...slots, taken]).pipe(
          mergeMap((written) => {
            if (written) return [id];
            return tries < TRIES ? this.#tryTake(key, given, tries + 1) : [this.scheduler.now() + AGAIN_MS];
          }),
        );
      }),
    );
  }

  /** The answer to the request of a slot has come: its window counts from now. */
  answered(key: string, id: string): void {
    const freeAt = this.scheduler.now() + this.#config.perMs;
    this.#update(key, id, { id, freeAt, flying: false });
  }

  /** It was not used. */
  giveBack(key: string, id: string): void {
    this.#update(key, id);
  }

  /** Puts `slot` in place of the one with this id, or nothing; one that has lapsed meanwhile needs neither. */
  #update(key: string, id: string, slot?: Slot, tries = 1): void {
    this.#read(key)
      .pipe(
        mergeMap(([stored, slots]) => {
          if (!slots.some((taken) => taken.id === id)) return EMPTY;
          const others = slots.filter((taken) => taken.id !== id);
          return this.#write(key, stored, slot === undefined ? others : [...others, slot]);
        }),
      )
      .subscribe({
        next: (written) => {
          if (written) return;
          if (tries < TRIES) this.#update(key, id, slot, tries + 1);
          else this.scheduler.schedule(() => this.#update(key, id, slot), AGAIN_MS);
        },
        // Without the store the slot stays taken for `GRACE_MS` longer: the limit is kept.
        error: () => undefined,
      });
  }

  #read(key: string): Observable<readonly [Stored | undefined, readonly Slot[]]> {
    const { store, prefix } = this.#config;
    return store.get(prefix + key).pipe(
      map((stored) => {
        const now = this.scheduler.now();
        const { slots = [] } = recordIn(stored, 'budget', isRecord) ?? {};
        return [stored, slots.filter(({ freeAt }) => freeAt > now)] as const;
      }),
    );
  }

  #write(key: string, stored: Stored | undefined, slots: readonly Slot[]): Observable<boolean> {
    const { store, prefix, perMs } = this.#config;
    const value: SlotRecord = { shape: SHAPE, slots };
    const options = { if: stored?.revision ?? ('absent' as const), ttlMs: perMs + GRACE_MS };
    return store.put(prefix + key, value, options).pipe(map((revision) => revision !== undefined));
  }
}
