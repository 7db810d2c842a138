import type { Subscriber } from 'rxjs';
import type { OutboundAction, TextAction } from '../model/index.js';
import { attach, traceOf, type Holder } from '../trace.js';
import { split } from './split.js';

const HOLDER: Holder = { name: 'splitText' };

/**
 * Emits a text in place of an action, in parts of at most `max` units: one under the action's own id and trace, several as
 * `${id}/1`, `${id}/2`, each with a fork of it.
 *
 * @internal
 */
export const say = (
  subscriber: Subscriber<OutboundAction>,
  action: OutboundAction,
  text: string,
  max: number,
): void => {
  const { id, conversation, cause, context } = action;
  const trace = traceOf(action);
  const parts = split(text, max);
  const format = action.kind === 'text' ? action.format : undefined;
  parts.forEach((part, index) => {
    const piece: TextAction = {
      kind: 'text',
      id: parts.length === 1 ? id : `${id}/${index + 1}`,
      conversation,
      text: part,
      ...(cause !== undefined && { cause }),
      ...(context !== undefined && index === parts.length - 1 && { context }),
      ...(format !== undefined && { format }),
    };
    if (trace === undefined) subscriber.next(piece);
    else if (parts.length === 1) subscriber.next(attach(piece, trace));
    else {
      const fork = trace.fork(piece.id, HOLDER);
      subscriber.next(attach(piece, fork));
      if (subscriber.closed) fork.abandon(HOLDER, 'failed', 'unsubscribed');
      else fork.release(HOLDER);
    }
  });
};
