import { keysOfName } from '../store/keys.js';
import { conversationKey, delivered, type Json, type OutboundAction, type Receipt } from '../model/index.js';
import { hasShape } from '../store/record.js';
import type { Stored } from '../store/store.js';

/**
 * What is known about an action. `again`: how often it had been resubmitted from the dead letters when that was written; what
 * was resubmitted more often since is sent once more.
 *
 * @internal
 */
export type Known =
  /** It was about to be given to the sink, and may have had its effect. */
  | { readonly state: 'sent'; readonly again: number; readonly at: string }
  /** Nobody found out what became of it. */
  | { readonly state: 'inDoubt'; readonly again: number }
  | {
      readonly state: 'delivered';
      readonly again: number;
      readonly at: string;
      readonly messageIds: readonly string[];
    };

const SHAPE = 1;

/** @internal What the keys of a conversation begin with: no key of another conversation does. */
export const prefixOf = (queue: string, conversation: string): string =>
  `${keysOfName(conversation, `outbox/${queue}`)}"`;

/** @internal Where it is kept what is known about an action, or about an event whose actions are written as a whole. */
export const keyOf = (queue: string, { id, conversation }: Pick<OutboundAction, 'id' | 'conversation'>): string =>
  `${prefixOf(queue, conversationKey(conversation))}${JSON.stringify(id).slice(1)}`;

/** @internal */
export const eventKeyOf = (queue: string, { id, conversation }: Pick<OutboundAction, 'id' | 'conversation'>): string =>
  `${keyOf(queue, { id, conversation })}/event`;

/** @internal */
export const encodeKnown = (known: Known): Json => ({ shape: SHAPE, ...known });

/** @internal What cannot be read, because a later version wrote it, says no more than that there was something. */
export const decodeKnown = (stored: Stored | undefined): Known | undefined => {
  if (stored === undefined) return undefined;
  if (!hasShape(stored.value, SHAPE)) return UNREAD;
  const { state, again, at, messageIds } = stored.value;
  if (typeof again !== 'number') return UNREAD;
  if (state === 'inDoubt') return { state, again };
  if (state === 'sent' && typeof at === 'string') return { state, again, at };
  if (state !== 'delivered' || typeof at !== 'string' || !Array.isArray(messageIds)) return UNREAD;
  return { state, again, at, messageIds: messageIds.filter((id) => typeof id === 'string') };
};

const UNREAD: Known = { state: 'sent', again: Infinity, at: new Date(0).toISOString() };

/** @internal The receipt of an action that had been delivered before it came. */
export const deliveredEarlier = (action: OutboundAction, known: Extract<Known, { state: 'delivered' }>): Receipt =>
  delivered(action, known.at, known.messageIds, 'earlier');
