import { Observable } from 'rxjs';
import type { Desk } from './simulator-desk.js';
import { shifted, strike, strikes, type TrueconfFaults } from './simulator-faults.js';
import { isRecord } from './simulator-fields.js';
import type { Files } from './simulator-files.js';
import type { TrueconfPart } from './simulator-journal.js';
import { partsOf, type Part } from './simulator-multipart.js';
import type { Tokens } from './simulator-tokens.js';

/** A request over HTTP. */
export interface TrueconfRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

/** What the server answers over HTTP. */
export interface TrueconfAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The second half of the body comes this much later. */
  readonly restAfterMs?: number;
  /** The connection is lost in the middle of the body. */
  readonly isCut?: boolean;
}

type Route = 'token' | 'upload' | 'download' | 'server';
type Parts = readonly Part[];

const bytes = new TextEncoder();
const json = (status: number, body: unknown): TrueconfAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: bytes.encode(JSON.stringify(body)),
});
const page = (status: number): TrueconfAnswer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: bytes.encode('<html>proxy</html>'),
});
const failed = (status: number): TrueconfAnswer =>
  status >= 500 ? page(status) : json(status, { error: 'invalid_request' });

const routeOf = ({ method, url }: TrueconfRequest): Route | undefined => {
  const [path = ''] = url.split('?');
  switch (`${method} ${path}`) {
    case 'POST /bridge/api/client/v1/oauth/token':
      return 'token';
    case 'POST /bridge/api/client/v1/files':
      return 'upload';
    case 'GET /api/v4/server':
      return 'server';
    default:
      return method === 'GET' && path.startsWith('/dl/') ? 'download' : undefined;
  }
};

const parsed = (body: Uint8Array): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

const described = ({ name, fileName, type, bytes: content }: Part): TrueconfPart => ({
  name,
  fileName,
  type,
  bytes: content.length,
});

/** @internal The routes of the server, and what goes wrong with them. */
export class Http {
  readonly #desk: Desk;
  readonly #files: Files;
  readonly #tokens: Tokens;
  readonly #faults: TrueconfFaults;

  constructor(desk: Desk, files: Files, tokens: Tokens, faults: TrueconfFaults) {
    this.#desk = desk;
    this.#files = files;
    this.#tokens = tokens;
    this.#faults = faults;
  }

  /** Subscribing makes the request arrive. */
  request(request: TrueconfRequest, isDown: boolean): Observable<TrueconfAnswer> {
    return new Observable((caller) => {
      const answer = (given: TrueconfAnswer): void => {
        caller.next(given);
        caller.complete();
      };
      const reset = (): void => {
        caller.error(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
      };
      const route = isDown ? undefined : routeOf(request);
      if (route === undefined) {
        if (!isDown) this.#desk.write({ kind: 'problem', problem: `there is no route for ${request.method}` });
        answer(failed(isDown ? 503 : 404));
        return;
      }
      const faults = this.#faults[route];
      const late = strikes(faults, 'delay') ? (faults.delayMs ?? 1_000) : 0;
      const status = shifted(faults, 'statuses');
      const names = ['resetBefore', 'resetAfter', 'silent', 'page', 'empty', 'cut', 'slow'] as const;
      const fault = status === undefined ? strike(faults, names) : 'statuses';
      if (fault !== undefined) this.#desk.write({ kind: 'fault', fault: `${route}.${fault}` });
      if (fault === 'resetBefore') {
        reset();
        return;
      }
      const given = status === undefined ? this.#serve(route, request) : failed(status);
      this.#desk.later(late, () => {
        if (fault === 'resetAfter') reset();
        else if (fault === 'page') answer(page(given.status));
        else if (fault === 'empty') answer(json(given.status, {}));
        else if (fault === 'cut') answer({ ...given, isCut: true });
        else if (fault === 'slow') answer({ ...given, restAfterMs: faults.slowMs ?? 1_000 });
        else if (fault !== 'silent') answer(given);
      });
    });
  }

  #serve(route: Route, request: TrueconfRequest): TrueconfAnswer {
    const parts = route === 'upload' ? partsOf(request.headers['content-type'] ?? '', request.body) : [];
    const answer = this.#answer(route, request, parts);
    this.#desk.write({
      kind: 'requested',
      route,
      status: answer.status,
      headers: request.headers,
      parts: (parts ?? []).map(described),
    });
    return answer;
  }

  #answer(route: Route, { url, headers, body }: TrueconfRequest, parts: Parts | undefined): TrueconfAnswer {
    switch (route) {
      case 'token': {
        const isJson = (headers['content-type'] ?? '').startsWith('application/json');
        const { status, body: granted } = this.#tokens.grant(isJson ? parsed(body) : undefined);
        return json(status, granted);
      }
      case 'upload': {
        if (parts === undefined) return failed(400);
        const taken = this.#files.upload(headers['upload-task-id'] ?? '', parts);
        return typeof taken === 'number' ? failed(taken) : json(200, taken);
      }
      case 'download': {
        const stored = this.#files.at(url);
        if (typeof stored === 'number') return failed(stored);
        return { status: 200, headers: { 'content-type': stored.mimeType }, body: stored.bytes };
      }
      case 'server': {
        const { server, version } = this.#desk.rules;
        return json(200, { product: { display_name: server, version } });
      }
    }
  }
}
