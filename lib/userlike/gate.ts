import { isJson, sameText, TOO_LARGE, WRONG_TYPE, wrongMethod, type Answer } from '../http-receiver/answer.js';
import type { Incoming } from '../http-receiver/receiver.js';

/** @internal Why a request is refused before its body is read, if it is; nothing is said about why a header is wrong. */
export const refusalOf = (
  { method, header }: Incoming,
  /** Names in lower case. */
  expected: readonly (readonly [string, string])[],
  maxBytes: number,
): Answer | undefined => {
  let matches = true;
  for (const [name, value] of expected) if (!sameText(header(name) ?? '', value)) matches = false;
  if (!matches) return { status: 401, body: '{"error":"unauthorized"}' };
  if (method !== 'POST') return wrongMethod('POST');
  if (!isJson(header('content-type') ?? '')) return WRONG_TYPE;
  return Number(header('content-length') ?? 0) > maxBytes ? TOO_LARGE : undefined;
};
