import { fetchTelling } from '#web-socket';
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  filter,
  first,
  ignoreElements,
  map,
  merge,
  of,
  repeat,
  switchMap,
  take,
  throwError,
  timeout,
  timer,
  type Observable,
} from 'rxjs';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import type { Download } from '../transport/download.js';
import { http } from '../transport/http.js';
import { multipart, type FormPart } from '../transport/multipart.js';
import { statusError } from '../transport/transport-error.js';
import type { TrueconfAnswers, TrueconfFileInfo, TrueconfMethod } from './answers.js';
import type { JsonObject } from '../model/index.js';
import type { Link } from './link.js';
import type { Settings } from './settings.js';

/** A file to upload. What comes as a stream is collected before. */
export interface TrueconfFileToSend {
  readonly bytes: Uint8Array;
  readonly name: string;
  /** Default: `application/octet-stream`. */
  readonly mimeType?: string;
}

/** How an upload is followed. */
export interface TrueconfUploadOptions {
  /** Told in chunks how much of the form is sent; only at its beginning and end in a browser, or with a `fetch` of one's own. */
  readonly onProgress?: (sentBytes: number, totalBytes: number) => void;
}

/** @internal A call with its answer decoded. */
export type Ask = <M extends TrueconfMethod>(method: M, payload: JsonObject) => Observable<TrueconfAnswers[M]>;

const Uploaded = t.type({ temporalFileId: t.string });

/** @internal Bytes to the server and back. */
export class Transfers {
  readonly #settings: Settings;
  readonly #link: Link;
  readonly #ask: Ask;

  constructor(settings: Settings, link: Link, ask: Ask) {
    this.#settings = settings;
    this.#link = link;
    this.#ask = ask;
  }

  /** Announces a file, and sends its bytes: the id with which a message can have it, once and soon. */
  upload(
    file: TrueconfFileToSend,
    preview: TrueconfFileToSend | undefined,
    { onProgress }: TrueconfUploadOptions,
  ): Observable<string> {
    return defer(() => {
      const { maxUploadBytes } = this.#settings;
      const size = file.bytes.length;
      if (size > maxUploadBytes) {
        throw new ChatError('overflow', 'trueconf', `a file has ${size} bytes, ${maxUploadBytes} are allowed`);
      }
      return this.#ask('uploadFile', { fileSize: size, fileName: file.name }).pipe(
        switchMap(({ uploadTaskId }) => this.#post(uploadTaskId, file, preview, onProgress)),
      );
    });
  }

  /** Waits until a file has come to the server, and fetches it. */
  download(fileId: string): Observable<Download> {
    const { downloadTimeoutMs, scheduler } = this.#settings;
    const info = this.#ask('getFileInfo', { fileId });
    return info.pipe(
      switchMap((found) => (found.state === 'uploading' ? this.#arrived(found) : of(found))),
      switchMap((found) => this.#get(found)),
      timeout({
        first: downloadTimeoutMs,
        scheduler,
        with: () =>
          throwError(() => new ChatError('timeout', 'trueconf', `download took more than ${downloadTimeoutMs} ms`)),
      }),
    );
  }

  #post(
    uploadTaskId: string,
    file: TrueconfFileToSend,
    preview: TrueconfFileToSend | undefined,
    onProgress: TrueconfUploadOptions['onProgress'],
  ): Observable<string> {
    const { httpOrigin, uploadTimeoutMs, scheduler, fetch, hasOwnFetch } = this.#settings;
    const { contentType, body } = multipart([
      partOf('file', file),
      ...(preview === undefined ? [] : [partOf('preview', preview)]),
    ]);
    const tell = (sentBytes: number): void => {
      onProgress?.(sentBytes, body.length);
    };
    tell(0);
    const used = onProgress === undefined || hasOwnFetch ? fetch : fetchTelling(fetch, tell);
    return http({
      platform: 'trueconf',
      call: 'upload',
      method: 'POST',
      url: `${httpOrigin}/bridge/api/client/v1/files`,
      headers: { 'content-type': contentType, 'upload-task-id': uploadTaskId },
      body,
      // Bytes that no message has are nothing.
      hasEffect: false,
      timeoutMs: uploadTimeoutMs,
      scheduler,
      ...(used !== undefined && { fetch: used }),
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
        if (used === fetch) tell(body.length);
        return answer.temporalFileId;
      }),
    );
  }

  /** The file, once all of it has come. Listens before it asks: progress may come before the answer to the subscription. */
  #arrived({ fileId, sizeBytes = Infinity }: TrueconfFileInfo): Observable<TrueconfFileInfo> {
    const { pollMs, scheduler } = this.#settings;
    const info = this.#ask('getFileInfo', { fileId });
    const isThere = this.#link.progress$.pipe(filter((it) => it.fileId === fileId && it.bytes >= sizeBytes));
    // It lags behind the last progress, and progress ends with a connection: asked again in either case.
    const polled = info.pipe(
      repeat({ delay: () => merge(timer(pollMs, scheduler), isThere).pipe(take(1)) }),
      first(({ state }) => state !== 'uploading'),
    );
    const subscribed = this.#ask('subscribeFileProgress', { fileId });
    const unsubscribed = this.#ask('unsubscribeFileProgress', { fileId });
    return subscribed.pipe(
      switchMap(() => polled),
      // Best effort: the file is here.
      concatMap((found) =>
        concat(
          of(found),
          unsubscribed.pipe(
            ignoreElements(),
            catchError(() => EMPTY),
          ),
        ),
      ),
    );
  }

  #get({ state, downloadUrl, name, mimeType }: TrueconfFileInfo): Observable<Download> {
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
      ...(fetch !== undefined && { fetch }),
    }).pipe(
      map((response) => {
        const { status, body } = response;
        if (status < 200 || status >= 300) {
          throw statusError('trueconf', 'download', response, scheduler.now(), false);
        }
        const safe = safeName(name);
        return {
          bytes: body,
          ...(mimeType !== undefined && { mimeType }),
          ...(safe !== undefined && { name: safe }),
        };
      }),
    );
  }
}

const partOf = (name: string, file: TrueconfFileToSend): FormPart => ({
  name,
  bytes: file.bytes,
  fileName: file.name,
  mimeType: file.mimeType ?? 'application/octet-stream',
});

/** Without folders, control signs and what turns the direction of writing. */
const safeName = (name = ''): string | undefined => {
  const safe = name
    .replace(/^.*[/\\]/s, '')
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim();
  return /^\.*$/.test(safe) ? undefined : safe;
};
