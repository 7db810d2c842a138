export * from '../trueconf/codec.js';
