import type { SchedulerLike, Subscriber } from 'rxjs';
import type { Account, Accounts } from '../accounts.js';
import { ChatError } from '../errors.js';
import { isoClock } from '../iso-clock.js';
import { mayRunAgain, type Conversation, type InboundEvent } from '../model/index.js';
import { Remembered } from '../remembered.js';
import type { FluidtalkClient } from './client.js';
import type { ReplyPart } from './result.js';

/** What source and sink need of a client. */
export type FluidtalkTurns = Pick<FluidtalkClient, 'inboundChat' | 'aiOpener' | 'eventTrigger' | 'followUp'>;

interface Listening {
  readonly accounts: Accounts;
  readonly account: string;
  readonly maxInFlight: number;
  readonly maxPerConversation: number;
  readonly scheduler: SchedulerLike;
}

interface Listener {
  readonly subscriber: Subscriber<InboundEvent>;
  readonly account: Account;
  readonly now: () => string;
  readonly maxInFlight: number;
  readonly maxPerConversation: number;
}

/** How many sealed targets are remembered. */
const MAX_TARGETS = 100_000;

/** @internal What source and sink of a client share: who hears the replies, and which targets are sealed. */
export class ReplySource {
  readonly #sealed = new Remembered(MAX_TARGETS);
  /** Those whose end was heard. */
  readonly #ended = new Remembered(MAX_TARGETS);
  /** Events that are not settled. */
  readonly #open = new Set<string>();
  readonly #perTarget = new Map<string, number>();
  /** The last one; its subscriber knows whether it still listens. */
  #listener: Listener | undefined;

  listen(
    subscriber: Subscriber<InboundEvent>,
    { accounts, account, maxInFlight, maxPerConversation, scheduler }: Listening,
  ): void {
    if (this.#listener?.subscriber.closed === false) {
      subscriber.error(new Error('fromFluidTalk: this client has a subscriber already; share() the stream'));
      return;
    }
    const now = isoClock(scheduler);
    this.#listener = { subscriber, account: accounts.of(account), now, maxInFlight, maxPerConversation };
  }

  /** Why no call is made: nobody would hear the reply, or too much is open. */
  refusal(target: string): ChatError | undefined {
    const { subscriber, account, maxInFlight = 0, maxPerConversation = 0 } = this.#listener ?? {};
    const refuse = (sentence: string, reason: string): ChatError => {
      account?.refuse();
      return new ChatError('overflow', 'fluidtalk', `the call was not made: ${sentence}`, { retryable: true, reason });
    };
    if (subscriber?.closed !== false) return refuse('nobody is subscribed to fromFluidTalk', 'unheard');
    if (this.#open.size >= maxInFlight || (this.#perTarget.get(target) ?? 0) >= maxPerConversation) {
      return refuse('too many replies are open', 'full');
    }
    return undefined;
  }

  isSealed(target: string): boolean {
    return this.#sealed.has(target);
  }

  /** The conversation is over: tells so, until it was heard once. */
  seal(conversation: Conversation, target: string): void {
    this.#sealed.add(target);
    if (this.#ended.has(target) || this.#listener?.subscriber.closed !== false) return;
    const at = this.#now();
    const id = `${target}:sealed`;
    const platform = 'fluidtalk';
    this.#tell(
      { kind: 'ended', id, platform, conversation, at, sender, by: 'bot', reason: 'sealed', raw: null },
      target,
      () => {
        this.#ended.add(target);
      },
    );
  }

  /** Tells a part of a reply, unless it is open already. `settled`: it need not be told again. */
  tell(
    part: ReplyPart,
    id: string,
    conversation: Conversation,
    target: string,
    raw: unknown,
    settled?: () => void,
  ): void {
    const at = this.#now();
    const platform = 'fluidtalk';
    this.#tell(
      part.kind === 'bubble'
        ? { kind: 'message', id, platform, conversation, at, sender, text: part.text, raw }
        : { kind: 'media', id, platform, conversation, at, sender, media: { url: part.url }, raw },
      target,
      settled,
    );
  }

  /** What fails beside a call, and changes nothing about its receipt. */
  report(id: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : 'something that is no Error was thrown';
    const account = this.#listener?.account;
    account?.accounts.report({ kind: 'failed', id, source: account.name, lastHolder: 'toFluidTalk', reason });
  }

  #now(): string {
    return this.#listener?.now() ?? '';
  }

  #tell(event: InboundEvent, target: string, settled?: () => void): void {
    const { id } = event;
    if (this.#listener === undefined || this.#open.has(id)) return;
    const { subscriber, account } = this.#listener;
    this.#open.add(id);
    this.#perTarget.set(target, (this.#perTarget.get(target) ?? 0) + 1);
    const trace = account.open(event);
    trace.onSettled({
      settled: (_, outcome, touched) => {
        this.#open.delete(id);
        const left = (this.#perTarget.get(target) ?? 1) - 1;
        if (left === 0) this.#perTarget.delete(target);
        else this.#perTarget.set(target, left);
        if (!mayRunAgain(outcome, touched)) settled?.();
      },
    });
    subscriber.next(event);
    if (subscriber.closed) trace.abandon(account, 'failed', 'unsubscribed');
    else trace.release(account);
  }
}

const sender = { role: 'bot' } as const;

const sources = new WeakMap<FluidtalkTurns, ReplySource>();

/** @internal The same for the same client. */
export const repliesOf = (client: FluidtalkTurns): ReplySource => {
  let source = sources.get(client);
  if (source === undefined) sources.set(client, (source = new ReplySource()));
  return source;
};
