import type { SchedulerLike } from 'rxjs';
import { isAtLeast } from '../trueconf/simulator-rules.js';
import type { RocketchatEffect } from './simulator-journal.js';
import type { Rules } from './simulator-rules.js';

const LETTERS = '23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz';

/** @internal What all parts of the server share: the clock, ids, rules and the journal. */
export class Desk {
  readonly rules: Rules;
  readonly write: (effect: RocketchatEffect) => void;
  /** Does something later, and gives what undoes it. Without a delay it is done at once. */
  readonly later: (ms: number, work: () => void) => () => void;
  readonly #scheduler: SchedulerLike;
  #ids = 0;

  constructor(rules: Rules, scheduler: SchedulerLike, effects: Pick<Desk, 'write' | 'later'>) {
    this.rules = rules;
    this.#scheduler = scheduler;
    this.write = effects.write;
    this.later = effects.later;
  }

  now(): number {
    return this.#scheduler.now();
  }

  /** Whether the server is of this version or a later one. */
  since(version: string): boolean {
    return isAtLeast(this.rules.version, version);
  }

  /** The id of a room, a message, a user. */
  id(): string {
    let left = ++this.#ids;
    let id = '';
    while (id.length < 17) {
      id = (LETTERS[left % LETTERS.length] ?? '') + id;
      left = Math.floor(left / LETTERS.length);
    }
    return id;
  }

  /** The id of a visitor, an inquiry, a file. */
  hex(): string {
    return (++this.#ids).toString(16).padStart(24, '0');
  }

  fault(fault: string): void {
    this.write({ kind: 'fault', fault });
  }

  problem(problem: string): void {
    this.write({ kind: 'problem', problem });
  }
}
