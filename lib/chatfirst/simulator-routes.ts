import { isRecord } from './simulator-reply.js';

/** A call of the API by its name. */
export type ChatfirstOperation =
  | 'listBots'
  | 'createBot'
  | 'getBot'
  | 'updateBot'
  | 'deleteBot'
  | 'talk'
  | 'talkV2'
  | 'push'
  | 'broadcast'
  | 'getChannel'
  | 'linkChannel'
  | 'unlinkChannel'
  | 'forceState';

/** A request as it is on the wire. */
export interface ChatfirstRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** undefined for one that is too large to be read. */
  readonly body: string | undefined;
}

/** @internal A request that has a route. */
export interface Arrival {
  readonly operation: ChatfirstOperation;
  readonly bot: string;
  readonly user: string;
  readonly channel: string;
  readonly query: URLSearchParams;
  readonly authorization: string;
  /** The URL without tokens. */
  readonly url: string;
  /** The JSON of the body; a status where it is none, and undefined for calls that have none. */
  readonly body: Readonly<Record<string, unknown>> | number | undefined;
  /** What a client should not have sent. */
  readonly problems: readonly string[];
}

const ROUTES: readonly (readonly [method: string, path: string, operation: ChatfirstOperation])[] = [
  ['GET', '/v1/bots', 'listBots'],
  ['POST', '/v1/bots', 'createBot'],
  ['GET', '/v1/bots/:bot', 'getBot'],
  ['PUT', '/v1/bots/:bot', 'updateBot'],
  ['DELETE', '/v1/bots/:bot', 'deleteBot'],
  ['POST', '/v1/talk', 'talk'],
  ['POST', '/v2/talk/:bot', 'talkV2'],
  ['POST', '/v1/push/:bot', 'push'],
  ['POST', '/v1/broadcast/:bot', 'broadcast'],
  ['GET', '/v1/channels', 'getChannel'],
  ['PUT', '/v1/channels/link', 'linkChannel'],
  ['PUT', '/v1/channels/unlink', 'unlinkChannel'],
  ['PUT', '/v1/channels/force/:bot/:channel', 'forceState'],
];

const MESSAGE = ['InterlocutorId', 'Text', 'Username', 'FirstName', 'LastName'];
const BOT = ['name', 'language', 'fancy_name', 'scenario'];

/** The keys of bodies; calls that are not here have none. */
const KEYS: ReadonlyMap<ChatfirstOperation, readonly string[]> = new Map([
  ['createBot', BOT],
  ['updateBot', BOT],
  ['talk', MESSAGE],
  ['talkV2', [...MESSAGE, 'ProfilePic', 'Locale', 'Timezone', 'Gender']],
  ['push', ['Count', 'Messages', 'ForcedState', 'ForcedKeyboard', 'Entities', 'ForcedMessage']],
  ['broadcast', ['message']],
]);

type Parameters = Readonly<Record<string, string>>;

/** The segments of a path that a pattern names, or nothing when it does not fit. */
const fit = (pattern: string, segments: readonly string[]): Parameters | undefined => {
  const wanted = pattern.split('/');
  if (wanted.length !== segments.length) return undefined;
  const found: [string, string][] = [];
  for (const [n, part] of wanted.entries()) {
    const segment = segments[n] ?? '';
    if (part.startsWith(':')) found.push([part.slice(1), segment]);
    else if (part !== segment) return undefined;
  }
  return Object.fromEntries(found);
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

const bodyOf = ({ headers, body }: ChatfirstRequest): Readonly<Record<string, unknown>> | number => {
  if (body === undefined) return 413;
  if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) return 415;
  const json = parsed(body);
  return isRecord(json) ? json : 400;
};

const withoutTokens = (url: string): string => url.replace(/([?&](?:userToken|externalToken)=)[^&]*/gi, '$1***');

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** @internal The call that a request is; a status when it is none. */
export const arrivalOf = (request: ChatfirstRequest): Arrival | number => {
  const { method, url, headers } = request;
  const [path = '', search = ''] = url.split('?', 2);
  let segments: readonly string[];
  try {
    segments = path.split('/').map(decodeURIComponent);
  } catch {
    return 400;
  }
  const fitting = ROUTES.flatMap(([verb, pattern, operation]) => {
    const parameters = fit(pattern, segments);
    return parameters === undefined ? [] : [{ verb, operation, parameters }];
  });
  const route = fitting.find(({ verb }) => verb === method);
  if (route === undefined) return fitting.length === 0 ? 404 : 405;
  const { operation, parameters } = route;
  const query = new URLSearchParams(search);
  const named = query.get('botName') ?? '';
  const keys = KEYS.get(operation);
  const body = keys === undefined ? undefined : bodyOf(request);
  const problems: string[] = [];
  if (keys === undefined && request.body !== '') problems.push('there is a body');
  if (keys !== undefined && typeof body === 'object')
    problems.push(...Object.keys(body).flatMap((key) => (keys.includes(key) ? [] : ['the body has an unknown key'])));
  if ((operation === 'updateBot' || operation === 'deleteBot') && named !== parameters['bot'])
    problems.push('botName is not the bot of the path');
  return {
    operation,
    bot: parameters['bot'] ?? named,
    user: text(typeof body === 'object' ? body['InterlocutorId'] : undefined) || (query.get('id') ?? ''),
    channel: parameters['channel'] ?? query.get('channel') ?? '',
    query,
    authorization: headers['authorization'] ?? '',
    url: withoutTokens(url),
    body,
    problems,
  };
};
