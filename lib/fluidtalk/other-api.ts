const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @internal What to say about it. */
export const OTHER_API = 'this key or URL belongs to another FluidTalk API, the one for characters';

/**
 * @internal Whether a body is of FluidTalk's API for characters, which lives at the same host: `{ error: { code } }` or
 * `{ data, request_id }`.
 */
export const isOtherApi = (body: unknown): boolean => {
  if (!isRecord(body) || 'detail' in body) return false;
  return (isRecord(body['error']) && 'code' in body['error']) || (isRecord(body['data']) && 'request_id' in body);
};
