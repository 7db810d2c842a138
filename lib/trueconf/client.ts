import type { Observable } from 'rxjs';
import type { TextFormat } from '../model/index.js';
import type { Download } from '../transport/download.js';
import type {
  TrueconfChat,
  TrueconfEdited,
  TrueconfFileInfo,
  TrueconfParticipant,
  TrueconfSent,
  TrueconfSentFile,
  TrueconfUploadLimits,
} from './answers.js';
import { Calls } from './calls.js';
import type { TrueconfButtons } from './codec-buttons.js';
import type { TrueconfMessage } from './codec-content.js';
import type { TrueconfRequest } from './codec-action.js';
import type { TrueconfSurvey } from './codec-survey.js';
import type { TrueconfFileToSend } from './file-to-send.js';
import type { TrueconfDownloaded, TrueconfTarget, TrueconfUploadOptions } from './files.js';
import type { TrueconfStatus } from './status.js';
import type { TrueconfDelivery } from './incoming.js';
import { settingsOf, type TrueconfClientOptions } from './settings.js';
import { Tokens, type TrueconfCredentials } from './token.js';

export type TrueconfClientConfig = TrueconfClientOptions &
  TrueconfCredentials & {
    /** The host name of the server, in any script, without scheme and port. */
    readonly server: string;
  };

export interface TrueconfTextOptions {
  /** Default: `plain`. */
  readonly format?: TextFormat;
  /** Buttons below it, which servers have from about 5.5.6; an edit without takes them away. */
  readonly buttons?: TrueconfButtons;
}
export interface TrueconfSendOptions {
  /** Id of the message it answers. */
  readonly replyTo?: string;
}
export interface TrueconfFileOptions extends TrueconfSendOptions, TrueconfUploadOptions {
  readonly caption?: string;
  /** Of the caption. Default: `plain`. */
  readonly format?: TextFormat;
}

/** All that a bot can do. What emits nothing else emits `undefined` when it is done. */
export interface TrueconfClient {
  /** Sends a text, of up to 4 096 visible characters. */
  sendText(chatId: string, text: string, options?: TrueconfTextOptions & TrueconfSendOptions): Observable<TrueconfSent>;
  /** Answers a message. */
  reply(chatId: string, messageId: string, text: string, options?: TrueconfTextOptions): Observable<TrueconfSent>;
  /** Replaces a text of one's own, all of it. */
  editText(messageId: string, text: string, options?: TrueconfTextOptions): Observable<TrueconfEdited>;
  /** Copies a message to a chat. */
  forward(chatId: string, messageId: string): Observable<TrueconfSent>;
  /** Removes a message, for oneself unless told otherwise. */
  removeMessage(messageId: string, options?: { readonly forAll?: boolean }): Observable<undefined>;
  message(messageId: string): Observable<TrueconfMessage>;
  /** The newest `count` messages (default: 50), or those up to `from`, which is among them; the oldest first. */
  history(
    chatId: string,
    options?: { readonly count?: number; readonly from?: string },
  ): Observable<readonly TrueconfMessage[]>;

  /**
   * Sends a file of any type.
   *
   * Errors, of all that send files: `unsupported` for one that cannot be read, `overflow` beyond `maxUploadBytes`, those of
   * `download` for one that is fetched. @throws TypeError unless a file is in exactly one place, and has
   * a name and a type that can be sent; RangeError when its size is no number of bytes.
   */
  sendDocument(chatId: string, file: TrueconfFileToSend, options?: TrueconfFileOptions): Observable<TrueconfSentFile>;
  /**
   * Sends a picture with a small one of it: without, it shows as a document.
   *
   * @throws TypeError unless both are jpg, png, webp, bmp, gif or tiff.
   */
  sendPhoto(
    chatId: string,
    file: TrueconfFileToSend,
    preview: TrueconfFileToSend | undefined,
    options?: TrueconfFileOptions,
  ): Observable<TrueconfSentFile>;
  /** Sends a sticker. @throws TypeError at the call, when it is no `image/webp`. */
  sendSticker(
    chatId: string,
    file: TrueconfFileToSend,
    options?: TrueconfSendOptions & TrueconfUploadOptions,
  ): Observable<TrueconfSentFile>;
  /** Uploads a file, for `encodeAction` and `setAvatar`: an id that is good once, and soon. */
  upload(
    file: TrueconfFileToSend,
    options?: TrueconfUploadOptions & {
      /** A small picture of it: then it is shown as one. */
      readonly preview?: TrueconfFileToSend;
    },
  ): Observable<string>;
  fileInfo(fileId: string): Observable<TrueconfFileInfo>;
  /** Waits until a file has come to the server, and fetches it. `refused` with `notAvailable` when it never will. */
  download(fileId: string): Observable<Download>;
  /** The same, while it comes: only the chunk under way is held. What `target` rejects with is the error of the call. */
  downloadTo(fileId: string, target: TrueconfTarget): Observable<TrueconfDownloaded>;
  /** Asks for `progress` events of a file on its way to the server; until the connection ends. */
  subscribeFileProgress(fileId: string): Observable<boolean>;
  unsubscribeFileProgress(fileId: string): Observable<boolean>;
  uploadLimits(): Observable<TrueconfUploadLimits>;

  sendSurvey(chatId: string, survey: TrueconfSurvey, options?: TrueconfSendOptions): Observable<TrueconfSent>;
  editSurvey(messageId: string, survey: TrueconfSurvey): Observable<TrueconfEdited>;
  /**
   * Shows that the bot is typing. Servers know it from about 5.5.6. `repeatAfterMs` is when to say so again; that the server
   * tells it in seconds is our guess, since no document does.
   */
  typing(chatId: string): Observable<{ readonly repeatAfterMs?: number }>;

  /** A page of chats, from page 1 with 100; a page that is not full is the last. */
  chats(options?: { readonly count?: number; readonly page?: number }): Observable<readonly TrueconfChat[]>;
  chat(chatId: string): Observable<TrueconfChat>;
  /** The personal chat with somebody, which is made when there is none. */
  createPersonalChat(userId: string): Observable<{ readonly chatId: string }>;
  /** Every call makes another. */
  createGroup(title: string): Observable<{ readonly chatId: string }>;
  /** Every call makes another. */
  createChannel(title: string): Observable<{ readonly chatId: string }>;
  /** The bot's chat with itself. */
  favorites(): Observable<{ readonly chatId: string }>;
  deleteChat(chatId: string): Observable<undefined>;
  setTitle(chatId: string, title: string): Observable<undefined>;
  setAvatar(chatId: string, file: TrueconfFileToSend): Observable<undefined>;
  clearHistory(chatId: string, options?: { readonly forAll?: boolean }): Observable<undefined>;

  /** A page of participants, from page 1 with 200; a page that is not full is the last. */
  participants(
    chatId: string,
    options?: { readonly count?: number; readonly page?: number },
  ): Observable<readonly TrueconfParticipant[]>;
  /** `refused` with 305 when the user is none. */
  participant(chatId: string, userId: string): Observable<TrueconfParticipant>;
  hasParticipant(chatId: string, userId: string): Observable<boolean>;
  addParticipant(chatId: string, userId: string, options?: { readonly showHistory?: boolean }): Observable<undefined>;
  removeParticipant(
    chatId: string,
    userId: string,
    options?: { readonly clearHistory?: boolean },
  ): Observable<undefined>;
  setRole(chatId: string, userId: string, role: string): Observable<undefined>;
  displayName(userId: string): Observable<string>;

  /** Any request, as `encodeAction` makes it; its answer as it came. @throws TypeError when its payload is no JSON. */
  request(request: TrueconfRequest): Observable<unknown>;

  /**
   * How the server calls itself, with which ids without a host are completed. Asked once, by one for all who wait; while the
   * server is away, again for up to `waitMs`.
   */
  readonly serverName$: Observable<string>;
  /** The token in use: a secret. `undefined` before there is one. */
  readonly token: string | undefined;
  /** What has become of the connection, the latest first, also after `close`, with which it completes. Hot. */
  readonly status$: Observable<TrueconfStatus>;
  /**
   * What the server tells, for sources: keeps the connection while it is subscribed, and completes after `close`. A message
   * that nobody acknowledges stays unread. What comes while nobody is subscribed is not kept; with `receiveUnread`, who
   * subscribes then is told of it by a new connection.
   */
  readonly deliveries$: Observable<TrueconfDelivery>;
  /** The host name of the server, as it was given. */
  readonly server: string;
  /** Which bot it is, as it was given. */
  readonly account: string | undefined;
  /** Whether messages that were not acknowledged come again with each connection. */
  readonly receivesUnread: boolean;
  /**
   * Stops reading from the connection, for a moment: a server cuts whoever answers no ping. Whether it could: there may be no
   * connection, browsers have no such thing, and while a call waits for its answer reading goes on.
   */
  pause(): boolean;
  /** Reads on, as the next call does by itself. */
  resume(): void;
  /**
   * Makes the connection anew as soon as no call waits for its answer, new ones wait for the next: so that messages that were
   * not acknowledged come again. Without a connection, nothing.
   */
  reconnect(): void;
  /** Closes the connection for good: calls fail, `deliveries$` completes. */
  close(): void;
}

/**
 * A bot on a TrueConf server, by its chatbot connector. Follows the official clients (Python 1.4.4, TypeScript 1.2.9).
 *
 * Calls are cold: subscribing sends, unsubscribing forgets the answer. Each emits once and completes. All share one
 * connection with `deliveries$`: made for the first, closed `lingerMs` after the last, made again with a growing pause when it
 * is lost. A call waits for it up to `waitMs`. When it is lost before the answer, the call is `inDoubt`, except for calls
 * that may be sent again, which are. User ids without a host get that of the server.
 *
 * Errors, all `ChatError` without token and texts: those of `trueconfError`, with the code as `reason`; `timeout` when no
 * answer came, or no connection; `unreachable`; `overflow` for what is too long, too large, or waits with too many others;
 * `undecodable`. A connection that makes no sense any more, because the login or the token is refused or the server has no
 * address, ends all calls with its error: `unauthorized` ones at once until there is another token or password.
 *
 * @throws TypeError when `server` is no host name, the token is none, or a name or password is empty; RangeError when a number is out of range.
 */
export function trueconfClient(config: TrueconfClientConfig): TrueconfClient {
  const settings = settingsOf(config.server, config);
  return new Calls(settings, new Tokens(settings, config));
}
