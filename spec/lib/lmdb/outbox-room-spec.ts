import { expect } from 'chai';
import { firstValueFrom, mergeMap, NEVER, of, type Observable, type Subscription } from 'rxjs';
import { delivered, openAccounts, react, text, type OutboundAction, type Receipt } from 'tidewire';
import { lmdbQueue, lmdbStore } from 'tidewire/lmdb';
import { fromQueue, outbox } from 'tidewire/queue';
import { virtualClock } from 'tidewire/testing';
import { message } from '../../support/events.js';
import { eventually } from '../../support/eventually.js';
import { Temporary } from '../../support/temporary.js';

describe('an outbox whose queue on the disk has little room', () => {
  const temporary = new Temporary();
  let running: Subscription | undefined;
  afterEach(async () => {
    running?.unsubscribe();
    await temporary.clear();
  });

  for (const mode of ['asTheyCome', 'whole'] as const) {
    it(`keeps the order where what comes later would fit, in one transaction (${mode})`, async () => {
      const file = temporary.file();
      const clock = virtualClock();
      const accounts = openAccounts();
      const inbox = lmdbQueue({ file, name: 'in' });
      // Room for the short one beside what waits already.
      const queue = lmdbQueue({ file, name: 'out', holds: 'actions', maxBytes: 900 });
      const sent: string[] = [];
      const send = (action: OutboundAction): Observable<Receipt> => {
        sent.push(action.id);
        return action.id === 'first#1' ? NEVER : of(delivered(action, ''));
      };
      const sink = (actions: Observable<OutboundAction>) => actions.pipe(mergeMap(send));
      const events = fromQueue(inbox, { accounts, scheduler: clock });
      const answers = events.pipe(react(({ id }) => text(id === 'long' ? 'x'.repeat(700) : id)));
      const config = { queue, store: lmdbStore({ file }), mode, accounts, scheduler: clock };
      running = answers.pipe(outbox(config, sink)).subscribe();
      await firstValueFrom(inbox.add(message('first', 'other')));
      await eventually('the platform has the first', () => sent.length === 1);
      await firstValueFrom(inbox.add([message('long'), message('short')]));
      // What was asked for before this is written by then.
      for (let n = 0; n < 5; n++) await firstValueFrom(queue.counts().pipe(mergeMap(() => inbox.add([]))));
      expect(sent).to.deep.equal(['first#1']);
      await firstValueFrom(queue.forget(message('', 'other').conversation));
      await eventually('the others are sent', () => {
        clock.advance(1_000);
        return sent.length === 3;
      });
      expect(sent).to.deep.equal(['first#1', 'long#1', 'short#1']);
    });
  }
});
