import {
  asyncScheduler,
  catchError,
  concatMap,
  defer,
  EMPTY,
  map,
  mergeMap,
  Observable,
  Subject,
  takeUntil,
  timer,
  type ObservableInput,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { accounts } from '../lib/accounts.js';
import { CallLanes } from '../lib/call-lanes.js';
import { ChatError, toChatError } from '../lib/errors.js';
import type { FluidtalkClient } from '../lib/fluidtalk/client.js';
import type { FluidtalkPicture } from '../lib/fluidtalk/command.js';
import type { FluidtalkLedger, LedgerCall, LedgerClaim } from '../lib/fluidtalk/ledger.js';
import type { FluidtalkResult, ReplyPart } from '../lib/fluidtalk/result.js';
import {
  conversationKey,
  type HandoffTarget,
  type InboundEvent,
  type MediaEvent,
  type OutboundAction,
  type Reply,
} from '../lib/model/index.js';
import { atLeast } from '../lib/range.js';
import { Remembered } from '../lib/remembered.js';
import { ARRIVED, eachReply, isSaid, pauseBefore, replyOf, wordsOf } from '../lib/responder.js';
import { traceOf, type Holder } from '../lib/trace.js';
import type { Circuit } from './circuit.js';
import { coalesceBursts, type CoalesceBurstsConfig } from './coalesceBursts.js';
import { react, type Replies } from './react.js';
import { typingDelay, type TypingDelayConfig } from './typingDelay.js';

/** What is needed of a FluidTalk client. */
export type Persona = Pick<FluidtalkClient, 'inboundChat'> & Partial<Pick<FluidtalkClient, 'uploadImage' | 'photo'>>;

/** What a ledger is needed for: see `fluidtalkLedger`. */
export type PersonaLedger = Pick<FluidtalkLedger, 'begin' | 'replied' | 'delivered' | 'inDoubt' | 'release' | 'seal'>;

/** Gives the conversation to a person, says nothing, or what a function answers. */
export type PersonaPolicy<W> = 'handoff' | 'silent' | ((event: InboundEvent, why: W) => Replies);

export interface RouteToFluidTalkConfig {
  /**
   * The lead's handle: with the persona it is the conversation, and every spelling costs a token. Pure, and never changed
   * once it is in use. Default: platform, account and id of the conversation.
   */
  readonly target?: (event: InboundEvent) => string;
  /** What is remembered over restarts: calls, replies, sealed targets. Default: sealed targets alone, in memory. */
  readonly ledger?: PersonaLedger;
  /** Refuses new conversations while there are no tokens: `circuit({ opensOn: isOutOfTokens })`. Default: none. */
  readonly circuit?: Circuit;
  /** How many calls are made at once with the key. Default: 4. */
  readonly concurrency?: number;
  /** How many calls may wait for their turn. Default: 10 000. */
  readonly maxQueued?: number;
  /** Merges messages that come shortly after each other. Default: no. */
  readonly coalesceBursts?: CoalesceBurstsConfig;
  /** Lets bubbles out at the speed of a person. Default: at once. */
  readonly typingDelay?: TypingDelayConfig;
  /**
   * Whether the customer sees somebody typing while the persona thinks; for platforms that show it until the next message.
   * Userlike makes a pause of it. Default: false.
   */
  readonly typing?: boolean;
  /** The picture of a media event, where its address needs credentials. Default: its address is downloaded. */
  readonly picture?: (event: InboundEvent) => ObservableInput<FluidtalkPicture | undefined>;
  /** Whether a call is aborted whose answer nobody waits for any more; it is in doubt then. Default: it ends unheard. */
  readonly abortUnheard?: boolean;
  /** The persona has ended the conversation for good. Default: `handoff`. */
  readonly onSealed?: PersonaPolicy<ChatError | undefined>;
  /** No tokens are left to begin a conversation with. Default: `handoff`. */
  readonly onOutOfTokens?: PersonaPolicy<ChatError>;
  /** The call may have had its effect, and its answer is lost. Default: `handoff`. */
  readonly onInDoubt?: PersonaPolicy<ChatError | undefined>;
  /** Another account of yours has the lead. Default: `silent`. */
  readonly onIgnored?: PersonaPolicy<FluidtalkResult>;
  /** To whom `handoff` gives the conversation. Default: anybody. */
  readonly to?: HandoffTarget;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** Whether an error says that no tokens are left: for `circuit({ opensOn: isOutOfTokens })`. */
export const isOutOfTokens = (error: unknown): boolean => error instanceof ChatError && error.reason === 'outOfTokens';

/** How many sealed targets, and targets of running conversations, are remembered. */
const MAX_TARGETS = 100_000;
/**
 * A responder that lets a FluidTalk persona answer: its bubbles in order, then its photo.
 *
 *     events  -m------------|
 *     chat     ----r|             r: two bubbles and a photo
 *     result  -----(abp)----|
 *
 * Messages, choices, places, commands and pictures are put to the persona, everything else is `ignored`. Pictures are
 * downloaded and uploaded first. One call at a time for each target, `concurrency` for all; a call whose event was cancelled
 * goes on unheard, and the next of its target waits for it. A call costs a token and is made at most once: it is repeated
 * only when the platform says that it did nothing and asks to wait, or when no connection came about. What else fails fails
 * the event: put `forwardOnTimeout` around it. Sealed, out of tokens, in doubt and ignored are no errors, each has a policy.
 *
 * With a `ledger` a reply is written down before any of it is sent and each part when it is delivered: after a crash the
 * event's next delivery sends what is missing, and asks the persona for nothing.
 *
 * Holds each event until its reply is out. Completes when the source has completed and all is said. Errors: those of the
 * source, and whatever `target` throws fails the event.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function routeToFluidTalk(
  persona: Persona,
  config: RouteToFluidTalkConfig = {},
): OperatorFunction<InboundEvent, OutboundAction> {
  const { target: targetOf = keyOf, ledger, circuit } = config;
  const { concurrency = 4, maxQueued = 10_000, typing = false, abortUnheard = false } = config;
  const { picture, to = { kind: 'any' }, scheduler = asyncScheduler } = config;
  const { onSealed = 'handoff', onOutOfTokens = 'handoff', onInDoubt = 'handoff', onIgnored = 'silent' } = config;
  atLeast('routeToFluidTalk: concurrency', concurrency, 1);
  atLeast('routeToFluidTalk: maxQueued', maxQueued, 0);

  return (source) =>
    defer(() => {
      const calls = new CallLanes('routeToFluidTalk', concurrency, maxQueued);
      const sealed = new Remembered(MAX_TARGETS);
      const running = new Remembered(MAX_TARGETS);
      /** Which part of a reply an action is, until it is sent. */
      const parts = new Map<string, { readonly call: LedgerCall; readonly index: number }>();

      const follow = <W>(policy: PersonaPolicy<W>, event: InboundEvent, why: W): Observable<Reply> => {
        if (policy === 'silent') return EMPTY;
        if (policy === 'handoff') return defer(() => [{ kind: 'handoff', to } as const]);
        return defer(() => eachReply(policy(event, why)));
      };

      /** The address of a picture that the server can see. */
      const imageOf = (event: MediaEvent): Observable<string | undefined> => {
        const { uploadImage, photo } = persona;
        const { url, mimeType: type = '' } = event.media;
        const found: Observable<FluidtalkPicture | undefined> =
          picture !== undefined
            ? defer(() => picture(event))
            : photo === undefined || url === undefined
              ? defer(() => [undefined])
              : photo(url).pipe(
                  map(({ bytes, mimeType = type, name }) =>
                    name === undefined ? { bytes, mimeType } : { bytes, mimeType, fileName: name },
                  ),
                );
        return found.pipe(
          mergeMap((image): ObservableInput<string | undefined> => {
            if (image === undefined || uploadImage === undefined) return [url];
            return uploadImage(image).pipe(map((hosted) => hosted.url));
          }),
        );
      };

      const chat = (event: InboundEvent, target: string): Observable<FluidtalkResult> => {
        const ask = (imageUrl?: string): Observable<FluidtalkResult> => {
          const message = wordsOf(event);
          const asked = persona.inboundChat(
            imageUrl === undefined ? { target, message } : { target, message, imageUrl },
          );
          return circuit === undefined ? asked : circuit.run(() => asked, { opening: !running.has(target) });
        };
        const call = event.kind === 'media' ? imageOf(event).pipe(mergeMap(ask)) : defer(() => ask());
        return call.pipe(
          catchError((thrown: unknown) => {
            const pauseMs = pauseBefore('fluidtalk', thrown);
            if (pauseMs === undefined) throw thrown;
            // A second time is all: what asks to wait again is busy, and so is the customer.
            return timer(pauseMs, scheduler).pipe(mergeMap(() => call));
          }),
        );
      };

      /** What is to be done about an error of the call, once the ledger knows of it. */
      const failed = (
        event: InboundEvent,
        target: string,
        call: LedgerCall | undefined,
        error: ChatError,
      ): Observable<Reply> => {
        const written = (
          of: (known: PersonaLedger, claimed: LedgerCall) => Observable<unknown>,
        ): Observable<unknown> =>
          ledger === undefined || call === undefined ? defer(() => [undefined]) : of(ledger, call);
        if (error.reason === 'sealed') {
          sealed.add(target);
          return written((known, claimed) => known.release(claimed).pipe(mergeMap(() => known.seal(target)))).pipe(
            mergeMap(() => follow(onSealed, event, error)),
          );
        }
        if (error.inDoubt) {
          running.add(target);
          return written((known, claimed) => known.inDoubt(claimed)).pipe(
            mergeMap(() => follow(onInDoubt, event, error)),
          );
        }
        return written((known, claimed) => known.release(claimed)).pipe(
          mergeMap(() => {
            if (error.reason === 'outOfTokens' || error.reason === 'circuitOpen')
              return follow(onOutOfTokens, event, error);
            throw error;
          }),
        );
      };

      /**
       * The parts as replies, and which action is which part. Each in its place: after a crash, what is missing has the ids that
       * it had before. `from`: the place of the first part.
       */
      const sent = (
        event: InboundEvent,
        call: LedgerCall | undefined,
        list: readonly ReplyPart[],
        from: number,
      ): Observable<readonly Reply[]> =>
        defer(() => {
          const idOf = ({ index }: ReplyPart): string => `${event.id}#${index + (typing ? 2 : 1)}`;
          const replies: Reply[] = [];
          for (const part of list) {
            const { index } = part;
            if (call !== undefined) parts.set(idOf(part), { call, index });
            replies[from + index] = replyOf(part);
          }
          // What is cancelled is never emitted.
          traceOf(event)?.onSettled({
            settled: () => {
              for (const part of list) parts.delete(idOf(part));
            },
          });
          return [replies];
        });

      const made = (turn: Turn, call: LedgerCall | undefined): Observable<Said> => {
        const { event, target } = turn;
        turn.call = call;
        const busy = (): Error => new ChatError('overflow', 'fluidtalk', `${maxQueued} calls are waiting already`);
        // The answer, or why there is none: what follows must not be taken for an error of the call.
        const begin = (): Observable<FluidtalkResult> => {
          turn.begun = true;
          return chat(event, target);
        };
        const asked = calls.run(target, begin, busy).pipe(
          map((result): { readonly result: FluidtalkResult } | { readonly error: ChatError } => ({ result })),
          catchError((thrown: unknown) => [{ error: toChatError('fluidtalk', thrown) }]),
        );
        return asked.pipe(
          mergeMap((answer): Observable<Said> => {
            if ('error' in answer) return failed(event, target, call, answer.error);
            const { result } = answer;
            running.add(target);
            const kept: Observable<readonly ReplyPart[]> =
              ledger === undefined || call === undefined
                ? defer(() => [partsOf(result)])
                : ledger.replied(call, result);
            return kept.pipe(
              mergeMap((list): Observable<Said> =>
                result.ignored ? follow(onIgnored, event, result) : sent(event, call, list, 0),
              ),
            );
          }),
        );
      };

      const claimed = (turn: Turn): Observable<Said> => {
        const { event, target } = turn;
        if (sealed.has(target)) return follow(onSealed, event, undefined);
        const begin = (call: LedgerCall | undefined): Observable<Said> => {
          const reply = made(turn, call);
          const thinking: readonly ObservableInput<Said>[] = [[{ kind: 'typing' }], reply];
          return typing ? defer(() => thinking).pipe(concatMap((step) => step)) : reply;
        };
        if (ledger === undefined) return begin(undefined);
        return ledger.begin(target, event.id).pipe(
          mergeMap((claim: LedgerClaim): Observable<Said> => {
            switch (claim.kind) {
              case 'claimed':
                return begin(claim.call);
              case 'replied':
                return sent(event, claim.call, claim.parts, typing ? 1 : 0);
              case 'called':
              case 'inDoubt':
                return follow(onInDoubt, event, undefined);
              default:
                sealed.add(target);
                return follow(onSealed, event, undefined);
            }
          }),
        );
      };

      const respond = (event: InboundEvent): Observable<Said> =>
        defer(() => {
          const turn: Turn = { event, target: targetOf(event), begun: false, call: undefined };
          const trace = traceOf(event);
          if (trace === undefined) return claimed(turn);
          return new Observable<Said>((subscriber) => {
            const unheard = new Subject<void>();
            const holder: Holder = {
              name: 'routeToFluidTalk',
              passive: true,
              cancel: (_, outcome) => {
                // What waits for its turn leaves the line: nobody is there to hear it, and it would cost a token.
                if (abortUnheard || !turn.begun) unheard.next();
                if (!turn.begun && turn.call !== undefined && ledger !== undefined) {
                  tell(ledger.release(turn.call), event.id);
                }
                trace.release(holder, outcome);
              },
            };
            trace.hold(holder);
            subscriber.add(() => {
              trace.release(holder);
            });
            claimed(turn).pipe(takeUntil(unheard)).subscribe(subscriber);
          });
        });

      const put = source.pipe(
        mergeMap((event) => {
          if (isSaid(event)) return [event];
          traceOf(event)?.conclude('ignored');
          return [];
        }),
      );
      const merged = config.coalesceBursts === undefined ? put : put.pipe(coalesceBursts(config.coalesceBursts));
      const said = merged.pipe(
        react((event: InboundEvent) => respond(event), { name: 'routeToFluidTalk', scheduler }),
        map((action) => {
          const part = parts.get(action.id);
          if (part === undefined || ledger === undefined) return action;
          parts.delete(action.id);
          mark(action, ledger, part);
          return action;
        }),
      );
      return config.typingDelay === undefined ? said : said.pipe(typingDelay(config.typingDelay));
    });
}

const keyOf = ({ conversation }: InboundEvent): string => conversationKey(conversation);

type Said = Reply | readonly Reply[];

/** An event on its way to the persona. */
interface Turn {
  readonly event: InboundEvent;
  readonly target: string;
  /** Whether the call has been made. */
  begun: boolean;
  /** What the ledger knows of it. */
  call: LedgerCall | undefined;
}

const partsOf = ({ bubbles, photoUrl }: FluidtalkResult): readonly ReplyPart[] => {
  const list: ReplyPart[] = bubbles.map((text, index) => ({ kind: 'bubble', index, text }));
  return photoUrl === undefined ? list : [...list, { kind: 'photo', index: list.length, url: photoUrl }];
};

/** Writes into the ledger what nobody waits for. */
const tell = (writing: Observable<unknown>, id: string): void => {
  writing.subscribe({
    error: (error: unknown) => {
      const reason = error instanceof Error ? error.message : 'the ledger failed';
      accounts.report({ kind: 'failed', id, source: '', lastHolder: 'routeToFluidTalk', reason });
    },
  });
};

/** A part that was delivered, or may have been, is not sent again. */
const mark = (
  action: OutboundAction,
  ledger: PersonaLedger,
  { call, index }: { readonly call: LedgerCall; readonly index: number },
): void => {
  const write = (): void => {
    tell(ledger.delivered(call, index), action.id);
  };
  const trace = traceOf(action);
  if (trace === undefined) write();
  else {
    trace.onSettled({
      settled: (_, outcome) => {
        if (ARRIVED.has(outcome)) write();
      },
    });
  }
};
