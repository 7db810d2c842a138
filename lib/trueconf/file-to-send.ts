import { fileAt } from '#streams';
import { catchError, defer, map, of, throwError, type Observable } from 'rxjs';
import { ChatError } from '../errors.js';
import { atLeast } from '../range.js';
import type { Chunks } from '../transport/collect.js';
import { download } from '../transport/download.js';
import { isMimeType, type FormPart, type StreamedPart } from '../transport/multipart.js';
import type { Settings } from './settings.js';

interface Typed {
  /** Default: what the name's ending or the address says, else `application/octet-stream`. */
  readonly mimeType?: string;
}
interface Place {
  readonly bytes: Uint8Array;
  readonly path: string;
  readonly stream: () => Chunks;
  readonly url: string;
}
/** In one place, and in no other. */
type In<P extends keyof Place> = Pick<Place, P> & { readonly [other in Exclude<keyof Place, P>]?: never };
/** A file to upload: from one of four places. */
export type TrueconfFileToSend = Typed &
  (
    | (In<'bytes'> & { readonly name: string; readonly sizeBytes?: never })
    /** A file of this machine, in Node: it is read while it is sent. */
    | (In<'path'> & { readonly name?: string; readonly sizeBytes?: never })
    /** Called whenever the file is sent; a sticker is sent twice. Only the chunk under way is held, with cross-fetch. */
    | (In<'stream'> & { readonly sizeBytes: number; readonly name: string })
    /** Somewhere on the internet: fetched before, since its size has to be announced, and only from public https hosts. */
    | (In<'url'> & { readonly name?: string; readonly sizeBytes?: never })
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
const PICTURES: ReadonlyMap<string, string> = new Map([
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['png', 'image/png'],
  ['webp', 'image/webp'],
  ['bmp', 'image/bmp'],
  ['gif', 'image/gif'],
  ['tif', 'image/tiff'],
  ['tiff', 'image/tiff'],
]);
const PICTURE_TYPES: ReadonlySet<string> = new Set([...PICTURES.values(), 'image/x-ms-bmp']);

const partOfPath = (path: string): string => /[^/\\]*$/.exec(path)?.[0] ?? '';
const partOfUrl = (url: string): string => (URL.canParse(url) ? partOfPath(new URL(url).pathname) : '');
const nameOf = (file: TrueconfFileToSend): string =>
  file.name ?? (file.path !== undefined ? partOfPath(file.path) : file.url !== undefined ? partOfUrl(file.url) : '');

/** @internal What is said of its type, or the ending of its name says. */
export const declaredType = (file: TrueconfFileToSend): string | undefined =>
  file.mimeType ?? PICTURES.get(/\.(\w+)$/.exec(nameOf(file))?.[1]?.toLowerCase() ?? '');

/**
 * @throws TypeError unless it is in exactly one place and has what belongs to it; RangeError when its size is no number of bytes.
 * @internal
 */
export const checkFile = (argument: string, file: TrueconfFileToSend | undefined): void => {
  const given = Object.entries(file ?? {}).flatMap(([key, value]) =>
    PLACES.has(key) && value !== undefined ? [key] : [],
  );
  const wrong = (sentence: string): TypeError => new TypeError(`trueconfClient: ${argument}${sentence}`);
  if (file === undefined || given.length !== 1) {
    const got = given.length === 0 ? 'none' : given.join(' and ');
    throw wrong(` must have one of ${[...PLACES].join(', ')}, got ${got}`);
  }
  const { bytes, path, stream, url, mimeType }: Unchecked = file;
  if (bytes !== undefined && !(bytes instanceof Uint8Array)) throw wrong('.bytes must be a Uint8Array');
  if (path !== undefined && (typeof path !== 'string' || partOfPath(path) === ''))
    throw wrong('.path must name a file');
  if (url !== undefined && typeof url !== 'string') throw wrong('.url must be an address');
  if (stream !== undefined) {
    if (typeof stream !== 'function') throw wrong('.stream must be a function that gives the chunks');
    atLeast(`trueconfClient: ${argument}.sizeBytes`, Number(file.sizeBytes), 0);
    if (!Number.isSafeInteger(file.sizeBytes)) {
      throw new RangeError(`trueconfClient: ${argument}.sizeBytes must be a whole number, got ${file.sizeBytes}`);
    }
  }
  const isNamed = file.name !== undefined || !(path !== undefined || url !== undefined);
  if (isNamed && (typeof file.name !== 'string' || file.name === '')) throw wrong('.name must not be empty');
  if (mimeType !== undefined && !isMimeType(mimeType)) throw wrong('.mimeType must look like image/png');
};
/** What a program in JavaScript may give. */
type Unchecked = { readonly [key in keyof TrueconfFileToSend]?: unknown };

/** @internal Whether it is of a type that is shown as a picture. */
export const isPicture = (file: TrueconfFileToSend): boolean => PICTURE_TYPES.has(declaredType(file) ?? '');

/** @throws TypeError unless it is of a type that is shown as a picture. @internal */
export const checkPicture = (argument: string, file: TrueconfFileToSend): void => {
  if (!isPicture(file)) throw new TypeError(`trueconfClient: ${argument} must be jpg, png, webp, bmp, gif or tiff`);
};

/** @throws TypeError unless it is a WebP picture. @internal */
export const checkSticker = (argument: string, file: TrueconfFileToSend): void => {
  if (declaredType(file) !== 'image/webp')
    throw new TypeError(`trueconfClient: ${argument} must be image/webp to be a sticker`);
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
  if (file.bytes !== undefined)
    return defer(() => of(within({ name, mimeType, sizeBytes: file.bytes.length, content: file.bytes })));
  if (file.stream !== undefined)
    return defer(() => of(within({ name, mimeType, sizeBytes: file.sizeBytes, content: file.stream })));
  if (file.path !== undefined) {
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
