import { VirtualAction, VirtualTimeScheduler } from 'rxjs';

/**
 * A clock for specs that is advanced by hand: give it as `scheduler` to everything under test, and to `timer` and `delay`.
 * Promises are not virtual: await them between two steps.
 */
export class VirtualClock extends VirtualTimeScheduler {
  constructor() {
    super(VirtualAction, Infinity);
  }

  /** Runs everything that is due within the next `ms` milliseconds, and ends at that time. */
  advance(ms: number): void {
    const until = this.frame + ms;
    this.maxFrames = until;
    this.flush();
    this.maxFrames = Infinity;
    this.frame = until;
  }
}

/** A clock for specs, at 0. */
export const virtualClock = (): VirtualClock => new VirtualClock();
