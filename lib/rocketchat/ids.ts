import { ChatError } from '../errors.js';
import { sha256 } from './sha256.js';

/** Those that servers make ids of: none that look like another. */
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz';
const LENGTH = 17;
const encoder = new TextEncoder();

const idOf = (bytes: Uint8Array): string => {
  let id = '';
  for (let i = 0; i < LENGTH; i++) id += ALPHABET[(bytes[i] ?? 0) % ALPHABET.length] ?? '';
  return id;
};

/**
 * The id of the message that an action becomes: 17 signs, as servers make them; the same for the same action, so that a message
 * that is sent again is still one.
 */
export const messageIdOf = (actionId: string, part = ''): string =>
  idOf(sha256(encoder.encode(part === '' ? actionId : `${actionId}\n${part}`)));

/** A new id for a message; `random` is from 0 up to 1. */
export const newMessageId = (random?: () => number): string => {
  const bytes =
    random === undefined
      ? crypto.getRandomValues(new Uint8Array(LENGTH))
      : Uint8Array.from({ length: LENGTH }, () => Math.floor(random() * 256));
  return idOf(bytes);
};

const ID = /^[\w-][\w.:~@-]{0,199}$/;
// Stands in paths, where dots alone would lead elsewhere, and in headers.
const TOKEN = /^(?!\.{1,2}$)[\x21-\x7e]{1,500}$/;

const refuse = (sentence: string, reason: string): ChatError =>
  new ChatError('unsupported', 'rocketchat', sentence, { reason });

/** @internal @throws ChatError `unsupported` when it cannot be an id: then it is not asked for. */
export const checkedId = (what: string, id: string): string => {
  if (!ID.test(id)) throw refuse(`${what} is no id`, 'invalidId');
  return id;
};

/** @internal @throws ChatError `unsupported` when it cannot be a visitor's token. */
export const checkedToken = (token: string): string => {
  if (!TOKEN.test(token)) throw refuse('the visitor token is blank, or has signs that cannot be sent', 'invalidToken');
  return token;
};

/** @internal @throws ChatError `unsupported` when it is blank, `overflow` when it is too long. */
export const checkedText = (text: string, maxLength: number): string => {
  if (text.trim() === '') throw refuse('a message is empty', 'emptyMessage');
  if (text.length > maxLength) {
    throw new ChatError('overflow', 'rocketchat', `a message has ${text.length} characters, ${maxLength} are allowed`);
  }
  return text;
};
