import type { InboundEvent } from '../model/index.js';
import type { Told } from './told.js';

/** Clocks of one server, and what it writes one after the other for one thing. */
const SAME_MS = 5_000;
/** How often a room may go back and forth until the first time is forgotten. */
const MOST = 32;

/** One time that it happened, and who has told of it. */
interface Occurrence {
  readonly id: string;
  /** Which time it is, from 1, and the id that it is told under. */
  readonly time: number;
  readonly toldAs: string;
  readonly at: number;
  /** The message that told of it. */
  messageId: string | undefined;
  /** Whether a webhook has. */
  isPosted: boolean;
}

/**
 * @internal What of the life of a room has been told that may happen again: who has taken it, where it was forwarded. Each way in tells
 * of each time once, and not all of them when it was, so that the first time that one of them tells is the first that the others
 * have told.
 */
export class RoomLife {
  #told: Occurrence[] = [];

  /** Whether this time was told before. If so, this witness has told of it from now on. */
  knows({ id, at: instant }: InboundEvent, { witness, messageId }: Told): boolean {
    const at = Date.parse(instant);
    switch (witness) {
      case 'message': {
        if (this.#told.some((one) => one.messageId !== undefined && one.messageId === messageId)) return true;
        const open = this.#told.find((one) => one.id === id && one.messageId === undefined);
        if (open === undefined) return false;
        open.messageId = messageId;
        return true;
      }
      case 'post': {
        const open = this.#told.find((one) => one.id === id && (one.at === at || !one.isPosted));
        if (open === undefined) return false;
        open.isPosted = true;
        return true;
      }
      case 'state':
        return this.#told.some((one) => one.id === id && one.at >= at - SAME_MS);
    }
  }

  /** Another time. The event, under an id of its own. */
  add(event: InboundEvent, { witness, messageId }: Told): InboundEvent {
    const { id } = event;
    const time = this.#told.reduce((most, one) => (one.id === id ? Math.max(most, one.time) : most), 0) + 1;
    const toldAs = time === 1 ? id : `${id}~${time}`;
    const isMessage = witness === 'message';
    this.#told.push({
      id,
      time,
      toldAs,
      at: Date.parse(event.at),
      messageId: isMessage ? messageId : undefined,
      isPosted: witness === 'post',
    });
    if (this.#told.length > MOST) this.#told.shift();
    return time === 1 ? event : { ...event, id: toldAs };
  }

  /** What was not taken after all is told again. */
  forget({ id }: InboundEvent): void {
    this.#told = this.#told.filter(({ toldAs }) => toldAs !== id);
  }
}
