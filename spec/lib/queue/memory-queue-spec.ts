import { expect } from 'chai';
import { firstValueFrom, mergeMap } from 'rxjs';
import type { InboundEvent } from 'tidewire';
import type { Leased } from 'tidewire/queue';
import { memoryQueue } from '../../../lib/queue/memory-queue.js';
import { queueContract } from '../../../lib/testing/queue-contract.js';
import { message } from '../../support/events.js';

describe('memoryQueue', () => {
  queueContract({ describe, it }, (scheduler, limits) => memoryQueue({ scheduler, ...limits }));

  it('hands out a long conversation to somebody who is done with each item at once', async () => {
    const queue = memoryQueue();
    await firstValueFrom(queue.add(Array.from({ length: 20_000 }, (_, n) => message(String(n)))));
    const seen: string[] = [];
    const done = mergeMap((leased: Leased<InboundEvent>) => {
      seen.push(leased.item.id);
      return queue.ack(leased);
    });
    const lease = queue.lease({ perKey: 4 }).pipe(done).subscribe();
    expect(seen).to.have.length(20_000);
    expect(seen[19_999]).to.equal('19999');
    lease.unsubscribe();
  });
});
