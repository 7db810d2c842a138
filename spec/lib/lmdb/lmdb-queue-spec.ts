import type { MessageEvent } from 'tidewire';
import type { Queue } from '../../../lib/queue/queue.js';
import { lmdbQueue } from '../../../lib/lmdb/lmdb-queue.js';
import { queueContract } from '../../../lib/testing/queue-contract.js';
import { Temporary } from '../../support/temporary.js';

describe('lmdbQueue', () => {
  const temporary = new Temporary();
  afterEach(temporary.clear);

  queueContract(
    { describe, it },
    (scheduler, limits) =>
      lmdbQueue({
        file: temporary.file(),
        name: 'in',
        scheduler,
        pollMs: 1e9,
        leaseMs: 1e10,
        ...limits,
      }) as Queue<MessageEvent>,
  );
});
