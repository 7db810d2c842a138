import type { SchedulerLike, Subscription } from 'rxjs';
import { toChatError, type ChatError } from '../errors.js';
import { conversationKey } from '../model/index.js';
import { deliveryOf } from '../queue/deliveries.js';
import type { Intent } from './intent.js';
import type { Ledger } from './ledger.js';
import { Turn } from '../queue/turn.js';

/** @internal Who is told what becomes of intents at the entrance. */
export interface EntranceHost {
  /** It is on its way into the queue. */
  readonly expect: (intents: readonly Intent[]) => void;
  /** It is not, and may be once more. */
  readonly forgo: (intent: Intent) => void;
  /** It is safe in the queue. */
  readonly safe: (intents: readonly Intent[]) => void;
  /** The queue does not take it. */
  readonly drop: (intents: readonly Intent[], error: ChatError) => void;
  /** It was taken back before the queue had room for it. */
  readonly skip: (intent: Intent) => void;
}

/** An intent on its way into the queue. */
interface Entering {
  readonly intent: Intent;
  readonly conversation: string;
  readonly turn: Turn;
  writing: Subscription | undefined;
}

/** How long to wait before what the queue refused is tried again, in milliseconds. */
const AGAIN_MS = 1_000;

/**
 * The way into the queue. What is refused and belongs to an event that a queue has safe is tried again in its place, and
 * what comes behind it in its conversation waits: the event would be parked, and its conversation go on without it.
 *
 * @internal
 */
export class Entrance {
  readonly #ledger: Ledger;
  readonly #scheduler: SchedulerLike;
  readonly #host: EntranceHost;
  /** In the order in which they came. */
  readonly #entering = new Set<Entering>();
  /** The last of each conversation that is on its way and will be tried again when it is refused. */
  readonly #turns = new Map<string, Turn>();
  /** What waits for another attempt, by conversation, in order. */
  readonly #stuck = new Map<string, Intent[]>();
  readonly #timers = new Set<Subscription>();
  #isOver = false;

  constructor(ledger: Ledger, scheduler: SchedulerLike, host: EntranceHost) {
    this.#ledger = ledger;
    this.#scheduler = scheduler;
    this.#host = host;
  }

  add(intent: Intent): void {
    const conversation = conversationKey(intent.item.conversation);
    const stuck = this.#stuck.get(conversation);
    if (stuck !== undefined) {
      stuck.push(intent);
      return;
    }
    this.#host.expect([intent]);
    const turn = new Turn(this.#turns.get(conversation));
    if (isKept(intent)) this.#turns.set(conversation, turn);
    const entering: Entering = { intent, conversation, turn, writing: undefined };
    this.#entering.add(entering);
    const together = [turn.writing(this.#ledger.medium)];
    // Not a part of the subscription: what is on its way to the disk gets there.
    entering.writing = this.#ledger.queue.add(intent.item, { together }).subscribe({
      next: () => {
        this.#leave(entering);
        this.#host.safe([intent]);
      },
      error: (thrown: unknown) => {
        this.#leave(entering);
        const error = toChatError('outbox', thrown);
        if (isKept(intent) && error.retryable && !this.#isOver) this.#stick(intent, conversation);
        else this.#host.drop([intent], error);
      },
    });
  }

  /** The subscriber is gone: what waits does not get there. */
  end(): void {
    this.#isOver = true;
    for (const timer of this.#timers) timer.unsubscribe();
    for (const stuck of this.#stuck.values()) for (const intent of stuck) intent.abandon();
    this.#stuck.clear();
  }

  #leave(entering: Entering): void {
    const { conversation, turn } = entering;
    this.#entering.delete(entering);
    turn.over();
    if (this.#turns.get(conversation) === turn) this.#turns.delete(conversation);
  }

  #stick(intent: Intent, conversation: string): void {
    const stuck = [intent];
    this.#host.forgo(intent);
    for (const later of this.#entering) {
      if (later.conversation !== conversation) continue;
      later.writing?.unsubscribe();
      this.#leave(later);
      this.#host.forgo(later.intent);
      stuck.push(later.intent);
    }
    this.#stuck.set(conversation, stuck);
    const timer = this.#scheduler.schedule(() => {
      this.#timers.delete(timer);
      this.#stuck.delete(conversation);
      for (const one of stuck) {
        if (one.trace?.cancelled === true) this.#host.skip(one);
        else this.add(one);
      }
    }, AGAIN_MS);
    this.#timers.add(timer);
  }
}

/** Whether its event is safe in a queue. */
const isKept = ({ trace }: Intent): boolean =>
  trace !== undefined && !trace.cancelled && deliveryOf(trace) !== undefined;
