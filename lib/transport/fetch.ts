import http, { type Agent } from 'node:http';
import https from 'node:https';
import { fetch } from 'cross-fetch';
import { tellingCuts } from './cuts.js';

/** Those that everything in the process shares, which somebody may have replaced. */
const agent = ({ protocol }: { readonly protocol: string }): Agent =>
  tellingCuts(protocol === 'https:' ? https.globalAgent : http.globalAgent);

/** The `fetch` that clients use unless they are given one. In browsers, `fetch.browser.ts` stands in for this file. */
export const defaultFetch: typeof globalThis.fetch = async (url, init) =>
  // `agent` is an option of the `fetch` that cross-fetch has in Node.
  fetch(url, { agent, ...init } as RequestInit);

/** Whether it takes its listeners from the signal when a call is over: see `Aborts`. */
export const leavesNoListeners = true as boolean;
