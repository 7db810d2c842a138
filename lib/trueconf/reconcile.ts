import { asyncScheduler, catchError, concatMap, EMPTY, map, of, throwError, timer, zip } from 'rxjs';
import type { Observable, SchedulerLike } from 'rxjs';
import { toChatError } from '../errors.js';
import { isoClock } from '../iso-clock.js';
import type { Reconcile, SentBefore } from '../limit/reconcile.js';
import { delivered, type OutboundAction } from '../model/index.js';
import { above, atLeast } from '../range.js';
import type { TrueconfClient } from './client.js';
import type { TrueconfMessage } from './codec-content.js';
import { bareId, isSameUser } from './user-id.js';

export interface TrueconfReconcileConfig {
  readonly client: Pick<TrueconfClient, 'history' | 'message'>;
  /** The id of the bot, or its name without a host: the messages of others say nothing. */
  readonly bot: string;
  /** How far the clocks of server and program may be apart, in milliseconds. Default: 60 000. */
  readonly skewMs?: number;
  /** How long a request may still be on its way that had no answer, in milliseconds. Default: 5 000. */
  readonly waitMs?: number;
  /** How many messages are read back. Default: 50. */
  readonly count?: number;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** The ids of its messages, that it did not arrive, or nothing. */
type Found = readonly string[] | 'resend';

/**
 * Reads back what had no answer, for `outbox`: messages have no ids of ours on a TrueConf server, so that the history of the
 * chat has to tell.
 *
 *     outbox({ queue, store, reconcile: trueconfReconcile({ client, bot: 'opsbot' }) }, toTrueConf({ client }))
 *
 * Looks at the messages of the bot since the action was sent which no other action is known to have made: none says that it did
 * not arrive, one with its text or a file that it did, and anything else leaves it in doubt, as does a history that does not
 * reach back far enough. Edits and removals are read back by the id of their message. In doubt stay what opens a chat, what
 * goes to an operators' chat, and everything outside of an outbox. A program besides this one that writes under the same name
 * makes it say less; that it says the same words in the same minute, nobody can tell from an answer.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function trueconfReconcile(config: TrueconfReconcileConfig): Reconcile {
  const { client, bot, skewMs = 60_000, waitMs = 5_000, count = 50, scheduler = asyncScheduler } = config;
  atLeast('trueconfReconcile: skewMs', skewMs, 0);
  atLeast('trueconfReconcile: waitMs', waitMs, 0);
  above('trueconfReconcile: count', count, 0);
  const now = isoClock(scheduler);

  const inHistory = (action: OutboundAction, before: SentBefore, isIt: IsIt): Observable<Found> =>
    zip(client.history(action.conversation.id, { count }), before.messageIds).pipe(
      concatMap(([messages, known]) => {
        const since = Date.parse(before.at) - skewMs;
        const isRecent = ({ at }: TrueconfMessage): boolean => Date.parse(at) >= since;
        if (messages.length >= count && messages.every(isRecent)) return EMPTY;
        const unclaimed = messages.filter(
          (message) => isRecent(message) && isBy(bot, message) && !known.has(message.messageId),
        );
        if (unclaimed.length === 0) return of<Found>('resend');
        const found = unclaimed.find(isIt);
        return found === undefined ? EMPTY : of<Found>([found.messageId]);
      }),
    );
  /** It is gone when the server refuses to tell. */
  const byId = (id: string, isDone: (message: TrueconfMessage | undefined) => boolean): Observable<Found> =>
    client.message(id).pipe(
      catchError((thrown: unknown) => {
        return toChatError('trueconf', thrown).kind === 'refused' ? of(undefined) : throwError(() => thrown);
      }),
      map((message) => (isDone(message) ? [id] : 'resend')),
    );
  const look = (action: OutboundAction, before: SentBefore): Observable<Found> => {
    switch (action.kind) {
      case 'text':
      case 'choices':
      case 'links':
        return inHistory(action, before, ({ content }) => content.kind === 'text' && content.text === action.text);
      case 'media':
        return inHistory(
          action,
          before,
          ({ content }) => content.kind === 'file' && action.caption === content.caption,
        );
      case 'edit':
        return byId(action.messageId, (found) => found?.content.kind === 'text' && found.content.text === action.text);
      case 'remove':
        return byId(action.messageId, (found) => found === undefined);
      default:
        return EMPTY;
    }
  };
  return ({ action }, before) => {
    if (before === undefined) return EMPTY;
    return timer(waitMs, scheduler).pipe(
      concatMap(() => look(action, before)),
      map((found) => (found === 'resend' ? found : delivered(action, now(), found))),
    );
  };
}

type IsIt = (message: TrueconfMessage) => boolean;

/** A name without a host is that of everybody who has it: rather in doubt than twice. */
const isBy = (bot: string, { author: { id } }: TrueconfMessage): boolean =>
  isSameUser(id, bot) || isSameUser(bareId(id).split('@', 1)[0] ?? '', bot);
