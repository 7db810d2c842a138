import type { Observable } from 'rxjs';
import type { Download } from '../transport/download.js';
import type {
  RocketchatAgent,
  RocketchatConfig,
  RocketchatDepartment,
  RocketchatDepartmentAgent,
  RocketchatInquiry,
  RocketchatLogin,
  RocketchatMessage,
  RocketchatPage,
  RocketchatRoom,
  RocketchatSync,
  RocketchatVisitor,
} from './answers.js';
import { Calls } from './calls.js';
import type { RocketchatRequest } from './codec-request.js';
import type { RocketchatStatus, RocketchatStray } from './ddp.js';
import type { RocketchatStreamNews } from './ddp-streams.js';
import type { RocketchatFileToSend, RocketchatUploadOptions } from './files.js';
import { Logins, type RocketchatCredentials } from './login.js';
import type {
  RocketchatCloseOptions,
  RocketchatForwardTo,
  RocketchatPaging,
  RocketchatRoomFilter,
  RocketchatRoomInfo,
  RocketchatSendOptions,
  RocketchatStaff,
} from './requests-agent.js';
import type {
  RocketchatHistoryOptions,
  RocketchatOfflineMessage,
  RocketchatVisitedPage,
  RocketchatVisitorDraft,
} from './requests-visitor.js';
import { settingsOf, type RocketchatClientOptions } from './settings.js';

export type RocketchatClientConfig = RocketchatClientOptions &
  RocketchatCredentials & {
    /** The address of the server, with a path if it is installed below one. */
    readonly url: string;
  };

/** What a visitor can do: whoever knows the token is the visitor. What emits nothing else emits `undefined` when it is done. */
export interface RocketchatVisitorClient {
  get(): Observable<RocketchatVisitor>;
  /** Removes the visitor, and everything that was said. `refused` with `visitor-has-open-rooms` while there are any. */
  delete(): Observable<undefined>;
  /** How the workspace is set up, with the open room, if there is one. */
  config(department?: string): Observable<RocketchatConfig>;
  /**
   * The open room, or a new one; with `rid` that one or none, with `agent` one with that agent. One call at a time.
   * `refused` with `no-agent-online` when nobody is there.
   */
  room(options?: {
    readonly rid?: string;
    readonly agent?: string;
  }): Observable<{ readonly room: RocketchatRoom; readonly isNew: boolean }>;
  /** Sends a text. With an `id` of one's own, however often it is sent it is one message. */
  send(rid: string, text: string, options?: { readonly id?: string }): Observable<RocketchatMessage>;
  /** A message: to find out what became of one that is in doubt. `refused` with `invalid-message` when there is none. */
  message(rid: string, id: string): Observable<RocketchatMessage>;
  /** Replaces a text of one's own. */
  edit(rid: string, id: string, text: string): Observable<RocketchatMessage>;
  remove(rid: string, id: string): Observable<undefined>;
  /** A page of what was said, the newest unless told otherwise; the oldest first. Of closed rooms, too. */
  history(rid: string, options?: RocketchatHistoryOptions): Observable<readonly RocketchatMessage[]>;
  /**
   * What was said since the messages that are known, or since the beginning: pages back until one is, each message once, the
   * oldest first. `overflow` beyond `maxMessages` (default: 1 000).
   */
  historySince(
    rid: string,
    isKnown: (message: RocketchatMessage) => boolean,
    options?: { readonly maxMessages?: number },
  ): Observable<readonly RocketchatMessage[]>;
  /** Closes the room. Closed already is closed. */
  close(rid: string): Observable<undefined>;
  /** Gives the room to a department, by id. */
  transfer(rid: string, department: string): Observable<undefined>;
  /** Sends a file. There is no way to find out what became of one that is in doubt, other than history. */
  upload(rid: string, file: RocketchatFileToSend, options?: RocketchatUploadOptions): Observable<RocketchatMessage>;
  /** Fetches a file, by the `url` of its media. */
  download(rid: string, url: string): Observable<Download>;
  /** Who serves the room; `undefined` when that is hidden. `refused` with `invalid-agent` when nobody does. */
  agent(rid: string): Observable<RocketchatAgent | undefined>;
  /** Who would serve a new room; `undefined` when there is an open one. */
  nextAgent(department?: string): Observable<RocketchatAgent | undefined>;
  /** Custom fields of the visitor, by their ids. */
  setCustomFields(
    fields: Readonly<Record<string, string>>,
    options?: { readonly overwrite?: boolean },
  ): Observable<undefined>;
  setStatus(status: 'online' | 'away' | 'offline' | 'busy'): Observable<undefined>;
  visitPage(page: RocketchatVisitedPage, rid?: string): Observable<undefined>;
  /** Asks for what was said by e-mail. */
  requestTranscript(rid: string, email: string): Observable<undefined>;
  /** Shows, under a name, that the visitor is typing, or no longer. Clients forget it after some seconds. */
  typing(rid: string, name: string, active?: boolean): Observable<undefined>;
  /**
   * A stream of the room, over the socket: its messages, what concerns the visitor, or a notice of it such as `user-activity`
   * and `deleteMessage`. Cold, lasts over lost connections. `refused` with `not-allowed` for a room that is closed.
   */
  stream(
    stream: 'room-messages' | 'livechat-room' | 'notify-room',
    rid: string,
    what?: string,
  ): Observable<RocketchatStreamNews>;
}

/** All that a bot, an agent or a bridge can do. What emits nothing else emits `undefined` when it is done. */
export interface RocketchatClient {
  /** Registers a visitor, or changes what is known of one. Use the token of the answer from then on. */
  registerVisitor(visitor: RocketchatVisitorDraft): Observable<RocketchatVisitor>;
  /** The calls of a visitor. @throws TypeError when the token is blank, or cannot be sent. */
  asVisitor(token: string): RocketchatVisitorClient;
  /** How the workspace is set up. */
  config(department?: string): Observable<RocketchatConfig>;
  /** Leaves a message while nobody is there. */
  leaveMessage(message: RocketchatOfflineMessage): Observable<undefined>;

  /** Logs in, unless that was done before. */
  login(): Observable<RocketchatLogin>;
  /** Sends a text, of up to `maxTextLength` characters. With an `id` of one's own, however often it is sent it is one message. */
  send(rid: string, text: string, options?: RocketchatSendOptions): Observable<RocketchatMessage>;
  /** A message, of any room that we may see: to find out what became of one that is in doubt. */
  message(id: string): Observable<RocketchatMessage>;
  edit(rid: string, id: string, text: string): Observable<RocketchatMessage>;
  remove(rid: string, id: string): Observable<undefined>;
  /** Puts an emoji (`:ok:`) on a message, or takes it away. */
  react(id: string, emoji: string, on?: boolean): Observable<undefined>;
  /** Sends a file: in one step before 7.0, in two after. */
  upload(rid: string, file: RocketchatFileToSend, options?: RocketchatUploadOptions): Observable<RocketchatMessage>;
  /** Uploads a file for `encodeAction`, from 7.0: an id that is good for 24 hours, in that room. */
  uploadMedia(rid: string, file: RocketchatFileToSend): Observable<{ readonly fileId: string; readonly url?: string }>;
  /** Fetches a file, by the `url` of its media. */
  download(url: string): Observable<Download>;
  /** Shows that we are typing, or no longer. `name` where the server shows real names. Default: our user name. */
  typing(rid: string, active?: boolean, options?: { readonly name?: string }): Observable<undefined>;
  /** Marks a room as read. */
  markRead(rid: string): Observable<undefined>;
  /** Who has read a message, and when. Not on every server. */
  receipts(id: string): Observable<readonly { readonly userId: string; readonly at: string }[]>;
  /** What was written, changed or deleted in a room since an instant: ISO 8601. */
  sync(rid: string, since: string): Observable<RocketchatSync>;

  /** Goes into a room without serving it. */
  join(rid: string): Observable<undefined>;
  /** Closes a room. Closed already is closed. `refused` with `error-comment-is-required` without a comment, by default. */
  close(rid: string, options?: RocketchatCloseOptions): Observable<undefined>;
  /** Gives a room to an agent, a department, or both. Needs the permission `transfer-livechat-guest`, which agents have not. */
  forward(rid: string, to: RocketchatForwardTo): Observable<undefined>;
  /** Puts a room back into the queue, from 7.12. Whether it was. */
  returnToQueue(rid: string, department?: string): Observable<boolean>;
  transfers(rid: string, page?: RocketchatPaging): Observable<RocketchatPage<Readonly<Record<string, unknown>>>>;
  /** Changes what is known of a visitor and a room, for who serves it; of others with `save-others-livechat-room-info`. */
  saveInfo(info: RocketchatRoomInfo): Observable<undefined>;
  /** A room that we may see, open or closed. */
  room(rid: string): Observable<RocketchatRoom>;
  rooms(filter?: RocketchatRoomFilter): Observable<RocketchatPage<RocketchatRoom>>;
  /** Ids of the livechat rooms that we are in, as far as that has changed since an instant: ISO 8601. */
  subscriptions(
    since?: string,
  ): Observable<{ readonly updated: readonly string[]; readonly removed: readonly string[] }>;

  /**
   * Who waits, of a department by id or all: for managers. A department that does not exist is not looked at, so entries of
   * others are left out here.
   */
  inquiries(page?: RocketchatPaging & { readonly department?: string }): Observable<RocketchatPage<RocketchatInquiry>>;
  /** Who waits for us, in our departments: for agents. */
  queue(page?: RocketchatPaging & { readonly department?: string }): Observable<RocketchatPage<RocketchatInquiry>>;
  /** The entry of a room; `undefined` when it is closed, or there is none. */
  inquiry(rid: string): Observable<RocketchatInquiry | undefined>;
  /**
   * Takes a room from the queue, for us or another agent. `conflict` with `error-inquiry-taken` when somebody was faster. Servers
   * before 7.13 say yes to what did not happen, too: look at `inquiry(rid)` and who serves the room.
   */
  take(inquiryId: string, options?: { readonly agent?: string }): Observable<undefined>;

  /** Agents or managers. */
  staff(
    type: RocketchatStaff,
    page?: RocketchatPaging & { readonly text?: string },
  ): Observable<RocketchatPage<RocketchatAgent>>;
  /** Makes an agent or manager of a user who exists, by user name. */
  addStaff(type: RocketchatStaff, username: string): Observable<{ readonly id: string; readonly username?: string }>;
  /** An agent or manager by id; `undefined` when the user is none. */
  staffMember(type: RocketchatStaff, id: string): Observable<RocketchatAgent | undefined>;
  /** Takes the role away. */
  removeStaff(type: RocketchatStaff, id: string): Observable<undefined>;
  departments(
    page?: RocketchatPaging & { readonly text?: string; readonly enabled?: boolean },
  ): Observable<RocketchatPage<RocketchatDepartment>>;
  department(id: string): Observable<{
    readonly department: RocketchatDepartment;
    readonly agents: readonly RocketchatDepartmentAgent[];
  }>;
  /** How rooms are given to agents. */
  routing(): Observable<Readonly<Record<string, unknown>>>;
  /** Whether chats can be given to us, or to another agent. */
  setAvailable(isAvailable: boolean, agent?: string): Observable<undefined>;
  setStatus(status: 'online' | 'away' | 'busy' | 'offline', message?: string): Observable<undefined>;

  /** Any request, as `encodeAction` makes it; its answer as it came. */
  request(request: RocketchatRequest): Observable<unknown>;
  /** Any call over the socket. In doubt when its answer is lost, unless it may be repeated. */
  call(method: string, params: readonly unknown[], options?: { readonly repeatable?: boolean }): Observable<unknown>;
  /**
   * A stream over the socket, `stream-` left out: `room-messages` with `__my_messages__`, or with the id of a room. Cold, lasts
   * over lost connections, and tells then since when there may be a gap.
   */
  stream(stream: string, eventName: string): Observable<RocketchatStreamNews>;

  /** Which server or workspace it is, when a program serves several. */
  readonly account: string | undefined;
  /** The server's version. Asked once. */
  readonly version$: Observable<string>;
  /** What has become of the connection, the latest first. Hot; completes after `close`. */
  readonly status$: Observable<RocketchatStatus>;
  /** What came over the socket and breaks the protocol. Hot. */
  readonly strays$: Observable<RocketchatStray>;
  /** Closes the connection for good: its calls fail, its streams complete. */
  disconnect(): void;
}

/**
 * A Rocket.Chat server with its LiveChat (Omnichannel), from 6.x to 8.x: https://developer.rocket.chat/apidocs (read 2025-03-01).
 *
 * Calls are cold: subscribing sends, unsubscribing aborts. Each emits once and completes. They go out in order for each route,
 * as many as the server allows, by what its answers tell; one that would wait longer than `maxWaitMs` is `throttled`. Our own
 * login is renewed when it has expired, once for all calls that meet that. Streams and typing share one socket: made for the
 * first, closed `lingerMs` after the last, made again with a growing pause when it is lost.
 *
 * Errors, all `ChatError` without tokens and texts: those of `rocketchatError`, with the server's code as `reason`; `unreachable`,
 * `timeout` and `undecodable`, in doubt where something may have been done; `unsupported` for what cannot be sent, such as an
 * empty message or an id that is none; `overflow` for what is too long, too large, or waits with too many others. After
 * `unauthorized` calls fail at once until there is another token or password.
 *
 * @throws TypeError when `url` is no http(s) address, or of the credentials something is missing; RangeError when a number is
 * out of range.
 */
export function rocketchatClient(config: RocketchatClientConfig): RocketchatClient {
  const settings = settingsOf(config.url, config);
  return new Calls(settings, new Logins(settings, config));
}
