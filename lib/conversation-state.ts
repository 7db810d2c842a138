import { defer, map, type Observable } from 'rxjs';
import type { Json } from './model/json.js';
import { memoryStore } from './store/memory-store.js';
import { keysOfName } from './store/keys.js';
import { hasShape, recordIn } from './store/record.js';
import type { Store } from './store/store.js';
import { above } from './range.js';

export interface StateConfig<S> {
  /** What a conversation begins with. */
  readonly initial: () => S;
  /** Where it is kept. Default: in memory, the 100 000 conversations that changed last. */
  readonly store?: Store;
  /** How long it is kept after its last change, in milliseconds. Default: 7 days. */
  readonly ttlMs?: number;
}

/**
 * What a handler remembers about the conversation that it answers. Safe without locks, because a conversation's handlers
 * run one after the other.
 */
export interface ConversationState<S> {
  /** Treat it as read-only; `set` replaces it. */
  readonly value: S;
  /** Kept when the handler is done. A handler that fails leaves the state as it was. */
  readonly set: (next: S) => void;
}

const SHAPE = 1;

type StateRecord = { readonly shape: typeof SHAPE; readonly state: Json };
const isRecord = (value: Json): value is StateRecord => hasShape(value, SHAPE);

/** @internal State of one conversation while a handler runs. */
export class StateCell<S> implements ConversationState<S> {
  value: S;
  changed = false;
  constructor(value: S) {
    this.value = value;
  }
  readonly set = (next: S): void => {
    this.value = next;
    this.changed = true;
  };
}

/** @internal The states of all conversations of one `react`. */
export class ConversationStates<S> {
  readonly #initial: () => S;
  readonly #store: Store;
  readonly #ttlMs: number;

  constructor({ initial, store, ttlMs = 7 * 86_400_000 }: StateConfig<S>) {
    above('react: state.ttlMs', ttlMs, 0);
    this.#initial = initial;
    this.#store = store ?? memoryStore({ maxEntries: 100_000, whenFull: 'evict' });
    this.#ttlMs = ttlMs;
  }

  /** Where it can do so at once, as it can in its own memory. */
  readonly forget = (conversation: string): void => {
    this.#store.sync?.delete(keysOfName(conversation, 'state'));
  };

  load(conversation: string): Observable<StateCell<S>> {
    return defer(() => this.#store.get(keysOfName(conversation, 'state'))).pipe(
      map((stored) => {
        const record = recordIn(stored, 'react', isRecord);
        // What it is, only the handler knows that wrote it.
        return new StateCell(record === undefined ? this.#initial() : (record.state as S));
      }),
    );
  }

  save(conversation: string, cell: StateCell<S>): Observable<unknown> {
    if (!cell.changed) return defer(() => [undefined]);
    const record: StateRecord = { shape: SHAPE, state: cell.value as Json };
    return defer(() => this.#store.put(keysOfName(conversation, 'state'), record, { ttlMs: this.#ttlMs }));
  }
}
