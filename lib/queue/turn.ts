import { ChatError } from '../errors.js';
import { Writing } from '../store/writing.js';

/**
 * A place among what is being written of one conversation: what is refused keeps those behind it from being written in the
 * same transaction, in which nobody has heard of that yet.
 *
 * @internal
 */
export class Turn {
  #before: Turn | undefined;
  #isOver = false;

  constructor(before: Turn | undefined) {
    this.#before = before;
  }

  /** To be written first, together with what has this place. */
  writing(medium: object): Writing {
    const check = (): void => {
      if (this.#before === undefined || this.#before.#isOver) return;
      const sentence = 'what comes before it in its conversation was refused';
      throw new ChatError('overflow', 'queue', sentence, { retryable: true, reason: 'outOfTurn' });
    };
    return new Writing(medium, check, () => {
      this.over();
    });
  }

  /** It is written, or nobody waits for it. */
  over(): void {
    this.#isOver = true;
    this.#before = undefined;
  }
}
