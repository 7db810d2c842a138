import { either as E } from 'fp-ts';
import type * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import type { Json } from '../model/index.js';
import type { Writable } from '../writable.js';
import type { ChatfirstMessage } from './model.js';
import { Message, read } from './wire.js';

/** What a user said, as it goes on the wire. What only the second generation knows goes out when it is set. */
export const encodeMessage = (message: ChatfirstMessage): Readonly<Record<string, Json>> => {
  const { user, text, userName, firstName, lastName, picture, locale, timeZone, gender } = message;
  const wire: Record<string, Json> = {
    InterlocutorId: user,
    Text: text,
    Username: userName ?? null,
    FirstName: firstName ?? null,
    LastName: lastName ?? null,
  };
  if (picture !== undefined) wire['ProfilePic'] = picture;
  if (locale !== undefined) wire['Locale'] = locale;
  if (timeZone !== undefined) wire['Timezone'] = timeZone;
  if (gender !== undefined) wire['Gender'] = gender;
  return wire;
};

export const decodeMessage = (json: unknown): E.Either<ChatError, ChatfirstMessage> =>
  E.map((wire: t.TypeOf<typeof Message>): ChatfirstMessage => {
    const { Username, FirstName, LastName, ProfilePic, Locale, Timezone, Gender } = wire;
    const message: Writable<ChatfirstMessage> = { user: wire.InterlocutorId, text: wire.Text };
    if (typeof Username === 'string') message.userName = Username;
    if (typeof FirstName === 'string') message.firstName = FirstName;
    if (typeof LastName === 'string') message.lastName = LastName;
    if (typeof ProfilePic === 'string') message.picture = ProfilePic;
    if (typeof Locale === 'string') message.locale = Locale;
    if (typeof Timezone === 'number') message.timeZone = Timezone;
    if (typeof Gender === 'string') message.gender = Gender;
    return message;
  })(read(Message, json, 'a message'));
