import { fetchSending, writeFileAt } from '#streams';
import { catchError, defer, map, merge, of, switchMap, take, tap, throwError, timeout, type Observable } from 'rxjs';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import type { Download } from '../transport/download.js';
import { fetchCollecting } from '../transport/fetch-collecting.js';
import { http, type HttpRequest, type HttpResponse } from '../transport/http.js';
import { multipartStream, type FormPart, type StreamedPart } from '../transport/multipart.js';
import { statusError } from '../transport/transport-error.js';
import type { TrueconfAnswers, TrueconfFileInfo, TrueconfMethod } from './answers.js';
import type { JsonObject } from '../model/index.js';
import { arrived } from './file-arrival.js';
import { partOf, ready, unreadable, type ReadyFile, type TrueconfFileToSend } from './file-to-send.js';
import type { Link } from './link.js';
import type { Settings } from './settings.js';
import { UploadLimits } from './upload-limits.js';

/** How an upload is followed. */
export interface TrueconfUploadOptions {
  /** Told in chunks how much of the form is sent; at its beginning and end alone in a browser, or with a `fetch` of one's own. What it throws is the error of the call. */
  readonly onProgress?: (sentBytes: number, totalBytes: number) => void;
}

/**
 * Where a file goes: the path of a file in Node, which is there once all of it is, or a function that takes the chunks while
 * they come, as `(chunks) => pipeline(chunks, writable)` does. It is subscribed as long as its promise is open.
 */
export type TrueconfTarget = string | ((chunks: AsyncIterable<Uint8Array>) => PromiseLike<unknown>);

export interface TrueconfDownloaded extends Pick<Download, 'name' | 'mimeType'> {
  readonly sizeBytes: number;
}

/** @internal A call with its answer decoded. */
export type Ask = <M extends TrueconfMethod>(method: M, payload: JsonObject) => Observable<TrueconfAnswers[M]>;

const Uploaded = t.type({ temporalFileId: t.string });

/** @internal Bytes to the server and back. */
export class Transfers {
  readonly #settings: Settings;
  readonly #link: Link;
  readonly #ask: Ask;
  readonly #limits: UploadLimits;

  constructor(settings: Settings, link: Link, ask: Ask) {
    this.#settings = settings;
    this.#link = link;
    this.#ask = ask;
    this.#limits = new UploadLimits(link, () => ask('getFileUploadLimits', {}));
  }

  /** Announces a file, and sends its bytes: the id with which a message can have it, once and soon. */
  upload(
    file: TrueconfFileToSend,
    preview: TrueconfFileToSend | undefined,
    { onProgress, mimeType }: TrueconfUploadOptions & { readonly mimeType?: string },
  ): Observable<string> {
    const small: Observable<ReadyFile | undefined> =
      preview === undefined ? of(undefined) : ready(preview, this.#settings);
    const sent = small.pipe(
      switchMap((previewed) =>
        ready(file, this.#settings).pipe(
          switchMap((found) => {
            const typed = mimeType === undefined ? found : { ...found, mimeType };
            const parts = [partOf('file', typed), ...(previewed === undefined ? [] : [partOf('preview', previewed)])];
            return this.#limits.check(found.name, found.sizeBytes).pipe(
              switchMap(() => this.#ask('uploadFile', { fileSize: found.sizeBytes, fileName: found.name })),
              switchMap(({ uploadTaskId }) => this.#post(uploadTaskId, parts, onProgress)),
            );
          }),
        ),
      ),
    );
    return this.#unlessStopped(sent);
  }

  /** Waits until a file has come to the server, and fetches it. */
  download(fileId: string): Observable<Download> {
    return this.#fetched(fileId).pipe(map(({ file, response }) => ({ ...labelsOf(file), bytes: response.body })));
  }

  /** The same, into a file or a function while it comes. */
  downloadTo(fileId: string, target: TrueconfTarget): Observable<TrueconfDownloaded> {
    checkTarget(target);
    return defer(() => {
      let sizeBytes = 0;
      const into: HttpRequest['into'] = (chunks) => {
        const counted = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
          for await (const chunk of chunks) {
            sizeBytes += chunk.length;
            yield chunk;
          }
        };
        return typeof target === 'string' ? writeFileAt(target, counted()) : target(counted());
      };
      return this.#fetched(fileId, into).pipe(
        map(({ file }) => ({ ...labelsOf(file), sizeBytes })),
        catchError((thrown: unknown) => throwError(() => (typeof target === 'string' ? unreadable(thrown) : thrown))),
      );
    });
  }

  #fetched(
    fileId: string,
    into?: HttpRequest['into'],
  ): Observable<{ readonly file: TrueconfFileInfo; readonly response: HttpResponse }> {
    const { downloadTimeoutMs, scheduler } = this.#settings;
    const info = this.#ask('getFileInfo', { fileId });
    const fetched = info.pipe(
      switchMap((found) =>
        found.state === 'uploading' ? arrived(found, this.#settings, this.#link, this.#ask) : of(found),
      ),
      switchMap((file) => this.#get(file, into).pipe(map((response) => ({ file, response })))),
      timeout({
        first: downloadTimeoutMs,
        scheduler,
        with: () =>
          throwError(() => new ChatError('timeout', 'trueconf', `download took more than ${downloadTimeoutMs} ms`)),
      }),
    );
    return this.#unlessStopped(fetched);
  }

  #post(
    uploadTaskId: string,
    parts: readonly (FormPart | StreamedPart)[],
    onProgress: TrueconfUploadOptions['onProgress'],
  ): Observable<string> {
    const { httpOrigin, uploadTimeoutMs, scheduler, fetch, hasOwnFetch } = this.#settings;
    const { contentType, length, chunks } = multipartStream('trueconf', parts);
    let own: { readonly thrown: unknown } | undefined;
    const tell = (sentBytes: number): void => {
      try {
        onProgress?.(sentBytes, length);
      } catch (thrown) {
        own = { thrown };
        throw thrown;
      }
    };
    tell(0);
    return http({
      platform: 'trueconf',
      call: 'upload',
      method: 'POST',
      url: `${httpOrigin}/bridge/api/client/v1/files`,
      headers: { 'content-type': contentType, 'upload-task-id': uploadTaskId },
      // Bytes that no message has are nothing.
      hasEffect: false,
      timeoutMs: uploadTimeoutMs,
      scheduler,
      fetch:
        hasOwnFetch && fetch !== undefined
          ? fetchCollecting(fetch, chunks, length, tell)
          : fetchSending(fetch, chunks, length, tell),
    }).pipe(
      map((response) => {
        const { status } = response;
        if (status < 200 || status >= 300) {
          throw statusError('trueconf', 'upload', response, scheduler.now(), false);
        }
        const answer = response.json();
        if (!Uploaded.is(answer) || answer.temporalFileId === '') {
          const problems = ['temporalFileId is not string'];
          throw new ChatError('undecodable', 'trueconf', 'the answer to upload names no file', { problems });
        }
        return answer.temporalFileId;
      }),
      // What was thrown while it was told is no failure of the connection.
      catchError((thrown: unknown) => throwError(() => (own === undefined ? thrown : own.thrown))),
    );
  }

  /** Until the client is closed. */
  #unlessStopped<T>(transfer: Observable<T>): Observable<T> {
    return merge(this.#link.stopped$, transfer).pipe(take(1));
  }

  #get({ state, downloadUrl }: TrueconfFileInfo, into: HttpRequest['into']): Observable<HttpResponse> {
    const { httpOrigin, downloadTimeoutMs, maxDownloadBytes, scheduler, fetch } = this.#settings;
    const url = downloadUrl !== undefined && URL.canParse(downloadUrl) ? new URL(downloadUrl) : undefined;
    if (state !== 'ready' || url === undefined || !/^https?:$/.test(url.protocol)) {
      const sentence = 'download found that the file is not available';
      throw new ChatError('refused', 'trueconf', sentence, { reason: 'notAvailable' });
    }
    return http({
      platform: 'trueconf',
      call: 'download',
      // The server may name a host that only it can reach.
      url: `${httpOrigin}${url.pathname}${url.search}`,
      timeoutMs: downloadTimeoutMs,
      maxBytes: maxDownloadBytes,
      scheduler,
      ...(into !== undefined && { into }),
      ...(fetch !== undefined && { fetch }),
    }).pipe(
      tap((response) => {
        const { status } = response;
        if (status < 200 || status >= 300) {
          throw statusError('trueconf', 'download', response, scheduler.now(), false);
        }
      }),
    );
  }
}

/** @throws TypeError unless something can be written there. */
const checkTarget = (target: unknown): void => {
  const isPlace = typeof target === 'string' ? /[^/\\]$/.test(target) : typeof target === 'function';
  if (!isPlace) throw new TypeError('trueconfClient: target must be the path of a file, or a function');
};

const labelsOf = ({ name, mimeType }: TrueconfFileInfo): Pick<Download, 'name' | 'mimeType'> => {
  const safe = safeName(name);
  return { ...(mimeType !== undefined && { mimeType }), ...(safe !== undefined && { name: safe }) };
};

/** Without folders, control signs and what turns the direction of writing. */
const safeName = (name = ''): string | undefined => {
  const safe = name
    .replace(/^.*[/\\]/s, '')
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim();
  return /^\.*$/.test(safe) ? undefined : safe;
};
