import {
  asyncScheduler,
  catchError,
  map,
  mergeMap,
  Observable,
  Subject,
  type ObservableInput,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { accounts as programAccounts, type Accounts } from '../lib/accounts.js';
import { address, isReply } from '../lib/address.js';
import { consume } from '../lib/consume.js';
import { Deadlines } from '../lib/deadlines.js';
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
import { ARRIVED } from '../lib/responder.js';
import { Entry, Talk } from '../lib/talk.js';
import { attach, traceOf, type Holder, type Trace } from '../lib/trace.js';
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
  /** What the customer is told, once. */
  readonly say?: Reply | readonly Reply[];
  /**
   * After how long it is tried again, in milliseconds; doubles each time, up to an hour. Not when the conversation has ended
   * or somebody took it. Default: never.
   */
  readonly retryAfterMs?: number;
  /** How often it is tried again. Default: 5. */
  readonly attempts?: number;
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
 * the clock of the message that it answers and of those before; a person's (`by`), of all. On expiry the conversation's open
 * events are cancelled as `handedOff`, so that queued actions are dropped and lanes freed, and then the handoff goes out,
 * accounted for under `forwardOnTimeout`. A responder that hands over by itself does the same. Events of a conversation that a person has end
 * `handedOff` without being seen by the responder; `ended` gives it back to the bot, `handoffTaken` says that a person is
 * there. After `handoffFailed`, which the responder sees, or a handoff that could not be delivered, the bot has it again,
 * also where the stream has ended meanwhile, and `onHandoffFailed` says what else happens.
 *
 * Keeps conversation, trace and deadline of what waits, not the event, and no custody unless `hold` says so: what waits
 * here alone does not count as in flight. What waits of a conversation has no bound of its own. Completes when the responder has completed and nobody waits. Errors: those of the source, of the responder
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
  const { say = [], retryAfterMs, attempts = 5 } = onHandoffFailed;
  const replies: readonly Reply[] = isReply(say) ? [say] : say;
  above('forwardOnTimeout: afterMs', afterMs, 0);
  if (retryAfterMs !== undefined) above('forwardOnTimeout: onHandoffFailed.retryAfterMs', retryAfterMs, 0);

  return (source) =>
    new Observable<OutboundAction>((subscriber) => {
      const account = accounts.of('forwardOnTimeout');
      const events = new Subject<InboundEvent>();
      const talks = new Map<string, Talk>();
      /** Events that the responder answered by a handoff. */
      const handing = new WeakSet<Trace>();
      let responded = false;
      let asking = 0;
      /** Messages that are not answered, and handoffs that are tried again. */
      let pending = 0;

      const completeWhenIdle = (): void => {
        if (responded && asking === 0 && pending === 0) subscriber.complete();
      };
      /**
       * Asks the desk, which may take its time; without an answer, it cannot tell. Not a part of the subscription: what it writes
       * is written then, and somebody must know of it.
       */
      const ask = <R>(question: Observable<R>, then: (answer?: R) => void): void => {
        asking++;
        question
          .pipe(map(then))
          .subscribe({
            error: () => {
              then();
            },
          })
          .add(() => {
            asking--;
            completeWhenIdle();
          });
      };

      const talkOf = (key: string, conversation: Conversation): Talk => {
        let talk = talks.get(key);
        if (talk === undefined) talks.set(key, (talk = new Talk(key, conversation, forgetIdle)));
        return talk;
      };
      const forgetIdle = (talk: Talk): void => {
        if (talk.isIdle && talks.get(talk.key) === talk) talks.delete(talk.key);
      };
      /** Nobody waits for an answer to it any more. */
      const settle = (entry: Entry): void => {
        if (entry.deadline !== undefined) deadlines.remove(entry.deadline);
        entry.deadline = undefined;
        if (!entry.awaited) return;
        entry.awaited = false;
        pending--;
        if (hold) entry.trace?.release(entry);
        entry.leaveWhenDone();
      };
      /** Nobody waits any more for this event and what came before it; without `id`, for anything. */
      const answered = (talk: Talk | undefined, id: string | undefined): void => {
        if (talk === undefined || (id !== undefined && !talk.awaits(id))) return;
        for (let entry = talk.first; entry !== undefined;) {
          const { later } = entry;
          settle(entry);
          if (entry.id === id) break;
          entry = later;
        }
        forgetIdle(talk);
        completeWhenIdle();
      };
      const stopRetry = (talk: Talk): void => {
        if (talk.retry !== undefined) pending--;
        talk.retry?.unsubscribe();
        talk.retry = undefined;
      };
      /** Everything that is open of a conversation is taken back, except, where `spares`, what a handoff itself answers. */
      const takeBack = (talk: Talk, spares: boolean): void => {
        stopRetry(talk);
        const open: Trace[] = [];
        for (let entry = talk.first; entry !== undefined; entry = entry.later) {
          if (entry.trace !== undefined && !(spares && handing.has(entry.trace))) open.push(entry.trace);
        }
        // The last first: a lane that gets free must not begin with the next.
        for (const trace of open.reverse()) trace.cancel('handedOff');
        answered(talk, undefined);
      };

      const emit = (action: OutboundAction): void => {
        const trace = account.open(action);
        if (action.kind === 'handoff') watch(action, trace);
        subscriber.next(action);
        if (subscriber.closed) trace.abandon(account, 'failed', 'unsubscribed');
        else trace.release(account);
      };
      const handOver = (talk: Talk, cause: string): void => {
        if (subscriber.closed) return;
        stopRetry(talk);
        // What is asked already takes back all that waits.
        if (talk.isAsked) return;
        talk.isAsked = true;
        const { conversation, failures } = talk;
        const id = failures === 0 ? `${cause}#timeout` : `${cause}#timeout.${failures}`;
        const decided = (isOurs?: boolean): void => {
          talk.isAsked = false;
          if (subscriber.closed) {
            // Nobody will be told: it stays the bot's.
            if (isOurs === true) notTaken(talk, cause, id);
            return;
          }
          // Not ours: what the responder hands over itself may be on its way.
          takeBack(talk, isOurs === false);
          // Where nobody can tell: in the hands of two is better than in nobody's.
          if (isOurs === false) return;
          const base = { kind: 'handoff', id, conversation, cause, to } as const;
          emit(comment === undefined ? base : { comment, ...base });
        };
        ask(desk.handOver(conversation, id), decided);
      };
      /** What a handoff took that reaches nobody is the bot's again; false where somebody else has it. */
      const giveBack = (handoff: OutboundAction): Observable<unknown> =>
        desk
          .mutes(handoff)
          .pipe(
            mergeMap((isMuted): ObservableInput<unknown> =>
              isMuted ? [false] : desk.returnToBot(handoff.conversation),
            ),
          );
      /** Watches a handoff that goes out; `owner`: who got the conversation last since then, if the desk has told. */
      const watch = (
        handoff: OutboundAction,
        trace: Trace,
        arrived?: (outcome: Outcome, owner: Owner | undefined) => void,
      ): void => {
        const { conversation, id, cause = id } = handoff;
        const talk = talkOf(conversationKey(conversation), conversation);
        const { round } = talk;
        let owner: Owner | undefined;
        talk.handoffs++;
        const watching = desk.changes$.subscribe({
          next: (change) => {
            if (conversationKey(change.conversation) === talk.key) owner = change.owner;
          },
          error: () => undefined,
        });
        trace.onSettled({
          settled: (_, outcome) => {
            watching.unsubscribe();
            talk.handoffs--;
            if (ARRIVED.has(outcome) || outcome === 'handedOff') arrived?.(outcome, owner);
            else if (outcome !== 'queued' && owner !== 'human') {
              // Nobody waits for it any more: it was taken back, or the conversation has ended meanwhile.
              if (outcome === 'superseded' || talk.round !== round) ask(giveBack(handoff), completeWhenIdle);
              else notTaken(talk, cause, id, giveBack(handoff));
            }
            forgetIdle(talk);
          },
        });
      };
      /** Nobody took over: the bot has it again, also when the stream has ended meanwhile. */
      const notTaken = (
        talk: Talk,
        cause: string,
        id: string,
        back: Observable<unknown> = desk.returnToBot(talk.conversation),
      ): void => {
        const { conversation } = talk;
        const failures = talk.failures++;
        const goOn = (isBack: unknown): void => {
          if (isBack === false) talk.failures = failures;
          forgetIdle(talk);
          if (subscriber.closed || isBack === false) return;
          if (failures === 0) {
            replies.forEach((reply, n) => {
              emit(address(reply, `${id}#untaken.${n}`, { id: cause, conversation }, undefined));
            });
          }
          if (retryAfterMs === undefined || failures >= attempts || talk.retry !== undefined) return;
          pending++;
          talk.retry = scheduler.schedule(
            () => {
              handOver(talk, cause);
            },
            Math.min(retryAfterMs * 2 ** failures, LONGEST_PAUSE_MS),
          );
        };
        ask(back, goOn);
      };
      /** What went wrong with earlier handoffs does not matter any more. */
      const startAnew = (talk: Talk): void => {
        talk.failures = 0;
        talk.round++;
        stopRetry(talk);
        forgetIdle(talk);
      };

      const deadlines = new Deadlines<Entry>(scheduler, afterMs, (entry) => {
        entry.deadline = undefined;
        handOver(entry.talk, entry.id);
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
      /** The same of a desk that answers at once; nothing when it failed. */
      const ownerNow = (event: InboundEvent): Owner | undefined => {
        let owner: Owner | undefined;
        ownerFrom(event).subscribe({
          next: (found) => {
            owner = found;
          },
          error: () => undefined,
        });
        return owner;
      };
      const take = (event: InboundEvent, owner: Owner): void => {
        const { kind, conversation, id } = event;
        const trace = traceOf(event);
        const key = trace?.keyOf(conversation) ?? conversationKey(conversation);
        if (kind === 'handoffFailed') notTaken(talkOf(key, conversation), id, id);
        else if (kind === 'ended' || kind === 'handoffTaken') {
          const talk = talks.get(key);
          if (talk !== undefined) {
            if (kind === 'ended') answered(talk, undefined);
            startAnew(talk);
          }
        } else if (owner !== 'bot') {
          trace?.conclude('handedOff');
          return;
        } else {
          const awaited = awaitsAnswer(event);
          if (awaited || trace !== undefined) follow(talkOf(key, conversation), event, trace, awaited);
        }
        events.next(event);
      };
      const follow = (talk: Talk, event: InboundEvent, trace: Trace | undefined, awaited: boolean): void => {
        const entry = new Entry(talk, event.id, trace, awaited);
        trace?.onSettled(entry);
        if (!awaited) return;
        if (hold) trace?.hold(entry);
        pending++;
        const at = Date.parse(event.at);
        entry.deadline = deadlines.add(entry, Number.isNaN(at) ? scheduler.now() : Math.min(at, scheduler.now()));
      };

      const pass = (action: OutboundAction): void => {
        const { kind } = action;
        const trace = traceOf(action);
        if (kind !== 'handoff' && kind !== 'end' && !isAnswer(action)) subscriber.next(action);
        else if (!hold || trace === undefined || trace.root !== trace) send(action, trace);
        else {
          // It travels under the trace of its event, which we hold: only one of its own can tell that it has arrived.
          const fork = trace.fork(`${action.id}~`, HOLDER);
          send(attach({ ...action }, fork), fork);
          if (subscriber.closed) fork.abandon(HOLDER, 'failed', 'unsubscribed');
          else fork.release(HOLDER);
        }
      };
      /** Emits what may be an answer or a handoff, and listens whether it arrives. */
      const send = (action: OutboundAction, trace: Trace | undefined): void => {
        const { kind, conversation, id, cause, by } = action;
        const key = trace?.keyOf(conversation) ?? conversationKey(conversation);
        // A person answers the customer, and not this or that message.
        const answers = (): void => {
          answered(talks.get(key), by === 'human' ? undefined : cause);
        };
        const handedOver = (outcome?: Outcome, owner?: Owner): void => {
          // The sink took it when it went out, behind what was said before it; one that does not ask the desk did not.
          const back = (): void => {
            const talk = talks.get(key);
            if (talk !== undefined) takeBack(talk, true);
          };
          if (owner !== undefined) {
            // Given back already, what is open is the bot's.
            if (owner !== 'bot') back();
          }
          // Whoever found that somebody has it has asked the desk: it must not be taken from the bot that has it by now.
          else if (outcome !== 'handedOff') ask(desk.handOver(conversation, id), back);
        };
        if (kind !== 'handoff') {
          if (trace === undefined) answers();
          else if (talks.has(key))
            trace.onSettled({
              settled: (_, outcome) => {
                if (ARRIVED.has(outcome) || outcome === 'queued') answers();
              },
            });
        } else if (trace === undefined) handedOver();
        else {
          handing.add(trace.root);
          watch(action, trace, handedOver);
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
        deadlines.clear();
        for (const talk of talks.values()) {
          talk.retry?.unsubscribe();
          for (let entry = talk.first; entry !== undefined; entry = entry.later) {
            if (hold && entry.awaited) entry.trace?.release(entry, 'failed', 'unsubscribed');
          }
        }
        talks.clear();
        events.complete();
      });
      const complete = (): void => {
        events.complete();
      };
      const { touchNow } = desk;
      if (touchNow !== undefined) {
        consume(source, subscriber, {
          next: (event) => {
            const owner = DESK_NEWS.has(event.kind) ? ownerNow(event) : touchNow(event.conversation);
            if (owner !== undefined) take(event, owner);
            else traceOf(event)?.conclude('failed', STORE_FAILED);
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
              traceOf(event)?.conclude('failed', STORE_FAILED);
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

const STORE_FAILED = 'forwardOnTimeout: the store of the ownership failed';
/** Longest pause before a handoff is tried again. */
const LONGEST_PAUSE_MS = 3_600_000;
const HOLDER: Holder = { name: 'forwardOnTimeout' };

/** Events that say who has the conversation. */
const DESK_NEWS: ReadonlySet<InboundEvent['kind']> = new Set(['ended', 'handoffFailed', 'handoffTaken']);
