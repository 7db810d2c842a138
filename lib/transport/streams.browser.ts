import type { Chunks } from './collect.js';
import { fetchCollecting } from './fetch-collecting.js';
import { defaultFetch } from './fetch.browser.js';

// A browser has no files by their paths, and most cannot send a body before they have all of it.

const refuse = (): Promise<never> =>
  Promise.reject(new TypeError('a browser has no files by their paths: give bytes, or a function that takes chunks'));

export const fileAt = async (
  _path: string,
): Promise<{ readonly sizeBytes: number; readonly chunks: () => AsyncIterable<Uint8Array> }> => refuse();

export const writeFileAt = async (_path: string, _chunks: AsyncIterable<Uint8Array>): Promise<void> => refuse();

export const fetchSending = (
  trusting: typeof globalThis.fetch | undefined,
  chunks: () => Chunks,
  length: number,
  tell: (sentBytes: number) => void,
): typeof globalThis.fetch => fetchCollecting(trusting ?? defaultFetch, chunks, length, tell);
