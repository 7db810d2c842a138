/** What an HTTP answer is made of. */
export interface Answer {
  readonly status: number;
  /** JSON, or nothing. */
  readonly body: string;
  readonly retryAfterSeconds?: number;
  /** Further headers, names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Writes an answer; `handed` is told whether it was handed to the socket. */
export type Respond = (answer: Answer, handed: (whole: boolean) => void) => void;

/** @internal */
export const TOO_LARGE: Answer = { status: 413, body: '{"error":"payload too large"}' };
/** @internal */
export const TOO_SLOW: Answer = { status: 408, body: '{"error":"request timeout"}' };
/** @internal */
export const CLOSED: Answer = { status: 503, body: '', retryAfterSeconds: 1 };
/** @internal */
export const BAD: Answer = { status: 400, body: '{"error":"bad request"}' };
/** @internal */
export const NOT_FOUND: Answer = { status: 404, body: '{"error":"not found"}' };
/** @internal */
export const WRONG_TYPE: Answer = { status: 415, body: '{"error":"unsupported media type"}' };
/** @internal */
export const wrongMethod = (allowed: string): Answer => ({
  status: 405,
  body: '{"error":"method not allowed"}',
  headers: { allow: allowed },
});

/** @internal */
export const headersOf = ({ body, retryAfterSeconds, headers: further }: Answer): Record<string, string> => {
  const headers: Record<string, string> = {};
  if (body !== '') headers['content-type'] = 'application/json; charset=utf-8';
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds);
  for (const name in further) headers[name] = further[name] ?? '';
  return headers;
};

/** @internal Compares in a time that does not depend on where two values differ. */
export const sameText = (actual: string, expected: string): boolean => {
  let difference = actual.length ^ expected.length;
  for (let i = 0; i < actual.length; i++)
    difference |= actual.charCodeAt(i) ^ expected.charCodeAt(i % (expected.length || 1));
  return difference === 0;
};

/** @internal Whether a content type says JSON, or nothing else. */
export const isJson = (contentType: string): boolean => {
  if (contentType === 'application/json') return true;
  const [type = ''] = contentType.split(';');
  return ['', 'text/plain', 'application/json'].includes(type.trim().toLowerCase());
};
