import { ChatError, type ChatErrorKind } from '../errors.js';

interface Meaning {
  readonly kind: ChatErrorKind;
  readonly words: string;
  readonly retryable?: true;
  /** Whether what was asked for may have happened. */
  readonly inDoubt?: true;
}

const MEANINGS: Readonly<Record<number, Meaning>> = {
  2: { kind: 'conflict', words: 'the id of the request was used before' },
  100: { kind: 'unreachable', words: 'connection error', inDoubt: true },
  101: { kind: 'timeout', words: 'connection time-out', inDoubt: true },
  102: { kind: 'refused', words: 'TLS error' },
  103: { kind: 'refused', words: 'unsupported protocol' },
  104: { kind: 'unsupported', words: 'the server does not know this method' },
  200: { kind: 'unauthorized', words: 'not authorised' },
  201: { kind: 'unauthorized', words: 'invalid credentials' },
  202: { kind: 'unauthorized', words: 'the user is disabled' },
  203: { kind: 'unauthorized', words: 'the token has expired' },
  204: { kind: 'unauthorized', words: 'unsupported credentials' },
  300: { kind: 'unreachable', words: 'internal server error', inDoubt: true },
  301: { kind: 'timeout', words: 'the operation timed out', inDoubt: true },
  302: { kind: 'refused', words: 'access denied' },
  303: { kind: 'refused', words: 'not enough rights' },
  304: { kind: 'refused', words: 'chat not found' },
  305: { kind: 'refused', words: 'the user is not a participant' },
  306: { kind: 'refused', words: 'message not found' },
  307: { kind: 'refused', words: 'unknown message' },
  308: { kind: 'refused', words: 'file not found' },
  309: { kind: 'conflict', words: 'the user is in the chat already' },
  310: { kind: 'refused', words: 'the upload failed, or breaks the limits of the server' },
  311: { kind: 'refused', words: 'the file is not ready', retryable: true },
  312: { kind: 'refused', words: 'role not found' },
};

/**
 * What an error code means. `reason` is the code as text; the server's own description stays behind, since nothing tells what
 * is in it.
 *
 * | code | kind | |
 * | --- | --- | --- |
 * | 100, 300 | `unreachable` | in doubt, if the call has an effect |
 * | 101, 301 | `timeout` | in doubt, if the call has an effect |
 * | 104 | `unsupported` | the server is too old for the call |
 * | 200 to 204 | `unauthorized` | |
 * | 2, 309 | `conflict` | |
 * | 311 | `refused` | retryable |
 * | else | `refused` | |
 */
export const trueconfError = (call: string, code: number, hasEffect = true): ChatError => {
  const { kind, words, retryable, inDoubt } = MEANINGS[code] ?? { kind: 'refused', words: 'a code that is not known' };
  return new ChatError(kind, 'trueconf', `${call} was answered with ${code}: ${words}`, {
    reason: String(code),
    retryable,
    inDoubt: inDoubt === true && hasEffect,
  });
};
