import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import { problemsOf } from '../problems.js';
import type { Writable } from '../writable.js';
import type { FluidtalkCallName } from './command.js';
import { isOtherApi, OTHER_API } from './other-api.js';

/** What the persona says. No bubbles and no photo: it is silent, which is no error. */
export interface FluidtalkResult {
  /** What to send to the lead, in order. Texts of a stranger: escape them as your messenger needs it. */
  readonly bubbles: readonly string[];
  /** A photo to send behind them. An address of a stranger: see `photo` of the client. */
  readonly photoUrl?: string;
  /** The conversation at the server, for logs. */
  readonly sessionId?: string;
  /** Whether another account owns the lead: send nothing. */
  readonly ignored: boolean;
  /** An open set, for logs. */
  readonly ignoreReason?: string;
  /** What is strange about the answer although it could be read; no values. */
  readonly problems?: readonly string[];
  /** The answer as it came. */
  readonly raw: unknown;
}

/** One message of a reply. */
export type ReplyPart =
  | { readonly kind: 'bubble'; readonly index: number; readonly text: string }
  | { readonly kind: 'photo'; readonly index: number; readonly url: string };

/** What to send for a result, in order: the bubbles, then the photo. */
export const partsOf = ({ bubbles, photoUrl }: Pick<FluidtalkResult, 'bubbles' | 'photoUrl'>): readonly ReplyPart[] => {
  const parts: ReplyPart[] = bubbles.map((text, index) => ({ kind: 'bubble', index, text }));
  if (photoUrl !== undefined) parts.push({ kind: 'photo', index: parts.length, url: photoUrl });
  return parts;
};

const maybe = <C extends t.Mixed>(codec: C): t.UnionC<[C, t.NullC, t.UndefinedC]> =>
  t.union([codec, t.null, t.undefined]);

// Any key may be missing or null. A reply is paid for: what only accompanies it may be wrong.
const Accompanying = { session_id: t.unknown, ignored: maybe(t.boolean), ignore_reason: t.unknown };
const ChatAnswer = t.partial({
  reply: maybe(t.string),
  replies: maybe(t.array(maybe(t.string))),
  should_send_photo: t.unknown,
  photo_url: t.unknown,
  ...Accompanying,
});
const ActionAnswer = t.partial({ message: maybe(t.string), ...Accompanying });
const UploadAnswer = t.type({ url: t.string });

const isSaid = (text: string | null | undefined): text is string => typeof text === 'string' && text.trim() !== '';

const wrongShape = (
  call: FluidtalkCallName,
  json: unknown,
  problems: readonly string[],
): E.Either<ChatError, never> => {
  const inDoubt = call !== 'uploadImage';
  return E.left(
    isOtherApi(json)
      ? new ChatError('undecodable', 'fluidtalk', `${call}: ${OTHER_API}`, { inDoubt, reason: 'otherApi' })
      : new ChatError('undecodable', 'fluidtalk', `${call} was answered with what is no result`, { inDoubt, problems }),
  );
};

const read = <A>(call: FluidtalkCallName, codec: t.Decoder<unknown, A>, json: unknown): E.Either<ChatError, A> => {
  const decoded = codec.decode(json);
  if (E.isLeft(decoded)) return wrongShape(call, json, problemsOf(decoded.left));
  return isOtherApi(json) ? wrongShape(call, json, []) : decoded;
};

const withSession = (
  bubbles: readonly string[],
  { session_id, ignored, ignore_reason }: t.TypeOf<typeof ActionAnswer>,
  raw: unknown,
): Writable<FluidtalkResult> => {
  const result: Writable<FluidtalkResult> = {
    bubbles: ignored === true ? [] : bubbles,
    ignored: ignored === true,
    raw,
  };
  if (typeof session_id === 'string' || typeof session_id === 'number') result.sessionId = String(session_id);
  if (typeof ignore_reason === 'string') result.ignoreReason = ignore_reason;
  return result;
};

/** The answer to `inboundChat`. `replies` are the bubbles, `reply` where there are none; blank ones are left out. */
export const decodeChat = (json: unknown): E.Either<ChatError, FluidtalkResult> =>
  E.map((answer: t.TypeOf<typeof ChatAnswer>): FluidtalkResult => {
    const { reply, replies, should_send_photo: wanted, photo_url: url } = answer;
    const bubbles = (replies ?? []).filter(isSaid);
    const result = withSession(bubbles.length === 0 && isSaid(reply) ? [reply] : bubbles, answer, json);
    if (wanted !== true || result.ignored) return result;
    if (typeof url === 'string' && url !== '') result.photoUrl = url;
    else result.problems = ['should_send_photo is true, and photo_url is not a text'];
    return result;
  })(read('inboundChat', ChatAnswer, json));

/**
 * The answer to `aiOpener`, `eventTrigger` and `followUp`: one text, in which `|||` stands between bubbles. `splitBubbles`
 * false leaves it whole.
 */
export const decodeAction = (
  call: FluidtalkCallName,
  json: unknown,
  splitBubbles = true,
): E.Either<ChatError, FluidtalkResult> =>
  E.map((answer: t.TypeOf<typeof ActionAnswer>): FluidtalkResult => {
    const { message } = answer;
    const whole = isSaid(message) ? [message] : [];
    const bubbles = splitBubbles ? whole.flatMap((text) => text.split('|||').map((bubble) => bubble.trim())) : whole;
    return withSession(bubbles.filter(isSaid), answer, json);
  })(read(call, ActionAnswer, json));

/** The answer to `uploadImage`. */
export const decodeUpload = (json: unknown): E.Either<ChatError, { readonly url: string }> =>
  E.chain(({ url }: t.TypeOf<typeof UploadAnswer>) =>
    url === '' ? wrongShape('uploadImage', json, ['url is empty']) : E.right({ url }),
  )(read('uploadImage', UploadAnswer, json));
