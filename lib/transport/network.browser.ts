import { defaultFetch } from './fetch.browser.js';

/** A browser tells nothing of addresses, and guards private networks itself. */
export const addressesOf = async (): Promise<readonly string[]> => Promise.resolve([]);
export const placeOf = (): 'public' => 'public';
export const fetchAt = (): typeof globalThis.fetch => defaultFetch;
