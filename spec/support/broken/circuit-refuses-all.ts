import { circuit } from 'tidewire';

/** Refuses what runs too: people in the middle of a conversation get no answer any more. */
export const circuitThatRefusesAll: typeof circuit = (config) => {
  const guard = circuit(config);
  return { ...guard, run: (call) => guard.run(call) };
};
