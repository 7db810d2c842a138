import { defer, map, mergeMap, type MonoTypeOperatorFunction } from 'rxjs';
import { bridge, traceOf, type BridgeConfig, type InboundEvent, type OutboundAction } from 'tidewire';

type Bridge = typeof bridge;

/** With something of its config changed. */
const configured =
  (change: (config: BridgeConfig) => Partial<BridgeConfig>): Bridge =>
  (config, responder) =>
    bridge({ ...config, ...change(config) }, responder);
/** With something in front of it. */
const behind =
  (before: () => MonoTypeOperatorFunction<InboundEvent>): Bridge =>
  (config, responder) =>
  (events) =>
    events.pipe(before(), bridge(config, responder));
/** With something that looks at what it says. */
const before =
  (after: () => MonoTypeOperatorFunction<OutboundAction>): Bridge =>
  (config, responder) =>
  (events) =>
    events.pipe(bridge(config, responder), after());
/** Lets each second one overtake the one before it. */
const swapped = <T>(isMeant: (item: T) => boolean): MonoTypeOperatorFunction<T> => {
  let waiting: T | undefined;
  return mergeMap((item) => {
    if (!isMeant(item)) return [item];
    const earlier = waiting;
    waiting = earlier === undefined ? item : undefined;
    return earlier === undefined ? [] : [item, earlier];
  });
};

/** Takes the first whose conversation is open for the one whom an operator means. */
export const bridgeThatGuesses = configured(({ seat }) => ({
  seat: { ...seat, talks: () => seat.talks().pipe(map((talks) => talks.slice(0, 1))) },
}));

/** Does not write down what stands for what. */
export const bridgeThatLearnsNothing = configured(({ seat }) => ({
  seat: { ...seat, pair: () => defer(() => [undefined]) },
}));

/** Says every answer twice. */
export const bridgeThatRepeatsItself = before(() =>
  mergeMap((action) => (action.by === 'human' ? [action, { ...action }] : [action])),
);

/** Lets answers overtake each other. */
export const bridgeThatHurries = before(() => swapped(({ by }) => by === 'human'));

/** Takes every conversation for one that the operators have, once they had it. */
export const bridgeThatDoesNotAsk = configured(({ desk, seat }) => ({
  desk: { ...desk, touch: () => defer(() => ['human' as const]) },
  seat: { ...seat, forget: () => defer(() => [undefined]) },
}));

/** Lets what customers say overtake. */
export const bridgeThatSwaps = behind(() =>
  swapped(({ kind, conversation }) => kind === 'message' && conversation.id !== 'team'),
);

/** Does not show the operators what was said before. */
export const bridgeWithoutTranscript = configured(() => ({ transcriptLines: 0 }));

/** Holds what comes in and never lets go. */
export const bridgeThatKeeps = behind(() =>
  map((event) => {
    traceOf(event)?.hold({ name: 'bridge' });
    return event;
  }),
);

/** Says what nobody can find in the account. */
export const bridgeBesideTheAccount = before(() =>
  map((action) => ({ ...(JSON.parse(JSON.stringify(action)) as OutboundAction), id: `${action.id}!` })),
);
