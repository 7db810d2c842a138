import { either as E } from 'fp-ts';
import { asyncScheduler, catchError, defer, map, mergeMap, of, type Observable, type SchedulerLike } from 'rxjs';
import { ChatError } from '../errors.js';
import type { Channel } from '../model/index.js';
import { atLeast } from '../range.js';
import { checkedBase } from '../transport/base-url.js';
import { checkLimits, http, type HttpResponse } from '../transport/http.js';
import { Secret } from '../transport/secret.js';
import { toBase64 } from './base64.js';
import { MAX_TEXT } from './codec-action.js';
import { decodeBot, decodeBots, decodeLink } from './codec-bot.js';
import { encodeCommand } from './codec-command.js';
import { decodeOutput, parseOutput } from './codec-output.js';
import { decodeResponse } from './codec-response.js';
import { refusalOf, type ChatfirstCommand } from './command.js';
import type { ChatfirstBot, ChatfirstLink, ChatfirstMessage, ChatfirstOutput, ChatfirstResponse } from './model.js';
import { chatfirstError, hasEffect, jsonIn, unreadable } from './refusal.js';

export interface ChatfirstClientConfig {
  /** The user token of the dashboard, or what gives it: a new one resumes after the old one was refused. */
  readonly token: string | (() => string);
  /** https, or http to this machine. Default: `https://api.chatfirst.co`. */
  readonly baseUrl?: string;
  /** Where the second generation of talk is; it has no public address. Default: `talkV2` is not there. */
  readonly v2Url?: string;
  /** Whether the addresses may be http elsewhere. The token can be read on the way then. Default: false. */
  readonly plainHttp?: boolean;
  /** Whether `createBot` leaves out the token in its query, where the official client repeats it. Default: false. */
  readonly omitUserTokenQuery?: boolean;
  /** Time limit of a call, in milliseconds. Default: 15 000. */
  readonly timeoutMs?: number;
  /** Time limit of `talk` and `talkV2`, in milliseconds: the platform may wait for your own adapter. Default: 30 000. */
  readonly talkTimeoutMs?: number;
  /** Size limit of an answer, in bytes: a list of bots holds their scenarios. Default: 4 MiB. */
  readonly maxAnswerBytes?: number;
  /** UTF-16 units in a text, beyond which a call is not made. Nothing is known of longer ones. Default: 4 096. */
  readonly maxTextLength?: number;
  /** Default: `cross-fetch` in Node, the browser's own in a browser. */
  readonly fetch?: typeof globalThis.fetch;
  /** Clock of the time limits. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** `unauthorized`: the token was refused, and calls fail at once until there is another. */
export type ChatfirstStatus = 'authorized' | 'unauthorized';

/** A user of a bot in a messenger. */
export interface ChatfirstUser {
  readonly channel: Channel;
  /** The user's id there. */
  readonly user: string;
}

/** Says that it is meant: it reaches everybody, and cannot be taken back. */
export interface ChatfirstConfirmed {
  readonly confirm: true;
}

export interface ChatfirstClient {
  /** All bots; whether with their scenarios is not documented. */
  bots(): Observable<readonly ChatfirstBot[]>;
  /** One bot. `refused` with `notFound` when there is none. */
  bot(name: string): Observable<ChatfirstBot>;
  /** Makes a bot. `conflict` when there is one of this name. */
  createBot(bot: ChatfirstBot): Observable<void>;
  /** Writes the whole bot: what is not set is erased. Its new scenario goes live at once. */
  updateBot(bot: ChatfirstBot): Observable<void>;
  /** Reads a bot, and writes what `change` makes of it: nothing else of it is erased. */
  changeBot(name: string, change: (bot: ChatfirstBot) => ChatfirstBot): Observable<ChatfirstBot>;
  /** Deletes a bot. `again`: the call before was in doubt, so that a bot that is not there counts as deleted. */
  deleteBot(name: string, options?: { readonly again?: boolean }): Observable<void>;
  /** Says something to the scenario. Never repeat it when it is in doubt: the word would be taken twice. */
  talk(bot: string, message: ChatfirstMessage): Observable<ChatfirstResponse>;
  /** The same in the second generation, at `v2Url`. `unsupported` without it. */
  talkV2(bot: string, message: ChatfirstMessage): Observable<ChatfirstOutput>;
  /** Sends something to one user. Never repeat it when it is in doubt: the user would see it twice. */
  push(bot: string, to: ChatfirstUser, response: ChatfirstResponse): Observable<void>;
  /** Sends a text to every user that the bot has in a channel. Never repeat it when it is in doubt. */
  broadcast(bot: string, channel: Channel, text: string, confirmed: ChatfirstConfirmed): Observable<void>;
  /** How the bot is linked to a messenger. Not documented; holds secrets. */
  channel(bot: string, channel: Channel): Observable<ChatfirstLink>;
  /** Links the bot to a messenger. Not documented. */
  linkChannel(bot: string, channel: Channel, externalToken: string): Observable<void>;
  /** Not documented. */
  unlinkChannel(bot: string, channel: Channel): Observable<void>;
  /** Takes users to a state of the scenario: all that the bot has in the channel, it seems. Not documented. */
  forceState(bot: string, channel: Channel, state: string, confirmed: ChatfirstConfirmed): Observable<void>;
  /** Changes of the status. Hot. */
  readonly status$: Observable<ChatfirstStatus>;
}

const BASE_URL = 'https://api.chatfirst.co';

/** What is wrong with a token, as the end of a sentence; nothing of the token is in it. */
const tokenProblem = (token: unknown): string | undefined => {
  if (typeof token !== 'string' || token === '') return 'is empty';
  if (token.includes(':')) return 'has a colon, behind which the password begins';
  return /[\p{Cc}\p{Cs}]/u.test(token) ? 'has control signs' : undefined;
};

/**
 * Calls of Chatfirst's API, as its client for Python (0.2) makes them, https://github.com/chatfirst/chatfirst (read
 * 2025-03-01). Cold: subscribing calls, unsubscribing aborts, which does not take back what the server began. Each emits once
 * and completes. Nothing is repeated.
 *
 * Errors, all `ChatError` without token, names, texts and address: those of `chatfirstError`; `unreachable` and `timeout`;
 * `undecodable` for a redirect, which is never followed, for an answer of a wrong shape, and for a body that is no JSON;
 * `unsupported` and `overflow` for what is not sent. After `unauthorized` every call with the same token fails at once.
 *
 * @throws TypeError when the token is none, or an address is no https address or http address of this machine, or holds more
 * than origin and path; at `broadcast` and `forceState`, when they are not confirmed.
 * @throws RangeError when a limit is out of range.
 */
export function chatfirstClient(config: ChatfirstClientConfig): ChatfirstClient {
  const { token, baseUrl = BASE_URL, v2Url, plainHttp = false, omitUserTokenQuery = false } = config;
  const { timeoutMs = 15_000, talkTimeoutMs = 30_000, maxAnswerBytes = 4_194_304, maxTextLength = MAX_TEXT } = config;
  const { fetch, scheduler = asyncScheduler } = config;
  const problem = typeof token === 'function' ? undefined : tokenProblem(token);
  if (problem !== undefined) throw new TypeError(`chatfirstClient: the token ${problem}`);
  const base = checkedBase('chatfirstClient: baseUrl', baseUrl, plainHttp);
  const v2Base = v2Url === undefined ? undefined : checkedBase('chatfirstClient: v2Url', v2Url, plainHttp);
  for (const limit of [timeoutMs, talkTimeoutMs]) checkLimits('chatfirstClient', limit, maxAnswerBytes);
  atLeast('chatfirstClient: maxTextLength', maxTextLength, 1);
  const secret = new Secret(token, { platform: 'chatfirst', noun: 'token', problemOf: tokenProblem });

  const call = (command: ChatfirstCommand): Observable<HttpResponse> =>
    defer(() => {
      const { kind } = command;
      const refusal = refusalOf(command, maxTextLength);
      if (refusal !== undefined) throw refusal;
      const isTalk = kind === 'talk' || kind === 'talkV2';
      const host = kind === 'talkV2' ? v2Base : base;
      if (host === undefined) throw new ChatError('unsupported', 'chatfirst', 'talkV2 needs the v2Url of the client');
      const inUse = secret.current();
      const { method, path, query, body } = encodeCommand(command, omitUserTokenQuery ? undefined : inUse);
      const search = new URLSearchParams(query.map(([name, value]) => [name, value])).toString();
      return http({
        platform: 'chatfirst',
        call: kind,
        method,
        url: host + path + (search === '' ? '' : `?${search}`),
        headers: {
          accept: 'application/json',
          authorization: `Basic ${toBase64(`${inUse}:`)}`,
          ...(body !== undefined && { 'content-type': 'application/json; charset=UTF-8' }),
        },
        // An empty body says so by its length, as that of the official client does.
        ...(method !== 'GET' && { body: body === undefined ? new Uint8Array() : JSON.stringify(body) }),
        hasEffect: hasEffect(kind),
        timeoutMs: isTalk ? talkTimeoutMs : timeoutMs,
        maxBytes: maxAnswerBytes,
        scheduler,
        ...(fetch !== undefined && { fetch }),
      }).pipe(
        map((response) => {
          const { status } = response;
          if (status >= 200 && status < 300) {
            secret.accepted(inUse);
            return response;
          }
          const error = chatfirstError(kind, response, scheduler.now());
          if (error.kind === 'unauthorized') secret.refused(inUse);
          throw error;
        }),
      );
    });
  const ask = <R>(
    command: ChatfirstCommand,
    read: (json: unknown) => E.Either<ChatError, R>,
    parse?: (text: string) => unknown,
  ): Observable<R> =>
    call(command).pipe(
      map((response) => {
        const decoded = E.chain(read)(jsonIn(command.kind, response, parse));
        if (E.isRight(decoded)) return decoded.right;
        throw unreadable(command.kind, decoded.left);
      }),
    );
  // What they are answered with is not documented, and says nothing.
  const act = (command: ChatfirstCommand): Observable<void> => ask(command, () => E.right(undefined));
  const bot = (name: string): Observable<ChatfirstBot> => ask({ kind: 'bot', name }, decodeBot);
  const updateBot = (changed: ChatfirstBot): Observable<void> => act({ kind: 'updateBot', bot: changed });

  return {
    bots: () => ask({ kind: 'bots' }, decodeBots),
    bot,
    createBot: (made) => act({ kind: 'createBot', bot: made }),
    updateBot,
    changeBot: (name, change) =>
      bot(name).pipe(
        mergeMap((found) => {
          const changed = change(found);
          return updateBot(changed).pipe(map(() => changed));
        }),
      ),
    deleteBot: (name, { again = false } = {}) => {
      const deleted = act({ kind: 'deleteBot', name });
      return again ? deleted.pipe(catchError(unlessGone)) : deleted;
    },
    talk: (name, message) => ask({ kind: 'talk', bot: name, message }, decodeResponse),
    talkV2: (name, message) => ask({ kind: 'talkV2', bot: name, message }, (json) => decodeOutput(json), parseOutput),
    push: (name, { channel, user }, response) => act({ kind: 'push', bot: name, channel, user, response }),
    broadcast: (name, channel, text, confirmed) => {
      needsConfirmation('broadcast', confirmed);
      return act({ kind: 'broadcast', bot: name, channel, text });
    },
    channel: (name, channel) => ask({ kind: 'channel', bot: name, channel }, decodeLink),
    linkChannel: (name, channel, externalToken) => act({ kind: 'linkChannel', bot: name, channel, externalToken }),
    unlinkChannel: (name, channel) => act({ kind: 'unlinkChannel', bot: name, channel }),
    forceState: (name, channel, state, confirmed) => {
      needsConfirmation('forceState', confirmed);
      return act({ kind: 'forceState', bot: name, channel, state });
    },
    status$: secret.status$,
  };
}

const unlessGone = (thrown: unknown): Observable<void> => {
  if (thrown instanceof ChatError && thrown.reason === 'notFound') return of(undefined);
  throw thrown;
};

/** Programs in JavaScript have no types to tell them. */
const needsConfirmation = (call: string, confirmed: ChatfirstConfirmed | undefined): void => {
  if ((confirmed?.confirm as unknown) !== true) {
    throw new TypeError(`chatfirstClient: ${call} reaches everybody: confirm it with { confirm: true }`);
  }
};
