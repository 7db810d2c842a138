import { ChatError } from '../errors.js';

/** @internal Whose rooms are, as far as they were opened here: a visitor with another token is not let near them. */
export class RoomOwners {
  readonly #tokens = new Map<string, string>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  remember(rid: string, token: string): void {
    this.#tokens.delete(rid);
    this.#tokens.set(rid, token);
    if (this.#tokens.size <= this.#most) return;
    for (const oldest of this.#tokens.keys()) {
      this.#tokens.delete(oldest);
      return;
    }
  }

  /** The token changed hands. */
  renamed(before: string, after: string): void {
    if (before === after) return;
    for (const [rid, token] of this.#tokens) if (token === before) this.#tokens.set(rid, after);
  }

  /** @throws ChatError `refused` when the room is known to be another's. */
  check(rid: string, token: string): void {
    const owner = this.#tokens.get(rid);
    if (owner === undefined || owner === token) return;
    throw new ChatError('refused', 'rocketchat', 'the room belongs to another visitor', { reason: 'foreignToken' });
  }
}
