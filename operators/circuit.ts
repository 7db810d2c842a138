import {
  asyncScheduler,
  catchError,
  defer,
  Observable,
  Subject,
  type ObservableInput,
  type SchedulerLike,
  type Subscription,
} from 'rxjs';
import { consume } from '../lib/consume.js';
import { ChatError } from '../lib/errors.js';
import { above, atLeast } from '../lib/range.js';

export interface CircuitConfig {
  /** Whether an error says that other calls would fail as well: `({ reason }) => reason === 'outOfTokens'`. */
  readonly opensOn: (error: unknown) => boolean;
  /** How many such errors in a row open the circuit. Default: 1. */
  readonly failures?: number;
  /** How long it stays open, in milliseconds; doubles with each probe that fails. Default: 60 000. */
  readonly pauseMs?: number;
  /** Longest pause, in milliseconds. Default: an hour, and at least `pauseMs`. */
  readonly maxPauseMs?: number;
  /** Named in the error of a call that is refused. Default: `circuit`. */
  readonly platform?: string;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

export type CircuitState =
  /** All calls pass. */
  | { readonly kind: 'closed' }
  /** No opening call passes. */
  | {
      readonly kind: 'open';
      /** When a probe may pass: ISO 8601. */
      readonly until: string;
    }
  /** One opening call at a time passes, as a probe. */
  | { readonly kind: 'halfOpen' };

export interface CircuitCall {
  /** Whether the call begins something new, and may be refused. Default: true. */
  readonly opening?: boolean;
}

export interface Circuit {
  /** The state, and each state that it changes to. Shared; a timer waits for the end of the pause while it is subscribed. */
  readonly state$: Observable<CircuitState>;
  /**
   * The call behind the circuit: cold, subscribing calls, or errors with a `ChatError` of reason `circuitOpen`, which is
   * neither in doubt nor retryable. Errors else: those of the call, and whatever `opensOn` throws.
   */
  readonly run: <T>(call: () => ObservableInput<T>, options?: CircuitCall) => Observable<T>;
  /** Closes it at once: what it waited for has come. What becomes of calls that are under way does not count any more. */
  readonly reset: () => void;
}

const CLOSED: CircuitState = { kind: 'closed' };
const HALF_OPEN: CircuitState = { kind: 'halfOpen' };
/** Longer than that, timers fire at once. */
const LONGEST_MS = 2_147_483_647;

/**
 * Stops opening what would fail anyway, such as new conversations of a persona without tokens, while what runs goes on.
 *
 *     calls    -o-o-r-o---o--o-|     o: opening, r: of a running conversation
 *     answers  -x---r-----o--o-|     x: an error that opens it
 *              circuit({ opensOn, pauseMs: 8 })
 *     refused  ---x---x--------|
 *     state    co-------h-c-----     closed, open, half open
 *
 * After the pause, the next opening call is a probe, and the others are refused until it is answered: its first value or
 * its completion closes the circuit, an error that opens it makes it wait twice as long, and any other error, or that it
 * is unsubscribed, gives the place to the next. Only opening calls count, and only those that began since the circuit last
 * changed. Made once and given to all who make such calls; keeps no call and needs no disposal.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function circuit(config: CircuitConfig): Circuit {
  const { opensOn, failures = 1, pauseMs = 60_000, platform = 'circuit', scheduler = asyncScheduler } = config;
  const { maxPauseMs = Math.max(pauseMs, 3_600_000) } = config;
  atLeast('circuit: failures', failures, 1);
  above('circuit: pauseMs', pauseMs, 0);
  atLeast('circuit: maxPauseMs', maxPauseMs, pauseMs);
  if (maxPauseMs > LONGEST_MS) {
    throw new RangeError(`circuit: maxPauseMs must be at most ${LONGEST_MS}, got ${maxPauseMs}`);
  }

  const states = new Subject<CircuitState>();
  let current = CLOSED;
  /** Counted, so that an answer to a call of an earlier state is known as one. */
  let changes = 0;
  let failed = 0;
  /** How often it opened since it was closed. */
  let openings = 0;
  let openUntil = 0;
  let probing = false;
  let timer: Subscription | undefined;

  const change = (state: CircuitState): void => {
    changes++;
    failed = 0;
    probing = false;
    if (state !== current) states.next((current = state));
    watch();
  };
  /** Only a listener wants to know at once that the pause is over. */
  const watch = (): void => {
    timer?.unsubscribe();
    timer = undefined;
    if (current.kind !== 'open' || !states.observed) return;
    timer = scheduler.schedule(
      () => {
        change(HALF_OPEN);
      },
      Math.max(0, openUntil - scheduler.now()),
    );
  };
  const look = (): CircuitState => {
    if (current.kind === 'open' && scheduler.now() >= openUntil) change(HALF_OPEN);
    return current;
  };
  const open = (): void => {
    openUntil = scheduler.now() + Math.min(pauseMs * 2 ** openings++, maxPauseMs);
    change({ kind: 'open', until: new Date(openUntil).toISOString() });
  };
  const close = (): void => {
    openings = 0;
    change(CLOSED);
  };
  const refusal = (state: CircuitState): ChatError => {
    const why = state.kind === 'open' ? `the circuit is open until ${state.until}` : 'a probe is under way';
    return new ChatError('overflow', platform, `the call was not made, because ${why}`, { reason: 'circuitOpen' });
  };
  const guarded = <T>(call: () => ObservableInput<T>): Observable<T> =>
    new Observable<T>((subscriber) => {
      const state = look();
      if (state.kind === 'open' || probing) {
        subscriber.error(refusal(state));
        return;
      }
      const since = changes;
      probing = state.kind === 'halfOpen';
      subscriber.add(() => {
        if (since === changes) probing = false;
      });
      const passed = (): void => {
        if (since !== changes) return;
        failed = 0;
        if (state.kind === 'halfOpen') close();
      };
      const watched = defer(call).pipe(
        catchError((error: unknown): never => {
          if (since === changes && opensOn(error) && (state.kind === 'halfOpen' || ++failed >= failures)) open();
          throw error;
        }),
      );
      consume(watched, subscriber, {
        next: (value) => {
          passed();
          subscriber.next(value);
        },
        complete: () => {
          passed();
          subscriber.complete();
        },
      });
    });

  return {
    state$: new Observable((subscriber) => {
      const now = look();
      states.subscribe(subscriber);
      subscriber.next(now);
      watch();
      return watch;
    }),
    run: (call, { opening = true } = {}) => (opening ? guarded(call) : defer(call)),
    reset: close,
  };
}
