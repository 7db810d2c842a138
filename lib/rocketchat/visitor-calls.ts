import { catchError, defer, EMPTY, expand, map, of, reduce, switchMap, tap, throwError, type Observable } from 'rxjs';
import { CallLanes } from '../call-lanes.js';
import { ChatError, toChatError } from '../errors.js';
import { atLeast } from '../range.js';
import type { RocketchatMessage, RocketchatVisitor } from './answers.js';
import type { RocketchatVisitorClient } from './client.js';
import { visitorTyping } from './requests-visitor.js';
import type { RocketchatHistoryOptions, RocketchatVisitedPage, RocketchatVisitorDraft } from './requests-visitor.js';
import type { Ddp } from './ddp.js';
import type { Files, RocketchatFileToSend, RocketchatUploadOptions } from './files.js';
import { checkedId, checkedText, checkedToken, newMessageId } from './ids.js';
import * as requests from './requests-visitor.js';
import type { Rest } from './rest.js';
import { RoomOwners } from './room-owners.js';
import type { Settings } from './settings.js';

/** What `inspect` of Node asks for. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');
/** Visitors whose rooms are asked for at once. */
const MANY = 100;
const PAGE = 50;

/** @internal What visitors share. */
export interface Shared {
  readonly settings: Settings;
  readonly rest: Rest;
  readonly ddp: Ddp;
  readonly files: Files;
  readonly owners: RoomOwners;
  /** Two calls at once could make two rooms. */
  readonly opening: CallLanes;
}
/** @internal */
export const sharedBy = (settings: Settings, rest: Rest, ddp: Ddp, files: Files): Shared => ({
  settings,
  rest,
  ddp,
  files,
  owners: new RoomOwners(settings.maxRooms),
  opening: new CallLanes('rocketchatClient', MANY, settings.maxQueued),
});

/** @internal */
export const checkedCount = (name: string, value: number): number => {
  if (!Number.isInteger(value) || value < 1 || value > 100)
    throw new RangeError(`rocketchatClient: ${name} must be a whole number from 1 to 100, got ${value}`);
  return value;
};

const INSTANT = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:?\d\d))?$/;
/** @internal @throws RangeError when it is no instant. */
export const checkedInstant = (name: string, value: string): string => {
  if (!INSTANT.test(value) || Number.isNaN(Date.parse(value)))
    throw new RangeError(`rocketchatClient: ${name} must be an ISO 8601 instant`);
  return value;
};

/** @internal Registers a visitor, or changes what is known of one. */
export const register = ({ rest, owners }: Shared, draft: RocketchatVisitorDraft): Observable<RocketchatVisitor> =>
  defer(() => {
    checkedToken(draft.token);
    return rest.ask('registerVisitor', requests.registerVisitor(draft)).pipe(
      tap(({ token }) => {
        owners.renamed(draft.token, token);
      }),
    );
  });

/**
 * @internal A message whose id was used before is stored once, whatever the answer: an error that gives no reason, an answer that
 * names no message, or the message itself. So it is read back. To visitors servers say why they do not show it, to agents they do
 * not; other refusals leave it in doubt.
 */
export const once = <M extends Pick<RocketchatMessage, 'id' | 'roomId'>>(
  send: Observable<M>,
  readBack: () => Observable<M>,
  rid: string,
  as: 'agent' | 'visitor',
): Observable<M> =>
  send.pipe(
    catchError((error: unknown) => {
      const isUnclear =
        error instanceof ChatError &&
        ((error.kind === 'refused' && error.reason === undefined) || error.kind === 'undecodable');
      if (!isUnclear) return throwError(() => error);
      return readBack().pipe(
        catchError((thrown: unknown) => {
          const { kind, reason } = toChatError('rocketchat', thrown);
          const isGone = kind === 'refused' && (reason === undefined ? as === 'agent' : reason !== 'notRocketChat');
          if (isGone) return throwError(() => error);
          const { status } = error;
          const details = { status, inDoubt: true, cause: thrown };
          const sentence = 'send gave no message, and it could not be looked at';
          return throwError(() => new ChatError(error.kind, 'rocketchat', sentence, details));
        }),
      );
    }),
    map((message) => {
      if (message.roomId === rid) return message;
      const sentence = 'send was refused: its id is that of a message in another room';
      throw new ChatError('conflict', 'rocketchat', sentence, { reason: 'idInUse' });
    }),
  );

/** @internal The calls of one visitor. Its state is private, so that nothing shows the token. */
export class VisitorCalls implements RocketchatVisitorClient {
  readonly #shared: Shared;
  readonly #token: string;

  /** @throws TypeError when the token is none. */
  constructor(shared: Shared, token: string) {
    this.#shared = shared;
    this.#token = token;
    try {
      checkedToken(token);
    } catch {
      throw new TypeError('rocketchatClient: token is blank, or has signs that cannot be sent');
    }
  }

  [INSPECT](): string {
    return `RocketchatVisitorClient(${this.#shared.settings.baseUrl})`;
  }

  get() {
    return this.#shared.rest.ask('visitor', requests.getVisitor(this.#token));
  }
  delete() {
    return this.#shared.rest.ask('deleteVisitor', requests.deleteVisitor(this.#token));
  }
  config(department?: string) {
    return this.#shared.rest.ask('config', requests.configOf(this.#token, department));
  }

  room({ rid, agent }: { readonly rid?: string; readonly agent?: string } = {}) {
    const { rest, owners, opening } = this.#shared;
    return defer(() => {
      if (rid !== undefined) this.#check(rid);
      if (agent !== undefined) checkedId('agent', agent);
      const call = rest.ask('room', requests.openRoom(this.#token, rid, agent)).pipe(
        tap(({ room }) => {
          owners.remember(room.id, this.#token);
        }),
      );
      return opening.run(
        this.#token,
        () => call,
        () => new ChatError('overflow', 'rocketchat', 'openRoom is not sent: too many rooms are being opened'),
      );
    });
  }
  send(rid: string, text: string, { id }: { readonly id?: string } = {}) {
    const { rest, settings } = this.#shared;
    return this.#in(rid, () => {
      checkedText(text, Infinity);
      const _id = id === undefined ? newMessageId(settings.randomId) : checkedId('id', id);
      const sent = rest.ask('message', requests.visitorSend(this.#token, rid, _id, text));
      return once(sent, () => rest.ask('message', requests.visitorMessage(this.#token, rid, _id)), rid, 'visitor');
    });
  }
  message(rid: string, id: string) {
    return this.#in(rid, () =>
      this.#shared.rest.ask('message', requests.visitorMessage(this.#token, rid, checkedId('id', id))),
    );
  }
  edit(rid: string, id: string, text: string) {
    return this.#in(rid, () =>
      this.#shared.rest.ask(
        'message',
        requests.visitorEdit(this.#token, rid, checkedId('id', id), checkedText(text, Infinity)),
      ),
    );
  }
  remove(rid: string, id: string) {
    return this.#in(rid, () =>
      this.#shared.rest.ask('done', requests.visitorRemove(this.#token, rid, checkedId('id', id))),
    );
  }

  history(rid: string, { limit = PAGE, before, offset = 0 }: RocketchatHistoryOptions = {}) {
    checkedCount('limit', limit);
    atLeast('rocketchatClient: offset', offset, 0);
    if (before !== undefined) checkedInstant('before', before);
    const page = before === undefined ? { limit, offset } : { limit, offset, before };
    return this.#in(rid, () =>
      this.#shared.rest
        .ask('history', requests.visitorHistory(this.#token, rid, page))
        .pipe(map((messages) => [...messages].reverse())),
    );
  }
  historySince(
    rid: string,
    isKnown: (message: RocketchatMessage) => boolean,
    { maxMessages = 1_000 }: { readonly maxMessages?: number } = {},
  ): Observable<readonly RocketchatMessage[]> {
    if (!(maxMessages >= 1))
      throw new RangeError(`rocketchatClient: maxMessages must be at least 1, got ${maxMessages}`);
    return defer(() => {
      const found = new Map<string, RocketchatMessage>();
      const page = (before?: string, offset = 0): Observable<Page> =>
        this.history(rid, before === undefined ? { offset } : { before, offset }).pipe(
          map((messages) => ({ messages, before, offset })),
        );
      const next = ({ messages, before, offset }: Page): Observable<Page> => {
        for (const message of messages) if (!isKnown(message)) found.set(message.id, message);
        if (found.size > maxMessages) {
          const sentence = `history has more than ${maxMessages} messages that are not known`;
          throw new ChatError('overflow', 'rocketchat', sentence);
        }
        const [oldest] = messages;
        // What is not full is the last; what is known ends it.
        if (oldest === undefined || messages.length < PAGE || messages.some(isKnown)) return EMPTY;
        // `before` is strict, and others may have been written in the same millisecond, more even than a page has.
        const border = new Date(Date.parse(oldest.at) + 1).toISOString();
        return border === before ? page(before, offset + PAGE) : page(border);
      };
      return page().pipe(
        expand(next),
        reduce(() => undefined, undefined),
        map(() => [...found.values()].sort(inOrder)),
      );
    });
  }

  close(rid: string) {
    return this.#in(rid, () =>
      this.#shared.rest.ask('done', requests.visitorClose(this.#token, rid)).pipe(catchError(closedAlready)),
    );
  }
  transfer(rid: string, department: string) {
    const { rest } = this.#shared;
    return this.#in(rid, () => {
      checkedId('department', department);
      return rest.version$.pipe(
        switchMap((version) => rest.ask('transfer', requests.visitorTransfer(this.#token, rid, department, version))),
      );
    });
  }
  upload(rid: string, file: RocketchatFileToSend, options: RocketchatUploadOptions = {}) {
    return this.#in(rid, () => this.#shared.files.ofVisitor(this.#token, rid, file, options));
  }
  download(rid: string, url: string) {
    return this.#in(rid, () => this.#shared.files.get(url, { rid, token: this.#token }));
  }
  agent(rid: string) {
    return this.#in(rid, () => this.#shared.rest.ask('agent', requests.agentOf(this.#token, rid)));
  }
  nextAgent(department?: string) {
    return this.#shared.rest.ask('nextAgent', requests.nextAgent(this.#token, department));
  }
  setCustomFields(
    fields: Readonly<Record<string, string>>,
    { overwrite = true }: { readonly overwrite?: boolean } = {},
  ) {
    return this.#shared.rest.ask('done', requests.setFields(this.#token, fields, overwrite));
  }
  setStatus(status: 'online' | 'away' | 'offline' | 'busy') {
    return this.#shared.rest.ask('done', requests.visitorStatus(this.#token, status));
  }
  visitPage(page: RocketchatVisitedPage, rid?: string) {
    return defer(() => {
      if (rid !== undefined) this.#check(rid);
      return this.#shared.rest.ask('done', requests.pageVisited(this.#token, rid, page));
    });
  }
  requestTranscript(rid: string, email: string) {
    return this.#in(rid, () => this.#shared.rest.ask('done', requests.requestTranscript(this.#token, rid, email)));
  }
  typing(rid: string, name: string, active = true) {
    return this.#in(rid, () =>
      this.#shared.ddp
        .call({ ...visitorTyping(this.#token, rid, name, active), isRepeatable: true })
        .pipe(map(() => undefined)),
    );
  }
  stream(stream: 'room-messages' | 'livechat-room' | 'notify-room', rid: string, what?: string) {
    return this.#in(rid, () =>
      this.#shared.ddp.stream(stream, what === undefined ? rid : `${rid}/${what}`, this.#token),
    );
  }

  #in<T>(rid: string, call: () => Observable<T>): Observable<T> {
    return defer(() => {
      this.#check(rid);
      return call();
    });
  }
  #check(rid: string): void {
    this.#shared.owners.check(checkedId('rid', rid), this.#token);
  }
}

interface Page {
  readonly messages: readonly RocketchatMessage[];
  readonly before: string | undefined;
  readonly offset: number;
}

const inOrder = (one: RocketchatMessage, other: RocketchatMessage): number =>
  Date.parse(one.at) - Date.parse(other.at) || (one.id < other.id ? -1 : 1);

const CLOSED: ReadonlySet<string> = new Set(['room-closed', 'error-room-closed', 'error-room-already-closed']);
/** @internal Whether an error says that the room is closed. */
export const saysClosed = (error: unknown): boolean => error instanceof ChatError && CLOSED.has(error.reason ?? '');
/** @internal What is closed has been closed. */
export const closedAlready = (error: unknown): Observable<undefined> =>
  saysClosed(error) ? of(undefined) : throwError(() => error);
