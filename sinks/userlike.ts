import { either as E } from 'fp-ts';
import {
  asyncScheduler,
  catchError,
  forkJoin,
  map,
  mergeMap,
  Observable,
  of,
  Subject,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { consume } from '../lib/consume.js';
import type { Exchange } from '../lib/http-receiver/exchange.js';
import { isoClock } from '../lib/iso-clock.js';
import { toChatError } from '../lib/errors.js';
import {
  conversationKey,
  delivered,
  failed,
  outcomeOf,
  skipped,
  skipReasonOf,
  touches,
  unknown,
  type OutboundAction,
  type Receipt,
} from '../lib/model/index.js';
import { profileFinder, renderingOf } from '../lib/profiles/index.js';
import { traceOf, type Holder, type Trace } from '../lib/trace.js';
import type { UserlikeClient } from '../lib/userlike/client.js';
import type { UserlikeDialect } from '../lib/userlike/dialect.js';
import { encodeAction, listOrder } from '../lib/userlike/encode.js';
import { receiverOf, type UserlikeWebhook, type WireEvents } from '../lib/userlike/webhook.js';
import { mayGo, type Ownership } from '../operators/ownership.js';
import { rateLimit } from '../operators/rateLimit.js';
import { userlikeDialect } from '../lib/userlike/dialect.js';
import { canAsk, ParkedAction } from './parked-action.js';

export interface ToUserlikeConfig {
  readonly client: UserlikeClient;
  /** The webhook whose open requests take actions as their direct answer. Default: everything goes by the API URL. */
  readonly webhook?: UserlikeWebhook;
  /** Who answers, asked immediately before an action goes out: what somebody else's conversation is not to see is `skipped: muted`. */
  readonly desk?: Ownership;
  /** Keys of the wire that are spelled otherwise in your account. Default: none. */
  readonly dialect?: Partial<UserlikeDialect>;
  /** The platform's limit of API requests a session. Default: 20 in 60 000 ms. */
  readonly limit?: number;
  readonly perMs?: number;
  /** How many actions of a session go out as one request. Default: 50. */
  readonly coalesce?: number;
  /** How often a request is sent at most, when the platform throttles it or cannot be reached. Default: 5. */
  readonly attempts?: number;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * Sends actions to Userlike: as the direct answer of the oldest webhook request of the session that is still open, else by
 * the API URL. In order within a session, which never waits for another.
 *
 * A receipt is `delivered` with `via` `direct` when the answer was handed to the socket, `unknown` when the socket closed
 * before; a direct answer is never repeated, and its errors are known to nobody. Files always go by the API URL, because
 * only there errors come back, and so does everything of a session that is behind a call. The API's limit of 20 requests a
 * minute and session is kept: what waits of a session goes out as one list, except for files and `platform` actions, with
 * which the platform would refuse the whole list; `handoff` and `end` go first.
 *
 * Completes when the source has completed and every action has its receipt. Errors: those of the source.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function toUserlike(config: ToUserlikeConfig): OperatorFunction<OutboundAction, Receipt> {
  const { client, limit = 20, perMs = 60_000, coalesce = 50, attempts = 5, scheduler = asyncScheduler } = config;
  const { desk } = config;
  const dialect: UserlikeDialect = { ...userlikeDialect, ...config.dialect };
  const webhook = config.webhook === undefined ? undefined : receiverOf(config.webhook);
  const profileOf = profileFinder();
  const now = isoClock(scheduler);

  const call = (actions: readonly OutboundAction[]): Observable<readonly Receipt[]> => {
    const events = listOrder(actions.flatMap((action) => E.getOrElseW(() => [])(encodeAction(action, dialect))));
    return (events.length === 0 ? of(undefined) : client.send(events)).pipe(
      map(() => actions.map((action) => delivered(action, now(), [], 'api'))),
      catchError((thrown: unknown) => {
        const error = toChatError('userlike', thrown);
        return of(
          actions.map((action) => (error.inDoubt ? unknown(action, now(), error) : failed(action, now(), error))),
        );
      }),
    );
  };
  const send: OperatorFunction<readonly OutboundAction[], readonly Receipt[]> = mergeMap((actions) => {
    if (desk === undefined) return call(actions);
    return forkJoin(actions.map((action) => mayGo(desk, action))).pipe(
      mergeMap((answers) => {
        const going = actions.filter((_, index) => answers[index]);
        return (going.length === 0 ? of([]) : call(going)).pipe(
          map((receipts) => {
            const told = new Map(receipts.map((receipt) => [receipt.action, receipt]));
            return actions.map((action) => told.get(action) ?? skipped(action, now(), 'muted'));
          }),
        );
      }),
      catchError((thrown: unknown) => {
        const error = toChatError('userlike', thrown);
        return of(actions.map((action) => failed(action, now(), error)));
      }),
    );
  });
  // A list is refused as a whole, and these may be refused for what they are.
  const together = (before: OutboundAction, next: OutboundAction): boolean =>
    !ALONE.has(before.kind) && !ALONE.has(next.kind);
  const byApi = rateLimit({ limit, perMs, coalesce, together, attempts, scheduler }, send);

  return (source) =>
    new Observable<Receipt>((subscriber) => {
      const calls = new Subject<OutboundAction>();
      const sessions = new Map<string, Session>();
      /** What of a session is in an answer that is not out. */
      const answers = new Map<string, Answering>();
      let waiting = 0;
      let completed = false;

      const completeWhenIdle = (): void => {
        if (completed && waiting === 0 && [...sessions.values()].every(({ gate }) => gate.length === 0))
          calls.complete();
      };
      const left = (key: string): void => {
        waiting--;
        const answering = answers.get(key);
        if (answering !== undefined && --answering.left === 0) answers.delete(key);
      };
      const receive = (parked: ParkedAction<WireEvents>, receipt: Receipt): void => {
        if (touches(receipt)) parked.trace?.touch();
        left(keyOf(parked.action, parked.trace));
        subscriber.next(receipt);
        parked.trace?.release(parked, outcomeOf(receipt));
        completeWhenIdle();
      };
      const sessionOf = (key: string): Session => {
        let session = sessions.get(key);
        if (session === undefined) sessions.set(key, (session = { calls: 0, gate: [], gated: false }));
        return session;
      };
      const keyOf = ({ conversation }: OutboundAction, trace: Trace | undefined): string =>
        trace?.keyOf(conversation) ?? conversationKey(conversation);
      /** Ahead of what waits at a gate, which came later. */
      const resend = (parked: ParkedAction<WireEvents>): void => {
        const { action, trace } = parked;
        const key = keyOf(action, trace);
        left(key);
        sessionOf(key).calls++;
        calls.next(action);
        trace?.release(parked);
        completeWhenIdle();
      };
      const skip = (receipt: Receipt): void => {
        subscriber.next(receipt);
        traceOf(receipt.action)?.conclude(
          outcomeOf(receipt),
          receipt.status === 'skipped' ? receipt.detail : undefined,
        );
      };

      const sending = byApi(calls).subscribe({
        next: (receipt) => {
          const key = conversationKey(receipt.action.conversation);
          const session = sessions.get(key);
          if (session !== undefined && --session.calls === 0) sessions.delete(key);
          subscriber.next(receipt);
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          subscriber.complete();
        },
      });
      subscriber.add(sending);
      subscriber.add(() => {
        for (const { gate } of sessions.values()) {
          for (const { action, holder } of gate.splice(0)) traceOf(action)?.release(holder, 'failed', 'unsubscribed');
        }
      });
      consume(source, subscriber, {
        next: (action) => {
          const { conversation, kind } = action;
          const trace = traceOf(action);
          if (trace?.cancelled === true) {
            skip(skipped(action, now(), skipReasonOf(trace.outcome)));
            return;
          }
          if (renderingOf(action, profileOf(conversation)) === 'rejected') {
            skip(skipped(action, now(), 'unsupported', `userlike: ${kind} has no meaning on ${conversation.channel}`));
            return;
          }
          const encoded = encodeAction(action, dialect);
          if (E.isLeft(encoded)) {
            skip(skipped(action, now(), 'unsupported', encoded.left.message));
            return;
          }
          const key = keyOf(action, trace);
          const open = webhook?.exchangeOf(key);
          const answering = answers.get(key);
          // The answer that is being written comes before that of a later request, too.
          const exchange = answering?.exchange ?? open;
          const isNext = exchange !== undefined && exchange === open && !sessions.has(key);
          if (isNext && kind !== 'media' && canAsk(desk, action)) {
            waiting++;
            if (answering === undefined) answers.set(key, { exchange, left: 1 });
            else answering.left++;
            exchange.park(new ParkedAction('toUserlike', action, encoded.right, exchange, desk, now, receive, resend));
            return;
          }
          const session = sessionOf(key);
          session.calls++;
          if (exchange !== undefined && !session.gated) {
            // What is in the answer comes first; it goes out now, and the call after it.
            session.gated = true;
            hold(session, action);
            exchange.afterwards(() => {
              session.gated = false;
              for (const { action: waiting, holder } of session.gate.splice(0)) {
                calls.next(waiting);
                traceOf(waiting)?.release(holder);
              }
              completeWhenIdle();
            });
            exchange.answer();
          } else if (session.gated) hold(session, action);
          else calls.next(action);
        },
        complete: () => {
          completed = true;
          completeWhenIdle();
        },
      });
    });
}

const ALONE: ReadonlySet<string> = new Set(['media', 'platform']);

/** What of a session goes by the API URL, and what waits for an answer that must go out before. */
interface Session {
  calls: number;
  gated: boolean;
  readonly gate: { readonly action: OutboundAction; readonly holder: Holder }[];
}

interface Answering {
  readonly exchange: Exchange<WireEvents>;
  left: number;
}

const hold = ({ gate }: Session, action: OutboundAction): void => {
  const holder: Holder = { name: 'toUserlike' };
  traceOf(action)?.hold(holder);
  gate.push({ action, holder });
};
