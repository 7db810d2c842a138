import type { InboundEvent } from '../model/index.js';
import type { Told } from './told.js';

/** Clocks of one server, and what it writes one after the other for one thing. */
const SAME_MS = 5_000;
/** How often a room may go back and forth until the first time is forgotten. */
const MOST = 32;

/** @internal One time that it happened, and who has told of it. */
export interface Occurrence {
  readonly id: string;
  readonly at: number;
  /** Whether that is when it was, by the server's clock, and not when it became known. */
  readonly isDated: boolean;
  /** Which time it is, from 1, in the order in which they go out; 0 until then. */
  time: number;
  /** The message that told of it. */
  messageId: string | undefined;
  /** Whether a webhook has. */
  isPosted: boolean;
}

/** A post that says nothing of when it was is of when it was received. */
const isDated = ({ at }: InboundEvent, { witness, servedAt }: Told): boolean => witness !== 'post' || at === servedAt;

/**
 * @internal What of the life of a room has been told that may happen again: who has taken it, where it was forwarded. Each way in tells
 * of each time once, and not all of them when it was: then the first time that one of them tells is the first that the others
 * have told.
 */
export class RoomLife {
  #told: Occurrence[] = [];

  /** Whether this time was told before. If so, this witness has told of it from now on. */
  knows(event: InboundEvent, told: Told): boolean {
    const { id } = event;
    const { witness, messageId } = told;
    const at = Date.parse(event.at);
    switch (witness) {
      case 'message': {
        if (this.#told.some((one) => one.messageId !== undefined && one.messageId === messageId)) return true;
        const open = this.#find(event, told, (one) => one.messageId === undefined);
        if (open === undefined) return false;
        open.messageId = messageId;
        return true;
      }
      case 'post': {
        if (this.#told.some((one) => one.id === id && one.at === at && one.isPosted)) return true;
        const open = this.#find(event, told, (one) => !one.isPosted);
        if (open === undefined) return false;
        open.isPosted = true;
        return true;
      }
      case 'state':
        return this.#told.some((one) => one.id === id && one.at >= at - SAME_MS);
    }
  }

  /** Another time. */
  add(event: InboundEvent, told: Told): Occurrence {
    const { witness, messageId } = told;
    const occurrence: Occurrence = {
      id: event.id,
      at: Date.parse(event.at),
      isDated: isDated(event, told),
      time: 0,
      messageId: witness === 'message' ? messageId : undefined,
      isPosted: witness === 'post',
    };
    this.#told.push(occurrence);
    if (this.#told.length > MOST) this.#told.shift();
    return occurrence;
  }

  /** It goes out. The id that it has from then on: counted only now, since what came later may have happened before. */
  tell(occurrence: Occurrence): string {
    const { id } = occurrence;
    const time = this.#told.reduce((most, one) => (one.id === id ? Math.max(most, one.time) : most), 0) + 1;
    occurrence.time = time;
    return time === 1 ? id : `${id}~${time}`;
  }

  /** What was not taken after all is told again. */
  forget(occurrence: Occurrence): void {
    this.#told = this.#told.filter((one) => one !== occurrence);
  }

  /** The time that this tells of, of those that this way in has not told: the nearest, or the first where nobody knows when it was. */
  #find(event: InboundEvent, told: Told, isOpen: (one: Occurrence) => boolean): Occurrence | undefined {
    const at = Date.parse(event.at);
    const open = this.#told.filter((one) => one.id === event.id && isOpen(one));
    const [nearest] = [...open].sort((one, other) => Math.abs(one.at - at) - Math.abs(other.at - at));
    if (nearest === undefined || Math.abs(nearest.at - at) <= SAME_MS) return nearest;
    return open.find((one) => !one.isDated || !isDated(event, told));
  }
}
