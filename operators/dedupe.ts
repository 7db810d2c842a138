import {
  asyncScheduler,
  defer,
  filter,
  map,
  Observable,
  type MonoTypeOperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { consume } from '../lib/consume.js';
import { OwnClaims } from '../lib/dedupe/own-claims.js';
import { SharedClaims } from '../lib/dedupe/shared-claims.js';
import { conversationKey, type InboundEvent } from '../lib/model/index.js';
import { resubmissionOf } from '../lib/queue/resubmission.js';
import { above, atLeast } from '../lib/range.js';
import { keysOfName } from '../lib/store/keys.js';
import type { Store } from '../lib/store/store.js';
import { traceOf, type Trace } from '../lib/trace.js';
import { lanes } from './lanes.js';

export interface DedupeConfig<T> {
  /** Identity of an event: two events with equal keys have one effect. Default: conversation and id. */
  readonly key?: (event: T) => string;
  /** How long a key is remembered after its event was settled, in milliseconds. Default: 24 hours. */
  readonly windowMs?: number;
  /** How many settled keys are remembered; beyond it the oldest is forgotten early, and reported. Default: 1 000 000. */
  readonly maxKeys?: number;
  /** How many deliveries of one event may wait for the first to settle; more are settled `shed`. Default: 8. */
  readonly maxTwins?: number;
  /**
   * Events whose platform gives no ids, so that only their content can be compared: `pass` lets all through, since a
   * person may say the same thing twice; `unanswered` takes an equal one for a twin while the first is being worked on;
   * `window` for the whole window. With `pass` and a `store`, an event that a queue hands out again is known by the id that
   * was made for it. Default: `pass`.
   */
  readonly fingerprints?: 'pass' | 'unanswered' | 'window';
  /**
   * Where claims are kept, so that several processes share them and a restart forgets none. Default: in memory. A store
   * that refuses what is new when it is full is the right one; `maxKeys` says nothing then.
   */
  readonly store?: Store;
  /**
   * In a store: how long a claim lasts that its process does not renew, in milliseconds. What was open when a process died
   * is handled again after that, or at once where the store can tell that it is dead. Default: 60 000.
   */
  readonly leaseMs?: number;
  /**
   * In a store: how long an event waits at least while the store fails, in milliseconds, and what is behind it in its conversation;
   * then it fails itself. Default: 0, so that a webhook can tell its platform at once. Behind a queue `Infinity` is right:
   * what fails there before something that came later is parked.
   */
  readonly waitMs?: number;
  /** Sets the keys of several `dedupe`s in one store apart. Default: `dedupe`. */
  readonly name?: string;
  /** Clock of the window and of the leases. Default: that of the events' accounts. */
  readonly scheduler?: SchedulerLike;
}

/**
 * One effect per event and window, however often the platform delivers it.
 *
 *     source   -a-a-b---a--|
 *              dedupe()
 *     result   -a---b------|
 *
 * Claims the key when an event comes, commits it when the event is settled, and gives it back when the event failed or
 * was shed before anything was delivered: the platform's next delivery is handled then. A twin that comes while the first
 * is in flight is not emitted; it ends `duplicate` when the first commits and `failed` when it is given back. Untraced
 * events commit when they pass. A key is claimed as long as its event is open; only committed keys count for `maxKeys`,
 * and the oldest of them is forgotten first.
 *
 * In a `store`, a twin that comes to another process while the first is in flight is settled `shed`, so that it comes
 * again, and one that comes after is a `duplicate`. A process whose lease another one took, because it stood still for
 * longer or the store was away, cancels what it has of the event as `superseded`: nothing more of it goes out; if all of
 * it is out already, that is reported as `evictedEarly`. When the store fails for `waitMs`, the event does.
 *
 * An event that was resubmitted from the dead letters of a queue is another one than it was before.
 *
 * Memory is per subscription: some 200 bytes a key. Completes with the source, twins in flight or not. Errors: those of
 * the source, and whatever `key` throws.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function dedupe<T extends InboundEvent>(config: DedupeConfig<T> = {}): MonoTypeOperatorFunction<T> {
  const { windowMs = 86_400_000, maxKeys = 1_000_000, maxTwins = 8, leaseMs = 60_000, name = 'dedupe' } = config;
  const { key, store, fingerprints = 'pass', waitMs = 0, scheduler } = config;
  above('dedupe: windowMs', windowMs, 0);
  above('dedupe: leaseMs', leaseMs, 0);
  atLeast('dedupe: waitMs', waitMs, 0);
  atLeast('dedupe: maxKeys', maxKeys, 1);
  atLeast('dedupe: maxTwins', maxTwins, 0);

  /** What tells the event from others; nothing when it passes unasked. */
  const identityOf = (event: T, trace: Trace | undefined): string | undefined => {
    const identity = firstIdentityOf(event, trace);
    const again = resubmissionOf(event);
    // What somebody resubmits is wanted once more, and no more often than that.
    return again && identity ? `${identity} again ${again}` : identity;
  };
  const firstIdentityOf = (event: T, trace: Trace | undefined): string | undefined => {
    if (key !== undefined) return `${name}/${key(event)}`;
    const { id, conversation, fingerprint } = event;
    const place = trace?.keyOf(conversation) ?? conversationKey(conversation);
    // In a store, among the keys of its conversation. In memory, with its length where nobody could tell where it ends.
    const where =
      store !== undefined ? keysOfName(place, name) : place.includes(' ') ? `${place.length} ${place}` : place;
    if (fingerprint === undefined) return `${where} ${id}`;
    if (fingerprints !== 'pass') return `${where} =${fingerprint}`;
    // The id was made for this delivery: it comes again where a queue hands out what was open at a crash.
    return store === undefined ? undefined : `${where} ${id}`;
  };
  /** Without what somebody wrote: a fingerprint has it, and a key of the caller's own may. */
  const named = (identity: string): string => {
    if (key !== undefined) return '';
    const end = identity.indexOf(' =');
    return end === -1 ? identity : identity.slice(0, end);
  };
  const isBrief = ({ fingerprint }: T): boolean =>
    fingerprint !== undefined && fingerprints === 'unanswered' && key === undefined;

  if (store !== undefined) {
    const clock = scheduler ?? asyncScheduler;
    const shared = { store, windowMs, leaseMs, maxTwins, waitMs, scheduler: clock, named };
    return (source) =>
      defer(() => {
        const claims = new SharedClaims(shared);
        // The store takes its time: what comes later in a conversation waits for it.
        return source.pipe(
          lanes({ name, key: ({ conversation }) => conversationKey(conversation) }, (event) => {
            const trace = traceOf(event);
            const identity = identityOf(event, trace);
            if (identity === undefined) return [event];
            return claims.admit(identity, trace, isBrief(event)).pipe(
              filter((isFirst) => isFirst),
              map(() => event),
            );
          }),
        );
      });
  }

  return (source) =>
    new Observable<T>((subscriber) => {
      const claims = new OwnClaims(windowMs, maxKeys, maxTwins, scheduler, named);
      let completed = false;
      subscriber.add(() => {
        if (!completed) claims.abandonTwins();
      });
      consume(source, subscriber, {
        next: (event) => {
          const trace = traceOf(event);
          const identity = identityOf(event, trace);
          if (identity === undefined || claims.admit(identity, trace, isBrief(event))) subscriber.next(event);
        },
        complete: () => {
          completed = true;
          subscriber.complete();
        },
      });
    });
}
