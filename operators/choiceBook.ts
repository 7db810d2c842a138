import { asyncScheduler, map, mergeMap, type Observable, type SchedulerLike } from 'rxjs';
import { accounts } from '../lib/accounts.js';
import { conversationKey, type Choice, type Conversation, type Json } from '../lib/model/index.js';
import { memoryStore } from '../lib/store/memory-store.js';
import { keysOfName } from '../lib/store/keys.js';
import { hasShape } from '../lib/store/record.js';
import type { Store } from '../lib/store/store.js';
import { above, atLeast } from '../lib/range.js';

export interface ChoiceBookConfig {
  /** Where offers are kept. Default: in memory, those of the `maxOffers` conversations that were asked last. */
  readonly store?: Store;
  /** How many offers are kept in memory; each conversation has one. A `store` has its own bound. Default: 100 000. */
  readonly maxOffers?: number;
  /** How long an offer can be answered, in milliseconds. Default: 24 hours. */
  readonly ttlMs?: number;
  /** Clock of the offers in memory. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** What a customer was asked: the action's id, and what can be picked. */
export interface Offer {
  readonly action: string;
  readonly options: readonly Choice[];
}

/** Which choices each conversation has before it: made once, and given to `fallbackToText` and `readChoices`. */
export interface ChoiceBook {
  /** Puts an offer in the place of the conversation's last one. */
  arm(conversation: Conversation, offer: Offer): void;
  /** Emits the conversation's offer, and takes it out of the book unless `keep` is true. */
  open(conversation: Conversation, keep?: boolean): Observable<Offer | undefined>;
  /** The same at once, where the store can. */
  readonly openSync?: (conversation: Conversation, keep?: boolean) => Offer | undefined;
}

const SHAPE = 1;

const isChoice = (value: unknown): value is Choice =>
  typeof value === 'object' && value !== null && 'id' in value && 'label' in value;
const isWritten = (value: unknown): value is Offer =>
  hasShape(value, SHAPE) &&
  typeof value['action'] === 'string' &&
  Array.isArray(value['options']) &&
  value['options'].every(isChoice);

/**
 * A book of open choices. An offer that cannot be written is reported, and its answer stays a message.
 *
 * @throws RangeError at the call, when `ttlMs` is not above 0 or `maxOffers` is below 1.
 */
export function choiceBook(config: ChoiceBookConfig = {}): ChoiceBook {
  const { maxOffers = 100_000, ttlMs = 86_400_000, scheduler = asyncScheduler } = config;
  atLeast('choiceBook: maxOffers', maxOffers, 1);
  above('choiceBook: ttlMs', ttlMs, 0);
  const kept = config.store ?? memoryStore({ maxEntries: maxOffers, whenFull: 'evict', scheduler });
  const { sync } = kept;
  const keyOf = (conversation: Conversation): string => keysOfName(conversationKey(conversation), 'offer');
  // What a later version wrote is no offer: its answer stays a message.
  const written = (value: Json | undefined): Offer | undefined => (isWritten(value) ? value : undefined);

  return {
    arm: (conversation, { action, options }) => {
      const plain = options.map(({ id, label, description }) =>
        description === undefined ? { id, label } : { id, label, description },
      );
      kept.put(keyOf(conversation), { shape: SHAPE, action, options: plain }, { ttlMs }).subscribe({
        error: () => {
          accounts.report({ kind: 'evictedEarly', holder: 'choiceBook', key: conversationKey(conversation) });
        },
      });
    },
    open: (conversation, keep = false) => {
      const key = keyOf(conversation);
      return kept.get(key).pipe(
        mergeMap((stored) => {
          const offer = written(stored?.value);
          if (stored === undefined || keep) return [offer];
          // Whoever deletes this revision answers it: two machines never both do.
          return kept.delete(key, { if: stored.revision }).pipe(map((taken) => (taken ? offer : undefined)));
        }),
      );
    },
    ...(sync !== undefined && {
      openSync: (conversation: Conversation, keep = false) => {
        const key = keyOf(conversation);
        const offer = written(sync.get(key)?.value);
        if (offer !== undefined && !keep) sync.delete(key);
        return offer;
      },
    }),
  };
}
