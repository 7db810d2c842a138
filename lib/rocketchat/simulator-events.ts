import { strike, strikes } from '../trueconf/simulator-faults.js';
import type { Desk } from './simulator-desk.js';
import type { RocketchatEventFaults } from './simulator-faults.js';
import { ejson } from './simulator-ejson.js';

/** @internal No JSON. */
export const MALFORMED = '{"msg":"changed","collection":';

/** @internal The socket that events go to. */
export interface Line {
  readonly number: number;
  readonly raw: (text: string) => boolean;
}

/** @internal Events of one socket, and what goes wrong with them. */
export class Events {
  readonly #line: Line;
  readonly #desk: Desk;
  readonly #faults: RocketchatEventFaults;
  /** What waits until the next event has gone out. */
  #late: (() => void)[] = [];

  constructor(line: Line, desk: Desk, faults: RocketchatEventFaults) {
    this.#line = line;
    this.#desk = desk;
    this.#faults = faults;
  }

  tell(stream: string, event: string, args: readonly unknown[]): void {
    const faults = this.#faults;
    const { number: connection, raw } = this.#line;
    // What it is about may change before it goes out.
    const written = ejson(args) as readonly unknown[];
    const send = (): void => {
      const frame = { msg: 'changed', collection: stream, id: 'id', fields: { eventName: event, args: written } };
      if (raw(JSON.stringify(frame))) this.#desk.write({ kind: 'told', connection, stream, event, args: written });
    };
    const isMeant = faults.only?.({ connection, stream, event, args: written }) !== false;
    const strikesNow = (name: 'lose' | 'malformed' | 'duplicate'): boolean => {
      const doesStrike = isMeant && strikes(faults, name);
      if (doesStrike) this.#desk.fault(`event.${name}`);
      return doesStrike;
    };
    if (strikesNow('lose')) return;
    if (strikesNow('malformed')) raw(MALFORMED);
    const times = strikesNow('duplicate') ? 2 : 1;
    const fault = isMeant ? strike(faults, ['delay', 'reorder'] as const) : undefined;
    if (fault !== undefined) this.#desk.fault(`event.${fault}`);
    for (let n = 0; n < times; n++) {
      if (fault === 'delay') this.#desk.later(faults.delayMs ?? 1_000, send);
      else if (fault === 'reorder') this.#late.push(send);
      else send();
    }
    if (fault === undefined) for (const late of this.#late.splice(0)) late();
  }
}
