import { EMPTY, expand, forkJoin, map, of, reduce, type Observable } from 'rxjs';
import type { RocketchatInquiry, RocketchatPage, RocketchatRoom } from './answers.js';
import type { CallBudget } from './call-budget.js';
import type { RocketchatClient } from './client.js';

/** Which rooms are told of: those that we serve, these and those that wait for somebody, or all that we may see. */
export type RocketchatRooms = 'ours' | 'queue' | 'all';

/** @internal */
export interface ListingRules {
  readonly client: Pick<RocketchatClient, 'rooms' | 'queue'>;
  readonly rooms: RocketchatRooms;
  readonly budget: CallBudget;
}

/** @internal What has changed. */
export interface Listed {
  /** The one that was changed first comes first. */
  readonly rooms: readonly RocketchatRoom[];
  /** Who waits for us. */
  readonly queue: readonly RocketchatInquiry[];
}

const PAGE = 100;
/** More rooms than that are not looked through. */
const MOST_PAGES = 100;

/** @internal When a room was changed last, by the server's clock, in milliseconds since 1970. */
export const changedAt = ({ updatedAt, lastMessageAt, startedAt }: RocketchatRoom): number =>
  Math.max(...[updatedAt, lastMessageAt, startedAt].map((at) => (at === undefined ? 0 : Date.parse(at))));

/** All pages, as long as `isWanted` says of a page that there may be more. */
const pagesOf = <T>(
  ask: (offset: number) => Observable<RocketchatPage<T>>,
  isWanted: (page: readonly T[]) => boolean,
): Observable<readonly T[]> =>
  ask(0).pipe(
    expand(({ items, offset, total }, index) => {
      const next = offset + items.length;
      return items.length === 0 || next >= total || index + 1 >= MOST_PAGES || !isWanted(items) ? EMPTY : ask(next);
    }),
    reduce((all: readonly T[], { items }) => [...all, ...items], []),
  );

/**
 * @internal The rooms that were changed since an instant, and who waits; without one, the room that was changed last. They are listed from the latest:
 * what is changed meanwhile moves to pages that were read, and is found the next time.
 */
export const listChanged = (
  { client, rooms, budget }: ListingRules,
  self: string,
  since: number | undefined,
): Observable<Listed> => {
  const ask = (offset: number): Observable<RocketchatPage<RocketchatRoom>> =>
    budget.run(
      client.rooms({
        ...(rooms !== 'all' && { agents: [self] }),
        sort: { _updatedAt: -1 },
        count: since === undefined ? 1 : PAGE,
        offset,
      }),
    );
  const isRecent = (room: RocketchatRoom): boolean => since === undefined || changedAt(room) >= since;
  const changed = pagesOf(ask, (page) => since !== undefined && page.every(isRecent)).pipe(
    map((found) => {
      const byId = new Map(found.filter(isRecent).map((room) => [room.id, room] as const));
      return [...byId.values()].sort((one, other) => changedAt(one) - changedAt(other));
    }),
  );
  const queue: Observable<readonly RocketchatInquiry[]> =
    rooms === 'ours' || since === undefined
      ? of([])
      : pagesOf(
          (offset) => budget.run(client.queue({ count: PAGE, offset })),
          () => true,
        );
  return forkJoin({ rooms: changed, queue });
};
