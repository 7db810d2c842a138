import type { SchedulerLike, Subscription } from 'rxjs';

/** @internal What it does to a connection. */
export interface PressedConnection {
  readonly receivesUnread: boolean;
  pause(): boolean;
  resume(): void;
  reconnect(): void;
}

/** @internal */
export interface PressureRules {
  readonly maxInFlight: number;
  readonly maxPerConversation: number;
  readonly pauseMs: number;
  readonly redeliverMs: number;
  readonly scheduler: SchedulerLike;
}

/** The pause before a connection is made anew for what was withheld grows up to so many times. */
const MOST_DOUBLINGS = 3;

/**
 * How much is open, and what is done about too much. At a bound reading pauses; what comes all the same finds no place. Where
 * unread messages come again, a chat that had one turned away gets none of its later ones before that one: they come again
 * together, with a connection that is made for it when less is open.
 *
 * @internal
 */
export class Pressure {
  readonly #rules: PressureRules;
  readonly #connection: PressedConnection;
  #open = 0;
  readonly #perChat = new Map<string, number>();
  /** Chats with as much open as there may be. */
  #full = 0;
  #pausing: Subscription | undefined;
  #readUntil = -Infinity;
  /** Chats that wait for what was withheld of them; when there are too many to know, all do. */
  readonly #behind = new Set<string>();
  #areAllBehind = false;
  /** Whether what was withheld would find a place now, as far as its chat goes. */
  #isWorthIt = false;
  #redelivering: Subscription | undefined;
  #redeliveries = 0;
  #redeliveredAt = -Infinity;
  #isStopped = false;

  constructor(connection: PressedConnection, rules: PressureRules) {
    this.#connection = connection;
    this.#rules = rules;
  }

  /** Whether there is a place; `comesAgain`: it can wait for its turn. */
  hasPlace(chat: string, comesAgain: boolean): boolean {
    const { maxInFlight, maxPerConversation } = this.#rules;
    if (this.#open >= maxInFlight || (this.#perChat.get(chat) ?? 0) >= maxPerConversation) return false;
    return !comesAgain || !(this.#areAllBehind || this.#behind.has(chat));
  }

  /** One is open. */
  take(chat: string): void {
    const { maxInFlight, maxPerConversation } = this.#rules;
    const open = (this.#perChat.get(chat) ?? 0) + 1;
    this.#perChat.set(chat, open);
    if (open === maxPerConversation) this.#full++;
    if (++this.#open === maxInFlight || open === maxPerConversation) this.#pause();
  }

  /** One is settled. */
  leave(chat: string): void {
    const { maxInFlight, maxPerConversation } = this.#rules;
    const open = (this.#perChat.get(chat) ?? 1) - 1;
    if (open === 0) this.#perChat.delete(chat);
    else this.#perChat.set(chat, open);
    if (open === maxPerConversation - 1) this.#full--;
    this.#open--;
    if (this.#pausing !== undefined && this.#full === 0 && this.#open < maxInFlight) this.#readOn();
    if (this.#hasRoom(chat) && (this.#areAllBehind || this.#behind.has(chat))) this.#isWorthIt = true;
    this.#redeliverSoon();
  }

  /** One was turned away. */
  turnAway(chat: string, comesAgain: boolean): void {
    const { maxInFlight } = this.#rules;
    if (this.#open >= maxInFlight) this.#pause();
    // What never comes again keeps nothing waiting.
    if (!comesAgain || !this.#connection.receivesUnread) return;
    if (this.#behind.size < maxInFlight) this.#behind.add(chat);
    else this.#areAllBehind = true;
    if (this.#hasRoom(chat)) this.#isWorthIt = true;
  }

  /** Something was withheld before: it is not known of which chats. */
  fallBehind(): void {
    this.#areAllBehind = true;
  }

  /** There is another connection: what was withheld comes with it. */
  connected(): void {
    this.#behind.clear();
    this.#areAllBehind = this.#isWorthIt = false;
    this.#pausing?.unsubscribe();
    this.#redelivering?.unsubscribe();
    this.#pausing = this.#redelivering = undefined;
  }

  /** Nothing more is taken. */
  stop(): void {
    this.#isStopped = true;
    this.#redelivering?.unsubscribe();
    if (this.#pausing !== undefined) this.#readOn();
  }

  /** Whether a chat has half of its places. */
  #hasRoom(chat: string): boolean {
    return (this.#perChat.get(chat) ?? 0) * 2 <= this.#rules.maxPerConversation;
  }

  #pause(): void {
    const { pauseMs, scheduler } = this.#rules;
    if (this.#pausing !== undefined || scheduler.now() < this.#readUntil || !this.#connection.pause()) return;
    this.#pausing = scheduler.schedule(() => {
      this.#readOn();
    }, pauseMs);
  }

  /** Reads for as long as it may have paused: answers to pings and calls come this way too. */
  #readOn(): void {
    const { pauseMs, scheduler } = this.#rules;
    this.#pausing?.unsubscribe();
    this.#pausing = undefined;
    this.#readUntil = scheduler.now() + pauseMs;
    this.#connection.resume();
  }

  #redeliverSoon(): void {
    const { maxInFlight, redeliverMs, scheduler } = this.#rules;
    if (this.#isStopped || !this.#isWorthIt || this.#redelivering !== undefined || this.#open * 2 > maxInFlight) return;
    const longestMs = redeliverMs * 2 ** MOST_DOUBLINGS;
    if (scheduler.now() - this.#redeliveredAt > 2 * longestMs) this.#redeliveries = 0;
    const pauseMs = Math.min(redeliverMs * 2 ** this.#redeliveries, longestMs);
    this.#redelivering = scheduler.schedule(() => {
      this.#redelivering = undefined;
      // Meanwhile there may be as much as before; when that is settled, it is looked at again.
      if (this.#open * 2 > maxInFlight) return;
      this.#redeliveries++;
      this.#redeliveredAt = scheduler.now();
      this.#connection.reconnect();
    }, pauseMs);
  }
}
