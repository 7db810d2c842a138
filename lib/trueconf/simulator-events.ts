import type { Desk } from './simulator-desk.js';
import { strike, strikes, type TrueconfEventFaults } from './simulator-faults.js';
import type { Message, TrueconfContent } from './simulator-model.js';

/** @internal No JSON. */
export const MALFORMED = '{"type":2,"id":';

/** @internal The socket that events go to. */
export interface Line {
  readonly number: number;
  readonly isOpen: boolean;
  readonly raw: (text: string) => void;
}

/** @internal An event that was told. */
export interface Told {
  readonly method: string;
  readonly message: Message | undefined;
}

/** @internal Events of one socket: their ids, who acknowledged them, and what goes wrong with them. */
export class Events {
  readonly #line: Line;
  readonly #desk: Desk;
  readonly #faults: TrueconfEventFaults;
  readonly #unacknowledged = new Map<number, Told>();
  /** What waits until the next event has gone out. */
  #late: (() => void)[] = [];
  #count = 0;

  constructor(line: Line, desk: Desk, faults: TrueconfEventFaults) {
    this.#line = line;
    this.#desk = desk;
    this.#faults = faults;
  }

  tell(bot: string, method: string, payload: TrueconfContent, message?: Message): void {
    const faults = this.#faults;
    const { number: connection, raw } = this.#line;
    const send = (): void => {
      this.#send(method, payload, message);
    };
    const isMeant = faults.only?.({ bot, connection, method, payload }) !== false;
    if (isMeant && this.#strikes('lose')) return;
    if (isMeant && this.#strikes('malformed')) raw(MALFORMED);
    const times = isMeant && this.#strikes('duplicate') ? 2 : 1;
    const fault = isMeant ? strike(faults, ['delay', 'reorder'] as const) : undefined;
    if (fault !== undefined) this.#desk.write({ kind: 'fault', fault: `event.${fault}` });
    for (let n = 0; n < times; n++) {
      if (fault === 'delay') this.#desk.later(faults.delayMs ?? 1_000, send);
      else if (fault === 'reorder') this.#late.push(send);
      else send();
    }
    if (fault === undefined) for (const late of this.#late.splice(0)) late();
  }

  /** The event with this id, once. */
  acknowledge(id: number): Told | undefined {
    const told = this.#unacknowledged.get(id);
    this.#unacknowledged.delete(id);
    return told;
  }

  #send(method: string, payload: TrueconfContent, message: Message | undefined): void {
    const { number: connection, isOpen, raw } = this.#line;
    if (!isOpen) return;
    const id = ++this.#count;
    this.#unacknowledged.set(id, { method, message });
    this.#desk.write({ kind: 'told', connection, id, method, payload });
    raw(JSON.stringify({ method, type: 1, id, payload }));
  }

  #strikes(fault: 'lose' | 'malformed' | 'duplicate'): boolean {
    if (!strikes(this.#faults, fault)) return false;
    this.#desk.write({ kind: 'fault', fault: `event.${fault}` });
    return true;
  }
}
