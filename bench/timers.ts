import { ignoreElements, merge, Subject } from 'rxjs';
import {
  conversationKey,
  forwardOnTimeout,
  openAccounts,
  ownership,
  type InboundEvent,
  type MessageEvent,
  type OutboundAction,
} from 'tidewire';
import { virtualClock } from 'tidewire/testing';
import type { Bench } from './harness.js';

const CONVERSATIONS = 1_000_000;
const AFTER_MS = 45_000;

const heap = (): number => {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};
const microsecondsSince = (began: bigint): number => Number(process.hrtime.bigint() - began) / 1e3 / CONVERSATIONS;

interface Round {
  readonly armed: number;
  readonly cancelled: number;
  readonly bare: number;
  readonly bytes: number;
  readonly left: number;
}

/** A million customers wait at once, and then have their answers. */
export const run: Bench['run'] = (report) => {
  const clock = virtualClock();
  const at = new Date(clock.now()).toISOString();
  const conversations = Array.from({ length: CONVERSATIONS }, (_, n) => ({
    platform: 'desk',
    id: `conversation-${n}`,
    channel: 'web',
  }));
  const ids = conversations.map((_, n) => `message-${n}`);
  const messageOf = (n: number): MessageEvent => ({
    kind: 'message',
    id: ids[n] ?? '',
    platform: 'desk',
    conversation: conversations[n] ?? { platform: '', id: '', channel: '' },
    at,
    text: 'hello',
    raw: null,
  });

  const source = new Subject<InboundEvent>();
  const answers = new Subject<OutboundAction>();
  const accounts = openAccounts({ scheduler: clock });
  let emitted = 0;
  source
    .pipe(
      forwardOnTimeout(
        { desk: ownership({ scheduler: clock }), afterMs: AFTER_MS, to: { kind: 'any' }, accounts, scheduler: clock },
        (events) => merge(events.pipe(ignoreElements()), answers),
      ),
    )
    .subscribe(() => emitted++);

  const answer = (n: number): void => {
    const { id: cause, conversation } = messageOf(n);
    answers.next({ kind: 'text', id: `${cause}#1`, conversation, cause, text: 'hi' });
  };
  const rounds: Round[] = [];
  for (let round = 0; round < 3; round++) {
    const before = heap();
    let began = process.hrtime.bigint();
    for (let n = 0; n < CONVERSATIONS; n++) source.next(messageOf(n));
    const armed = microsecondsSince(began);
    const bytes = (heap() - before) / CONVERSATIONS;
    began = process.hrtime.bigint();
    for (let n = 0; n < CONVERSATIONS; n++) answer(n);
    const cancelled = microsecondsSince(began);
    const left = (heap() - before) / CONVERSATIONS;

    const bare = new Map<string, string>();
    began = process.hrtime.bigint();
    for (let n = 0; n < CONVERSATIONS; n++) bare.set(conversationKey(messageOf(n).conversation), at);
    for (let n = 0; n < CONVERSATIONS; n++) bare.delete(conversationKey(messageOf(n).conversation));
    rounds.push({ armed, cancelled, bare: microsecondsSince(began), bytes, left });
  }
  const median = (pick: (round: (typeof rounds)[number]) => number): number =>
    rounds.map(pick).sort((a, b) => a - b)[1] ?? NaN;
  if (emitted !== 3 * CONVERSATIONS) throw new Error(`${emitted} actions came out`);
  report({ name: 'timers/waiting', value: median(({ bytes }) => bytes), unit: 'byte' });
  report({ name: 'timers/left', value: median(({ left }) => left), unit: 'byte' });
  report({
    name: 'timers/arm',
    value: median(({ armed }) => armed),
    unit: 'µs',
    ratio: median(({ armed, cancelled, bare }) => (armed + cancelled) / bare),
    against: 'Map set and delete',
  });
  report({ name: 'timers/cancel', value: median(({ cancelled }) => cancelled), unit: 'µs' });
  return Promise.resolve();
};
