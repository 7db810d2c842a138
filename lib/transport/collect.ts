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
  if (only !== undefined && parts.length === 1) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
