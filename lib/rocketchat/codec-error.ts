import * as t from 'io-ts';
import { ChatError, type ChatErrorKind } from '../errors.js';
import { retryAfter, statusError } from '../transport/transport-error.js';
import type { RocketchatFrameError } from './codec-frame.js';
import { maybe } from './codec-wire.js';

/** An answer that is no success: by its status, or because it says so. */
export interface RocketchatRefusal {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  /** The body as JSON; `undefined` when it is none, which comes from a proxy. */
  readonly body: unknown;
  /** What was asked with, as far as nobody is to see it: a code that is a text of it is none. Default: nothing. */
  readonly sent?: unknown;
}

const Text = maybe(t.string);
const Envelope = t.partial({
  success: maybe(t.boolean),
  status: maybe(t.string),
  error: t.unknown,
  errorType: Text,
  reason: Text,
  message: Text,
  details: t.unknown,
});

const CODE = /^[A-Za-z][\w-]{1,79}$/;
/** What the server says without a code, in the words of its sources. Any other words may hold what was sent. */
const SENTENCES: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/too many requests/i, 'error-too-many-requests'],
  [/^Match error/, 'match-error'],
  [/^Agent not found$/, 'agent-not-found'],
  [/^User not found$/, 'user-not-found'],
  [/^The user is invalid$/, 'invalid-user'],
  [/^Invalid type$/, 'invalid-type'],
  [/^Internal server error$/, 'internal-server-error'],
  [/^You must be logged in/, 'not-logged-in'],
  [/^No message found with the id/, 'message-not-found'],
  [/^The room id provided does not match/, 'room-does-not-match'],
  [/^Cannot send system messages/, 'system-message'],
  [/^The 'rid' property/, 'invalid-params'],
  [/query parameter must be/, 'invalid-params'],
  [/^must (NOT )?(have|be) /, 'invalid-params'],
];
/** What a schema expects names fields, never values. */
const EXPECTATION = /^must (?:NOT )?(?:have|be) [\w' /-]{1,100}/;

const reasonIn = (text: unknown): string | undefined => {
  if (typeof text === 'number') return String(text);
  if (typeof text !== 'string') return undefined;
  const bracketed = /\[([\w-]{2,80})\]\s*$/.exec(text)?.[1];
  if (bracketed !== undefined) return bracketed;
  return CODE.test(text) ? text : SENTENCES.find(([pattern]) => pattern.test(text))?.[1];
};
const detailOf = (details: unknown, name: string): unknown => {
  let found = details;
  if (typeof details === 'string') {
    try {
      found = JSON.parse(details);
    } catch {
      return undefined;
    }
  }
  return t.UnknownRecord.is(found) ? found[name] : undefined;
};

/** Beyond that a text is a secret, or a message, wherever it stands. */
const LONG = 8;
/** Whether a word repeats a text of what was sent. */
const repeats = (word: string, sent: unknown): boolean => {
  if (typeof sent === 'string') return word === sent || (sent.length >= LONG && word.includes(sent));
  return typeof sent === 'object' && sent !== null && Object.values(sent).some((part) => repeats(word, part));
};
/** The words of the server, unless they are ours. */
const told = (words: string | undefined, sent: unknown): string | undefined =>
  words?.split(/[\s']+/).some((word) => word !== '' && repeats(word, sent)) === true ? undefined : words;

const CONFLICTS: ReadonlySet<string> = new Set([
  'error-inquiry-taken',
  'error-taking-inquiry-lockedAt-mismatch',
  'error-agent-is-locked',
]);
/** What passes by itself. */
const TRANSIENT: ReadonlySet<string> = new Set(['error-room-cannot-be-closed-try-again', 'error-agent-is-locked']);
const NOT_LOGGED_IN: ReadonlySet<string> = new Set(['not-logged-in', 'totp-required', 'totp-invalid']);
const NO_TIME_MS = 30_000;

/** How long to wait: what a proxy asks for, else until the window ends, unless the sentence shows that our clock is wrong. */
const waitOf = (text: unknown, header: RocketchatRefusal['header'], now: number): number => {
  const asked = retryAfter(header('retry-after'), now);
  if (asked !== undefined) return asked;
  const reset = Number(header('x-ratelimit-reset') ?? NaN) - now;
  const seconds = typeof text === 'string' ? /wait (\d{1,6}) seconds?/i.exec(text)?.[1] : undefined;
  const told = seconds === undefined ? NaN : Number(seconds) * 1_000;
  // Whole seconds are rounded up.
  if (reset > 0 && !(Math.abs(told - reset) > 1_000)) return reset;
  return told > 0 ? told : NO_TIME_MS;
};

/**
 * What an answer means that is no success. `reason` is the server's code: from `errorType`, `reason`, the brackets at the end of
 * `error`, or `error` itself. Nothing else of its body is in the error, since it may repeat what was sent.
 *
 * | answer | kind | |
 * | --- | --- | --- |
 * | 401; `totp-required` | `unauthorized` | with the method of the second factor in `problems` |
 * | 403, other 4xx, `success: false` | `refused` | a permission that is missing is no login that is missing |
 * | 429, `error-too-many-requests` | `throttled` | `retryAfterMs` |
 * | `error-inquiry-taken` and the like | `conflict` | |
 * | 500 | `unreachable` | in doubt, if the call has an effect |
 * | no JSON | what its status means | a page of a proxy |
 */
export const rocketchatError = (
  call: string,
  { status, header, body, sent }: RocketchatRefusal,
  now: number,
  hasEffect = true,
): ChatError => {
  if (!Envelope.is(body) || Array.isArray(body)) {
    const usual = statusError('rocketchat', call, { status, header }, now, hasEffect);
    const { kind, inDoubt, retryAfterMs } = usual;
    return new ChatError(
      kind === 'unauthorized' ? 'refused' : kind,
      'rocketchat',
      `${call} was answered with status ${status}, not by Rocket.Chat`,
      {
        status,
        inDoubt,
        retryAfterMs,
        reason: 'notRocketChat',
      },
    );
  }
  const { error, errorType, details } = body;
  const code =
    reasonIn(errorType) ??
    reasonIn(body.reason) ??
    reasonIn(error) ??
    (status === 401 ? reasonIn(body.message) : undefined);
  const reason = told(code, sent);
  const sentence = `${call} was refused with ${reason ?? `status ${status}`}`;
  if (status === 429 || reason === 'error-too-many-requests') {
    const retryAfterMs = waitOf(error, header, now);
    return new ChatError('throttled', 'rocketchat', `${call} was throttled`, {
      status,
      reason: 'error-too-many-requests',
      retryAfterMs,
    });
  }
  if (status >= 500) {
    const inDoubt = hasEffect && status !== 503;
    return new ChatError('unreachable', 'rocketchat', `${call} was answered with status ${status}`, {
      status,
      reason,
      inDoubt,
    });
  }
  if (status === 401 || NOT_LOGGED_IN.has(reason ?? '')) {
    const method = detailOf(details, 'method');
    const known = method === 'totp' || method === 'email' || method === 'password';
    const problems = known ? [`a second factor is asked for: ${method}`] : undefined;
    return new ChatError('unauthorized', 'rocketchat', sentence, { status, reason, problems });
  }
  let kind: ChatErrorKind = 'refused';
  if (status === 409 || CONFLICTS.has(reason ?? '')) kind = 'conflict';
  const expectation = typeof error === 'string' ? told(EXPECTATION.exec(error)?.[0].trim(), sent) : undefined;
  const retryable = TRANSIENT.has(reason ?? '') ? true : undefined;
  return new ChatError(kind, 'rocketchat', expectation === undefined ? sentence : `${sentence}: ${expectation}`, {
    status,
    reason,
    retryable,
    problems: expectation === undefined ? undefined : [expectation],
  });
};

/**
 * What the error of a call or subscription on the socket means. 403 is a login that is no good. A code that is a text of what
 * was `sent` is none.
 */
export const rocketchatFrameError = (
  call: string,
  { error, details }: RocketchatFrameError,
  sent?: unknown,
): ChatError => {
  const reason = told(typeof error === 'number' || CODE.test(error) ? String(error) : undefined, sent);
  if (reason === 'too-many-requests' || reason === 'error-too-many-requests') {
    const wait = detailOf(details, 'timeToReset');
    const retryAfterMs = typeof wait === 'number' && wait >= 0 ? wait : NO_TIME_MS;
    return new ChatError('throttled', 'rocketchat', `${call} was throttled`, { reason, retryAfterMs });
  }
  const kind =
    reason === '403' || NOT_LOGGED_IN.has(reason ?? '')
      ? 'unauthorized'
      : CONFLICTS.has(reason ?? '')
        ? 'conflict'
        : 'refused';
  if (reason === '500')
    return new ChatError('unreachable', 'rocketchat', `${call} failed on the server`, { reason, inDoubt: true });
  return new ChatError(kind, 'rocketchat', `${call} was refused with ${reason ?? 'no code'}`, { reason });
};
