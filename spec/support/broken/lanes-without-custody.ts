import { map } from 'rxjs';
import { lanes } from 'tidewire';

/** Holds nothing: what waits is given up although it is in good hands, and what is cancelled still runs. */
export const lanesWithoutCustody: typeof lanes =
  ({ key, ...others }, project) =>
  (source) =>
    source.pipe(
      map((item) => ({ item })),
      lanes({ ...others, key: ({ item }) => key(item) }, ({ item }) => project(item)),
    );
