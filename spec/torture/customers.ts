import type { TrueconfSimulator, UserlikeSimulator } from 'tidewire/simulators';
import type { Chance } from './chance.js';
import type { Progress } from './progress.js';
import { wordsOf, type Words } from './words.js';

/** A message that a customer wrote. */
export interface Said extends Words {
  readonly platform: 'userlike' | 'trueconf';
  readonly text: string;
}

/** How many messages a customer writes at most beyond the last one that was answered. */
const MOST_OPEN = 25;
/** Longest pause between two bursts, in milliseconds. */
const PAUSE_MS = 250;

/** Customers of both platforms, who write in bursts as long as they are let, and sometimes the same twice. */
export class Customers {
  readonly said: Said[] = [];
  readonly #chance: Chance;
  readonly #progress: Progress;
  readonly #writing: Promise<void>[] = [];
  #isOver = false;

  constructor(chance: Chance, progress: Progress) {
    this.#chance = chance;
    this.#progress = progress;
  }

  /** On the web: one request of a contact at a time. */
  onUserlike({ contact }: UserlikeSimulator, count: number): void {
    for (let n = 1; n <= count; n++) {
      const customer = `u${n}`;
      const person = contact(customer, 'web');
      this.#begin('userlike', customer, async (text) => person.say(text), person.open());
    }
  }

  onTrueconf({ user }: TrueconfSimulator, count: number): void {
    for (let n = 1; n <= count; n++) {
      const customer = `t${n}`;
      const person = user(customer);
      const write = async (text: string): Promise<void> => {
        person.say(text);
        return Promise.resolve();
      };
      this.#begin('trueconf', customer, write, Promise.resolve());
    }
  }

  /** They write one last message each. Resolves when all that they wrote was delivered, or given up. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#writing);
  }

  #isWriting(): boolean {
    return !this.#isOver;
  }

  /** `write` resolves when there is no use in waiting any longer before the next message. */
  #begin(
    platform: Said['platform'],
    customer: string,
    write: (text: string) => Promise<void>,
    opening: Promise<void>,
  ): void {
    const chance = this.#chance.child(this.#writing.length);
    this.#writing.push(
      (async () => {
        await opening;
        let number = 0;
        const say = async (isTwice: boolean): Promise<void> => {
          const words = { customer, number: ++number, isTwice };
          const text = wordsOf(words);
          const times = isTwice ? [1, 2] : [1];
          for (const _ of times) this.said.push({ ...words, platform, text });
          await Promise.all(times.map(async () => write(text)));
        };
        while (this.#isWriting()) {
          const burst = Array.from({ length: chance.within(1, 4) }, () => chance.is(0.15));
          await Promise.all(burst.map(say));
          await pause(chance.within(0, PAUSE_MS));
          while (this.#isWriting() && number - this.#progress.of(customer) > MOST_OPEN) await pause(PAUSE_MS);
        }
        // Behind it comes what was held back until there was a next one.
        await say(false);
      })(),
    );
  }
}

const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
