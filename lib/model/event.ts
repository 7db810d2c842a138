import type { Conversation } from './conversation.js';
import type { JsonObject } from './json.js';

/** Who did something. `self` marks what our own account did: platforms echo it back. */
export interface Sender {
  readonly role: 'customer' | 'agent' | 'bot' | 'system';
  readonly id?: string;
  readonly name?: string;
  readonly email?: string;
  readonly phone?: string;
  /** Such as `de_DE`. */
  readonly locale?: string;
  readonly self?: boolean;
}

/** A file. `url` may need credentials and may expire: download soon, with the platform's client. */
export interface Media {
  readonly url?: string;
  /** The platform's id of the file, where it is fetched by id. */
  readonly fileId?: string;
  readonly mimeType?: string;
  readonly name?: string;
  readonly sizeBytes?: number;
}

/** What all events have. */
export interface EventOf<K extends string> {
  readonly kind: K;
  /** The platform's id of the event; where the wire has none, one that was made on arrival (then `fingerprint` is set). */
  readonly id: string;
  /** Equal for equal deliveries, set when the platform gives no ids. A person may say the same thing twice. */
  readonly fingerprint?: string;
  readonly platform: string;
  readonly conversation: Conversation;
  /** When it happened, or arrived where the platform does not say: ISO 8601. */
  readonly at: string;
  readonly sender?: Sender;
  /** State that the platform keeps for this conversation on the bot's behalf, as it was last set by an action. */
  readonly context?: JsonObject;
  /** The untouched wire object. */
  readonly raw: unknown;
}

/** A conversation began. */
export interface StartedEvent extends EventOf<'started'> {
  /** Whether the platform opened it by itself. */
  readonly proactive?: boolean;
}
export interface MessageEvent extends EventOf<'message'> {
  readonly text: string;
  readonly format?: 'plain' | 'markdown' | 'html';
  /** Id of the message it answers. */
  readonly replyTo?: string;
  readonly attachments?: readonly Media[];
}
/** The customer picked an option of a `choices` or `cards` action, by a click or in words. */
export interface ChoiceEvent extends EventOf<'choice'> {
  readonly choice: { readonly id: string; readonly label?: string };
  /** Id of the action that offered it, where known. */
  readonly offer?: string;
}
export interface MediaEvent extends EventOf<'media'> {
  readonly media: Media;
  readonly caption?: string;
  /** Id of the message it answers. */
  readonly replyTo?: string;
}
export interface LocationEvent extends EventOf<'location'> {
  /** Degrees, north and east positive. */
  readonly latitude: number;
  readonly longitude: number;
  readonly name?: string;
  readonly address?: string;
  readonly url?: string;
  /** Id of the message it answers. */
  readonly replyTo?: string;
}
export interface EditedEvent extends EventOf<'edited'> {
  readonly messageId: string;
  readonly text: string;
  readonly format?: 'plain' | 'markdown' | 'html';
}
export interface RemovedEvent extends EventOf<'removed'> {
  readonly messageId: string;
}
/** Somebody joined, left, or got another role. */
export interface MembershipEvent extends EventOf<'membership'> {
  readonly change: 'joined' | 'left' | 'role';
  readonly members: readonly Sender[];
}
/** The customer or an agent pressed a command that belongs to the platform (`/start`, a toolbar action). */
export interface CommandEvent extends EventOf<'command'> {
  readonly name: string;
  readonly text?: string;
}
/** Something is under way: typing, a receipt, an upload. */
export interface ProgressEvent extends EventOf<'progress'> {
  readonly what: 'typing' | 'delivered' | 'read' | 'upload';
  readonly active?: boolean;
  readonly messageId?: string;
}
/** Nobody took the conversation that we handed off: it is with us again. */
export interface HandoffFailedEvent extends EventOf<'handoffFailed'> {
  readonly reason?: string;
}
export interface HandoffTakenEvent extends EventOf<'handoffTaken'> {
  readonly agent?: Sender;
}
/** The customer withdrew from a mailing (`list` where the platform has several). */
export interface UnsubscribedEvent extends EventOf<'unsubscribed'> {
  readonly list?: string;
}
export interface EndedEvent extends EventOf<'ended'> {
  readonly by?: 'customer' | 'agent' | 'bot' | 'system' | 'timeout';
  readonly reason?: string;
}
/** An event of a type that we do not know, with the platform's name for it. */
export interface OtherEvent extends EventOf<'other'> {
  readonly name: string;
}
/** Something that breaks the platform's protocol. `problems` are paths and expectations, never values. */
export interface UndecodableEvent extends EventOf<'undecodable'> {
  readonly problems: readonly string[];
}

/** What comes in from a platform: plain, readonly JSON data, discriminated by `kind`. */
export type InboundEvent =
  | StartedEvent
  | MessageEvent
  | ChoiceEvent
  | MediaEvent
  | LocationEvent
  | EditedEvent
  | RemovedEvent
  | MembershipEvent
  | CommandEvent
  | ProgressEvent
  | HandoffFailedEvent
  | HandoffTakenEvent
  | UnsubscribedEvent
  | EndedEvent
  | OtherEvent
  | UndecodableEvent;

export type EventKind = InboundEvent['kind'];
