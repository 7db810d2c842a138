import type { TrueconfSimulator, UserlikeSimulator } from 'tidewire/simulators';
import { readAnswer, readWords } from './words.js';

/** Up to which of their messages customers were answered, read from the journals as they grow. */
export class Progress {
  readonly #userlike: UserlikeSimulator['journal'];
  readonly #trueconf: TrueconfSimulator['journal'];
  readonly #answered = new Map<string, number>();
  #read = { userlike: 0, trueconf: 0 };

  constructor({ journal }: Pick<UserlikeSimulator, 'journal'>, trueconf: Pick<TrueconfSimulator, 'journal'>) {
    this.#userlike = journal;
    this.#trueconf = trueconf.journal;
  }

  /** The highest number of a message that a customer has an answer to. */
  of(customer: string): number {
    const { userlike, trueconf } = this.#read;
    for (const entry of this.#userlike.slice(userlike)) if (entry.kind === 'seen') this.#see(entry.text);
    for (const entry of this.#trueconf.slice(trueconf)) if (entry.kind === 'posted') this.#see(entry.text);
    this.#read = { userlike: this.#userlike.length, trueconf: this.#trueconf.length };
    return this.#answered.get(customer) ?? 0;
  }

  #see(line: string): void {
    const words = readWords(readAnswer(line)?.text ?? '');
    if (words === undefined) return;
    this.#answered.set(words.customer, Math.max(words.number, this.#answered.get(words.customer) ?? 0));
  }
}
