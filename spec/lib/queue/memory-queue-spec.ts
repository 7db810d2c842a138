import { memoryQueue } from '../../../lib/queue/memory-queue.js';
import { queueContract } from '../../../lib/testing/queue-contract.js';

describe('memoryQueue', () => {
  queueContract({ describe, it }, (scheduler, limits) => memoryQueue({ scheduler, ...limits }));
});
