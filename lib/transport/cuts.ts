import type { Agent, ClientRequest } from 'node:http';

/** What requests ask of an agent. */
interface Asked {
  addRequest(request: ClientRequest, options: unknown): void;
}

/** One for each that there is: it holds none that nobody else does. */
const known = new WeakMap<Agent, Agent>();

/**
 * The same agent, whose requests fail when their answers are cut. Node tells that to the answer alone, and `cross-fetch` listens
 * there only while the length is not announced: the body would neither end nor fail.
 */
export const tellingCuts = (agent: Agent): Agent => {
  const before = known.get(agent);
  if (before !== undefined) return before;
  const asked = agent as Agent & Asked;
  const addRequest = (request: ClientRequest, options: unknown): void => {
    request.once('response', (answer) => {
      answer.once('close', () => {
        if (answer.complete) return;
        request.emit('error', Object.assign(new Error('the answer was cut'), { code: 'ECONNRESET' }));
      });
    });
    asked.addRequest(request, options);
  };
  const telling = Object.create(agent, { addRequest: { value: addRequest } }) as Agent;
  known.set(agent, telling);
  return telling;
};
