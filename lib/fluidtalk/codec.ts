import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import type { JsonObject } from '../model/index.js';
import { multipart, type FormPart } from '../transport/multipart.js';
import { spelled, type FluidtalkCommand, type FluidtalkPicture } from './command.js';

/** A call as it goes on the wire: where to, and the fields in their order. */
export interface FluidtalkWire {
  readonly path: string;
  readonly fields: readonly FormPart[];
}

const PREFIX = '/api/v1/bot';

/** `FormData` makes `\r\n` of every line break, and url-encoding leaves them: the same text must be the same in both. */
const oneLineBreak = (text: string): string => text.replace(/\r\n?/g, '\n');

const partOf = ({ bytes, mimeType, fileName = '' }: FluidtalkPicture): FormPart => ({
  name: 'file',
  bytes,
  fileName: fileName === '' ? 'image.jpg' : fileName,
  mimeType,
});

/** A field that is empty is not sent at all. */
const wireOf = (
  path: string,
  texts: Readonly<Record<string, string | undefined>>,
  file?: FluidtalkPicture,
): FluidtalkWire => {
  const fields: FormPart[] = [];
  for (const [name, value = ''] of Object.entries(texts)) {
    if (value !== '') fields.push({ name, value: oneLineBreak(value) });
  }
  if (file !== undefined) fields.push(partOf(file));
  return { path: `${PREFIX}/${path}`, fields };
};

/**
 * A call as form fields, in the order of the official client 1.0.0 (read 2025-03-01). `ownUsername` stands in where the call
 * names none.
 */
export const encodeCommand = (command: FluidtalkCommand, ownUsername?: string): FluidtalkWire => {
  if (command.kind === 'uploadImage') return wireOf('upload', {}, command);
  const target = spelled(command.target);
  const own = command.ownUsername === undefined || command.ownUsername === '' ? ownUsername : command.ownUsername;
  switch (command.kind) {
    case 'inboundChat': {
      const { message, imageUrl, file } = command;
      return wireOf('chat', { target, message, own_username: own, image_url: imageUrl }, file);
    }
    case 'aiOpener': {
      const { imageUrl, file } = command;
      return wireOf('action', { target, action: 'OUTREACH', own_username: own, image_url: imageUrl }, file);
    }
    case 'eventTrigger': {
      const { eventType, context = {}, imageUrl, file } = command;
      const fields = {
        target,
        action: 'ENTRY_POINT',
        entry_type: eventType,
        entry_context: Object.keys(context).length === 0 ? '' : JSON.stringify(context),
        own_username: own,
        image_url: imageUrl,
      };
      return wireOf('action', fields, file);
    }
    case 'followUp':
      return wireOf('action', { target, action: 'FOLLOW_UP', own_username: own });
  }
};

/** A body and its type: url-encoded without a file, else `multipart/form-data`. */
export const encodeFields = (
  fields: readonly FormPart[],
  alwaysMultipart = false,
): { readonly contentType: string; readonly body: string | Uint8Array } => {
  const texts = fields.flatMap((field): [string, string][] => ('value' in field ? [[field.name, field.value]] : []));
  return alwaysMultipart || texts.length < fields.length
    ? multipart(fields)
    : { contentType: 'application/x-www-form-urlencoded', body: new URLSearchParams(texts).toString() };
};

const undecodable = (sentence: string): E.Either<ChatError, never> =>
  E.left(new ChatError('undecodable', 'fluidtalk', sentence, { problems: [sentence] }));

const contextIn = (text: string): JsonObject | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return t.UnknownRecord.is(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
};

/** The call that a form makes, for relays and specs: what comes from a stranger is checked by the client that repeats it. */
export const decodeCommand = ({ path, fields }: FluidtalkWire): E.Either<ChatError, FluidtalkCommand> => {
  const texts = new Map<string, string>();
  let file: FluidtalkPicture | undefined;
  for (const field of fields) {
    if ('value' in field) texts.set(field.name, oneLineBreak(field.value));
    else if (field.name === 'file') {
      const { bytes, fileName, mimeType = 'application/octet-stream' } = field;
      file = { bytes, fileName, mimeType };
    }
  }
  const text = (name: string): string => texts.get(name) ?? '';
  const ownUsername = text('own_username');
  const to = { target: spelled(text('target')), ...(ownUsername !== '' && { ownUsername }) };
  const imageUrl = text('image_url');
  const picture = { ...(imageUrl !== '' && { imageUrl }), ...(file !== undefined && { file }) };

  switch (path.startsWith(`${PREFIX}/`) ? path.slice(PREFIX.length + 1) : '') {
    case 'upload':
      return file === undefined ? undecodable('a form has no file') : E.right({ kind: 'uploadImage', ...file });
    case 'chat':
      return E.right({ kind: 'inboundChat', message: text('message'), ...to, ...picture });
    case 'action': {
      if (text('action') === 'OUTREACH') return E.right({ kind: 'aiOpener', ...to, ...picture });
      if (text('action') === 'FOLLOW_UP') return E.right({ kind: 'followUp', ...to });
      if (text('action') !== 'ENTRY_POINT') return undecodable('action is none of OUTREACH, ENTRY_POINT, FOLLOW_UP');
      const said = text('entry_context');
      const context = said === '' ? {} : contextIn(said);
      if (context === undefined) return undecodable('entry_context is not a JSON object');
      const event = { eventType: text('entry_type'), ...(said !== '' && { context }) };
      return E.right({ kind: 'eventTrigger', ...event, ...to, ...picture });
    }
    default:
      return undecodable('a form goes to none of chat, action, upload');
  }
};
