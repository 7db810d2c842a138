import { defer, map, Subject, throwError, type Observable, type SchedulerLike, asyncScheduler } from 'rxjs';
import { ChatError } from '../errors.js';
import { download, type Download, type DownloadConfig } from '../transport/download.js';
import { checkLimits, http } from '../transport/http.js';
import { statusError } from '../transport/transport-error.js';
import { encodeBody } from './encode.js';
import type { WireEvent } from './wire.js';

/** What of a `DownloadConfig` is free: credentials are not, because nothing tells which hosts they may go to. */
export type UserlikeDownloads = Omit<DownloadConfig, 'platform' | 'url' | 'credentials' | 'scheduler'>;

export interface UserlikeClientConfig {
  /** The API URL that the bot's settings show, exactly as it is. */
  readonly url: string;
  /** The API security token of the bot's settings, or what gives it: a new one resumes after the old one was refused. */
  readonly token: string | (() => string);
  /** Time limit of a call, in milliseconds. Default: 30 000. */
  readonly timeoutMs?: number;
  /** For `send`. Default: `cross-fetch` in Node, the browser's own in a browser. */
  readonly fetch?: typeof globalThis.fetch;
  /** Limits and connections of `download`, as `download` itself has them. */
  readonly downloads?: UserlikeDownloads;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** `unauthorized`: the token was refused, and calls fail at once until there is another. */
export type UserlikeStatus = 'authorized' | 'unauthorized';

export interface UserlikeClient {
  /**
   * Sends events of one session as one request. Cold. Emits once when they are accepted, and completes.
   *
   * Errors: `ChatError`; `throttled` beyond 20 requests a minute and session.
   */
  send(events: readonly WireEvent[]): Observable<void>;
  /**
   * Downloads the file that a `media` event names in `media.url`: soon, because the address may expire. Cold. Emits once
   * and completes. The address is a stranger's, so it gets no token, and only public https hosts are asked.
   *
   * Errors: `ChatError`, as those of `download`.
   */
  download(url: string): Observable<Download>;
  /** Changes of the status. Hot. */
  readonly status$: Observable<UserlikeStatus>;
}

/** A program without types may forget it. */
const isSendable = (token: unknown): boolean => typeof token === 'string' && /^[\x21-\x7e]+$/.test(token);

/**
 * Calls of the API URL of a Userlike bot, https://www.userlike.com/en/public/tutorial/um/api/chatbots (read 2025-03-01).
 *
 * @throws TypeError when `url` is no http(s) address, or `token` cannot be sent; RangeError when a limit of `downloads` is out of range.
 */
export function userlikeClient(config: UserlikeClientConfig): UserlikeClient {
  const { url, token, timeoutMs = 30_000, fetch, downloads = {}, scheduler = asyncScheduler } = config;
  if (!/^https?:\/\/[^\s/]/i.test(url)) throw new TypeError('userlikeClient: url must be an http or https address');
  if (typeof token !== 'function' && !isSendable(token))
    throw new TypeError('userlikeClient: token is empty, or has signs that cannot be sent');
  checkLimits('userlikeClient: downloads', downloads.timeoutMs ?? 1, downloads.maxBytes ?? 1);
  const currentToken = typeof token === 'function' ? token : (): string => token;
  const status = new Subject<UserlikeStatus>();
  let refusedToken: string | undefined;

  const send = (events: readonly WireEvent[]): Observable<void> =>
    defer(() => {
      const secret = currentToken();
      if (!isSendable(secret)) {
        const sentence = 'the API security token is empty, or cannot be sent';
        return throwError(() => new ChatError('unauthorized', 'userlike', sentence, { reason: 'badToken' }));
      }
      if (secret === refusedToken) {
        return throwError(() => new ChatError('unauthorized', 'userlike', 'the API security token was refused before'));
      }
      return http({
        platform: 'userlike',
        call: 'send',
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json', 'SECURITY-TOKEN': secret },
        body: encodeBody(events),
        timeoutMs,
        scheduler,
        ...(fetch !== undefined && { fetch }),
      }).pipe(
        map((response) => {
          if (response.status >= 200 && response.status < 300) {
            if (refusedToken !== undefined) status.next('authorized');
            refusedToken = undefined;
            return;
          }
          const error = statusError('userlike', 'send', response, scheduler.now());
          if (error.kind === 'unauthorized') {
            refusedToken = secret;
            status.next('unauthorized');
          }
          throw error;
        }),
      );
    });
  const downloadOf = (address: string): Observable<Download> =>
    download({ platform: 'userlike', url: address, scheduler, ...downloads });
  return { send, download: downloadOf, status$: status.asObservable() };
}
