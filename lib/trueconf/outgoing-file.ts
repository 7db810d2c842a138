import { defer, map, throwError, type Observable, type ObservableInput } from 'rxjs';
import { ChatError } from '../errors.js';
import type { Media } from '../model/index.js';
import { download, type Download, type DownloadConfig } from '../transport/download.js';
import { cleanName } from '../transport/file-name.js';
import { isMimeType } from '../transport/multipart.js';
import type { TrueconfClient } from './client.js';
import { declaredType, isPicture, type TrueconfFileToSend } from './file-to-send.js';

/** A file, and a small picture of it where it is one; without, it is its own if it is not too large. */
export type TrueconfFileOfYours = TrueconfFileToSend & { readonly preview?: TrueconfFileToSend };

/** @internal Where files come from and how large they may be. */
export interface OutgoingFiles {
  readonly client: Pick<TrueconfClient, 'download'>;
  readonly files: ((media: Media) => ObservableInput<TrueconfFileOfYours> | undefined) | undefined;
  readonly maxFileBytes: number;
  readonly maxPreviewBytes: number;
  readonly downloads: Pick<DownloadConfig, 'timeoutMs' | 'allowHttpLoopback' | 'fetch' | 'lookup' | 'scheduler'>;
}

/** @internal A file with the small picture of it, where it is one. */
export interface OutgoingFile {
  readonly file: TrueconfFileToSend;
  readonly preview?: TrueconfFileToSend;
}

const STICKER = 'sticker/webp';

const refuse = (kind: 'unsupported' | 'overflow', sentence: string): ChatError =>
  new ChatError(kind, 'trueconf', sentence);

/** What stands in a `data:` address (RFC 2397). */
const dataOf = (url: string, maxBytes: number): Download => {
  const [, mimeType = '', isBase64, data = ''] = /^data:([^;,]*)(?:;[^;,]*?)*?(;base64)?,(.*)$/is.exec(url) ?? [];
  // Four characters are three bytes at most, and each other character at least one third of one.
  if (data.length > maxBytes * 3 + 4) throw refuse('overflow', `a file has more than ${maxBytes} bytes`);
  let bytes: Uint8Array;
  try {
    bytes =
      isBase64 === undefined
        ? new TextEncoder().encode(decodeURIComponent(data))
        : Uint8Array.from(atob(decodeURIComponent(data)), (character) => character.charCodeAt(0));
  } catch {
    throw refuse('unsupported', 'the data address of a file cannot be read');
  }
  if (bytes.length > maxBytes) throw refuse('overflow', `a file has more than ${maxBytes} bytes`);
  return { bytes, ...(mimeType !== '' && { mimeType: mimeType.toLowerCase() }) };
};

const lastOf = (url: string | undefined): string | undefined => {
  const path = url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  if (path === undefined || path.protocol === 'data:') return undefined;
  const last = path.pathname.replace(/^.*\//, '');
  try {
    return cleanName(decodeURIComponent(last));
  } catch {
    return cleanName(last);
  }
};

/** Administrators look at the ending of a name. */
const withEnding = (mimeType: string | undefined): string => {
  const ending = /^(?:image|audio|video|sticker)\/([a-z0-9]+)$/.exec(mimeType ?? '')?.[1];
  return ending === undefined ? 'file' : `file.${ending}`;
};

const fetched = (media: Media, { client, maxFileBytes, downloads }: OutgoingFiles): Observable<Download> => {
  const { url, fileId } = media;
  if (url !== undefined) {
    if (/^data:/i.test(url)) return defer(() => [dataOf(url, maxFileBytes)]);
    return download({ platform: 'trueconf', url, maxBytes: maxFileBytes, ...downloads });
  }
  return fileId === undefined
    ? throwError(() => refuse('unsupported', 'media needs the address or the id of a file'))
    : client.download(fileId);
};

/**
 * The file of an action: from `files`, where that knows it, else from its address, else from the server, where it is a file of
 * that. A picture that is not too large is its own preview, and so is a sticker.
 *
 * @internal
 */
export const outgoingFile = (media: Media, config: OutgoingFiles): Observable<OutgoingFile> =>
  defer((): Observable<OutgoingFile> => {
    const given = config.files?.(media);
    if (given !== undefined) return defer(() => given).pipe(map((file) => withPreview(file, config)));
    return fetched(media, config).pipe(
      map(({ bytes, mimeType: told, name }) => {
        // What is no type says nothing.
        const mimeType = [media.mimeType, told].find(isMimeType);
        const file = { bytes, name: media.name ?? name ?? lastOf(media.url) ?? withEnding(mimeType) };
        return withPreview(mimeType === undefined ? file : { ...file, mimeType }, config);
      }),
    );
  });

const withPreview = ({ preview, ...file }: TrueconfFileOfYours, { maxPreviewBytes }: OutgoingFiles): OutgoingFile => {
  if (preview !== undefined) return { file, preview };
  if (declaredType(file) === STICKER) return { file, preview: { ...file, mimeType: 'image/webp' } };
  const sizeBytes = file.bytes?.length ?? file.sizeBytes ?? Infinity;
  return isPicture(file) && sizeBytes <= maxPreviewBytes ? { file, preview: file } : { file };
};
