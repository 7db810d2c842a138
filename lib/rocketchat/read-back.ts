import { catchError, EMPTY, map, of, throwError, type Observable } from 'rxjs';
import { toChatError } from '../errors.js';
import type { OutboundAction } from '../model/index.js';
import type { RocketchatMessage } from './answers.js';
import type { RocketchatVisitorClient } from './client.js';
import { isGivenTo, isInDepartment, isOpenFor, type HandoverClient } from './handover.js';
import { messageIdOf } from './ids.js';

/** @internal What became of an action that is in doubt: the ids of its messages, that it did not arrive, or nothing. */
export type ReadBack = readonly string[] | 'resend';

/** No message, or none that we may see: sent again, it is one message all the same. */
const orNone = (thrown: unknown): Observable<undefined> => {
  const { kind } = toChatError('rocketchat', thrown);
  return kind === 'refused' ? of(undefined) : throwError(() => thrown);
};

const orAgain = (isDone: boolean): ReadBack => (isDone ? [] : 'resend');

/** @internal Reads back what an action made; nothing where nobody can tell. */
export const readBack = (
  action: OutboundAction,
  client: HandoverClient,
  message: (rid: string, id: string) => Observable<RocketchatMessage>,
  visitor?: RocketchatVisitorClient,
): Observable<ReadBack> => {
  const { conversation } = action;
  const rid = conversation.id;
  const ask = (id: string, isDone: (found: RocketchatMessage | undefined) => boolean): Observable<ReadBack> =>
    message(rid, id).pipe(
      catchError(orNone),
      map((found) => (isDone(found) ? (found === undefined ? [] : [found.id]) : 'resend')),
    );
  switch (action.kind) {
    case 'text':
    case 'choices':
      return ask(messageIdOf(action.id), (found) => found?.roomId === rid);
    case 'edit':
      return ask(action.messageId, (found) => found?.text === action.text);
    case 'remove':
      return ask(action.messageId, (found) => found === undefined || found.type === 'rm');
    case 'handoff':
      if (visitor === undefined) return isGivenTo(client, rid, action.to).pipe(map(orAgain));
      return action.to.kind === 'department' ? isInDepartment(visitor, rid, action.to.id).pipe(map(orAgain)) : EMPTY;
    case 'end':
      if (visitor !== undefined) return isOpenFor(visitor, rid).pipe(map((isOpen) => orAgain(!isOpen)));
      return client.inquiry(rid).pipe(map((inquiry) => orAgain(inquiry === undefined)));
    default:
      return EMPTY;
  }
};
