import { joined } from './collect.js';

/** One field of a form. */
export type FormPart =
  | { readonly name: string; readonly value: string }
  | {
      readonly name: string;
      readonly bytes: Uint8Array;
      readonly fileName: string;
      /** Default: `application/octet-stream`. */
      readonly mimeType?: string;
    };

export interface Multipart {
  /** For the `content-type` header. */
  readonly contentType: string;
  readonly body: Uint8Array;
}

/**
 * A form as `multipart/form-data`, in the bytes that browsers send (https://html.spec.whatwg.org/#multipart-form-data, read
 * 2025-03-01): names in UTF-8, quotes and line breaks in them as `%22`, `%0D` and `%0A`, so that a name makes no header.
 * A `FormData` would go out as `[object FormData]` with `cross-fetch`. What comes as a stream is read by `collect` first.
 *
 * `boundary` must occur in no part. Default: 128 random bits.
 *
 * @throws TypeError when a type is none, or the boundary has other signs than letters, digits and `-`.
 */
export const multipart = (parts: readonly FormPart[], boundary = randomBoundary()): Multipart => {
  if (!/^[\w-]{1,70}$/.test(boundary)) throw new TypeError('multipart: a boundary is 1 to 70 letters, digits and -');
  const pieces: Uint8Array[] = [];
  for (const part of parts) {
    pieces.push(encoder.encode(`--${boundary}\r\n${headOf(part)}\r\n\r\n`));
    pieces.push('value' in part ? encoder.encode(part.value) : part.bytes, LINE_END);
  }
  pieces.push(encoder.encode(`--${boundary}--\r\n`));
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: joined(pieces, length) };
};

const encoder = new TextEncoder();
const LINE_END = encoder.encode('\r\n');
const TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(; ?[\w.-]+=[\w.+-]+)*$/;

const headOf = (part: FormPart): string => {
  const field = `Content-Disposition: form-data; name="${escaped(part.name)}"`;
  if ('value' in part) return field;
  const { fileName, mimeType = 'application/octet-stream' } = part;
  if (!TYPE.test(mimeType)) throw new TypeError('multipart: mimeType must look like image/png');
  return `${field}; filename="${escaped(fileName)}"\r\nContent-Type: ${mimeType}`;
};

const escaped = (name: string): string => name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

const randomBoundary = (): string =>
  `tidewire-${crypto.getRandomValues(new Uint32Array(4)).reduce((text, word) => text + word.toString(16).padStart(8, '0'), '')}`;
