import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import { maybe, read, undecodable } from './codec-wire.js';

/** An error of a call or subscription, as it came. */
export interface RocketchatFrameError {
  /** `403`, `not-allowed`, `too-many-requests`. */
  readonly error: string | number;
  readonly reason?: string | null | undefined;
  readonly message?: string | null | undefined;
  readonly details?: unknown;
}

/** A frame of the socket, either way. `other` is one that nobody has to know: `updated`, a first `server_id`. */
export type RocketchatFrame =
  | {
      readonly msg: 'connect';
      readonly version: string;
      readonly support: readonly string[];
      readonly session?: string;
    }
  | { readonly msg: 'connected'; readonly session: string }
  | { readonly msg: 'failed'; readonly version: string }
  | { readonly msg: 'ping' | 'pong'; readonly id?: string }
  | { readonly msg: 'method'; readonly method: string; readonly id: string; readonly params: readonly unknown[] }
  | {
      readonly msg: 'result';
      readonly id: string;
      readonly result?: unknown;
      readonly error?: RocketchatFrameError | null | undefined;
    }
  | { readonly msg: 'sub'; readonly id: string; readonly name: string; readonly params: readonly unknown[] }
  | { readonly msg: 'unsub'; readonly id: string }
  | { readonly msg: 'ready'; readonly subs: readonly string[] }
  | { readonly msg: 'nosub'; readonly id: string; readonly error?: RocketchatFrameError | null | undefined }
  | {
      readonly msg: 'changed';
      readonly collection: string;
      readonly id: string;
      readonly fields: { readonly eventName: string; readonly args: readonly unknown[] };
    }
  | {
      readonly msg: 'added';
      readonly collection: string;
      readonly id: string;
      readonly fields?: Readonly<Record<string, unknown>>;
    }
  | { readonly msg: 'removed'; readonly collection: string; readonly id: string }
  | { readonly msg: 'other'; readonly frame: Readonly<Record<string, unknown>> };

const FrameError: t.Type<RocketchatFrameError> = t.intersection([
  t.type({ error: t.union([t.string, t.number]) }),
  t.partial({ reason: maybe(t.string), message: maybe(t.string), details: t.unknown }),
]);
const Ping = t.partial({ id: t.string });
const SHAPES: Readonly<Record<string, t.Mixed>> = {
  connect: t.intersection([
    t.type({ version: t.string, support: t.array(t.string) }),
    t.partial({ session: t.string }),
  ]),
  connected: t.type({ session: t.string }),
  failed: t.type({ version: t.string }),
  ping: Ping,
  pong: Ping,
  method: t.type({ method: t.string, id: t.string, params: t.array(t.unknown) }),
  result: t.intersection([t.type({ id: t.string }), t.partial({ result: t.unknown, error: maybe(FrameError) })]),
  sub: t.type({ id: t.string, name: t.string, params: t.array(t.unknown) }),
  unsub: t.type({ id: t.string }),
  ready: t.type({ subs: t.array(t.string) }),
  nosub: t.intersection([t.type({ id: t.string }), t.partial({ error: maybe(FrameError) })]),
  added: t.intersection([t.type({ collection: t.string, id: t.string }), t.partial({ fields: t.UnknownRecord })]),
  removed: t.type({ collection: t.string, id: t.string }),
};
const Changed = t.type({
  collection: t.string,
  id: t.string,
  fields: t.type({ eventName: t.string, args: t.array(t.unknown) }),
});

/** What was received as text. A `changed` that is no event of a stream is `other`, like every `msg` that we do not know. */
export const decodeFrame = (text: string): E.Either<ChatError, RocketchatFrame> => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return E.left(undecodable('a frame', ['the frame is not JSON']));
  }
  if (!t.UnknownRecord.is(json) || Array.isArray(json))
    return E.left(undecodable('a frame', ['the frame is not an object']));
  const { msg, collection } = json;
  if (msg === 'changed' && typeof collection === 'string' && collection.startsWith('stream-')) {
    const changed = read(Changed, json, 'a changed frame');
    if (E.isLeft(changed)) return changed;
    const { id, fields } = changed.right;
    return E.right({ msg, collection, id, fields });
  }
  if (typeof msg !== 'string' || !Object.hasOwn(SHAPES, msg)) return E.right({ msg: 'other', frame: json });
  const shape = SHAPES[msg];
  // The shape belongs to this `msg`, which the compiler cannot see.
  return read(shape as t.Type<RocketchatFrame>, json, `a ${msg} frame`);
};

export const encodeFrame = (frame: RocketchatFrame): string =>
  JSON.stringify(frame.msg === 'other' ? frame.frame : frame);
