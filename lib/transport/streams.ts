import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fetch } from 'cross-fetch';
import { iterated, type Chunks } from './collect.js';

// In browsers, `streams.browser.ts` stands in for this file.

/** A file of this machine: its size, and its bytes whenever they are asked for. */
export const fileAt = async (
  path: string,
): Promise<{ readonly sizeBytes: number; readonly chunks: () => AsyncIterable<Uint8Array> }> => {
  const found = await stat(path);
  if (!found.isFile()) throw Object.assign(new Error('this is no file'), { code: 'EISDIR' });
  return { sizeBytes: found.size, chunks: () => createReadStream(path) };
};

/** Writes a file, which is there once all of it is; what was at `path` before stays until then. */
export const writeFileAt = async (path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> => {
  const unfinished = `${path}.${randomUUID()}.part`;
  try {
    await pipeline(chunks, createWriteStream(unfinished, { flags: 'wx' }));
    await rename(unfinished, path);
  } catch (thrown) {
    await rm(unfinished, { force: true });
    throw thrown;
  }
};

/**
 * A `fetch` that sends these chunks, `length` bytes in sum, as they are taken, and tells how many have been. Only around the
 * one of cross-fetch, which waits for ever when a body fails and keeps it open when the answer comes before its end.
 */
export const fetchSending =
  (
    trusting: typeof globalThis.fetch | undefined,
    chunks: () => Chunks,
    length: number,
    tell: (sentBytes: number) => void,
  ): typeof globalThis.fetch =>
  async (url, init) => {
    const failing = new AbortController();
    let failure: { readonly thrown: unknown } | undefined;
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      let sent = 0;
      for await (const chunk of iterated(chunks())) {
        yield chunk;
        tell((sent += chunk.length));
      }
    };
    const body = Readable.from(counted(), { objectMode: false });
    body.once('error', (thrown) => {
      failure ??= { thrown };
      failing.abort();
    });
    const given = init?.signal;
    const signal = given ? AbortSignal.any([given, failing.signal]) : failing.signal;
    const headers = { ...(init?.headers as Record<string, string>), 'content-length': String(length) };
    const stream: unknown = body;
    try {
      const response = await (trusting ?? fetch)(url, { ...init, headers, signal, body: stream as BodyInit });
      const answer = response.body as unknown as Readable | null;
      answer?.once('close', () => body.destroy());
      return response;
    } catch (thrown) {
      body.destroy();
      throw failure === undefined ? thrown : failure.thrown;
    }
  };
