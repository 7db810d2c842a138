export * from '../model/codec.js';
