import { fileAt } from '#streams';
import { catchError, defer, map, of, throwError, type Observable } from 'rxjs';
import { ChatError } from '../errors.js';
import { atLeast } from '../range.js';
import type { Chunks } from '../transport/collect.js';
import { download } from '../transport/download.js';
import type { FormPart, StreamedPart } from '../transport/multipart.js';
import type { Settings } from './settings.js';

interface Typed {
  /** Default: what the name's ending or the address says, else `application/octet-stream`. */
  readonly mimeType?: string;
}
/** A file to upload: from one of four places. */
export type TrueconfFileToSend = Typed &
  (
    | { readonly bytes: Uint8Array; readonly name: string }
    /** A file of this machine, in Node: it is read while it is sent. */
    | { readonly path: string; readonly name?: string }
    /** Called whenever the file is sent; a sticker is sent twice. Only the chunk under way is held, with cross-fetch. */
    | { readonly stream: () => Chunks; readonly sizeBytes: number; readonly name: string }
    /** Somewhere on the internet: fetched before, since its size has to be announced, and only from public https hosts. */
    | { readonly url: string; readonly name?: string }
  );

/** @internal A file whose size is known. */
export interface ReadyFile {
  readonly name: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly content: Uint8Array | (() => Chunks);
}

const PLACES: ReadonlySet<string> = new Set(['bytes', 'path', 'stream', 'url']);
/** What servers and clients show as pictures, by the ending of the name. */
const PICTURES: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  bmp: 'image/bmp',
  gif: 'image/gif',
  tif: 'image/tiff',
  tiff: 'image/tiff',
};
const PICTURE_TYPES: ReadonlySet<string> = new Set([...Object.values(PICTURES), 'image/x-ms-bmp']);

const partOfPath = (path: string): string => /[^/\\]*$/.exec(path)?.[0] ?? '';
const partOfUrl = (url: string): string => (URL.canParse(url) ? partOfPath(new URL(url).pathname) : '');
const nameOf = (file: TrueconfFileToSend): string =>
  file.name ?? ('path' in file ? partOfPath(file.path) : 'url' in file ? partOfUrl(file.url) : '');

/** @internal What is said of its type, or the ending of its name says. */
export const declaredType = (file: TrueconfFileToSend): string | undefined =>
  file.mimeType ?? PICTURES[/\.(\w+)$/.exec(nameOf(file))?.[1]?.toLowerCase() ?? ''];

/**
 * @throws TypeError unless it is in exactly one place and has what belongs to it; RangeError when its size is no number.
 * @internal
 */
export const checkFile = (argument: string, file: TrueconfFileToSend | undefined): void => {
  const given = Object.entries(file ?? {}).flatMap(([key, value]) =>
    PLACES.has(key) && value !== undefined ? [key] : [],
  );
  if (file === undefined || given.length !== 1) {
    const got = given.length === 0 ? 'none' : given.join(' and ');
    throw new TypeError(`trueconfClient: ${argument} must have one of ${[...PLACES].join(', ')}, got ${got}`);
  }
  if ('path' in file && (typeof file.path !== 'string' || partOfPath(file.path) === '')) {
    throw new TypeError(`trueconfClient: ${argument}.path must name a file`);
  }
  if ('stream' in file) atLeast(`trueconfClient: ${argument}.sizeBytes`, file.sizeBytes, 0);
  if (!('path' in file || 'url' in file) && nameOf(file) === '') {
    throw new TypeError(`trueconfClient: ${argument}.name must not be empty`);
  }
};

/** @internal Whether it is of a type that is shown as a picture. */
export const isPicture = (file: TrueconfFileToSend): boolean => PICTURE_TYPES.has(declaredType(file) ?? '');

/** @throws TypeError unless it is of a type that is shown as a picture. @internal */
export const checkPicture = (argument: string, file: TrueconfFileToSend): void => {
  if (!isPicture(file)) throw new TypeError(`trueconfClient: ${argument} must be jpg, png, webp, bmp, gif or tiff`);
};

/** @throws TypeError unless it is a WebP picture. @internal */
export const checkSticker = (file: TrueconfFileToSend): void => {
  if (declaredType(file) !== 'image/webp') throw new TypeError('trueconfClient: a sticker must be image/webp');
};

/** @internal The file with its size. Errors: `unsupported` when it cannot be read, `overflow`, those of `download`. */
export const ready = (file: TrueconfFileToSend, settings: Settings): Observable<ReadyFile> => {
  const { maxUploadBytes, uploadTimeoutMs, downloads, scheduler } = settings;
  const name = nameOf(file);
  const mimeType = declaredType(file) ?? 'application/octet-stream';
  const within = (found: ReadyFile): ReadyFile => {
    if (found.sizeBytes <= maxUploadBytes) return found;
    const sentence = `a file has ${found.sizeBytes} bytes, ${maxUploadBytes} are allowed`;
    throw new ChatError('overflow', 'trueconf', sentence);
  };
  if ('bytes' in file)
    return defer(() => of(within({ name, mimeType, sizeBytes: file.bytes.length, content: file.bytes })));
  if ('stream' in file)
    return defer(() => of(within({ name, mimeType, sizeBytes: file.sizeBytes, content: file.stream })));
  if ('path' in file) {
    return defer(() => fileAt(file.path)).pipe(
      catchError((thrown: unknown) => throwError(() => unreadable(thrown))),
      map(({ sizeBytes, chunks }) => within({ name, mimeType, sizeBytes, content: chunks })),
    );
  }
  const from = { timeoutMs: uploadTimeoutMs, maxBytes: maxUploadBytes, scheduler, ...downloads };
  return download({ ...from, platform: 'trueconf', url: file.url }).pipe(
    map(({ bytes, mimeType: told, name: called }) =>
      within({
        name: file.name ?? called ?? (name === '' ? 'file' : name),
        mimeType: file.mimeType ?? told ?? mimeType,
        sizeBytes: bytes.length,
        content: bytes,
      }),
    ),
  );
};

/** @internal As a part of a form. */
export const partOf = (
  name: string,
  { name: fileName, mimeType, content, sizeBytes }: ReadyFile,
): FormPart | StreamedPart =>
  content instanceof Uint8Array
    ? { name, bytes: content, fileName, mimeType }
    : { name, chunks: content, sizeBytes, fileName, mimeType };

/** A failure of this machine's files: its code, without the path. */
export const unreadable = (thrown: unknown): unknown => {
  const code = (thrown as { readonly code?: unknown } | undefined)?.code;
  if (thrown instanceof ChatError || typeof code !== 'string') return thrown;
  return new ChatError('unsupported', 'trueconf', `a file cannot be read or written (${code})`, { reason: code });
};
