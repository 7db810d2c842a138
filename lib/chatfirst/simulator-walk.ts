import { textsIn, type ChatfirstBubble, type Instruction } from './simulator-reply.js';
import type { Rules } from './simulator-rules.js';
import { START, words, type ChatfirstScenario, type ChatfirstTransition } from './simulator-scenario.js';
import { spokenBy } from './simulator-spoken.js';

/** @internal What an adapter answered, or why that does not count. */
export type AdapterResult =
  | { readonly failure: undefined; readonly instruction: Instruction }
  /** The answer was no good, although there may be texts in it. */
  | { readonly failure: string; readonly instruction?: Instruction };

/** What moved somebody to a state. */
export type ChatfirstMover = 'transition' | 'adapter' | 'undo' | 'update' | 'push' | 'force';

/** @internal What happens on the way. `ask` wants an `AdapterResult` before the walk goes on. */
export type Step =
  | { readonly kind: 'ask'; readonly action: string }
  | { readonly kind: 'moved'; readonly from: string; readonly to: string; readonly by: ChatfirstMover }
  | { readonly kind: 'unmatched'; readonly state: string }
  | { readonly kind: 'problem'; readonly problem: string };

/** @internal What came of a message. */
export interface Walked {
  readonly bubbles: readonly ChatfirstBubble[];
  readonly forcedMessage: unknown;
}

const MOST_HOPS = 100;
const LONGEST = 4_096;

/**
 * The first rule that fits, and what it leaves for the next state. A rule takes all that is left; one that does not wait may
 * take its first words only, so that a phrase can be a chain of states.
 */
const firstMatch = (
  transitions: readonly ChatfirstTransition[],
  rest: string,
  { caseSensitive, wordByWord }: Rules,
): readonly [ChatfirstTransition, rest: string] | undefined => {
  for (const transition of transitions) {
    const { input, noStop } = transition;
    if (input === '*') return [transition, ''];
    const wanted = caseSensitive ? input : input.toLowerCase();
    if (wanted === rest) return [transition, ''];
    if (wordByWord && noStop && wanted !== '' && rest.startsWith(`${wanted} `))
      return [transition, rest.slice(wanted.length + 1)];
  }
  return undefined;
};

/**
 * @internal One message of somebody through a scenario: from state to state, until a rule waits or none fits. Pure: what it
 * wants done it yields. Goes 100 hops at most.
 */
export function* walk(
  { states }: ChatfirstScenario,
  from: string,
  said: string,
  rules: Rules,
): Generator<Step, Walked, AdapterResult | undefined> {
  let state = from;
  let rest = rules.caseSensitive ? words(said) : words(said).toLowerCase();
  let forcedMessage: unknown = null;
  let bubbles: ChatfirstBubble[] = [];
  const moveTo = (to: string, by: ChatfirstMover): Step => {
    const moved: Step = { kind: 'moved', from: state, to, by };
    state = to;
    return moved;
  };

  if (!states.has(state) && state !== START) yield moveTo(START, 'update');
  const origin = state;
  for (let hop = 1; hop <= MOST_HOPS; hop++) {
    const match = firstMatch(states.get(state) ?? [], rest, rules);
    if (match === undefined) {
      yield { kind: 'unmatched', state };
      break;
    }
    const [{ action, next, noStop, ...transition }, left] = match;
    rest = left;
    const own = spokenBy(transition, rules);
    for (const text of textsIn(own))
      if (text.length > LONGEST) yield { kind: 'problem', problem: `a text has more than ${LONGEST} characters` };
    let forced: string | undefined;
    if (action === undefined) bubbles.push(...own);
    else {
      const { failure, instruction } = checked(yield { kind: 'ask', action }, states, rules);
      if (failure !== undefined) {
        if (rules.adapterUndoes === 'message') {
          bubbles = [];
          if (state !== origin) yield moveTo(origin, 'undo');
        }
        const excuse = rules.failureText === 'adapter' ? (instruction?.bubbles ?? []) : [];
        bubbles.push(...(excuse.length > 0 ? excuse : [{ text: rules.errorText, keyboard: null, entities: [] }]));
        break;
      }
      const { ownText } = rules;
      bubbles.push(...(ownText === 'before' ? own : []), ...instruction.bubbles, ...(ownText === 'after' ? own : []));
      forcedMessage = instruction.forcedMessage ?? forcedMessage;
      forced = instruction.forced;
      if (forced !== undefined && !states.has(forced)) {
        yield { kind: 'problem', problem: 'an adapter forces a state that is not there' };
        forced = undefined;
      }
    }
    if (forced !== undefined) yield moveTo(forced, 'adapter');
    else if (next !== undefined && states.has(next)) yield moveTo(next, 'transition');
    else if (next !== undefined) yield { kind: 'problem', problem: 'a transition leads to a state that is not there' };
    if (!noStop || (forced !== undefined && !rules.forcedGoesOn)) break;
    if (hop === MOST_HOPS) yield { kind: 'problem', problem: `the scenario did not wait after ${MOST_HOPS} hops` };
  }
  return { bubbles, forcedMessage };
}

/** An answer that forces an unknown state may be a failure; nothing at all always is one. */
const checked = (
  result: AdapterResult | undefined,
  states: ChatfirstScenario['states'],
  { unknownState }: Rules,
): AdapterResult => {
  if (result === undefined) return { failure: 'there is no answer' };
  const forced = result.instruction?.forced;
  if (result.failure !== undefined || unknownState === 'keep' || forced === undefined || states.has(forced))
    return result;
  return { failure: 'it forces a state that is not there', instruction: result.instruction };
};
