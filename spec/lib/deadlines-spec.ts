import { expect } from 'chai';
import fc from 'fast-check';
import type { SchedulerLike } from 'rxjs';
import { virtualClock } from 'tidewire/testing';
import { Deadlines, type Waiting } from '../../lib/deadlines.js';

describe('Deadlines', () => {
  it('fire in time when something is added while they fire', () => {
    const clock = virtualClock();
    const fired: string[] = [];
    const deadlines: Deadlines<string> = new Deadlines(clock, 45, (item) => {
      fired.push(`${clock.now()} ${item}`);
      if (item === 'first') deadlines.add('third');
    });
    deadlines.add('first');
    clock.advance(1);
    deadlines.add('second');
    clock.flush();
    expect(fired).to.deep.equal(['45 first', '46 second', '90 third']);
  });

  it('wait longer than a timer can', () => {
    const clock = virtualClock();
    const fired: number[] = [];
    const month = 30 * 86_400_000;
    new Deadlines(clock, month, () => fired.push(clock.now())).add('');
    clock.flush();
    expect(fired).to.deep.equal([month]);
  });

  it('fire once where the time is no whole number, and sums of it are not exact', () => {
    const clock = virtualClock();
    let armed = 0;
    const scheduler: SchedulerLike = {
      now: () => clock.now(),
      schedule: (work, delay, state) => {
        if (++armed > 100) throw new Error('it is armed for ever');
        return clock.schedule(work as Parameters<typeof clock.schedule>[0], delay, state);
      },
    };
    const fired: number[] = [];
    clock.advance(13);
    new Deadlines(scheduler, 10 / 3, () => fired.push(clock.now())).add('');
    clock.flush();
    expect(fired).to.deep.equal([13 + 10 / 3]);
  });

  it('fire in time, whatever was added late, taken out or added while they fire', () => {
    const steps = fc.array(fc.record({ gap: fc.nat(30), late: fc.nat(80), removed: fc.boolean() }), { maxLength: 25 });
    fc.assert(
      fc.property(steps, fc.boolean(), (list, staysArmed) => {
        const clock = virtualClock();
        const fired: { readonly n: number; readonly at: number }[] = [];
        const deadlines = new Deadlines<number>(clock, 50, (n) => fired.push({ n, at: clock.now() }), staysArmed);
        const expected: { readonly n: number; readonly at: number }[] = [];
        const open = new Map<number, Waiting<number>>();
        list.forEach(({ gap, late, removed }, n) => {
          clock.advance(gap);
          for (const { n: gone } of fired) open.delete(gone);
          const since = clock.now() - late;
          open.set(n, deadlines.add(n, since));
          const [[oldest, entry] = []] = open;
          if (removed && entry !== undefined && oldest !== undefined) {
            deadlines.remove(entry);
            open.delete(oldest);
            expected.splice(expected.findIndex((item) => item.n === oldest) >>> 0, 1);
            if (oldest === n) return;
          }
          expected.push({ n, at: Math.max(since + 50, clock.now()) });
        });
        clock.flush();
        const byNumber = (a: { readonly n: number }, b: { readonly n: number }): number => a.n - b.n;
        expect([...fired].sort(byNumber)).to.deep.equal([...expected].sort(byNumber));
      }),
    );
  });
});
