/** The content of a message, as it is on the wire. */
export type TrueconfContent = Readonly<Record<string, unknown>>;

/** What an administrator allows to be uploaded; null is no limit. */
export interface TrueconfLimits {
  /** In bytes. */
  readonly maxSize: number | null;
  readonly extensions: { readonly mode: 'allow' | 'block'; readonly list: readonly string[] } | null;
}

/** @internal Types of chats. */
export const CHAT = { p2p: 1, group: 2, favorites: 5, channel: 6 } as const;

/** @internal Types of messages; those below `text` come from the system. */
export const TYPE = {
  added: 1,
  removed: 2,
  titled: 21,
  pictured: 22,
  cleared: 23,
  role: 110,
  text: 200,
  forwarded: 201,
  file: 202,
  location: 203,
  survey: 204,
  voice: 205,
} as const;

/** @internal States of a file. */
export const STATE = { unavailable: 0, uploading: 1, ready: 2 } as const;

/** @internal */
export interface Account {
  /** Without `/instance`, in small letters. */
  readonly id: string;
  displayName: string;
  readonly instance: string | undefined;
  /** Undefined for people. */
  readonly password: string | undefined;
  isDisabled: boolean;
}

/** @internal Who does something, and through which connection. */
export interface Actor {
  readonly account: Account;
  readonly connection?: number;
}

/** @internal */
export interface Member {
  role: string;
  /** Messages up to this position are hidden from the member. */
  readonly after: number;
}

/** @internal */
export interface Chat {
  readonly chatId: string;
  readonly type: number;
  title: string | null;
  avatarUrl: string | null;
  readonly members: Map<Account, Member>;
  messages: Message[];
  /** The position of the newest message. */
  boxes: number;
}

/** @internal */
export interface StoredFile {
  readonly fileId: string;
  readonly name: string;
  readonly mimeType: string;
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly preview: { readonly name: string; readonly mimeType: string; readonly bytes: Uint8Array } | undefined;
  readonly signature: string;
  state: number;
  /** How many bytes have come. */
  progress: number;
}

/** @internal */
export interface Message {
  readonly messageId: string;
  readonly chat: Chat;
  readonly timestamp: number;
  readonly author: Account;
  readonly type: number;
  content: TrueconfContent;
  readonly file: StoredFile | undefined;
  readonly replyTo: string | undefined;
  readonly box: number;
  /** The order over all chats. */
  readonly order: number;
  isEdited: boolean;
  readonly hiddenFrom: Set<Account>;
  readonly unreadBy: Set<Account>;
}

/** @internal An event for everybody in `to` who is connected. */
export interface Notice {
  readonly to: Iterable<Account>;
  readonly by: Actor;
  readonly method: string;
  readonly payload: (to: Account) => TrueconfContent;
  readonly message?: Message;
}

/** @internal A user id as it is compared: with a host, without an instance. */
export const sameId = (id: string, server: string): string => {
  const [user = ''] = id.toLowerCase().split('/');
  return user.includes('@') ? user : `${user}@${server}`;
};
