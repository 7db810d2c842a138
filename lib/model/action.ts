import type { Conversation } from './conversation.js';
import type { Media } from './event.js';
import type { Json, JsonObject } from './json.js';

/** What all actions have. */
export interface ActionOf<K extends string> {
  readonly kind: K;
  /** `${event.id}#${n}` for a reply, so that a handler that runs again makes the same ids. */
  readonly id: string;
  readonly conversation: Conversation;
  /** Id of the event that this answers. */
  readonly cause?: string;
  /** Whose words they are: a person's pass where the bot is muted. Default: the bot's. */
  readonly by?: 'human';
  /** State for the platform to keep and hand back with later events; replaces what was there. Userlike: 10 000 bytes. */
  readonly context?: JsonObject;
  /** Further keys for the platform's payload, merged in last. */
  readonly extra?: JsonObject;
}

export type TextFormat = 'plain' | 'markdown' | 'html';

export interface TextAction extends ActionOf<'text'> {
  readonly text: string;
  /** Default: `plain`. */
  readonly format?: TextFormat;
  /** Id of the message it answers. */
  readonly replyTo?: string;
}

export interface Choice {
  /** Comes back in the `choice` event. */
  readonly id: string;
  readonly label: string;
  readonly description?: string;
}
export interface Header {
  readonly text?: string;
  readonly media?: Media;
}
/** A question with options to pick from. */
export interface ChoicesAction extends ActionOf<'choices'> {
  readonly text: string;
  readonly choices: readonly Choice[];
  /** What stands in place of `text` where there is nothing to click; the numbered options follow it. Default: `text`. */
  readonly fallback?: string;
  /** How it is shown where there is a choice of ways. Default: the platform's most common one. */
  readonly layout?: 'bubbles' | 'buttons' | 'list';
  readonly header?: Header;
  readonly footer?: string;
  /** Label of what opens a list. */
  readonly openLabel?: string;
  /** Headline above the options of a list. */
  readonly listTitle?: string;
}

export interface Link {
  readonly label: string;
  readonly url: string;
}
export interface Card {
  /** Makes the card itself an option: comes back in the `choice` event. */
  readonly id?: string;
  readonly title: string;
  readonly text?: string;
  /** Absolute url of a picture. */
  readonly image?: string;
  readonly links?: readonly Link[];
  readonly choices?: readonly Choice[];
}
export interface CardsAction extends ActionOf<'cards'> {
  readonly text?: string;
  readonly cards: readonly Card[];
  readonly fallback?: string;
}
/** Urls to open; a click on one is not reported back. */
export interface LinksAction extends ActionOf<'links'> {
  readonly text: string;
  readonly links: readonly Link[];
}
export interface MediaAction extends ActionOf<'media'> {
  readonly media: Media;
  readonly caption?: string;
  readonly replyTo?: string;
}
export interface SurveyAction extends ActionOf<'survey'> {
  readonly title: string;
  /** The platform's id of the survey. */
  readonly survey: string;
  readonly anonymous?: boolean;
  readonly url?: string;
}
/** Makes the customer's browser go to a page. */
export interface NavigateAction extends ActionOf<'navigate'> {
  readonly url: string;
}
/** A pause before what follows, with a typing indicator unless `visible` is false. */
export interface TypingAction extends ActionOf<'typing'> {
  /** Milliseconds. Default: until the next message, where the platform can. */
  readonly forMs?: number;
  /** Default: true. */
  readonly visible?: boolean;
}
export interface EditAction extends ActionOf<'edit'> {
  readonly messageId: string;
  readonly text: string;
  readonly format?: TextFormat;
}
export interface RemoveAction extends ActionOf<'remove'> {
  readonly messageId: string;
}
/** Copies a message to another conversation. To give a conversation to somebody, see `handoff`. */
export interface ForwardAction extends ActionOf<'forward'> {
  readonly messageId: string;
  readonly to: Conversation;
}

export type HandoffTarget =
  | { readonly kind: 'any' }
  | { readonly kind: 'group'; readonly id: string | number }
  | { readonly kind: 'skills'; readonly skills: readonly (string | number)[] }
  | { readonly kind: 'department'; readonly id: string }
  | { readonly kind: 'agent'; readonly id: string };

/** Gives the conversation to a human. */
export interface HandoffAction extends ActionOf<'handoff'> {
  readonly to: HandoffTarget;
  /** `report`: a `handoffFailed` event comes when nobody is there. `unassign`: it goes to the inbox. Default: `report`. */
  readonly onFailure?: 'report' | 'unassign';
  readonly comment?: string;
}
/** The bot steps back; the conversation goes on and is visible to operators. */
export type ReleaseAction = ActionOf<'release'>;
/** Closes the conversation. */
export interface EndAction extends ActionOf<'end'> {
  readonly comment?: string;
}
/** Begins a conversation with somebody. */
export interface OpenConversationAction extends ActionOf<'openConversation'> {
  readonly with: string;
  readonly text?: string;
}
export interface UpdateContactAction extends ActionOf<'updateContact'> {
  readonly name?: string;
  readonly email?: string;
  readonly phone?: string;
  readonly externalId?: string;
  readonly customFields?: JsonObject;
  /** Subscribes to campaigns or unsubscribes, on the channel that the customer is writing from. */
  readonly subscribed?: boolean;
}
export interface UpdateConversationAction extends ActionOf<'updateConversation'> {
  readonly subject?: string;
  readonly topics?: readonly string[];
  readonly locale?: string;
  readonly customFields?: JsonObject;
}
/** A note that only the human side sees. */
export interface NoteAction extends ActionOf<'note'> {
  readonly text: string;
  /** Puts it on the contact in place of the conversation. */
  readonly contactId?: string | number;
}
/** Sends the transcript, or the conversation to an add-on, after the conversation has ended. */
export interface DispatchAction extends ActionOf<'dispatch'> {
  readonly to:
    | { readonly kind: 'contact' }
    | { readonly kind: 'operator'; readonly id: string | number }
    | { readonly kind: 'addon'; readonly name: string };
}
/** What only one platform has: its own name and payload, sent as they are. */
export interface PlatformAction extends ActionOf<'platform'> {
  readonly name: string;
  readonly payload: Json;
}

/** What goes out to a platform: plain, readonly JSON data, discriminated by `kind`. */
export type OutboundAction =
  | TextAction
  | ChoicesAction
  | CardsAction
  | LinksAction
  | MediaAction
  | SurveyAction
  | NavigateAction
  | TypingAction
  | EditAction
  | RemoveAction
  | ForwardAction
  | HandoffAction
  | ReleaseAction
  | EndAction
  | OpenConversationAction
  | UpdateContactAction
  | UpdateConversationAction
  | NoteAction
  | DispatchAction
  | PlatformAction;

export type ActionKind = OutboundAction['kind'];

/** An action without what `react` fills in. */
export type WithoutAddress<A> = A extends OutboundAction ? Omit<A, 'id' | 'conversation' | 'cause'> : never;

/** What a handler writes: an action without `id`, `conversation` and `cause`, which `react` fills in. */
export type Reply = WithoutAddress<OutboundAction>;

/** Whether it answers a customer: something to read or to look at. */
export const isAnswer = ({ kind }: { readonly kind: ActionKind }): boolean => ANSWERS.has(kind);

const ANSWERS: ReadonlySet<ActionKind> = new Set<ActionKind>(['text', 'choices', 'cards', 'links', 'media', 'survey']);

/** Whether the customer can see it. */
export const isVisible = ({ kind }: { readonly kind: ActionKind }): boolean => VISIBLE.has(kind);

const VISIBLE: ReadonlySet<ActionKind> = new Set<ActionKind>([
  'text',
  'choices',
  'cards',
  'links',
  'media',
  'survey',
  'navigate',
  'edit',
  'handoff',
  'end',
  'platform',
]);
