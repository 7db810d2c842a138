import { addressesOf, fetchAt, placeOf } from '#network';
import {
  asyncScheduler,
  catchError,
  defaultIfEmpty,
  defer,
  map,
  of,
  switchMap,
  take,
  throwError,
  timeout,
  type Observable,
  type ObservableInput,
  type SchedulerLike,
} from 'rxjs';
import { ChatError, type ChatErrorKind } from '../errors.js';
import { fileNameOf } from './file-name.js';
import { checkLimits, http, type HttpResponse } from './http.js';
import { statusError, transportError } from './transport-error.js';

export interface DownloadConfig {
  /** Named in errors. */
  readonly platform: string;
  /** An https address, as it came in an event: whoever wrote it chose it. */
  readonly url: string;
  /** Headers for these hosts alone (`files.example.org`, `files.example.org:8443`), never for one that they redirect to. */
  readonly credentials?: { readonly hosts: readonly string[]; readonly headers: Readonly<Record<string, string>> };
  /** Size limit, in bytes, decompressed. Default: 10 MiB. */
  readonly maxBytes?: number;
  /** Time limit over names, redirects and the body, in milliseconds. Default: 30 000, at most 2 147 483 647. */
  readonly timeoutMs?: number;
  /** Whether this machine itself may be asked, by http too: for simulators. Default: false. */
  readonly allowHttpLoopback?: boolean;
  /** The addresses of a host. Default: the system's resolver; none in a browser. */
  readonly lookup?: (hostname: string) => ObservableInput<readonly string[]>;
  /** Default: `cross-fetch` in Node, connecting to the addresses that were checked; the browser's own in a browser. */
  readonly fetch?: typeof globalThis.fetch;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

export interface Download {
  readonly bytes: Uint8Array;
  /** As the server says, without parameters. */
  readonly mimeType?: string;
  /** As the server says, without folders. */
  readonly name?: string;
}

const MAX_REDIRECTS = 3;

/**
 * Downloads an attachment from where an event says that it is. Cold: subscribing asks, unsubscribing aborts. Emits once and
 * completes.
 *
 * The address is a stranger's, so it is https only, and all addresses of its host must be public: not this machine, not a
 * private, link-local, shared or multicast network, not such an IPv4 address written as IPv6. The connection goes to the
 * addresses that were checked, so that a name cannot change its meaning in between; a `fetch` of your own resolves the
 * name again and is only checked beforehand. Up to 3 redirects are followed, each checked like the first; in a browser
 * none, since it does not show where they lead.
 *
 * Errors, all `ChatError` without address: `unsupported` for an address that is not asked, `overflow`, `timeout`,
 * `unreachable`, and what the status means.
 *
 * @throws RangeError at the call, when a limit is out of range.
 */
export const download = (config: DownloadConfig): Observable<Download> => {
  const { platform, url, timeoutMs = 30_000, maxBytes = 10_485_760, scheduler = asyncScheduler } = config;
  checkLimits('download', timeoutMs, maxBytes);
  return ask({ ...config, timeoutMs, maxBytes, scheduler }, url, MAX_REDIRECTS).pipe(
    map(downloadOf),
    timeout({
      first: timeoutMs,
      scheduler,
      with: () => throwError(() => failure('timeout', platform, `had no answer within ${timeoutMs} ms`)),
    }),
  );
};

type Limits = 'timeoutMs' | 'maxBytes' | 'scheduler';

const ask = (
  config: DownloadConfig & Required<Pick<DownloadConfig, Limits>>,
  address: string,
  redirects: number,
): Observable<HttpResponse> =>
  defer(() => {
    const { platform, credentials, timeoutMs, maxBytes, scheduler, lookup = addressesOf } = config;
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
      throw failure('unsupported', platform, 'needs an https address without a user name');
    }
    // Brackets belong to the address in a url only.
    const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
    return defer(() => lookup(hostname)).pipe(
      take(1),
      defaultIfEmpty([]),
      catchError((thrown: unknown) => throwError(() => transportError(platform, 'download', false, thrown))),
      switchMap((addresses) => {
        if (addresses.length === 0) throw failure('unreachable', platform, 'found no address of the host');
        const refusal = refusalOf(url, addresses, config.allowHttpLoopback === true);
        if (refusal !== undefined) throw failure('unsupported', platform, refusal);
        return http({
          platform,
          call: 'download',
          url: url.href,
          redirect: 'return',
          timeoutMs,
          maxBytes,
          scheduler,
          fetch: config.fetch ?? fetchAt(addresses),
          ...(credentials?.hosts.includes(url.host) === true && { headers: credentials.headers }),
        });
      }),
      switchMap((response) => {
        const { status } = response;
        if (status >= 200 && status < 300) return of(response);
        const location = response.header('location');
        if (location === undefined || status < 300 || status >= 400) {
          throw statusError(platform, 'download', response, scheduler.now(), false);
        }
        if (redirects === 0) {
          throw failure('undecodable', platform, `was redirected more than ${MAX_REDIRECTS} times`);
        }
        return ask(config, URL.canParse(location, url) ? new URL(location, url).href : '', redirects - 1);
      }),
    );
  });

const failure = (kind: ChatErrorKind, platform: string, sentence: string): ChatError =>
  new ChatError(kind, platform, `download ${sentence}`);

const refusalOf = (url: URL, addresses: readonly string[], allowHttpLoopback: boolean): string | undefined => {
  const places = addresses.map(placeOf);
  if (allowHttpLoopback && places.every((place) => place === 'loopback')) return undefined;
  if (url.protocol !== 'https:') return 'needs an https address';
  return places.every((place) => place === 'public') ? undefined : 'does not go to an address that is not public';
};

const downloadOf = ({ body, header }: HttpResponse): Download => {
  const mimeType = /^\s*([\w!#$&^.+-]+\/[\w!#$&^.+-]+)/.exec(header('content-type') ?? '')?.[1]?.toLowerCase();
  const name = fileNameOf(header('content-disposition') ?? '');
  return { bytes: body, ...(mimeType !== undefined && { mimeType }), ...(name !== undefined && { name }) };
};
