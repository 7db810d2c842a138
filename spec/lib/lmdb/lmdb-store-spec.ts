import { lmdbStore } from '../../../lib/lmdb/lmdb-store.js';
import { storeContract } from 'tidewire/testing';
import { Temporary } from '../../support/temporary.js';

describe('lmdbStore', () => {
  const temporary = new Temporary();
  afterEach(temporary.clear);

  storeContract({ describe, it }, (scheduler) => lmdbStore({ file: temporary.file(), scheduler }));
});
