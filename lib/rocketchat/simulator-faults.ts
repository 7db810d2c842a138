import type { RocketchatContent } from './simulator-model.js';

/** A request over REST. */
export interface RocketchatCall {
  readonly method: string;
  /** The route, such as `livechat/visitor/:token`. */
  readonly route: string;
  readonly path: string;
  /** The user who is logged in. */
  readonly user: string | undefined;
  readonly body: RocketchatContent;
}

/** How many of the next requests go wrong. A request has one fault, the first of this list; races come on top of it. */
export interface RocketchatRestFaults {
  /** Which requests can go wrong; for the others nothing is counted down. Default: all. */
  only?: (call: RocketchatCall) => boolean;
  /** Never arrives, and is never answered. */
  drop?: number;
  /** The connection is reset without, or after the effect. */
  resetBefore?: number;
  resetAfter?: number;
  /** Answered 429 without effect, with headers that say to wait until the window ends. */
  throttle?: number;
  /** Seconds in a `Retry-After`, as a proxy adds it to 429. Default: no such header. */
  retryAfter?: number;
  /** Answered with the first of these statuses, without effect: JSON of the server, below 500 without a reason. */
  statuses?: readonly number[];
  /** A page of a proxy with 502, without effect; or with 504, after it. */
  page?: number;
  pageAfter?: number;
  /** 200 with `success: false`, without effect; `refuseWith` is its error. */
  refuse?: number;
  refuseWith?: string;
  /** The user's token has expired a moment before: all tokens of the user are no longer good. Sockets keep their login. */
  expire?: number;
  /** Has its effect and is never answered. */
  silent?: number;
  /** Has its effect; `{}` instead of the body. */
  empty?: number;
  /** Has its effect; the connection is lost in the middle of the body. */
  cut?: number;
  /** Arrives twice; what is answered is the answer to the second. */
  duplicate?: number;
  /** Answered after `delayMs`; comes on top of the others. The effect comes at once. */
  delay?: number;
  /** Default: 1 s. */
  delayMs?: number;
}

/** What somebody else does a moment before a request is carried out. Counted down where it happens. */
export interface RocketchatRaces {
  /** Closes the room that is written to: the other side does it. */
  close?: number;
  /** Takes the inquiry that is asked for, before that is checked: `error-inquiry-taken`. */
  take?: number;
  /** Takes it between check and effect: the caller is told of a success and does not have the room. */
  snatch?: number;
  /** Locks it between check and effect: `error-taking-inquiry-lockedAt-mismatch`. */
  lock?: number;
  /** User name of who takes, or closes for a visitor's message. Default: an agent named `rival`, made known for it. */
  by?: string;
}

/** A call on a socket. */
export interface RocketchatMethodCall {
  readonly connection: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** How many of the next calls on sockets go wrong. A call has one fault, the first of this list. */
export interface RocketchatMethodFaults {
  /** Which calls can go wrong. Default: all. */
  only?: (call: RocketchatMethodCall) => boolean;
  /** Never arrives. */
  lose?: number;
  /** The connection is cut without, or after the effect. */
  cutBefore?: number;
  cutAfter?: number;
  /** Answered `too-many-requests`, without effect. */
  throttle?: number;
  /** Has its effect and is never answered. */
  silent?: number;
  /** `updated` goes out before `result`. */
  updatedFirst?: number;
  /** Answered after `delayMs`. The effect comes at once. */
  delay?: number;
  /** Default: 1 s. */
  delayMs?: number;
}

/** An event on its way to a socket. */
export interface RocketchatEvent {
  readonly connection: number;
  readonly stream: string;
  readonly event: string;
  readonly args: readonly unknown[];
}

/** How many of the next events go wrong, counted for each subscription that they go to. */
export interface RocketchatEventFaults {
  /** Which events can go wrong. Default: all. */
  only?: (event: RocketchatEvent) => boolean;
  /** Does not go out. */
  lose?: number;
  /** A frame that is no JSON goes out before it. */
  malformed?: number;
  duplicate?: number;
  /** Goes out after `delayMs`, so that later ones overtake it. */
  delay?: number;
  /** Default: 1 s. */
  delayMs?: number;
  /** Goes out after the next event of the connection. */
  reorder?: number;
}

/** How many of the next connections go wrong. */
export interface RocketchatConnectionFaults {
  /** The upgrade is refused with 503. */
  refuse?: number;
  /** Opens, answers pings of the WebSocket, and nothing else. */
  mute?: number;
  /** Half-open: opens, and is dead in both directions. */
  freeze?: number;
  /** `connect` is answered `failed`, with another version. */
  fail?: number;
  /** Whether pings of DDP are left without an answer, on every connection. Default: false. */
  noPong?: boolean;
  /** Whether the server sends no pings, on every connection. Default: false. */
  noPing?: boolean;
}

/** A webhook on its way. */
export interface RocketchatHook {
  /** Counts the webhooks, from 1. */
  readonly hook: number;
  readonly type: string;
  /** From 1. */
  readonly attempt: number;
  readonly body: RocketchatContent;
}

/** How many of the next webhooks go wrong; tries count singly. A try has one fault, the first of this list. */
export interface RocketchatHookFaults {
  /** Which webhooks can go wrong. Default: all. */
  only?: (hook: RocketchatHook) => boolean;
  /** The webhook is lost with all its tries, as by a restart. */
  lose?: number;
  /** Arrives, and the answer is lost, so that it is tried again. */
  deaf?: number;
  /** Arrives twice for one try, or `copies` times. */
  duplicate?: number;
  /** Default: 2. */
  copies?: number;
  /** Goes out after `delayMs`. */
  delay?: number;
  /** Default: 1 s. */
  delayMs?: number;
  /** Goes out after the next webhook. */
  reorder?: number;
}

/** What goes wrong, and how. All of it can be changed at any time. */
export interface RocketchatFaults {
  readonly rest: RocketchatRestFaults;
  readonly race: RocketchatRaces;
  readonly method: RocketchatMethodFaults;
  readonly event: RocketchatEventFaults;
  readonly connection: RocketchatConnectionFaults;
  readonly hook: RocketchatHookFaults;
}
