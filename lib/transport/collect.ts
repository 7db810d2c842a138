/** Bodies are Node streams with one `fetch`, web streams with others. */
export type Chunks = AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>;

/** All chunks as one array, `undefined` when they are more than `maxBytes`: then the rest is not read. */
export const collect = async (chunks: Chunks, maxBytes: number): Promise<Uint8Array | undefined> => {
  const read: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of iterated(chunks)) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    read.push(chunk);
  }
  return joined(read, length);
};

/** What a stream of Node tells, as far as it is looked at. */
export interface Telling {
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
}
/** Whether it is a stream of Node. */
export const isTelling = (chunks: object): chunks is Telling => 'on' in chunks && typeof chunks.on === 'function';

/** As `collect`, of a stream of Node: to listen costs less than to iterate. What is too much is left to who ends the stream. */
export const listen = async (stream: Telling, maxBytes: number): Promise<Uint8Array | undefined> =>
  new Promise((resolve, reject) => {
    const read: Uint8Array[] = [];
    let length = 0;
    let isOver = false;
    stream.on('data', (chunk) => {
      length += chunk.length;
      if (length <= maxBytes) read.push(chunk);
      else {
        isOver = true;
        resolve(undefined);
      }
    });
    stream.on('end', () => {
      isOver = true;
      // A chunk may be a piece of something much larger.
      resolve(copied(read, length));
    });
    stream.on('error', reject);
    stream.on('close', () => {
      if (!isOver) reject(new Error('the stream was closed before its end'));
    });
  });

/** Not every browser iterates over its streams. */
export const iterated = (chunks: Chunks): AsyncIterable<Uint8Array> =>
  Symbol.asyncIterator in chunks ? chunks : chunksOf(chunks);

async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    // Nobody waits for it: a stream whose call was aborted rejects, and the call has told why.
    reader.cancel().catch(() => undefined);
  }
}

/** The arrays behind each other, `length` bytes in sum. */
export const joined = (parts: readonly Uint8Array[], length: number): Uint8Array => {
  const [only] = parts;
  return only !== undefined && parts.length === 1 ? only : copied(parts, length);
};

const copied = (parts: readonly Uint8Array[], length: number): Uint8Array => {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
