import {
  fluidtalkSimulator,
  type FluidtalkReply,
  type FluidtalkSimulator,
  type FluidtalkTurn,
} from 'tidewire/simulators';

/** What the simulated persona says: it is chatty, slow about hard questions, and ends the conversation when thanked. */
const reply = ({ message = '' }: FluidtalkTurn): FluidtalkReply => {
  if (/thank/i.test(message)) return { bubbles: ['You are welcome. Ride safely!'], seals: true };
  if (/brake/i.test(message)) return { bubbles: ['Squeaking brakes?', 'A drop of alcohol on the disc helps.'] };
  return { bubbles: ['Hey! I am Velma, the voice of the workshop.', 'What is your bicycle up to?'] };
};

/** A persona that talks with whoever comes. */
export const simulatedPersona = async (): Promise<FluidtalkSimulator> =>
  fluidtalkSimulator({
    tokens: 1_000,
    persona: reply,
    thinkMs: ({ message = '' }) => (/carbon/i.test(message) ? 3_500 : 200),
  });
