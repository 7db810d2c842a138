import {
  asyncScheduler,
  catchError,
  defer,
  map,
  mergeMap,
  Observable,
  Subject,
  take,
  type ObservableInput,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { accounts as programAccounts, type Accounts } from '../lib/accounts.js';
import { address } from '../lib/address.js';
import { CallLanes } from '../lib/call-lanes.js';
import { consume } from '../lib/consume.js';
import { Deadlines, type Waiting } from '../lib/deadlines.js';
import { ChatError, toChatError } from '../lib/errors.js';
import type { FluidtalkClient } from '../lib/fluidtalk/client.js';
import type { FluidtalkLedger, LedgerCall, LedgerClaim } from '../lib/fluidtalk/ledger.js';
import type { FluidtalkResult, ReplyPart } from '../lib/fluidtalk/result.js';
import {
  conversationKey,
  isAnswer,
  mayRunAgain,
  type ActionKind,
  type Conversation,
  type EventKind,
  type InboundEvent,
  type OutboundAction,
  type Outcome,
} from '../lib/model/index.js';
import { above, atLeast } from '../lib/range.js';
import { Remembered } from '../lib/remembered.js';
import { replyOf } from '../lib/responder.js';
import type { Store } from '../lib/store/store.js';
import { traceOf, type SettleListener, type Trace } from '../lib/trace.js';
import type { Ownership } from './ownership.js';

/** What `followUpAfter` needs of a ledger: see `fluidtalkLedger`. */
export type FollowUpLedger = Pick<
  FluidtalkLedger,
  'claimFollowUp' | 'replied' | 'delivered' | 'inDoubt' | 'release' | 'seal'
>;

export interface FollowUpAfterConfig {
  /** Whom to ask for a follow-up: a FluidTalk client. */
  readonly persona: Pick<FluidtalkClient, 'followUp'>;
  /** How long a lead is silent after the last answer, in milliseconds; up to 2 147 483 647, some 24 days. */
  readonly quietMs: number;
  /** Lets a target have one follow-up in its `followUpPauseMs`, over restarts and processes. */
  readonly ledger: FollowUpLedger;
  /** The stop list: whether this lead may be contacted. Asked before the persona is, and again before its text goes out. */
  readonly mayContact: (conversation: Conversation) => boolean | ObservableInput<boolean>;
  /** Who answers: no follow-up where that is not the bot. Give the same to the sinks. Default: the bot. */
  readonly desk?: Ownership;
  /** The lead's handle, as in `routeToFluidTalk`: give both the same. Default: platform, account and id of the conversation. */
  readonly target?: (event: InboundEvent) => string;
  /** Where it is kept who unsubscribed. Default: in memory, the last 100 000. */
  readonly store?: Store;
  /** How many follow-ups are asked for at once. Default: 4. */
  readonly concurrency?: number;
  /** How many conversations are watched; beyond it, the one that was silent longest has no follow-up. Default: 100 000. */
  readonly maxWaiting?: number;
  /** The books in which follow-ups are counted, under `followUpAfter`. Default: those of the program, `accounts`. */
  readonly accounts?: Accounts;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** How many targets that unsubscribed are remembered without a store. */
const MAX_STOPPED = 100_000;
/** Longer than that, timers fire at once. */
const LONGEST_MS = 2_147_483_647;

/**
 * Wraps a responder. A lead who was answered and says nothing for `quietMs` is asked by the persona whether they are still
 * there, at most once in 24 hours, and only if they may be contacted.
 *
 *     lead       -m---------------|
 *     responder  ---a-------------|
 *     persona            --f|
 *     result     ---a------f------|    quietMs: 5; f: the bubbles of the follow-up
 *
 * The time counts from the last answer that was delivered: an action that the lead can see, whose `cause` is what they
 * wrote last, and whose receipt is `delivered`; its trace tells, and an action without one counts when it passes. A lead
 * who was not answered, has written since, or whose message is not settled, is waiting and is not reminded. There is one
 * follow-up for each silence, and what the ledger does not let be claimed is not asked for; what a crash left of one is not
 * sent later. No follow-up for a conversation that somebody else than the bot has, was handed over or has ended, none after a
 * person's words (`by`), and none for a sealed target.
 *
 * Whatever the lead does meanwhile cancels it: bubbles that are not out are taken back as `superseded`, and a call that
 * is under way ends unheard. `unsubscribed` does so for good. The bubbles are accounted for under `followUpAfter`, and each
 * is marked in the ledger when it is delivered. A follow-up that fails is reported there, and is no error of the stream.
 *
 * Keeps conversation, target and event id of each lead who waits for an answer or was answered, one timer for all of them,
 * and no custody. What waits is dropped when the responder completes; completes when calls under way are answered. Errors:
 * those of the source and of the responder, and whatever `target` throws. Unsubscribing aborts calls, which count as made.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function followUpAfter(
  config: FollowUpAfterConfig,
  responder: OperatorFunction<InboundEvent, OutboundAction>,
): OperatorFunction<InboundEvent, OutboundAction> {
  const { persona, quietMs, ledger, mayContact, desk, target: targetOf = keyOf, store } = config;
  const { concurrency = 4, maxWaiting = 100_000, accounts = programAccounts, scheduler = asyncScheduler } = config;
  above('followUpAfter: quietMs', quietMs, 0);
  if (quietMs > LONGEST_MS)
    throw new RangeError(`followUpAfter: quietMs must be at most ${LONGEST_MS}, got ${quietMs}`);
  atLeast('followUpAfter: concurrency', concurrency, 1);
  atLeast('followUpAfter: maxWaiting', maxWaiting, 1);

  return (source) =>
    new Observable<OutboundAction>((subscriber) => {
      const account = accounts.of('followUpAfter');
      const calls = new CallLanes('followUpAfter', concurrency, maxWaiting);
      const events = new Subject<InboundEvent>();
      const leads = new Map<string, Lead>();
      const stopped = new Remembered(MAX_STOPPED);
      let responded = false;
      let running = 0;

      const completeWhenIdle = (): void => {
        if (responded && running === 0) subscriber.complete();
      };
      const report = (id: string, thrown: unknown): void => {
        const { message: reason } = toChatError('fluidtalk', thrown);
        accounts.report({ kind: 'failed', id, source: account.name, lastHolder: account.name, reason });
      };
      /** Does something beside the stream; what goes wrong is reported. */
      const run = (id: string, work: Observable<unknown>, done: () => void): void => {
        running++;
        const over = (): void => {
          done();
          running--;
          completeWhenIdle();
        };
        subscriber.add(
          work.subscribe({
            error: (error: unknown) => {
              report(id, error);
              over();
            },
            complete: over,
          }),
        );
      };

      const disarm = (lead: Lead): void => {
        if (lead.waiting !== undefined) deadlines.remove(lead.waiting);
        lead.waiting = undefined;
      };
      /** Nothing is to be said to this lead any more; what is not out is taken back. */
      const forget = (lead: Lead, outcome: Outcome = 'superseded'): void => {
        if (leads.get(lead.key) === lead) leads.delete(lead.key);
        disarm(lead);
        // The last first: a lane that gets free must not begin with the next.
        for (const trace of [...lead.bubbles].reverse()) trace.cancel(outcome);
      };
      const isCurrent = (lead: Lead): boolean => leads.get(lead.key) === lead && !stopped.has(lead.target);

      const watch = (event: InboundEvent, key: string, trace: Trace | undefined): void => {
        const target = spelled(targetOf(event));
        const lead = new Lead(key, event.conversation, event.id, target, trace !== undefined, consider);
        leads.set(key, lead);
        const [longest] = leads.size > maxWaiting ? leads.values() : [];
        if (longest !== undefined) forget(longest);
        trace?.onSettled(lead);
      };
      /** Nothing is said to this lead at the moment. */
      const consider = (lead: Lead): void => {
        if (lead.underWay > 0 || !lead.isOver) return;
        if (lead.answeredAt !== undefined) {
          if (!lead.isDue && !responded && isCurrent(lead)) lead.waiting ??= deadlines.add(lead, lead.answeredAt);
        } else if (lead.isTraced) forget(lead);
      };
      const answered = (lead: Lead, hasArrived: boolean): void => {
        lead.underWay--;
        if (hasArrived || lead.answeredAt !== undefined) lead.answeredAt = scheduler.now();
        consider(lead);
      };

      /** Whether a lead may be contacted now: asked of everybody who may know better. */
      const mayRemind = (lead: Lead): Observable<boolean> => {
        const { conversation, target } = lead;
        const ours = desk === undefined ? yes() : desk.ownerOf(conversation).pipe(map((owner) => owner === 'bot'));
        const wanted =
          store === undefined ? yes() : defer(() => store.get(stopKey(target))).pipe(map((stop) => stop === undefined));
        const allowed = defer(() => {
          const answer = mayContact(conversation);
          return typeof answer === 'boolean' ? [answer] : answer;
        }).pipe(take(1));
        return defer(() => [isCurrent(lead)]).pipe(
          mergeMap((goes) => (goes ? ours : [false])),
          mergeMap((goes) => (goes ? wanted : [false])),
          mergeMap((goes) => (goes ? allowed : [false])),
          map((goes) => goes && isCurrent(lead)),
        );
      };
      /** What the ledger is told about a call without an answer; then the error goes on. */
      const failed = (lead: Lead, call: LedgerCall, error: ChatError): Observable<never> => {
        const told =
          error.reason === 'sealed'
            ? ledger.release(call).pipe(mergeMap(() => ledger.seal(lead.target)))
            : error.inDoubt
              ? ledger.inDoubt(call)
              : ledger.release(call);
        return told.pipe(
          map(() => {
            throw error;
          }),
        );
      };
      const asked = (lead: Lead, call: LedgerCall): Observable<unknown> =>
        defer(() => persona.followUp({ target: lead.target })).pipe(
          catchError((thrown: unknown) => failed(lead, call, toChatError('fluidtalk', thrown))),
          mergeMap((result: FluidtalkResult) =>
            mayRemind(lead).pipe(mergeMap((goes) => ledger.replied(call, goes ? result : SILENCE))),
          ),
          map((parts) => {
            for (const part of parts) {
              if (isCurrent(lead)) emit(lead, part, call);
              else mark(lead, part, call);
            }
          }),
        );
      const remind = (lead: Lead): void => {
        lead.isDue = true;
        const turn = calls.run(
          lead.target,
          () =>
            mayRemind(lead).pipe(
              mergeMap((goes): ObservableInput<LedgerClaim> => (goes ? ledger.claimFollowUp(lead.target) : [])),
              mergeMap((claim): ObservableInput<unknown> => (claim.kind === 'claimed' ? asked(lead, claim.call) : [])),
            ),
          () => new ChatError('overflow', 'fluidtalk', `${maxWaiting} follow-ups are waiting already`),
        );
        run(followUpId(lead, 0), turn, () => {
          lead.isOut = true;
          if (lead.bubbles.size === 0) forget(lead);
        });
      };
      const mark = (lead: Lead, part: ReplyPart, call: LedgerCall): void => {
        ledger.delivered(call, part.index).subscribe({
          error: (error: unknown) => {
            report(followUpId(lead, part.index), error);
          },
        });
      };
      const emit = (lead: Lead, part: ReplyPart, call: LedgerCall): void => {
        const { conversation, eventId } = lead;
        const action = address(replyOf(part), followUpId(lead, part.index), { id: eventId, conversation }, undefined);
        const trace = account.open(action);
        lead.bubbles.add(trace);
        trace.onSettled({
          settled: (_, outcome, touched) => {
            lead.bubbles.delete(trace);
            if (!mayRunAgain(outcome, touched)) mark(lead, part, call);
            if (lead.isOut && lead.bubbles.size === 0) forget(lead);
          },
        });
        subscriber.next(action);
        if (subscriber.closed) trace.abandon(account, 'failed', 'unsubscribed');
        else trace.release(account);
      };

      const deadlines = new Deadlines<Lead>(scheduler, quietMs, (lead) => {
        lead.waiting = undefined;
        remind(lead);
      });

      const stop = (event: InboundEvent): void => {
        const target = spelled(targetOf(event));
        stopped.add(target);
        if (store === undefined) return;
        const record = { shape: 1, at: event.at };
        run(
          event.id,
          defer(() => store.put(stopKey(target), record)),
          () => undefined,
        );
      };
      const see = (event: InboundEvent): void => {
        const { kind, conversation, sender } = event;
        const trace = traceOf(event);
        const key = trace?.keyOf(conversation) ?? conversationKey(conversation);
        if (!UNNOTICED.has(kind) && sender?.self !== true && sender?.role !== 'bot') {
          const lead = leads.get(key);
          if (lead !== undefined) forget(lead);
          if (kind === 'unsubscribed') stop(event);
          else if (AWAITED.has(kind) && (sender === undefined || sender.role === 'customer')) watch(event, key, trace);
        }
        events.next(event);
      };
      const pass = (action: OutboundAction): void => {
        const { kind, conversation, cause, by } = action;
        const trace = traceOf(action);
        const lead = leads.get(trace?.keyOf(conversation) ?? conversationKey(conversation));
        if (lead === undefined || responded) {
          subscriber.next(action);
          return;
        }
        if (AWAY.has(kind) || by === 'human') forget(lead, 'handedOff');
        if (!isAnswer(action)) {
          subscriber.next(action);
          return;
        }
        // They have an answer after all: not the moment to ask whether they are still there.
        if (lead.isDue && !lead.isOut) forget(lead);
        const isTheirs = cause === lead.eventId;
        lead.underWay++;
        disarm(lead);
        trace?.onSettled({
          settled: (_, outcome) => {
            answered(lead, isTheirs && outcome === 'handled');
          },
        });
        subscriber.next(action);
        if (trace === undefined) answered(lead, isTheirs);
      };

      consume(responder(events), subscriber, {
        next: pass,
        complete: () => {
          responded = true;
          for (const lead of leads.values()) disarm(lead);
          completeWhenIdle();
        },
      });
      subscriber.add(() => {
        deadlines.stop();
        leads.clear();
        events.complete();
      });
      consume(source, subscriber, {
        next: see,
        complete: () => {
          events.complete();
        },
      });
    });
}

const keyOf = ({ conversation }: InboundEvent): string => conversationKey(conversation);
const spelled = (target: string): string => target.trim();
const yes = (): Observable<boolean> => defer(() => [true]);
const stopKey = (target: string): string => `followUpAfter/stopped/${target}`;
const followUpId = ({ eventId }: Lead, index: number): string => `${eventId}#followUp.${index}`;

/** What a lead waits for an answer to. */
const AWAITED: ReadonlySet<EventKind> = new Set<EventKind>(['message', 'choice', 'media', 'location', 'command']);
/** What says nothing about whether a lead is there. */
const UNNOTICED: ReadonlySet<EventKind> = new Set<EventKind>(['progress', 'other', 'undecodable', 'handoffFailed']);
/** What gives a conversation away. */
const AWAY: ReadonlySet<ActionKind> = new Set<ActionKind>(['handoff', 'release', 'end']);
/** Of a persona whose follow-up is not wanted any more. */
const SILENCE = { bubbles: [] };

/** Who waits for an answer, or had one. */
class Lead implements SettleListener {
  /** Answers that were said and are not delivered. */
  underWay = 0;
  /** When the last answer came to its end. */
  answeredAt: number | undefined;
  /** What they wrote is settled, as far as anybody knows. */
  isOver: boolean;
  /** Their silence has had its follow-up, or not. */
  isDue = false;
  /** The follow-up is said. */
  isOut = false;
  waiting: Waiting<Lead> | undefined;
  /** What of it is not settled. */
  readonly bubbles = new Set<Trace>();

  constructor(
    readonly key: string,
    readonly conversation: Conversation,
    readonly eventId: string,
    readonly target: string,
    readonly isTraced: boolean,
    readonly consider: (lead: Lead) => void,
  ) {
    this.isOver = !isTraced;
  }

  settled(): void {
    this.isOver = true;
    this.consider(this);
  }
}
