import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import { memoryStore, openAccounts, react, text, type OutboundAction, type Receipt } from 'tidewire';
import { delivered } from '../../lib/model/index.js';
import { deliver } from 'tidewire';
import { fromQueue, memoryQueue, outbox } from 'tidewire/queue';
import { virtualClock } from 'tidewire/testing';
import { message } from '../support/events.js';

describe('outbox', () => {
  for (const mode of ['asTheyCome', 'whole'] as const)
    it(`delivers what handlers make, ${mode}`, async () => {
      const clock = virtualClock();
      const accounts = openAccounts({ scheduler: clock });
      const inbox = memoryQueue({ scheduler: clock });
      const queue = memoryQueue<OutboundAction>({ name: 'out', scheduler: clock });
      const store = memoryStore({ scheduler: clock });
      const sent: string[] = [];
      const seen: Receipt[] = [];
      fromQueue(inbox, { accounts, scheduler: clock })
        .pipe(
          react(() => [text('1'), text('2'), text('3')]),
          outbox(
            { queue, store, mode, scheduler: clock, accounts },
            deliver({ name: 'x', scheduler: clock }, (a) => {
              sent.push(a.id);
              return delivered(a, 'now', ['m']);
            }),
          ),
        )
        .subscribe((r) => seen.push(r));
      await firstValueFrom(inbox.add([message('a'), message('b', 'd')]));
      clock.advance(0);
      expect(sent).to.have.length(6);
      expect(seen.map((r) => `${r.status} ${r.action.id}`)).to.have.length(6);
      expect(await firstValueFrom(inbox.counts())).to.include({ waiting: 0 });
      expect(await firstValueFrom(queue.counts())).to.include({ waiting: 0 });
    });
});
