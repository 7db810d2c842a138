import { defer, of, switchMap, type Observable } from 'rxjs';
import { ChatError } from '../errors.js';
import { download, type Download } from '../transport/download.js';
import { http, type HttpResponse } from '../transport/http.js';
import { multipart, type FormPart } from '../transport/multipart.js';
import { fileNameOf } from '../transport/file-name.js';
import { statusError } from '../transport/transport-error.js';
import type { RocketchatMessage } from './answers.js';
import { isVersion } from './codec-request.js';
import type { Logins } from './login.js';
import { confirmMedia } from './requests-agent.js';
import type { Rest } from './rest.js';
import type { Settings } from './settings.js';

/** A file to send. What comes as a stream is collected before. */
export interface RocketchatFileToSend {
  readonly bytes: Uint8Array;
  readonly name: string;
  /** Default: `application/octet-stream`. */
  readonly mimeType?: string;
}
/** What goes with a file. */
export interface RocketchatUploadOptions {
  /** The text of the message. */
  readonly text?: string;
  /** What stands below the file. */
  readonly description?: string;
}

/** Where servers keep files. */
const FOLDERS = ['/file-upload/', '/ufs/'];

const formOf = (file: RocketchatFileToSend, more: Readonly<Record<string, string | undefined>> = {}) => {
  const parts: FormPart[] = [
    { name: 'file', bytes: file.bytes, fileName: file.name, mimeType: file.mimeType ?? 'application/octet-stream' },
  ];
  for (const [name, value] of Object.entries(more)) if (value !== undefined) parts.push({ name, value });
  return { form: multipart(parts) };
};

/** @internal Bytes to the server and back. */
export class Files {
  readonly #settings: Settings;
  readonly #rest: Rest;
  readonly #logins: Logins;

  constructor(settings: Settings, rest: Rest, logins: Logins) {
    this.#settings = settings;
    this.#rest = rest;
    this.#logins = logins;
  }

  /** The upload is the message. */
  ofVisitor(
    token: string,
    rid: string,
    file: RocketchatFileToSend,
    { text: msg, description }: RocketchatUploadOptions,
  ): Observable<RocketchatMessage> {
    return defer(() => {
      this.#check(file);
      const request = {
        call: 'upload',
        method: 'POST',
        route: 'livechat/upload/:rid',
        params: { rid },
        as: 'visitor',
      } as const;
      const headers = { 'x-visitor-token': token };
      return this.#rest.ask('upload', request, { headers, ...formOf(file, { description, msg }) });
    });
  }

  /** From 7.0 in two steps. Bytes that no message has are nothing. */
  ofAgent(
    rid: string,
    file: RocketchatFileToSend,
    { text: msg, description }: RocketchatUploadOptions,
  ): Observable<RocketchatMessage> {
    return this.#rest.version$.pipe(
      switchMap((version) => {
        if (isVersion(version, 7)) {
          return this.media(rid, file).pipe(
            switchMap(({ fileId }) => this.#rest.ask('message', confirmMedia(rid, fileId, msg, description))),
          );
        }
        this.#check(file);
        const request = {
          call: 'upload',
          method: 'POST',
          route: 'rooms.upload/:rid',
          params: { rid },
          as: 'user',
        } as const;
        return this.#rest.ask('message', request, formOf(file, { msg, description }));
      }),
    );
  }

  /** The first of the two steps. */
  media(rid: string, file: RocketchatFileToSend): Observable<{ readonly fileId: string; readonly url?: string }> {
    return defer(() => {
      this.#check(file);
      const route = 'rooms.media/:rid';
      const request = { call: 'upload', method: 'POST', route, params: { rid }, as: 'user', repeatable: true } as const;
      return this.#rest.ask('media', request, formOf(file));
    });
  }

  /**
   * A file of our server, with the rights of whoever asks; of elsewhere, also where our server leads to its store, from public
   * https addresses, without any rights.
   */
  get(url: string, as: 'user' | { readonly rid: string; readonly token: string }): Observable<Download> {
    return defer(() => {
      const address = this.#ours(url);
      if (address === undefined) return this.#foreign(url);
      if (as === 'user') {
        return this.#logins
          .get()
          .pipe(
            switchMap(({ authToken, userId }) =>
              this.#get(address, { 'x-auth-token': authToken, 'x-user-id': userId }),
            ),
          );
      }
      const { rid, token } = as;
      for (const [name, value] of Object.entries({ rc_room_type: 'l', rc_rid: rid, rc_token: token })) {
        address.searchParams.set(name, value);
      }
      return this.#get(address, {});
    });
  }

  /**
   * The address of a file of our server; `undefined` when it is of elsewhere. A stranger wrote it, and everything else on our
   * server would be asked with our rights.
   */
  #ours(url: string): URL | undefined {
    const { baseUrl } = this.#settings;
    // Paths begin at the root of the installation, which may be below that of the host.
    const whole = /^\/[^/\\]/.test(url) ? baseUrl + url : url;
    const address = URL.canParse(whole) ? new URL(whole) : undefined;
    if (address?.origin !== new URL(baseUrl).origin) return undefined;
    // Encoded slashes lead elsewhere, once a proxy has decoded them.
    const leadsUp = /(^|[/\\])\.\.([/\\]|$)/.test(address.pathname.replace(/%(2f|5c)/gi, '/').replace(/%2e/gi, '.'));
    if (!leadsUp && FOLDERS.some((folder) => address.href.startsWith(baseUrl + folder))) return address;
    throw new ChatError('unsupported', 'rocketchat', 'download needs the address of a file', { reason: 'noFile' });
  }

  #foreign(url: string): Observable<Download> {
    const { fileTimeoutMs: timeoutMs, maxDownloadBytes: maxBytes, scheduler } = this.#settings;
    return download({ platform: 'rocketchat', url, timeoutMs, maxBytes, scheduler });
  }

  #get(address: URL, headers: Readonly<Record<string, string>>): Observable<Download> {
    const { fileTimeoutMs, maxDownloadBytes, scheduler, fetch } = this.#settings;
    return http({
      platform: 'rocketchat',
      call: 'download',
      url: address.href,
      headers,
      redirect: 'return',
      timeoutMs: fileTimeoutMs,
      maxBytes: maxDownloadBytes,
      scheduler,
      ...(fetch !== undefined && { fetch }),
    }).pipe(
      switchMap((response) => {
        const { status, header } = response;
        const location = header('location');
        if (status >= 300 && status < 400 && location !== undefined) return this.#foreign(location);
        if (status < 200 || status >= 300)
          throw statusError('rocketchat', 'download', response, scheduler.now(), false);
        return of(downloadOf(response));
      }),
    );
  }

  #check({ bytes }: RocketchatFileToSend): void {
    const { maxUploadBytes } = this.#settings;
    if (bytes.length > maxUploadBytes) {
      const sentence = `a file has ${bytes.length} bytes, ${maxUploadBytes} are allowed`;
      throw new ChatError('overflow', 'rocketchat', sentence);
    }
  }
}

const downloadOf = ({ header, body }: HttpResponse): Download => {
  const mimeType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+/.exec(header('content-type') ?? '')?.[0].toLowerCase();
  const name = fileNameOf(header('content-disposition') ?? '');
  return { bytes: body, ...(mimeType !== undefined && { mimeType }), ...(name !== undefined && { name }) };
};
