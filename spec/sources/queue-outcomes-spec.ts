import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import { openAccounts, traceOf, type Outcome } from 'tidewire';
import { fromQueue, memoryQueue } from 'tidewire/queue';
import { virtualClock } from 'tidewire/testing';
import { fromQueueThatMistakes, type Ending, type FromQueue } from '../support/broken/fromQueue-mistakes.js';
import { message } from '../support/events.js';

/** What the queue does with an item. `listed`: done, and among the dead letters; nobody waits for it. */
type Became = 'done' | 'listed' | 'again' | 'parked';

const row = (outcome: Outcome, touched: boolean, became: Became, mistaken: Ending) => ({
  ending: { outcome, touched },
  became,
  mistaken,
});
const FAILED: Ending = { outcome: 'failed', touched: false };
const HANDLED: Ending = { outcome: 'handled', touched: true };

/** The table of `fromQueue`, and for what a broken copy takes each row. */
const TABLE = [
  row('handled', true, 'done', { outcome: 'failed', touched: true }),
  row('handled', false, 'done', FAILED),
  row('ignored', false, 'done', FAILED),
  row('superseded', false, 'done', FAILED),
  row('handedOff', false, 'done', FAILED),
  row('duplicate', false, 'done', FAILED),
  row('queued', false, 'done', FAILED),
  row('deadLettered', false, 'done', FAILED),
  row('inDoubt', true, 'listed', HANDLED),
  row('failed', false, 'again', HANDLED),
  row('shed', false, 'again', HANDLED),
  row('failed', true, 'parked', FAILED),
  row('shed', true, 'parked', FAILED),
  row('expired', false, 'parked', FAILED),
  row('expired', true, 'parked', HANDLED),
];

/** What became of an item that ended so. */
const becameOf = async (make: FromQueue, { outcome, touched }: Ending): Promise<Became> => {
  const clock = virtualClock();
  const accounts = openAccounts({ scheduler: clock });
  const queue = memoryQueue({ scheduler: clock });
  await firstValueFrom(queue.add(message('1')));
  const worker = { name: 'worker' };
  let times = 0;
  make(queue, { accounts, scheduler: clock, delayMs: 100, onPoison: 'wait' }).subscribe((event) => {
    traceOf(event)?.hold(worker);
    if (++times > 1) return;
    if (touched) traceOf(event)?.touch();
    traceOf(event)?.release(worker, outcome);
  });
  clock.advance(100);
  const { waiting } = await firstValueFrom(queue.counts());
  const [letter] = await firstValueFrom(queue.letters());
  if (times > 1) return 'again';
  if (waiting > 0) throw new Error('it waits, and is not handed out');
  if (letter === undefined) return 'done';
  return letter.holds ? 'parked' : 'listed';
};

describe('fromQueue, outcome by outcome', () => {
  for (const { ending, became, mistaken } of TABLE) {
    const { outcome, touched } = ending;
    const title = `${outcome}${touched ? ' after something went out' : ''}`;

    it(`has what was ${title} ${became}`, async () => {
      expect(await becameOf(fromQueue, ending)).to.equal(became);
    });

    it(`is found out when it takes what was ${title} for ${mistaken.outcome}`, async () => {
      const broken = fromQueueThatMistakes(fromQueue, ending, mistaken);
      expect(await becameOf(broken, ending)).not.to.equal(became);
      // It is broken in this row alone.
      for (const other of TABLE) {
        if (other.ending === ending) continue;
        expect(await becameOf(broken, other.ending)).to.equal(other.became);
      }
    });
  }

  it('has a row for every outcome', () => {
    const { outcomes } = openAccounts().counts();
    expect(new Set(TABLE.map(({ ending }) => ending.outcome))).to.deep.equal(new Set(Object.keys(outcomes)));
  });
});
