import { Observable, type MonoTypeOperatorFunction } from 'rxjs';
import { consume } from '../lib/consume.js';
import type { CapabilityProfile, OutboundAction } from '../lib/model/index.js';
import { profileFinder, renderingOf } from '../lib/profiles/index.js';
import { optionsOf, render } from '../lib/text/render.js';
import { say } from '../lib/text/say.js';
import { englishTexts, type Texts } from '../lib/text/texts.js';
import { traceOf } from '../lib/trace.js';
import { choiceBook, type ChoiceBook } from './choiceBook.js';

export interface FallbackToTextConfig {
  /** Profiles in place of, or in front of, those of the library. Default: `profiles`. */
  readonly profiles?: readonly CapabilityProfile[];
  /** The words that customers read. Default: English. */
  readonly texts?: Partial<Texts>;
  /** Where offers are written down for `readChoices`. Default: a book that nobody reads. */
  readonly book?: ChoiceBook;
}

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
 * the book when their action is delivered, those of buttons too, since customers type labels as well. Synchronous. Errors:
 * those of the source.
 */
export function fallbackToText(config: FallbackToTextConfig = {}): MonoTypeOperatorFunction<OutboundAction> {
  const { book = choiceBook() } = config;
  const texts: Texts = { ...englishTexts, ...config.texts };
  const profileOf = profileFinder(config.profiles);

  return (source) =>
    new Observable<OutboundAction>((subscriber) => {
      consume(source, subscriber, {
        next: (action) => {
          const profile = profileOf(action.conversation);
          if (action.kind === 'text') {
            if (action.text.length <= profile.maxTextLength) subscriber.next(action);
            else say(subscriber, action, action.text, profile.maxTextLength);
            return;
          }
          if (action.kind === 'choices' || action.kind === 'cards') arm(book, action);
          const rendered = renderingOf(action, profile) === 'fallback' ? render(action, texts) : undefined;
          if (rendered === undefined) subscriber.next(action);
          else say(subscriber, action, rendered.text, profile.maxTextLength);
        },
        complete: () => {
          subscriber.complete();
        },
      });
    });
}

/** The customer can answer what has arrived, not what is still on its way. */
const arm = (book: ChoiceBook, action: OutboundAction): void => {
  const options = optionsOf(action);
  if (options.length === 0) return;
  const offer = { action: action.id, options };
  const trace = traceOf(action);
  if (trace === undefined) book.arm(action.conversation, offer);
  else {
    trace.onSettled({
      settled: (_, outcome) => {
        if (outcome === 'handled' || outcome === 'inDoubt') book.arm(action.conversation, offer);
      },
    });
  }
};
