import {
  catchError,
  defer,
  EMPTY,
  filter,
  finalize,
  first,
  merge,
  mergeWith,
  observeOn,
  repeat,
  switchMap,
  take,
  takeUntil,
  timer,
  type Observable,
  type SchedulerLike,
} from 'rxjs';
import type { TrueconfFileInfo } from './answers.js';
import type { Ask } from './files.js';
import type { Link } from './link.js';
import type { Settings } from './settings.js';

/**
 * A file that is on its way to the server, once all of it has come. The server tells so on a connection that asked for it: that is
 * kept, and each new one asks again. What it tells may come before its answer, and before the file is ready: so the server is
 * asked now and then as well.
 *
 * @internal
 */
export const arrived = (
  { fileId, sizeBytes = Infinity }: TrueconfFileInfo,
  { pollMs, scheduler }: Settings,
  link: Link,
  ask: Ask,
): Observable<TrueconfFileInfo> =>
  defer(() => {
    let isFollowed = false;
    const isThere = link.progress$.pipe(filter((it) => it.fileId === fileId && it.bytes >= sizeBytes));
    const followed = link.status$.pipe(
      switchMap(({ kind }) => {
        isFollowed = kind === 'authorized';
        // To be told is only faster than to ask.
        return isFollowed ? ask('subscribeFileProgress', { fileId }).pipe(catchError(() => EMPTY)) : EMPTY;
      }),
    );
    return merge(isThere, timer(pollMs, scheduler), followed).pipe(
      switchMap(() => ask('getFileInfo', { fileId }).pipe(repeat({ delay: () => timer(pollMs, scheduler) }))),
      first(({ state }) => state !== 'uploading'),
      finalize(() => {
        if (isFollowed) forget(ask('unsubscribeFileProgress', { fileId }), link, scheduler);
      }),
    );
  }).pipe(mergeWith(link.kept$), take(1));

/** Nobody waits for the answer, and a connection that is lost has forgotten it. */
const forget = (unsubscribed: Observable<unknown>, link: Link, scheduler: SchedulerLike): void => {
  const lost = link.status$.pipe(
    filter(({ kind }) => kind !== 'authorized'),
    // Whoever listens to the status hears of the loss before the end that may come of this.
    observeOn(scheduler),
  );
  unsubscribed.pipe(takeUntil(lost)).subscribe({ error: () => undefined });
};
