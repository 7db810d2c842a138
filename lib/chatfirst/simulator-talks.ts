import type { Adapters } from './simulator-adapters.js';
import { Refusal } from './simulator-answers.js';
import type { Bot, Dialogue } from './simulator-bots.js';
import type { Desk } from './simulator-desk.js';
import type { ChatfirstSubject } from './simulator-journal.js';
import { keyboardOf, type ChatfirstBubble } from './simulator-reply.js';
import { walk, type AdapterResult, type Walked } from './simulator-walk.js';

/** @internal What can be pressed when all of this was shown; buttons of earlier messages are gone. */
export const labelsOf = (bubbles: readonly ChatfirstBubble[]): readonly string[] => [
  ...(keyboardOf(bubbles) ?? []).flat(),
  ...bubbles.flatMap(({ entities }) => entities.flatMap(({ options }) => options)),
];

/** @internal Messages of users on their way through scenarios: one after the other for each user. */
export class Talks {
  readonly #desk: Desk;
  readonly #adapters: Adapters;

  constructor(desk: Desk, adapters: Adapters) {
    this.#desk = desk;
    this.#adapters = adapters;
  }

  /** A user wrote. @throws Refusal when too many messages of that user wait. */
  say(bot: Bot, dialogue: Dialogue, text: string, call: number, done: (walked: Walked) => void): void {
    const { user, channel, line } = dialogue;
    const of = { call, bot: bot.shown.name, user, channel };
    if (line.length >= this.#desk.rules.maxWaiting)
      throw new Refusal(503, 'Too many messages of this user are waiting');
    const ended = this.#desk.begin();
    line.push(() => {
      this.#desk.write(of, { kind: 'said', text });
      this.#walk(bot, dialogue, text, of, (walked) => {
        dialogue.labels = labelsOf(walked.bubbles);
        done(walked);
        dialogue.isBusy = false;
        this.#next(dialogue);
        ended();
      });
    });
    if (dialogue.isBusy) this.#desk.write(of, { kind: 'problem', problem: 'an earlier message still runs' });
    else this.#next(dialogue);
  }

  #next(dialogue: Dialogue): void {
    const work = dialogue.line.shift();
    if (work === undefined) return;
    dialogue.isBusy = true;
    work();
  }

  #walk(bot: Bot, dialogue: Dialogue, text: string, of: ChatfirstSubject, done: (walked: Walked) => void): void {
    const steps = walk(bot.scenario, dialogue.state, text, this.#desk.rules);
    const go = (result?: AdapterResult): void => {
      for (let answer = result; ; answer = undefined) {
        const step = steps.next(answer);
        if (step.done === true) {
          done(step.value);
          return;
        }
        if (step.value.kind === 'ask') {
          this.#adapters.ask(of, step.value.action, text, go);
          return;
        }
        if (step.value.kind === 'moved') dialogue.state = step.value.to;
        this.#desk.write(of, step.value);
      }
    };
    go();
  }
}
