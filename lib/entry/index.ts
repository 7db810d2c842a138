export * from '../errors.js';
export * from '../model/index.js';
export * from '../../operators/index.js';
