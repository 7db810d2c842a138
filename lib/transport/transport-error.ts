import { ChatError } from '../errors.js';

/** Codes of failures before anything was sent: no address, no connection, or a certificate that is not trusted. */
const NOT_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_\w+|\w*CERT\w*|\w*SIGNATURE\w*)$/;

/** The code of an error of the network or of files: on the error itself from node-fetch, in its cause from the native fetch. */
export const codeOf = (thrown: unknown): string | undefined => {
  for (let error = thrown, depth = 0; typeof error === 'object' && error !== null && depth < 4; depth++) {
    const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown };
    // A `fetch` that somebody wrapped may put anything there.
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,50}$/.test(code)) return code;
    error = cause;
  }
  return undefined;
};

/**
 * What a `fetch` threw, in our words. Its own message and cause stay behind: they hold whole addresses, tokens included.
 */
export const transportError = (platform: string, call: string, hasEffect: boolean, thrown: unknown): ChatError => {
  const code = codeOf(thrown);
  const sent = code === undefined || !NOT_SENT.test(code);
  const sentence = sent ? `${call} lost its connection` : `${call} found no connection`;
  return new ChatError('unreachable', platform, code === undefined ? sentence : `${sentence} (${code})`, {
    inDoubt: sent && hasEffect,
    ...(code !== undefined && { reason: code }),
  });
};

/**
 * What a status that is no success means. Never holds the body, which may be private.
 *
 * | status | kind | |
 * | --- | --- | --- |
 * | 401, 403 | `unauthorized` | |
 * | 408 | `timeout` | in doubt, if the call has an effect |
 * | 409 | `conflict` | |
 * | 429 | `throttled` | `retryAfterMs` from `Retry-After`, seconds or a date |
 * | other 4xx | `refused` | |
 * | 5xx | `unreachable` | in doubt, if the call has an effect, except 503 |
 * | else | `undecodable` | in doubt, if the call has an effect |
 */
export const statusError = (
  platform: string,
  call: string,
  { status, header }: { readonly status: number; readonly header: (name: string) => string | undefined },
  now: number,
  hasEffect = true,
): ChatError => {
  const retryAfterMs = retryAfter(header('retry-after'), now);
  const details = { status, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  const sentence = `${call} was answered with status ${status}`;
  if (status === 401 || status === 403) return new ChatError('unauthorized', platform, sentence, details);
  if (status === 408) return new ChatError('timeout', platform, sentence, { ...details, inDoubt: hasEffect });
  if (status === 409) return new ChatError('conflict', platform, sentence, details);
  if (status === 429) return new ChatError('throttled', platform, sentence, details);
  if (status >= 400 && status < 500) return new ChatError('refused', platform, sentence, details);
  const kind = status >= 500 ? 'unreachable' : 'undecodable';
  return new ChatError(kind, platform, sentence, { ...details, inDoubt: hasEffect && status !== 503 });
};

/** `Retry-After` in milliseconds: seconds, or a date. */
export const retryAfter = (value: string | undefined, now: number): number | undefined => {
  if (value === undefined) return undefined;
  const seconds = Number(value);
  if (value.trim() !== '' && Number.isFinite(seconds)) return Math.max(0, Math.round(seconds * 1_000));
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
};
