import {
  asyncScheduler,
  catchError,
  defer,
  EMPTY,
  map,
  of,
  switchMap,
  take,
  throwError,
  throwIfEmpty,
  type Observable,
  type ObservableInput,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { ChatError, toChatError } from '../lib/errors.js';
import { isoClock } from '../lib/iso-clock.js';
import type { Reconcile } from '../lib/limit/reconcile.js';
import {
  delivered,
  skipped,
  type Conversation,
  type Media,
  type OutboundAction,
  type Receipt,
} from '../lib/model/index.js';
import { above } from '../lib/range.js';
import type { RocketchatFileToSend } from '../lib/rocketchat/files.js';
import { Outgoing, type OutgoingRules, type RocketchatOutbound, type Side } from '../lib/rocketchat/outgoing.js';
import { readBack } from '../lib/rocketchat/read-back.js';
import { Reopening } from '../lib/rocketchat/reopening.js';
import { LATE, TypingMarks } from '../lib/rocketchat/typing-marks.js';
import type { DownloadConfig } from '../lib/transport/download.js';
import { deliver } from '../operators/deliver.js';
import type { Ownership } from '../operators/ownership.js';

/** As whom actions are sent. */
export type RocketchatSide =
  | {
      /** The user that the client logs in as. */
      readonly as: 'agent';
      /**
       * Whether choices become buttons, which the widget shows, and hardly any other channel: see `rocketchatButtons`. A click
       * comes back as a message with the label. Default: false.
       */
      readonly hasButtons?: boolean;
      /** What a room is closed with where the action has no comment: servers ask for one by default. Default: `Closed`. */
      readonly closingComment?: string;
      /** How many characters a message may have: a setting of the server. Default: 5 000. */
      readonly maxTextLength?: number;
      readonly reopens?: never;
      readonly tokenOf?: never;
      readonly nameOf?: never;
    }
  | {
      /** The visitor whose conversation it is. */
      readonly as: 'visitor';
      /** The token of that visitor, which is in no action and in no receipt. */
      readonly tokenOf: (conversation: Conversation) => string | undefined | ObservableInput<string>;
      /** What agents see while the visitor is typing. Default: nothing, and `typing` is skipped. */
      readonly nameOf?: (conversation: Conversation) => string | undefined;
      /** How many characters a message may have: `maxTextLength` of the client's `config`. Default: no limit. */
      readonly maxTextLength?: number;
      /**
       * Whether a text or file for a room that is closed goes to a new one of the visitor, as what comes after it does: the source
       * tells of that room. Default: false, it is `failed` with `room-closed`.
       */
      readonly reopens?: boolean;
      readonly hasButtons?: never;
      readonly closingComment?: never;
    };

export type ToRocketChatConfig = RocketchatSide & {
  /** The client that `fromRocketChat` listens to. It keeps the limits of the server. */
  readonly client: RocketchatOutbound;
  /** Who answers, asked immediately before an action is sent: what somebody else's conversation is not to see is `skipped: muted`. */
  readonly desk?: Ownership;
  /**
   * Files that are not fetched by their address: of this machine, or of a store with credentials. Asked first; `undefined`
   * leaves a file to its address. Default: none.
   */
  readonly files?: (media: Media) => ObservableInput<RocketchatFileToSend> | undefined;
  /** Size limit of a file that is fetched, in bytes. Default: 50 MiB. */
  readonly maxFileBytes?: number;
  /** How files are fetched. Default: as `download` does, within 60 000 ms. */
  readonly downloads?: Pick<DownloadConfig, 'timeoutMs' | 'allowHttpLoopback' | 'fetch' | 'lookup'>;
  /** How many rooms are sent to at once. Default: no limit. */
  readonly concurrency?: number;
  /** How many actions may wait; what comes beyond is `skipped: shed`. Default: 100 000. */
  readonly maxQueued?: number;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
};

/** What somebody was typing, or makes that it does not matter any more. */
const ENDS_TYPING: ReadonlySet<string> = new Set(['text', 'choices', 'media', 'handoff', 'end']);
/** What `fallbackToText` writes out. */
const WRITABLE: ReadonlySet<string> = new Set(['choices', 'cards', 'links', 'navigate']);

const nobody = (): ChatError =>
  new ChatError('unsupported', 'rocketchat', 'no visitor is known whose conversation it is', { reason: 'noVisitor' });

/** The side of a conversation, at once where it is known. */
const sideOf = (config: RocketchatSide, conversation: Conversation): Side | Observable<Side> => {
  if (config.as === 'agent') {
    const { hasButtons = false, closingComment, maxTextLength = 5_000 } = config;
    return { as: 'agent', hasButtons, closingComment, maxTextLength };
  }
  const { tokenOf, nameOf, maxTextLength = Infinity } = config;
  const found = tokenOf(conversation);
  if (found === undefined) throw nobody();
  const of = (token: string): Side => ({ as: 'visitor', token, name: nameOf?.(conversation), maxTextLength });
  if (typeof found === 'string') return of(found);
  return defer(() => found).pipe(take(1), throwIfEmpty(nobody), map(of));
};

/**
 * Sends actions to rooms of LiveChat, as an agent or as their visitors, in order within a room, which never waits for another.
 *
 * | action | as an agent | as a visitor |
 * | --- | --- | --- |
 * | `text` | plain or markdown, as it stands | the same |
 * | `choices` | buttons, with `hasButtons` | - |
 * | `media` | a file from its address (https, `data:`), from `files`, of the server, or by the id of `uploadMedia` | the same, without an id |
 * | `edit`, `remove` | one's own messages | the same |
 * | `typing` | until the next message, or for `forMs`, at most a minute | with `nameOf` |
 * | `handoff` | to an agent, a department, or back to the queue (`any`, from 7.12) | to a department |
 * | `end` | closes, with a comment | closes |
 * | `forward` | a copy of the message, or of its file, in another room | - |
 * | `note` | the topic of the room | - |
 * | `updateContact` | name, e-mail, telephone, custom fields | the same |
 * | `updateConversation` | topic, tags, custom fields | - |
 * | `platform` | `POST` to a route, with its payload | the same |
 *
 * All others are `skipped: unsupported`; put `fallbackToText()` in front.
 *
 * A message has an id that is made of the action's: sent again, it is one message. What had no answer is `unknown`;
 * `rocketchatReconcile` reads it back, for `retryDelivery` and `rateLimit`. A room that is closed is `failed` with the server's
 * code as the reason (`room-closed`), unless a visitor `reopens`; closing it again is `delivered`. A handoff is looked at before it is `delivered`: a room
 * that waits is taken for the agent, and `failed` with `conflict` when somebody else was faster.
 *
 * Clients show that somebody is typing until they are told otherwise: that is taken away with the next message, or when the time
 * is over, or at the end. The server takes few such calls: one whose turn does not come within 3 s is `skipped: superseded`, so that
 * what waits behind it goes out.
 *
 * What would break the server's limits waits in the client, and is `failed` with `throttled` beyond its `maxWaitMs`. Completes
 * when the source has completed and every action has its receipt. Errors: those of the source.
 *
 * @throws TypeError at the call, when nobody says whose conversation it is; RangeError when a number is out of range.
 */
export function toRocketChat(config: ToRocketChatConfig): OperatorFunction<OutboundAction, Receipt> {
  const { desk, concurrency, maxQueued, scheduler = asyncScheduler } = config;
  const outgoing = outgoingOf('toRocketChat', config);
  const now = isoClock(scheduler);
  const sent = (way: Outgoing, action: OutboundAction, marks: TypingMarks): Observable<readonly string[]> => {
    const rid = action.conversation.id;
    if (action.kind === 'typing') return marks.on(rid, way.typing(action), action.forMs).pipe(map(() => []));
    return ENDS_TYPING.has(action.kind) ? defer(() => way.send(action)).pipe(marks.until(rid)) : way.send(action);
  };
  const sending = (action: OutboundAction, marks: TypingMarks): Observable<Receipt> =>
    defer(() => {
      const { platform } = action.conversation;
      if (platform !== 'rocketchat')
        throw new ChatError('unsupported', 'rocketchat', `a conversation of ${platform} is none of ours`);
      return through(outgoing(action.conversation), (way) => sent(way, action, marks));
    }).pipe(
      map((ids) => delivered(action, now(), ids)),
      catchError((thrown: unknown) => {
        const error = toChatError('rocketchat', thrown);
        if (error.reason === LATE) return of(skipped(action, now(), 'superseded', error.message));
        // What a server is too old for was not done either.
        if (error.kind !== 'unsupported' || error.inDoubt) return throwError(() => error);
        const hint = WRITABLE.has(action.kind) ? '; fallbackToText() writes it out' : '';
        return of(skipped(action, now(), 'unsupported', `${error.message}${hint}`));
      }),
    );
  const rules = {
    name: 'toRocketChat',
    scheduler,
    ...(desk !== undefined && { desk }),
    ...(concurrency !== undefined && { concurrency }),
    ...(maxQueued !== undefined && { maxQueued }),
  };
  // Tells of numbers that are out of range, at the call.
  deliver(rules, () => EMPTY);
  return (actions) =>
    defer(() => {
      const marks = new TypingMarks(scheduler);
      return marks.beside(actions.pipe(deliver(rules, (action) => sending(action, marks))));
    });
}

/** How what is in doubt is read back. */
export type RocketchatReconcileConfig = RocketchatSide & Pick<ToRocketChatConfig, 'client' | 'scheduler'>;

/**
 * Reads back what had no answer, for `retryDelivery` and `rateLimit`, with the config of the sink:
 *
 *     retryDelivery({ reconcile: rocketchatReconcile(config) }, toRocketChat(config))
 *
 * Messages, edits and removals by their ids, and whether a room is closed, or is where it was given to. What has no id of ours, such as a file, stays in doubt.
 *
 * @throws TypeError at the call, when nobody says whose conversation it is.
 */
export function rocketchatReconcile(config: RocketchatReconcileConfig): Reconcile {
  const { client, scheduler = asyncScheduler } = config;
  const outgoing = outgoingOf('rocketchatReconcile', config);
  const now = isoClock(scheduler);
  return ({ action }) =>
    defer(() =>
      through(outgoing(action.conversation), (way) =>
        readBack(action, client, (rid, id) => way.message(rid, id), way.visitor),
      ),
    ).pipe(map((found) => (found === 'resend' ? found : delivered(action, now(), found))));
}

const through = <T>(way: Outgoing | Observable<Outgoing>, what: (way: Outgoing) => Observable<T>): Observable<T> =>
  way instanceof Outgoing ? what(way) : way.pipe(switchMap(what));

const outgoingOf = (
  caller: string,
  config: Omit<ToRocketChatConfig, 'as'> & RocketchatSide,
): ((conversation: Conversation) => Outgoing | Observable<Outgoing>) => {
  const { client, files, maxFileBytes: maxBytes = 52_428_800, scheduler = asyncScheduler } = config;
  above(`${caller}: maxFileBytes`, maxBytes, 0);
  const { as, maxTextLength = 1 } = config;
  above(`${caller}: maxTextLength`, maxTextLength, 0);
  // The types demand it; a program without types may forget it.
  const side: unknown = as;
  if (side !== 'agent' && side !== 'visitor') throw new TypeError(`${caller}: as must be agent or visitor`);
  if (as === 'visitor' && typeof config.tokenOf !== 'function')
    throw new TypeError(`${caller}: tokenOf must say whose conversation it is`);
  const downloads = { timeoutMs: 60_000, ...config.downloads, scheduler };
  const rules: OutgoingRules = {
    client,
    fetching: { platform: 'rocketchat', maxBytes, downloads },
    reopening: config.reopens === true ? new Reopening() : undefined,
    files: (media) => {
      const given = files?.(media);
      return given === undefined ? undefined : defer(() => given).pipe(take(1));
    },
  };
  return (conversation) => {
    const side = sideOf(config, conversation);
    return 'as' in side ? new Outgoing(rules, side) : side.pipe(map((found) => new Outgoing(rules, found)));
  };
};
