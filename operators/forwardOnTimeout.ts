import { asyncScheduler, catchError, map, Observable, Subject, type OperatorFunction, type SchedulerLike } from 'rxjs';
import { accounts as programAccounts, type Accounts } from '../lib/accounts.js';
import { address, isReply } from '../lib/address.js';
import { consume } from '../lib/consume.js';
import { Deadlines, type Waiting } from '../lib/deadlines.js';
import {
  conversationKey,
  isAnswer,
  type Conversation,
  type HandoffTarget,
  type InboundEvent,
  type OutboundAction,
  type Outcome,
  type Reply,
} from '../lib/model/index.js';
import { above } from '../lib/range.js';
import { attach, traceOf, type Holder, type SettleListener, type Trace } from '../lib/trace.js';
import { lanes } from './lanes.js';
import type { Owner, Ownership } from './ownership.js';

export interface ForwardOnTimeoutConfig {
  /** Who answers; give the same to the sinks. */
  readonly desk: Ownership;
  /** How long a customer waits for an answer, in milliseconds, counted from `event.at`. */
  readonly afterMs: number;
  /** To whom the conversation goes then. */
  readonly to: HandoffTarget;
  /** For the person who takes over. */
  readonly comment?: string;
  /** What a customer waits for an answer to. Default: messages, choices, files, places and commands of customers. */
  readonly awaitsAnswer?: (event: InboundEvent) => boolean;
  /** When nobody takes over: the bot has the conversation again. Default: nothing more than that. */
  readonly onHandoffFailed?: HandoffFailedPolicy;
  /**
   * Whether a message stays open until it is answered or handed over, so that a queue delivers it again when the process
   * dies meanwhile; it counts as in flight then. Default: false.
   */
  readonly hold?: boolean;
  /** The books in which handoffs are counted, under `forwardOnTimeout`. Default: those of the program, `accounts`. */
  readonly accounts?: Accounts;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

export interface HandoffFailedPolicy {
  /** What the customer is told. */
  readonly say?: Reply | readonly Reply[];
  /** After how long it is tried again, in milliseconds; not when the conversation has ended. Default: never. */
  readonly retryAfterMs?: number;
}

const AWAITED: ReadonlySet<InboundEvent['kind']> = new Set(['message', 'choice', 'media', 'location', 'command']);

const fromCustomer = ({ kind, sender }: InboundEvent): boolean =>
  AWAITED.has(kind) && sender?.self !== true && (sender === undefined || sender.role === 'customer');

/**
 * Wraps a responder. A customer who has no answer after `afterMs` is handed to a person, once, and the bot is muted until
 * the person's side ends the conversation or gives it back.
 *
 *     customer   -m-------------|
 *     responder  ---------a-----     a: too late, the sink skips it as muted
 *     result     ------h--a-----|    afterMs: 5; h: the handoff
 *
 * An answer is an action that the customer can see and whose receipt is `delivered` or `unknown`: its trace tells. It stops
 * the clock of the message that it answers and of those before. On expiry the conversation's open events are cancelled as
 * `handedOff`, so that queued actions are dropped and lanes freed, and then the handoff goes out, accounted for under
 * `forwardOnTimeout`. A responder that hands over by itself does the same. Events of a conversation that a person has end
 * `handedOff` without being seen by the responder; `ended` gives it back to the bot, `handoffTaken` says that a person is
 * there, and `handoffFailed`, or a handoff that could not be delivered, is told to the responder and to `onHandoffFailed`.
 *
 * Keeps conversation, trace and deadline of what waits, not the event, and no custody unless `hold` says so: what waits
 * here alone does not count as in flight. Completes when the responder has completed and nobody waits. Errors: those of the source, of the responder
 * and of `awaitsAnswer`.
 *
 * @throws RangeError at the call, when a time is not above 0.
 */
export function forwardOnTimeout(
  config: ForwardOnTimeoutConfig,
  responder: OperatorFunction<InboundEvent, OutboundAction>,
): OperatorFunction<InboundEvent, OutboundAction> {
  const { desk, afterMs, to, comment, awaitsAnswer = fromCustomer, onHandoffFailed = {} } = config;
  const { hold = false, accounts = programAccounts, scheduler = asyncScheduler } = config;
  const { say = [], retryAfterMs } = onHandoffFailed;
  const replies: readonly Reply[] = isReply(say) ? [say] : say;
  above('forwardOnTimeout: afterMs', afterMs, 0);
  if (retryAfterMs !== undefined) above('forwardOnTimeout: onHandoffFailed.retryAfterMs', retryAfterMs, 0);

  return (source) =>
    new Observable<OutboundAction>((subscriber) => {
      const account = accounts.of('forwardOnTimeout');
      const events = new Subject<InboundEvent>();
      const waiting = new Map<string, Unanswered>();
      const retries = new Map<string, Waiting<Retry>>();
      let responded = false;
      let asking = 0;

      const completeWhenIdle = (): void => {
        if (responded && asking === 0 && waiting.size === 0 && retries.size === 0) subscriber.complete();
      };
      /** Asks the desk, which may take its time. What it cannot tell is `failed`'s business. */
      const ask = <R>(question: Observable<R>, then: (answer: R) => void, failed: () => void): void => {
        asking++;
        subscriber.add(
          question.pipe(map(then)).subscribe({
            error: () => {
              failed();
              asking--;
              completeWhenIdle();
            },
            complete: () => {
              asking--;
              completeWhenIdle();
            },
          }),
        );
      };

      const forget = (entry: Unanswered): void => {
        if (entry.deadline !== undefined) deadlines.remove(entry.deadline);
        entry.deadline = undefined;
        if (hold) entry.trace?.release(entry);
        entry.trace = undefined;
      };
      /** Nobody waits any more for this event and what came before it; without `id`, for anything. */
      const answered = (key: string, id: string | undefined): void => {
        let head = waiting.get(key);
        if (id !== undefined && !isAmong(head, id)) return;
        while (head !== undefined) {
          forget(head);
          const isLast = head.id === id;
          head = head.later;
          if (isLast) break;
        }
        if (head === undefined) waiting.delete(key);
        else waiting.set(key, head);
        completeWhenIdle();
      };
      const arm = (key: string, event: InboundEvent, trace: Trace | undefined): void => {
        const entry = new Unanswered(event.conversation, event.id, trace);
        if (hold) trace?.hold(entry);
        const head = waiting.get(key);
        if (head === undefined) waiting.set(key, entry);
        else {
          let last = head;
          while (last.later !== undefined) last = last.later;
          last.later = entry;
        }
        const at = Date.parse(event.at);
        entry.deadline = deadlines.add(entry, Number.isNaN(at) ? scheduler.now() : Math.min(at, scheduler.now()));
      };
      /** Everything that is open of a conversation is taken back, except what the handoff itself answers. */
      const takeBack = (key: string, except?: Trace): void => {
        const open: Trace[] = [];
        for (let entry = waiting.get(key); entry !== undefined; entry = entry.later) {
          if (entry.trace !== undefined && entry.trace !== except) open.push(entry.trace);
        }
        // The last first: a lane that gets free must not begin with the next.
        for (const trace of open.reverse()) trace.cancel('handedOff');
        answered(key, undefined);
      };

      const emit = (action: OutboundAction, listener?: SettleListener): void => {
        const trace = account.open(action);
        if (listener !== undefined) trace.onSettled(listener);
        subscriber.next(action);
        if (subscriber.closed) trace.abandon(account, 'failed', 'unsubscribed');
        else trace.release(account);
      };
      const handOver = (conversation: Conversation, cause: string, attempt: number): void => {
        const key = conversationKey(conversation);
        const id = attempt === 0 ? `${cause}#timeout` : `${cause}#timeout.${attempt}`;
        const goes = (): void => {
          takeBack(key);
          const base = { kind: 'handoff', id, conversation, cause, to } as const;
          emit(comment === undefined ? base : { ...base, comment }, {
            settled: (_, outcome) => {
              if (FAILED.has(outcome)) notTaken(conversation, cause, attempt);
            },
          });
        };
        ask(
          desk.handOver(conversation, id),
          (isOurs) => {
            if (isOurs) goes();
            else takeBack(key);
          },
          // In the hands of two is better than in nobody's.
          goes,
        );
      };
      /** Nobody took over: the bot has it again. */
      const notTaken = (conversation: Conversation, cause: string, attempt: number): void => {
        const key = conversationKey(conversation);
        const goOn = (): void => {
          replies.forEach((reply, n) => {
            emit(address(reply, `${cause}#untaken.${attempt}.${n}`, { id: cause, conversation }, undefined));
          });
          if (retryQueue !== undefined && !retries.has(key)) {
            retries.set(key, retryQueue.add({ key, conversation, cause, attempt: attempt + 1 }));
          }
        };
        ask(desk.returnToBot(conversation), goOn, goOn);
      };

      const deadlines = new Deadlines<Unanswered>(scheduler, afterMs, (entry) => {
        entry.deadline = undefined;
        handOver(entry.conversation, entry.id, 0);
      });
      const retryQueue =
        retryAfterMs === undefined
          ? undefined
          : new Deadlines<Retry>(scheduler, retryAfterMs, ({ key, conversation, cause, attempt }) => {
              retries.delete(key);
              handOver(conversation, cause, attempt);
            });

      /** Who has the conversation from this event on. */
      const ownerFrom = ({ kind, conversation }: InboundEvent): Observable<Owner> => {
        switch (kind) {
          case 'ended':
          case 'handoffFailed':
            return desk.returnToBot(conversation).pipe(map(() => 'bot' as const));
          case 'handoffTaken':
            return desk.taken(conversation).pipe(map(() => 'human' as const));
          default:
            return desk.touch(conversation);
        }
      };
      const take = (event: InboundEvent, owner: Owner): void => {
        const { kind, conversation, id } = event;
        const trace = traceOf(event);
        const key = trace?.keyOf(conversation) ?? conversationKey(conversation);
        if (kind === 'ended') {
          const retry = retries.get(key);
          if (retry !== undefined) retryQueue?.remove(retry);
          retries.delete(key);
          answered(key, undefined);
        } else if (kind === 'handoffFailed') notTaken(conversation, id, 0);
        else if (owner !== 'bot' && kind !== 'handoffTaken') {
          trace?.conclude('handedOff');
          return;
        } else if (awaitsAnswer(event)) arm(key, event, trace);
        events.next(event);
      };
      const pass = (action: OutboundAction): void => {
        const { kind, conversation } = action;
        if (kind === 'handoff') {
          // Taken by the sink when it goes out, behind what was said before it; here when it has arrived.
          const trace = traceOf(action);
          const arrived = (): void => {
            const key = conversationKey(conversation);
            const back = (): void => {
              takeBack(key, trace?.root);
            };
            ask(desk.handOver(conversation, action.id), back, back);
          };
          if (trace === undefined) arrived();
          else {
            trace.onSettled({
              settled: (_, outcome) => {
                if (ARRIVED.has(outcome)) arrived();
              },
            });
          }
        }
        if (isAnswer(action) || kind === 'end') {
          const trace = traceOf(action);
          if (hold && trace !== undefined && trace.root === trace) {
            // It travels under the trace of its event, which we hold: only one of its own can tell that it has arrived.
            const copy = { ...action };
            const fork = trace.fork(`${action.id}~`, HOLDER);
            attach(copy, fork);
            send(copy, fork);
            fork.release(HOLDER);
            return;
          }
          send(action, trace);
          return;
        }
        subscriber.next(action);
      };
      /** Emits what may be an answer, and listens whether it arrives. */
      const send = (action: OutboundAction, trace: Trace | undefined): void => {
        const { conversation, cause } = action;
        const key = trace?.keyOf(conversation) ?? conversationKey(conversation);
        if (trace === undefined) answered(key, cause);
        else if (waiting.has(key)) {
          trace.onSettled({
            settled: (_, outcome) => {
              if (ARRIVED.has(outcome)) answered(key, cause);
            },
          });
        }
        subscriber.next(action);
      };

      consume(responder(events), subscriber, {
        next: pass,
        complete: () => {
          responded = true;
          completeWhenIdle();
        },
      });
      subscriber.add(() => {
        deadlines.stop();
        retryQueue?.stop();
        for (const head of waiting.values()) {
          for (let entry: Unanswered | undefined = head; entry !== undefined; entry = entry.later) {
            if (hold) entry.trace?.release(entry, 'failed', 'unsubscribed');
          }
        }
        waiting.clear();
        events.complete();
      });
      const complete = (): void => {
        events.complete();
      };
      const { touchNow } = desk;
      if (touchNow !== undefined) {
        consume(source, subscriber, {
          next: (event) => {
            if (DESK_NEWS.has(event.kind)) ask(ownerFrom(event), take.bind(undefined, event), nothing);
            else take(event, touchNow(event.conversation));
          },
          complete,
        });
        return;
      }
      const placed = source.pipe(
        lanes({ name: 'forwardOnTimeout', key: ({ conversation }) => conversationKey(conversation) }, (event) =>
          ownerFrom(event).pipe(
            map((owner) => ({ event, owner })),
            catchError(() => {
              traceOf(event)?.conclude('failed', 'forwardOnTimeout: the store of the ownership failed');
              return [];
            }),
          ),
        ),
      );
      consume(placed, subscriber, {
        next: ({ event, owner }) => {
          take(event, owner);
        },
        complete,
      });
    });
}

const nothing = (): void => undefined;
const HOLDER: Holder = { name: 'forwardOnTimeout' };

/** Events that say who has the conversation. */
const DESK_NEWS: ReadonlySet<InboundEvent['kind']> = new Set(['ended', 'handoffFailed', 'handoffTaken']);

/** What a customer waits for an answer to. */
class Unanswered implements Holder {
  readonly name = 'forwardOnTimeout';
  readonly passive = true;
  deadline: Waiting<Unanswered> | undefined;
  /** The next of the same conversation. */
  later: Unanswered | undefined;

  constructor(
    readonly conversation: Conversation,
    readonly id: string,
    public trace: Trace | undefined,
  ) {}
}

interface Retry {
  readonly key: string;
  readonly conversation: Conversation;
  readonly cause: string;
  readonly attempt: number;
}

const ARRIVED: ReadonlySet<Outcome> = new Set<Outcome>(['handled', 'inDoubt']);
const FAILED: ReadonlySet<Outcome> = new Set<Outcome>(['failed', 'shed', 'ignored', 'expired']);

const isAmong = (head: Unanswered | undefined, id: string): boolean => {
  for (let entry = head; entry !== undefined; entry = entry.later) if (entry.id === id) return true;
  return false;
};
