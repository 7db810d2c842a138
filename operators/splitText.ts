import { Observable, type MonoTypeOperatorFunction } from 'rxjs';
import { consume } from '../lib/consume.js';
import type { OutboundAction } from '../lib/model/index.js';
import { say } from '../lib/text/say.js';
import type { Holder } from '../lib/trace.js';
import { atLeast } from '../lib/range.js';

const HOLDER: Holder = { name: 'splitText' };

/**
 * Splits long texts at `max` UTF-16 units, whatever the channel: never inside a word, an address, a code fence or a
 * character that fits. The parts together are the text, up to parts of nothing but white space, which are not sent.
 *
 *     actions  -t------|
 *              splitText(100)
 *     result   -(tt)---|
 *
 * A fence that does not fit is cut between its lines, and not closed and opened again: no character is lost and none made
 * up. Parts have ids `${id}/1`, `${id}/2`, the first answers what the text answered, the last carries its `context`.
 * Everything else passes as the same object. Synchronous. Errors: those of the source.
 *
 * @throws RangeError at the call, when `max` is below 2.
 */
export function splitText(max: number): MonoTypeOperatorFunction<OutboundAction> {
  atLeast('splitText: max', max, 2);
  return (source) =>
    new Observable((subscriber) => {
      consume(source, subscriber, {
        next: (action) => {
          if (action.kind === 'text' && action.text.length > max) say(subscriber, action, action.text, max, HOLDER);
          else subscriber.next(action);
        },
        complete: () => {
          subscriber.complete();
        },
      });
    });
}
