// Parley's words and ours. Pure: what cannot be read is a value.
import { either as E, function as F } from 'fp-ts';
import * as t from 'io-ts';
import type { Conversation, InboundEvent } from 'tidewire';
import { problemsOf } from 'tidewire/platform';

const MessageFrame = t.type({
  type: t.literal('message'),
  id: t.string,
  chat: t.string,
  author: t.type({ id: t.string, name: t.string }),
  text: t.string,
  /** In seconds. */
  sent_at: t.number,
});
const ClosedFrame = t.type({ type: t.literal('closed'), id: t.string, chat: t.string, sent_at: t.number });
const OtherFrame = t.type({ type: t.string, id: t.string, chat: t.string, sent_at: t.number });

/** The answer to a message that was sent. */
export const Sent = t.type({ id: t.string });
/** Why Parley refuses: `chat_closed`. */
export const Refused = t.type({ error: t.string });

const conversationOf = (chat: string): Conversation => ({ platform: 'parley', id: chat, channel: 'parley' });
const at = (seconds: number): string => new Date(seconds * 1_000).toISOString();

const eventOf = (raw: unknown): E.Either<t.Errors, InboundEvent> => {
  const { type } = raw as { readonly type?: unknown };
  if (type === 'message')
    return F.pipe(
      MessageFrame.decode(raw),
      E.map(({ id, chat, author, text, sent_at }) => ({
        kind: 'message',
        id,
        platform: 'parley',
        conversation: conversationOf(chat),
        at: at(sent_at),
        sender: { role: 'customer', id: author.id, name: author.name },
        text,
        raw,
      })),
    );
  const base = ({ id, chat, sent_at }: t.TypeOf<typeof OtherFrame>) =>
    ({ id, platform: 'parley', conversation: conversationOf(chat), at: at(sent_at), raw }) as const;
  if (type === 'closed')
    return F.pipe(
      ClosedFrame.decode(raw),
      E.map((frame) => ({ kind: 'ended', ...base(frame) })),
    );
  return F.pipe(
    OtherFrame.decode(raw),
    E.map((frame) => ({ kind: 'other', name: frame.type, ...base(frame) })),
  );
};

/** One frame as an event. What breaks the protocol is `undecodable`, with a made-up id: nothing is dropped silently. */
export const decode = (text: string, id: string, now: string): InboundEvent => {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    raw = text;
  }
  const undecodable = (problems: readonly string[]): InboundEvent => ({
    kind: 'undecodable',
    id,
    fingerprint: text,
    platform: 'parley',
    conversation: conversationOf(''),
    at: now,
    problems,
    raw,
  });
  if (typeof raw !== 'object' || raw === null) return undecodable(['the frame is not an object']);
  return E.getOrElse((errors: t.Errors) => undecodable(problemsOf(errors)))(eventOf(raw));
};
