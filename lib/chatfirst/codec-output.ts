import { either as E } from 'fp-ts';
import type * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { Json, JsonObject } from '../model/index.js';
import type { Writable } from '../writable.js';
import { fromBase64, toBase64 } from './base64.js';
import { encodeEntity, entitiesOf, entityOf } from './codec-response.js';
import type { ChatfirstOutput, ChatfirstOutputMessage } from './model.js';
import { Output, read, textsIn } from './wire.js';

/**
 * How texts are written. `base64`: as base64, and what is none is read as it is. `plain`: as they are. `auto` reads what can
 * be read as base64 that way and writes plain; a plain `Zm9v` comes out as `foo`.
 */
export type ChatfirstTextEncoding = 'plain' | 'base64' | 'auto';

const idText = (id: number | string): string => String(id);
/** A number where that loses nothing. */
const idOf = (id: string): Json => (/^(0|-?[1-9]\d{0,14})$/.test(id) ? Number(id) : id);

export const encodeOutput = (
  { talkId, messages }: ChatfirstOutput,
  texts: ChatfirstTextEncoding = 'base64',
): JsonObject => ({
  TalkId: idOf(talkId),
  Messages: messages.map(({ id, text, photo, entities, keyboard }) => ({
    MessageId: idOf(id),
    Text: text === undefined ? null : texts === 'base64' ? toBase64(text) : text,
    Photo: photo === undefined ? null : encodeEntity(photo),
    LinkedEntities: entities.length === 0 ? null : entities.map(encodeEntity),
    KeyboardOptions: keyboard.length === 0 ? null : keyboard,
  })),
});

type WireMessage = t.TypeOf<typeof Output>['Messages'][number];

const messageOf = (wire: WireMessage, texts: ChatfirstTextEncoding): ChatfirstOutputMessage => {
  const { MessageId, Text, Photo, LinkedEntities, KeyboardOptions } = wire;
  const message: Writable<ChatfirstOutputMessage> = {
    id: idText(MessageId),
    entities: entitiesOf(LinkedEntities),
    keyboard: (KeyboardOptions ?? []).map(textsIn).filter((row) => row.length > 0),
  };
  if (typeof Text === 'string') message.text = texts === 'plain' ? Text : (fromBase64(Text) ?? Text);
  if (Photo) message.photo = entityOf(Photo);
  return message;
};

/** The answer to talk in its second generation, or the body of a push to a channel. */
export const decodeOutput = (
  json: unknown,
  texts: ChatfirstTextEncoding = 'base64',
): E.Either<ChatError, ChatfirstOutput> =>
  E.map(({ TalkId, Messages }: t.TypeOf<typeof Output>): ChatfirstOutput => ({
    talkId: idText(TalkId),
    messages: Messages.map((message) => messageOf(message, texts)),
  }))(read(Output, json, 'an output message'));

/** Keys in front of a number that has more digits than a number can hold. A text cannot hold them: its quotes are escaped. */
const LONG_ID = /([{,]\s*"(?:TalkId|MessageId)"\s*:\s*)(-?\d{16,})/g;

/**
 * JSON in which ids of 64 bits keep their digits: they become texts.
 *
 * @throws SyntaxError when it is no JSON.
 */
export const parseOutput = (text: string): unknown => JSON.parse(text.replace(LONG_ID, '$1"$2"')) as unknown;
