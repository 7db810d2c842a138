import type { TrueconfMessage } from './codec-content.js';

/** What was sent, or changed. */
export interface TrueconfSent {
  readonly chatId: string;
  readonly messageId: string;
  /** ISO 8601. */
  readonly at: string;
}
export interface TrueconfSentFile extends TrueconfSent {
  readonly fileId: string;
}
export type TrueconfEdited = Omit<TrueconfSent, 'chatId'>;

export type TrueconfChatKind = 'personal' | 'group' | 'system' | 'favorites' | 'channel' | 'unknown';
export interface TrueconfChat {
  readonly chatId: string;
  readonly kind: TrueconfChatKind;
  /** Of a personal chat: the name or id of the other. */
  readonly title?: string;
  readonly unread: number;
  readonly avatarUrl?: string;
  /** Its `chatId` is that of the chat. */
  readonly lastMessage?: TrueconfMessage;
}
export interface TrueconfParticipant {
  readonly userId: string;
  /** `owner`, `admin`, `user`, `writer`, `conf_owner`, `conf_moderator`, `favorites_owner`, or what the server says, if only nothing. */
  readonly role: string;
}
export interface TrueconfFileInfo {
  readonly fileId: string;
  /** `uploading`: still on its way to the server. */
  readonly state: 'unavailable' | 'uploading' | 'ready' | 'unknown';
  readonly name?: string;
  readonly sizeBytes?: number;
  readonly mimeType?: string;
  /** Holds a secret. Its host may be one that we cannot reach: see `download` of the client. */
  readonly downloadUrl?: string;
  readonly previews: readonly {
    readonly downloadUrl: string;
    readonly name?: string;
    readonly sizeBytes?: number;
    readonly mimeType?: string;
  }[];
}
/** What an administrator allows to be uploaded; absent is no limit. */
export interface TrueconfUploadLimits {
  readonly maxBytes?: number;
  readonly extensions?: { readonly mode: 'allow' | 'block'; readonly list: readonly string[] };
}

/** What each method is answered with. */
export interface TrueconfAnswers {
  auth: { readonly userId: string; readonly connectionId?: string };
  createP2PChat: { readonly chatId: string };
  createGroupChat: { readonly chatId: string };
  createChannel: { readonly chatId: string };
  createFavoritesChat: { readonly chatId: string };
  removeChat: undefined;
  getChats: readonly TrueconfChat[];
  getChatByID: TrueconfChat;
  addChatParticipant: undefined;
  removeChatParticipant: undefined;
  changeParticipantRole: undefined;
  hasChatParticipant: boolean;
  getChatParticipant: TrueconfParticipant;
  getChatParticipants: readonly TrueconfParticipant[];
  editChatTitle: undefined;
  editChatAvatar: undefined;
  clearHistory: undefined;
  sendMessage: TrueconfSent;
  editMessage: TrueconfEdited;
  forwardMessage: TrueconfSent;
  removeMessage: undefined;
  getMessageById: TrueconfMessage;
  getChatHistory: readonly TrueconfMessage[];
  /** That the number on the wire is one of seconds is our guess: no document says so. */
  sendChatActivity: { readonly repeatAfterMs?: number };
  uploadFile: { readonly uploadTaskId: string };
  sendFile: TrueconfSentFile;
  getFileInfo: TrueconfFileInfo;
  subscribeFileProgress: boolean;
  unsubscribeFileProgress: boolean;
  getFileUploadLimits: TrueconfUploadLimits;
  sendSurvey: TrueconfSent;
  editSurvey: TrueconfEdited;
  getUserDisplayName: string;
}
export type TrueconfMethod = keyof TrueconfAnswers;
