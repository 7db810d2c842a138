import type { Media } from '../model/index.js';

/** Whoever sits at the chat window. */
export interface RocketchatVisitor {
  readonly id: string;
  /**
   * The secret that the visitor is known by: from now on this one, which may differ from the one that was asked with. Neither
   * enumerable nor in JSON, so that no log shows it.
   */
  readonly token: string;
  readonly username?: string;
  readonly name?: string;
  readonly email?: string;
  readonly phone?: string;
  /** Id of the department. */
  readonly department?: string;
  /** `online`, `away`, `offline`, `busy`. */
  readonly status?: string;
  readonly customFields: Readonly<Record<string, unknown>>;
}
/** A visitor, without the token. */
export type RocketchatGuest = Pick<RocketchatVisitor, 'id' | 'username' | 'name' | 'status'>;

/** A conversation with a visitor. */
export interface RocketchatRoom {
  readonly id: string;
  readonly isOpen: boolean;
  readonly label?: string;
  readonly visitor?: RocketchatGuest;
  /** Who serves it; nobody while it is queued. `since` is ISO 8601. */
  readonly servedBy?: { readonly id: string; readonly username?: string; readonly since?: string };
  readonly departmentId?: string;
  /** `widget`, `email`, `sms`, `app`, `api`, or what the server says. */
  readonly source?: string;
  readonly tags: readonly string[];
  readonly topic?: string;
  readonly isOnHold: boolean;
  readonly customFields: Readonly<Record<string, unknown>>;
  /** ISO 8601, like the other instants. */
  readonly startedAt?: string;
  readonly lastMessageAt?: string;
  readonly updatedAt?: string;
  readonly closedAt?: string;
  readonly closedBy?: 'agent' | 'visitor';
  /** The wire object, for `decodeRoom`. Holds the visitor's token, so it is neither enumerable nor in JSON. */
  readonly raw: unknown;
}

/** A message of a room, a system message too. */
export interface RocketchatMessage {
  readonly id: string;
  readonly roomId: string;
  readonly text: string;
  /** ISO 8601. */
  readonly at: string;
  readonly author: {
    readonly id: string;
    readonly username?: string;
    readonly name?: string;
    readonly isVisitor: boolean;
  };
  /** Of a system message: `livechat-close`, `uj`, … */
  readonly type?: string;
  readonly editedAt?: string;
  /** When it was last changed by anything: an edit, a reaction, a preview of a link. */
  readonly updatedAt?: string;
  /** Id of the message it answers. */
  readonly replyTo?: string;
  readonly media: readonly Media[];
  /** The wire object, for `decodeMessage`. May hold the visitor's token, so it is neither enumerable nor in JSON. */
  readonly raw: unknown;
}

/** An entry of the queue. There is one for each open room. */
export interface RocketchatInquiry {
  readonly id: string;
  readonly roomId: string;
  readonly name?: string;
  /** `queued`, `ready`, `taken`, `verifying`, `open`. */
  readonly status?: string;
  /** Id of the department. */
  readonly department?: string;
  readonly visitor?: RocketchatGuest;
  readonly at?: string;
  readonly queuedAt?: string;
  readonly takenAt?: string;
  /** The wire object, for `decodeInquiry`. May hold the visitor's token, so it is neither enumerable nor in JSON. */
  readonly raw: unknown;
}

/** An agent or manager. */
export interface RocketchatAgent {
  readonly id: string;
  readonly username?: string;
  readonly name?: string;
  /** `online`, `away`, `busy`, `offline`, `disabled`. */
  readonly status?: string;
  /** Whether chats can be given to them, as far as they say so themselves. */
  readonly isAvailable?: boolean;
  readonly emails: readonly string[];
  /** Ids. */
  readonly departments: readonly string[];
  readonly maxChats?: number;
}

export interface RocketchatDepartment {
  readonly id: string;
  readonly name?: string;
  readonly isEnabled: boolean;
  readonly description?: string;
  readonly agents?: number;
}
/** An agent of a department. */
export interface RocketchatDepartmentAgent {
  readonly id: string;
  readonly username?: string;
  readonly order?: number;
}

/** How the workspace is set up for visitors. */
export interface RocketchatConfig {
  readonly isEnabled: boolean;
  /** Whether anybody is there. If not, an offline message can be left. */
  readonly isOnline: boolean;
  readonly departments: readonly RocketchatDepartment[];
  /** How long a visitor's message may be; absent is no limit. */
  readonly maxTextLength?: number;
  readonly canUpload: boolean;
  /** The open room of the token that was asked with: its id, and who serves it, in which department. */
  readonly room?: RocketchatRoom;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A page of a list. `total` counts them all. */
export interface RocketchatPage<T> {
  readonly items: readonly T[];
  readonly offset: number;
  readonly total: number;
}

/** Of a room since an instant: what is new or changed, and the ids of what was deleted. */
export interface RocketchatSync {
  readonly updated: readonly RocketchatMessage[];
  readonly deleted: readonly { readonly id: string; readonly at: string }[];
}

/** Who logged in. */
export interface RocketchatLogin {
  readonly userId: string;
  readonly username?: string;
}

/** What each call is answered with. */
export interface RocketchatAnswers {
  info: string;
  registerVisitor: RocketchatVisitor;
  visitor: RocketchatVisitor;
  deleteVisitor: undefined;
  room: { readonly room: RocketchatRoom; readonly isNew: boolean };
  rooms: RocketchatPage<RocketchatRoom>;
  message: RocketchatMessage;
  history: readonly RocketchatMessage[];
  inquiries: RocketchatPage<RocketchatInquiry>;
  inquiry: RocketchatInquiry | undefined;
  agents: RocketchatPage<RocketchatAgent>;
  agent: RocketchatAgent | undefined;
  nextAgent: RocketchatAgent | undefined;
  addAgent: { readonly id: string; readonly username?: string };
  status: string;
  transfer: undefined;
  result: boolean;
  transfers: RocketchatPage<Readonly<Record<string, unknown>>>;
  media: { readonly fileId: string; readonly url?: string };
  upload: RocketchatMessage;
  departments: RocketchatPage<RocketchatDepartment>;
  department: {
    readonly department: RocketchatDepartment;
    readonly agents: readonly RocketchatDepartmentAgent[];
  };
  config: RocketchatConfig;
  routing: Readonly<Record<string, unknown>>;
  sync: RocketchatSync;
  subscriptions: { readonly updated: readonly string[]; readonly removed: readonly string[] };
  receipts: readonly { readonly userId: string; readonly at: string }[];
  done: undefined;
}
export type RocketchatAnswer = keyof RocketchatAnswers;
