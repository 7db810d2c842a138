import { defer, map, type Observable } from 'rxjs';
import { ChatError } from './errors.js';
import type { Media } from './model/index.js';
import { download, type Download, type DownloadConfig } from './transport/download.js';
import { cleanName } from './transport/file-name.js';
import { isMimeType } from './transport/multipart.js';

/** @internal How the file of an action is fetched. */
export interface MediaFetch {
  readonly platform: string;
  readonly maxBytes: number;
  readonly downloads: Pick<DownloadConfig, 'timeoutMs' | 'allowHttpLoopback' | 'fetch' | 'lookup' | 'scheduler'>;
  /** A file that the platform has already, where it is one; without an address, the only way. */
  readonly ours: (media: Media) => Observable<Download> | undefined;
}

/** What stands in a `data:` address (RFC 2397). */
const dataOf = (url: string, { platform, maxBytes }: MediaFetch): Download => {
  const refuse = (kind: 'unsupported' | 'overflow', sentence: string) => new ChatError(kind, platform, sentence);
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

/**
 * The file of an action, from the platform where it is a file of that, else from its address (https, `data:`): with a name and, as
 * far as it is known, a type.
 *
 * @internal
 */
export const fetchMedia = (
  media: Media,
  config: MediaFetch,
): Observable<{ readonly bytes: Uint8Array; readonly name: string; readonly mimeType?: string }> =>
  defer((): Observable<Download> => {
    const { platform, maxBytes, downloads } = config;
    const { url } = media;
    const ours = config.ours(media);
    if (ours !== undefined) return ours;
    if (url === undefined) throw new ChatError('unsupported', platform, 'media needs the address or the id of a file');
    if (/^data:/i.test(url)) return defer(() => [dataOf(url, config)]);
    return download({ platform, url, maxBytes, ...downloads });
  }).pipe(
    map(({ bytes, mimeType: told, name }) => {
      // What is no type says nothing.
      const mimeType = [media.mimeType, told].find(isMimeType);
      const file = { bytes, name: media.name ?? name ?? lastOf(media.url) ?? withEnding(mimeType) };
      return mimeType === undefined ? file : { ...file, mimeType };
    }),
  );
