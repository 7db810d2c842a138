import type { FluidtalkFault } from './simulator-faults.js';
import type { FluidtalkAct } from './simulator-persona.js';

/** One effect, in the order of happening. `call` counts the calls that arrived, from 1; 0 is for what no call did. */
export type FluidtalkJournalEntry = {
  readonly at: number;
  readonly call: number;
  readonly key: string;
  readonly target: string;
} & FluidtalkEffect;

/** What happened. */
export type FluidtalkEffect =
  /** A call arrived, whatever became of it. */
  | { readonly kind: 'called'; readonly url: string }
  | { readonly kind: 'fault'; readonly fault: FluidtalkFault }
  /** A conversation was opened, for one token. */
  | { readonly kind: 'opened'; readonly session: string; readonly act: FluidtalkAct }
  | { readonly kind: 'token'; readonly left: number }
  /** The lead's message was recorded. */
  | { readonly kind: 'said'; readonly text: string; readonly picture: string | undefined }
  /** The persona was asked to speak first. */
  | {
      readonly kind: 'asked';
      readonly act: FluidtalkAct;
      readonly entryType: string | undefined;
      readonly entryContext: Readonly<Record<string, unknown>> | undefined;
      readonly picture: string | undefined;
    }
  /** The persona spoke. */
  | { readonly kind: 'replied'; readonly bubbles: readonly string[]; readonly photo: string | undefined }
  | { readonly kind: 'sealed'; readonly session: string }
  | { readonly kind: 'ignored'; readonly reason: string }
  | {
      readonly kind: 'uploaded';
      readonly url: string;
      readonly name: string;
      readonly type: string;
      readonly bytes: number;
    }
  /** The answer went out, to a caller who waits for it. */
  | { readonly kind: 'answered'; readonly status: number }
  /** The caller stopped to wait; the call goes on. */
  | { readonly kind: 'left' }
  /** The caller gets no answer: the connection was lost, or nobody waits any more. */
  | { readonly kind: 'lost' }
  /** The call should not have been made like this, although the server bears it. */
  | { readonly kind: 'problem'; readonly problem: string };

type Journal = readonly FluidtalkJournalEntry[];
const about = (journal: Journal, key: string, target: string): Journal =>
  journal.filter((entry) => entry.key === key && entry.target === target);

/** @internal */
export const saidIn = (journal: Journal, key: string, target: string): readonly string[] =>
  about(journal, key, target).flatMap((entry) => (entry.kind === 'said' ? [entry.text] : []));

/** @internal */
export const seenIn = (journal: Journal, key: string, target: string): readonly string[] => {
  const answered = new Set(journal.flatMap(({ kind, call }) => (kind === 'answered' ? [call] : [])));
  return about(journal, key, target).flatMap((entry) => {
    if (entry.kind !== 'replied' || !answered.has(entry.call)) return [];
    return entry.photo === undefined ? entry.bubbles : [...entry.bubbles, entry.photo];
  });
};
