import { isRecord } from '../trueconf/simulator-fields.js';
import type { Fields } from './simulator-fields.js';
import type { RocketchatContent } from './simulator-model.js';
import type { Rules } from './simulator-rules.js';

/** @internal What every list takes. */
export const PAGING = ' offset:any count:any sort:any fields:any query:any';

const at = (row: RocketchatContent, path: string): string | number => {
  let value: unknown = row;
  for (const key of path.split('.')) value = isRecord(value) ? value[key] : undefined;
  if (value instanceof Date) return value.getTime();
  return typeof value === 'number' || typeof value === 'string' ? value : '';
};

const compare = (one: string | number, other: string | number): number => (one === other ? 0 : one < other ? -1 : 1);

/** @internal One page of rows, sorted as the query asks, in an answer of the server. */
export const paged = (
  name: string,
  rows: readonly RocketchatContent[],
  query: Fields,
  { maxCount, infiniteCount }: Rules,
  sortedBy: Readonly<Record<string, unknown>> = {},
): RocketchatContent => {
  const asked = query.json('sort');
  const order = Object.entries(isRecord(asked) ? asked : sortedBy);
  const sorted = [...rows].sort((one, other) => {
    for (const [path, direction] of order) {
      const difference = compare(at(one, path), at(other, path));
      if (difference !== 0) return direction === -1 ? -difference : difference;
    }
    return 0;
  });
  const usual = Math.min(50, maxCount);
  const offset = query.count('offset', 0);
  const wanted = query.count('count', usual);
  const count = wanted > 0 ? Math.min(wanted, maxCount) : infiniteCount ? Infinity : usual;
  const page = sorted.slice(offset, offset + count);
  return { [name]: page, count: page.length, offset, total: rows.length };
};
