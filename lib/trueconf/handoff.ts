import { catchError, concat, defer, EMPTY, forkJoin, ignoreElements, map, of, switchMap, toArray } from 'rxjs';
import { concatMap, from, takeWhile, throwError, type Observable } from 'rxjs';
import { ChatError, toChatError } from '../errors.js';
import type { HandoffAction, HandoffTarget } from '../model/index.js';
import type { Seat } from '../seat.js';
import type { TrueconfClient } from './client.js';
import type { TrueconfMessage } from './codec-content.js';

/** Who is handed over, and why. */
export interface TrueconfHandover {
  /** The name of the chat: of a personal chat, that of the customer. */
  readonly name: string;
  readonly to: HandoffTarget;
  readonly comment?: string;
}

/** What operators read in their chat. Override any of them, in any language; plain text. */
export interface TrueconfSeatTexts {
  /** In front of what the customer and the bot said. */
  readonly heading: (handover: TrueconfHandover) => string;
  /** Below it, where some of that could not be forwarded. */
  readonly missing: (count: number) => string;
  /** A note of the bot. */
  readonly note: (name: string, text: string) => string;
}

/** The words in English. */
export const englishSeatTexts: TrueconfSeatTexts = {
  heading: ({ name, to, comment }) =>
    [
      `${name} asks for a person${to.kind === 'agent' ? `: ${to.id}` : ''}.`,
      comment,
      'To answer, reply to this message or to one of those below.',
    ]
      .filter(Boolean)
      .join('\n'),
  missing: (count) => (count === 1 ? 'One message is missing here.' : `${count} messages are missing here.`),
  note: (name, text) => `${name}: ${text}`,
};

/** @internal */
export interface SeatConfig {
  readonly client: Pick<TrueconfClient, 'chat' | 'history' | 'sendText' | 'forward'>;
  readonly seat: Seat;
  readonly texts: TrueconfSeatTexts;
  /** How many messages of the customer's chat are forwarded. */
  readonly transcript: number;
}

/** What the server does not tell is done without; a connection that is lost is another matter. */
const orElse =
  <T>(other: T) =>
  (thrown: unknown): Observable<T> =>
    thrown instanceof ChatError && (thrown.kind === 'refused' || thrown.kind === 'unsupported')
      ? of(other)
      : throwError(() => thrown);

/** @internal The name of a customer's chat, as operators see it. */
export const nameOfChat = (client: SeatConfig['client'], chatId: string): Observable<string> =>
  client.chat(chatId).pipe(
    map(({ title }) => title ?? chatId),
    catchError(orElse(chatId)),
  );

/**
 * Puts a customer before the operators: a heading, then the last messages of the chat, forwarded, in order. The ids of all of
 * them; each is linked as soon as it may be answered. Once the heading is there, a message that cannot be forwarded is left
 * out, and told of.
 *
 * @internal
 */
export const handOver = (
  { conversation, to, comment }: HandoffAction,
  { client, seat, texts, transcript }: SeatConfig,
): Observable<readonly string[]> => {
  const chatId = conversation.id;
  const said: Observable<readonly TrueconfMessage[]> =
    transcript === 0 ? of([]) : client.history(chatId, { count: transcript }).pipe(catchError(orElse([])));
  return forkJoin([nameOfChat(client, chatId), said]).pipe(
    switchMap(([name, messages]) => {
      const heading = texts.heading({ name, to, ...(comment !== undefined && { comment }) });
      // What changed the chat cannot be forwarded.
      const ids = messages.flatMap(({ type, messageId }) => (type >= 200 ? [messageId] : []));
      return client.sendText(seat.conversation.id, heading).pipe(
        switchMap(({ messageId }) =>
          concat(of(messageId), forwarded(ids, client, seat, texts)).pipe(
            concatMap((id) => concat(seat.link([id], conversation).pipe(ignoreElements()), of(id))),
            toArray(),
            catchError((thrown: unknown) => throwError(() => partly('handoff', thrown))),
          ),
        ),
      );
    }),
  );
};

/** The ids of what could be forwarded. After a failure of the connection, no more is tried. */
const forwarded = (
  ids: readonly string[],
  client: SeatConfig['client'],
  { conversation }: Seat,
  texts: TrueconfSeatTexts,
): Observable<string> =>
  defer(() => {
    let missing = ids.length;
    return concat(
      from(ids).pipe(
        concatMap((id) =>
          client.forward(conversation.id, id).pipe(
            map(({ messageId }) => {
              missing--;
              return messageId;
            }),
            catchError((thrown: unknown) => of(toChatError('trueconf', thrown))),
          ),
        ),
        takeWhile((result) => typeof result === 'string' || result.kind === 'refused'),
        concatMap((result) => (typeof result === 'string' ? [result] : [])),
      ),
      defer(() => (missing === 0 ? EMPTY : client.sendText(conversation.id, texts.missing(missing)))).pipe(
        ignoreElements(),
        catchError(() => EMPTY),
      ),
    );
  });

/** @internal Some of it can be seen, so that it must not be done again. */
export const partly = (what: string, thrown: unknown): ChatError => {
  const cause = toChatError('trueconf', thrown);
  const { kind, reason, status } = cause;
  return new ChatError(kind, 'trueconf', `${what} was done in part, then failed`, {
    cause,
    inDoubt: true,
    reason,
    status,
  });
};
