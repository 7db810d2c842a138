import { keyboardOf, textsIn, type ChatfirstBubble, type ChatfirstEntity } from './simulator-reply.js';
import type { Rules } from './simulator-rules.js';
import type { Walked } from './simulator-walk.js';

const entity = ({ handle, name, description, imageUrl, options }: ChatfirstEntity): object => ({
  Handle: handle,
  Name: name,
  ImageUrl: imageUrl,
  Description: description,
  EntityOptions: options,
});

const keyboard = (rows: ChatfirstBubble['keyboard'], shape: Rules['keyboardShape']): unknown => {
  if (rows === null || shape === 'rows') return rows;
  return shape === 'flat' ? rows.flat() : rows.flat().join(',');
};

/** @internal The answer of talk, first generation. */
export const actionResponse = (
  { bubbles, forcedMessage }: Walked,
  { count, keyboardShape }: Pick<Rules, 'count' | 'keyboardShape'>,
): string => {
  const texts = textsIn(bubbles);
  return JSON.stringify({
    Count: count(texts.length),
    Messages: texts,
    ForcedState: null,
    ForcedKeyboard: keyboard(keyboardOf(bubbles), keyboardShape),
    Entities: bubbles.flatMap(({ entities }) => entities.map(entity)),
    ForcedMessage: forcedMessage,
  });
};

/** @internal An OutputMessage, and the ids of its messages. */
export interface Output {
  readonly body: string;
  readonly messageIds: readonly number[];
}

/** @internal The answer of talk, second generation, and the body of a push to a bridge. */
export const outputMessage = (
  bubbles: readonly ChatfirstBubble[],
  talkId: bigint,
  messageId: () => number,
  encoding: 'plain' | 'base64',
): Output => {
  const messages = bubbles.map(({ text, keyboard: rows, entities }) => ({
    MessageId: messageId(),
    Text: text === null || encoding === 'plain' ? text : Buffer.from(text).toString('base64'),
    Photo: entities.length === 1 ? entities.map(entity)[0] : null,
    LinkedEntities: entities.length > 1 ? entities.map(entity) : null,
    KeyboardOptions: rows,
  }));
  return {
    // The id has 64 bits, which no number has room for.
    body: `{"TalkId":${talkId.toString()},"Messages":${JSON.stringify(messages)}}`,
    messageIds: messages.map(({ MessageId }) => MessageId),
  };
};
