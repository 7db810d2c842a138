import { fluidtalkClient, type FluidtalkClient } from 'tidewire/fluidtalk';
import {
  fluidtalkSimulator,
  type FluidtalkReply,
  type FluidtalkSimulator,
  type FluidtalkTurn,
} from 'tidewire/simulators';

export interface Persona {
  readonly client: FluidtalkClient;
  readonly simulator?: FluidtalkSimulator;
  readonly close: () => Promise<void>;
}

/** What the simulated persona says: it is chatty, slow about hard questions, and ends the conversation when thanked. */
const reply = ({ message = '' }: FluidtalkTurn): FluidtalkReply => {
  if (/thank/i.test(message)) return { bubbles: ['You are welcome. Ride safely!'], seals: true };
  if (/brake/i.test(message)) return { bubbles: ['Squeaking brakes?', 'A drop of alcohol on the disc helps.'] };
  return { bubbles: ['Hey! I am Velma, the voice of the workshop.', 'What is your bicycle up to?'] };
};

/** The FluidTalk persona of the settings, or a simulated one that talks with whoever comes. */
export const openPersona = async ({ FLUIDTALK_API_KEY: apiKey }: NodeJS.ProcessEnv): Promise<Persona> => {
  if (apiKey !== undefined) return { client: fluidtalkClient({ apiKey }), close: async () => Promise.resolve() };
  const simulator = await fluidtalkSimulator({
    tokens: 1_000,
    persona: reply,
    thinkMs: ({ message = '' }) => (/carbon/i.test(message) ? 3_500 : 200),
  });
  const client = fluidtalkClient({ apiKey: simulator.key, baseUrl: simulator.url });
  return { client, simulator, close: async () => simulator.close() };
};
