import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { ClientRequest } from 'node:http';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { iterated, type Chunks } from './collect.js';
import { defaultFetch } from './fetch.js';

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
  // Not longer than that of the file may be.
  const unfinished = join(dirname(path), `.${randomUUID()}.part`);
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
 * one of cross-fetch, which waits for ever when a body fails and keeps it open when the answer comes before its end. An answer
 * that is no success and comes so early ends the call, without its body: the server may hang up at once.
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
        // Two rounds of the event loop, in which an answer is read that came so early: writing on after a server hung up loses it.
        await setImmediate();
        await setImmediate();
        yield chunk;
        tell((sent += chunk.length));
      }
    };
    const body = Readable.from(counted(), { objectMode: false });
    const pipe = body.pipe.bind(body);
    body.pipe = (request, options) => {
      body.once('close', () => {
        // One that was not sent to its end would keep its connection.
        if (!body.readableEnded && request instanceof ClientRequest) request.destroy();
      });
      return pipe(request, options);
    };
    body.once('error', (thrown) => {
      failure ??= { thrown };
      failing.abort();
    });
    const given = init?.signal;
    const signal = given ? AbortSignal.any([given, failing.signal]) : failing.signal;
    const headers = { ...(init?.headers as Record<string, string>), 'content-length': String(length) };
    const stream: unknown = body;
    try {
      const response = await (trusting ?? defaultFetch)(url, { ...init, headers, signal, body: stream as BodyInit });
      if (response.status >= 300 && !body.readableEnded) {
        body.destroy();
        const { status, headers } = response;
        return new Response(null, { status, headers: [...headers] });
      }
      const answer = response.body as unknown as Readable | null;
      answer?.once('close', () => body.destroy());
      return response;
    } catch (thrown) {
      body.destroy();
      throw failure === undefined ? thrown : failure.thrown;
    }
  };
