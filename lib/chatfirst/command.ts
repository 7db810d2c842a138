import { ChatError } from '../errors.js';
import type { Channel } from '../model/index.js';
import { textProblem } from './codec-action.js';
import type { ChatfirstBot, ChatfirstMessage, ChatfirstResponse } from './model.js';
import { isPublicUrl } from './public-url.js';
import { xmlProblem } from './xml.js';

/** A call as data. `linkChannel` holds a secret. */
export type ChatfirstCommand =
  | { readonly kind: 'bots' }
  | { readonly kind: 'createBot'; readonly bot: ChatfirstBot }
  | { readonly kind: 'bot'; readonly name: string }
  | { readonly kind: 'updateBot'; readonly bot: ChatfirstBot }
  | { readonly kind: 'deleteBot'; readonly name: string }
  | { readonly kind: 'talk' | 'talkV2'; readonly bot: string; readonly message: ChatfirstMessage }
  | {
      readonly kind: 'push';
      readonly bot: string;
      readonly channel: Channel;
      readonly user: string;
      readonly response: ChatfirstResponse;
    }
  | { readonly kind: 'broadcast'; readonly bot: string; readonly channel: Channel; readonly text: string }
  | { readonly kind: 'channel' | 'unlinkChannel'; readonly bot: string; readonly channel: Channel }
  | {
      readonly kind: 'linkChannel';
      readonly bot: string;
      readonly channel: Channel;
      readonly externalToken: string;
    }
  | { readonly kind: 'forceState'; readonly bot: string; readonly channel: Channel; readonly state: string };

/** The name of a call. */
export type ChatfirstCallName = ChatfirstCommand['kind'];

/** A text that names something; half of a surrogate pair cannot be sent. */
const named = (value: unknown): value is string =>
  typeof value === 'string' && value.trim() !== '' && !/\p{Cs}/u.test(value);

/** In a path, these two lead elsewhere however they are written. */
const isPathSegment = (name: string): boolean => name !== '.' && name !== '..';

const botProblem = ({ name, language, scenario }: ChatfirstBot, isNew: boolean): string | undefined => {
  if (!named(name)) return 'needs a bot with a name';
  if (isNew && language === undefined) return 'needs the language of the bot';
  const flaw = scenario === undefined ? undefined : xmlProblem(scenario);
  return flaw === undefined ? undefined : `needs a scenario in XML: ${flaw}`;
};

const responseProblem = ({ messages, keyboard, entities, state }: ChatfirstResponse): string | undefined => {
  if (messages.length + keyboard.length + entities.length === 0 && state === undefined) return 'says nothing';
  if (entities.some(({ imageUrl }) => !isPublicUrl(imageUrl))) return 'has an entity without a public web address';
  return undefined;
};

/**
 * Why a call is not made, if it is not: `unsupported` where the server could not understand it, `overflow` for a text that
 * is too long. Nothing of what the call says is in the error.
 */
export const refusalOf = (command: ChatfirstCommand, maxText: number): ChatError | undefined => {
  const { kind } = command;
  const refuse = (sentence: string | undefined): ChatError | undefined =>
    sentence === undefined ? undefined : new ChatError('unsupported', 'chatfirst', `${kind} ${sentence}`);
  if (kind === 'bots') return undefined;
  const bot =
    kind === 'createBot' || kind === 'updateBot' ? command.bot.name : 'name' in command ? command.name : command.bot;
  if (!named(bot)) return refuse('needs a bot with a name');
  if (!isPathSegment(bot)) return refuse('needs a bot whose name can stand in a path');
  if ('channel' in command && !named(command.channel)) return refuse('needs the name of a channel');

  switch (kind) {
    case 'createBot':
    case 'updateBot':
      return refuse(botProblem(command.bot, kind === 'createBot'));
    case 'talk':
    case 'talkV2': {
      const { user, text } = command.message;
      if (!named(user)) return refuse('needs the id of the user');
      return text.trim() === '' ? refuse('needs a text') : textProblem([text], maxText);
    }
    case 'push':
      if (!named(command.user)) return refuse('needs the id of the user');
      return refuse(responseProblem(command.response)) ?? textProblem(command.response.messages, maxText);
    case 'broadcast':
      return command.text.trim() === '' ? refuse('needs a text') : textProblem([command.text], maxText);
    case 'linkChannel':
      return named(command.externalToken) ? undefined : refuse('needs the token of the messenger');
    case 'forceState':
      if (!named(command.state)) return refuse('needs the name of a state');
      return isPathSegment(command.channel) ? undefined : refuse('needs a channel whose name can stand in a path');
    default:
      return undefined;
  }
};
