import type { Subscriber } from 'rxjs';
import type { OutboundAction, TextAction } from '../model/index.js';
import { attach, traceOf, type Holder } from '../trace.js';
import { split } from './split.js';

/**
 * Emits a text in place of an action, in parts of at most `max` units: one under the action's own id and trace, several as
 * `${id}/1`, `${id}/2`, each with a fork of it. A part of nothing but white space is left out.
 *
 * @internal
 */
export const say = (
  subscriber: Subscriber<OutboundAction>,
  action: OutboundAction,
  text: string,
  max: number,
  holder: Holder,
): void => {
  const { id, conversation, cause, by, context } = action;
  // What else was meant for the payload of another kind has no place in a text.
  const { format, extra } = action.kind === 'text' ? action : ({} as Partial<TextAction>);
  const replyTo = 'replyTo' in action ? action.replyTo : undefined;
  const parts = sayable(split(text, max));
  const last = parts.length - 1;
  const part = (said: string, n: number): TextAction => ({
    kind: 'text',
    id: last === 0 ? id : `${id}/${n + 1}`,
    conversation,
    text: said,
    ...(cause !== undefined && { cause }),
    ...(by !== undefined && { by }),
    ...(n === last && context !== undefined && { context }),
    ...(extra !== undefined && { extra }),
    ...(format !== undefined && { format }),
    ...(n === 0 && replyTo !== undefined && { replyTo }),
  });
  const trace = traceOf(action);
  if (trace === undefined || last === 0) {
    parts.forEach((said, n) => {
      const piece = part(said, n);
      subscriber.next(trace === undefined ? piece : attach(piece, trace));
    });
    return;
  }
  // The first part may be settled before there is a second: without a holder, the action would be settled with it.
  trace.hold(holder);
  parts.forEach((said, n) => {
    const piece = part(said, n);
    const fork = trace.fork(piece.id, holder);
    subscriber.next(attach(piece, fork));
    if (subscriber.closed) fork.abandon(holder, 'failed', 'unsubscribed');
    else fork.release(holder);
  });
  trace.release(holder);
};

/** Platforms refuse a text that shows nothing; where nothing else is to say, it is theirs to refuse. */
const sayable = (parts: readonly string[]): readonly string[] => {
  const visible = parts.filter((part) => part.trim() !== '');
  return visible.length > 0 ? visible : parts.slice(0, 1);
};
