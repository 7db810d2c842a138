import { expect } from 'chai';
import { TestScheduler } from 'rxjs/testing';
import { limitTime } from '../../../lib/transport/time-limits.js';

describe('limitTime', () => {
  const inTime = (work: (scheduler: TestScheduler, flush: () => void) => void): void => {
    const scheduler = new TestScheduler(() => undefined);
    scheduler.run(({ flush }) => {
      work(scheduler, flush);
    });
  };

  it('tells each when its time is over, counted from its own beginning', () => {
    inTime((scheduler, flush) => {
      const told: string[] = [];
      const begin = (name: string, limitMs: number) =>
        limitTime(scheduler, limitMs, () => told.push(`${name} at ${scheduler.now()}`));
      begin('a', 100);
      begin('b', 50);
      scheduler.schedule(() => begin('c', 100), 30);
      flush();
      expect(told).to.deep.equal(['b at 50', 'a at 100', 'c at 130']);
    });
  });

  it('tells nobody who was in time, or is told already', () => {
    inTime((scheduler, flush) => {
      const told: string[] = [];
      const first = limitTime(scheduler, 100, () => told.push('first'));
      const second = limitTime(scheduler, 100, () => {
        told.push('second');
        second();
      });
      first();
      first();
      flush();
      second();
      limitTime(scheduler, 100, () => told.push('third'));
      flush();
      expect(told).to.deep.equal(['second', 'third']);
    });
  });

  it('keeps no timer when nobody waits', () => {
    inTime((scheduler, flush) => {
      limitTime(scheduler, 1_000, () => undefined)();
      flush();
      expect(scheduler.now()).to.be.below(1_000);
    });
  });

  it('knows any number of limits', () => {
    inTime((scheduler, flush) => {
      const told: number[] = [];
      for (let ms = 1; ms <= 200; ms++) limitTime(scheduler, ms, () => told.push(ms));
      flush();
      expect(told).to.deep.equal(Array.from({ length: 200 }, (_, n) => n + 1));
    });
  });
});
