import { isRecord } from '../trueconf/simulator-fields.js';
import type { RocketchatRequest } from './simulator-answers.js';
import { queryOf } from './simulator-fields.js';
import type { RocketchatContent } from './simulator-model.js';
import type { Route } from './simulator-routes.js';

/** @internal A call that has arrived. */
export interface Arrival {
  readonly request: RocketchatRequest;
  readonly path: string;
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly query: RocketchatContent;
  readonly body: RocketchatContent;
}

const API = '/api/v1/';

const decoded = (word: string): string => {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
};

/** The fields of a body: of JSON and forms; everything else is text without fields. */
const bodyOf = ({ headers, body }: RocketchatRequest): RocketchatContent => {
  const type = headers['content-type'] ?? '';
  if (type.startsWith('application/x-www-form-urlencoded')) return queryOf(new TextDecoder().decode(body));
  if (!type.startsWith('application/json')) return {};
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
};

/** @internal The routes by their paths. A word that is written out goes before one that can be anything. */
export const arrivalsAt = (routes: readonly Route[]): ((request: RocketchatRequest) => Arrival | undefined) => {
  const table = routes
    .map((route) => ({ route, words: route.path.split('/') }))
    .sort((one, other) => one.route.path.split(':').length - other.route.path.split(':').length);
  return (request) => {
    const [path = '', search = ''] = request.url.split('?');
    if (!path.startsWith(API)) return undefined;
    const given = path.slice(API.length).split('/');
    const found = table.find(
      ({ route, words }) =>
        route.method === request.method &&
        words.length === given.length &&
        words.every((word, n) => word.startsWith(':') || word === given[n]),
    );
    if (found === undefined) return undefined;
    const { route, words } = found;
    const params = words.flatMap((word, n) =>
      word.startsWith(':') ? [[word.slice(1), decoded(given[n] ?? '')] as const] : [],
    );
    return { request, path, route, params: Object.fromEntries(params), query: queryOf(search), body: bodyOf(request) };
  };
};
