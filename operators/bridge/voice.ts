import type { Observable, Subscriber } from 'rxjs';
import type { Accounts } from '../../lib/accounts.js';
import { address } from '../../lib/address.js';
import { Arrivals } from '../../lib/arrivals.js';
import { conversationKey, type Conversation, type OutboundAction, type Reply } from '../../lib/model/index.js';
import { attach, type SettleListener } from '../../lib/trace.js';
import type { OperatorSeat, SeatAuthor } from '../operatorSeat.js';
import { messageIdOf } from './carrier.js';
import type { Turn } from './turns.js';

/**
 * Says things as a part of turns, and learns from their receipts what stands for what.
 *
 * @internal
 */
export class Voice {
  /** What will tell what stands for whom: copies under the operators' chat, handoffs under their conversation too. */
  readonly links = new Arrivals();
  readonly chat: Conversation;
  readonly chatKey: string;
  readonly #subscriber: Subscriber<OutboundAction>;
  readonly #seat: OperatorSeat;
  readonly #accounts: Accounts;

  constructor(subscriber: Subscriber<OutboundAction>, seat: OperatorSeat, accounts: Accounts) {
    this.#subscriber = subscriber;
    this.#seat = seat;
    this.#accounts = accounts;
    this.chat = seat.conversation;
    this.chatKey = conversationKey(this.chat);
  }

  /** `isApart`: it has an account of its own, and goes on when the item of the turn is taken back. */
  say(turn: Turn, conversation: Conversation, reply: Reply, told?: SettleListener, isApart = false): void {
    const { item, trace: parent } = turn;
    const account = this.#accounts.of('bridge');
    const id = `${item.id}#bridge.${++turn.said}`;
    const cause = 'at' in item ? item.id : (item.cause ?? item.id);
    const action = address(reply, id, { id: cause, conversation }, undefined);
    const trace = isApart || parent === undefined ? account.open(action) : parent.fork(id, account);
    attach(action, trace);
    if (told !== undefined) trace.onSettled(told);
    this.#subscriber.next(action);
    if (this.#subscriber.closed) trace.abandon(account, 'failed', 'unsubscribed');
    else trace.release(account);
  }

  /** Tells the operators something about what one of them said, or about the message `replyTo`. */
  tell(turn: Turn, text: string, replyTo = messageIdOf(turn.item)): void {
    this.say(turn, this.chat, answering({ kind: 'text', text }, replyTo));
  }

  /**
   * Learns what stands for the message `id`, which `by` wrote, on the other side. `lost` is told when it is not sure to
   * arrive there.
   */
  learns(
    customer: Conversation,
    id: string | undefined,
    by: SeatAuthor,
    lost: () => void = () => undefined,
  ): Required<SettleListener> {
    const own = id === undefined ? [] : [id];
    const arrived = by === 'customer' ? this.links.add(this.chatKey) : () => undefined;
    let open = 1;
    const done = (): void => {
      if (--open === 0) arrived();
    };
    return {
      arrived: (ids) => {
        open++;
        const pair =
          by === 'customer' ? this.#seat.pair(ids, customer, own, by) : this.#seat.pair(own, customer, ids, by);
        this.record(pair, conversationKey(customer), done);
      },
      settled: (_, outcome) => {
        done();
        if (outcome !== 'handled') lost();
      },
    };
  }

  /** Writes something down beside the stream, to the end; what cannot be written is reported. */
  record(write: Observable<unknown>, key: string, then: () => void): void {
    write.subscribe({
      error: () => {
        this.#accounts.report({ kind: 'evictedEarly', holder: 'bridge', key });
        then();
      },
      complete: then,
    });
  }
}

/** @internal A reply to a message, if there is one. */
export const answering = (reply: Reply, replyTo: string | undefined): Reply =>
  replyTo === undefined || (reply.kind !== 'text' && reply.kind !== 'media') ? reply : { replyTo, ...reply };
