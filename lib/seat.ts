import type { Observable } from 'rxjs';
import type { Conversation } from './model/index.js';

/** Where operators sit: a sink tells it what it put there, so that what they answer finds its customer. */
export interface Seat {
  /** The chat of the operators. */
  readonly conversation: Conversation;
  /**
   * Remembers that these messages in the operators' chat belong to this customer. What it emits is not looked at; it may be
   * called several times for one handoff, as its messages arrive.
   */
  link(messageIds: readonly string[], customer: Conversation): Observable<unknown>;
}
