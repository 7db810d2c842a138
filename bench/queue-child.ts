// A process that has a queue, until it is killed: node queue-child.js fill DIR COUNT | work DIR.
import type { InboundEvent } from 'tidewire';
import { lmdbFile, lmdbQueue } from 'tidewire/lmdb';
import type { Leased } from 'tidewire/queue';
import { messageOf } from './queue-raw.js';

/** What a child tells. */
export interface Answer {
  /** The most memory that it had up to now, what is mapped of the file included. */
  readonly megabytes: number;
  /** What a message cost: accepted, delivered, settled. */
  readonly microseconds: number;
}

const [CONVERSATIONS, TOGETHER] = [1_000, 1_000];
/** How many are on their way at a time, in a queue of any length. */
const IN_FLIGHT = 500;
const [WARM, MEASURED] = [20_000, 60_000];

const [, , what = '', dir = '', count = ''] = process.argv;
const queue = lmdbQueue({ file: lmdbFile({ dir }), name: 'in', maxItems: 2_000_000 });
const answer = (microseconds = NaN): void => {
  // In kilobytes, by getrusage(2).
  process.send?.({ megabytes: process.resourceUsage().maxRSS / 1_000, microseconds });
};
const unexpected = (error: unknown): void => {
  throw error;
};
process.on('disconnect', () => process.exit(0));

const fill = (from: number): void => {
  if (from === Number(count)) {
    // Some are in its hands when it is killed.
    queue.lease({ maxInFlight: IN_FLIGHT }).subscribe({ error: unexpected });
    answer();
    return;
  }
  const items = Array.from({ length: TOGETHER }, (_, n) => messageOf(from + n, (from + n) % CONVERSATIONS));
  queue.add(items).subscribe({
    next: () => {
      fill(from + TOGETHER);
    },
    error: unexpected,
  });
};

/** One comes for each that is done, so that there are always as many. */
const work = (): void => {
  let settled = 0;
  let began = 0;
  let isFirst = true;
  const count = (): void => {
    settled++;
    if (settled === WARM) began = performance.now();
    if (settled === WARM + MEASURED) answer(((performance.now() - began) * 1_000) / MEASURED);
  };
  const replace = (leased: Leased<InboundEvent>): void => {
    if (isFirst) answer();
    isFirst = false;
    queue.ack(leased).subscribe({ next: count, error: unexpected });
    queue.add(messageOf(leased.place, leased.place % CONVERSATIONS)).subscribe({ error: unexpected });
  };
  queue.lease({ maxInFlight: IN_FLIGHT }).subscribe({ next: replace, error: unexpected });
};

if (what === 'fill') fill(0);
else work();
