import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import { read, undecodable } from './codec-wire.js';

/** A request: ours, or an event of the server, which waits for an answer. */
export interface TrueconfRequestFrame {
  readonly type: 1;
  readonly id: number;
  readonly method: string;
  readonly payload: unknown;
}
/** An answer: the server's, or ours, which acknowledges an event. */
export interface TrueconfAnswerFrame {
  readonly type: 2;
  readonly id: number;
  /** Absent where there is nothing to say. */
  readonly payload?: unknown;
}
export type TrueconfFrame = TrueconfRequestFrame | TrueconfAnswerFrame;

const isId = (value: unknown): value is number => typeof value === 'number' && value >>> 0 === value;
const Id = new t.Type<number>(
  'uint32',
  isId,
  (value, context) => (isId(value) ? t.success(value) : t.failure(value, context)),
  t.identity,
);
const Request = t.intersection([
  t.type({ type: t.literal(1), id: Id, method: t.string }),
  t.partial({ payload: t.unknown }),
]);
const Answer = t.intersection([t.type({ type: t.literal(2), id: Id }), t.partial({ payload: t.unknown })]);

/** How deep objects and arrays may be in each other: whoever walks through what is handed on does it by calling himself. */
const MAX_DEPTH = 1_000;

const isTooDeep = (text: string): boolean => {
  // What is opened is closed.
  if (text.length <= 2 * MAX_DEPTH) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === '"') at = endOfString(text, at);
    else if (sign === '{' || sign === '[') depth++;
    else if (sign === '}' || sign === ']') depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
};
const endOfString = (text: string, start: number): number => {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
};

/** What was received as text: the wire object itself, since events hand it on. */
export const decodeFrame = (text: string): E.Either<ChatError, TrueconfFrame> => {
  if (isTooDeep(text)) return E.left(undecodable('a frame', ['the frame is nested too deep']));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return E.left(undecodable('a frame', ['the frame is not JSON']));
  }
  const type = t.UnknownRecord.is(json) ? json['type'] : undefined;
  if (type === 1) return read(Request, json, 'a frame') as E.Either<ChatError, TrueconfFrame>;
  if (type === 2) return read(Answer, json, 'a frame');
  return E.left(undecodable('a frame', ['type is not 1 or 2']));
};

export const encodeFrame = (frame: TrueconfFrame): string => JSON.stringify(frame);
