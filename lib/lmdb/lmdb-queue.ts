import type { SchedulerLike } from 'rxjs';
import { InboundEventCodec, OutboundActionCodec } from '../model/codec.js';
import type { InboundEvent, OutboundAction } from '../model/index.js';
import { QueueCore } from '../queue/queue-core.js';
import type { Queue, QueueLimits } from '../queue/queue.js';
import type { Leasing } from '../queue/shelf.js';
import { above } from '../range.js';
import { coreOf, type LmdbFile } from './lmdb-file.js';
import { LmdbShelf } from './lmdb-shelf.js';
import { isGone } from './owner.js';

export interface LmdbQueueConfig extends QueueLimits {
  readonly file: LmdbFile;
  /** Which queue of the file: letters, digits, `.`, `_` and `-`, at most 64. */
  readonly name: string;
  /**
   * How long a consumer keeps the queue that does not renew its lease, in milliseconds; it is renewed three times as often.
   * Of a process that is known to be dead the queue is taken at once. Default: 10 000.
   */
  readonly leaseMs?: number;
  /** How often a consumer looks for what other processes added, in milliseconds. Default: 25. */
  readonly pollMs?: number;
  /** Clock of attempts, leases and retention: that of the wall, since several processes compare it. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * A queue of events on the disk. What it has accepted is synced, and survives the end of the process at any moment.
 *
 * What is added at the same time is written together (group commit). Any number of processes may add; one consumer at a
 * time has the queue, the others wait for its lease. What is read back is decoded as an event; what is none becomes a dead
 * letter with its bytes.
 *
 * @throws TypeError for a file that is none, or a name with other signs; RangeError for a number out of range.
 */
export function lmdbQueue(config: LmdbQueueConfig & { readonly holds?: 'events' }): Queue<InboundEvent>;
/** The same for actions. */
export function lmdbQueue(config: LmdbQueueConfig & { readonly holds: 'actions' }): Queue<OutboundAction>;
export function lmdbQueue(
  config: LmdbQueueConfig & { readonly holds?: 'events' | 'actions' },
): Queue<InboundEvent> | Queue<OutboundAction> {
  const { file, name, holds = 'events', leaseMs = 10_000, pollMs = 25, scheduler } = config;
  if (!/^[\w.-]{1,64}$/.test(name)) throw new TypeError('lmdbQueue: name must be 1 to 64 letters, digits, . _ or -');
  above('lmdbQueue: leaseMs', leaseMs, 0);
  above('lmdbQueue: pollMs', pollMs, 0);
  const core = coreOf(file);
  const leasing: Leasing = { owner: core.owner, leaseMs, pollMs, isGone };
  if (holds === 'actions') {
    return new QueueCore(new LmdbShelf(core, name, holds, OutboundActionCodec, leasing), config, scheduler);
  }
  return new QueueCore(new LmdbShelf(core, name, holds, InboundEventCodec, leasing), config, scheduler);
}
