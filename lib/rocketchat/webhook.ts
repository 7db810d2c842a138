import type { SchedulerLike } from 'rxjs';
import type { Account, Accounts, Counts } from '../accounts.js';
import { CLOSED, sameText, TOO_LARGE, wrongMethod, type Answer } from '../http-receiver/answer.js';
import { fetchHandler, type FetchHandler } from '../http-receiver/fetch-handler.js';
import { nodeHandler, type NodeHandler } from '../http-receiver/node-handler.js';
import { Receiver, type Arrival, type Protocol } from '../http-receiver/receiver.js';
import { above } from '../range.js';

export interface RocketchatWebhookConfig {
  /** The secret token of the omnichannel webhook: what comes without it is refused. */
  readonly secret: string;
  /** Which server or workspace it is, when a program serves several: that of the client. */
  readonly account?: string;
  /** Largest body, in bytes: what tells that a room was closed has all that was said. Default: 5 MiB. */
  readonly maxBytes?: number;
  /** How long a body may take to arrive, in milliseconds. Default: 1 000. */
  readonly bodyTimeoutMs?: number;
  /** Default: the books of the program, `accounts`. */
  readonly accounts?: Accounts;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** The receiver of omnichannel webhooks: mount one of its handlers, and give it to `fromRocketChat`. */
export interface RocketchatWebhookReceiver {
  /** For `http.createServer`, Express and whatever hands on Node's own request and response. */
  readonly node: NodeHandler;
  /** For servers that speak `Request` and `Response`. */
  readonly fetch: FetchHandler;
  /**
   * Stops accepting, completes the source, and resolves with its counts when all events are settled, or when `deadlineMs` is
   * over: `inFlight` says how many were not.
   */
  readonly drain: (deadlineMs: number) => Promise<Counts>;
}

/** @internal What a source has of a webhook. */
export interface Hook {
  readonly name: string | undefined;
  readonly account: Account;
  readonly receiver: Receiver<never>;
  /** Takes what was posted; whether it was. */
  take: ((body: unknown, arrival: Arrival) => boolean) | undefined;
}

const hooks = new WeakMap<RocketchatWebhookReceiver, Hook>();

/** @internal */
export const hookOf = (webhook: RocketchatWebhookReceiver): Hook => {
  const hook = hooks.get(webhook);
  if (hook === undefined) throw new TypeError('make the webhook with rocketchatWebhook()');
  return hook;
};

/** Exactly 200 is a success, and the body is kept with the room. */
const ACCEPTED: Answer = { status: 200, body: '{}' };
/** Who is open so long is not here: what was not answered within a second delays those who write, on older servers. */
const NEVER_MS = 1_000;

/**
 * The receiver of omnichannel webhooks, https://docs.rocket.chat/docs/omnichannel-webhooks (read 2025-03-01).
 *
 * Answers 200 as soon as an event has its account, or is a copy of one that has; 503 with `Retry-After` when nobody is subscribed
 * or too much is open: nothing was accepted then, the account counts it as `refused`, and the server posts it again, up to five
 * or ten times in all, 20 seconds apart. 401 answers a secret that is wrong or missing, 405 other methods, 413 and 408 bodies
 * that are too large or too slow, 400 what is no JSON; servers before 8.0 post these again, too.
 *
 * @throws TypeError when the secret is empty; RangeError for a number out of range.
 */
export function rocketchatWebhook(config: RocketchatWebhookConfig): RocketchatWebhookReceiver {
  const { secret, account, maxBytes = 5_242_880, bodyTimeoutMs = 1_000, accounts, scheduler } = config;
  if (typeof secret !== 'string' || secret === '') {
    throw new TypeError('rocketchatWebhook: the secret is empty, and everybody would know it');
  }
  above('rocketchatWebhook: bodyTimeoutMs', bodyTimeoutMs, 0);
  const protocol: Protocol<never> = {
    gate: ({ method, header }) => {
      if (!sameText(header('x-rocketchat-livechat-token') ?? '', secret)) {
        return { status: 401, body: '{"error":"unauthorized"}' };
      }
      if (method !== 'POST') return wrongMethod('POST');
      // Some servers do not say that it is JSON.
      return Number(header('content-length') ?? 0) > maxBytes ? TOO_LARGE : undefined;
    },
    parse: (text) => JSON.parse(text) as unknown,
    receive: (body, _, arrival) => ({ answer: hook.take?.(body, arrival) === true ? ACCEPTED : CLOSED }),
    answerOf: () => ACCEPTED,
  };
  const receiver = new Receiver(
    {
      source: 'fromRocketChat',
      noun: 'webhook',
      caller: 'rocketchatWebhook',
      account: account === undefined ? 'rocketchat' : `rocketchat:${account}`,
      answerMs: NEVER_MS,
      maxBytes,
      bodyTimeoutMs,
      maxInFlight: Infinity,
      maxPerConversation: Infinity,
      accounts,
      scheduler,
    },
    protocol,
  );
  const hook: Hook = { name: account, account: receiver.account, receiver, take: undefined };
  const webhook: RocketchatWebhookReceiver = {
    node: nodeHandler(receiver),
    fetch: fetchHandler(receiver),
    drain: async (deadlineMs) => receiver.drain(deadlineMs),
  };
  hooks.set(webhook, hook);
  return webhook;
}
