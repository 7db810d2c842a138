/** How long something that happens over loopback may take before a spec gives up, in milliseconds. */
const PATIENCE_MS = 30_000;

/** Lets the event loop turn once: what has come over the network is read. */
export const turn = async (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/**
 * Waits for what happens over the network, without sleeping: it is looked at again with every turn of the event loop, and
 * `meanwhile` is done before each.
 *
 * @throws Error as a rejection, with what was waited for and `state`, when it does not come.
 */
export const eventually = async (
  what: string,
  isSo: () => boolean,
  { meanwhile, state }: { readonly meanwhile?: () => void; readonly state?: () => unknown } = {},
): Promise<void> => {
  const givenUpAt = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > givenUpAt) {
      const instead = state === undefined ? '' : `, but there is ${JSON.stringify(state())}`;
      throw new Error(`waited in vain until ${what}${instead}`);
    }
    meanwhile?.();
    await turn();
  }
};
