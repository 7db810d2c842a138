import { asyncScheduler, defer, map, of, switchMap, type Observable, type SchedulerLike } from 'rxjs';
import { ChatError } from '../errors.js';
import type { Json } from '../model/index.js';
import { above } from '../range.js';
import type { Store } from '../store/store.js';
import { isBlank, spelled } from './command.js';
import { entryIn, entryOf, slotOf, targetIn, type Entry, type Slot, type Target } from './ledger-record.js';
import { partsOf, type FluidtalkResult, type ReplyPart } from './result.js';

export interface FluidtalkLedgerConfig {
  /** Where it is kept: a durable one, which every process of the persona shares. */
  readonly store: Store;
  /** Keeps personas apart that share a store: a name of yours, not the key. Default: `default`. */
  readonly persona?: string;
  /** Least time between two follow-ups of a target, in milliseconds. Default: 24 hours. */
  readonly followUpPauseMs?: number;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** A call that was claimed: plain data, which may be kept and given to another process. */
export interface LedgerCall {
  readonly kind: 'chat' | 'opener' | 'followUp' | 'event';
  readonly target: string;
  /** Of `chat` and `event`. */
  readonly eventId?: string;
  /** Which claim it is, when there were several. */
  readonly claim: number;
}

/** Whether a call may be made. Only `claimed` says yes, and says it to one. */
export type LedgerClaim =
  /** Yours: make the call, then tell `replied`, `inDoubt` or `release`. */
  | { readonly kind: 'claimed'; readonly call: LedgerCall }
  /** It was made: send these parts, which are not delivered yet; there may be none. */
  | { readonly kind: 'replied'; readonly call: LedgerCall; readonly parts: readonly ReplyPart[] }
  /** Somebody claimed it and told nothing since: is still at it, or ended on the way. `since` is ISO 8601. */
  | { readonly kind: 'called'; readonly call: LedgerCall; readonly since: string }
  /** It was made, and nobody knows what became of it. */
  | { readonly kind: 'inDoubt'; readonly call: LedgerCall; readonly since: string }
  /** The conversation is over for good. */
  | { readonly kind: 'sealed' }
  /** An opener, for a target whose chat or event was claimed, or whose follow-up was answered. */
  | { readonly kind: 'known' }
  /** A follow-up, so soon after the last. */
  | { readonly kind: 'tooSoon'; readonly waitMs: number };

export interface FluidtalkLedger {
  /** The one opener that a target gets, ever. */
  claimOpener(target: string): Observable<LedgerClaim>;
  /** A follow-up: one in `followUpPauseMs`. Parts of the last one that are still missing then are given up. */
  claimFollowUp(target: string): Observable<LedgerClaim>;
  /** An event trigger: one for each id of yours. */
  claimEvent(target: string, eventId: string): Observable<LedgerClaim>;
  /** A chat: one for each inbound event. */
  begin(target: string, eventId: string): Observable<LedgerClaim>;
  /** The call was answered. Keeps the reply before any of it is sent, and emits its parts. */
  replied(call: LedgerCall, result: Pick<FluidtalkResult, 'bubbles' | 'photoUrl'>): Observable<readonly ReplyPart[]>;
  /** A part was delivered, or may have been: it is not sent again. Emits what is left; its text is forgotten. */
  delivered(call: LedgerCall, index: number): Observable<readonly ReplyPart[]>;
  /** What was replied and is not delivered. */
  pending(call: LedgerCall): Observable<readonly ReplyPart[]>;
  /** The call failed and may have had its effect (`ChatError.inDoubt`): nobody makes it again. */
  inDoubt(call: LedgerCall): Observable<void>;
  /** The call failed without effect, or a person decided that it may be repeated: it can be claimed again. */
  release(call: LedgerCall): Observable<void>;
  /** The conversation is over (`reason` is `sealed`): nothing is claimed for this target any more. */
  seal(target: string): Observable<void>;
  sealed(target: string): Observable<boolean>;
  /** Forgets everything about a target, for a person to decide: it may be contacted and cost tokens again. */
  forget(target: string): Observable<number>;
}

/**
 * What must not happen twice, because it costs a token or bothers somebody: remembered in a store, written before the call
 * is made, decided by compare-and-set, so that of all processes that claim the same call one gets it.
 *
 *     ledger.begin(target, event.id).pipe(
 *       switchMap((claim) => {
 *         if (claim.kind !== 'claimed') return of(claim.kind === 'replied' ? claim.parts : []);
 *         const { call } = claim;
 *         return persona.inboundChat({ target, message: event.text }).pipe(
 *           catchError((error: ChatError) =>
 *             (error.inDoubt ? ledger.inDoubt(call) : ledger.release(call)).pipe(switchMap(() => throwError(() => error))),
 *           ),
 *           switchMap((result) => ledger.replied(call, result)),
 *         );
 *       }),
 *     ) // then send each part, and tell `delivered(call, part.index)`
 *
 * After a crash the same claim gives what is missing: the parts that are not marked, or `called`, when nobody knows whether
 * the call was made. A part that was sent and not marked is sent again: mark it first where that is worse than a gap.
 *
 * All Observables are cold, emit once and complete. Entries are never evicted and have no time to live: one a target, one
 * for each chat and event, some 100 bytes each once all is delivered. Errors, all `ChatError`: those of the store, of which
 * `overflow` means that it is full and nothing was claimed; `conflict` for a call that somebody else has claimed since, or
 * that cannot go where it is told; `unsupported` for an empty target or id; `undecodable` for an entry of a later version.
 *
 * @throws RangeError when `followUpPauseMs` is not above 0.
 */
export function fluidtalkLedger(config: FluidtalkLedgerConfig): FluidtalkLedger {
  const { store, persona = 'default', followUpPauseMs = 86_400_000, scheduler = asyncScheduler } = config;
  above('fluidtalkLedger: followUpPauseMs', followUpPauseMs, 0);

  /** Begins every key of the target, and no key of another: the quotes of JSON keep them apart. */
  const prefixOf = (target: string): string => {
    if (isBlank(target)) throw new ChatError('unsupported', 'fluidtalk', 'the ledger needs a target');
    return `fluidtalk/${JSON.stringify(persona)}/${JSON.stringify(spelled(target))}/`;
  };
  const targetKey = (target: string): string => `${prefixOf(target)}target`;
  const slotFor = ({ kind, target, eventId }: Omit<LedgerCall, 'claim'>): Slot => {
    if (kind === 'opener' || kind === 'followUp') return slotOf(targetKey(target), kind);
    if (isBlank(eventId)) throw new ChatError('unsupported', 'fluidtalk', 'the ledger needs the id of an event');
    return slotOf(`${prefixOf(target)}${kind}/${JSON.stringify(eventId)}`, undefined);
  };

  /** Reads, decides and writes, from the start when somebody wrote in between. Without `write` nothing is written. */
  const change = <R>(
    key: string,
    decide: (value: Json | undefined) => { readonly write?: Json; readonly result: R },
  ): Observable<R> =>
    defer(() => store.get(key)).pipe(
      switchMap((stored) => {
        const { write, result } = decide(stored?.value);
        if (write === undefined) return of(result);
        return store
          .put(key, write, { if: stored?.revision ?? 'absent' })
          .pipe(switchMap((revision) => (revision === undefined ? change(key, decide) : of(result))));
      }),
    );

  const iso = (at: number): string => new Date(at).toISOString();
  const stateOf = (call: LedgerCall, { state, at, pending }: Entry): LedgerClaim =>
    state === 'called' || state === 'inDoubt'
      ? { kind: state, call, since: iso(at) }
      : { kind: 'replied', call, parts: pending };
  const isOpen = (entry: Entry | undefined): entry is Entry => entry !== undefined && entry.state !== 'released';

  /** Claims a slot, unless `against` has something against it. */
  const claim = (
    asked: Omit<LedgerCall, 'claim'>,
    against: (value: Json | undefined, call: LedgerCall, entry: Entry | undefined) => LedgerClaim | undefined,
  ): Observable<LedgerClaim> =>
    defer(() => {
      const slot = slotFor(asked);
      return change<LedgerClaim>(slot.key, (value) => {
        const before = slot.read(value);
        const refusal = against(value, { ...asked, claim: before?.claim ?? 0 }, before);
        if (refusal !== undefined) return { result: refusal };
        const call = { ...asked, claim: (before?.claim ?? 0) + 1 };
        const entry = entryOf(call.claim, 'called', scheduler.now());
        return { write: slot.write(value, entry), result: { kind: 'claimed', call } };
      });
    });

  /** Writes what is known of a target, and emits what was known then. */
  const note = (target: string, next: (before: Target) => Target): Observable<Target> =>
    defer(() =>
      change(targetKey(target), (value) => {
        const before = targetIn(value);
        const after = next(before);
        return after === before ? { result: before } : { write: after, result: before };
      }),
    );

  /** A chat or an event trigger: what was claimed before is told even when the conversation is over by now. */
  const claimOnce = (kind: 'chat' | 'event', target: string, eventId: string): Observable<LedgerClaim> => {
    const asked = { kind, target, eventId };
    return defer(() => store.get(slotFor(asked).key)).pipe(
      switchMap((stored) => {
        const entry = entryIn(stored?.value);
        if (isOpen(entry)) return of(stateOf({ ...asked, claim: entry.claim }, entry));
        return note(target, (before) =>
          before.known || before.sealedAt !== null ? before : { ...before, known: true },
        ).pipe(
          switchMap(({ sealedAt }) =>
            sealedAt === null
              ? claim(asked, (_, call, before) => (isOpen(before) ? stateOf(call, before) : undefined))
              : of<LedgerClaim>({ kind: 'sealed' }),
          ),
        );
      }),
    );
  };

  /** Changes the entry of a call that is still the caller's. */
  const update = (call: LedgerCall, next: (entry: Entry) => Entry | undefined): Observable<Entry> =>
    defer(() => {
      const slot = slotFor(call);
      return change(slot.key, (value) => {
        const entry = slot.read(value);
        const after = entry?.claim === call.claim ? next(entry) : undefined;
        if (entry === undefined || after === undefined) {
          throw new ChatError(
            'conflict',
            'fluidtalk',
            `the ledger has the ${call.kind} otherwise: somebody was faster`,
          );
        }
        return after === entry ? { result: entry } : { write: slot.write(value, after), result: after };
      });
    });
  const pendingOf = map(({ pending }: Entry): readonly ReplyPart[] => pending);
  const nothing = map((): void => undefined);

  return {
    claimOpener: (target) =>
      claim({ kind: 'opener', target }, (value, call, entry) => {
        const { sealedAt, known } = targetIn(value);
        if (isOpen(entry)) return stateOf(call, entry);
        if (sealedAt !== null) return { kind: 'sealed' };
        return known ? { kind: 'known' } : undefined;
      }),
    claimFollowUp: (target) =>
      claim({ kind: 'followUp', target }, (value, call, entry) => {
        const waitMs = isOpen(entry) ? entry.at + followUpPauseMs - scheduler.now() : 0;
        if (isOpen(entry) && waitMs > 0) {
          const state = stateOf(call, entry);
          return state.kind === 'replied' && state.parts.length === 0 ? { kind: 'tooSoon', waitMs } : state;
        }
        return targetIn(value).sealedAt === null ? undefined : { kind: 'sealed' };
      }),
    claimEvent: (target, eventId) => claimOnce('event', target, eventId),
    begin: (target, eventId) => claimOnce('chat', target, eventId),
    replied: (call, result) =>
      update(call, (entry) => {
        // Told again, because the store's answer was lost: what was delivered meanwhile stays so.
        if (entry.state === 'replied') return entry;
        return entry.state === 'released' ? undefined : entryOf(entry.claim, 'replied', entry.at, partsOf(result));
      }).pipe(pendingOf),
    delivered: (call, index) =>
      update(call, (entry) => {
        if (entry.state !== 'replied') return undefined;
        const pending = entry.pending.filter((part) => part.index !== index);
        return pending.length === entry.pending.length ? entry : entryOf(entry.claim, 'replied', entry.at, pending);
      }).pipe(pendingOf),
    pending: (call) => update(call, (entry) => entry).pipe(pendingOf),
    inDoubt: (call) =>
      update(call, (entry) => {
        if (entry.state === 'inDoubt') return entry;
        return entry.state === 'called' ? entryOf(entry.claim, 'inDoubt', entry.at) : undefined;
      }).pipe(nothing),
    release: (call) =>
      update(call, (entry) => {
        if (entry.state === 'released') return entry;
        return entry.state === 'replied' ? undefined : entryOf(entry.claim, 'released', entry.at);
      }).pipe(nothing),
    seal: (target) =>
      note(target, (before) =>
        before.sealedAt === null ? { ...before, known: true, sealedAt: scheduler.now() } : before,
      ).pipe(nothing),
    sealed: (target) => note(target, (before) => before).pipe(map(({ sealedAt }) => sealedAt !== null)),
    forget: (target) => defer(() => store.forget(prefixOf(target))),
  };
}
