/** What the server answers to one call. */
export interface FluidtalkAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** How long after the first half of the body the rest comes, in milliseconds. */
  readonly restAfterMs?: number;
  /** Whether the connection is lost in the middle of the body. */
  readonly cut?: true;
}

/**
 * The shape of `detail` in error bodies: a text, `{ error: text }` or a list as validation has it. `usual` is a nested object
 * for 402, a list for 422 and a text for all others.
 */
export type FluidtalkDetail = 'usual' | 'text' | 'object' | 'list';

/** @internal A call that is answered with an error, and had no effect. */
export class Refusal {
  constructor(
    readonly status: number,
    readonly text: string,
    /** The usual `detail`, where it is not the text. */
    readonly detail: unknown = text,
  ) {}
}

/** @internal */
export const INSUFFICIENT = new Refusal(402, 'insufficient_tokens', { error: 'insufficient_tokens' });
/** @internal */
export const DONE = new Refusal(400, 'This session is DONE');

/** @internal One entry of a validation failure: where, what, and the kind. */
export type Flaw = readonly [field: string, message: string, type: string];

/** @internal */
export const invalid = (flaws: readonly Flaw[]): Refusal =>
  new Refusal(
    422,
    flaws.map(([field, message]) => `${field}: ${message}`).join(', '),
    flaws.map(([field, msg, type]) => ({ loc: ['body', field], msg, type })),
  );

const TEXTS: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Invalid API key',
  402: INSUFFICIENT.text,
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'File too large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** @internal The refusal that goes with a status alone. */
export const refusal = (status: number): Refusal =>
  status === 402
    ? INSUFFICIENT
    : status === 422
      ? invalid([['target', 'field required', 'missing']])
      : new Refusal(status, TEXTS[status] ?? `Status ${status}`);

const JSON_TYPE = { 'content-type': 'application/json' };
const HTML_TYPE = { 'content-type': 'text/html' };

/** @internal */
export const answerOf = (json: unknown): FluidtalkAnswer => ({
  status: 200,
  headers: JSON_TYPE,
  body: JSON.stringify(json),
});

/** @internal */
export const htmlOf = (status: number, text: string): FluidtalkAnswer => ({
  status,
  headers: HTML_TYPE,
  body: `<html>${text}</html>`,
});

/** @internal */
export const refusedWith = (
  { status, text, detail }: Refusal,
  shape: FluidtalkDetail = 'usual',
  headers: Readonly<Record<string, string>> = {},
): FluidtalkAnswer => {
  const shapes = { usual: detail, text, object: { error: text }, list: [{ loc: ['body'], msg: text, type: 'error' }] };
  return { status, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify({ detail: shapes[shape] }) };
};

/** @internal The body of an answer to chat or action, before it goes on the wire. */
export type Result = Readonly<Record<string, unknown>>;

/** @internal What the persona says, with the keys of the route. */
export const resultOf = (
  isChat: boolean,
  session: string | null,
  bubbles: readonly string[],
  { photo, ignored }: { readonly photo?: string | undefined; readonly ignored?: string | undefined } = {},
): Result => {
  const tail = { ignored: ignored !== undefined, ignore_reason: ignored ?? null };
  if (!isChat) return { session_id: session, message: bubbles.join(' ||| '), ...tail };
  return {
    reply: bubbles.join(' '),
    replies: bubbles,
    should_send_photo: photo !== undefined,
    photo_url: photo ?? null,
    session_id: session,
    ...tail,
  };
};
