export * from '../rocketchat/codec.js';
