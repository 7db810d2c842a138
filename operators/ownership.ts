import { asyncScheduler, defer, map, mergeMap, Subject, type Observable, type SchedulerLike } from 'rxjs';
import {
  conversationKey,
  type ActionKind,
  type Conversation,
  type Json,
  type OutboundAction,
} from '../lib/model/index.js';
import { above } from '../lib/range.js';
import { memoryStore } from '../lib/store/memory-store.js';
import { keysOfName } from '../lib/store/keys.js';
import { hasShape, recordIn } from '../lib/store/record.js';
import type { Store, Stored } from '../lib/store/store.js';

/** Who answers a conversation: the bot; nobody yet, it waits for a person; a person. */
export type Owner = 'bot' | 'queue' | 'human';

export interface OwnershipConfig {
  /** Where it is kept, so that other processes see it. Default: in memory. */
  readonly store?: Store;
  /** How long after the last event of a conversation its owner is forgotten, in milliseconds. Default: 24 hours. */
  readonly idleMs?: number;
  /** Sets several in one store apart. Default: `ownership`. */
  readonly name?: string;
  /** Clock of `idleMs` where no store is given. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

export interface OwnerChange {
  readonly conversation: Conversation;
  readonly owner: Owner;
}

/**
 * Who answers which conversation, made once and given to `forwardOnTimeout` and to every sink. All Observables are cold,
 * emit once and complete; with a store that answers at once they emit at once. Errors: those of the store.
 */
export interface Ownership {
  /** Who answers. */
  ownerOf(conversation: Conversation): Observable<Owner>;
  /** The same, and something happened in the conversation: `idleMs` counts from now. */
  touch(conversation: Conversation): Observable<Owner>;
  /**
   * The bot gives the conversation away by this action, which alone may still go out. Emits true to the one action that
   * does so, however often it asks, and false to others.
   */
  handOver(conversation: Conversation, actionId: string): Observable<boolean>;
  /** A person has it now. */
  taken(conversation: Conversation): Observable<void>;
  /** The bot has it again: the person gave it back, or it has ended. */
  returnToBot(conversation: Conversation): Observable<void>;
  /** Whether the action must not go out, because somebody else answers. Notes, updates and a person's words (`by`) may. */
  mutes(action: OutboundAction): Observable<boolean>;
  /** The same of what this process knows at this moment: for an answer that cannot wait. */
  mutesNow(action: OutboundAction): boolean;
  /** As `touch`, where the store answers at once. */
  readonly touchNow?: (conversation: Conversation) => Owner;
  /** Changes that this process made. Hot. */
  readonly changes$: Observable<OwnerChange>;
}

/** Version of the records' shape. */
const SHAPE = 1;

type OwnerRecord = {
  readonly shape: typeof SHAPE;
  readonly owner: 'queue' | 'human';
  /** Id of the action that gave the conversation away. */
  readonly by: string;
};

/** What the customer does not notice. */
const UNNOTICED: ReadonlySet<ActionKind> = new Set<ActionKind>([
  'note',
  'updateContact',
  'updateConversation',
  'dispatch',
  'openConversation',
]);
/** @internal Whether an action of this kind is muted where the bot is. */
export const isNoticed = (kind: ActionKind): boolean => !UNNOTICED.has(kind);

/** How many conversations that a remote store knows better are remembered here, for `mutesNow`. */
const MAX_KNOWN = 100_000;

const isRecord = (value: Json): value is OwnerRecord =>
  hasShape(value, SHAPE) &&
  (value['owner'] === 'queue' || value['owner'] === 'human') &&
  typeof value['by'] === 'string';

const ownerIn = (stored: Stored | undefined): OwnerRecord | undefined => recordIn(stored, 'ownership', isRecord);

/** Where nobody can be told of an error: what is not understood is somebody else's. */
const ownerAtOnce = (stored: Stored | undefined): OwnerRecord | undefined =>
  stored === undefined || isRecord(stored.value) ? ownerIn(stored) : { shape: SHAPE, owner: 'human', by: '' };

const mutedBy = (record: OwnerRecord | undefined, { id, kind, by }: OutboundAction): boolean =>
  record !== undefined &&
  by !== 'human' &&
  isNoticed(kind) &&
  !(kind === 'handoff' && (id === record.by || id.startsWith(`${record.by}/`)));

/**
 * Who answers: the bot until it gives a conversation away, then nobody else of its kind until it is given back.
 *
 *     const desk = ownership();
 *     events.pipe(forwardOnTimeout({ desk, afterMs: 45_000, to: { kind: 'any' } }, bot), toUserlike({ client, desk }))
 *
 * @throws RangeError when `idleMs` is not above 0.
 */
export function ownership(config: OwnershipConfig = {}): Ownership {
  const { idleMs = 86_400_000, name = 'ownership', scheduler = asyncScheduler } = config;
  above('ownership: idleMs', idleMs, 0);
  const store = config.store ?? memoryStore({ scheduler });
  const { sync } = store;
  const keyOf = (conversation: Conversation): string => keysOfName(conversationKey(conversation), name);
  const changes = new Subject<OwnerChange>();
  /** What a remote store said last of conversations that the bot does not have. */
  const known = new Map<string, OwnerRecord>();

  const learn = (key: string, record: OwnerRecord | undefined): OwnerRecord | undefined => {
    if (sync !== undefined) return record;
    known.delete(key);
    if (record !== undefined) known.set(key, record);
    const [oldest] = known.size > MAX_KNOWN ? known.keys() : [];
    if (oldest !== undefined) known.delete(oldest);
    return record;
  };
  const look = (conversation: Conversation): Observable<OwnerRecord | undefined> => {
    const key = keyOf(conversation);
    return store.get(key).pipe(map((stored) => learn(key, ownerIn(stored))));
  };
  const write = (conversation: Conversation, record: OwnerRecord, isNew: boolean): Observable<boolean> => {
    const key = keyOf(conversation);
    return store.put(key, record, isNew ? { if: 'absent', ttlMs: idleMs } : { ttlMs: idleMs }).pipe(
      map((revision) => {
        if (revision !== undefined) learn(key, record);
        return revision !== undefined;
      }),
    );
  };
  const tell = (conversation: Conversation, owner: Owner): void => {
    changes.next({ conversation, owner });
  };

  const handOver = (conversation: Conversation, actionId: string): Observable<boolean> =>
    defer(() => write(conversation, { shape: SHAPE, owner: 'queue', by: actionId }, true)).pipe(
      mergeMap((written): Observable<boolean> | readonly boolean[] => {
        if (written) {
          tell(conversation, 'queue');
          return [true];
        }
        // Given back in between: it is the bot's again, to give away.
        const again = (record: OwnerRecord | undefined): Observable<boolean> | readonly boolean[] =>
          record === undefined ? handOver(conversation, actionId) : [record.by === actionId];
        return look(conversation).pipe(mergeMap(again));
      }),
    );

  return {
    ownerOf: (conversation) => look(conversation).pipe(map((record) => record?.owner ?? 'bot')),
    touch: (conversation) =>
      defer(() => store.get(keyOf(conversation))).pipe(
        mergeMap((stored) => {
          const record = learn(keyOf(conversation), ownerIn(stored));
          if (stored === undefined || record === undefined) return ['bot' as const];
          // Only if nobody changed it meanwhile: then it is fresh anyway.
          const options = { if: stored.revision, ttlMs: idleMs };
          return store.put(keyOf(conversation), stored.value, options).pipe(map(() => record.owner));
        }),
      ),
    handOver,
    taken: (conversation) =>
      look(conversation).pipe(
        mergeMap((record) => write(conversation, { shape: SHAPE, owner: 'human', by: record?.by ?? '' }, false)),
        map(() => {
          tell(conversation, 'human');
        }),
      ),
    returnToBot: (conversation) =>
      defer(() => store.delete(keyOf(conversation))).pipe(
        map((wasThere) => {
          learn(keyOf(conversation), undefined);
          if (wasThere) tell(conversation, 'bot');
        }),
      ),
    mutes: (action) => look(action.conversation).pipe(map((record) => mutedBy(record, action))),
    mutesNow: (action) => {
      const key = keyOf(action.conversation);
      return mutedBy(sync === undefined ? known.get(key) : ownerAtOnce(sync.get(key)), action);
    },
    ...(sync !== undefined && {
      touchNow: (conversation: Conversation): Owner => {
        const key = keyOf(conversation);
        const stored = sync.get(key);
        const record = ownerAtOnce(stored);
        if (stored === undefined || record === undefined) return 'bot';
        sync.put(key, stored.value, { ttlMs: idleMs });
        return record.owner;
      },
    }),
    changes$: changes.asObservable(),
  };
}

/** @internal Whether a sink may send the action now; a handoff takes the conversation from the bot. */
export const mayGo = (desk: Ownership, action: OutboundAction): Observable<boolean> =>
  action.kind === 'handoff'
    ? desk.handOver(action.conversation, action.id)
    : desk.mutes(action).pipe(map((isMuted) => !isMuted));
