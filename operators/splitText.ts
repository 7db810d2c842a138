import { Observable, type MonoTypeOperatorFunction } from 'rxjs';
import { consume } from '../lib/consume.js';
import type { OutboundAction } from '../lib/model/index.js';
import { say } from '../lib/text/say.js';

/**
 * Splits long texts at `max` UTF-16 units, whatever the channel: never inside a word, an address, a code fence or a
 * character that fits. The parts together are the text.
 *
 *     actions  -t------|
 *              splitText(100)
 *     result   -(tt)---|
 *
 * Everything else passes. Synchronous. Errors: those of the source.
 *
 * @throws RangeError at the call, when `max` is below 2.
 */
export function splitText(max: number): MonoTypeOperatorFunction<OutboundAction> {
  if (!(max >= 2)) throw new RangeError(`splitText: max must be at least 2, got ${max}`);

  return (source) =>
    new Observable((subscriber) => {
      consume(source, subscriber, {
        next: (action) => {
          if (action.kind === 'text' && action.text.length > max) say(subscriber, action, action.text, max);
          else subscriber.next(action);
        },
        complete: () => {
          subscriber.complete();
        },
      });
    });
}
