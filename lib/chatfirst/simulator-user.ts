import type { Bot, Dialogue } from './simulator-bots.js';
import { shownTo } from './simulator-journal.js';
import type { ChatfirstBubble, ChatfirstEntity } from './simulator-reply.js';
import type { World } from './simulator-world.js';

// Where several pictures are one gallery; elsewhere each is a message.
const GALLERIES: ReadonlySet<string> = new Set(['facebook']);

const card = ({ name, description, imageUrl }: ChatfirstEntity): string =>
  ['[picture]', name, description, imageUrl].filter((part) => part !== null && part !== '').join(' ');

/** @internal What a person sees of a message, line by line. */
export const linesOf = ({ text, entities }: ChatfirstBubble, channel: string): readonly string[] => {
  const cards = entities.map(card);
  return [
    ...(text === null ? [] : [text]),
    ...(GALLERIES.has(channel) && cards.length > 1 ? [cards.join('\n')] : cards),
  ];
};

/** A person on a messenger that the platform knows itself. What is done happens when the user's earlier messages are done. */
export class ChatfirstUser {
  /** The id of the user in the channel. */
  readonly id: string;
  readonly channel: string;
  readonly #world: World;
  readonly #bot: Bot;
  readonly #dialogue: () => Dialogue | undefined;

  /** @internal */
  constructor(world: World, bot: Bot, id: string, channel: string) {
    this.id = id;
    this.channel = channel;
    this.#world = world;
    this.#bot = bot;
    this.#dialogue = () => world.bots.find(bot.token, bot.shown.name)?.dialogues.get(`${channel}\n${id}`);
  }

  /** Writes to the bot. @throws Error when the bot is gone, or not linked to the channel. */
  say(text: string): void {
    const { bots, desk, talks } = this.#world;
    const bot = bots.get(this.#bot.token, this.#bot.shown.name);
    this.#world.checkReachable(bot, this.channel);
    const dialogue = bots.dialogue(bot, this.id, this.channel);
    talks.say(bot, dialogue, text, 0, ({ bubbles }) => {
      const of = this.#world.subject(bot, dialogue, 0);
      for (const bubble of bubbles) desk.write(of, { kind: 'shown', by: 'messenger', ...bubble });
    });
  }

  /** Presses a button, which writes its label. @throws Error when it is not shown. */
  press(label: string): void {
    if (!this.buttons().includes(label)) throw new Error(`chatfirst simulator: ${this.id} has no button ${label}`);
    this.say(label);
  }

  /** What was shown, oldest first: texts, and pictures in words. */
  sees(): readonly string[] {
    return this.shows().flatMap((bubble) => linesOf(bubble, this.channel));
  }

  /** What was shown, oldest first. */
  shows(): readonly ChatfirstBubble[] {
    return shownTo(this.#world.desk.journal, { bot: this.#bot.shown.name, user: this.id, channel: this.channel });
  }

  /** What can be pressed now: the buttons and the keys of pictures that came last. */
  buttons(): readonly string[] {
    return this.#dialogue()?.labels ?? [];
  }

  /** The state of the scenario; undefined for somebody who never wrote. */
  state(): string | undefined {
    return this.#dialogue()?.state;
  }
}
