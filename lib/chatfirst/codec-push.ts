import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { InboundEvent, MessageEvent, Reply } from '../model/index.js';
import type { Writable } from '../writable.js';
import type { ChatfirstArrival } from './codec-call.js';
import { decodeOutput, type ChatfirstTextEncoding } from './codec-output.js';
import { outputReplies } from './codec-reply.js';
import type { ChatfirstEntity, ChatfirstOutputMessage } from './model.js';
import { splitUrl } from './wire.js';

/** To whom a push to a channel goes. */
export interface ChatfirstPushTarget {
  readonly userToken: string;
  readonly bot: string;
  readonly user: string;
}

/** Whom a path names, `undefined` when it is none of `${mount}/{userToken}/{bot}/{user}`. */
export const decodePushPath = (url: string, mount: string): ChatfirstPushTarget | undefined => {
  const [path] = splitUrl(url);
  if (!path.startsWith(`${mount}/`)) return undefined;
  try {
    const [userToken = '', bot = '', user = '', more] = path
      .slice(mount.length + 1)
      .split('/')
      .map(decodeURIComponent);
    return user === '' || bot === '' || more !== undefined ? undefined : { userToken, bot, user };
  } catch {
    return undefined;
  }
};

export const encodePushPath = ({ userToken, bot, user }: ChatfirstPushTarget, mount: string): string =>
  [mount, ...[userToken, bot, user].map(encodeURIComponent)].join('/');

const attachment = ({ imageUrl, name }: ChatfirstEntity): readonly { url: string; name?: string }[] =>
  imageUrl === undefined ? [] : [name === undefined ? { url: imageUrl } : { url: imageUrl, name }];

/** The messages of a push to a channel as events, whose ids are the platform's. */
export const decodePush = (
  json: unknown,
  { user, bot }: Omit<ChatfirstPushTarget, 'userToken'>,
  { at, channel = 'custom' }: Omit<ChatfirstArrival, 'id' | 'account'>,
  texts: ChatfirstTextEncoding = 'plain',
): E.Either<ChatError, readonly MessageEvent[]> => {
  const output = decodeOutput(json, texts);
  if (E.isLeft(output)) return output;
  const wire = Wire.is(json) ? json.Messages : [];
  const { talkId, messages } = output.right;
  const platform = 'chatfirst';
  const conversation = { platform, account: bot, id: user, channel };
  return E.right(
    messages.map((message, index): MessageEvent => {
      const pictures = [...(message.photo === undefined ? [] : [message.photo]), ...message.entities].flatMap(
        attachment,
      );
      const event: Writable<MessageEvent> = {
        kind: 'message',
        id: `${talkId}-${message.id}`,
        platform,
        conversation,
        at,
        sender: { role: 'bot' },
        text: message.text ?? '',
        raw: wire[index],
      };
      if (pictures.length > 0) event.attachments = pictures;
      return event;
    }),
  );
};

const Wire = t.type({ Messages: t.UnknownArray });

/**
 * What an event of `fromChatfirstChannel` is to show, with the buttons and galleries that an event has no words for. Nothing
 * for other events. `prompt` stands above buttons without a text. Default: `Please choose:`.
 */
export const pushedReplies = (event: InboundEvent, prompt?: string): readonly Reply[] => {
  if (event.platform !== 'chatfirst' || event.kind !== 'message') return [];
  const decoded = decodeOutput({ TalkId: 0, Messages: [event.raw] }, 'plain');
  if (E.isLeft(decoded)) return [];
  const { text } = event;
  return outputReplies(
    { messages: decoded.right.messages.map((message): ChatfirstOutputMessage => ({ ...message, text })) },
    prompt,
  );
};

/** The id of a user whom a messenger knows by two: a sign of its own stands between them, so it is escaped in both. */
export const joinUserId = (room: string, person: string): string => [room, person].map(escapeHalf).join('-');

/** The two halves of such an id; `undefined` when it is none. */
export const splitUserId = (id: string): readonly [room: string, person: string] | undefined => {
  const [room, person, more] = id.split('-');
  if (room === undefined || person === undefined || more !== undefined) return undefined;
  try {
    return [decodeURIComponent(room), decodeURIComponent(person)];
  } catch {
    return undefined;
  }
};

const escapeHalf = (half: string): string => half.replaceAll('%', '%25').replaceAll('-', '%2D');
