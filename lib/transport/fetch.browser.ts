/** The `fetch` that clients use in a browser unless they are given one. */
export const defaultFetch: typeof globalThis.fetch = (...call) => globalThis.fetch(...call);
