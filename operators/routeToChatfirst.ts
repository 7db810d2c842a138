import {
  asyncScheduler,
  catchError,
  defer,
  EMPTY,
  mergeMap,
  Observable,
  Subject,
  takeUntil,
  timer,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { CallLanes } from '../lib/call-lanes.js';
import type { ChatfirstMessage } from '../lib/chatfirst/model.js';
import type { ScenarioAnswer, ScenarioBot } from '../lib/chatfirst/scenario-bot.js';
import { ChatError, toChatError } from '../lib/errors.js';
import {
  conversationKey,
  type HandoffTarget,
  type InboundEvent,
  type OutboundAction,
  type Reply,
} from '../lib/model/index.js';
import { atLeast } from '../lib/range.js';
import { eachReply, isSaid, pauseBefore, wordsOf } from '../lib/responder.js';
import { traceOf, type Holder } from '../lib/trace.js';
import type { Writable } from '../lib/writable.js';
import { react } from './react.js';
import type { PersonaPolicy } from './routeToFluidTalk.js';

/** What a scenario is told about a user beside the words. */
export type AboutUser = Omit<ChatfirstMessage, 'user' | 'text'>;

export interface RouteToChatfirstConfig {
  /**
   * The id of the user: the state of the scenario hangs on it. Pure, and never changed once it is in use. Default: platform,
   * account and id of the conversation.
   */
  readonly user?: (event: InboundEvent) => string;
  /**
   * What an event says to the scenario; nothing, and it is `ignored`. Default: messages, commands, captions and places as they
   * are, and the label of a choice.
   */
  readonly say?: (event: InboundEvent) => string | undefined;
  /** What else the scenario is told about the user. Default: first and last name, and the locale. */
  readonly about?: (event: InboundEvent) => AboutUser;
  /** How many users talk at once. Default: 16. */
  readonly concurrency?: number;
  /** How many calls may wait for their turn. Default: 10 000. */
  readonly maxQueued?: number;
  /** Whether a call is aborted whose answer nobody waits for any more; it is in doubt then. Default: it ends unheard. */
  readonly abortUnheard?: boolean;
  /** The scenario may have moved on, and its answer is lost. Default: `handoff`. */
  readonly onInDoubt?: PersonaPolicy<ChatError>;
  /** To whom `handoff` gives the conversation. Default: anybody. */
  readonly to?: HandoffTarget;
  /** Clock of the pauses. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * A responder that lets a Chatfirst scenario answer customers of any platform: its messages in order, its galleries as cards,
 * its buttons as choices, and the states that `scenarioBot` names as `handoff` and `end`.
 *
 *     events  -m------------|
 *     talk     ----r|             r: two messages and a keyboard
 *     result  -----(tc)-----|     t: text, c: choices
 *
 * One call at a time for each user, `concurrency` for all; a call whose event was cancelled goes on unheard, because it moves
 * the scenario all the same, and the next of its user waits for it. A word is said at most once: the call is repeated only,
 * and once, when the platform asks to wait, or when no connection came about. In doubt is no error, it has a policy; what else
 * fails fails the event: put `forwardOnTimeout` around it.
 *
 * Holds each event until its answer is out. Completes when the source has completed and all is said. Errors: those of the
 * source; whatever `user`, `say` and `about` throw fails the event.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function routeToChatfirst(
  bot: ScenarioBot,
  config: RouteToChatfirstConfig = {},
): OperatorFunction<InboundEvent, OutboundAction> {
  const { user: userOf = keyOf, say = saidBy, about = aboutUser, concurrency = 16, maxQueued = 10_000 } = config;
  const { abortUnheard = false, onInDoubt = 'handoff', to = { kind: 'any' }, scheduler = asyncScheduler } = config;
  atLeast('routeToChatfirst: concurrency', concurrency, 1);
  atLeast('routeToChatfirst: maxQueued', maxQueued, 0);

  return (source) =>
    defer(() => {
      const calls = new CallLanes('routeToChatfirst', concurrency, maxQueued);
      const full = (): Error => new ChatError('overflow', 'chatfirst', `${maxQueued} calls are waiting already`);

      const talk = (message: ChatfirstMessage): Observable<ScenarioAnswer> =>
        bot.talk(message).pipe(
          catchError((thrown: unknown) => {
            const pauseMs = pauseBefore('chatfirst', thrown);
            if (pauseMs === undefined) throw thrown;
            // A second time is all: what asks to wait again is busy, and so is the customer.
            return timer(pauseMs, scheduler).pipe(mergeMap(() => bot.talk(message)));
          }),
        );
      const inDoubt = (event: InboundEvent, thrown: unknown): Observable<Reply> => {
        const error = toChatError('chatfirst', thrown);
        if (!error.inDoubt) throw error;
        if (onInDoubt === 'silent') return EMPTY;
        if (onInDoubt === 'handoff') return defer(() => [{ kind: 'handoff', to } as const]);
        return defer(() => eachReply(onInDoubt(event, error)));
      };
      const respond = (event: InboundEvent): Observable<Reply> =>
        defer(() => {
          const message = { user: userOf(event), text: say(event) ?? '', ...about(event) };
          let isBegun = false;
          const begin = (): Observable<ScenarioAnswer> => {
            isBegun = true;
            return talk(message);
          };
          const answered = calls.run(message.user, begin, full).pipe(
            mergeMap(({ replies }) => replies),
            catchError((thrown: unknown) => inDoubt(event, thrown)),
          );
          const trace = traceOf(event);
          if (trace === undefined) return answered;
          return new Observable<Reply>((subscriber) => {
            const unheard = new Subject<void>();
            const holder: Holder = {
              name: 'routeToChatfirst',
              passive: true,
              cancel: (_, outcome) => {
                // What waits for its turn leaves the line: nobody would hear the answer.
                if (abortUnheard || !isBegun) unheard.next();
                trace.release(holder, outcome);
              },
            };
            trace.hold(holder);
            subscriber.add(() => {
              trace.release(holder);
            });
            answered.pipe(takeUntil(unheard)).subscribe(subscriber);
          });
        });
      const put = source.pipe(
        mergeMap((event) => {
          if (!isSilent(event, say)) return [event];
          traceOf(event)?.conclude('ignored');
          return [];
        }),
      );
      return put.pipe(react(respond, { name: 'routeToChatfirst', scheduler }));
    });
}

const keyOf = ({ conversation }: InboundEvent): string => conversationKey(conversation);
const saidBy = (event: InboundEvent): string | undefined => (isSaid(event) ? wordsOf(event) : undefined);

/** What throws is no silence: it fails its event when its turn has come. */
const isSilent = (event: InboundEvent, say: (event: InboundEvent) => string | undefined): boolean => {
  try {
    return (say(event) ?? '').trim() === '';
  } catch {
    return false;
  }
};

const aboutUser = ({ sender }: InboundEvent): AboutUser => {
  const about: Writable<AboutUser> = {};
  const [first = '', ...rest] = (sender?.name ?? '').trim().split(/\s+/);
  const last = rest.at(-1);
  if (first !== '') about.firstName = first;
  if (last !== undefined) about.lastName = last;
  if (sender?.locale !== undefined) about.locale = sender.locale;
  return about;
};
