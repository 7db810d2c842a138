import { Subscription, type Observable, type SchedulerLike } from 'rxjs';
import type { ChatfirstEffect, ChatfirstJournalEntry, ChatfirstSubject } from './simulator-journal.js';
import type { Rules } from './simulator-rules.js';

/** A request that goes out to a program of the platform's user: an adapter, or a bridge. */
export interface ChatfirstOutgoing {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What comes back. */
export interface ChatfirstIncoming {
  readonly status: number;
  readonly body: string;
}

/** How requests go out: cold, one answer; errors when there is none. */
export type ChatfirstNetwork = (request: ChatfirstOutgoing) => Observable<ChatfirstIncoming>;

/** @internal What all parts of the platform share: rules, the clock, the journal, the network, and what is under way. */
export class Desk {
  readonly rules: Rules;
  readonly network: ChatfirstNetwork;
  readonly scheduler: SchedulerLike;
  readonly journal: ChatfirstJournalEntry[] = [];
  readonly #running = new Set<Subscription>();
  readonly #waiting = new Set<() => void>();
  #underWay = 0;
  #isStopped = false;
  #talkId: bigint;
  #messageId = 0;

  constructor(rules: Rules, scheduler: SchedulerLike, network: ChatfirstNetwork) {
    this.rules = rules;
    this.scheduler = scheduler;
    this.network = network;
    this.#talkId = rules.firstTalkId;
  }

  write(of: ChatfirstSubject, effect: ChatfirstEffect): void {
    const { call, bot, user, channel } = of;
    this.journal.push({ at: this.scheduler.now(), call, bot, user, channel, ...effect });
  }

  talkId(): bigint {
    return this.#talkId++;
  }

  messageId(): number {
    return ++this.#messageId;
  }

  /** Does something later; undone when the platform stops. */
  later(ms: number, work: () => void): void {
    if (ms <= 0) {
      work();
      return;
    }
    const ended = this.begin();
    const timer = this.scheduler.schedule(() => {
      this.#running.delete(timer);
      work();
      ended();
    }, ms);
    this.#running.add(timer);
  }

  /** Waits for the one value of a stream that does not fail; given up when the platform stops. */
  take<T>(source: Observable<T>, use: (value: T) => void): void {
    const ended = this.begin();
    const running = new Subscription();
    this.#running.add(running);
    running.add(
      source.subscribe({
        next: use,
        error: () => undefined,
        complete: () => {
          this.#running.delete(running);
          ended();
        },
      }),
    );
  }

  /** Something is under way until what comes back is called. */
  begin(): () => void {
    this.#underWay += 1;
    return () => {
      this.#underWay -= 1;
      if (this.#underWay > 0) return;
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const tell of waiting) tell();
    };
  }

  /** Tells when nothing is under way, at once if that is so; what comes back takes the wish away. */
  whenIdle(tell: () => void): () => void {
    if (this.#underWay === 0 || this.#isStopped) {
      tell();
      return () => undefined;
    }
    this.#waiting.add(tell);
    return () => this.#waiting.delete(tell);
  }

  stop(): void {
    this.#isStopped = true;
    for (const running of this.#running) running.unsubscribe();
    this.#running.clear();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const tell of waiting) tell();
  }
}
