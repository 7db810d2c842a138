import { Observable, type MonoTypeOperatorFunction, type SchedulerLike, type Subscription } from 'rxjs';
import { traceOf, type Holder, type Trace } from 'tidewire';

/** What an operator that waits does with the trace of an item. */
interface Custody {
  readonly takes: (trace: Trace | undefined, holder: Holder, n: number) => void;
  /** Whether it is emitted. Default: always. */
  readonly emits?: (n: number) => boolean;
  readonly before?: (trace: Trace | undefined, holder: Holder) => void;
  readonly after?: (trace: Trace | undefined, holder: Holder) => void;
  readonly teardown?: (trace: Trace | undefined, holder: Holder) => void;
}

const wait =
  ({ takes, emits = () => true, before, after, teardown }: Custody) =>
  <T>(ms: number, scheduler: SchedulerLike): MonoTypeOperatorFunction<T> =>
  (source) =>
    new Observable((subscriber) => {
      const waiting = new Map<Subscription, () => void>();
      let taken = 0;
      let completed = false;
      subscriber.add(() => {
        for (const [timer, letGo] of waiting) {
          timer.unsubscribe();
          letGo();
        }
      });
      const completeWhenIdle = (): void => {
        if (completed && waiting.size === 0) subscriber.complete();
      };
      return source.subscribe({
        next: (item) => {
          const n = taken++;
          const holder: Holder = { name: 'wait' };
          const trace = traceOf(item);
          takes(trace, holder, n);
          const timer = scheduler.schedule(() => {
            waiting.delete(timer);
            before?.(trace, holder);
            if (emits(n)) {
              subscriber.next(item);
              after?.(trace, holder);
            }
            completeWhenIdle();
          }, ms);
          waiting.set(timer, () => teardown?.(trace, holder));
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          completed = true;
          completeWhenIdle();
        },
      });
    });

const hold: Custody['takes'] = (trace, holder) => trace?.hold(holder);
const release: Custody['after'] = (trace, holder) => trace?.release(holder);
const fail: Custody['teardown'] = (trace, holder) => trace?.release(holder, 'failed', 'unsubscribed');

/** As it must be: what the others are copies of, with one mistake each. */
export const waitInCustody = wait({ takes: hold, after: release, teardown: fail });

/** Lets go as somebody else too, and both times before it emits: the event is over before it is handled. */
export const waitThatReleasesTwice = wait({
  takes: hold,
  before: (trace, holder) => {
    for (const one of [holder, { name: 'wait' }]) trace?.release(one, 'handled');
  },
  teardown: fail,
});

/** Lets go when it has emitted, and not when it is unsubscribed. */
export const waitThatForgetsTeardown = wait({ takes: hold, after: release });

/** Holds what it will never emit. */
export const waitThatSwallows = wait({ takes: hold, emits: (n) => n % 3 !== 2, after: release, teardown: fail });

/** Takes custody twice and lets go once. */
export const waitThatHoldsTwice = wait({
  takes: (trace, holder) => {
    trace?.hold(holder);
    trace?.hold(holder);
  },
  after: release,
  teardown: fail,
});

/** Holds nothing while it waits: the event is given up meanwhile. */
export const waitWithoutCustody = wait({ takes: () => undefined });

/** Says what became of the event in place of who handles it. */
export const waitThatConcludes = wait({
  takes: (trace) => trace?.conclude('handled'),
});
