import type { ChatfirstFault } from './simulator-faults.js';
import type { ChatfirstBubble } from './simulator-reply.js';
import type { ChatfirstOperation } from './simulator-routes.js';
import type { ChatfirstMover } from './simulator-walk.js';

/** Whom an entry is about. */
export interface ChatfirstSubject {
  /** Counts the calls of the API that arrived, from 1; 0 is for what no call did. */
  readonly call: number;
  /** Empty where it is about none. */
  readonly bot: string;
  readonly user: string;
  /** Empty for those who come by talk. */
  readonly channel: string;
}

/** One effect, in the order of happening. */
export type ChatfirstJournalEntry = { readonly at: number } & ChatfirstSubject & ChatfirstEffect;

/** What happened. */
export type ChatfirstEffect =
  /** A call of the API arrived, whatever became of it. Tokens in the URL are left out. */
  | { readonly kind: 'called'; readonly operation: ChatfirstOperation; readonly url: string }
  | { readonly kind: 'fault'; readonly fault: string }
  /** The answer went out, to a caller who waits for it. */
  | { readonly kind: 'answered'; readonly status: number }
  /** The caller stopped to wait; the call goes on. */
  | { readonly kind: 'left' }
  /** The caller gets no answer: the connection was lost, or nobody waits any more. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'created' | 'updated' | 'deleted' }
  | { readonly kind: 'linked' | 'unlinked' }
  /** The user wrote, or pressed a button. */
  | { readonly kind: 'said'; readonly text: string }
  /** The user is in another state, or entered the same one again. */
  | { readonly kind: 'moved'; readonly from: string; readonly to: string; readonly by: ChatfirstMover }
  /** No rule of this state fits: the bot says nothing more. */
  | { readonly kind: 'unmatched'; readonly state: string }
  /** An adapter was called. */
  | { readonly kind: 'asked'; readonly url: string }
  /** The adapter answered; 0 is no answer. A failure says why the answer does not count. */
  | { readonly kind: 'told'; readonly status: number; readonly failure: string | undefined }
  /** One message got to the user. What was shown `by` talk was handed to the caller, who may have lost it. */
  | ({ readonly kind: 'shown'; readonly by: 'talk' | 'messenger' | 'bridge' } & ChatfirstBubble)
  /** A push went out to a bridge, and was answered so; 0 is no answer. */
  | {
      readonly kind: 'pushed';
      readonly talkId: string;
      readonly messageIds: readonly number[];
      readonly attempt: number;
      readonly status: number;
    }
  /** A push was given up. */
  | { readonly kind: 'undelivered'; readonly talkId: string }
  | { readonly kind: 'broadcast'; readonly text: string; readonly users: number }
  /** All users of a channel were moved by hand. */
  | { readonly kind: 'forced'; readonly state: string; readonly users: number }
  /** Something should not be like this, although the platform bears it. */
  | { readonly kind: 'problem'; readonly problem: string };

/** @internal The name of a fault where it strikes. */
export const faultOf = (where: 'api' | 'adapter' | 'push', fault: ChatfirstFault | (string & {})): ChatfirstEffect => ({
  kind: 'fault',
  fault: `${where}.${fault}`,
});

/** Which user is meant. */
export interface ChatfirstWhom {
  readonly bot: string;
  readonly user: string;
  /** Default: every channel. */
  readonly channel?: string;
}

/** @internal What can have reached a user, oldest first: answers of talk that were lost are left out. */
export const shownTo = (
  journal: readonly ChatfirstJournalEntry[],
  { bot, user, channel }: ChatfirstWhom,
): readonly ChatfirstBubble[] => {
  const answered = new Set(journal.flatMap(({ kind, call }) => (kind === 'answered' ? [call] : [])));
  return journal.flatMap((entry) => {
    if (entry.kind !== 'shown' || entry.bot !== bot || entry.user !== user) return [];
    if (channel !== undefined && entry.channel !== channel) return [];
    if (entry.by === 'talk' && !answered.has(entry.call)) return [];
    const { text, keyboard, entities } = entry;
    return [{ text, keyboard, entities }];
  });
};
