import { Subject } from 'rxjs';
import { dedupe, openAccounts, rateLimit, react, traceOf, type InboundEvent, type MessageEvent } from 'tidewire';
import { virtualClock } from 'tidewire/testing';
import type { Bench, Report } from './harness.js';

const AT = new Date(0).toISOString();

const message = (n: number, conversation: number): MessageEvent => ({
  kind: 'message',
  id: `message-${n}`,
  platform: 'desk',
  conversation: { platform: 'desk', id: `conversation-${conversation}`, channel: 'web' },
  at: AT,
  text: 'hello',
  raw: null,
});

const heap = (): number => {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

/** Ten million ids at one a millisecond, a million of them in the window. */
const ids = (report: Report): void => {
  const clock = virtualClock();
  const [window, all] = [1_000_000, 10_000_000];
  const source = new Subject<InboundEvent>();
  const before = heap();
  source.pipe(dedupe({ windowMs: window, maxKeys: 2 * window, scheduler: clock })).subscribe();
  const feed = (from: number, to: number): void => {
    for (let n = from; n < to; n++) {
      clock.frame++;
      source.next(message(n, n % 1_000));
    }
  };
  feed(0, 2 * window);
  const warm = heap();
  report({ name: 'memory/dedupe-key', value: (warm - before) / window, unit: 'byte' });
  const began = process.hrtime.bigint();
  feed(2 * window, all);
  const microseconds = Number(process.hrtime.bigint() - began) / 1e3 / (all - 2 * window);
  report({ name: 'memory/dedupe-time', value: microseconds, unit: 'µs/id' });
  report({
    name: 'memory/dedupe',
    value: heap() / warm,
    unit: 'heap ratio',
    ratio: heap() / warm,
    against: 'after warm-up',
  });
};

/** A million conversations, a millisecond apart, through react and rateLimit; then nothing for a while. */
const conversations = async (report: Report): Promise<void> => {
  const clock = virtualClock();
  const accounts = openAccounts({ scheduler: clock });
  const account = accounts.of('bench');
  const source = new Subject<InboundEvent>();
  source
    .pipe(
      react(({ id }) => ({ kind: 'text', text: id }), { scheduler: clock }),
      rateLimit({ limit: 20, perMs: 60_000, scheduler: clock }),
    )
    .subscribe((action) => {
      const trace = traceOf(action);
      trace?.touch();
      trace?.conclude('handled');
    });
  const feed = (from: number, to: number): void => {
    for (let n = from; n < to; n++) {
      clock.advance(1);
      const event = message(n, n);
      const trace = account.open(event);
      source.next(event);
      trace.release(account);
    }
  };
  feed(0, 50_000);
  clock.advance(200_000);
  await Promise.resolve();
  const before = heap();
  feed(50_000, 1_050_000);
  clock.advance(200_000);
  report({
    name: 'memory/conversations',
    value: heap() / before,
    unit: 'heap ratio',
    ratio: heap() / before,
    against: 'before',
  });
};

export const run: Bench['run'] = async (report) => {
  ids(report);
  await conversations(report);
};
