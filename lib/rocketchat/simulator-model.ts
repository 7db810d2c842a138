import type { RocketchatStatus } from './simulator-rules.js';

/** Anything that is on the wire. */
export type RocketchatContent = Readonly<Record<string, unknown>>;

/** @internal A user. */
export interface Account {
  readonly id: string;
  readonly username: string;
  readonly name: string;
  readonly email: string | undefined;
  readonly password: string | undefined;
  readonly totp: string | undefined;
  readonly roles: Set<string>;
  readonly granted: Set<string>;
  readonly maxChats: number;
  /** The status that was chosen; otherwise sockets decide. */
  status: RocketchatStatus | undefined;
  statusLivechat: 'available' | 'not-available';
  /** Sockets with a login of this user. */
  sockets: number;
  /** When a chat was last given to this agent. */
  routedAt: number;
}

/** @internal */
export interface Department {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly enabled: boolean;
  readonly agents: Set<Account>;
}

/** @internal */
export interface Visitor {
  readonly id: string;
  token: string;
  readonly username: string;
  name: string | undefined;
  email: string | undefined;
  phone: string | undefined;
  department: Department | undefined;
  status: string;
  readonly livechatData: Record<string, string>;
  readonly createdAt: number;
  updatedAt: number;
  isDisabled: boolean;
}

/** @internal Who serves a room. */
export interface Served {
  readonly account: Account;
  readonly at: number;
}

/** @internal What an agent has of a room. */
export interface Membership {
  readonly id: string;
  readonly account: Account;
  readonly createdAt: number;
  updatedAt: number;
  unread: number;
  readAt: number | undefined;
}

/** @internal */
export interface Inquiry {
  readonly id: string;
  readonly room: Room;
  readonly createdAt: number;
  updatedAt: number;
  status: 'queued' | 'ready' | 'taken';
  department: Department | undefined;
  defaultAgent: Account | undefined;
  takenAt: number | undefined;
  queuedAt: number | undefined;
}

/** @internal */
export interface Room {
  readonly id: string;
  readonly visitor: Visitor;
  readonly createdAt: number;
  updatedAt: number;
  messageAt: number;
  isOpen: boolean;
  servedBy: Served | undefined;
  department: Department | undefined;
  queuedAt: number | undefined;
  inquiry: Inquiry | undefined;
  messages: Message[];
  readonly deleted: { readonly id: string; readonly at: number }[];
  readonly members: Map<Account, Membership>;
  /** Memberships that are over. */
  readonly left: { readonly membership: Membership; readonly at: number }[];
  count: number;
  lastMessage: Message | undefined;
  /** The visitor's last message. */
  askedAt: number | undefined;
  /** The first and last answer. */
  answered: { readonly account: Account; readonly first: number; last: number } | undefined;
  tags: readonly string[];
  topic: string | undefined;
  readonly livechatData: Record<string, string>;
  closedAt: number | undefined;
  closer: 'user' | 'visitor' | undefined;
  closedBy: { readonly _id: string; readonly username: string } | undefined;
  crmData: string | undefined;
}

/** @internal */
export interface Message {
  readonly id: string;
  readonly room: Room;
  readonly at: number;
  updatedAt: number;
  msg: string;
  readonly author: Author;
  /** Type of a system message. */
  t: string | undefined;
  /** What else it has, as it is on the wire. */
  extra: RocketchatContent;
  editedAt: number | undefined;
  editedBy: Author | undefined;
}

/** @internal Who wrote, or did something. */
export type Author =
  { readonly kind: 'visitor'; readonly visitor: Visitor } | { readonly kind: 'agent'; readonly account: Account };

/** @internal */
export interface StoredFile {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly room: Room;
  readonly by: Author;
  readonly at: number;
  isConfirmed: boolean;
}

/** @internal Id, user name and name of an author. */
export const authorOf = (
  author: Author,
): { readonly _id: string; readonly username: string; readonly name?: string } => {
  if (author.kind === 'agent') {
    const { id, username, name } = author.account;
    return { _id: id, username, name };
  }
  const { id, username, name } = author.visitor;
  return { _id: id, username, ...(name !== undefined && { name }) };
};
