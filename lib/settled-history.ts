import type { Account, Explanation } from './accounts.js';
import type { Conversation } from './model/conversation.js';
import { OUTCOMES } from './model/outcome.js';
import type { Hop, Trace } from './trace.js';

/**
 * The last settled deliveries, as columns of a ring: a record object for each would survive until it is overwritten and
 * be copied twice by the garbage collector, which cost more than everything else about a trace.
 *
 * @internal
 */
export class SettledHistory {
  readonly #size: number;
  readonly #ids: (string | undefined)[] = [];
  readonly #accounts: Account[] = [];
  readonly #conversations: (Conversation | undefined)[] = [];
  readonly #holders: string[] = [];
  readonly #ranks: Uint8Array;
  readonly #touched: Uint8Array;
  readonly #received: Float64Array;
  readonly #settled: Float64Array;
  /** Reasons and hops are rare: by slot. */
  readonly #extras = new Map<
    number,
    { readonly reason: string | undefined; readonly hops: readonly Hop[] | undefined }
  >();
  /** Deliveries that are open, and will not be remembered. */
  readonly #unwanted = new Set<Trace>();
  #next = 0;

  constructor(size: number) {
    this.#size = size;
    this.#ranks = new Uint8Array(size);
    this.#touched = new Uint8Array(size);
    this.#received = new Float64Array(size);
    this.#settled = new Float64Array(size);
  }

  add(
    account: Account,
    trace: Trace,
    rank: number,
    settledAt: number,
    lastHolder: string,
    reason: string | undefined,
    hops: readonly Hop[] | undefined,
  ): void {
    if (this.#size === 0 || (this.#unwanted.size > 0 && this.#unwanted.delete(trace))) return;
    const slot = this.#next;
    this.#next = slot + 1 === this.#size ? 0 : slot + 1;
    this.#ids[slot] = trace.id;
    this.#accounts[slot] = account;
    this.#conversations[slot] = trace.conversation;
    this.#holders[slot] = lastHolder;
    this.#ranks[slot] = rank;
    this.#touched[slot] = trace.touched ? 1 : 0;
    this.#received[slot] = trace.receivedAt;
    this.#settled[slot] = settledAt;
    if (reason !== undefined || hops !== undefined) this.#extras.set(slot, { reason, hops });
    else if (this.#extras.size > 0) this.#extras.delete(slot);
  }

  /** Newest first. */
  find(id: string): readonly Explanation[] {
    const filled = this.#ids.length;
    const found: Explanation[] = [];
    for (let back = 1; back <= filled; back++) {
      const slot = (this.#next - back + filled) % filled;
      if (this.#ids[slot] === id) found.push(this.#explanation(slot));
    }
    return found;
  }

  /** Drops what is known of a conversation, and how much that was. `open`: what is not remembered when it settles. */
  forget(belongs: (conversation: Conversation) => boolean, open: readonly Trace[]): number {
    let forgotten = 0;
    this.#conversations.forEach((conversation, slot) => {
      if (conversation === undefined || !belongs(conversation)) return;
      this.#ids[slot] = this.#conversations[slot] = undefined;
      this.#extras.delete(slot);
      forgotten++;
    });
    for (const trace of open) this.#unwanted.add(trace);
    return forgotten;
  }

  #explanation(slot: number): Explanation {
    const conversation = this.#conversations[slot];
    const { reason, hops } = this.#extras.get(slot) ?? {};
    return {
      id: this.#ids[slot] ?? '',
      source: this.#accounts[slot]?.name ?? '',
      ...(conversation !== undefined && { conversation }),
      state: 'settled',
      outcome: OUTCOMES[this.#ranks[slot] ?? 0] ?? 'ignored',
      touched: this.#touched[slot] === 1,
      receivedAt: new Date(this.#received[slot] ?? 0).toISOString(),
      settledAt: new Date(this.#settled[slot] ?? 0).toISOString(),
      heldBy: [],
      lastHolder: this.#holders[slot] ?? '',
      ...(reason !== undefined && { reason }),
      ...(hops !== undefined && { hops }),
      forks: [],
    };
  }
}
