import { defaultFetch } from '#fetch';
import { asyncScheduler, Observable, type SchedulerLike } from 'rxjs';
import { ChatError } from '../errors.js';
import { transportError } from './transport-error.js';

export interface HttpRequest {
  /** Named in errors. */
  readonly platform: string;
  /** What the call is about, for error messages: `send`. No address, which may hold a token. */
  readonly call: string;
  readonly method?: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Whether the call changes something: then an answer that got lost leaves it in doubt. Default: true, except for GET. */
  readonly hasEffect?: boolean;
  /** Time limit over connecting, headers and body, in milliseconds. Default: 30 000. */
  readonly timeoutMs?: number;
  /** Size limit of the answer's body, in bytes. Default: 1 MiB. */
  readonly maxBytes?: number;
  /** Default: `cross-fetch` in Node, the browser's own in a browser. */
  readonly fetch?: typeof globalThis.fetch;
  /** Clock of the time limit. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

export interface HttpResponse {
  readonly status: number;
  /** By name, in any case; `undefined` when it is missing. */
  readonly header: (name: string) => string | undefined;
  readonly body: Uint8Array;
  readonly text: () => string;
  /** The body as JSON, `undefined` when it is none. */
  readonly json: () => unknown;
}

const decoder = new TextDecoder();

/**
 * One HTTP call. Cold: subscribing sends, unsubscribing aborts. Emits the answer with its body read, whatever its status,
 * and completes.
 *
 * Errors, all `ChatError` without address, header or body in them: `unreachable` when there is no connection or it was
 * lost, `timeout`, `overflow` when the body is larger than `maxBytes`, `undecodable` for a redirect, which is never
 * followed, since credentials would go along. What is lost after it was sent is `inDoubt` if the call has an effect.
 */
export const http = (request: HttpRequest): Observable<HttpResponse> =>
  new Observable((subscriber) => {
    const { platform, call, url, body, timeoutMs = 30_000, maxBytes = 1_048_576 } = request;
    const { method = 'GET', headers = {}, fetch = defaultFetch, scheduler = asyncScheduler } = request;
    const { hasEffect = method !== 'GET' } = request;
    const abort = new AbortController();
    const fail = (kind: 'timeout' | 'overflow' | 'undecodable', sentence: string): void => {
      subscriber.error(new ChatError(kind, platform, `${call} ${sentence}`, { inDoubt: hasEffect }));
      abort.abort();
    };

    subscriber.add(
      scheduler.schedule(() => {
        fail('timeout', `had no answer within ${timeoutMs} ms`);
      }, timeoutMs),
    );
    subscriber.add(() => {
      abort.abort();
    });

    const read = async (): Promise<HttpResponse | undefined> => {
      const options = { method, headers, redirect: 'manual', signal: abort.signal } as const;
      const response = await fetch(url, body === undefined ? options : { ...options, body: body as BodyInit });
      if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
        fail('undecodable', 'was answered with a redirect');
        return undefined;
      }
      const bytes = await readBody(response, maxBytes);
      if (bytes === undefined) {
        fail('overflow', `was answered with more than ${maxBytes} bytes`);
        return undefined;
      }
      const text = (): string => decoder.decode(bytes);
      const json = (): unknown => {
        try {
          return JSON.parse(text()) as unknown;
        } catch {
          return undefined;
        }
      };
      return {
        status: response.status,
        header: (name) => response.headers.get(name) ?? undefined,
        body: bytes,
        text,
        json,
      };
    };
    read().then(
      (response) => {
        if (response === undefined) return;
        subscriber.next(response);
        subscriber.complete();
      },
      (thrown: unknown) => {
        subscriber.error(transportError(platform, call, hasEffect, thrown));
      },
    );
  });

/** The body up to `maxBytes`, `undefined` when it is larger. Bodies are Node streams with one fetch, web streams with others. */
const readBody = async (response: Response, maxBytes: number): Promise<Uint8Array | undefined> => {
  if (Number(response.headers.get('content-length') ?? 0) > maxBytes) return undefined;
  const stream = response.body as unknown as AsyncIterable<Uint8Array> | null;
  if (stream === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
};
