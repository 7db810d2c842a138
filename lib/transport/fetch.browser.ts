/** The `fetch` that clients use in a browser unless they are given one. */
export const defaultFetch: typeof globalThis.fetch = (...call) => globalThis.fetch(...call);

/** Whether it takes its listeners from the signal when a call is over: nobody says so of browsers. */
export const leavesNoListeners = false as boolean;
