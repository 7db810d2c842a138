import { either as E } from 'fp-ts';
import type * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { JsonObject } from '../model/index.js';
import type { Writable } from '../writable.js';
import type { ChatfirstBot, ChatfirstLanguage, ChatfirstLink } from './model.js';
import { Bot, Channel, given, read, undecodable } from './wire.js';

const LANGUAGES = ['ru', 'en'] as const;

const codeOf = (language: ChatfirstLanguage): number =>
  typeof language === 'number' ? language : LANGUAGES.indexOf(language);

/** A bot as it goes on the wire: what is not set goes out as null, which erases it. */
export const encodeBot = ({ name, language, fancyName, scenario }: ChatfirstBot): JsonObject => ({
  name,
  language: language === undefined ? null : codeOf(language),
  fancy_name: fancyName ?? null,
  scenario: scenario ?? null,
});

const botOf = ({ name, language, fancy_name, scenario }: t.TypeOf<typeof Bot>): ChatfirstBot => {
  const bot: Writable<ChatfirstBot> = { name };
  if (typeof language === 'number') bot.language = LANGUAGES[language] ?? language;
  if (typeof fancy_name === 'string') bot.fancyName = fancy_name;
  if (typeof scenario === 'string') bot.scenario = scenario;
  return bot;
};

export const decodeBot = (json: unknown): E.Either<ChatError, ChatfirstBot> => E.map(botOf)(read(Bot, json, 'a bot'));

/** A list of bots; an empty one is also written as nothing, `null`, `{}` and `""`. */
export const decodeBots = (json: unknown): E.Either<ChatError, readonly ChatfirstBot[]> => {
  const isNone = json === undefined || json === null || json === '';
  if (isNone || (typeof json === 'object' && !Array.isArray(json) && Object.keys(json).length === 0)) {
    return E.right([]);
  }
  if (!Array.isArray(json)) return E.left(undecodable('a list of bots', ['the body is not a list']));
  const bots: ChatfirstBot[] = [];
  for (const [index, item] of (json as readonly unknown[]).entries()) {
    const bot = read(Bot, item, `bot ${index} of the list`);
    if (E.isLeft(bot)) return bot;
    bots.push(botOf(bot.right));
  }
  return E.right(bots);
};

export const encodeLink = ({ bot, channel, externalToken, userToken }: ChatfirstLink): JsonObject => ({
  Token: externalToken ?? null,
  Name: channel ?? null,
  UserToken: userToken ?? null,
  BotName: bot ?? null,
});

/** How a bot is linked to a messenger. It holds secrets: do not print it. */
export const decodeLink = (json: unknown): E.Either<ChatError, ChatfirstLink> =>
  E.map(({ Token, Name, UserToken, BotName }: t.TypeOf<typeof Channel>): ChatfirstLink => {
    const link: Writable<ChatfirstLink> = {};
    if (given(BotName)) link.bot = BotName;
    if (given(Name)) link.channel = Name;
    if (given(Token)) link.externalToken = Token;
    if (given(UserToken)) link.userToken = UserToken;
    return link;
  })(read(Channel, json, 'a channel'));
