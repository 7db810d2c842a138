import type { ChatfirstOperation } from './simulator-routes.js';

/** A call of the API. */
export interface ChatfirstCall {
  readonly operation: ChatfirstOperation;
  /** Empty where the call names none. */
  readonly bot: string;
  readonly user: string;
  readonly channel: string;
}

const ONE_OF = [
  'drop',
  'resetBefore',
  'redirect',
  'throttle',
  'fail',
  'failAfter',
  'resetAfter',
  'silent',
  'badGateway',
  'page',
  'empty',
  'null',
  'cut',
] as const;

/** One thing that goes wrong with a call of the API. */
export type ChatfirstFault = (typeof ONE_OF)[number];

/**
 * How many of the next calls of the API go wrong, and how. A call has one fault, the first of this list; those behind it come
 * on top.
 */
export interface ChatfirstApiFaults {
  /** Which calls can go wrong; for the others nothing is counted down. Default: all. */
  only?: (call: ChatfirstCall) => boolean;

  /** Never arrives, and is never answered. */
  drop?: number;
  /** The connection is reset without, or after the effect. */
  resetBefore?: number;
  resetAfter?: number;
  /** 307 to `redirectTo`, without effect. */
  redirect?: number;
  /** 429, without effect. */
  throttle?: number;
  /** 500 with a JSON body, without, or after the effect. */
  fail?: number;
  failAfter?: number;
  /** Has its effect and is never answered. */
  silent?: number;
  /** 502 with a page of a proxy, after the effect. */
  badGateway?: number;
  /** 200 with a page, after the effect. */
  page?: number;
  /** 200 without a body, after the effect. */
  empty?: number;
  /** 200 with `null`, after the effect. */
  null?: number;
  /** The connection is lost in the middle of the body, after the effect. */
  cut?: number;
  /** Answered with the first of these statuses, without effect: JSON up to 499, a page from 500. One goes for each call. */
  statuses?: readonly number[];

  /** A success is answered with the first of these statuses; 204 has no body. One goes for each success. */
  successes?: readonly number[];
  /** Arrives after `delayMs`, so that later calls overtake it. */
  delay?: number;
  /** Default: 1 s. */
  delayMs?: number;
  /** Arrives after the next call that is not held back itself. */
  reorder?: number;
  /** Arrives twice; the second answer is given. */
  duplicate?: number;
  /** The second half of the body comes after `slowMs`. */
  slow?: number;
  /** Default: 1 s. */
  slowMs?: number;

  /** `Retry-After` of 429: a number of seconds, a text as it is, or null for none. Default: 1. */
  retryAfter?: number | string | null;
  /** `X-Rate-Limit-Reset` of 429: so many seconds from now, or null for none. Default: null. */
  rateLimitReset?: number | null;
  /** Where `redirect` leads. Default: over HTTP a server that writes down what comes, else `https://elsewhere.test/`. */
  redirectTo?: string;
}

/** Something on its way from the platform to a program of its user. */
export interface ChatfirstDelivery {
  readonly bot: string;
  readonly user: string;
  readonly channel: string;
}

/** How many of the next calls of adapters go wrong. */
export interface ChatfirstAdapterFaults {
  /** Which calls can go wrong. Default: all. */
  only?: (call: ChatfirstDelivery) => boolean;
  /** Never goes out: the platform waits in vain. */
  drop?: number;
  /** Goes out, and nobody waits for the answer: the scenario goes on as if there was none. */
  hangUp?: number;
  /** Goes out twice, one after the other; the second answer counts. */
  duplicate?: number;
  /** Goes out after `delayMs`. */
  delay?: number;
  /** Default: 1 s. */
  delayMs?: number;
}

/** How many of the next pushes to bridges go wrong. */
export interface ChatfirstPushFaults {
  /** Which pushes can go wrong. Default: all. */
  only?: (push: ChatfirstDelivery) => boolean;
  /** Is lost on the way, and is not tried again. */
  drop?: number;
  /** Goes out, and the answer is lost: it is tried again, with the same ids. */
  deaf?: number;
  /** Goes out twice, one after the other, with the same ids. */
  duplicate?: number;
  /** Goes out after `delayMs`; later ones of the same user overtake it. */
  delay?: number;
  /** Default: 1 s. */
  delayMs?: number;
  /** Goes out after the next push, whoever that is for. */
  reorder?: number;
}

/** What goes wrong, and how. All of it can be changed at any time. */
export interface ChatfirstFaults {
  readonly api: ChatfirstApiFaults;
  readonly adapter: ChatfirstAdapterFaults;
  readonly push: ChatfirstPushFaults;
}

type Counted<K extends string, C> = { [name in K]?: number } & { only?: (call: C) => boolean };

/** @internal Whether this fault strikes; counts it down. */
export const strikes = <K extends string, C>(faults: Counted<K, C>, name: K, call: C): boolean => {
  const left = faults[name] ?? 0;
  if (left <= 0 || faults.only?.(call) === false) return false;
  // The type of a mapped key is not writable by a generic name, and this key is a number by its type.
  Object.assign(faults, { [name]: left - 1 });
  return true;
};

/** @internal The fault that strikes this call, if one does; counts it down. */
export const strike = (faults: ChatfirstApiFaults, call: ChatfirstCall): ChatfirstFault | undefined =>
  ONE_OF.find((name) => strikes(faults, name, call));

/** @internal Takes the first of a list of statuses off. */
export const shifted = (
  faults: ChatfirstApiFaults,
  name: 'statuses' | 'successes',
  call: ChatfirstCall,
): number | undefined => {
  const [first, ...rest] = faults[name] ?? [];
  if (first === undefined || faults.only?.(call) === false) return undefined;
  faults[name] = rest;
  return first;
};
