import { Refusal } from './simulator-answers.js';
import type { Rules } from './simulator-rules.js';
import { BadScenario, readScenario, START, type ChatfirstScenario } from './simulator-scenario.js';

/** A bot as the API shows it. */
export interface ChatfirstBot {
  readonly name: string;
  /** 0 is Russian, 1 English. */
  readonly language: 0 | 1;
  readonly fancy_name: string | null;
  /** XML. */
  readonly scenario: string | null;
}

/** @internal One user of a bot, in one channel. */
export interface Dialogue {
  readonly user: string;
  /** Empty for those who come by talk. */
  readonly channel: string;
  state: string;
  /** What waits until an earlier message is done. */
  readonly line: (() => void)[];
  isBusy: boolean;
  /** What can be pressed now. */
  labels: readonly string[];
}

/** @internal */
export interface Bot {
  readonly token: string;
  shown: ChatfirstBot;
  scenario: ChatfirstScenario;
  readonly dialogues: Map<string, Dialogue>;
  /** The tokens of linked messengers, by channel. */
  readonly links: Map<string, string>;
}

interface Account {
  isRevoked: boolean;
  readonly bots: Map<string, Bot>;
}

const NOTHING: ChatfirstScenario = { name: '', states: new Map(), problems: [] };

/** @internal An empty scenario has no states: its bot says nothing. */
export const scenarioOf = (xml: string | null): ChatfirstScenario => {
  if (xml === null || xml.trim() === '') return NOTHING;
  try {
    return readScenario(xml);
  } catch (error) {
    if (error instanceof BadScenario) throw new Refusal(400, `The scenario is refused: ${error.message}`);
    throw error;
  }
};

const textOrNull = (value: unknown, name: string): string | null => {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') throw new Refusal(400, `${name} is no text`);
  return value;
};

/**
 * @internal Reads the body of create or update. A new bot needs name and language; in an update, what is missing or null is
 * erased, and `language` becomes 0.
 *
 * @throws Refusal 400.
 */
export const botIn = (body: Readonly<Record<string, unknown>>, isNew: boolean): ChatfirstBot => {
  const name = textOrNull(body['name'], 'name') ?? '';
  const language = isNew ? body['language'] : (body['language'] ?? 0);
  if (name === '') throw new Refusal(400, 'name is missing');
  if (language !== 0 && language !== 1) throw new Refusal(400, 'language is neither 0 nor 1');
  return {
    name,
    language,
    fancy_name: textOrNull(body['fancy_name'], 'fancy_name'),
    scenario: textOrNull(body['scenario'], 'scenario'),
  };
};

const keyOf = (user: string, channel: string): string => `${channel}\n${user}`;

/** @internal The tokens with their bots, and the users of each: all state but that of calls. */
export class Bots {
  readonly #rules: Rules;
  readonly #accounts = new Map<string, Account>();

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  grant(token: string): void {
    const account = this.#accounts.get(token);
    if (account === undefined) this.#accounts.set(token, { isRevoked: false, bots: new Map() });
    else account.isRevoked = false;
  }

  revoke(token: string): void {
    const account = this.#accounts.get(token);
    if (account !== undefined) account.isRevoked = true;
  }

  knows(token: string): boolean {
    return this.#accounts.get(token)?.isRevoked === false;
  }

  all(token: string): readonly Bot[] {
    return [...(this.#accounts.get(token)?.bots.values() ?? [])];
  }

  find(token: string, name: string): Bot | undefined {
    return this.#accounts.get(token)?.bots.get(name);
  }

  /** @throws Refusal when there is none. */
  get(token: string, name: string): Bot {
    const bot = this.find(token, name);
    if (bot === undefined) throw new Refusal(404, `Bot ${name} was not found`);
    return bot;
  }

  /** @throws Refusal when there is one of that name, or its scenario cannot be run. */
  create(token: string, shown: ChatfirstBot): Bot {
    const bots = this.#accounts.get(token)?.bots;
    if (bots?.has(shown.name) === true) throw new Refusal(this.#rules.existsStatus, `Bot ${shown.name} exists already`);
    const scenario = scenarioOf(shown.scenario);
    const bot: Bot = { token, shown, scenario, dialogues: new Map(), links: new Map() };
    bots?.set(shown.name, bot);
    return bot;
  }

  /** The new scenario counts at once, also for those who are in the middle of the old one. @throws Refusal */
  update(bot: Bot, shown: ChatfirstBot): void {
    bot.scenario = scenarioOf(shown.scenario);
    bot.shown = { ...shown, name: bot.shown.name };
  }

  delete({ token, shown }: Bot): void {
    this.#accounts.get(token)?.bots.delete(shown.name);
  }

  /** The dialogue with a user, begun when there is none. */
  dialogue(bot: Bot, user: string, channel: string): Dialogue {
    const key = keyOf(user, channel);
    const known = bot.dialogues.get(key);
    if (known !== undefined) return known;
    const begun: Dialogue = { user, channel, state: START, line: [], isBusy: false, labels: [] };
    bot.dialogues.set(key, begun);
    return begun;
  }

  /** Who is reached in a channel under this id: its own user before one who comes by talk. */
  reach(bot: Bot, user: string, channel: string): Dialogue | undefined {
    const talker = this.#holdsTalkers(channel) ? bot.dialogues.get(keyOf(user, '')) : undefined;
    return bot.dialogues.get(keyOf(user, channel)) ?? talker;
  }

  /** Everybody who is reached in a channel, in the order of their first message. */
  everybody(bot: Bot, channel: string): readonly Dialogue[] {
    const all = [...bot.dialogues.values()];
    const own = new Set(all.flatMap((dialogue) => (dialogue.channel === channel ? [dialogue.user] : [])));
    return all.filter((dialogue) =>
      dialogue.channel === '' ? this.#holdsTalkers(channel) && !own.has(dialogue.user) : dialogue.channel === channel,
    );
  }

  #holdsTalkers(channel: string): boolean {
    const { talkChannel } = this.#rules;
    return talkChannel === 'any' || talkChannel === channel;
  }
}
