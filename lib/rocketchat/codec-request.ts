import type { JsonObject } from '../model/index.js';

export type RocketchatHttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** A call over HTTP, before it has an address and credentials. */
export interface RocketchatRequest {
  /** What errors call it. */
  readonly call: string;
  readonly method: RocketchatHttpMethod;
  /** Below `/api/v1/`, parameters as `:name`: what the server counts calls by. */
  readonly route: string;
  /** The parameters of the route. */
  readonly params?: Readonly<Record<string, string>>;
  /** A list is one entry for each. */
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: JsonObject;
  /** Whose call it is: a visitor's, by token, or that of the user who is logged in. */
  readonly as: 'visitor' | 'user';
  /** Whether it may be made again when nothing tells what became of it. Default: true for GET. */
  readonly repeatable?: boolean;
}

/** A call over the socket. */
export interface RocketchatMethodCall {
  readonly call: string;
  readonly method: string;
  readonly params: readonly (string | readonly string[] | JsonObject)[];
}

/** The routes of the calls that a client makes, for `parseRequest`. */
export const ROUTES: readonly string[] = [
  'GET livechat/visitor/:token',
  'DELETE livechat/visitor/:token',
  'GET livechat/messages.history/:rid',
  'GET livechat/message/:_id',
  'PUT livechat/message/:_id',
  'DELETE livechat/message/:_id',
  'POST livechat/upload/:rid',
  'GET livechat/users/:type',
  'POST livechat/users/:type',
  'GET livechat/users/:type/:_id',
  'DELETE livechat/users/:type/:_id',
  'GET livechat/agent.info/:rid/:token',
  'GET livechat/agent.next/:token',
  'GET livechat/transfer.history/:rid',
  'GET livechat/department/:_id',
  'POST rooms.media/:rid',
  'POST rooms.mediaConfirm/:rid/:fileId',
  'POST rooms.upload/:rid',
];

const value = (text: string): string => encodeURIComponent(text);

/** The path and query of a request. The token of a visitor may be in it. */
export const pathOf = ({ route, params = {}, query }: RocketchatRequest): string => {
  const path = route.includes(':') ? route.replace(/:(\w+)/g, (_, name: string) => value(params[name] ?? '')) : route;
  if (query === undefined) return `/api/v1/${path}`;
  const entries = Object.entries(query).flatMap(([name, given]) =>
    typeof given === 'string' ? [`${name}=${value(given)}`] : given.map((one) => `${name}=${value(one)}`),
  );
  return `/api/v1/${path}${entries.length === 0 ? '' : `?${entries.join('&')}`}`;
};

const decodedPart = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

/** The request that a path and a body make, for relays and specs: `pathOf` gives the path back. */
export const parseRequest = (
  method: RocketchatHttpMethod,
  path: string,
  body?: JsonObject,
  as: RocketchatRequest['as'] = 'user',
): RocketchatRequest => {
  const [whole = '', search = ''] = path.split('?', 2);
  const parts = whole.replace(/^\/api\/v1\//, '').split('/');
  let route = parts.join('/');
  const params: Record<string, string> = {};
  for (const known of ROUTES) {
    const [verb, pattern = ''] = known.split(' ');
    const names = pattern.split('/');
    if (verb !== method || names.length !== parts.length) continue;
    if (!names.every((name, index) => name.startsWith(':') || name === parts[index])) continue;
    route = pattern;
    names.forEach((name, index) => {
      if (name.startsWith(':')) params[name.slice(1)] = decodedPart(parts[index] ?? '');
    });
    break;
  }
  const query: Record<string, string | string[]> = {};
  for (const entry of search.split('&')) {
    if (entry === '') continue;
    const [name = '', text = ''] = entry.split('=', 2);
    const before = query[name];
    const decoded = decodedPart(text);
    if (name.endsWith('[]')) query[name] = [...(Array.isArray(before) ? before : []), decoded];
    else query[name] = decoded;
  }
  return {
    call: route,
    method,
    route,
    as,
    ...(Object.keys(params).length > 0 && { params }),
    ...(Object.keys(query).length > 0 && { query }),
    ...(body !== undefined && { body }),
  };
};

/** @internal What is given, of what may be missing. */
export const only = <T>(fields: Readonly<Record<string, T | undefined>>): Readonly<Record<string, T>> => {
  const found: Record<string, T> = {};
  for (const [name, field] of Object.entries(fields)) if (field !== undefined) found[name] = field;
  return found;
};

/** Whether a version such as `7.13` or `8.0.1` is this one or a later one. */
export const isVersion = (version: string, major: number, minor = 0): boolean => {
  const [ours = 0, lower = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return ours > major || (ours === major && lower >= minor);
};
