import type { FluidtalkDetail } from './simulator-answers.js';
import { routeOf, type Body, type FluidtalkForm } from './simulator-form.js';

/** A call as it reaches the server. */
export interface FluidtalkCall {
  /** Path and query. */
  readonly url: string;
  /** `X-API-Key`, empty where there is none. */
  readonly key: string;
  readonly form: FluidtalkForm;
}

/** @internal A call, and what its body is answered with when it is no form. */
export type Arrival = FluidtalkCall & Body;

/** One thing that goes wrong with a call. */
export type FluidtalkFault = (typeof ONE_OF)[number] | 'status';

const ONE_OF = [
  'drop',
  'resetBefore',
  'redirect',
  'throttle',
  'unavailable',
  'fail',
  'outOfTokens',
  'sealed',
  'ignored',
  'failAfter',
  'resetAfter',
  'silent',
  'badGateway',
  'page',
  'list',
  'missing',
  'nulls',
  'cut',
] as const;

/**
 * How many of the next calls go wrong, and how. A call has one fault, the first of this list; `delay`, `slow` and `duplicate`
 * come on top of it.
 */
export interface FluidtalkFaults {
  /** Which calls can go wrong; for the others nothing is counted down. Default: all. */
  only?: (call: FluidtalkCall) => boolean;

  /** Never arrives, and is never answered. */
  drop?: number;
  /** The connection is reset without, or after the effect: the token is taken and the reply lost. */
  resetBefore?: number;
  resetAfter?: number;
  /** 307 to another server, without effect. */
  redirect?: number;
  /** 429 with `Retry-After`, without effect. */
  throttle?: number;
  /** 503 with `Retry-After`, without effect. */
  unavailable?: number;
  /** 500 without effect. */
  fail?: number;
  /** 402, whatever the balance. */
  outOfTokens?: number;
  /** 400 with DONE, whatever the state of the conversation. */
  sealed?: number;
  /** `ignored: true`, whoever owns the lead. */
  ignored?: number;
  /** 500 after the token was taken and the message recorded: the persona says nothing. */
  failAfter?: number;
  /** Has its effect and is never answered. */
  silent?: number;
  /** 502 with a page of a proxy, after the effect. */
  badGateway?: number;
  /** 200 with a page, after the effect. */
  page?: number;
  /** 200 with a JSON list, after the effect. */
  list?: number;
  /** 200 with an empty object, after the effect. */
  missing?: number;
  /** 200 with null for every key, after the effect. */
  nulls?: number;
  /** The connection is lost in the middle of the body, after the effect. */
  cut?: number;
  /** Answered with the first of these statuses, without effect. One is taken off for each call. */
  statuses?: readonly number[];

  /** Arrives after `delayMs`, so that later calls overtake it. */
  delay?: number;
  /** Default: 1 s. */
  delayMs?: number;
  /** The second half of the body comes after `slowMs`. */
  slow?: number;
  /** Default: 1 s. */
  slowMs?: number;
  /** Arrives twice; the second answer is given. */
  duplicate?: number;

  /**
   * `Retry-After` of 429 and 503: a number of seconds, in which every further call of the key is answered 429 too, a text as
   * it is, or null for none. Default: 0.
   */
  retryAfter?: number | string | null;
  /** Where `redirect` leads. Default: over HTTP a server that writes down what comes, else `https://elsewhere.test/`. */
  redirectTo?: string;
  /** The shape of `detail` in all error bodies. Default: `usual`. */
  detail?: FluidtalkDetail;
}

const OF_CONVERSATIONS: ReadonlySet<string> = new Set(['outOfTokens', 'sealed', 'ignored']);

const concerns = ({ only }: FluidtalkFaults, call: FluidtalkCall): boolean => only === undefined || only(call);

/** @internal Whether this fault strikes this call; counts it down. */
export const strikes = (
  faults: FluidtalkFaults,
  fault: (typeof ONE_OF)[number] | 'delay' | 'slow' | 'duplicate',
  call: FluidtalkCall,
): boolean => {
  const left = faults[fault] ?? 0;
  if (left <= 0 || !concerns(faults, call)) return false;
  faults[fault] = left - 1;
  return true;
};

/** @internal The fault that strikes this call, if one does; counts it down. */
export const strike = (faults: FluidtalkFaults, call: FluidtalkCall): FluidtalkFault | undefined => {
  const isUpload = routeOf(call.url) === 'upload';
  const fault = ONE_OF.find((name) => !(isUpload && OF_CONVERSATIONS.has(name)) && strikes(faults, name, call));
  if (fault !== undefined) return fault;
  return (faults.statuses ?? []).length > 0 && concerns(faults, call) ? 'status' : undefined;
};
