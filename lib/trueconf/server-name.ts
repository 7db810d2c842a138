import { defer, map, merge, of, retry, share, take, tap, throwError, timer, type Observable } from 'rxjs';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import { http } from '../transport/http.js';
import { statusError } from '../transport/transport-error.js';
import type { Link } from './link.js';
import { grownMs } from './patience.js';
import type { Settings } from './settings.js';

const Answer = t.type({ product: t.type({ display_name: t.string }) });

/** @internal How the server calls itself: asked once, by one for all who wait, and again for `waitMs` while it is away. */
export class ServerName {
  readonly #settings: Settings;
  readonly #link: Link;
  readonly #asked: Observable<string>;
  #name: string | undefined;

  constructor(settings: Settings, link: Link) {
    this.#settings = settings;
    this.#link = link;
    this.#asked = defer(() => this.#persistently()).pipe(
      tap((name) => (this.#name = name)),
      share(),
    );
  }

  get name$(): Observable<string> {
    return defer(() => (this.#name === undefined ? this.#asked : of(this.#name)));
  }

  #persistently(): Observable<string> {
    const { waitMs, jitterMs, random, scheduler } = this.#settings;
    const until = scheduler.now() + waitMs;
    const asked = this.#ask().pipe(
      retry({
        delay: (thrown: unknown, attempt) => {
          if (!(thrown instanceof ChatError && thrown.retryable)) return throwError(() => thrown);
          const grown = grownMs(this.#settings, attempt - 1);
          const pauseMs = Math.round(Math.max(grown, thrown.retryAfterMs ?? 0) + random() * jitterMs);
          return scheduler.now() + pauseMs > until ? throwError(() => thrown) : timer(pauseMs, scheduler);
        },
      }),
    );
    return merge(this.#link.closed$, asked).pipe(take(1));
  }

  #ask(): Observable<string> {
    const { httpOrigin, httpTimeoutMs, scheduler, fetch } = this.#settings;
    return http({
      platform: 'trueconf',
      call: 'serverName',
      url: `${httpOrigin}/api/v4/server`,
      timeoutMs: httpTimeoutMs,
      scheduler,
      ...(fetch !== undefined && { fetch }),
    }).pipe(
      map((response) => {
        const { status } = response;
        if (status < 200 || status >= 300) {
          throw statusError('trueconf', 'serverName', response, scheduler.now(), false);
        }
        const answer = response.json();
        if (!Answer.is(answer)) {
          const problems = ['product.display_name is not string'];
          throw new ChatError('undecodable', 'trueconf', 'the server does not say its name', { problems });
        }
        return answer.product.display_name;
      }),
    );
  }
}
