import { Observable, type MonoTypeOperatorFunction, type Subscription } from 'rxjs';
import { consume } from '../consume.js';
import { conversationKey, type Conversation, type Outcome } from '../model/index.js';
import { ExpiryQueue, type Expiring } from '../store/expiry-queue.js';
import { traceOf, type Holder, type Trace } from '../trace.js';
import type { SlidingWindow, Windows } from './windows.js';

/** @internal */
export interface LimitedStreamConfig<T> {
  readonly key: ((item: T) => string) | undefined;
  readonly overflow: 'delay' | 'shed';
  readonly maxQueued: number;
  /** Windows of a subscription, or those of a budget. */
  readonly windows: () => Windows;
  readonly budget: boolean;
}

/** @internal The stream form of `rateLimit`. */
export const limitedStream = <T>(config: LimitedStreamConfig<T>): MonoTypeOperatorFunction<T> => {
  const { key = keyOf, overflow, maxQueued } = config;

  return (source) =>
    new Observable<T>((subscriber) => {
      const windows = config.windows();
      const { scheduler } = windows;
      const lines = new Map<string, Line<T>>();
      const wakeups = new ExpiryQueue<Line<T>>();
      let timer: Subscription | undefined;
      let timerAt = Infinity;
      let queued = 0;
      let completed = false;

      const left = (): void => {
        queued--;
        if (completed && queued === 0) subscriber.complete();
      };
      const wake = (): void => {
        timer = undefined;
        timerAt = Infinity;
        const now = scheduler.now();
        for (let line = wakeups.due(now); line !== undefined; line = wakeups.due(now)) advance(line, now);
        arm();
      };
      const arm = (): void => {
        const next = wakeups.first?.expiresAt;
        if (subscriber.closed || next === undefined || next >= timerAt) return;
        timer?.unsubscribe();
        timerAt = next;
        timer = scheduler.schedule(wake, Math.max(0, next - scheduler.now()));
      };
      const queue = (line: Line<T>, window: SlidingWindow): void => {
        line.expiresAt = window.freeAt();
        if (line.expiresAt < Infinity) {
          wakeups.add(line);
          return;
        }
        line.freed = () => {
          line.freed = undefined;
          advance(line, scheduler.now());
          arm();
        };
        window.await(line.freed);
      };
      const advance = (line: Line<T>, now: number): void => {
        if (lines.get(line.key) !== line) return;
        const window = windows.of(line.key);
        while (line.head !== undefined && (line.head.gone || window.take(now))) {
          const waiting = line.shift();
          if (waiting === undefined || waiting.gone) continue;
          waiting.gone = true;
          subscriber.next(waiting.item);
          if (subscriber.closed) waiting.trace?.abandon(waiting, 'failed', 'unsubscribed');
          else waiting.trace?.release(waiting);
          left();
        }
        if (subscriber.closed) return;
        if (line.head === undefined) lines.delete(line.key);
        else queue(line, window);
      };
      const wait = (item: T, window: SlidingWindow): void => {
        let line = lines.get(window.key);
        if (line === undefined) {
          lines.set(window.key, (line = new Line(window.key)));
          queue(line, window);
        }
        queued++;
        line.push(new Waiting(item, left));
        arm();
      };

      subscriber.add(() => {
        timer?.unsubscribe();
        if (!config.budget) windows.stop();
        for (const line of lines.values()) {
          if (line.freed !== undefined) windows.of(line.key).forgo(line.freed);
          for (let waiting = line.head; waiting !== undefined; waiting = waiting.next) {
            if (waiting.gone) continue;
            waiting.gone = true;
            waiting.trace?.release(waiting, 'failed', 'unsubscribed');
          }
        }
        lines.clear();
      });
      consume(source, subscriber, {
        next: (item) => {
          const window = windows.of(key(item));
          if (!(queued > 0 && lines.has(window.key)) && window.take(scheduler.now())) subscriber.next(item);
          else if (overflow === 'shed' || queued >= maxQueued)
            traceOf(item)?.conclude('shed', 'rateLimit: no free slot');
          else wait(item, window);
        },
        complete: () => {
          completed = true;
          if (queued === 0) subscriber.complete();
        },
      });
    });
};

/** What waits of one key, and when its next slot is free. */
class Line<T> implements Expiring {
  expiresAt = 0;
  head: Waiting<T> | undefined;
  /** Waits for a request of another pipe to end. */
  freed: (() => void) | undefined;
  #tail: Waiting<T> | undefined;

  constructor(readonly key: string) {}

  push(waiting: Waiting<T>): void {
    if (this.#tail === undefined) this.head = waiting;
    else this.#tail.next = waiting;
    this.#tail = waiting;
  }

  shift(): Waiting<T> | undefined {
    const { head } = this;
    this.head = head?.next;
    if (this.head === undefined) this.#tail = undefined;
    return head;
  }
}

class Waiting<T> implements Holder {
  readonly item: T;
  readonly trace: Trace | undefined;
  readonly #left: () => void;
  next: Waiting<T> | undefined;
  /** Emitted or cancelled; what was cancelled stays in the line until its turn. */
  gone = false;

  constructor(item: T, left: () => void) {
    this.item = item;
    this.#left = left;
    this.trace = traceOf(item);
    this.trace?.hold(this);
  }

  get name(): string {
    return 'rateLimit';
  }

  cancel(trace: Trace, outcome: Outcome): void {
    if (this.gone) return;
    this.gone = true;
    trace.release(this, outcome);
    this.#left();
  }
}

/** @internal The item's conversation, and all items without one together. */
export const keyOf = (item: unknown): string => {
  const { conversation } = item as { readonly conversation?: Conversation };
  if (conversation === undefined) return '';
  return traceOf(item)?.keyOf(conversation) ?? conversationKey(conversation);
};
