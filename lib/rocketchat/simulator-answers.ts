import type { RocketchatContent } from './simulator-model.js';
import type { Refusal } from './simulator-refusal.js';

/** A request over HTTP. */
export interface RocketchatRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
  /** Where it comes from: calls are counted by it. Default: one place for all. */
  readonly address?: string;
}

/** What the server answers over HTTP. */
export interface RocketchatAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The connection is lost in the middle of the body. */
  readonly isCut?: boolean;
}

const bytes = new TextEncoder();

/** @internal */
export const json = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): RocketchatAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: bytes.encode(JSON.stringify(body)),
});

/** @internal What a proxy says. */
export const page = (status: number): RocketchatAnswer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: bytes.encode('<html><body><h1>Bad gateway</h1></body></html>'),
});

/** @internal A status without effect; what is no fault of the server comes without a reason, as when an app says no. */
export const failed = (status: number): RocketchatAnswer =>
  json(status, { success: false, ...(status >= 500 && { error: 'Internal server error' }) });

/** @internal */
export const refused = ({ status, body }: Refusal, headers: Readonly<Record<string, string>> = {}): RocketchatAnswer =>
  json(status, body, headers);

/** @internal Nobody is logged in. Newer servers say it twice. */
export const stranger = (isNew: boolean): RocketchatAnswer => {
  const message = 'You must be logged in to do this.';
  return json(401, { ...(isNew && { success: false, error: message }), status: 'error', message });
};

/** @internal Too many calls: how long to wait is in the text alone, and in the headers. */
export const throttled = (
  status: number,
  waitMs: number,
  headers: Readonly<Record<string, string>>,
): RocketchatAnswer => {
  const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
  const error = `Error, too many requests. Please slow down. You must wait ${seconds} seconds before trying this endpoint again. [error-too-many-requests]`;
  const old: RocketchatContent = status === 429 ? {} : { errorType: 'error-too-many-requests' };
  return json(status, { success: false, error, ...old }, headers);
};

const METHODS = 'GET, POST, PUT, DELETE, HEAD, PATCH';
const HEADERS =
  'Origin, X-Requested-With, Content-Type, Accept, X-User-Id, X-Auth-Token, x-visitor-token, Authorization';

/** @internal What pages of other origins are told before they ask. */
export const preflight = (isAllowed: boolean): RocketchatAnswer => {
  const text = isAllowed ? '' : 'CORS not enabled. Go to "Admin > General > REST Api" to enable it.';
  const allowed = isAllowed
    ? {
        'access-control-allow-origin': '*',
        'access-control-allow-methods': METHODS,
        'access-control-allow-headers': HEADERS,
      }
    : {};
  return { status: isAllowed ? 200 : 405, headers: allowed, body: bytes.encode(text) };
};
