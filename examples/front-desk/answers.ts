import { filter, merge, share, type OperatorFunction } from 'rxjs';
import {
  circuit,
  isOutOfTokens,
  memoryStore,
  react,
  routeToFluidTalk,
  type InboundEvent,
  type OutboundAction,
  type Store,
} from 'tidewire';
import { routeToChatfirst } from 'tidewire/chatfirst';
import { fluidtalkLedger } from 'tidewire/fluidtalk';
import type { Persona } from './persona.js';
import { respond } from './rules.js';
import type { Scenario } from './scenario.js';

/** Who answers on these channels. Rules answer on all others, and whoever was handed over and found nobody. */
const byChannel: Readonly<Record<string, string>> = { telegram: 'persona', facebook: 'persona', threema: 'scenario' };
const answererOf = ({ kind, conversation }: InboundEvent): string =>
  kind === 'handoffFailed' ? 'rules' : (byChannel[conversation.channel] ?? 'rules');

/** Rules, a persona and a scenario as one responder. `lookUpMs`: how long it takes to find an order. */
export const answers = (
  { client, simulator }: Persona,
  { bot }: Scenario,
  lookUpMs: number,
  store: Store = memoryStore(),
): OperatorFunction<InboundEvent, OutboundAction> => {
  const answerers = {
    rules: react(respond(lookUpMs)),
    persona: routeToFluidTalk(client, {
      ledger: fluidtalkLedger({ store }),
      // Nobody tops up a simulated balance: a new conversation is tried again soon.
      circuit: circuit({ opensOn: isOutOfTokens, pauseMs: simulator === undefined ? 15 * 60_000 : 1_000 }),
    }),
    scenario: routeToChatfirst(bot),
  };
  return (source) => {
    const events = source.pipe(share());
    const answered = Object.entries(answerers).map(([name, answer]) =>
      answer(events.pipe(filter((event) => answererOf(event) === name))),
    );
    return merge(...answered);
  };
};
