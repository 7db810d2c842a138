import { expect } from 'chai';
import fc from 'fast-check';
import {
  catchError,
  defer,
  EMPTY,
  map,
  mergeMap,
  NEVER,
  Observable,
  of,
  Subject,
  take,
  throwError,
  type ObservableInput,
  type Subscription,
} from 'rxjs';
import { ChatError, circuit, type CircuitConfig, type CircuitState } from 'tidewire';
import { marbles, virtualClock } from 'tidewire/testing';
import { circuitThatLetsAllProbe } from '../support/broken/circuit-lets-all-probe.js';
import { circuitThatRefusesAll } from '../support/broken/circuit-refuses-all.js';
import { circuitThatRefusesNothing } from '../support/broken/circuit-refuses-nothing.js';
import { circuitThatIsSteady } from '../support/broken/circuit-steady.js';
import { thorough } from '../support/thorough.js';

type MakeCircuit = typeof circuit;

const outOfTokens = new ChatError('refused', 'persona', 'no tokens', { reason: 'outOfTokens' });
const elsewise = new ChatError('unreachable', 'persona', 'the line is cut');
const opensOn = (error: unknown): boolean => error === outOfTokens;
const fails = (): Observable<never> => throwError(() => outOfTokens);

/** A circuit in virtual time, with what its calls and its state gave. */
const desk = (config: Partial<CircuitConfig> = {}, make: MakeCircuit = circuit) => {
  const clock = virtualClock();
  const guard = make({ opensOn, pauseMs: 100, scheduler: clock, ...config });
  const seen: unknown[] = [];
  const say = (call: () => ObservableInput<string>, opening = true): Subscription =>
    guard.run(call, { opening }).subscribe({
      next: (value) => seen.push(value),
      error: (error: unknown) => {
        seen.push(error instanceof ChatError ? (error.reason ?? error.kind) : error);
      },
    });
  const state = (): string => {
    let kind = '';
    guard.state$.pipe(take(1)).subscribe((now) => (kind = now.kind));
    return kind;
  };
  const timers = (): number => clock.actions.filter(({ closed }) => !closed).length;
  return { clock, guard, seen, say, state, timers };
};

describe('circuit', () => {
  it(
    'refuses opening calls after an error that opens it, until a probe succeeds',
    marbles(({ hot, expectObservable }) => {
      const guard = circuit({ opensOn, pauseMs: 8 });
      const calls = hot('   -o-o-r-o---o--o-|');
      const answers = '     -x-y-r-y---o--o-|';
      const state = '       co-------h-c-----';

      const answered = calls.pipe(
        map((call, n) =>
          guard
            .run(() => (n === 0 ? fails() : of(call)), { opening: call === 'o' })
            .pipe(
              catchError((error: unknown) =>
                of(error instanceof ChatError && error.reason === 'circuitOpen' ? 'y' : 'x'),
              ),
            ),
        ),
        mergeMap((answer) => answer),
      );
      expectObservable(answered).toBe(answers);
      expectObservable(guard.state$).toBe(state, {
        c: { kind: 'closed' },
        o: { kind: 'open', until: '1970-01-01T00:00:00.009Z' },
        h: { kind: 'halfOpen' },
      });
    }),
  );

  it(
    'hands on what a call emits, its end, its silence and its errors',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const { run } = circuit({ opensOn });
      for (const opening of [true, false]) {
        const call = cold('-a-b-|');
        expectObservable(run(() => call, { opening })).toBe('-a-b-|');
        expectSubscriptions(call.subscriptions).toBe('^----!');
        expectObservable(run(() => cold('|'), { opening })).toBe('|');
        expectObservable(run(() => cold('-'), { opening })).toBe('-');
        expectObservable(run(() => cold('-a-#'), { opening })).toBe('-a-#');
      }
    }),
  );

  it(
    'unsubscribes the call early, between two mergeMap(of), and calls again for each subscription',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const call = cold('   -a-b-');
      const unsub = '       --!';
      const result$ = of('x').pipe(
        mergeMap((x) => of(x)),
        mergeMap(() => circuit({ opensOn }).run(() => call)),
        mergeMap((x) => of(x)),
      );
      expectObservable(result$, unsub).toBe('-a-');
      expectObservable(result$, '---^-!').toBe('----a-');
      expectSubscriptions(call.subscriptions).toBe(['^-!', '---^-!']);
    }),
  );

  it('is cold, and stops a synchronous call with take(1)', () => {
    let made = 0;
    function* endless(): Generator<number> {
      for (;;) yield made++;
    }
    const result$ = circuit({ opensOn }).run(endless);
    expect(made).to.equal(0);
    result$.pipe(take(1)).subscribe();
    expect(made).to.equal(1);
  });

  it('hands on what the call or `opensOn` throws, and stays closed', () => {
    const broken = (): never => {
      throw new Error('broken');
    };
    const seen: unknown[] = [];
    const error = (thrown: unknown): unknown => seen.push(String(thrown));
    circuit({ opensOn }).run(broken).subscribe({ error });
    const guard = circuit({ opensOn: broken });
    guard.run(fails).subscribe({ error });
    guard.run(() => of('a')).subscribe((value) => seen.push(value));
    expect(seen).to.deep.equal(['Error: broken', 'Error: broken', 'a']);
  });

  it('refuses with an error that is neither in doubt nor retryable', () => {
    const { guard, say } = desk({ platform: 'persona' });
    say(fails);
    const refusals: unknown[] = [];
    guard.run(() => EMPTY).subscribe({ error: (error: unknown) => refusals.push(error) });
    expect(JSON.parse(JSON.stringify(refusals))).to.deep.equal([
      {
        name: 'ChatError',
        message: 'persona: the call was not made, because the circuit is open until 1970-01-01T00:00:00.100Z',
        kind: 'overflow',
        platform: 'persona',
        retryable: false,
        inDoubt: false,
        reason: 'circuitOpen',
      },
    ]);
  });

  it('opens after `failures` in a row, which other errors neither add to nor break', () => {
    const { say, state } = desk({ failures: 2 });
    say(fails);
    say(() => of('a'));
    say(fails);
    say(() => throwError(() => elsewise));
    expect(state()).to.equal('closed');
    say(fails);
    expect(state()).to.equal('open');
  });

  it('does not count running calls', () => {
    const { clock, seen, say, state } = desk();
    say(fails, false);
    expect(state()).to.equal('closed');
    say(fails);
    clock.advance(100);
    say(() => of('a'), false);
    expect(state()).to.equal('halfOpen');
    expect(seen).to.deep.equal(['outOfTokens', 'outOfTokens', 'a']);
  });

  it('waits twice as long after each probe that fails, up to `maxPauseMs`, and starts anew when one succeeds', () => {
    const { clock, guard, say } = desk({ maxPauseMs: 300 });
    const at: string[] = [];
    guard.state$.subscribe(({ kind }) => at.push(`${kind} ${clock.now()}`));
    const probe = (call: () => ObservableInput<string>): void => {
      clock.flush();
      say(call);
    };
    for (const call of [fails, fails, fails, fails, () => of('a'), fails]) probe(call);
    expect(at).to.deep.equal([
      ...['closed 0', 'open 0', 'halfOpen 100', 'open 100', 'halfOpen 300', 'open 300', 'halfOpen 600', 'open 600'],
      ...['halfOpen 900', 'closed 900', 'open 900'],
    ]);
  });

  it('lets one probe through at a time, and the next when it was given up or ended otherwise', () => {
    const { clock, seen, say, state } = desk();
    say(fails);
    clock.advance(100);
    const probe = say(() => NEVER);
    say(() => of('a'));
    probe.unsubscribe();
    say(() => throwError(() => elsewise));
    expect(state()).to.equal('halfOpen');
    say(() => of('b'));
    say(() => of('c'));
    expect(seen).to.deep.equal(['outOfTokens', 'circuitOpen', 'unreachable', 'b', 'c']);
  });

  it('closes with the first value of a probe, or its completion', () => {
    for (const call of [() => new Observable<string>((subscriber) => subscriber.next('a')), () => EMPTY]) {
      const { clock, say, state } = desk();
      say(fails);
      clock.advance(100);
      say(call);
      expect(state()).to.equal('closed');
    }
  });

  it('does not count the answer to a call that began before it changed', () => {
    const { clock, guard, say, state } = desk();
    const [early, late] = [new Subject<string>(), new Subject<string>()];
    say(() => early);
    say(() => late);
    say(fails);
    early.next('a');
    expect(state()).to.equal('open');
    clock.advance(100);
    say(() => NEVER);
    late.error(outOfTokens);
    expect(state()).to.equal('halfOpen');
    guard.reset();
    expect(state()).to.equal('closed');
  });

  it('closes at once when it is reset, with its first pause to come', () => {
    const { clock, guard, say, seen, state } = desk();
    const kinds: string[] = [];
    guard.state$.subscribe((now) => kinds.push(now.kind === 'open' ? now.until : now.kind));
    guard.reset();
    say(fails);
    clock.advance(100);
    say(fails);
    guard.reset();
    expect(state()).to.equal('closed');
    say(() => of('a'));
    say(fails);
    const until = (ms: number): string => new Date(ms).toISOString();
    expect(kinds).to.deep.equal(['closed', until(100), 'halfOpen', until(300), 'closed', until(200)]);
    expect(seen.at(-2)).to.equal('a');
  });

  it('arms a timer only while it is open and somebody watches', () => {
    const { guard, say, state, timers } = desk();
    say(fails);
    expect(timers()).to.equal(0);
    const watching = guard.state$.subscribe();
    const more = guard.state$.subscribe();
    expect(timers()).to.equal(1);
    more.unsubscribe();
    expect(timers()).to.equal(1);
    guard.reset();
    expect(timers()).to.equal(0);
    say(fails);
    expect([state(), timers()]).to.deep.equal(['open', 1]);
    watching.unsubscribe();
    expect(timers()).to.equal(0);
  });

  it('refuses numbers out of range', () => {
    const made = (config: Partial<CircuitConfig>) => () => circuit({ opensOn, ...config });
    expect(made({ failures: 0 })).to.throw(RangeError, 'circuit: failures must be at least 1, got 0');
    expect(made({ pauseMs: 0 })).to.throw(RangeError, 'circuit: pauseMs must be above 0, got 0');
    expect(made({ maxPauseMs: 59_999 })).to.throw(RangeError, 'circuit: maxPauseMs must be at least 60000, got 59999');
    expect(made({ pauseMs: Infinity })).to.throw(RangeError, 'maxPauseMs must be at most 2147483647, got Infinity');
    expect(made({ pauseMs: 7_200_000 })).not.to.throw();
  });

  it('refuses opening calls while it is open, lets one probe at a time, and never refuses what runs', () => {
    fc.assert(honest(circuit));
  });

  for (const [what, broken] of Object.entries({
    'refuses nothing': circuitThatRefusesNothing,
    'refuses what runs': circuitThatRefusesAll,
    'lets all probe': circuitThatLetsAllProbe,
    'always waits as long': circuitThatIsSteady,
  })) {
    it(`has a law that rejects the one that ${what}`, () => {
      expect(fc.check(honest(broken), thorough).failed).to.equal(true);
    });
  }
});

interface Step {
  readonly does: 'open' | 'run' | 'answer' | 'reset';
  readonly gap: number;
  readonly which: number;
  readonly how: 'value' | 'end' | 'token' | 'other' | 'leave';
}
interface Call {
  readonly answer: Subject<string>;
  readonly subscription: Subscription;
  /** In which state of the model it began; what is of an earlier one does not count. */
  readonly began: Model;
}
type Model = { readonly kind: 'closed'; failed: number } | { readonly kind: 'open'; readonly until: number } | Half;
interface Half {
  readonly kind: 'halfOpen';
  probe: Call | undefined;
}

/** Against a model whose state is looked at before every step, with calls that are answered in any order. */
const honest = (make: MakeCircuit): fc.IProperty<unknown> => {
  const steps = fc.array(
    fc.record<Step>({
      does: fc.constantFrom('open', 'open', 'open', 'open', 'answer', 'answer', 'answer', 'run', 'reset'),
      gap: fc.nat(6),
      which: fc.nat(20),
      how: fc.constantFrom('token', 'token', 'token', 'token', 'value', 'end', 'other', 'leave'),
    }),
    { maxLength: 40, size: 'max' },
  );
  const config = fc.record({
    failures: fc.integer({ min: 1, max: 2 }),
    pauseMs: fc.integer({ min: 1, max: 8 }),
    maxPauseMs: fc.integer({ min: 8, max: 20 }),
  });
  return fc.property(steps, config, fc.boolean(), (list, { failures, pauseMs, maxPauseMs }, watched) => {
    const clock = virtualClock();
    const guard = make({ opensOn, failures, pauseMs, maxPauseMs, scheduler: clock });
    const told: CircuitState[] = [];
    if (watched) guard.state$.subscribe((now) => told.push(now));
    const calls: Call[] = [];
    let model: Model = { kind: 'closed', failed: 0 };
    let openings = 0;
    const look = (): Model => {
      if (model.kind === 'open' && clock.now() >= model.until) model = { kind: 'halfOpen', probe: undefined };
      return model;
    };
    const open = (): void => {
      model = { kind: 'open', until: clock.now() + Math.min(pauseMs * 2 ** openings++, maxPauseMs) };
    };
    const close = (): void => {
      openings = 0;
      model = { kind: 'closed', failed: 0 };
    };

    const settle = ({ answer, subscription, began }: Call, how: Step['how']): void => {
      const state = look();
      if (how === 'leave') subscription.unsubscribe();
      else if (how === 'end') answer.complete();
      else if (how === 'value') answer.next('a');
      else answer.error(how === 'token' ? outOfTokens : elsewise);
      if (began !== state) return;
      if (began.kind === 'halfOpen') began.probe = undefined;
      if (how === 'value' || how === 'end') {
        if (began.kind === 'halfOpen') close();
        else if (began.kind === 'closed') began.failed = 0;
      } else if (how === 'token' && (began.kind !== 'closed' || ++began.failed >= failures)) open();
    };
    const begin = (opening: boolean): Call | undefined => {
      const state = look();
      const answer = new Subject<string>();
      let subscribed = 0;
      let refused = false;
      const source = defer(() => {
        subscribed++;
        return answer;
      });
      const subscription = guard
        .run(() => source, { opening })
        .subscribe({
          error: (error: unknown) => {
            refused = error instanceof ChatError && error.reason === 'circuitOpen';
          },
        });
      const isRefused = opening && (state.kind === 'open' || (state.kind === 'halfOpen' && state.probe !== undefined));
      expect({ subscribed, refused }).to.deep.equal({ subscribed: isRefused ? 0 : 1, refused: isRefused });
      if (isRefused) return undefined;
      const call: Call = { answer, subscription, began: opening ? state : { kind: 'open', until: 0 } };
      if (opening && state.kind === 'halfOpen') state.probe = call;
      return call;
    };

    for (const { does, gap, which, how } of list) {
      clock.advance(gap);
      if (does === 'reset') {
        guard.reset();
        close();
      } else if (does === 'answer') {
        for (const call of calls.splice(which % Math.max(1, calls.length), 1)) settle(call, how);
      } else {
        const call = begin(does === 'open');
        if (call === undefined) continue;
        if (which % 2 === 0) calls.push(call);
        else settle(call, how);
      }
    }
    const last = look();
    expect(clock.actions.filter(({ closed }) => !closed).length).to.equal(watched && last.kind === 'open' ? 1 : 0);
    if (!watched) return;
    const until = last.kind === 'open' ? { until: new Date(last.until).toISOString() } : {};
    expect(told.at(-1)).to.deep.equal({ kind: last.kind, ...until });
  });
};
