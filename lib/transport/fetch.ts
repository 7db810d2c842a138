import { fetch } from 'cross-fetch';

/** The `fetch` that clients use unless they are given one. In browsers, `fetch.browser.ts` stands in for this file. */
export const defaultFetch: typeof globalThis.fetch = fetch;

/** Whether it takes its listeners from the signal when a call is over: see `Aborts`. */
export const leavesNoListeners = true as boolean;
