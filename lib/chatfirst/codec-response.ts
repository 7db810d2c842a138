import { either as E } from 'fp-ts';
import type * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { Json, JsonObject } from '../model/index.js';
import type { Writable } from '../writable.js';
import type { ChatfirstEntity, ChatfirstResponse } from './model.js';
import { given, type Keyboard, read, Response, textsIn, undecodable, type WireEntity } from './wire.js';

/** An entity as it goes on the wire, every key of it. */
export const encodeEntity = ({ handle, name, description, imageUrl, options }: ChatfirstEntity): JsonObject => ({
  Handle: handle ?? '',
  Name: name ?? null,
  Description: description ?? null,
  ImageUrl: imageUrl ?? null,
  EntityOptions: options,
});

/** @internal */
export const entityOf = ({ Handle, Name, Description, ImageUrl, EntityOptions }: WireEntity): ChatfirstEntity => {
  const entity: Writable<ChatfirstEntity> = { options: textsIn(EntityOptions) };
  if (given(Handle)) entity.handle = Handle;
  if (given(Name)) entity.name = Name;
  if (given(Description)) entity.description = Description;
  if (given(ImageUrl)) entity.imageUrl = ImageUrl;
  return entity;
};

/** @internal */
export const entitiesOf = (
  list: readonly (WireEntity | null | undefined)[] | null | undefined,
): readonly ChatfirstEntity[] => (list ?? []).flatMap((entity) => (entity ? [entityOf(entity)] : []));

const labelsIn = (keyboard: t.TypeOf<typeof Keyboard> | null | undefined): readonly string[] =>
  typeof keyboard === 'string' ? textsIn(keyboard.split(',').map((label) => label.trim())) : textsIn(keyboard?.flat());

/** What cannot be written as JSON is null. */
const asJson = (value: unknown): Json => {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? null : (JSON.parse(text) as Json);
};

/** An answer as it goes on the wire, every key of it: unset ones are null, as those of the official client. */
export const encodeResponse = (response: ChatfirstResponse): JsonObject => {
  const { messages, keyboard, entities, state, count, forcedMessage, extra } = response;
  return {
    Count: count ?? null,
    Messages: messages,
    ForcedState: state ?? null,
    ForcedKeyboard: keyboard.length === 0 ? null : keyboard,
    Entities: entities.map(encodeEntity),
    ForcedMessage: asJson(forcedMessage),
    ...extra,
  };
};

const KEYS = ['Count', 'Messages', 'ForcedState', 'ForcedKeyboard', 'Entities', 'ForcedMessage'];

/**
 * An answer to talk, the body of a push, or what an adapter answered. Any key may be missing or null, but not all; an empty
 * state is none, and a keyboard is read in all forms that were seen, row after row.
 */
export const decodeResponse = (json: unknown): E.Either<ChatError, ChatfirstResponse> => {
  const decoded = read(Response, json, 'an answer');
  if (E.isLeft(decoded)) return decoded;
  if (!KEYS.some((key) => Object.hasOwn(decoded.right, key))) {
    return E.left(undecodable('an answer', ['the body has no key of an answer']));
  }
  const { Count, Messages, ForcedState, ForcedKeyboard, Entities, ForcedMessage } = decoded.right;
  const response: Writable<ChatfirstResponse> = {
    messages: (Messages ?? []).filter((text) => typeof text === 'string'),
    keyboard: labelsIn(ForcedKeyboard),
    entities: entitiesOf(Entities),
  };
  if (given(ForcedState)) response.state = ForcedState;
  if (typeof Count === 'number') response.count = Count;
  if (ForcedMessage !== undefined && ForcedMessage !== null) response.forcedMessage = ForcedMessage;
  return E.right(response);
};
