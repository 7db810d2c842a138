import {
  asyncScheduler,
  catchError,
  filter,
  map,
  type MonoTypeOperatorFunction,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { backoff, type BackoffConfig } from '../lib/limit/backoff.js';
import { guardedSink, oneByOne } from '../lib/limit/guarded-sink.js';
import { keyOf, limitedStream } from '../lib/limit/limited-stream.js';
import { SharedSlots } from '../lib/limit/shared-slots.js';
import { Windows } from '../lib/limit/windows.js';
import type { OutboundAction, Receipt } from '../lib/model/index.js';
import { slotsOf, type Budget } from './budget.js';
import { lanes } from './lanes.js';
import { atLeast } from '../lib/range.js';
import { traceOf } from '../lib/trace.js';

/** A limit of one's own. */
export interface Limit {
  /** How many items of a key pass within any window of `perMs`. */
  readonly limit: number;
  /** Length of the window, in milliseconds. */
  readonly perMs: number;
  /** Clock of the windows. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  readonly budget?: never;
}
/** A limit that several places share. */
export interface SharedLimit {
  /** A limit that several places share. */
  readonly budget: Budget;
}

export type RateLimitConfig<T> = (Limit | SharedLimit) & {
  /** What is limited on its own. Default: the item's conversation, and all items without one together. */
  readonly key?: (item: T) => string;
  /** What happens to an item that finds no free slot: it waits, or is settled `shed`. Default: `delay`. */
  readonly overflow?: 'delay' | 'shed';
  /** How many items of all keys may wait; what comes beyond is settled `shed`. Default: 100 000. */
  readonly maxQueued?: number;
};

/** For platforms that take several actions as one request. */
export interface CoalesceConfig {
  /** How many waiting actions of a key go out as one request. */
  readonly coalesce: number;
  /** Whether an action may go out in the same request as the one before it. Default: always. */
  readonly together?: (before: OutboundAction, next: OutboundAction) => boolean;
}

/** Around a sink: the limit, and what `retryDelivery` does. */
export type RateLimitSinkConfig = (Limit | SharedLimit) &
  BackoffConfig & {
    /** What is limited on its own, and stays in order. Default: the conversation. */
    readonly key?: (action: OutboundAction) => string;
    /** How many actions may wait; what comes beyond is `skipped: shed`. Default: 100 000. */
    readonly maxQueued?: number;
  };

/**
 * Lets at most `limit` items of a key pass in any window of `perMs`, and delays the others.
 *
 *     source  -a-a-a-a------|
 *             rateLimit({ limit: 2, perMs: 6 })
 *     result  -a-a---a-a----|
 *
 * In order within a key; keys do not wait for each other, and nothing waits while there is a free slot. Holds what waits;
 * a cancelled item leaves the line. Completes when the source has completed and nothing waits. Errors: those of the
 * source, and whatever `key` throws. Keys that are not used cost nothing.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function rateLimit<T>(config: RateLimitConfig<T>): MonoTypeOperatorFunction<T>;
/**
 * Around a sink, where it keeps the limit at the platform's clock: a slot is taken from the request on and counts from the
 * moment its answer came. In front of a sink, network jitter turns an honest window into refusals.
 *
 * One request of a key at a time. What the platform throttled goes back to the head of its line, the key closes for as
 * long as it asks, and the limit learns when that repeats; what failed and may succeed later is sent again as by
 * `retryDelivery`. `handoff` and `end` overtake what waits, which is `skipped: superseded`. With `coalesce`, the sink takes
 * lists: up to so many waiting actions of a key are one request, and it emits their receipts as a list. Every action gives
 * one receipt. Accounts for the actions in place of the sink inside.
 */
export function rateLimit(
  config: RateLimitSinkConfig & CoalesceConfig,
  sink: OperatorFunction<readonly OutboundAction[], readonly Receipt[]>,
): OperatorFunction<OutboundAction, Receipt>;
export function rateLimit(
  config: RateLimitSinkConfig,
  sink: OperatorFunction<OutboundAction, Receipt>,
): OperatorFunction<OutboundAction, Receipt>;
export function rateLimit<T>(
  config: RateLimitConfig<T> | (RateLimitSinkConfig & Partial<CoalesceConfig>),
  sink?: unknown,
): unknown {
  const { maxQueued = 100_000 } = config;
  atLeast('rateLimit: maxQueued', maxQueued, 0);
  const given = config.budget === undefined ? undefined : slotsOf(config.budget);
  const shared = given instanceof SharedSlots ? given : undefined;
  const { limit, perMs, scheduler = asyncScheduler } = config as Limit;
  const windows = given instanceof Windows ? () => given : () => new Windows('rateLimit', limit, perMs, scheduler);
  const clock = (given ?? windows()).scheduler;
  const budget = given !== undefined;
  if (sink === undefined) {
    const { key, overflow = 'delay' } = config as RateLimitConfig<T>;
    return shared === undefined
      ? limitedStream({ key, overflow, maxQueued, windows, budget })
      : sharedLimit(shared, key ?? keyOf, overflow, maxQueued);
  }

  const { key, coalesce, together = () => true, ...rest } = config as RateLimitSinkConfig & Partial<CoalesceConfig>;
  if (coalesce !== undefined && !(coalesce >= 1)) {
    throw new RangeError(`rateLimit: coalesce must be at least 1, got ${coalesce}`);
  }
  const ours = shared === undefined ? windows : undefined;
  const guard = { name: 'rateLimit', key, scheduler: clock, windows: ours, shared, budget, maxQueued };
  return guardedSink(
    { ...guard, coalesce: coalesce ?? 1, together, ...backoff('rateLimit', { delayMs: 2_000, ...rest }) },
    coalesce === undefined ? oneByOne(sink as OperatorFunction<OutboundAction, Receipt>) : (sink as Lists),
  );
}

/** The stream form on a budget in a store: an item waits in the lane of its key until a slot is taken for it. */
const sharedLimit = <T>(
  slots: SharedSlots,
  key: (item: T) => string,
  overflow: 'delay' | 'shed',
  maxQueued: number,
): MonoTypeOperatorFunction<T> =>
  lanes({ name: 'rateLimit', key, maxQueued }, (item) => {
    const at = key(item);
    const taken = overflow === 'delay' ? slots.take(at) : slots.tryTake(at).pipe(catchError(() => [0]));
    return taken.pipe(
      filter((slot) => {
        if (typeof slot === 'string') slots.answered(at, slot);
        else traceOf(item)?.conclude('shed', 'rateLimit: no free slot');
        return typeof slot === 'string';
      }),
      map(() => item),
    );
  });

type Lists = OperatorFunction<readonly OutboundAction[], readonly Receipt[]>;
