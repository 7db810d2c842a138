import { catchError, defer, map, of, switchMap, tap, throwError, type Observable } from 'rxjs';
import { toChatError } from '../errors.js';
import type { RocketchatVisitorClient } from './client.js';
import { saysClosed } from './visitor-calls.js';

/** Rooms whose successors are known. */
const MANY = 1_000;

/** @internal What a visitor says to a room that is closed goes to a new one, and so does what comes after it. */
export class Reopening {
  /** The room in place of another. */
  readonly #successors = new Map<string, string>();

  /** `send` to the room, or to the one that is in its place by then. */
  send<T>(visitor: RocketchatVisitorClient, rid: string, send: (rid: string) => Observable<T>): Observable<T> {
    return defer(() => {
      const where = this.#successors.get(rid) ?? rid;
      return send(where).pipe(
        catchError((thrown: unknown) =>
          isClosed(visitor, where, thrown).pipe(
            switchMap((isSo) => (isSo ? visitor.room() : throwError(() => thrown))),
            tap(({ room }) => {
              this.#remember(rid, room.id);
            }),
            switchMap(({ room }) => send(room.id)),
          ),
        ),
      );
    });
  }

  #remember(rid: string, successor: string): void {
    this.#successors.delete(rid);
    this.#successors.set(rid, successor);
    if (this.#successors.size <= MANY) return;
    for (const oldest of this.#successors.keys()) {
      this.#successors.delete(oldest);
      return;
    }
  }
}

/** Whether that is why. Of a file servers say `unauthorized`, as if the room were another's: that has no history for us. */
const isClosed = (visitor: RocketchatVisitorClient, rid: string, thrown: unknown): Observable<boolean> => {
  if (saysClosed(thrown)) return of(true);
  if (toChatError('rocketchat', thrown).reason !== 'unauthorized') return of(false);
  return visitor.history(rid, { limit: 1 }).pipe(
    map(() => true),
    catchError(() => throwError(() => thrown)),
  );
};
