import type { RocketchatContent } from './simulator-model.js';

/** One effect, in the order of happening. */
export type RocketchatJournalEntry = { readonly at: number } & RocketchatEffect;

/** What happened. */
export type RocketchatEffect = RocketchatRoomEffect | RocketchatPersonEffect | RocketchatWireEffect;

/** What happened in a room; `by` is the id of a visitor or user. */
export type RocketchatRoomEffect = { readonly rid: string } & (
  | { readonly kind: 'opened'; readonly by: string }
  | { readonly kind: 'queued'; readonly inquiryId: string; readonly departmentId: string | undefined }
  | { readonly kind: 'taken'; readonly by: string; readonly inquiryId: string }
  | {
      readonly kind: 'posted';
      readonly by: string;
      readonly side: 'visitor' | 'agent' | 'system';
      readonly messageId: string;
      /** Type of a system message. */
      readonly t: string | undefined;
      /** What a person sees: the text, or the name of a file. */
      readonly text: string;
      /** Attachments, blocks, and what else it has. */
      readonly extra: RocketchatContent;
    }
  | {
      readonly kind: 'edited';
      readonly by: string;
      readonly side: 'visitor' | 'agent' | 'system';
      readonly messageId: string;
      readonly text: string;
    }
  | { readonly kind: 'deleted'; readonly by: string; readonly messageId: string }
  | {
      readonly kind: 'reacted';
      readonly by: string;
      readonly messageId: string;
      readonly emoji: string;
      readonly isOn: boolean;
    }
  /** An `_id` came that is known: nothing was stored. */
  | { readonly kind: 'repeated'; readonly by: string; readonly messageId: string }
  | { readonly kind: 'joined' | 'left'; readonly by: string }
  | {
      readonly kind: 'forwarded';
      readonly by: string;
      readonly scope: string;
      readonly userId: string | undefined;
      readonly departmentId: string | undefined;
      readonly comment: string | undefined;
    }
  | {
      readonly kind: 'closed';
      readonly by: string;
      readonly closer: 'user' | 'visitor';
      readonly comment: string;
      readonly tags: readonly string[];
    }
  | { readonly kind: 'typing'; readonly name: string; readonly activities: readonly string[] }
  | { readonly kind: 'read'; readonly by: string }
  | { readonly kind: 'saved'; readonly by: string }
  | { readonly kind: 'transcript'; readonly email: string }
);

/** What happened outside of rooms. */
export type RocketchatPersonEffect =
  | { readonly kind: 'registered' | 'updated'; readonly visitorId: string; readonly fields: RocketchatContent }
  | { readonly kind: 'forgotten'; readonly visitorId: string }
  | { readonly kind: 'status'; readonly by: string; readonly status: string }
  | { readonly kind: 'offlineMessage'; readonly name: string; readonly email: string; readonly text: string }
  | { readonly kind: 'visited'; readonly visitorId: string; readonly href: string };

/** What went over the wire. `connection` counts the sockets, from 1. */
export type RocketchatWireEffect =
  /** A request over HTTP, and the status that its effect has, whatever became of the answer. */
  | {
      readonly kind: 'requested';
      readonly method: string;
      /** The route, such as `livechat/visitor/:token`; empty where there is none. */
      readonly route: string;
      readonly status: number;
      /** The user who is logged in. */
      readonly user: string | undefined;
    }
  | { readonly kind: 'connected'; readonly connection: number }
  /** The upgrade was refused. */
  | { readonly kind: 'turnedAway'; readonly status: number }
  | { readonly kind: 'loggedIn'; readonly connection: number; readonly by: string }
  /** The login of a socket ended, and the socket stayed. */
  | { readonly kind: 'loggedOut'; readonly connection: number; readonly by: string }
  /** Without a code, the connection was cut. */
  | {
      readonly kind: 'disconnected';
      readonly connection: number;
      readonly side: 'client' | 'server';
      readonly code: number | undefined;
    }
  | { readonly kind: 'called'; readonly connection: number; readonly id: string; readonly method: string }
  /** A result went out; without `error` it was a success. */
  | {
      readonly kind: 'answered';
      readonly connection: number;
      readonly id: string;
      readonly error: string | number | undefined;
    }
  | {
      readonly kind: 'subscribed' | 'denied';
      readonly connection: number;
      readonly id: string;
      readonly stream: string;
      readonly event: string;
    }
  | { readonly kind: 'unsubscribed'; readonly connection: number; readonly id: string }
  /** A `changed` frame went out. */
  | {
      readonly kind: 'told';
      readonly connection: number;
      readonly stream: string;
      readonly event: string;
      readonly args: readonly unknown[];
    }
  /** A try of a webhook ended; status 0 is no answer. */
  | {
      readonly kind: 'hooked';
      /** Counts the webhooks, from 1; all tries have the same. */
      readonly hook: number;
      readonly attempt: number;
      readonly type: string;
      readonly rid: string;
      /** Of the message that it is about, where it is about one. */
      readonly messageId: string | undefined;
      readonly status: number;
    }
  /** A webhook is not tried again. */
  | { readonly kind: 'gaveUp'; readonly hook: number; readonly type: string; readonly rid: string }
  | { readonly kind: 'fault'; readonly fault: string }
  /** The client should not have done this. */
  | { readonly kind: 'problem'; readonly problem: string };

type Journal = readonly RocketchatJournalEntry[];
type Sight = Extract<RocketchatJournalEntry, { readonly kind: 'posted' | 'edited' }>;

/** @internal What could be seen in a room, edits too, system messages not, oldest first. */
export const seenIn = (journal: Journal, rid: string, ...sides: readonly string[]): readonly string[] =>
  journal
    .filter((entry): entry is Sight => entry.kind === 'posted' || entry.kind === 'edited')
    .flatMap((sight) => (sight.rid === rid && sides.includes(sight.side) ? [sight.text] : []));
