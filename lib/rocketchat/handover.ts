import {
  catchError,
  defer,
  map,
  of,
  switchMap,
  throwError,
  type MonoTypeOperatorFunction,
  type Observable,
} from 'rxjs';
import { ChatError, toChatError } from '../errors.js';
import type { HandoffAction, HandoffTarget } from '../model/index.js';
import type { RocketchatInquiry } from './answers.js';
import type { RocketchatClient, RocketchatVisitorClient } from './client.js';

/** What a handoff asks for. */
export type HandoverClient = Pick<
  RocketchatClient,
  'login' | 'inquiry' | 'take' | 'forward' | 'returnToQueue' | 'rooms'
>;

/** That it is so already. */
const SO_ALREADY: ReadonlySet<string> = new Set([
  'error-selected-agent-room-agent-are-same',
  'error-forwarding-chat-same-department',
]);
const refuse = (sentence: string, reason: string, kind: 'refused' | 'conflict' = 'refused'): ChatError =>
  new ChatError(kind, 'rocketchat', `handoff was refused: ${sentence}`, { reason });

const isTaken = ({ status }: RocketchatInquiry): boolean => status === 'taken';

/** Whether an agent has a room, as far as we may see. */
const serves = (client: HandoverClient, agent: string, rid: string): Observable<boolean> =>
  client.rooms({ agents: [agent], open: true, sort: { _updatedAt: -1 }, count: 100 }).pipe(
    map(({ items }) => items.some(({ id }) => id === rid)),
    catchError((thrown: unknown) => {
      // Who may not list the rooms of others has the word of the server.
      return toChatError('rocketchat', thrown).kind === 'refused' ? of(true) : throwError(() => thrown);
    }),
  );

const weServe = (client: HandoverClient, rid: string): Observable<boolean> =>
  client.login().pipe(switchMap(({ userId }) => serves(client, userId, rid)));

/** @internal Whether a room is where it was to go, as its entry in the queue and its agent say. */
export const isGivenTo = (client: HandoverClient, rid: string, to: HandoffTarget): Observable<boolean> =>
  client.inquiry(rid).pipe(
    switchMap((inquiry) => {
      if (inquiry === undefined) return throwError(() => refuse('the room is closed, or there is none', 'room-closed'));
      switch (to.kind) {
        case 'agent':
          return isTaken(inquiry) ? serves(client, to.id, rid) : of(false);
        case 'department':
          return of(inquiry.department === to.id);
        default:
          // Who took it from the queue is who it was for, unless that is us.
          return isTaken(inquiry) ? map((isOurs) => !isOurs)(weServe(client, rid)) : of(true);
      }
    }),
  );

/** It was said to be done: what cannot be found out now is in doubt. */
const lookedAt: MonoTypeOperatorFunction<boolean> = catchError((thrown: unknown) => {
  const { kind, reason, status } = toChatError('rocketchat', thrown);
  if (reason === 'room-closed') return throwError(() => thrown);
  const details = { inDoubt: true, reason, status, cause: thrown };
  return throwError(() => new ChatError(kind, 'rocketchat', 'handoff could not be looked at', details));
});

/** @internal Whether a room is the one that its visitor has open. */
export const isOpenFor = (visitor: RocketchatVisitorClient, rid: string): Observable<boolean> =>
  visitor.config().pipe(map(({ room }) => room?.id === rid));

/** @internal Whether the room of a visitor is in a department. Where the visitor has another one open, the server is believed. */
export const isInDepartment = (
  visitor: RocketchatVisitorClient,
  rid: string,
  department: string,
): Observable<boolean> =>
  visitor.config().pipe(
    map(({ room }) => {
      if (room === undefined) throw refuse('the room is closed, or there is none', 'room-closed');
      return room.id !== rid || room.departmentId === department;
    }),
  );

/** @internal Gives a room to a department, for its visitor, and looks whether it is there. */
export const transferFor = (
  visitor: RocketchatVisitorClient,
  { conversation: { id: rid }, to }: HandoffAction,
): Observable<undefined> => {
  if (to.kind !== 'department')
    throw new ChatError('unsupported', 'rocketchat', 'a visitor can go to a department, nowhere else');
  return visitor.transfer(rid, to.id).pipe(
    switchMap(() => isInDepartment(visitor, rid, to.id).pipe(lookedAt)),
    map((isSo) => {
      if (!isSo) throw refuse('it is in another department', 'otherDepartment', 'conflict');
      return undefined;
    }),
  );
};

/**
 * @internal Gives a room to an agent, a department, or the queue, and looks whether it is there: servers say yes to what did not
 * happen, too. A room that waits is taken for the agent; `conflict` when somebody else was faster.
 */
export const giveOver = (
  { conversation, to, comment }: HandoffAction,
  client: HandoverClient,
): Observable<undefined> => {
  const rid = conversation.id;
  const said = comment === undefined ? {} : { comment };
  const toAgent = (agent: string): Observable<unknown> =>
    client.inquiry(rid).pipe(
      switchMap((inquiry) => {
        if (inquiry === undefined) throw refuse('the room is closed, or there is none', 'room-closed');
        if (isTaken(inquiry)) return client.forward(rid, { agent, ...said });
        return client.take(inquiry.id, { agent }).pipe(catchError(unlessItIsSo));
      }),
    );
  /** Who was faster may be who was meant. */
  const unlessItIsSo = (thrown: unknown): Observable<unknown> => {
    if (toChatError('rocketchat', thrown).reason !== 'error-inquiry-taken') return throwError(() => thrown);
    return isGivenTo(client, rid, to).pipe(switchMap((isSo) => (isSo ? of(undefined) : throwError(() => thrown))));
  };
  const given = defer((): Observable<unknown> => {
    switch (to.kind) {
      case 'agent':
        return toAgent(to.id);
      case 'department':
        return client.forward(rid, { department: to.id, ...said });
      case 'any':
        return client.returnToQueue(rid);
      default: {
        const sentence = `a handoff to a ${to.kind} has no meaning there: to any, a department or an agent`;
        throw new ChatError('unsupported', 'rocketchat', sentence);
      }
    }
  });
  return given.pipe(
    catchError((thrown: unknown) => {
      const { reason = '' } = toChatError('rocketchat', thrown);
      return SO_ALREADY.has(reason) ? of(undefined) : throwError(() => thrown);
    }),
    switchMap(() => isGivenTo(client, rid, to).pipe(lookedAt)),
    map((isSo) => {
      if (isSo) return undefined;
      if (to.kind === 'any') throw refuse('the queue gave the room back to us', 'backToUs', 'conflict');
      throw refuse('somebody else has the room', 'takenByOther', 'conflict');
    }),
  );
};
