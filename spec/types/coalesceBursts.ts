import { filter, of, type Observable } from 'rxjs';
import {
  circuit,
  coalesceBursts,
  dedupe,
  keep,
  react,
  typingDelay,
  type Circuit,
  type CommandEvent,
  type InboundEvent,
  type MessageEvent,
  type OutboundAction,
} from 'tidewire';
import type { Equal, Expect, Fits } from '../support/types.js';

declare const events: Observable<InboundEvent>;
declare const actions: Observable<OutboundAction>;
declare const guard: Circuit;

type Emits<T> = T extends Observable<infer V> ? V : never;
interface Marked extends MessageEvent {
  readonly mark: number;
}
declare const marked: Observable<Marked>;
declare const commands: Observable<CommandEvent>;

export const coalesced = events.pipe(coalesceBursts());
export const messages = coalesced.pipe(filter((event) => event.kind === 'message'));
export const ofMarked = marked.pipe(coalesceBursts());
export const ofCommands = commands.pipe(coalesceBursts());
export const inTheMiddle = events.pipe(
  dedupe(),
  coalesceBursts({ quietMs: 1_000, through: ['progress'] }),
  keep(({ kind }) => kind !== 'other'),
  react((event) =>
    event.kind === 'message' ? { kind: 'text', text: `${event.parts?.length ?? 1} messages` } : undefined,
  ),
  typingDelay(),
);
export const called = guard.run(() => of(1), { opening: false });
export const promised = guard.run(async () => Promise.resolve('x'));

export type Results = [
  Expect<Fits<Emits<typeof coalesced>, InboundEvent>>,
  Expect<Equal<Emits<typeof messages>['parts'], readonly string[] | undefined>>,
  Expect<Equal<Emits<typeof ofMarked>['mark'], number>>,
  Expect<Equal<Emits<typeof ofCommands>, CommandEvent>>,
  Expect<Equal<Emits<typeof inTheMiddle>, OutboundAction>>,
  Expect<Equal<typeof called, Observable<number>>>,
  Expect<Equal<typeof promised, Observable<string>>>,
];

// @ts-expect-error -- actions do not come in bursts
actions.pipe(coalesceBursts());
// @ts-expect-error -- events are not typed
events.pipe(typingDelay());
// @ts-expect-error -- what opens it must be said
circuit({});
// @ts-expect-error -- a call is made when it is subscribed, not before
guard.run(of(1));
