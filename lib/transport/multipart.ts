import { ChatError } from '../errors.js';
import { iterated, joined, type Chunks } from './collect.js';
import { codeOf } from './transport-error.js';

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

/** A field whose bytes are not held: `chunks` gives them whenever the form is sent. */
export interface StreamedPart {
  readonly name: string;
  readonly chunks: () => Chunks;
  /** How many bytes the chunks have in sum. */
  readonly sizeBytes: number;
  readonly fileName: string;
  /** Default: `application/octet-stream`. */
  readonly mimeType?: string;
}

export interface Multipart {
  /** For the `content-type` header. */
  readonly contentType: string;
  readonly body: Uint8Array;
}

/**
 * A form as `multipart/form-data`, in the bytes that browsers send (https://html.spec.whatwg.org/#multipart-form-data, read
 * 2025-03-01): names in UTF-8, quotes and line breaks in them as `%22`, `%0D` and `%0A`, so that a name makes no header.
 * A `FormData` would go out as `[object FormData]` with `cross-fetch`.
 *
 * `boundary` must occur in no part. Default: 128 random bits.
 *
 * @throws TypeError when a type is none, or the boundary has other signs than letters, digits and `-`.
 */
export const multipart = (parts: readonly FormPart[], boundary = randomBoundary()): Multipart => {
  const pieces = framed(parts, boundary, bytesOf);
  return { contentType: typeOf(boundary), body: joined(pieces, sizeOf(pieces)) };
};

/** The same form, of which only the chunk under way is held. */
export interface MultipartStream {
  readonly contentType: string;
  /** Bytes in sum. */
  readonly length: number;
  readonly chunks: () => AsyncIterable<Uint8Array>;
}

/**
 * A form as `multipart` makes it, whose files are read while it is sent.
 *
 * Its chunks throw a `ChatError` of `platform`, `unsupported`, when those of a part throw, with that as `cause`, or with its code
 * alone as `reason` where it has one, since the system's errors name paths; and when a part has more or fewer bytes than it said.
 *
 * @throws TypeError as `multipart` does.
 */
export const multipartStream = (
  platform: string,
  parts: readonly (FormPart | StreamedPart)[],
  boundary = randomBoundary(),
): MultipartStream => {
  const pieces = framed(parts, boundary, (part) => ('chunks' in part ? part : bytesOf(part)));
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) {
      if (piece instanceof Uint8Array) yield* sliced(piece);
      else yield* ofSize(platform, piece);
    }
  };
  return { contentType: typeOf(boundary), length: sizeOf(pieces), chunks };
};

const CHUNK = 65_536;

function* sliced(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
}

async function* ofSize(platform: string, { chunks, sizeBytes }: StreamedPart): AsyncGenerator<Uint8Array> {
  let length = 0;
  try {
    for await (const chunk of iterated(chunks())) {
      length += chunk.length;
      if (length > sizeBytes) throw wrongSize(platform, 'more than', sizeBytes);
      yield chunk;
    }
  } catch (thrown) {
    if (thrown instanceof ChatError) throw thrown;
    const sentence = 'a file could not be read to its end';
    const reason = codeOf(thrown);
    // What the system throws has the path in it.
    if (reason !== undefined) throw new ChatError('unsupported', platform, `${sentence} (${reason})`, { reason });
    throw new ChatError('unsupported', platform, sentence, { cause: thrown });
  }
  if (length < sizeBytes) throw wrongSize(platform, 'fewer than', sizeBytes);
}

const wrongSize = (platform: string, than: string, sizeBytes: number): ChatError =>
  new ChatError('unsupported', platform, `a file has ${than} the ${sizeBytes} bytes that it was said to have`);

const typeOf = (boundary: string): string => `multipart/form-data; boundary=${boundary}`;
const sizeOf = (pieces: readonly (Uint8Array | StreamedPart)[]): number =>
  pieces.reduce((sum, piece) => sum + (piece instanceof Uint8Array ? piece.length : piece.sizeBytes), 0);

const framed = <P extends FormPart | StreamedPart, C>(
  parts: readonly P[],
  boundary: string,
  contentOf: (part: P) => C,
): (Uint8Array | C)[] => {
  if (!/^[\w-]{1,70}$/.test(boundary)) throw new TypeError('multipart: a boundary is 1 to 70 letters, digits and -');
  const pieces: (Uint8Array | C)[] = [];
  for (const part of parts) {
    pieces.push(encoder.encode(`--${boundary}\r\n${headOf(part)}\r\n\r\n`), contentOf(part), LINE_END);
  }
  pieces.push(encoder.encode(`--${boundary}--\r\n`));
  return pieces;
};

const bytesOf = (part: FormPart): Uint8Array => ('value' in part ? encoder.encode(part.value) : part.bytes);

const encoder = new TextEncoder();
const LINE_END = encoder.encode('\r\n');
const TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(; ?[\w.-]+=[\w.+-]+)*$/;

/** Whether a part can be of this type. */
export const isMimeType = (type: unknown): boolean => typeof type === 'string' && TYPE.test(type);

const headOf = (part: FormPart | StreamedPart): string => {
  const field = `Content-Disposition: form-data; name="${escaped(part.name)}"`;
  if ('value' in part) return field;
  const { fileName, mimeType = 'application/octet-stream' } = part;
  if (!isMimeType(mimeType)) throw new TypeError('multipart: mimeType must look like image/png');
  return `${field}; filename="${escaped(fileName)}"\r\nContent-Type: ${mimeType}`;
};

const escaped = (name: string): string => name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

const randomBoundary = (): string =>
  `tidewire-${crypto.getRandomValues(new Uint32Array(4)).reduce((text, word) => text + word.toString(16).padStart(8, '0'), '')}`;
