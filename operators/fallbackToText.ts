import { Observable, type MonoTypeOperatorFunction } from 'rxjs';
import { consume } from '../lib/consume.js';
import type { CapabilityProfile, OutboundAction } from '../lib/model/index.js';
import { profileFinder, renderingOf } from '../lib/profiles/index.js';
import { atLeast } from '../lib/range.js';
import { optionsOf, render } from '../lib/text/render.js';
import { say } from '../lib/text/say.js';
import { englishTexts, type Texts } from '../lib/text/texts.js';
import { traceOf, type Holder } from '../lib/trace.js';
import type { ChoiceBook } from './choiceBook.js';

export interface FallbackToTextConfig {
  /** What which channel shows. To change some entries, put yours in front: `[mine, ...profiles]`. Default: `profiles`. */
  readonly profiles?: readonly CapabilityProfile[];
  /** The words that customers read. Default: English. */
  readonly texts?: Partial<Texts>;
  /** Where offers are written down for `readChoices`. Default: nowhere. */
  readonly book?: ChoiceBook;
}

const HOLDER: Holder = { name: 'fallbackToText' };

/**
 * Renders what a channel cannot show as text: choices become a numbered list, cards a list with links, links and files
 * their addresses. Long text is split: never inside a word, an address, a code fence or a character.
 *
 *     actions  -c-----t-|     c: choices on a channel without buttons; t: a text
 *              fallbackToText()
 *     result   -T-----t-|     T: "…  1. Yes  2. No"
 *
 * What the channel shows, or what its platform converts by itself, passes as the same object, and so does what has no
 * meaning there: the sink skips it. One action that becomes several gives ids `${id}/1`, `${id}/2`. Offers are written into
 * the book when their action is delivered or safe in a queue, those of buttons too, since customers type labels as well; those of an untraced
 * action when it passes. Synchronous. Errors: those of the source, and what `texts` throw.
 *
 * @throws RangeError at the call, when a profile's `maxTextLength` is below 2.
 */
export function fallbackToText(config: FallbackToTextConfig = {}): MonoTypeOperatorFunction<OutboundAction> {
  const { book } = config;
  const texts: Texts = { ...englishTexts, ...config.texts };
  for (const { platform, channel, maxTextLength } of config.profiles ?? []) {
    atLeast(`fallbackToText: maxTextLength of ${platform}, ${channel}`, maxTextLength, 2);
  }
  const profileOf = profileFinder(config.profiles);

  return (source) =>
    new Observable<OutboundAction>((subscriber) => {
      consume(source, subscriber, {
        next: (action) => {
          const profile = profileOf(action.conversation);
          if (action.kind === 'text') {
            if (action.text.length <= profile.maxTextLength) subscriber.next(action);
            else say(subscriber, action, action.text, profile.maxTextLength, HOLDER);
            return;
          }
          const rendering = renderingOf(action, profile);
          if (book !== undefined && rendering !== 'rejected') arm(book, action);
          const rendered = rendering === 'fallback' ? render(action, texts) : undefined;
          if (rendered === undefined) subscriber.next(action);
          else say(subscriber, action, rendered.text, profile.maxTextLength, HOLDER);
        },
        complete: () => {
          subscriber.complete();
        },
      });
    });
}

/** The customer can answer what has arrived, not what is still on its way; of what a queue has, nobody hears here. */
const arm = (book: ChoiceBook, action: OutboundAction): void => {
  const options = optionsOf(action);
  if (options.length === 0) return;
  const offer = { action: action.id, options };
  const trace = traceOf(action);
  if (trace === undefined) book.arm(action.conversation, offer);
  else {
    trace.onSettled({
      settled: (_, outcome) => {
        if (outcome === 'handled' || outcome === 'inDoubt' || outcome === 'queued')
          book.arm(action.conversation, offer);
      },
    });
  }
};
