/** How many are kept. */
const MOST = 256;

/**
 * Controllers to abort calls with. To make one takes longer than all else that we add to a call, so that one whose call was
 * answered is used again. Only for a `fetch` that takes its listeners away when a call is over.
 *
 * @internal
 */
export class Aborts {
  readonly #idle: AbortController[] = [];

  take(): AbortController {
    return this.#idle.pop() ?? new AbortController();
  }

  /** The call was answered to the end, and not aborted. */
  giveBack(controller: AbortController): void {
    if (this.#idle.length < MOST) this.#idle.push(controller);
  }
}
