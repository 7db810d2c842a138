export * from '../testing/expect-action.js';
export * from '../testing/marbles.js';
export * from '../testing/virtual-clock.js';
export { untraced } from '../trace.js';
export * from '../testing/store-contract.js';
export { queueContract, type MakeQueue } from '../testing/queue-contract.js';
