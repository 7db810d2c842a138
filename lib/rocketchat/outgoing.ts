import { either as E } from 'fp-ts';
import { catchError, concatMap, map, switchMap, throwError, type Observable } from 'rxjs';
import { ChatError } from '../errors.js';
import type {
  ForwardAction,
  HandoffAction,
  Media,
  MediaAction,
  OutboundAction,
  TextAction,
  TypingAction,
} from '../model/index.js';
import { fetchMedia, type MediaFetch } from '../outgoing-media.js';
import type { Download } from '../transport/download.js';
import type { RocketchatMessage, RocketchatRoom } from './answers.js';
import type { RocketchatClient, RocketchatVisitorClient } from './client.js';
import { encodeAction, type RocketchatDialect } from './codec-action.js';
import { decodeMade } from './codec-answer.js';
import type { RocketchatRequest } from './codec-request.js';
import type { RocketchatFileToSend } from './files.js';
import { giveOver, transferFor, type HandoverClient } from './handover.js';
import { checkedId, messageIdOf } from './ids.js';
import type { Reopening } from './reopening.js';
import type { Typing } from './typing-marks.js';
import { closedAlready, once } from './visitor-calls.js';

/** What `toRocketChat` needs of a client. */
export type RocketchatOutbound = HandoverClient &
  Pick<
    RocketchatClient,
    'request' | 'asVisitor' | 'room' | 'message' | 'upload' | 'uploadMedia' | 'download' | 'typing' | 'version$'
  >;

/** @internal As whom actions are sent. */
export type Side =
  | {
      readonly as: 'agent';
      readonly hasButtons: boolean;
      readonly closingComment: string | undefined;
      readonly maxTextLength: number;
    }
  | {
      readonly as: 'visitor';
      readonly token: string;
      readonly name: string | undefined;
      readonly maxTextLength: number;
    };

/** @internal How actions become calls. */
export interface OutgoingRules {
  readonly client: RocketchatOutbound;
  readonly files: ((media: Media) => Observable<RocketchatFileToSend> | undefined) | undefined;
  readonly fetching: Omit<MediaFetch, 'ours'>;
  /** What becomes of what is said to a room that is closed; nothing, where it is not sent. */
  readonly reopening: Reopening | undefined;
}

type Ids = Observable<readonly string[]>;

/** What answers with the message that it made or changed. */
const MESSAGES: ReadonlySet<string> = new Set(['send', 'edit']);
/** A file of the server, as its events name it. */
const isOurs = (url: string): boolean => /^\/[^/\\]/.test(url);

const right = <T>(encoded: E.Either<ChatError, T>): T => {
  if (E.isLeft(encoded)) throw encoded.left;
  return encoded.right;
};
const unsupported = (sentence: string, reason?: string): ChatError =>
  new ChatError('unsupported', 'rocketchat', sentence, reason === undefined ? {} : { reason });

/** @internal One side of the conversations: a visitor, or the agent that we are. The ids are those of messages that can be seen. */
export class Outgoing {
  readonly #rules: OutgoingRules;
  readonly #side: Side;
  readonly #visitor: RocketchatVisitorClient | undefined;

  constructor(rules: OutgoingRules, side: Side) {
    this.#rules = rules;
    this.#side = side;
    this.#visitor = side.as === 'visitor' ? rules.client.asVisitor(side.token) : undefined;
  }

  /** Cold, once it can be sent. @throws ChatError when it cannot be. */
  send(action: Exclude<OutboundAction, TypingAction>): Ids {
    checkedId('the id of the conversation', action.conversation.id);
    switch (action.kind) {
      case 'text':
      case 'media':
        return this.#said(action);
      case 'forward':
        return this.#forward(action);
      case 'handoff':
        return this.#handoff(action);
      case 'end':
        return this.#encoded(action).pipe(catchError(closedAlready), map(nobodySees));
      case 'note':
      case 'updateContact':
      case 'updateConversation':
        return this.#visitor === undefined ? this.#info(action) : this.#encoded(action);
      default:
        return this.#encoded(action);
    }
  }

  /** Of a visitor, to a new room where the old one is closed, if that is wanted. */
  #said(action: TextAction | MediaAction): Ids {
    const to = (said: TextAction | MediaAction): Ids =>
      said.kind === 'media' ? this.#media(said) : this.#encoded(said);
    const { reopening } = this.#rules;
    const { conversation } = action;
    if (reopening === undefined || this.#visitor === undefined) return to(action);
    return reopening.send(this.#visitor, conversation.id, (id) =>
      to({ ...action, conversation: { ...conversation, id } }),
    );
  }

  /** @throws ChatError `unsupported` when there is nothing to show. */
  typing({ conversation, visible }: TypingAction): Typing {
    const rid = checkedId('the id of the conversation', conversation.id);
    if (visible === false) throw unsupported('the server knows no pause that nobody sees');
    const visitor = this.#visitor;
    if (this.#side.as === 'agent' || visitor === undefined)
      return (isActive) => this.#rules.client.typing(rid, isActive);
    const { name } = this.#side;
    if (name === undefined) throw unsupported('typing needs a name to show');
    return (isActive) => visitor.typing(rid, name, isActive);
  }

  /** Whose side it is, where it is a visitor's. */
  get visitor(): RocketchatVisitorClient | undefined {
    return this.#visitor;
  }

  /** A message, by whoever may see it. */
  message(rid: string, id: string): Observable<RocketchatMessage> {
    return this.#visitor === undefined ? this.#rules.client.message(id) : this.#visitor.message(rid, id);
  }

  #dialect(room?: RocketchatRoom): RocketchatDialect {
    const side = this.#side;
    const { maxTextLength } = side;
    if (side.as === 'visitor') return { as: 'visitor', token: side.token, maxTextLength };
    const { hasButtons, closingComment } = side;
    return {
      as: 'agent',
      hasButtons,
      maxTextLength,
      ...(closingComment !== undefined && { closingComment }),
      ...(room?.visitor !== undefined && { visitorId: room.visitor.id, tags: room.tags }),
    };
  }

  #encoded(action: OutboundAction, room?: RocketchatRoom): Ids {
    const encoded = right(encodeAction(action, this.#dialect(room)));
    if (!('route' in encoded)) throw unsupported(`${action.kind} is no request`);
    return this.#ask(action, encoded);
  }

  #ask(action: OutboundAction, request: RocketchatRequest): Ids {
    const { client } = this.#rules;
    const { call } = request;
    const answered = client.request(request);
    if (!MESSAGES.has(call) && call !== 'confirmFile') return answered.pipe(map(nobodySees));
    const message = answered.pipe(map((json) => right(decodeMade(json, call))));
    const rid = action.conversation.id;
    // Sent again, it is one message, whatever the answer.
    const whole: typeof message =
      call === 'send' ? once(message, () => this.message(rid, messageIdOf(action.id)), rid, this.#side.as) : message;
    return whole.pipe(map(({ id }) => [id]));
  }

  #handoff(action: HandoffAction): Ids {
    const visitor = this.#visitor;
    const given = visitor === undefined ? giveOver(action, this.#rules.client) : transferFor(visitor, action);
    return given.pipe(map(nobodySees));
  }

  /** What is known of a visitor is changed with the visitor's id, and with the tags of the room, which would be lost. */
  #info(action: OutboundAction): Ids {
    const { client } = this.#rules;
    return client.room(action.conversation.id).pipe(switchMap((room) => this.#encoded(action, room)));
  }

  #media(action: MediaAction): Ids {
    const { media, caption, conversation, extra } = action;
    const { url, fileId } = media;
    if (url === undefined && fileId !== undefined && this.#visitor === undefined) return this.#encoded(action);
    if (extra !== undefined) throw unsupported('a file is sent with nothing more than its caption');
    return this.#upload(conversation.id, media, caption);
  }

  #upload(rid: string, media: Media, caption = ''): Ids {
    const { client } = this.#rules;
    const options = caption === '' ? {} : { text: caption };
    return this.#file(rid, media).pipe(
      switchMap((file) =>
        this.#visitor === undefined ? client.upload(rid, file, options) : this.#visitor.upload(rid, file, options),
      ),
      map(({ id }) => [id]),
    );
  }

  #file(rid: string, media: Media): Observable<RocketchatFileToSend> {
    const { client, files, fetching } = this.#rules;
    const given = files?.(media);
    if (given !== undefined) return given;
    const ours = ({ url }: Media): Observable<Download> | undefined => {
      if (url === undefined || !isOurs(url)) return undefined;
      return this.#visitor === undefined ? client.download(url) : this.#visitor.download(rid, url);
    };
    return fetchMedia(media, { ...fetching, ours });
  }

  /** A copy of a message: its file with what was said, or what was said. */
  #forward(action: ForwardAction): Ids {
    const { conversation, messageId, to, id } = action;
    if (to.platform !== 'rocketchat') throw unsupported(`a conversation of ${to.platform} is none of ours`);
    if (this.#visitor !== undefined) throw unsupported('the server has nothing for forward of a visitor');
    checkedId('the id of the conversation', to.id);
    return this.message(conversation.id, messageId).pipe(
      concatMap(({ text, media: [media], roomId }) => {
        if (roomId !== conversation.id) {
          const sentence = 'forward was refused: the message is in another room';
          return throwError(() => new ChatError('refused', 'rocketchat', sentence, { reason: 'room-does-not-match' }));
        }
        if (media !== undefined) return this.#upload(to.id, media, text);
        return this.#encoded({ kind: 'text', id, conversation: to, text });
      }),
    );
  }
}

const nobodySees = (): readonly string[] => [];
