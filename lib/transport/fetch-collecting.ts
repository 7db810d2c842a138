import { collect, type Chunks } from './collect.js';

/** A `fetch` that sends these chunks, `length` bytes in sum, once it has all of them: what any `fetch` can. */
export const fetchCollecting =
  (
    fetch: typeof globalThis.fetch,
    chunks: () => Chunks,
    length: number,
    tell: (sentBytes: number) => void,
  ): typeof globalThis.fetch =>
  async (url, init) => {
    const body = await collect(chunks(), length);
    const response = await fetch(url, { ...init, body: body as BodyInit });
    tell(length);
    return response;
  };
