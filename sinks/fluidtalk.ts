import * as t from 'io-ts';
import {
  asyncScheduler,
  catchError,
  defer,
  map,
  mergeMap,
  throwError,
  type Observable,
  type ObservableInput,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { ChatError, toChatError } from '../lib/errors.js';
import { spelled, type FluidtalkCommand } from '../lib/fluidtalk/command.js';
import type { FluidtalkLedger, LedgerCall, LedgerClaim } from '../lib/fluidtalk/ledger.js';
import { repliesOf, type FluidtalkTurns } from '../lib/fluidtalk/reply-source.js';
import { partsOf, type FluidtalkResult, type ReplyPart } from '../lib/fluidtalk/result.js';
import { isoClock } from '../lib/iso-clock.js';
import { delivered, skipped, type OutboundAction, type PlatformAction, type Receipt } from '../lib/model/index.js';
import type { JsonObject } from '../lib/model/json.js';
import { deliver } from '../operators/deliver.js';
import type { Ownership } from '../operators/ownership.js';

/** What `toFluidTalk` needs of a ledger: see `fluidtalkLedger`. */
export type FluidtalkTurnLedger = Pick<
  FluidtalkLedger,
  'begin' | 'claimOpener' | 'claimEvent' | 'claimFollowUp' | 'replied' | 'delivered' | 'inDoubt' | 'release' | 'seal'
>;

export interface ToFluidTalkConfig {
  /** Give the same to `fromFluidTalk`, which tells what the persona replies. */
  readonly client: FluidtalkTurns;
  /** What is remembered over restarts: calls, replies, sealed targets. Default: sealed targets alone, in memory. */
  readonly ledger?: FluidtalkTurnLedger;
  /** Who answers, asked immediately before a call is made: what the persona is not to hear is `skipped: muted`. */
  readonly desk?: Ownership;
  /**
   * Whether `aiOpener` and `eventTrigger` are called. They contact somebody who did not ask, for a token; give a `ledger`,
   * which lets each opener happen once. Default: false.
   */
  readonly allowOpeners?: boolean;
  /** Whether `followUp` is called; with a `ledger`, once in its pause. Default: false. */
  readonly allowFollowUps?: boolean;
  /** How many calls are made at once with the key. Default: 4. */
  readonly concurrency?: number;
  /** How many actions may wait; what comes beyond is `skipped: shed`. Default: 100 000. */
  readonly maxQueued?: number;
  /** Clock of the receipts. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * Puts what a lead says to a FluidTalk persona. The id of a conversation is the target, and its `account`, where it has one,
 * the handle of your account that talks with the lead. What the persona answers comes out of `fromFluidTalk`.
 *
 *     actions   -a-b---------|      of one target
 *     calls      --r|
 *                  --r|
 *     receipts  ---R-R-------|
 *
 * | action | |
 * | --- | --- |
 * | `text`, `media` with the address of a picture | the lead said it: `inboundChat` |
 * | `platform` with the name `aiOpener` | payload `{ imageUrl? }`, if `allowOpeners` |
 * | `platform` with the name `eventTrigger` | payload `{ eventType, context?, imageUrl? }`, if `allowOpeners` |
 * | `platform` with the name `followUp` | no payload, if `allowFollowUps` |
 * | all others | `skipped: unsupported` |
 *
 * A receipt is `delivered` when the persona answered, if only with silence; `skipped: muted` when it ignores the lead, with
 * its reason; `unknown` when nobody knows; `skipped: superseded` for an opener or follow-up that the ledger has already;
 * and `failed` otherwise: not retryable with `reason` `sealed`, `outOfTokens` and so on, and retryable with `unheard` or
 * `full`, before any call, while `fromFluidTalk` takes nothing. Nothing is repeated by itself: put `retryDelivery` around it.
 *
 * With a ledger a call is made at most once for each action id; a reply is kept before any of it is told, each part until
 * its event is settled, and the same action after a crash tells what is missing.
 *
 * One call at a time for each target, in order. One sink for each client. Completes when the source has completed and
 * every action has its receipt. Errors: those of the source. Unsubscribing aborts the calls, which are in doubt then.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function toFluidTalk(config: ToFluidTalkConfig): OperatorFunction<OutboundAction, Receipt> {
  const { client, ledger, desk, allowOpeners = false, allowFollowUps = false } = config;
  const { concurrency = 4, maxQueued, scheduler = asyncScheduler } = config;
  const replies = repliesOf(client);
  const now = isoClock(scheduler);

  const refused = (turn: Turn): string | undefined => {
    if (turn.kind === 'inboundChat') return undefined;
    const isAllowed = turn.kind === 'followUp' ? allowFollowUps : allowOpeners;
    return isAllowed ? undefined : `${turn.kind} contacts a lead unasked, and is not allowed here`;
  };
  /** The parts go to the source; each is kept until what it became is settled. */
  const tell = (
    { id: actionId, conversation }: OutboundAction,
    target: string,
    call: LedgerCall | undefined,
    parts: readonly ReplyPart[],
    raw: unknown,
  ): void => {
    for (const part of parts) {
      const id = `${call === undefined ? actionId : nameOf(call)}:${String(part.index)}`;
      const mark = (known: FluidtalkTurnLedger, claimed: LedgerCall): void => {
        known.delivered(claimed, part.index).subscribe({
          error: (error: unknown) => {
            replies.report(id, error);
          },
        });
      };
      const settled =
        ledger === undefined || call === undefined
          ? undefined
          : (): void => {
              mark(ledger, call);
            };
      replies.tell(part, id, conversation, target, raw ?? part, settled);
    }
  };
  /** What the ledger cannot write down does not change what became of the call. */
  const written = (actionId: string, entry: Observable<unknown> | undefined): Observable<unknown> =>
    entry === undefined
      ? defer(() => [undefined])
      : entry.pipe(
          catchError((error: unknown) => {
            replies.report(actionId, error);
            return [undefined];
          }),
        );

  const failed = (
    action: OutboundAction,
    target: string,
    call: LedgerCall | undefined,
    error: ChatError,
  ): Observable<Receipt> => {
    const isSealed = error.reason === 'sealed';
    const entry =
      ledger === undefined || call === undefined
        ? undefined
        : isSealed
          ? ledger.release(call).pipe(mergeMap(() => ledger.seal(target)))
          : error.inDoubt
            ? ledger.inDoubt(call)
            : ledger.release(call);
    return written(action.id, entry).pipe(
      mergeMap((): ObservableInput<Receipt> => {
        if (isSealed) replies.seal(action.conversation, target);
        return error.kind === 'unsupported'
          ? [skipped(action, now(), 'unsupported', error.message)]
          : throwError(() => error);
      }),
    );
  };
  const answered = (
    action: OutboundAction,
    target: string,
    call: LedgerCall | undefined,
    result: FluidtalkResult,
  ): Observable<Receipt> => {
    const parts = (): readonly ReplyPart[] => partsOf(result);
    const kept =
      ledger === undefined || call === undefined
        ? defer(() => [parts()])
        : ledger.replied(call, result).pipe(
            catchError((error: unknown) => {
              // It is paid for: it is told, kept or not.
              replies.report(action.id, error);
              return [parts()];
            }),
          );
    return kept.pipe(
      map((list) => {
        if (result.ignored) return skipped(action, now(), 'muted', result.ignoreReason);
        tell(action, target, call, list, result.raw);
        return delivered(action, now());
      }),
    );
  };
  const ask = (
    action: OutboundAction,
    turn: Turn,
    target: string,
    call: LedgerCall | undefined,
  ): Observable<Receipt> => {
    // The answer, or why there is none: what follows must not be taken for an error of the call.
    const asked = defer(() => callOf(client, turn)).pipe(
      map((result): { readonly result: FluidtalkResult } | { readonly error: ChatError } => ({ result })),
      catchError((thrown: unknown) => [{ error: toChatError('fluidtalk', thrown) }]),
    );
    return asked.pipe(
      mergeMap((answer) =>
        'error' in answer ? failed(action, target, call, answer.error) : answered(action, target, call, answer.result),
      ),
    );
  };
  const claimed = (
    action: OutboundAction,
    turn: Turn,
    target: string,
    claim: LedgerClaim,
  ): ObservableInput<Receipt> => {
    switch (claim.kind) {
      case 'claimed':
        return ask(action, turn, target, claim.call);
      case 'replied': {
        const { call, parts } = claim;
        if (parts.length === 0 && call.eventId === undefined) {
          return [skipped(action, now(), 'superseded', 'it was done before')];
        }
        tell(action, target, call, parts, undefined);
        return [delivered(action, now())];
      }
      case 'called':
      case 'inDoubt':
        throw new ChatError('conflict', 'fluidtalk', 'the call was made before, and nobody knows its answer', {
          inDoubt: true,
          reason: claim.kind,
        });
      case 'known':
        return [skipped(action, now(), 'superseded', 'there is a conversation already')];
      case 'tooSoon':
        return [skipped(action, now(), 'superseded', `the next is due in ${claim.waitMs} ms`)];
      case 'sealed':
        replies.seal(action.conversation, target);
        throw sealedError();
    }
  };
  const send = (action: OutboundAction): Receipt | ObservableInput<Receipt> => {
    const turn = turnOf(action);
    const problem = typeof turn === 'string' ? turn : refused(turn);
    if (typeof turn === 'string' || problem !== undefined) {
      return skipped(action, now(), 'unsupported', `fluidtalk: ${problem ?? ''}`);
    }
    const target = spelled(turn.target);
    if (replies.isSealed(target)) {
      replies.seal(action.conversation, target);
      throw sealedError();
    }
    const refusal = replies.refusal(target);
    if (refusal !== undefined) throw refusal;
    if (ledger === undefined) return ask(action, turn, target, undefined);
    return claimOf(ledger, turn, target, action.id).pipe(mergeMap((claim) => claimed(action, turn, target, claim)));
  };

  return deliver(
    {
      name: 'toFluidTalk',
      key: ({ conversation }) => spelled(conversation.id),
      concurrency,
      scheduler,
      ...(desk !== undefined && { desk }),
      ...(maxQueued !== undefined && { maxQueued }),
    },
    send,
  );
}

const sealedError = (): ChatError =>
  new ChatError('refused', 'fluidtalk', 'the call was not made: the conversation is over', { reason: 'sealed' });

/** A call that an action asks for. */
type Turn = Exclude<FluidtalkCommand, { readonly kind: 'uploadImage' }>;

const Opener = t.partial({ imageUrl: t.string });
const Trigger = t.intersection([t.type({ eventType: t.string }), t.partial({ context: t.UnknownRecord }), Opener]);

/** What the persona is to be asked, or why it is nothing for it. */
const turnOf = (action: OutboundAction): Turn | string => {
  const { platform, id: target, account } = action.conversation;
  if (platform !== 'fluidtalk') return `a conversation of ${platform} is none of ours`;
  if (target.trim() === '') return 'a conversation needs a target as its id';
  const to = account === undefined ? { target } : { target, ownUsername: account };
  switch (action.kind) {
    case 'text':
      return action.text.trim() === '' ? 'nothing is said' : { kind: 'inboundChat', ...to, message: action.text };
    case 'media': {
      const { media, caption = '' } = action;
      if (media.url === undefined) return 'a picture needs an address';
      if (media.mimeType?.startsWith('image/') === false) return 'a persona looks at pictures alone';
      return { kind: 'inboundChat', ...to, message: caption, imageUrl: media.url };
    }
    case 'platform':
      return platformTurn(action, to);
    default:
      return `${action.kind} is nothing that a lead says`;
  }
};

const platformTurn = (
  { name, payload }: PlatformAction,
  to: { readonly target: string; readonly ownUsername?: string },
): Turn | string => {
  switch (name) {
    case 'aiOpener': {
      if (!Opener.is(payload)) return 'the payload of aiOpener is { imageUrl? }';
      const { imageUrl } = payload;
      return { kind: 'aiOpener', ...to, ...(imageUrl !== undefined && { imageUrl }) };
    }
    case 'eventTrigger': {
      if (!Trigger.is(payload)) return 'the payload of eventTrigger is { eventType, context?, imageUrl? }';
      const { eventType, context, imageUrl } = payload;
      return {
        kind: 'eventTrigger',
        ...to,
        eventType,
        ...(context !== undefined && { context: context as JsonObject }),
        ...(imageUrl !== undefined && { imageUrl }),
      };
    }
    case 'followUp':
      return { kind: 'followUp', ...to };
    default:
      return 'a platform action is aiOpener, eventTrigger or followUp';
  }
};

const callOf = (client: FluidtalkTurns, turn: Turn): Observable<FluidtalkResult> => {
  switch (turn.kind) {
    case 'inboundChat':
      return client.inboundChat(turn);
    case 'aiOpener':
      return client.aiOpener(turn);
    case 'eventTrigger':
      return client.eventTrigger(turn);
    case 'followUp':
      return client.followUp(turn);
  }
};

const claimOf = (
  ledger: FluidtalkTurnLedger,
  turn: Turn,
  target: string,
  actionId: string,
): Observable<LedgerClaim> => {
  switch (turn.kind) {
    case 'inboundChat':
      return ledger.begin(target, actionId);
    case 'aiOpener':
      return ledger.claimOpener(target);
    case 'eventTrigger':
      return ledger.claimEvent(target, actionId);
    case 'followUp':
      return ledger.claimFollowUp(target);
  }
};

/** Names a call as the ledger knows it: that of another action is the same opener. */
const nameOf = ({ kind, target, eventId, claim }: LedgerCall): string =>
  eventId ?? `${target}:${kind}.${String(claim)}`;
