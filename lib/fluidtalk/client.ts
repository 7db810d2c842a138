import { either as E } from 'fp-ts';
import { asyncScheduler, defer, map, type Observable, type SchedulerLike } from 'rxjs';
import type { ChatError } from '../errors.js';
import { atLeast } from '../range.js';
import { checkedBase } from '../transport/base-url.js';
import { download, type Download, type DownloadConfig } from '../transport/download.js';
import { checkLimits, http } from '../transport/http.js';
import { encodeCommand, encodeFields } from './codec.js';
import { refusalOf } from './command.js';
import type { AiOpener, EventTrigger, FluidtalkCommand, FluidtalkPicture, FollowUp, InboundChat } from './command.js';
import { Keyring, type FluidtalkStatus } from './key.js';
import { fluidtalkError } from './refusal.js';
import { decodeAction, decodeChat, decodeUpload, type FluidtalkResult } from './result.js';

export interface FluidtalkClientOptions {
  /** The handle of your account, where a call names none. Needed when several accounts share a key. Default: none. */
  readonly ownUsername?: string;
  /** Time limit of a call, in milliseconds; a persona thinks long, so no less than 30 000. Default: 60 000. */
  readonly timeoutMs?: number;
  /** Time limit of `uploadImage`, in milliseconds. Default: 120 000. */
  readonly uploadTimeoutMs?: number;
  /** Size limit of a picture, in bytes. Default: 10 000 000. */
  readonly maxFileBytes?: number;
  /** Size limit of an answer, in bytes. Default: 1 MiB. */
  readonly maxAnswerBytes?: number;
  /** Whether what the persona says of itself is cut into bubbles at `|||`. Default: true. */
  readonly splitBubbles?: boolean;
  /** Whether calls without a file are multipart too. Default: false, as the official client. */
  readonly alwaysMultipart?: boolean;
  /** Default: `cross-fetch` in Node, the browser's own in a browser. */
  readonly fetch?: typeof globalThis.fetch;
  /** Clock of the time limits. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

export type FluidtalkClientConfig = FluidtalkClientOptions &
  (
    | {
        /** The key of a persona, or what gives it: a new one resumes after the old one was refused. */
        readonly apiKey: string | (() => string);
        /** https, or http to this machine. Default: `https://api-talk.fluidvip.com`. */
        readonly baseUrl?: string;
      }
    | {
        readonly apiKey?: never;
        /** A server of your own that adds the key, for browsers. */
        readonly baseUrl: string;
      }
  );

/** How a photo is fetched: see `download`. Nothing of the client but its clock goes along. */
export type FluidtalkPhotoOptions = Partial<Omit<DownloadConfig, 'platform' | 'url' | 'credentials'>>;

export interface FluidtalkClient {
  /** The lead wrote: the persona's answer. Opens the conversation if there is none, for one token. */
  inboundChat(chat: InboundChat): Observable<FluidtalkResult>;
  /** The persona opens the conversation, for one token. Contacts somebody who did not ask: see `fluidtalkLedger`. */
  aiOpener(opener: AiOpener): Observable<FluidtalkResult>;
  /** Something happened that the persona is to speak about. Opens the conversation if there is none, for one token. */
  eventTrigger(trigger: EventTrigger): Observable<FluidtalkResult>;
  /** The lead went quiet. `refused` with `noConversation` when there is none. */
  followUp(followUp: FollowUp): Observable<FluidtalkResult>;
  /** Hosts a picture. May be repeated. Use its address at once: how long it lives, and who sees it, is not documented. */
  uploadImage(picture: FluidtalkPicture): Observable<{ readonly url: string }>;
  /** Fetches a photo of the persona, from public https addresses only, without the key: a `download`. */
  photo(url: string, options?: FluidtalkPhotoOptions): Observable<Download>;
  /** Changes of the status. Hot. */
  readonly status$: Observable<FluidtalkStatus>;
}

const BASE_URL = 'https://api-talk.fluidvip.com';

/**
 * Calls of FluidTalk's Handshake API, as the official client 1.0.0 makes them (read 2025-03-01). Cold: subscribing calls,
 * unsubscribing aborts, which does not take back what the server began. Each emits once and completes. Nothing is repeated:
 * what is `inDoubt` may have taken a token, and its reply is lost.
 *
 * Errors, all `ChatError` without key, target and texts: those of `fluidtalkError`; `unreachable` and `timeout`;
 * `undecodable` for a redirect, which is never followed, and an answer that is no result; `unsupported` and `overflow` for
 * what is not sent. After `unauthorized` every call with the same key fails at once.
 *
 * @throws TypeError when there is neither key nor `baseUrl`, the key is none, or there is a page where anybody could read it;
 * when `baseUrl` is no https address, or http address of this machine, or holds more than origin and path.
 * @throws RangeError when a limit is out of range.
 */
export function fluidtalkClient(config: FluidtalkClientConfig): FluidtalkClient {
  const { apiKey, baseUrl, ownUsername, timeoutMs = 60_000, uploadTimeoutMs = 120_000 } = config;
  const { maxFileBytes = 10_000_000, maxAnswerBytes = 1_048_576, splitBubbles, alwaysMultipart } = config;
  const { fetch, scheduler = asyncScheduler } = config;
  if (apiKey === undefined && (baseUrl as string | undefined) === undefined) {
    throw new TypeError('fluidtalkClient: needs an apiKey, or the baseUrl of a server that adds it');
  }
  const keys = new Keyring(apiKey);
  const base = checkedBase('fluidtalkClient: baseUrl', baseUrl ?? BASE_URL);
  for (const limit of [timeoutMs, uploadTimeoutMs]) checkLimits('fluidtalkClient', limit, maxAnswerBytes);
  atLeast('fluidtalkClient: maxFileBytes', maxFileBytes, 1);

  const ask = <R>(command: FluidtalkCommand, read: (json: unknown) => E.Either<ChatError, R>): Observable<R> =>
    defer(() => {
      const refusal = refusalOf(command, maxFileBytes);
      if (refusal !== undefined) throw refusal;
      const key = keys.current();
      const { path, fields } = encodeCommand(command, ownUsername);
      const { contentType, body } = encodeFields(fields, alwaysMultipart);
      const isUpload = command.kind === 'uploadImage';
      return http({
        platform: 'fluidtalk',
        call: command.kind,
        method: 'POST',
        url: base + path,
        headers: { 'content-type': contentType, ...(key !== undefined && { 'X-API-Key': key }) },
        body,
        hasEffect: !isUpload,
        timeoutMs: isUpload ? uploadTimeoutMs : timeoutMs,
        maxBytes: maxAnswerBytes,
        scheduler,
        ...(fetch !== undefined && { fetch }),
      }).pipe(
        map(({ status, header, json, text }) => {
          if (status < 200 || status >= 300) {
            const error = fluidtalkError(command.kind, { status, header, body: json() ?? text() }, scheduler.now());
            if (error.kind === 'unauthorized') keys.refused(key);
            throw error;
          }
          keys.accepted(key);
          const result = read(json());
          if (E.isLeft(result)) throw result.left;
          return result.right;
        }),
      );
    });
  const act = (command: FluidtalkCommand): Observable<FluidtalkResult> =>
    ask(command, (json) => decodeAction(command.kind, json, splitBubbles));

  return {
    inboundChat: (chat) => ask({ kind: 'inboundChat', ...chat }, decodeChat),
    aiOpener: (opener) => act({ kind: 'aiOpener', ...opener }),
    eventTrigger: (trigger) => act({ kind: 'eventTrigger', ...trigger }),
    followUp: (followUp) => act({ kind: 'followUp', ...followUp }),
    uploadImage: (picture) => ask({ kind: 'uploadImage', ...picture }, decodeUpload),
    photo: (url, options) => download({ scheduler, ...options, platform: 'fluidtalk', url }),
    status$: keys.status$,
  };
}
