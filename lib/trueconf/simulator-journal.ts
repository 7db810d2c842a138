import type { TrueconfContent } from './simulator-model.js';

/** One effect, in the order of happening. */
export type TrueconfJournalEntry = { readonly at: number } & TrueconfEffect;

/** What happened. */
export type TrueconfEffect = TrueconfChatEffect | TrueconfWireEffect;

/** What happened in a chat; `by` is the id of a user. */
export type TrueconfChatEffect = { readonly chatId: string; readonly by: string } & (
  | { readonly kind: 'created'; readonly chatType: number; readonly title: string | null }
  | { readonly kind: 'deleted' }
  | {
      readonly kind: 'posted';
      readonly messageId: string;
      /** The ids of all who can see it. */
      readonly to: readonly string[];
      readonly type: number;
      /** What a person sees in a line. */
      readonly text: string;
      readonly content: TrueconfContent;
      readonly replyMessageId: string | undefined;
    }
  | {
      readonly kind: 'edited';
      readonly messageId: string;
      readonly to: readonly string[];
      readonly type: number;
      readonly text: string;
      readonly content: TrueconfContent;
    }
  | { readonly kind: 'removed'; readonly messageId: string; readonly forAll: boolean }
  | { readonly kind: 'cleared'; readonly forAll: boolean }
  /** A bot acknowledged the message. */
  | { readonly kind: 'read'; readonly messageId: string }
  | { readonly kind: 'joined' | 'left'; readonly userId: string }
  | { readonly kind: 'role'; readonly userId: string; readonly role: string }
  | { readonly kind: 'titled'; readonly title: string }
  | { readonly kind: 'pictured'; readonly avatarUrl: string | null }
  | { readonly kind: 'activity'; readonly activityType: string }
);

/** A part of an upload. */
export interface TrueconfPart {
  readonly name: string;
  readonly fileName: string;
  readonly type: string;
  readonly bytes: number;
}

/** What went over the wire. `connection` counts the sockets, from 1. */
export type TrueconfWireEffect =
  | { readonly kind: 'connected'; readonly connection: number }
  /** The upgrade was refused. */
  | { readonly kind: 'turnedAway'; readonly status: number }
  | { readonly kind: 'authorized'; readonly connection: number; readonly by: string }
  /** Without a code, the connection was cut. */
  | {
      readonly kind: 'disconnected';
      readonly connection: number;
      readonly side: 'client' | 'server';
      readonly code: number | undefined;
    }
  | {
      readonly kind: 'called';
      readonly connection: number;
      readonly id: number;
      readonly method: string;
      readonly payload: unknown;
    }
  /** An answer went out; 0 is success. */
  | { readonly kind: 'answered'; readonly connection: number; readonly id: number; readonly errorCode: number }
  | {
      readonly kind: 'told';
      readonly connection: number;
      readonly id: number;
      readonly method: string;
      readonly payload: unknown;
    }
  | { readonly kind: 'acknowledged'; readonly connection: number; readonly id: number; readonly method: string }
  /** A request over HTTP, and the status that its effect has, whatever became of the answer. */
  | {
      readonly kind: 'requested';
      readonly route: string;
      readonly status: number;
      readonly headers: Readonly<Record<string, string | undefined>>;
      /** The parts of an upload. */
      readonly parts: readonly TrueconfPart[];
    }
  | { readonly kind: 'fault'; readonly fault: string }
  /** The client should not have done this, although the server bears it. */
  | { readonly kind: 'problem'; readonly problem: string };

type Journal = readonly TrueconfJournalEntry[];
type Sight = Extract<TrueconfJournalEntry, { readonly kind: 'posted' | 'edited' }>;

const sightsIn = (journal: Journal): readonly Sight[] =>
  journal.filter((entry) => (entry.kind === 'posted' || entry.kind === 'edited') && entry.type >= 200) as Sight[];

/** @internal What could be seen in a chat, edits too, oldest first. */
export const seenIn = (journal: Journal, chatId: string): readonly string[] =>
  sightsIn(journal).flatMap((sight) => (sight.chatId === chatId ? [sight.text] : []));

/** @internal What somebody saw of others, oldest first. */
export const seenBy = (journal: Journal, id: string, chatId?: string): readonly string[] =>
  sightsIn(journal).flatMap((sight) =>
    sight.by !== id && sight.to.includes(id) && (chatId ?? sight.chatId) === sight.chatId ? [sight.text] : [],
  );
