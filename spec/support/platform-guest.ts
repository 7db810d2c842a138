import { expect } from 'chai';
import type { Conversation, Reply } from 'tidewire';
import type { PlatformCustomer } from './platform-harness.js';
import type { Stage } from './platform-stage.js';

/** Somebody who has said hello, so that a conversation is known. */
export class Guest {
  readonly conversation: Conversation;
  readonly #stage: Stage;
  readonly #customer: PlatformCustomer;

  constructor(stage: Stage, customer: PlatformCustomer, conversation: Conversation) {
    this.#stage = stage;
    this.#customer = customer;
    this.conversation = conversation;
  }

  say = async (text: string): Promise<void> => this.#stage.outlasts(this.#customer.say(text));
  sees = (): readonly string[] => this.#customer.sees();

  /** What the bot was told by this customer, after hello. */
  heard(): readonly string[] {
    return this.#stage.heard.flatMap((event) =>
      event.conversation.id === this.conversation.id ? [event.kind === 'message' ? event.text : event.kind] : [],
    );
  }

  /** The bot says something by itself; the id of the action. */
  push(reply: Reply | string): string {
    return this.#stage.push(this.conversation, typeof reply === 'string' ? { kind: 'text', text: reply } : reply);
  }

  /** Says something, and sees that it is answered, with nothing else before it. */
  async isHeard(): Promise<void> {
    await this.say('and now');
    await this.#stage.untilLater('the next is answered', () => this.sees().length === 1);
    await this.#stage.settled();
    expect(this.sees()).to.deep.equal(['re and now']);
  }
}
