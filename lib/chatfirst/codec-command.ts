import { either as E } from 'fp-ts';
import type { ChatError } from '../errors.js';
import type { Json } from '../model/index.js';
import { decodeBot, encodeBot } from './codec-bot.js';
import { decodeMessage, encodeMessage } from './codec-message.js';
import { decodeResponse, encodeResponse } from './codec-response.js';
import type { ChatfirstCommand } from './command.js';
import type { ChatfirstBot, ChatfirstMessage, ChatfirstResponse } from './model.js';
import { Broadcast, read, undecodable } from './wire.js';

/** A call as it goes on the wire. */
export interface ChatfirstRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Escaped, without the host. */
  readonly path: string;
  /** In the order in which the official client writes it. */
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly body?: Json;
}

const path = (...segments: readonly string[]): string => `/v1/${segments.map(encodeURIComponent).join('/')}`;

/**
 * A call as an HTTP request, as the official client for Python (0.2) makes it, with every part of the path escaped.
 * `userToken` goes into the query of `createBot`, where that client repeats it.
 */
export const encodeCommand = (command: ChatfirstCommand, userToken?: string): ChatfirstRequest => {
  switch (command.kind) {
    case 'bots':
      return { method: 'GET', path: path('bots'), query: [] };
    case 'createBot': {
      const query = userToken === undefined ? [] : ([['userToken', userToken]] as const);
      return { method: 'POST', path: path('bots'), query, body: encodeBot(command.bot) };
    }
    case 'bot':
      return { method: 'GET', path: path('bots', command.name), query: [] };
    case 'updateBot': {
      const { bot } = command;
      return { method: 'PUT', path: path('bots', bot.name), query: [['botName', bot.name]], body: encodeBot(bot) };
    }
    case 'deleteBot':
      return { method: 'DELETE', path: path('bots', command.name), query: [['botName', command.name]] };
    case 'talk': {
      const { user, text, userName, firstName, lastName } = command.message;
      const message = {
        user,
        text,
        ...(userName !== undefined && { userName }),
        ...(firstName !== undefined && { firstName }),
        ...(lastName !== undefined && { lastName }),
      };
      return { method: 'POST', path: path('talk'), query: [['botName', command.bot]], body: encodeMessage(message) };
    }
    case 'talkV2': {
      const { bot, message } = command;
      return { method: 'POST', path: `/v2/talk/${encodeURIComponent(bot)}`, query: [], body: encodeMessage(message) };
    }
    case 'push': {
      const { bot, user, channel, response } = command;
      const query = [
        ['id', user],
        ['channel', channel],
      ] as const;
      return { method: 'POST', path: path('push', bot), query, body: encodeResponse(response) };
    }
    case 'broadcast': {
      const { bot, channel, text } = command;
      return { method: 'POST', path: path('broadcast', bot), query: [['channel', channel]], body: { message: text } };
    }
    case 'channel':
      return { method: 'GET', path: path('channels'), query: named(command.channel, command.bot) };
    case 'linkChannel': {
      const { channel, externalToken, bot } = command;
      const query = [
        ['channel', channel],
        ['externalToken', externalToken],
        ['botName', bot],
      ] as const;
      return { method: 'PUT', path: path('channels', 'link'), query };
    }
    case 'unlinkChannel':
      return { method: 'PUT', path: path('channels', 'unlink'), query: named(command.channel, command.bot) };
    case 'forceState': {
      const { bot, channel, state } = command;
      return { method: 'PUT', path: path('channels', 'force', bot, channel), query: [['state', state]] };
    }
  }
};

const named = (channel: string, bot: string): readonly (readonly [string, string])[] => [
  ['channel', channel],
  ['botName', bot],
];

const segmentsOf = (escaped: string): readonly string[] | undefined => {
  try {
    return escaped.split('/').slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
};

type Decoded = E.Either<ChatError, ChatfirstCommand>;

/** The call that a request makes: for relays, and for whoever stands in for the platform. The token of `createBot` is left out. */
export const decodeCommand = ({ method, path: escaped, query, body }: ChatfirstRequest): Decoded => {
  const values = new Map(query);
  const [version = '', area = '', first, second, third, more] = segmentsOf(escaped) ?? [];
  const route = [method, version, area, ...(area === 'channels' && first !== undefined ? [first] : [])].join(' ');
  const missing = (name: string): Decoded => E.left(undecodable(`${method} ${area}`, [`${name} is missing`]));
  const unknown = E.left(undecodable('a request', ['method and path name no call']));
  if (more !== undefined || (second !== undefined && area !== 'channels')) return unknown;

  const inBot = (name: string | undefined, make: (bot: string) => Decoded): Decoded =>
    name === undefined || name === '' ? missing('the bot') : make(name);
  const inChannel = (make: (bot: string, channel: string) => Decoded, bot = values.get('botName')): Decoded => {
    const channel = values.get('channel');
    return inBot(bot, (name) => (channel === undefined ? missing('channel') : make(name, channel)));
  };
  switch (route) {
    case 'GET v1 bots':
      return E.right(first === undefined ? { kind: 'bots' } : { kind: 'bot', name: first });
    case 'POST v1 bots':
      return E.map((bot: ChatfirstBot): ChatfirstCommand => ({ kind: 'createBot', bot }))(decodeBot(body));
    case 'PUT v1 bots':
      return inBot(first, () =>
        E.map((bot: ChatfirstBot): ChatfirstCommand => ({ kind: 'updateBot', bot }))(decodeBot(body)),
      );
    case 'DELETE v1 bots':
      return inBot(first, (name) => E.right({ kind: 'deleteBot', name }));
    case 'POST v1 talk':
    case 'POST v2 talk': {
      const kind = version === 'v1' ? 'talk' : 'talkV2';
      return inBot(version === 'v1' ? values.get('botName') : first, (bot) =>
        E.map((message: ChatfirstMessage): ChatfirstCommand => ({ kind, bot, message }))(decodeMessage(body)),
      );
    }
    case 'POST v1 push':
      return inChannel((bot, channel) => {
        const user = values.get('id');
        if (user === undefined) return missing('id');
        return E.map((response: ChatfirstResponse): ChatfirstCommand => ({
          kind: 'push',
          bot,
          channel,
          user,
          response,
        }))(decodeResponse(body));
      }, first);
    case 'POST v1 broadcast':
      return inChannel((bot, channel) => {
        const sent = read(Broadcast, body, 'a broadcast');
        return E.isLeft(sent) ? sent : E.right({ kind: 'broadcast', bot, channel, text: sent.right.message });
      }, first);
    case 'GET v1 channels':
      return inChannel((bot, channel) => E.right({ kind: 'channel', bot, channel }));
    case 'PUT v1 channels link':
      return inChannel((bot, channel) => {
        const externalToken = values.get('externalToken');
        return externalToken === undefined
          ? missing('externalToken')
          : E.right({ kind: 'linkChannel', bot, channel, externalToken });
      });
    case 'PUT v1 channels unlink':
      return inChannel((bot, channel) => E.right({ kind: 'unlinkChannel', bot, channel }));
    case 'PUT v1 channels force':
      return inBot(second, (bot) => {
        const state = values.get('state');
        if (third === undefined || state === undefined) return missing('channel or state');
        return E.right({ kind: 'forceState', bot, channel: third, state });
      });
    default:
      return unknown;
  }
};
