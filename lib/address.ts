import type { Conversation, OutboundAction, Reply } from './model/index.js';
import { attach, type Trace } from './trace.js';

/** @internal Whether a handler returned one reply, and not something that gives replies. */
export const isReply = (value: object): value is Reply => 'kind' in value;

/**
 * The reply as an action of the event. Written key by key: `{ ...reply, id }` is a hundred times slower in V8, and a reply
 * that was spread from the event must not bring the event's id or trace along.
 *
 * @throws TypeError when the reply has no kind.
 * @internal
 */
export const address = (
  reply: Reply,
  id: string,
  event: { readonly id: string; readonly conversation: Conversation },
  trace: Trace | undefined,
): OutboundAction => {
  const { kind } = reply;
  if (typeof kind !== 'string') throw new TypeError('react: a reply must have a kind');
  const action: Record<string, unknown> = { kind, id, conversation: event.conversation, cause: event.id };
  for (const key in reply) if (!(key in action)) action[key] = reply[key as keyof Reply];
  if (trace !== undefined) attach(action, trace);
  return action as unknown as OutboundAction;
};
