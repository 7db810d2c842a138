import { conversationKey, type OutboundAction } from '../model/index.js';
import type { Leased } from '../queue/queue.js';
import { Flight, type Intent } from './intent.js';

/**
 * What of this process is in the queue, and what is out of it: in order within each conversation.
 *
 * @internal
 */
export class Lines {
  /** What is in the queue, or on its way into it: by the key of its record. */
  readonly #waiting = new Map<string, Intent[]>();
  /** What is in our hands: by conversation. */
  readonly #lines = new Map<string, Flight[]>();
  /** What was with the sink, or answered by it, when others got the queue: told as it comes. */
  readonly #late = new Set<Flight>();

  /** Whether something has begun that is not over. */
  get isBusy(): boolean {
    if (this.#late.size > 0) return true;
    for (const line of this.#lines.values()) if (line.some(({ state }) => state !== 'idle')) return true;
    return false;
  }

  /** It will come out of the queue. */
  expect(intent: Intent): void {
    const others = this.#waiting.get(intent.key);
    if (others === undefined) this.#waiting.set(intent.key, [intent]);
    else others.push(intent);
  }

  /** It will not: the queue refused it. */
  forgo(intent: Intent): void {
    const others = this.#waiting.get(intent.key)?.filter((other) => other !== intent) ?? [];
    if (others.length > 0) this.#waiting.set(intent.key, others);
    else this.#waiting.delete(intent.key);
  }

  /** It came out of the queue. It, if it is the first of its conversation. */
  take(leased: Leased<OutboundAction>, key: string): Flight | undefined {
    const flight = new Flight(leased, key, this.#nextOf(key));
    const line = this.#lines.get(leased.key);
    if (line !== undefined) {
      line.push(flight);
      return undefined;
    }
    this.#lines.set(leased.key, [flight]);
    return flight;
  }

  /** It is over. What is next, unless that has begun. */
  leave(flight: Flight): Flight | undefined {
    flight.state = 'over';
    this.#late.delete(flight);
    const { key } = flight.leased;
    const line = this.#lines.get(key);
    const index = line?.indexOf(flight) ?? -1;
    if (index < 0) return undefined;
    line?.splice(index, 1);
    const next = line?.[0];
    if (next === undefined) this.#lines.delete(key);
    return next?.state === 'idle' ? next : undefined;
  }

  /** What is in our hands of a conversation is in the queue again. */
  clear(conversation: string): void {
    const line = this.#lines.get(conversation) ?? [];
    this.#lines.delete(conversation);
    for (const flight of [...line].reverse()) this.#waitAgain(flight);
  }

  /** The queue has nothing of a conversation any more: what waited in it, and what is in our hands. */
  forget(conversation: string): { readonly gone: readonly Intent[]; readonly inHand: readonly Flight[] } {
    const gone = this.#takeSafe(({ item }) => conversationKey(item.conversation) === conversation);
    return { gone, inHand: [...(this.#lines.get(conversation) ?? [])] };
  }

  /** Others have the queue: what of ours is safe in it is theirs, but for what the sink has or has answered. */
  lose(): readonly Intent[] {
    const lost: Intent[] = [];
    for (const line of this.#lines.values()) {
      for (const flight of line) {
        const { state, intent, receipt } = flight;
        if (state === 'sent' || receipt !== undefined) this.#late.add(flight);
        else {
          // What is in doubt is found out by them.
          if (state === 'ending') intent?.trace?.touch();
          flight.state = 'over';
          if (intent !== undefined) lost.push(intent);
        }
      }
    }
    this.#lines.clear();
    return [...lost, ...this.#takeSafe()];
  }

  /** Nobody listens any more. */
  end(): void {
    for (const line of [...this.#lines.values(), this.#late]) for (const { intent } of line) intent?.abandon();
    for (const intents of this.#waiting.values()) for (const intent of intents) intent.abandon();
  }

  #waitAgain(flight: Flight): void {
    const { intent, key } = flight;
    if (flight.state === 'over') return;
    flight.state = 'over';
    if (intent === undefined || flight.isForgotten) return;
    intent.flight = undefined;
    this.#waiting.set(key, [intent, ...(this.#waiting.get(key) ?? [])]);
  }

  #takeSafe(is: (intent: Intent) => boolean = () => true): readonly Intent[] {
    const found: Intent[] = [];
    for (const intents of this.#waiting.values())
      for (const intent of intents) if (intent.isSafe && is(intent)) found.push(intent);
    for (const intent of found) this.forgo(intent);
    return found;
  }

  #nextOf(key: string): Intent | undefined {
    const intents = this.#waiting.get(key);
    const intent = intents?.shift();
    if (intents?.length === 0) this.#waiting.delete(key);
    return intent;
  }
}
