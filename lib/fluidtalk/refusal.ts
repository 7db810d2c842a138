import { ChatError, type ChatErrorKind } from '../errors.js';
import { statusError } from '../transport/transport-error.js';
import type { FluidtalkCallName } from './command.js';
import { isOtherApi, OTHER_API } from './other-api.js';

/** An answer that is no success. */
export interface FluidtalkRefusal {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  /** The body as JSON, else as text. */
  readonly body: unknown;
}

const FIELDS = ['target', 'message', 'action', 'entry_type', 'entry_context', 'own_username', 'image_url', 'file'];
const WORDS = ['detail', 'error', 'code', 'message', 'msg', 'type'];

/**
 * @internal The words of an error body, whose `detail` is a text, an object or a list. They may repeat what was sent, so they
 * are looked at and never shown.
 */
export const detailText = (body: unknown, depth = 0): string => {
  if (typeof body === 'string') return body.slice(0, 500);
  if (typeof body !== 'object' || body === null || depth > 4) return '';
  const inside: readonly unknown[] = Array.isArray(body)
    ? body.slice(0, 20)
    : WORDS.map((name) => (body as Readonly<Record<string, unknown>>)[name]);
  return inside
    .map((part) => detailText(part, depth + 1))
    .filter((text) => text !== '')
    .join(' ')
    .slice(0, 500);
};

/** Which fields a validation failure names. Its texts may repeat their values. */
const problemsIn = (body: unknown): readonly string[] => {
  const detail = (body as { readonly detail?: unknown } | null | undefined)?.detail;
  if (!Array.isArray(detail)) return [];
  const named = detail.slice(0, 20).flatMap((flaw: { readonly loc?: unknown } | null) => {
    const place: unknown = Array.isArray(flaw?.loc) ? flaw.loc.find((part) => FIELDS.includes(part as string)) : '';
    return typeof place === 'string' && place !== '' ? [`${place} was not accepted`] : [];
  });
  return [...new Set(named)];
};

const NOT_FOUND: Readonly<Partial<Record<FluidtalkCallName, readonly [reason: string, sentence: string]>>> = {
  followUp: ['noConversation', 'there is no conversation with this target'],
  eventTrigger: ['unknownEvent', 'the engine knows no such event, or the base URL is wrong'],
};

/**
 * What an answer means that is no success. Nothing of its body is in the error but the names of fields.
 *
 * | status | kind | reason | |
 * | --- | --- | --- | --- |
 * | 400 with DONE | `refused` | `sealed` | the conversation is over |
 * | 400 | `refused` | `badRequest` | |
 * | 401, 403 | `unauthorized` | | |
 * | 402, and `insufficient_tokens` in 400 and 403 | `refused` | `outOfTokens` | nothing can be opened |
 * | 404 | `refused` | `noConversation` for a follow-up, `unknownEvent` for an event, else `notFound` | |
 * | 413, 415 | `refused` | `tooLarge`, `wrongType` | the picture |
 * | 422 | `refused` | `invalid` | `problems` name the fields |
 * | 429 | `throttled` | | `retryAfterMs` |
 * | 503 | `unreachable` | | in doubt, unless it says when to come again |
 * | 408, other 5xx | `timeout`, `unreachable` | | in doubt |
 * | 4xx of the API for characters | as above | `otherApi` | |
 *
 * A picture that was hosted twice harms nobody, so `uploadImage` is never in doubt.
 */
export const fluidtalkError = (
  call: FluidtalkCallName,
  { status, header, body }: FluidtalkRefusal,
  now: number,
): ChatError => {
  const hasEffect = call !== 'uploadImage';
  const usual = statusError('fluidtalk', call, { status, header }, now, hasEffect);
  const as = (
    reason: string,
    sentence: string,
    kind: ChatErrorKind = 'refused',
    problems?: readonly string[],
  ): ChatError =>
    new ChatError(kind, 'fluidtalk', `${call} was refused with ${reason}: ${sentence}`, { status, reason, problems });

  if (status === 503) {
    const { retryAfterMs } = usual;
    const inDoubt = hasEffect && retryAfterMs === undefined;
    return new ChatError('unreachable', 'fluidtalk', `${call} was answered with status 503`, {
      status,
      retryAfterMs,
      inDoubt,
    });
  }
  if (status < 400 || status >= 500 || status === 408 || status === 429) return usual;
  if (isOtherApi(body)) return as('otherApi', OTHER_API, usual.kind);
  const text = detailText(body);
  if (status === 402 || ((status === 400 || status === 403) && /insufficient_tokens/i.test(text))) {
    return as('outOfTokens', 'no conversation can be opened until there are tokens again');
  }
  switch (status) {
    case 400:
      // A whole word: one that only contains it would close a conversation for ever.
      return /\bdone\b/i.test(text)
        ? as('sealed', 'the conversation is over')
        : as('badRequest', 'the server does not understand the call');
    case 404:
      return as(...(NOT_FOUND[call] ?? (['notFound', 'the base URL is wrong'] as const)));
    case 413:
      return as('tooLarge', 'the picture is too large');
    case 415:
      return as('wrongType', 'the picture is of a type that is not taken');
    case 422:
      return as('invalid', 'a field is missing or not accepted', 'refused', problemsIn(body));
    default:
      return usual;
  }
};
