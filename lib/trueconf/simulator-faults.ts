/** A request on a socket. */
export interface TrueconfCall {
  /** The id of the bot, empty before it has authorized. */
  readonly bot: string;
  readonly connection: number;
  readonly method: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/**
 * How many of the next requests on sockets go wrong. A request has one fault, the first of this list; `eventFirst` comes on
 * top of it.
 */
export interface TrueconfRequestFaults {
  /** Which requests can go wrong; for the others nothing is counted down. Default: all. */
  only?: (call: TrueconfCall) => boolean;
  /** Never arrives, and is never answered. */
  lose?: number;
  /** The connection is cut without, or after the effect. */
  cutBefore?: number;
  cutAfter?: number;
  /** Answered with the first of these error codes, without effect. One is taken off for each request. */
  errorCodes?: readonly number[];
  /** Has its effect and is never answered. */
  silent?: number;
  /** What goes out as the answer is no JSON. */
  malformed?: number;
  /** Answered after `delayMs`, so that later answers overtake it. The effect comes at once. */
  delay?: number;
  /** Default: 1 s. */
  delayMs?: number;
  /** Answered after the next answer of the connection. */
  reorder?: number;
  /** What the request makes the server tell on the same socket goes out before its answer. */
  eventFirst?: number;
}

/** An event on its way to a socket. */
export interface TrueconfEvent {
  readonly bot: string;
  readonly connection: number;
  readonly method: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** How many of the next events go wrong, counted for each socket that they go to. */
export interface TrueconfEventFaults {
  /** Which events can go wrong. Default: all. */
  only?: (event: TrueconfEvent) => boolean;
  /** Does not go out; a message stays unread. */
  lose?: number;
  /** A frame that is no JSON goes out before it. */
  malformed?: number;
  /** Goes out twice, under two ids. */
  duplicate?: number;
  /** Goes out after `delayMs`, so that later ones overtake it. */
  delay?: number;
  /** Default: 1 s. */
  delayMs?: number;
  /** Goes out after the next event of the connection. */
  reorder?: number;
}

/** How many of the next connections go wrong. */
export interface TrueconfConnectionFaults {
  /** The upgrade is refused with 503. */
  refuse?: number;
  /** Opens, answers pings, and nothing else. */
  mute?: number;
  /** Half-open: opens, and is dead in both directions. */
  freeze?: number;
  /** Whether pings of clients are left without an answer, on every connection. Default: false. */
  noPong?: boolean;
}

/** How many of the next requests of a route go wrong. A request has one fault, the first of this list. */
export interface TrueconfHttpFaults {
  /** Answered with the first of these statuses, without effect: JSON up to 499, a page of a proxy from 500. */
  statuses?: readonly number[];
  /** The connection is reset without, or after the effect. */
  resetBefore?: number;
  resetAfter?: number;
  /** Has its effect and is never answered. */
  silent?: number;
  /** A page instead of the body, after the effect. */
  page?: number;
  /** `{}` instead of the body, after the effect. */
  empty?: number;
  /** The connection is lost in the middle of the body, after the effect. */
  cut?: number;
  /** The second half of the body comes after `slowMs`. */
  slow?: number;
  /** Default: 1 s. */
  slowMs?: number;
  /** Answered after `delayMs`; comes on top of the others. */
  delay?: number;
  /** Default: 1 s. */
  delayMs?: number;
}

/** What goes wrong, and how. All of it can be changed at any time. */
export interface TrueconfFaults {
  readonly request: TrueconfRequestFaults;
  readonly event: TrueconfEventFaults;
  readonly connection: TrueconfConnectionFaults;
  readonly token: TrueconfHttpFaults;
  readonly upload: TrueconfHttpFaults;
  readonly download: TrueconfHttpFaults;
  readonly server: TrueconfHttpFaults;
}

/** @internal Whether this fault strikes; counts it down. */
export const strikes = <K extends string>(faults: { [name in K]?: number }, name: K): boolean => {
  const left = faults[name] ?? 0;
  if (left > 0) faults[name] = left - 1;
  return left > 0;
};

/** @internal The first of these faults that strikes. */
export const strike = <K extends string>(faults: { [name in K]?: number }, names: readonly K[]): K | undefined =>
  names.find((name) => strikes(faults, name));

/** @internal Takes the first of a list off. */
export const shifted = <K extends string>(faults: { [name in K]?: readonly number[] }, name: K): number | undefined => {
  const [first, ...rest] = faults[name] ?? [];
  faults[name] = rest;
  return first;
};
