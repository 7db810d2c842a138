import { asyncScheduler, Observable, type OperatorFunction, type SchedulerLike } from 'rxjs';
import { consume } from '../lib/consume.js';
import { Deadlines, type Waiting } from '../lib/deadlines.js';
import {
  conversationKey,
  type EventKind,
  type InboundEvent,
  type MessageEvent,
  type Outcome,
} from '../lib/model/index.js';
import { above, atLeast } from '../lib/range.js';
import { attach, traceOf, type Holder, type Trace } from '../lib/trace.js';
import type { Writable } from '../lib/writable.js';

export interface CoalesceBurstsConfig {
  /** A message that comes so soon after the one before it belongs to it, in milliseconds. Default: 2 000. */
  readonly quietMs?: number;
  /** Longest time that the first message of a burst waits, in milliseconds. Default: 10 000. */
  readonly maxMs?: number;
  /** How many messages are merged at most. Default: 20. */
  readonly maxMessages?: number;
  /** What stands between the texts. Default: a line break. */
  readonly join?: string;
  /** Kinds that pass at once, in front of what waits, and end no burst: `['progress']`. Default: none. */
  readonly through?: readonly EventKind[];
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** An event as `coalesceBursts` emits it: a message that was merged names its parts. */
export type Coalesced<T> = T extends MessageEvent
  ? T & {
      /** Ids of the messages it was merged from, in order; its own is the last. Not set on a message that came alone. */
      readonly parts?: readonly string[];
    }
  : T;

/**
 * Merges the messages of a conversation that come shortly after each other: people write one thought in several.
 *
 *     events  -a-b-------c------d|       B: what a and b say
 *             coalesceBursts({ quietMs: 5 })
 *     result  --------B-------c--(d|)
 *
 * The merged event is the last message with the texts of all, their attachments, the `at` of the first and the ids of all
 * as `parts`; where the last answers nothing, what one before it answered. A message of another sender or in another
 * format begins a new burst; events of other kinds let go what waits in their conversation and pass behind it, except
 * those in `through`. Conversations do not wait for each other.
 *
 * Holds what waits. All parts are settled as the merged event is; a part that is cancelled while it waits is left out.
 * What waits is up to `maxMessages` for each conversation that is being written in; nothing else is remembered. Lets go
 * all that waits when the source completes. Errors: those of the source; then, and when it is unsubscribed, what waits is
 * settled `failed`.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function coalesceBursts<T extends InboundEvent>(
  config: CoalesceBurstsConfig = {},
): OperatorFunction<T, Coalesced<T>> {
  const { quietMs = 2_000, maxMs = 10_000, maxMessages = 20, join = '\n', scheduler = asyncScheduler } = config;
  above('coalesceBursts: quietMs', quietMs, 0);
  above('coalesceBursts: maxMs', maxMs, 0);
  atLeast('coalesceBursts: maxMessages', maxMessages, 1);
  const waitMs = Math.min(quietMs, maxMs);
  const through = new Set(config.through);

  return (source) =>
    new Observable<Coalesced<T>>((subscriber) => {
      const bursts = new Map<string, Burst>();
      const deadlines = new Deadlines<Burst>(scheduler, waitMs, (burst) => {
        burst.waiting = undefined;
        flush(burst);
      });

      const leave = (burst: Burst): void => {
        bursts.delete(burst.key);
        if (burst.waiting !== undefined) deadlines.remove(burst.waiting);
      };
      const flush = (burst: Burst): void => {
        leave(burst);
        const parts = burst.close();
        const leader = parts.reduce<Trace | undefined>((found, { trace }) => trace ?? found, undefined);
        const event = merge(parts, join, leader);
        for (const part of parts) {
          // The same event twice is its own leader: it must not wait for itself.
          if (leader === undefined || part.trace === undefined || part.trace === leader) continue;
          part.trace.follow(leader);
          part.trace.release(part);
        }
        subscriber.next(event as Coalesced<T>);
        for (const part of parts) {
          if (part.trace !== leader) continue;
          if (subscriber.closed) leader?.abandon(part, 'failed', 'unsubscribed');
          else leader?.release(part);
        }
      };
      const add = (event: MessageEvent, key: string, trace: Trace | undefined): void => {
        let burst = bursts.get(key);
        while (burst !== undefined && !burst.takes(event)) {
          flush(burst);
          burst = bursts.get(key);
        }
        // Whoever took the burst may have had enough.
        if (subscriber.closed) return;
        const now = scheduler.now();
        if (burst === undefined) bursts.set(key, (burst = new Burst(key, now, leave)));
        if (burst.waiting !== undefined) deadlines.remove(burst.waiting);
        burst.waiting = undefined;
        if (burst.add(event, trace) >= maxMessages) flush(burst);
        else burst.waiting = deadlines.add(burst, Math.min(now, burst.since + maxMs - waitMs));
      };

      subscriber.add(() => {
        for (const burst of bursts.values()) {
          leave(burst);
          for (const part of burst.close()) part.trace?.release(part, 'failed', 'unsubscribed');
        }
      });
      consume(source, subscriber, {
        next: (event: InboundEvent) => {
          const { kind, conversation } = event;
          if (through.has(kind) || (kind !== 'message' && bursts.size === 0)) {
            subscriber.next(event as Coalesced<T>);
            return;
          }
          const trace = traceOf(event);
          const key = trace?.keyOf(conversation) ?? conversationKey(conversation);
          if (kind === 'message') {
            add(event, key, trace);
            return;
          }
          const burst = bursts.get(key);
          if (burst !== undefined) flush(burst);
          subscriber.next(event as Coalesced<T>);
        },
        complete: () => {
          for (const burst of bursts.values()) flush(burst);
          subscriber.complete();
        },
      });
    });
}

/** What waits of one conversation. */
class Burst {
  readonly key: string;
  readonly since: number;
  readonly #emptied: (burst: Burst) => void;
  #parts: Part[] = [];
  waiting: Waiting<Burst> | undefined;

  constructor(key: string, since: number, emptied: (burst: Burst) => void) {
    this.key = key;
    this.since = since;
    this.#emptied = emptied;
  }

  /** Whether a message goes on with what waits. */
  takes({ sender, format }: MessageEvent): boolean {
    const before = this.#parts[0]?.event;
    return (
      before?.format === format &&
      before?.sender?.role === sender?.role &&
      before?.sender?.id === sender?.id &&
      before?.sender?.self === sender?.self
    );
  }

  /** How many there are then. */
  add(event: MessageEvent, trace: Trace | undefined): number {
    return this.#parts.push(new Part(this, event, trace));
  }

  /** Whether it was in it. */
  remove(part: Part): boolean {
    const at = this.#parts.indexOf(part);
    if (at < 0) return false;
    this.#parts.splice(at, 1);
    if (this.#parts.length === 0) this.#emptied(this);
    return true;
  }

  /** What was in it, which nobody can take out any more. */
  close(): readonly Part[] {
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }
}

class Part implements Holder {
  readonly name = 'coalesceBursts';
  readonly event: MessageEvent;
  readonly trace: Trace | undefined;
  readonly #burst: Burst;

  constructor(burst: Burst, event: MessageEvent, trace: Trace | undefined) {
    this.event = event;
    this.trace = trace;
    this.#burst = burst;
    trace?.hold(this);
  }

  cancel(trace: Trace, outcome: Outcome): void {
    if (this.#burst.remove(this)) trace.release(this, outcome);
  }
}

const merge = (parts: readonly Part[], join: string, leader: Trace | undefined): MessageEvent => {
  const events = parts.map(({ event }) => event);
  const [first, ...others] = events as [MessageEvent, ...MessageEvent[]];
  const last = others.at(-1);
  if (last === undefined) return first;
  const merged: Writable<Coalesced<MessageEvent>> = { ...last };
  merged.at = first.at;
  // A picture without words adds no empty line.
  merged.text = events
    .map(({ text }) => text)
    .filter((text) => text !== '')
    .join(join);
  merged.parts = events.map(({ id }) => id);
  const attachments = events.flatMap((event) => event.attachments ?? []);
  if (attachments.length > 0) merged.attachments = attachments;
  const replyTo = events.reduce<string | undefined>((found, event) => event.replyTo ?? found, undefined);
  if (replyTo !== undefined) merged.replyTo = replyTo;
  return leader === undefined ? merged : attach(merged, leader);
};
