import { defaultFetch, leavesNoListeners } from '#fetch';
import { asyncScheduler, Observable, type SchedulerLike } from 'rxjs';
import { ChatError } from '../errors.js';
import { atLeast, timerLimit } from '../range.js';
import { Aborts } from './aborts.js';
import { collect, isTelling, iterated, listen, type Chunks } from './collect.js';
import { Origins } from './origins.js';
import { limitTime } from './time-limits.js';
import { transportError } from './transport-error.js';

export interface HttpRequest {
  /** Named in errors. */
  readonly platform: string;
  /** What the call is about, for error messages: `send`. No address, which may hold a token. */
  readonly call: string;
  /** Default: `GET`. */
  readonly method?: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Forms: see `multipart`. */
  readonly body?: string | Uint8Array;
  /**
   * Takes the body of an answer of status 2xx while it comes, in place of `body`, which is empty then. The call is over when
   * its promise is; what it rejects with is the error of the call. What it leaves of the body is not fetched.
   */
  readonly into?: (chunks: AsyncIterable<Uint8Array>, answer: HttpHead) => PromiseLike<unknown>;
  /** Whether the call changes something: then an answer that got lost leaves it in doubt. Default: true, except for GET. */
  readonly hasEffect?: boolean;
  /** `return` hands a redirect out like any other answer, for who checks where it leads. Default: `refuse`. */
  readonly redirect?: 'refuse' | 'return';
  /** Time limit over connecting, headers and body, in milliseconds. Default: 30 000, at most 2 147 483 647. */
  readonly timeoutMs?: number;
  /** Size limit of the answer's body, in bytes. Default: 1 MiB. */
  readonly maxBytes?: number;
  /** Default: `cross-fetch` in Node, the browser's own in a browser. */
  readonly fetch?: typeof globalThis.fetch;
  /** Clock of the time limit. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

export interface HttpHead {
  readonly status: number;
  /** By name, in any case; `undefined` when it is missing. */
  readonly header: (name: string) => string | undefined;
}
export interface HttpResponse extends HttpHead {
  readonly body: Uint8Array;
  readonly text: () => string;
  /** The body as JSON, `undefined` when it is none. */
  readonly json: () => unknown;
}

const decoder = new TextDecoder();
const NOTHING = new Uint8Array();
/** Of all calls: it holds nothing but what is to be used again. */
const aborts = new Aborts();
/** Of all calls: those that are addresses. */
const origins = new Origins();
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * One HTTP call. Cold: subscribing sends, unsubscribing aborts. Emits the answer with its body read, whatever its status,
 * and completes.
 *
 * Errors, all `ChatError` without address, header or body in them: `unreachable` when there is no connection or it was
 * lost, `timeout`, `overflow` when the body is larger than `maxBytes`, `undecodable` for a redirect, which is never
 * followed, since credentials would go along. What is lost after it was sent is `inDoubt` if the call has an effect.
 * With a `cross-fetch` of your own, a body that is cut in the middle is told by the time limit only.
 *
 * @throws TypeError at the call, when `url` is no http(s) address, holds a user name, or a header cannot be sent.
 * @throws RangeError at the call, when a limit is out of range.
 */
export const http = (request: HttpRequest): Observable<HttpResponse> => {
  const { platform, call, url, body, redirect = 'refuse', timeoutMs = 30_000, maxBytes = 1_048_576 } = request;
  const { method = 'GET', headers = {}, fetch = defaultFetch, scheduler = asyncScheduler } = request;
  const { hasEffect = method !== 'GET', into } = request;
  // Checked here, because a `fetch` reports it like a lost connection, which would leave the call in doubt.
  if (!origins.begin(url)) throw new TypeError('http: url must be an http or https address');
  for (const name in headers) {
    if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(headers[name] ?? '')) {
      throw new TypeError('http: the name or the value of a header has signs that cannot be sent');
    }
  }
  checkLimits('http', timeoutMs, maxBytes);

  return new Observable((subscriber) => {
    const isReusable = leavesNoListeners && fetch === defaultFetch;
    const abort = isReusable ? aborts.take() : new AbortController();
    let isOver = false;
    const fail = (kind: 'timeout' | 'overflow' | 'undecodable', sentence: string): void => {
      subscriber.error(new ChatError(kind, platform, `${call} ${sentence}`, { inDoubt: hasEffect }));
    };

    const inTime = limitTime(scheduler, timeoutMs, () => {
      fail('timeout', `had no answer within ${timeoutMs} ms`);
    });
    subscriber.add(() => {
      inTime();
      // An abort makes an error with its stack: 27 µs that an answered call can do without.
      if (!isOver) abort.abort();
    });

    let isRead = true;
    /** The body, with what can happen to it in our words. */
    const poured = async function* (body: Chunks | null): AsyncGenerator<Uint8Array, void, undefined> {
      let length = 0;
      try {
        for await (const chunk of body === null ? [] : iterated(body)) {
          length += chunk.length;
          if (length > maxBytes) {
            const sentence = `${call} was answered with more than ${maxBytes} bytes`;
            throw new ChatError('overflow', platform, sentence, { inDoubt: hasEffect });
          }
          yield chunk;
        }
        isRead = true;
      } catch (thrown) {
        throw toOurs(thrown);
      }
    };
    const toOurs = (thrown: unknown): ChatError =>
      thrown instanceof ChatError ? thrown : transportError(platform, call, hasEffect, thrown);

    const read = async (): Promise<HttpResponse | undefined> => {
      const { signal } = abort;
      const response = await fetch(
        url,
        body === undefined
          ? { method, headers, redirect: 'manual', signal }
          : { method, headers, redirect: 'manual', signal, body: body as BodyInit },
      );
      const { status } = response;
      // A browser does not show where a redirect leads.
      if (response.type === 'opaqueredirect' || (redirect === 'refuse' && status >= 300 && status < 400)) {
        fail('undecodable', 'was answered with a redirect');
        return undefined;
      }
      const tooLarge = `was answered with more than ${maxBytes} bytes`;
      const header = (name: string): string | undefined => response.headers.get(name) ?? undefined;
      let bytes: Uint8Array | undefined;
      if (into !== undefined && status >= 200 && status < 300) {
        if (Number(header('content-length') ?? 0) > maxBytes) {
          fail('overflow', tooLarge);
          return undefined;
        }
        isRead = response.body === null;
        try {
          await into(poured(response.body), { status, header });
        } catch (thrown) {
          subscriber.error(thrown);
          return undefined;
        }
        bytes = NOTHING;
      } else bytes = await bodyOf(response, maxBytes);
      if (bytes === undefined) {
        fail('overflow', tooLarge);
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
      return { status, header, body: bytes, text, json };
    };
    read().then(
      (response) => {
        if (response === undefined) return;
        // Of a body that nobody read to its end, the connection would stay open.
        isOver = isRead;
        if (isOver && isReusable && !abort.signal.aborted) aborts.giveBack(abort);
        subscriber.next(response);
        subscriber.complete();
      },
      (thrown: unknown) => {
        subscriber.error(toOurs(thrown));
      },
    );
  });
};

/**
 * @throws RangeError when a limit of `caller` is out of range.
 * @internal
 */
export const checkLimits = (caller: string, timeoutMs: number, maxBytes: number): void => {
  timerLimit(`${caller}: timeoutMs`, timeoutMs);
  atLeast(`${caller}: maxBytes`, maxBytes, 0);
};

/** The body up to `maxBytes`, `undefined` when it is larger. */
const bodyOf = async (response: Response, maxBytes: number): Promise<Uint8Array | undefined> => {
  const { headers } = response;
  const body: Chunks | null = response.body;
  const announced = headers.get('content-length');
  if (announced !== null && Number(announced) > maxBytes) return undefined;
  if (body === null) return NOTHING;
  if (isTelling(body)) return listen(body, maxBytes);
  // It cannot become more than that unless it is packed: read in one piece, which is faster than chunk by chunk.
  if (announced !== null && headers.get('content-encoding') === null && headers.get('transfer-encoding') === null) {
    const whole = new Uint8Array(await response.arrayBuffer());
    return whole.length > maxBytes ? undefined : whole;
  }
  return collect(body, maxBytes);
};
