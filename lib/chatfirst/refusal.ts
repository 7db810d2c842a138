import { either as E } from 'fp-ts';
import { ChatError } from '../errors.js';
import type { HttpResponse } from '../transport/http.js';
import { statusError } from '../transport/transport-error.js';
import type { ChatfirstCallName } from './command.js';

const READS: ReadonlySet<ChatfirstCallName> = new Set<ChatfirstCallName>(['bots', 'bot', 'channel']);

/** @internal Whether a call changes something. */
export const hasEffect = (call: ChatfirstCallName): boolean => !READS.has(call);

/** `X-Rate-Limit-Reset` is an instant in seconds. */
const untilReset = (value: string | undefined, now: number): number | undefined => {
  const at = value === undefined || value.trim() === '' ? NaN : Number(value);
  return Number.isFinite(at) ? Math.max(0, at * 1_000 - now) : undefined;
};

/**
 * What an answer means that is no success. The platform publishes no list of errors; nothing of the body is in the error.
 *
 * | status | kind | reason | |
 * | --- | --- | --- | --- |
 * | 400 | `refused` | `badRequest` | |
 * | 401, 403 | `unauthorized` | | |
 * | 404 | `refused` | `notFound` | the bot, its channel, or a user who never wrote |
 * | 408 | `timeout` | | in doubt, if the call has an effect |
 * | 409 | `conflict` | | |
 * | 429 | `throttled` | | `retryAfterMs` from `Retry-After`, else from `X-Rate-Limit-Reset` |
 * | other 4xx | `refused` | | |
 * | 5xx | `unreachable` | | in doubt, if the call has an effect |
 * | else | `undecodable` | | in doubt, if the call has an effect |
 */
export const chatfirstError = (
  call: ChatfirstCallName,
  response: { readonly status: number; readonly header: (name: string) => string | undefined },
  now: number,
): ChatError => {
  const { status, header } = response;
  const usual = statusError('chatfirst', call, response, now, hasEffect(call));
  const sentence = `${call} was answered with status ${status}`;
  const { retryAfterMs } = usual;
  switch (status) {
    case 400:
      return new ChatError('refused', 'chatfirst', sentence, { status, reason: 'badRequest' });
    case 404:
      return new ChatError('refused', 'chatfirst', sentence, { status, reason: 'notFound' });
    case 429:
      return new ChatError('throttled', 'chatfirst', sentence, {
        status,
        retryAfterMs: retryAfterMs ?? untilReset(header('x-rate-limit-reset'), now),
      });
    case 503:
      // A proxy says so of a server that may have heard the call.
      return new ChatError('unreachable', 'chatfirst', sentence, { status, retryAfterMs, inDoubt: hasEffect(call) });
    default:
      return usual;
  }
};

/** @internal The JSON of a body; `undefined` for none. */
export const jsonIn = (
  call: ChatfirstCallName,
  { body, text }: HttpResponse,
  parse: (text: string) => unknown = JSON.parse,
): E.Either<ChatError, unknown> => {
  if (body.length === 0) return E.right(undefined);
  try {
    return E.right(parse(text()));
  } catch {
    return E.left(new ChatError('undecodable', 'chatfirst', `${call} was answered with what is no JSON`));
  }
};

/** @internal A success that cannot be read: what has an effect may have had it. */
export const unreadable = (call: ChatfirstCallName, { message, problems }: ChatError): ChatError => {
  const sentence = message.replace(/^chatfirst: /, '');
  return new ChatError('undecodable', 'chatfirst', sentence, { problems, inDoubt: hasEffect(call) });
};
