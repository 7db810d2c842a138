export * from './action.js';
export * from './capabilities.js';
export * from './conversation.js';
export * from './event.js';
export * from './json.js';
export * from './outcome.js';
export * from './receipt.js';
