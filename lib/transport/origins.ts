/** How many are known. */
const MOST = 64;
/** An origin without a user name, then anything. */
const ADDRESS = /^(https?:\/\/[^/?#@\\]+)(?:[/?#]|$)/i;

/**
 * The origins that addresses begin with. Whether one can be parsed depends on its origin alone, and a program talks to a few of
 * them: each is parsed once.
 *
 * @internal
 */
export class Origins {
  #known = new Set<string>();

  /** Whether it is an http or https address without a user name. */
  begin(url: string): boolean {
    const origin = ADDRESS.exec(url)?.[1];
    if (origin === undefined) return false;
    if (this.#known.has(origin)) return true;
    if (!URL.canParse(url)) return false;
    if (this.#known.size >= MOST) this.#known = new Set();
    this.#known.add(origin);
    return true;
  }
}
