import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import { memoryQueue } from '../../../lib/queue/memory-queue.js';
import { queueContract } from '../../../lib/testing/queue-contract.js';
import { message } from '../../support/events.js';

describe('memoryQueue', () => {
  queueContract({ describe, it }, (scheduler, limits) => memoryQueue({ scheduler, ...limits }));

  it('hands out a long conversation to somebody who is done with each item at once', async () => {
    const queue = memoryQueue();
    await firstValueFrom(queue.add(Array.from({ length: 20_000 }, (_, n) => message(String(n)))));
    const seen: string[] = [];
    const lease = queue.lease({ perKey: 4 }).subscribe((leased) => {
      seen.push(leased.item.id);
      queue.ack(leased).subscribe();
    });
    expect(seen).to.have.length(20_000);
    expect(seen[19_999]).to.equal('19999');
    lease.unsubscribe();
  });
});
