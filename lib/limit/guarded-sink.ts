import { map, mergeMap, Observable, Subject, type OperatorFunction, Subscription, type SchedulerLike } from 'rxjs';
import { consume } from '../consume.js';
import { isoClock } from '../iso-clock.js';
import {
  conversationKey,
  outcomeOf,
  skipped,
  skipReasonOf,
  touches,
  type OutboundAction,
  type Outcome,
  type Receipt,
} from '../model/index.js';
import { ExpiryQueue, type Expiring } from '../store/expiry-queue.js';
import { traceOf, unaccounted, type Holder, type Trace } from '../trace.js';
import type { Writable } from '../writable.js';
import { reconciled, type Reconcile } from './reconcile.js';
import type { SharedSlots } from './shared-slots.js';
import type { SlidingWindow, Windows } from './windows.js';

/** @internal */
export interface GuardConfig {
  readonly name: string;
  readonly key: ((action: OutboundAction) => string) | undefined;
  readonly scheduler: SchedulerLike;
  /** Windows of a subscription, or those of a budget. */
  readonly windows: (() => Windows) | undefined;
  /** In place of windows: slots that several processes share. */
  readonly shared: SharedSlots | undefined;
  readonly budget: boolean;
  /** How many actions of a key go out as one request. */
  readonly coalesce: number;
  /** Whether an action may go out in the same request as the one before it. */
  readonly together: (before: OutboundAction, next: OutboundAction) => boolean;
  readonly maxQueued: number;
  readonly reconcile: Reconcile | undefined;
  /** How often an action is sent at most. */
  readonly attempts: number;
  /** Pause before the next attempt, in milliseconds; `failures` of this key in a row are known. */
  readonly pauseMs: (receipt: Receipt, failures: number) => number | undefined;
}

const FIRST: ReadonlySet<string> = new Set(['handoff', 'end']);
const KEPT: ReadonlySet<string> = new Set([
  'note',
  'updateContact',
  'updateConversation',
  'dispatch',
  'handoff',
  'end',
]);

/**
 * A sink behind a line for each key: one request of a key at a time, what failed goes back to the head of its line, and
 * each action gives one receipt. The account of an action is kept here, and the sink inside sees copies that nobody
 * accounts for: its `failed` may be repeated.
 *
 * @internal
 */
export const guardedSink = (
  config: GuardConfig,
  sink: OperatorFunction<readonly OutboundAction[], readonly Receipt[]>,
): OperatorFunction<OutboundAction, Receipt> => {
  const { name, scheduler, shared, reconcile, coalesce, together, maxQueued, attempts, pauseMs } = config;
  const keyOf = config.key ?? (({ conversation }: OutboundAction) => conversationKey(conversation));

  return (source) =>
    new Observable<Receipt>((subscriber) => {
      const windows = config.windows?.();
      const requests = new Subject<readonly OutboundAction[]>();
      const lines = new Map<string, Line>();
      const wakeups = new ExpiryQueue<Wakeup>();
      let timer: Subscription | undefined;
      let timerAt = Infinity;
      let open = 0;
      let queued = 0;
      let completed = false;
      let sending: Line | undefined;

      const now = isoClock(scheduler);
      const close = (entry: Entry, receipt: Receipt): void => {
        if (entry.closed) return;
        entry.closed = true;
        open--;
        if (touches(receipt)) entry.trace?.touch();
        if (receipt.status === 'delivered') entry.trace?.arrived(receipt.messageIds);
        const told: Writable<Receipt> = { ...receipt };
        told.action = entry.action;
        subscriber.next(told);
        entry.trace?.release(
          entry,
          outcomeOf(receipt),
          receipt.status === 'failed' ? receipt.error.message : undefined,
        );
        if (completed && open === 0) requests.complete();
      };
      const cancel = (entry: Entry, outcome: Outcome): void => {
        if (entry.closed || entry.flying) return;
        queued--;
        close(entry, skipped(entry.action, now(), skipReasonOf(outcome)));
      };

      const wakeAt = (line: Line, at: number): void => {
        if (at === Infinity || at === line.wakesAt || subscriber.closed) return;
        line.wakesAt = at;
        wakeups.add({ expiresAt: at, line });
        arm();
      };
      const arm = (): void => {
        const next = wakeups.first?.expiresAt;
        if (subscriber.closed || next === undefined || next >= timerAt) return;
        timer?.unsubscribe();
        timerAt = next;
        timer = scheduler.schedule(wake, Math.max(0, next - scheduler.now()));
      };
      const wake = (): void => {
        timer = undefined;
        timerAt = Infinity;
        const due: Line[] = [];
        for (let next = wakeups.due(scheduler.now()); next; next = wakeups.due(scheduler.now())) {
          if (next.line.wakesAt === next.expiresAt) due.push(next.line);
        }
        for (const line of due) {
          line.wakesAt = -1;
          advance(line);
        }
        arm();
      };

      const ask = (line: Line, slots: SharedSlots): void => {
        const asking = (line.asking = new Subscription());
        const taken = slots.take(line.key).pipe(
          map((slot) => {
            line.asking = undefined;
            line.slot = slot;
            advance(line);
          }),
        );
        asking.add(
          taken.subscribe({
            error: (error: unknown) => {
              subscriber.error(error);
            },
          }),
        );
      };
      const giveBack = (line: Line): void => {
        line.asking?.unsubscribe();
        if (line.slot !== undefined) shared?.giveBack(line.key, line.slot);
        line.asking = line.slot = undefined;
      };
      /** The request of a line is over, answered or not: it counts from now. */
      const settle = (line: Line): SlidingWindow | undefined => {
        const { window } = line;
        line.window = undefined;
        if (window === undefined) return undefined;
        window.reserved--;
        if (line.throttled) window.throttled(scheduler.now());
        else window.record(scheduler.now());
        return window;
      };
      const waitFor = (line: Line, window: SlidingWindow): void => {
        if (line.freed !== undefined) return;
        line.freed = () => {
          line.freed = undefined;
          advance(line);
        };
        window.await(line.freed);
      };
      /** Sends the head of a line if nothing of it is under way, it is not closed, and a slot is free. */
      const advance = (line: Line): void => {
        for (;;) {
          if (subscriber.closed) return;
          line.drop();
          if (line.sent) return;
          if (line.waiting.length === 0) {
            giveBack(line);
            if (line.closedUntil > scheduler.now()) wakeAt(line, line.closedUntil);
            else if (lines.get(line.key) === line) lines.delete(line.key);
            return;
          }
          const window = windows?.of(line.key);
          const slotAt = window?.freeAt() ?? 0;
          if (window !== undefined && slotAt === Infinity) {
            waitFor(line, window);
            return;
          }
          const freeAt = Math.max(line.closedUntil, slotAt);
          if (freeAt > scheduler.now()) {
            wakeAt(line, freeAt);
            return;
          }
          if (shared !== undefined && line.slot === undefined) {
            if (line.asking === undefined) ask(line, shared);
            return;
          }
          const flights = line.take(coalesce, together);
          queued -= flights.length;
          line.sent = true;
          line.window = window;
          if (window !== undefined) window.reserved++;
          const outer = sending;
          sending = line;
          requests.next(flights.map(({ copy }) => copy));
          sending = outer;
        }
      };
      const answered = (receipts: readonly Receipt[]): void => {
        let line: Line | undefined;
        for (const receipt of receipts) {
          if (subscriber.closed) return;
          const at = lines.get(keyOf(receipt.action));
          const entry = at?.land(receipt.action.id);
          if (at === undefined || entry === undefined) subscriber.next(receipt);
          else {
            line = at;
            judge(at, entry, receipt);
          }
        }
        if (subscriber.closed || line === undefined || line.flights.length > 0) return;
        const window = settle(line);
        if (line.slot !== undefined) shared?.answered(line.key, line.slot);
        line.slot = undefined;
        line.throttled = line.sent = false;
        queued += line.again();
        window?.tell();
        // It goes on by itself when the sink has answered at once: there may be more than the stack has room for.
        if (sending !== line) advance(line);
      };
      const judge = (line: Line, entry: Entry, receipt: Receipt): void => {
        const retryable = receipt.status === 'failed' && receipt.retryable && !receipt.error.inDoubt;
        const throttled = receipt.status === 'failed' && receipt.error.kind === 'throttled';
        line.throttled ||= throttled;
        const pause =
          (retryable || throttled) && entry.attempt < attempts ? pauseMs(receipt, ++line.failures) : undefined;
        if (pause === undefined || entry.trace?.cancelled === true) {
          if (receipt.status !== 'failed') line.failures = 0;
          close(entry, receipt);
          return;
        }
        line.closedUntil = Math.max(line.closedUntil, scheduler.now() + pause);
        line.back.push(entry);
      };

      const answers = sink(requests);
      subscriber.add(() => {
        timer?.unsubscribe();
        if (!config.budget) windows?.stop();
        const ended: (SlidingWindow | undefined)[] = [];
        for (const line of lines.values()) {
          if (line.freed !== undefined) windows?.of(line.key).forgo(line.freed);
          if (!line.sent) giveBack(line);
          else {
            ended.push(settle(line));
            if (line.slot !== undefined && line.flights.length === 0) shared?.answered(line.key, line.slot);
          }
          for (const entry of [...line.flights, ...line.back, ...line.waiting]) {
            if (entry.closed) continue;
            entry.closed = true;
            if (entry.flying) entry.trace?.touch();
            entry.trace?.release(entry, entry.flying ? 'inDoubt' : 'failed', 'unsubscribed');
          }
        }
        for (const window of ended) window?.tell();
      });
      // Behind the accounts: what is under way is in doubt before its request is aborted.
      subscriber.add(
        (reconcile === undefined ? answers : answers.pipe(reconciled(reconcile))).subscribe({
          next: answered,
          error: (error: unknown) => {
            subscriber.error(error);
          },
          complete: () => {
            subscriber.complete();
          },
        }),
      );
      subscriber.add(() => {
        requests.complete();
      });
      consume(source, subscriber, {
        next: (action) => {
          const key = keyOf(action);
          const entry = new Entry(name, action, cancel);
          open++;
          let line = lines.get(key);
          const first = FIRST.has(action.kind);
          const overtaken = first ? (line?.overtaken() ?? []) : [];
          // What is overtaken makes room.
          if (entry.trace?.cancelled === true || (queued >= maxQueued && overtaken.length === 0)) {
            const reason = entry.trace?.cancelled === true ? skipReasonOf(entry.trace.outcome) : 'shed';
            close(entry, skipped(action, now(), reason));
            return;
          }
          if (line === undefined) lines.set(key, (line = new Line(key)));
          queued++;
          if (first) line.putFirst(entry, overtaken);
          else line.waiting.push(entry);
          for (const other of overtaken) {
            queued--;
            close(other, skipped(other.action, now(), 'superseded', `${action.kind} came first`));
          }
          advance(line);
        },
        complete: () => {
          completed = true;
          if (open === 0) requests.complete();
        },
      });
    });
};

/** @internal A sink of single actions as one of lists. */
export const oneByOne =
  (sink: OperatorFunction<OutboundAction, Receipt>): OperatorFunction<readonly OutboundAction[], readonly Receipt[]> =>
  (requests) =>
    requests.pipe(
      mergeMap((actions) => actions),
      sink,
      map((receipt) => [receipt]),
    );

interface Wakeup extends Expiring {
  readonly line: Line;
}

/** The actions of one key: what is under way and what waits, in order. */
class Line {
  waiting: Entry[] = [];
  flights: Entry[] = [];
  /** What goes back to the head of the line when the whole request is answered. */
  back: Entry[] = [];
  closedUntil = 0;
  wakesAt = -1;
  failures = 0;
  throttled = false;
  /** Whether a request is under way, and the window its slot is reserved in. */
  sent = false;
  window: SlidingWindow | undefined;
  /** Waits for a request of another pipe to end. */
  freed: (() => void) | undefined;
  /** The shared slot of the request that is next or under way, or who asks for it. */
  slot: string | undefined;
  asking: Subscription | undefined;

  constructor(readonly key: string) {}

  /** Forgets what was cancelled at the head of the line. */
  drop(): void {
    while (this.waiting[0]?.closed === true) this.waiting.shift();
  }

  /** What leaves the line when a handoff or an end comes. */
  overtaken(): readonly Entry[] {
    return this.waiting.filter(({ closed, action: { kind } }) => !closed && !KEPT.has(kind));
  }

  /** Ahead of all but those that were put first before. */
  putFirst(entry: Entry, overtaken: readonly Entry[]): void {
    const rest = this.waiting.filter((other) => !overtaken.includes(other));
    const isFirst = ({ action }: Entry): boolean => FIRST.has(action.kind);
    this.waiting = [...rest.filter(isFirst), entry, ...rest.filter((other) => !isFirst(other))];
  }

  take(most: number, together: GuardConfig['together']): readonly Entry[] {
    while (this.flights.length < most) {
      this.drop();
      const before = this.flights[this.flights.length - 1];
      const [entry] = this.waiting;
      if (entry === undefined || (before !== undefined && !together(before.action, entry.action))) break;
      this.waiting.shift();
      entry.flying = true;
      entry.attempt++;
      entry.taken = this.flights.length;
      this.flights.push(entry);
    }
    return [...this.flights];
  }

  land(id: string): Entry | undefined {
    const index = this.flights.findIndex(({ action }) => action.id === id);
    const [entry] = index < 0 ? [] : this.flights.splice(index, 1);
    if (entry !== undefined) entry.flying = false;
    return entry;
  }

  again(): number {
    const { length } = this.back;
    // Doubts are settled in any order.
    this.waiting.unshift(...this.back.sort((a, b) => a.taken - b.taken));
    this.back = [];
    return length;
  }
}

class Entry implements Holder {
  readonly name: string;
  readonly action: OutboundAction;
  readonly copy: OutboundAction;
  readonly trace: Trace | undefined;
  readonly #cancel: (entry: Entry, outcome: Outcome) => void;
  attempt = 0;
  /** Its place in the request. */
  taken = 0;
  flying = false;
  closed = false;

  constructor(name: string, action: OutboundAction, cancel: (entry: Entry, outcome: Outcome) => void) {
    this.name = name;
    this.action = action;
    this.copy = unaccounted(action);
    this.#cancel = cancel;
    this.trace = traceOf(action);
    this.trace?.hold(this);
  }

  cancel(_: Trace, outcome: Outcome): void {
    this.#cancel(this, outcome);
  }
}
