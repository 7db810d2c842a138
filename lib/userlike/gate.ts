import type { Answer } from './exchange.js';

/** Compares in a time that does not depend on where two values differ. */
const sameText = (actual: string, expected: string): boolean => {
  let difference = actual.length ^ expected.length;
  for (let i = 0; i < actual.length; i++)
    difference |= actual.charCodeAt(i) ^ expected.charCodeAt(i % (expected.length || 1));
  return difference === 0;
};

/** JSON, or what names nothing else. */
const isJson = (contentType: string): boolean => {
  if (contentType === 'application/json') return true;
  const [type = ''] = contentType.split(';');
  return ['', 'text/plain', 'application/json'].includes(type.trim().toLowerCase());
};

/** @internal Why a request is refused before its body is read, if it is; nothing is said about why a header is wrong. */
export const refusalOf = (
  method: string | undefined,
  header: (name: string) => string | undefined,
  /** Names in lower case. */
  expected: readonly (readonly [string, string])[],
  maxBytes: number,
): Answer | undefined => {
  let matches = true;
  for (const [name, value] of expected) if (!sameText(header(name) ?? '', value)) matches = false;
  if (!matches) return { status: 401, body: '{"error":"unauthorized"}' };
  if (method !== 'POST') return { status: 405, body: '{"error":"method not allowed"}' };
  if (!isJson(header('content-type') ?? '')) return { status: 415, body: '{"error":"unsupported media type"}' };
  return Number(header('content-length') ?? 0) > maxBytes ? TOO_LARGE : undefined;
};

/** @internal */
export const TOO_LARGE: Answer = { status: 413, body: '{"error":"payload too large"}' };
/** @internal */
export const TOO_SLOW: Answer = { status: 408, body: '{"error":"request timeout"}' };
/** @internal */
export const CLOSED: Answer = { status: 503, body: '', retryAfterSeconds: 1 };
/** @internal */
export const BAD: Answer = { status: 400, body: '{"error":"bad request"}' };

/** @internal */
export const headersOf = ({ status, body, retryAfterSeconds }: Answer): Record<string, string> => {
  const headers: Record<string, string> = {};
  if (body !== '') headers['content-type'] = 'application/json; charset=utf-8';
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds);
  if (status === 405) headers['allow'] = 'POST';
  return headers;
};
