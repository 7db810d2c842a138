import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import { problemsOf } from '../problems.js';

// The shapes on the wire, from the Python client (0.2) and the public C# bridge to Spark. Fields that we do not know are fine.

/** @internal What is unset is null with the official clients, and missing with others. */
export const maybe = <C extends t.Mixed>(codec: C): t.UnionC<[C, t.NullC, t.UndefinedC]> =>
  t.union([codec, t.null, t.undefined]);

const Texts = t.array(maybe(t.string));

/** @internal */
export const Bot = t.intersection([
  t.type({ name: t.string }),
  t.partial({ language: maybe(t.number), fancy_name: maybe(t.string), scenario: maybe(t.string) }),
]);

/** @internal */
export const Message = t.intersection([
  t.type({ InterlocutorId: t.string, Text: t.string }),
  t.partial({
    Username: maybe(t.string),
    FirstName: maybe(t.string),
    LastName: maybe(t.string),
    ProfilePic: maybe(t.string),
    Locale: maybe(t.string),
    Timezone: maybe(t.number),
    Gender: maybe(t.string),
  }),
]);

/** @internal */
export const Entity = t.partial({
  Handle: maybe(t.string),
  Name: maybe(t.string),
  Description: maybe(t.string),
  ImageUrl: maybe(t.string),
  EntityOptions: maybe(Texts),
});
/** @internal */
export type WireEntity = t.TypeOf<typeof Entity>;

/** @internal The form of `ForcedKeyboard` is not documented: a list, a list of rows, or one text with commas. */
export const Keyboard = t.union([t.string, t.array(t.union([Texts, t.string, t.null]))]);

/** @internal `Count` says nothing, and is written in many ways. */
export const Response = t.partial({
  Count: t.unknown,
  Messages: maybe(Texts),
  ForcedState: maybe(t.string),
  ForcedKeyboard: maybe(Keyboard),
  Entities: maybe(t.array(maybe(Entity))),
  ForcedMessage: t.unknown,
});

/** @internal Ids are opaque: beyond 2^53 they come as text, see `parseOutput`. */
export const Id = t.union([t.number, t.string]);

/** @internal */
export const Output = t.type({
  TalkId: Id,
  Messages: t.array(
    t.intersection([
      t.type({ MessageId: Id }),
      t.partial({
        Text: maybe(t.string),
        Photo: maybe(Entity),
        LinkedEntities: maybe(t.array(maybe(Entity))),
        KeyboardOptions: maybe(t.array(maybe(Texts))),
      }),
    ]),
  ),
});

/** @internal */
export const Channel = t.partial({
  Token: maybe(t.string),
  Name: maybe(t.string),
  UserToken: maybe(t.string),
  BotName: maybe(t.string),
});

/** @internal */
export const Broadcast = t.type({ message: t.string });

/** @internal What breaks the protocol; `what` begins the sentence. */
export const undecodable = (what: string, problems: readonly string[]): ChatError =>
  new ChatError('undecodable', 'chatfirst', `${what} breaks the protocol: ${problems.join('; ')}`, { problems });

/** @internal Asks first whether it is good, because decoding keeps a path for each value that it looks at. */
export const read = <T>(codec: t.Type<T, unknown>, value: unknown, what: string): E.Either<ChatError, T> => {
  if (codec.is(value)) return E.right(value);
  const decoded = codec.decode(value);
  return E.isLeft(decoded) ? E.left(undecodable(what, problemsOf(decoded.left))) : E.right(decoded.right);
};

/** @internal */
export const given = (text: string | null | undefined): text is string => typeof text === 'string' && text !== '';

/** @internal The texts of a list that say something. */
export const textsIn = (list: readonly (string | null | undefined)[] | null | undefined): readonly string[] =>
  (list ?? []).filter((text): text is string => given(text) && text.trim() !== '');

/** @internal The path and the query of an address, without the sign between them. */
export const splitUrl = (url: string): readonly [path: string, search: string] => {
  const [whole = ''] = url.split('#', 1);
  const at = whole.indexOf('?');
  return at < 0 ? [whole, ''] : [whole.slice(0, at), whole.slice(at + 1)];
};
