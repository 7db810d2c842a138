/* eslint-disable @typescript-eslint/no-unsafe-argument -- what must not compile has no types */
import { EMPTY, filter, NEVER, of, throwError, type Observable, type OperatorFunction } from 'rxjs';
import {
  choices,
  end,
  handoff,
  react,
  text,
  type ConversationState,
  type Handler,
  type InboundEvent,
  type MessageEvent,
  type OutboundAction,
  type Replies,
  type Reply,
} from 'tidewire';
import type { Equal, Expect, Fits } from '../support/types.js';

declare const events: Observable<InboundEvent>;

/** What a handler may return, now or later, compiled as it is written. */
export const whatHandlersReturn: readonly OperatorFunction<InboundEvent, OutboundAction>[] = [
  react(() => undefined),
  react(() => {
    // Nothing to say.
  }),
  react(() => ({ kind: 'text', text: 'x' })),
  react(() => text('x')),
  react(() => [text('x'), choices('?', ['a', 'b']), handoff(), end()]),
  react(() => [{ kind: 'text', text: 'x' }, { kind: 'release' }]),
  react(() => of(text('x'))),
  react(() => of([text('x'), end()])),
  react(() => EMPTY),
  react(() => NEVER),
  react(() => throwError(() => new Error('no'))),
  react(() => Promise.resolve(text('x'))),
  react(() => Promise.resolve()),
  react(async () => Promise.resolve([text('x')])),
  react(async () => {
    await Promise.resolve();
    return [text('x'), { kind: 'handoff', to: { kind: 'group', id: 7 } }];
  }),
  react(async () => {
    await Promise.resolve();
  }),
  react(async ({ kind }) => {
    await Promise.resolve();
    return kind === 'message' ? text('x') : undefined;
  }),
  react(function* () {
    yield text('x');
    yield [text('y')];
  }),
  react(async function* () {
    yield await Promise.resolve(text('x'));
    yield end();
  }),
  react(({ kind }) => (kind === 'message' ? [text('x')] : undefined)),
  react((event) => (event.kind === 'message' ? of(text(event.text)) : text('x'))),
];

export type ReturnTypes = [
  Expect<Fits<Reply, Replies>>,
  Expect<Fits<void, Replies>>,
  Expect<Fits<undefined, Replies>>,
  Expect<Fits<readonly Reply[], Replies>>,
  Expect<Fits<Promise<readonly Reply[]>, Replies>>,
  Expect<Fits<Observable<Reply | readonly Reply[]>, Replies>>,
  Expect<Equal<Fits<string, Replies>, false>>,
  Expect<Equal<Fits<number, Replies>, false>>,
  Expect<Equal<Fits<null, Replies>, false>>,
  Expect<Equal<Fits<Observable<Promise<Reply>>, Replies>, false>>,
  Expect<Equal<ReturnType<Handler<InboundEvent, undefined>>, Replies>>,
];

export const replied = events.pipe(
  filter((event) => event.kind === 'message'),
  react((event) => text(event.text)),
);
export type HandlersSeeWhatTheStreamCarries = [
  Expect<Equal<typeof replied, Observable<OutboundAction>>>,
  Expect<Equal<Parameters<Handler<MessageEvent, number>>, [event: MessageEvent, state: ConversationState<number>]>>,
];

export const stateIsTyped = react<InboundEvent, { readonly asked: number }>(
  (_, state) => {
    state.set({ asked: state.value.asked + 1 });
    // @ts-expect-error a state of another shape
    state.set({ asked: 'twice' });
    // @ts-expect-error it is replaced, never changed
    state.value.asked = 5;
  },
  { state: { initial: () => ({ asked: 0 }) } },
);

export const whatDoesNotCompile = (): void => {
  // @ts-expect-error there is no such kind
  react(() => ({ kind: 'shout', text: 'x' }));
  // @ts-expect-error a text has a text
  react(() => ({ kind: 'text' }));
  // @ts-expect-error a text is a string
  react(() => ({ kind: 'text', text: 5 }));
  // @ts-expect-error there is no such kind in the list
  react(() => [text('x'), { kind: 'shout' }]);
  // @ts-expect-error nor in what comes later
  react(async () => Promise.resolve([{ kind: 'shout' }]));
  // @ts-expect-error nor in an Observable
  react(() => of({ kind: 'shout' }));
  // @ts-expect-error a plain string is no reply
  react(() => 'hello');
  // @ts-expect-error there is nobody of that name to hand off to
  react(() => ({ kind: 'handoff', to: { kind: 'boss' } }));
  // @ts-expect-error only messages have a text
  react((event) => text(event.text));
  // @ts-expect-error it is retry: { count }
  react(() => undefined, { retry: 3 });
  // @ts-expect-error it is maxDelayMs
  react(() => undefined, { retry: { count: 3, maxDelay: 5 } });
  // @ts-expect-error there is no such option
  react(() => undefined, { parallel: 5 });
  // @ts-expect-error a state begins somewhere
  react(() => undefined, { state: {} });
};
