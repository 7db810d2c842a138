import { ChatError } from '../errors.js';
import type { Pending } from './pending.js';
import type { Settings } from './settings.js';

/** @internal Calls that wait for a connection: so many, and so long. */
export class Waiting {
  readonly #settings: Settings;
  readonly #calls = new Set<Pending>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Fails the call where too many wait, and when it waits too long. */
  add(pending: Pending): void {
    const { waitMs, maxWaiting, scheduler } = this.#settings;
    if (this.#calls.size >= maxWaiting) {
      const sentence = `${pending.method} is not sent: ${maxWaiting} calls are waiting for a connection`;
      pending.failed(new ChatError('overflow', 'trueconf', sentence));
      return;
    }
    this.#calls.add(pending);
    pending.timer?.unsubscribe();
    pending.timer = scheduler.schedule(() => {
      this.#calls.delete(pending);
      const sentence = `${pending.method} is not sent: there was no connection within ${waitMs} ms`;
      pending.failed(new ChatError('timeout', 'trueconf', sentence, { reason: 'noConnection' }));
    }, waitMs);
  }

  delete(pending: Pending): void {
    this.#calls.delete(pending);
  }

  /** All of them, in order, to be sent: they wait no longer. */
  take(): readonly Pending[] {
    const calls = [...this.#calls];
    this.#calls.clear();
    return calls;
  }
}
