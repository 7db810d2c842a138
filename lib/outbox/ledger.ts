import { concatMap, map, type Observable } from 'rxjs';
import type { OutboundAction, Json } from '../model/index.js';
import type { Leased, ParkReport, Queue } from '../queue/queue.js';
import type { PutOptions, Revision, Store } from '../store/store.js';
import { MEMORY, Writing } from '../store/writing.js';
import { decodeKnown, encodeKnown, eventKeyOf, keyOf, prefixOf, type Known } from './record.js';

/** What a store offers whose writes can be a part of somebody else's transaction. */
interface JoiningStore {
  readonly putting: (key: string, value: Json, options?: PutOptions) => Writing;
  readonly deleting: (key: string) => Writing;
}

/** What is known about an action, and which writing of it that is. */
interface Looked {
  readonly known: Known | undefined;
  readonly revision: Revision | undefined;
}

/**
 * The intents of an outbox and what is known about them: a queue and a store, written in one transaction where they are kept in
 * one place. Where they are not, in the order in which dying between the two loses nothing and repeats nothing: an item goes in
 * first and comes out last.
 *
 * @internal
 */
export class Ledger {
  readonly queue: Queue<OutboundAction>;
  /** What the queue can be written together with. */
  readonly medium: object;
  readonly #store: Store;
  readonly #joining: JoiningStore | undefined;
  readonly #rememberMs: number;

  constructor(queue: Queue<OutboundAction>, store: Store, rememberMs: number) {
    this.queue = queue;
    this.medium = queue.adding([]).medium;
    this.#store = store;
    this.#joining = joiningOf(store, this.medium);
    this.#rememberMs = rememberMs;
  }

  /** Whether queue and store are written in one transaction. */
  get isOne(): boolean {
    return this.#joining !== undefined;
  }

  keyOf(action: OutboundAction): string {
    return keyOf(this.queue.name, action);
  }

  known(key: string): Observable<Looked> {
    return this.#store.get(key).pipe(map((stored) => ({ known: decodeKnown(stored), revision: stored?.revision })));
  }

  /**
   * It is about to be given to the sink. Kept until it is known what became of it. Emits the revision of the mark, or nothing when
   * somebody else wrote something since `revision`: a process that stood still may have lost the queue without knowing it.
   */
  mark(key: string, again: number, at: string, revision: Revision | undefined): Observable<Revision | undefined> {
    return this.#store.put(key, encodeKnown({ state: 'sent', again, at }), { if: revision ?? 'absent' });
  }

  /** The ids of the messages that actions of a conversation are known to have made. */
  messageIds(conversation: string): Observable<ReadonlySet<string>> {
    return this.#store.scan(prefixOf(this.queue.name, conversation)).pipe(
      map(
        (records) =>
          new Set(
            records.flatMap((stored) => {
              const known = decodeKnown(stored);
              return known?.state === 'delivered' ? known.messageIds : [];
            }),
          ),
      ),
    );
  }

  /** It did not go out, for certain: the mark is taken back, if it is still this one. */
  unmark(key: string, revision: Revision | undefined): Observable<unknown> {
    return this.#store.delete(key, revision === undefined ? {} : { if: revision });
  }

  /** It is over. `known`: what is remembered of it; without, it is as if it had never been made. Default: what is known stays. */
  done(leased: Leased<OutboundAction>, key: string, known?: Known | 'forget'): Observable<boolean> {
    if (known === undefined) return this.queue.ack(leased);
    const joining = this.#noting(key, known);
    if (joining !== undefined) return this.queue.ack(leased, { together: [joining] });
    return this.#note(key, known).pipe(concatMap(() => this.queue.ack(leased)));
  }

  /** The same, with a dead letter. */
  park(leased: Leased<OutboundAction>, report: ParkReport, key: string, known: Known | 'forget'): Observable<boolean> {
    const joining = this.#noting(key, known);
    if (joining !== undefined) return this.queue.park(leased, report, { together: [joining] });
    // The letter first: what is noted as in doubt is not asked about any more.
    return this.queue
      .park(leased, report)
      .pipe(concatMap((wasThere) => this.#note(key, known).pipe(map(() => wasThere))));
  }

  /** What an event made as a whole, as a part of another transaction. */
  adding(actions: readonly OutboundAction[]): Writing {
    return this.queue.adding(actions);
  }

  /** Whether what an event makes was written before. */
  hasWhole(event: Pick<OutboundAction, 'id' | 'conversation'>): Observable<boolean> {
    return this.#store.get(eventKeyOf(this.queue.name, event)).pipe(map((stored) => stored !== undefined));
  }

  /** Writes what an event made, all or none. */
  addWhole(
    event: Pick<OutboundAction, 'id' | 'conversation'> | undefined,
    actions: readonly OutboundAction[],
  ): Observable<unknown> {
    if (event === undefined) return this.queue.add(actions);
    const key = eventKeyOf(this.queue.name, event);
    const options = { ttlMs: this.#rememberMs };
    if (this.#joining !== undefined)
      return this.queue.add(actions, { together: [this.#joining.putting(key, WHOLE, options)] });
    return this.queue.add(actions).pipe(concatMap(() => this.#store.put(key, WHOLE, options)));
  }

  #noting(key: string, known: Known | 'forget'): Writing | undefined {
    if (known === 'forget') return this.#joining?.deleting(key);
    return this.#joining?.putting(key, encodeKnown(known), { ttlMs: this.#rememberMs });
  }

  #note(key: string, known: Known | 'forget'): Observable<unknown> {
    if (known === 'forget') return this.#store.delete(key);
    return this.#store.put(key, encodeKnown(known), { ttlMs: this.#rememberMs });
  }
}

const WHOLE: Json = { shape: 1 };

const joiningOf = (store: Store, medium: object): JoiningStore | undefined => {
  const { sync } = store;
  if (medium === MEMORY && sync !== undefined) {
    return {
      putting: (key, value, options) =>
        new Writing(
          MEMORY,
          () => undefined,
          () => {
            sync.put(key, value, options);
          },
        ),
      deleting: (key) =>
        new Writing(
          MEMORY,
          () => undefined,
          () => {
            sync.delete(key);
          },
        ),
    };
  }
  const { putting, deleting } = store as Store & Partial<JoiningStore>;
  if (putting === undefined || deleting === undefined) return undefined;
  const joining: JoiningStore = {
    putting: (key, value, options) => putting.call(store, key, value, options),
    deleting: (key) => deleting.call(store, key),
  };
  return joining.deleting('').medium === medium ? joining : undefined;
};
