import { firstValueFrom, type Subscription } from 'rxjs';
import type { MessageEvent } from '../model/index.js';
import type { Leased, LeaseConfig, Queue } from '../queue/queue.js';
import { difference } from './difference.js';
import { plainly } from './plainly.js';

/** @internal */
export const equal = (actual: unknown, expected: unknown): void => {
  const found = difference(plainly(actual), plainly(expected));
  if (found !== undefined) throw new Error(found);
};

/** @internal A message of a conversation: `a1` is the first of conversation `a`. */
export const said = (id: string): MessageEvent => ({
  kind: 'message',
  id,
  platform: 'desk',
  conversation: { platform: 'desk', id: id.replace(/\d+$/, ''), channel: 'web' },
  at: '2025-01-01T00:00:00.000Z',
  text: `text of ${id}`,
  raw: null,
});

/** @internal A consumer of a queue, and what it has. */
export class QueueDesk {
  /** Everything that was handed out, in order. */
  readonly seen: Leased<MessageEvent>[] = [];
  error: unknown;
  readonly #queue: Queue<MessageEvent>;
  readonly #subscription: Subscription;

  constructor(
    queue: Queue<MessageEvent>,
    config?: LeaseConfig,
    onNext: (leased: Leased<MessageEvent>) => void = () => undefined,
  ) {
    this.#queue = queue;
    this.#subscription = queue.lease(config).subscribe({
      next: (leased) => {
        this.seen.push(leased);
        onNext(leased);
      },
      error: (error: unknown) => {
        this.error = error;
      },
    });
  }

  get ids(): string {
    return this.seen.map(({ item }) => item.id).join(' ');
  }

  /** Everything that was handed out when the queue has written what it was asked to so far. */
  async settled(): Promise<string> {
    for (let last = -1; last !== this.seen.length;) {
      last = this.seen.length;
      // A write comes after those before it. A lease that ends, the next one, and what it takes are one each.
      for (let round = 0; round < 4; round++) await firstValueFrom(this.#queue.drop(0));
    }
    return this.ids;
  }

  /** The last handout of an item. */
  get(id: string): Leased<MessageEvent> {
    const found = [...this.seen].reverse().find(({ item }) => item.id === id);
    if (found === undefined) throw new Error(`${id} was not handed out`);
    return found;
  }

  async ack(...ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => firstValueFrom(this.#queue.ack(this.get(id)))));
  }

  leave(): void {
    this.#subscription.unsubscribe();
  }
}

/** @internal The kind of the error that a call ends with. */
export const kindOf = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'no error',
    (error: unknown) => (error as { readonly kind?: unknown }).kind ?? error,
  );
