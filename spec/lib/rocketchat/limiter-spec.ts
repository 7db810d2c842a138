import { expect } from 'chai';
import { concat, delay, EMPTY, map, NEVER, of, tap, throwError, timer, type Observable } from 'rxjs';
import { ChatError } from 'tidewire';
import { virtualClock } from 'tidewire/testing';
import { Limiter, type LimiterConfig, type RateNews } from '../../../lib/rocketchat/limiter.js';

const stage = (more: Partial<LimiterConfig> = {}) => {
  const clock = virtualClock();
  const config = { limitOf: () => 3, perMs: 60_000, maxWaitMs: 120_000, maxQueued: 100, scheduler: clock, ...more };
  const limiter = new Limiter(config);
  const sent: (readonly [name: string, at: number])[] = [];
  const results: (readonly [name: string, result: unknown])[] = [];
  /** The limits of a server that counts in windows; nobody else uses them up. */
  let window = { startedAt: -Infinity, used: 0 };
  const server = (limit: number, perMs = 60_000) => {
    let refused = 0;
    const count = (): { readonly news: RateNews; readonly isRefused: boolean } => {
      const now = clock.now();
      if (now - window.startedAt >= perMs) window = { startedAt: now, used: 0 };
      const isRefused = window.used >= limit;
      if (isRefused) refused++;
      else window.used++;
      return { news: { limit, remaining: limit - window.used, resetAt: window.startedAt + perMs }, isRefused };
    };
    const answer = (told: (news: RateNews | undefined) => void): Observable<string> =>
      timer(10, clock).pipe(
        map(count),
        delay(10, clock),
        map(({ news, isRefused }) => {
          told(news);
          const retryAfterMs = news.resetAt - clock.now();
          if (isRefused) throw new ChatError('throttled', 'rocketchat', 'no', { retryAfterMs });
          return 'done';
        }),
      );
    return { answer, refusals: () => refused };
  };
  const run = (name: string, send: (told: (news: RateNews | undefined) => void) => Observable<unknown>, route = 'r') =>
    limiter
      .run(route, name, (told) => {
        sent.push([name, clock.now()]);
        return send(told);
      })
      .subscribe({
        next: (value) => results.push([name, value]),
        error: (error: unknown) => results.push([name, error]),
      });
  const kinds = (): readonly unknown[] =>
    results.map(([name, result]) => [name, result instanceof ChatError ? result.kind : result]);
  return { clock, limiter, sent, results, kinds, run, server };
};
const names = (length: number): readonly string[] => Array.from({ length }, (_, n) => `c${n}`);

describe('the limiter of Rocket.Chat', () => {
  for (const limit of [1, 3, 5, 10]) {
    it(`gives a server that allows ${limit} nothing to refuse, and keeps the order`, () => {
      const { clock, sent, kinds, run, server } = stage({ maxWaitMs: 3_600_000 });
      const { answer, refusals } = server(limit);
      for (const name of names(17)) run(name, answer);
      clock.advance(3_600_000);
      expect(refusals()).to.equal(0);
      expect(kinds()).to.deep.equal(names(17).map((name) => [name, 'done']));
      expect(sent.map(([name]) => name)).to.deep.equal(names(17));
    });
  }

  it('believes the smallest rest of a window, when answers overtake each other', () => {
    const { clock, sent, run } = stage({ limitOf: () => 9 });
    const answered =
      (remaining: number, afterMs: number) =>
      (told: (news: RateNews | undefined) => void): Observable<number> =>
        timer(afterMs, clock).pipe(tap(() => told({ limit: 3, remaining, resetAt: 60_000 })));
    run('a', answered(2, 10));
    clock.advance(10);
    run('b', answered(1, 30));
    run('c', answered(0, 20));
    run('d', answered(2, 10));
    clock.advance(1_000);
    expect(sent.map(([name]) => name)).to.deep.equal(['a', 'b', 'c']);
    clock.advance(60_000);
    expect(sent).to.have.length(4);
  });

  it('uses what there is: a window is full before the next is waited for', () => {
    const { clock, sent, run, server } = stage();
    const { answer } = server(3);
    for (const name of names(6)) run(name, answer);
    clock.advance(50);
    expect(sent).to.have.length(3);
    clock.advance(60_000);
    expect(sent).to.have.length(6);
    expect(sent.slice(3).every(([, at]) => at >= 60_010)).to.equal(true);
  });

  it('finds out what others have left of a window', () => {
    const { clock, sent, run, server } = stage();
    const { answer, refusals } = server(3);
    const other = stage();
    for (const name of names(2))
      answer(() => undefined).subscribe({ error: () => undefined, next: () => other.sent.push([name, 0]) });
    clock.advance(20);
    expect(other.sent).to.have.length(2);
    for (const name of names(4)) run(name, answer);
    clock.advance(59_000);
    expect(sent.map(([name]) => name)).to.deep.equal(['c0']);
    clock.advance(1_100);
    expect(sent).to.have.length(4);
    expect(refusals()).to.equal(0);
  });

  it('keeps to the usual limit where the first answer does not come', () => {
    const { clock, sent, run } = stage();
    for (const name of names(9)) run(name, () => NEVER);
    expect(sent).to.have.length(1);
    clock.advance(2_000);
    expect(sent).to.have.length(3);
    clock.advance(20_000);
    expect(sent).to.have.length(3);
  });

  it('does not limit a route that tells no limit', () => {
    const { clock, sent, run } = stage();
    for (const name of names(50))
      run(name, (told) =>
        timer(10, clock).pipe(
          tap(() => {
            told(undefined);
          }),
        ),
      );
    clock.advance(0);
    expect(sent).to.have.length(1);
    clock.advance(20);
    expect(sent).to.have.length(50);
  });

  it('keeps the usual limit where the answers do not show it', () => {
    const { clock, sent, kinds, run, server } = stage();
    const { answer, refusals } = server(3);
    const hidden = (told: (news: RateNews | undefined) => void): Observable<string> =>
      answer(() => undefined).pipe(
        tap(() => {
          told(undefined);
        }),
      );
    run('first', hidden);
    clock.advance(100);
    for (const name of names(8)) run(name, hidden);
    clock.advance(400_000);
    expect(kinds()).to.deep.equal(['first', ...names(8)].map((name) => [name, 'done']));
    expect(refusals()).to.be.at.most(8);
    expect(sent.length).to.be.at.most(17);
  });

  it('tells who would wait too long, with how long', () => {
    const { clock, kinds, results, run, server } = stage({ maxWaitMs: 60_000 });
    const { answer } = server(3);
    for (const name of names(9)) run(name, answer);
    clock.advance(50);
    const turnedAway = results.filter(([, result]) => result instanceof ChatError);
    expect(turnedAway.map(([name]) => name)).to.deep.equal(['c8', 'c7', 'c6']);
    for (const [, error] of turnedAway) {
      expect(error).to.include({ kind: 'throttled', reason: 'ownLimit', inDoubt: false });
      expect(error).to.have.property('retryAfterMs').above(60_000);
    }
    clock.advance(120_000);
    expect(kinds().slice(6)).to.deep.equal([
      ['c3', 'done'],
      ['c4', 'done'],
      ['c5', 'done'],
    ]);
  });

  it('lets only so many wait', () => {
    const { run, kinds } = stage({ maxQueued: 2 });
    for (const name of names(6)) run(name, () => NEVER);
    expect(kinds()).to.deep.equal([
      ['c3', 'overflow'],
      ['c4', 'overflow'],
      ['c5', 'overflow'],
    ]);
  });

  it('puts what was throttled back to the head, and gives up in the end', () => {
    const { clock, sent, kinds, run } = stage({ limitOf: () => 1, maxWaitMs: 100_000 });
    const no = new ChatError('throttled', 'rocketchat', 'no', { retryAfterMs: 1_000 });
    run('a', () => throwError(() => no));
    run('b', () => of('done'));
    expect(sent.map(([name]) => name)).to.deep.equal(['a']);
    clock.advance(3_000);
    expect(sent.map(([name]) => name)).to.deep.equal(['a', 'a', 'a', 'a']);
    expect(kinds()).to.deep.equal([['a', 'throttled']]);
    clock.advance(1_000);
    expect(kinds()[1]).to.deep.equal(['b', 'done']);
  });

  it('leaves the line with whoever unsubscribes, and aborts', () => {
    const { clock, sent, run } = stage({ limitOf: () => 1 });
    let aborted = 0;
    const first = run('a', () => NEVER.pipe(tap({ unsubscribe: () => aborted++ })));
    const second = run('b', () => EMPTY);
    run('c', () => EMPTY);
    second.unsubscribe();
    first.unsubscribe();
    expect(aborted).to.equal(1);
    clock.advance(60_000);
    expect(sent.map(([name]) => name)).to.deep.equal(['a', 'c']);
  });

  it('counts each route for itself, and what failed as well', () => {
    const { clock, sent, run } = stage({ limitOf: () => 1, isCertain: true });
    run('a', () => throwError(() => new ChatError('unreachable', 'rocketchat', 'no')));
    run('b', () => of(1));
    run('c', () => of(1), 'other');
    expect(sent.map(([name]) => name)).to.deep.equal(['a', 'c']);
    clock.advance(60_000);
    expect(sent.map(([name]) => name)).to.deep.equal(['a', 'c', 'b']);
  });

  it('forgets routes that were used long ago, and none whose window is full or that somebody waits for', () => {
    const { clock, limiter, run, server } = stage();
    run('forever', () => NEVER, 'busy');
    const { answer } = server(1);
    run('last', answer, 'full');
    clock.advance(20);
    const others = (from: number): void => {
      for (let n = from; n < from + 3_000; n++) run(`c${n}`, () => of('done'), `route/${n}`);
    };
    others(0);
    expect(limiter.routes, 'their windows are not over').to.equal(3_002);
    const refused: unknown[] = [];
    limiter.run('full', 'next', () => of('sent')).subscribe({ next: (value) => refused.push(value) });
    expect(refused, 'it is still full').to.deep.equal([]);
    clock.advance(60_000);
    others(3_000);
    expect(limiter.routes).to.be.below(3_100);
    clock.advance(60_000);
    others(6_000);
    expect(limiter.routes).to.be.below(3_100);
  });

  it('needs no timer while nobody waits', () => {
    const { clock, run } = stage();
    run('a', (told) =>
      concat(
        of(1).pipe(
          tap(() => {
            told({ limit: 1, remaining: 0, resetAt: 60_000 });
          }),
        ),
      ),
    );
    expect(clock.actions).to.have.length(0);
    const waiting = run('b', () => of(1));
    expect(clock.actions).to.have.length(1);
    waiting.unsubscribe();
    clock.advance(60_000);
    expect(clock.actions).to.have.length(0);
  });
});
