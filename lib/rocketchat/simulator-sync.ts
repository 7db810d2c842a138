import type { Fields } from './simulator-fields.js';
import type { Message, RocketchatContent, Room } from './simulator-model.js';
import { coded } from './simulator-refusal.js';
import type { Views } from './simulator-views.js';

const deletedIn = ({ id, at }: { readonly id: string; readonly at: number }): RocketchatContent => ({
  _id: id,
  _deletedAt: new Date(at),
});

interface Row {
  readonly at: number;
  readonly row: RocketchatContent;
}

/** One page from a cursor, which is a moment; the next page begins behind it, so that equal moments at its border are lost. */
const page = (rows: readonly Row[], name: string, query: Fields): RocketchatContent => {
  const next = query.perhaps('next');
  const previous = query.perhaps('previous');
  const count = query.count('count', 50);
  const cursor = Number(next ?? previous);
  if (Number.isNaN(cursor)) throw coded('error-invalid-param', 'The cursor is not a moment');
  const isForward = next !== undefined;
  const found = rows
    .filter(({ at }) => (isForward ? at > cursor : at < cursor))
    .sort((one, other) => (isForward ? one.at - other.at : other.at - one.at));
  const shown = found.slice(0, count);
  const hasMore = found.length > shown.length;
  const [first, last] = isForward ? [shown[0], shown.at(-1)] : [shown.at(-1), shown[0]];
  return {
    [name]: shown.map(({ row }) => row),
    cursor: {
      next: last === undefined || (isForward && !hasMore) ? null : String(last.at),
      previous: first === undefined || (!isForward && !hasMore) ? null : String(first.at),
    },
  };
};

/** @internal What has changed in a room since a moment, newest first; or page by page, from a cursor. */
export const changesIn = (room: Room, query: Fields, views: Views): RocketchatContent => {
  const updated = (message: Message): Row => ({ at: message.updatedAt, row: views.shown(message) });
  const type = query.perhaps('type');
  if (query.has('next') || query.has('previous')) {
    if (type !== 'UPDATED' && type !== 'DELETED')
      throw coded('error-type-param-required', 'The "type" or "lastUpdate" parameters must be provided');
    const rows =
      type === 'UPDATED'
        ? room.messages.map(updated)
        : room.deleted.map((gone) => ({ at: gone.at, row: deletedIn(gone) }));
    return page(rows, type.toLowerCase(), query);
  }
  const since = query.moment('lastUpdate');
  if (since === undefined)
    throw coded('error-type-param-required', 'The "type" or "lastUpdate" parameters must be provided');
  return {
    updated: room.messages
      .filter(({ updatedAt }) => updatedAt > since)
      .reverse()
      .map((message) => views.shown(message)),
    deleted: room.deleted
      .filter(({ at }) => at > since)
      .reverse()
      .map(deletedIn),
  };
};
