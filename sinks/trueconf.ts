import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import {
  asyncScheduler,
  catchError,
  concat,
  concatMap,
  defer,
  from,
  map,
  of,
  switchMap,
  throwError,
  toArray,
  type Observable,
  type ObservableInput,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { CallLanes } from '../lib/call-lanes.js';
import { ChatError, toChatError } from '../lib/errors.js';
import { isoClock } from '../lib/iso-clock.js';
import {
  delivered,
  skipped,
  type Conversation,
  type HandoffAction,
  type Media,
  type MediaAction,
  type NoteAction,
  type OpenConversationAction,
  type OutboundAction,
  type Receipt,
} from '../lib/model/index.js';
import { above, atLeast } from '../lib/range.js';
import type { Seat } from '../lib/seat.js';
import { split } from '../lib/text/split.js';
import type { DownloadConfig } from '../lib/transport/download.js';
import type { TrueconfClient } from '../lib/trueconf/client.js';
import { encodeAction, encodeText, type TrueconfRequest } from '../lib/trueconf/codec-action.js';
import { decodeAnswer } from '../lib/trueconf/codec-answer.js';
import { englishSeatTexts, handOver, nameOfChat, partly, type TrueconfSeatTexts } from '../lib/trueconf/handoff.js';
import { MAX_TEXT } from '../lib/trueconf/markup.js';
import { outgoingFile, type TrueconfFileOfYours } from '../lib/trueconf/outgoing-file.js';
import { personalChatsOf } from '../lib/trueconf/personal-chats.js';
import { deliver } from '../operators/deliver.js';
import type { Ownership } from '../operators/ownership.js';

/** What `toTrueConf` needs of a client. */
export type TrueconfOutbound = Pick<
  TrueconfClient,
  'server' | 'request' | 'upload' | 'download' | 'createPersonalChat' | 'chat' | 'history' | 'sendText' | 'forward'
>;

export interface ToTrueConfConfig {
  /** The client that `fromTrueConf` listens to: both share its connection. */
  readonly client: TrueconfOutbound;
  /** Who answers, asked immediately before an action is sent: what somebody else's conversation is not to see is `skipped: muted`. */
  readonly desk?: Ownership;
  /** Whether the server shows buttons, and that the bot is typing: from about 5.5.6. See `trueconfButtons`. Default: false. */
  readonly hasButtons?: boolean;
  /** Where operators sit: what `handoff` and `note` need. Default: nowhere. */
  readonly seat?: Seat;
  /** How many messages of a customer's chat are forwarded to the operators. Default: 20. */
  readonly transcript?: number;
  /** The words that operators read. Default: English. */
  readonly texts?: Partial<TrueconfSeatTexts>;
  /**
   * Files that are not fetched by their address: of this machine, or of a store with credentials. Asked first; `undefined`
   * leaves a file to its address. Default: none.
   */
  readonly files?: (media: Media) => ObservableInput<TrueconfFileOfYours> | undefined;
  /** Size limit of a file that is fetched, in bytes. Default: 50 MiB. */
  readonly maxFileBytes?: number;
  /** Up to what size a picture is its own preview, in bytes; larger ones are documents. Default: 1 MiB. */
  readonly maxPreviewBytes?: number;
  /** How files are fetched. Default: as `download` does, within 60 000 ms. */
  readonly downloads?: Pick<DownloadConfig, 'timeoutMs' | 'allowHttpLoopback' | 'fetch' | 'lookup'>;
  /** Whose personal chat it is, where the program knows: one that is gone is made again. Default: those that were told of. */
  readonly userOf?: (conversation: Conversation) => string | undefined;
  /** How many chats are sent to at once. Default: no limit. */
  readonly concurrency?: number;
  /** How many actions may wait; what comes beyond is `skipped: shed`. Default: 100 000. */
  readonly maxQueued?: number;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** What answers with the id of what can be seen. */
const POSTING = ['sendMessage', 'sendFile', 'sendSurvey', 'forwardMessage', 'editMessage'] as const;
const isPosting = (method: string): method is (typeof POSTING)[number] =>
  (POSTING as readonly string[]).includes(method);
const Identified = t.type({ messageId: t.string });
/** What `fallbackToText` writes out. */
const WRITABLE: ReadonlySet<string> = new Set(['choices', 'cards', 'links', 'navigate']);

/**
 * Sends actions to TrueConf, in order within a chat, which never waits for another.
 *
 * | action | |
 * | --- | --- |
 * | `text` | plain, markdown or html as it stands; `trueconfMention` and `trueconfBreaks` help. Up to 4 096 characters |
 * | `choices`, `links` | buttons, with `hasButtons`; a click is a `choice` event |
 * | `media` | a file from its address (https, `data:`), from `files`, or of the server by its id: pictures with a preview, `sticker/webp` as a sticker, others as documents; a long caption goes in front |
 * | `survey`, `edit`, `remove`, `forward` | what they say; removed for all |
 * | `typing` | with `hasButtons` |
 * | `openConversation` | the personal chat with that user, and its text |
 * | `handoff` | with a `seat`: a heading and the last messages, forwarded to the operators |
 * | `note` | with a `seat`: a message to the operators |
 * | `platform` | any method with its payload |
 * | all others | `skipped: unsupported`; put `fallbackToText()` in front |
 *
 * A receipt is `delivered` with the ids of the messages, `unknown` when the connection was lost before the answer, and
 * `failed` otherwise: with `overflow` for what is too long, before it is sent. A handoff is delivered once its heading is:
 * a message that cannot be forwarded is left out, and the operators are told. What is done in part and then fails, such as a
 * caption without its file, is `unknown` too: it is never done again by itself. A personal chat that is gone (304) is made
 * again, once, where it is known whose it is.
 *
 * TrueConf publishes no limit of its requests; to keep one, put `rateLimit(config, toTrueConf(…))`. Completes when the source
 * has completed and every action has its receipt. Errors: those of the source.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function toTrueConf(config: ToTrueConfConfig): OperatorFunction<OutboundAction, Receipt> {
  const { client, desk, hasButtons = false, seat, transcript = 20, files, userOf, concurrency, maxQueued } = config;
  const { maxFileBytes = 52_428_800, maxPreviewBytes = 1_048_576, scheduler = asyncScheduler } = config;
  atLeast('toTrueConf: transcript', transcript, 0);
  above('toTrueConf: maxFileBytes', maxFileBytes, 0);
  atLeast('toTrueConf: maxPreviewBytes', maxPreviewBytes, 0);
  const texts = { ...englishSeatTexts, ...config.texts };
  const downloads = { timeoutMs: 60_000, ...config.downloads, scheduler };
  const outgoing = { client, files, maxFileBytes, maxPreviewBytes, downloads };
  const dialect = { server: client.server, hasButtons };
  const chats = personalChatsOf(client);
  // Two customers at once would stand mixed up before the operators.
  const desks = new CallLanes('toTrueConf', Infinity, maxQueued ?? 100_000);
  const now = isoClock(scheduler);

  /** The ids of what was posted. */
  const ask = (request: TrueconfRequest): Observable<readonly string[]> => {
    const { method } = request;
    return client.request(request).pipe(
      map((answer) => {
        if (!isPosting(method)) return Identified.is(answer) ? [answer.messageId] : [];
        const decoded = decodeAnswer(method, answer);
        if (E.isLeft(decoded)) throw decoded.left;
        return [decoded.right.messageId];
      }),
    );
  };
  /** A personal chat that is gone is made again. */
  const post = (request: TrueconfRequest, conversation: Conversation): Observable<readonly string[]> =>
    ask(request).pipe(
      catchError((thrown: unknown) => {
        const { method, payload } = request;
        const isGone = thrown instanceof ChatError && thrown.reason === '304' && payload['chatId'] === conversation.id;
        const user = isGone ? (userOf?.(conversation) ?? chats.userOf(conversation.id)) : undefined;
        if (user === undefined) return throwError(() => thrown);
        return client.createPersonalChat(user).pipe(
          switchMap(({ chatId }) => {
            // What it would answer is gone as well.
            const { replyMessageId: _, ...rest } = payload;
            return ask({ method, payload: { ...rest, chatId } });
          }),
        );
      }),
    );
  const right = <T>(encoded: E.Either<ChatError, T>): T => {
    if (E.isLeft(encoded)) throw encoded.left;
    return encoded.right;
  };
  const saying = (chatId: string, text: string): TrueconfRequest => ({
    method: 'sendMessage',
    payload: { chatId, content: right(encodeText(text)) },
  });

  /** Nothing can be seen before the file is on the server. */
  const sendMedia = (action: MediaAction): Observable<readonly string[]> =>
    outgoingFile(action.media, outgoing).pipe(
      switchMap(({ file, preview }) => client.upload(file, preview === undefined ? {} : { preview })),
      switchMap((fileId) => {
        const { caption = '', conversation } = action;
        const { caption: _, ...bare } = action;
        const isLong = E.isLeft(encodeText(caption));
        const whole = caption === '' || isLong ? bare : action;
        const file = post(right(encodeAction({ ...whole, media: { fileId } }, dialect)), conversation);
        if (!isLong) return file;
        let seen = 0;
        return concat(
          ...split(caption, MAX_TEXT).map((part) => post(saying(conversation.id, part), conversation)),
          file,
        ).pipe(
          map((ids) => {
            seen++;
            return ids;
          }),
          catchError((thrown: unknown) => throwError(() => (seen === 0 ? thrown : partly('media', thrown)))),
          toArray(),
          map((lists) => lists.flat()),
        );
      }),
    );
  const open = ({ with: user, text }: OpenConversationAction): Observable<readonly string[]> =>
    defer(() => {
      if (text !== undefined) right(encodeText(text));
      return client.createPersonalChat(user).pipe(
        switchMap(({ chatId }) => {
          chats.learn(chatId, user);
          return text === undefined ? of([]) : ask(saying(chatId, text));
        }),
      );
    });
  const atSeat = (action: HandoffAction | NoteAction, there: Seat): Observable<readonly string[]> => {
    const { conversation } = action;
    const full = (): ChatError => new ChatError('overflow', 'trueconf', 'too much waits for the chat of the operators');
    if (action.kind === 'handoff') {
      const handover = { client, seat: there, texts, transcript };
      return desks.run('seat', () => handOver(action, handover), full);
    }
    const noted = nameOfChat(client, conversation.id).pipe(
      switchMap((name) => ask(saying(there.conversation.id, texts.note(name, action.text)))),
      concatMap((ids) =>
        there.link(ids, conversation).pipe(
          toArray(),
          map(() => ids),
          catchError((thrown: unknown) => throwError(() => partly('note', thrown))),
        ),
      ),
    );
    return desks.run('seat', () => noted, full);
  };

  const sent = (action: OutboundAction): Observable<readonly string[]> => {
    switch (action.kind) {
      case 'media':
        return sendMedia(action);
      case 'openConversation':
        return open(action);
      case 'handoff':
      case 'note':
        if (seat !== undefined) return atSeat(action, seat);
        throw new ChatError('unsupported', 'trueconf', `${action.kind} needs a seat, the chat of the operators`);
      default:
        return post(right(encodeAction(action, dialect)), action.conversation);
    }
  };
  const send = (action: OutboundAction): Observable<Receipt> =>
    defer(() => {
      const { conversation } = action;
      for (const { platform } of action.kind === 'forward' ? [conversation, action.to] : [conversation]) {
        if (platform === 'trueconf') continue;
        throw new ChatError('unsupported', 'trueconf', `a conversation of ${platform} is none of ours`);
      }
      return sent(action);
    }).pipe(
      map((ids) => delivered(action, now(), ids)),
      catchError((thrown: unknown) => {
        const error = toChatError('trueconf', thrown);
        // What a server is too old for was not done either.
        if (error.kind !== 'unsupported' || error.inDoubt) return throwError(() => error);
        const hint = WRITABLE.has(action.kind) ? '; fallbackToText() writes it out' : '';
        return from([skipped(action, now(), 'unsupported', `${error.message}${hint}`)]);
      }),
    );

  return deliver(
    {
      name: 'toTrueConf',
      scheduler,
      ...(desk !== undefined && { desk }),
      ...(concurrency !== undefined && { concurrency }),
      ...(maxQueued !== undefined && { maxQueued }),
    },
    send,
  );
}
