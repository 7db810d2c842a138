export * from '../userlike/simulator-core.js';
export * from '../userlike/simulator.js';
