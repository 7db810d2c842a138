export * from '../userlike/simulator-core.js';
export * from '../userlike/simulator.js';
export type { SimulatedOption } from '../userlike/simulator-channels.js';
