import { defaultFetch } from './fetch.browser.js';

// A browser tells nothing of addresses and guards private networks itself: what is left to check is the host's name.

export const addressesOf = async (hostname: string): Promise<readonly string[]> => Promise.resolve([hostname]);

export const placeOf = (address: string): 'public' | 'loopback' | 'reserved' =>
  /^(localhost|127(\.\d+){3}|::1)$/i.test(address) ? 'loopback' : 'public';

export const fetchAt = (_addresses: readonly string[]): typeof globalThis.fetch => defaultFetch;
