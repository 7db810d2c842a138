import { chatfirstClient, scenarioBot, type ScenarioBot } from 'tidewire/chatfirst';
import { chatfirstSimulator, type ChatfirstSimulator } from 'tidewire/simulators';

export interface Scenario {
  readonly bot: ScenarioBot;
  readonly simulator?: ChatfirstSimulator;
  readonly close: () => Promise<void>;
}

/** What Chatfirst runs: a rental, as a table of states. `#person` is the word for a handover. */
const rental = `<fsm name="rental"><states>
  <state name="Start">
    <transition input="*" next="Bicycle" pending_keyboard="City,Cargo,Somebody">Which bicycle would you like to rent?</transition>
  </state>
  <state name="Bicycle">
    <transition input="City" next="Day" pending_keyboard="Today,Tomorrow">A city bicycle, 12 € a day. From when?</transition>
    <transition input="Cargo" next="Day" pending_keyboard="Today,Tomorrow">A cargo bicycle, 30 € a day. From when?</transition>
    <transition input="Somebody" next="Start">#person</transition>
    <transition input="*" next="Bicycle" pending_keyboard="City,Cargo,Somebody">City, Cargo or Somebody?</transition>
  </state>
  <state name="Day">
    <transition input="*" next="Start">It is yours. The key is at the counter.</transition>
  </state>
</states></fsm>`;

/** The Chatfirst bot of the settings, or a simulated one. */
export const openScenario = async (env: NodeJS.ProcessEnv): Promise<Scenario> => {
  const { CHATFIRST_TOKEN: token, CHATFIRST_BOT: name } = env;
  const config = { marks: { handoff: '#person' } };
  if (token !== undefined && name !== undefined)
    return { bot: scenarioBot(chatfirstClient({ token }), name, config), close: async () => Promise.resolve() };
  const simulator = await chatfirstSimulator({ bots: { rental } });
  const client = chatfirstClient({ token: simulator.token, baseUrl: simulator.url });
  return { bot: scenarioBot(client, 'rental', config), simulator, close: async () => simulator.close() };
};
