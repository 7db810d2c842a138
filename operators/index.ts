export * from './accounted.js';
export * from './dedupe.js';
export * from './deliver.js';
export * from './fanOut.js';
export * from './keep.js';
export * from './lanes.js';
export * from './react.js';
