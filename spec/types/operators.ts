/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-member-access -- what must not compile has no types */
import { EMPTY, filter, map, of, type MonoTypeOperatorFunction, type Observable, type OperatorFunction } from 'rxjs';
import {
  accounted,
  bridge,
  budget,
  choiceBook,
  dedupe,
  deliver,
  dropEcho,
  type fallbackToText,
  fanOut,
  keep,
  lanes,
  onKind,
  onlyIn,
  openAccounts,
  operatorSeat,
  ownership,
  rateLimit,
  react,
  readChoices,
  retryDelivery,
  splitText,
  toPlatforms,
  type traceOf,
  type ChoiceEvent,
  type Conversation,
  type InboundEvent,
  type MediaAction,
  type MessageEvent,
  type OperatorSeat,
  type OutboundAction,
  type Receipt,
  type Sink,
  type TextAction,
  type Trace,
} from 'tidewire';
import type { Equal, Expect, Fits } from '../support/types.js';

declare const events: Observable<InboundEvent>;
declare const actions: Observable<OutboundAction>;
declare const conversation: Conversation;
declare const responder: OperatorFunction<InboundEvent, OutboundAction>;
declare const sink: OperatorFunction<OutboundAction, Receipt>;

/** What a sink needs that hands over to operators. */
interface Port {
  readonly conversation: Conversation;
  link(messageIds: readonly string[], customer: Conversation): Observable<unknown>;
}
export type SeatsArePorts = Expect<Equal<Fits<OperatorSeat, Port>, true>>;

type Emits<T> = T extends Observable<infer V> ? V : never;
const isMessage = (event: InboundEvent): event is MessageEvent => event.kind === 'message';

const messages = events.pipe(filter(isMessage));
export const inferred = events.pipe(filter((event) => event.kind === 'message'));

export const afterDedupe = messages.pipe(dedupe());
export const afterKeep = messages.pipe(keep(({ text }) => text !== ''));
export const afterEcho = messages.pipe(dropEcho());
export const afterLimit = messages.pipe(rateLimit({ limit: 1, perMs: 1_000 }));
export const afterAccounted = messages.pipe(accounted('desk'));
export const afterOnlyIn = messages.pipe(onlyIn('web'));
export const afterAll = messages.pipe(
  dedupe({ key: ({ text }) => text }),
  keep(({ text }) => text !== ''),
  dropEcho(),
  rateLimit({ limit: 1, perMs: 1_000, key: ({ conversation }) => conversation.id }),
);

export type NarrowingSurvives = [
  Expect<Equal<Emits<typeof inferred>, MessageEvent>>,
  Expect<Equal<Emits<typeof afterDedupe>, MessageEvent>>,
  Expect<Equal<Emits<typeof afterKeep>, MessageEvent>>,
  Expect<Equal<Emits<typeof afterEcho>, MessageEvent>>,
  Expect<Equal<Emits<typeof afterLimit>, MessageEvent>>,
  Expect<Equal<Emits<typeof afterAccounted>, MessageEvent>>,
  Expect<Equal<Emits<typeof afterOnlyIn>, MessageEvent>>,
  Expect<Equal<Emits<typeof afterAll>, MessageEvent>>,
];

export const chosen = messages.pipe(readChoices({ book: choiceBook() }));
export const laned = messages.pipe(lanes({ key: ({ text }) => text }, ({ text }) => of(text.length)));
export const fanned = messages.pipe(
  fanOut(
    (each) => each.pipe(react(() => undefined)),
    (each) => each.pipe(react(({ text }) => ({ kind: 'text', text }))),
  ),
);

export type OthersSayWhatTheyEmit = [
  Expect<Equal<Emits<typeof chosen>, MessageEvent | ChoiceEvent>>,
  Expect<Equal<Emits<typeof laned>, number>>,
  Expect<Equal<Emits<typeof fanned>, OutboundAction>>,
  Expect<Equal<ReturnType<typeof traceOf>, Trace | undefined>>,
];

export const shouted = actions.pipe(onKind('text', (action) => ({ ...action, text: action.text.toUpperCase() })));
export type OneKind = [
  Expect<Equal<Emits<typeof shouted>, OutboundAction>>,
  Expect<Equal<Parameters<Parameters<typeof onKind<OutboundAction, 'text'>>[1]>[0], TextAction>>,
  Expect<Equal<Parameters<Parameters<typeof onKind<OutboundAction, 'media'>>[1]>[0], MediaAction>>,
];

const routed = toPlatforms({ userlike: sink, desk: sink });
export const sent = actions.pipe(routed);
export type SinksTakeActionsAndGiveReceipts = [
  Expect<Equal<typeof routed, Sink>>,
  Expect<Equal<Sink, OperatorFunction<OutboundAction, Receipt>>>,
  Expect<Equal<Emits<typeof sent>, Receipt>>,
  Expect<Equal<ReturnType<typeof deliver>, Sink>>,
  Expect<Equal<ReturnType<typeof retryDelivery>, Sink>>,
  Expect<Equal<ReturnType<typeof fallbackToText>, MonoTypeOperatorFunction<OutboundAction>>>,
];

export const whatDoesNotCompile = (): void => {
  // @ts-expect-error a sink takes actions, not events
  events.pipe(routed);
  // @ts-expect-error what gives no receipts is no sink
  toPlatforms({ desk: map(() => 'sent') });
  // @ts-expect-error actions have no fingerprint to compare
  actions.pipe(dedupe());
  // @ts-expect-error there is no such kind
  actions.pipe(onKind('shout', (action) => action));
  // @ts-expect-error a text has no media
  actions.pipe(onKind('text', (action) => ({ ...action, text: action.media })));
  // @ts-expect-error what comes out of one kind must be an action
  actions.pipe(onKind('text', () => 'text'));
  // @ts-expect-error the predicate sees messages only
  messages.pipe(keep((event) => event.choice.id === ''));
  // @ts-expect-error a branch gives what can be observed
  messages.pipe(fanOut(() => 5));
  // @ts-expect-error a key is a string
  lanes({ key: (event: InboundEvent) => event }, () => of(1));
  // @ts-expect-error splitText changes actions, not events
  events.pipe(splitText(10));
  // @ts-expect-error the trace's symbol is not in the types
  messages.subscribe((event) => event[Symbol.for('tidewire.trace')]);
};

export const configsRefuseWrongFields = (): void => {
  // @ts-expect-error it is windowMs
  dedupe({ window: 5 });
  // @ts-expect-error there is no such way
  dedupe({ fingerprints: 'all' });
  // @ts-expect-error a number of milliseconds
  dedupe({ windowMs: '5 min' });
  // @ts-expect-error a limit needs its window
  rateLimit({ limit: 20 });
  // @ts-expect-error a limit of one's own, or a shared one
  rateLimit({ limit: 20, perMs: 1, budget: budget({ limit: 1, perMs: 1 }) });
  // @ts-expect-error there is no such way
  rateLimit({ limit: 20, perMs: 1, overflow: 'drop' });
  // @ts-expect-error overflow is for streams: a sink answers with receipts
  rateLimit({ limit: 20, perMs: 1, overflow: 'shed' }, sink);
  // @ts-expect-error lists are for sinks that take lists
  rateLimit({ limit: 20, perMs: 1, coalesce: 5 }, sink);
  // @ts-expect-error it is maxQueued
  lanes({ key: () => '', queue: 5 }, () => of(1));
  // @ts-expect-error lanes need a key
  lanes({}, () => of(1));
  // @ts-expect-error deliver needs a name
  deliver({}, () => EMPTY);
  // @ts-expect-error it is delayMs
  retryDelivery({ delay: 5 }, sink);
  // @ts-expect-error it is unattendedMs
  openAccounts({ unattended: 5 });
  // @ts-expect-error a book is needed
  readChoices({});
  // @ts-expect-error a seat has a conversation
  operatorSeat({});
  const desk = ownership();
  // @ts-expect-error a bridge needs a seat
  bridge({ desk }, responder);
  const seat = operatorSeat({ conversation });
  // @ts-expect-error a bridge wraps a responder, not a sink
  bridge({ desk, seat }, sink);
  // @ts-expect-error what send returns is a receipt
  deliver({ name: 'toDesk' }, () => of('sent'));
};
