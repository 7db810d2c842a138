import { map, type OperatorFunction } from 'rxjs';
import { conversationKey, type ChoiceEvent, type InboundEvent, type MessageEvent } from '../lib/model/index.js';
import { read } from '../lib/text/read.js';
import { attach, traceOf } from '../lib/trace.js';
import type { ChoiceBook, Offer } from './choiceBook.js';
import { lanes } from './lanes.js';

export interface ReadChoicesConfig {
  /** The book that `fallbackToText` writes into. */
  readonly book: ChoiceBook;
  /** Whether an offer can be answered until the next offer comes, and not by the next message alone. Default: false. */
  readonly keepOffers?: boolean;
}

const SAYING: ReadonlySet<InboundEvent['kind']> = new Set<InboundEvent['kind']>([
  'message',
  'choice',
  'media',
  'location',
]);

/** What the customer says: an echo of the question, or an agent's word in between, leaves it open. */
const isAnswer = ({ kind, sender }: InboundEvent): boolean =>
  SAYING.has(kind) && (sender === undefined || (sender.role === 'customer' && sender.self !== true));

/**
 * Turns what a customer types in answer to choices into the `choice` event that a click gives: the option's number ("2",
 * "2.", "#2", in any digits), its label, or a beginning that only one label has. A number wins over an equal label; what
 * fits several stays a message.
 *
 *     events  -m-m-|     the first answers "2" to an offer
 *             readChoices({ book })
 *     result  -c-m-|
 *
 * Only the next thing that the customer says counts, a click included, unless `keepOffers` is set; what agents and our own
 * account say does not. Synchronous with a book that is; otherwise in order per conversation. Errors: those of the source
 * and of the book's store.
 */
export function readChoices<T extends InboundEvent>(
  config: ReadChoicesConfig,
): OperatorFunction<T, NoInfer<T> | ChoiceEvent> {
  const { book, keepOffers = false } = config;
  const { openSync } = book;
  const answer = (event: T, offer: Offer | undefined): T | ChoiceEvent => {
    const choice = event.kind === 'message' && offer !== undefined ? read(event.text, offer.options) : undefined;
    return choice === undefined || offer === undefined
      ? event
      : choiceEvent(event as MessageEvent, choice.id, choice.label, offer);
  };
  if (openSync !== undefined) {
    return map((event) => (isAnswer(event) ? answer(event, openSync(event.conversation, keepOffers)) : event));
  }
  return lanes({ name: 'readChoices', key: ({ conversation }: T) => conversationKey(conversation) }, (event) =>
    isAnswer(event) ? book.open(event.conversation, keepOffers).pipe(map((offer) => answer(event, offer))) : [event],
  );
}

const choiceEvent = (message: MessageEvent, id: string, label: string, { action }: Offer): ChoiceEvent => {
  const { kind: _, text: _text, format: _format, replyTo: _replyTo, attachments: _attachments, ...rest } = message;
  const event: ChoiceEvent = { kind: 'choice', choice: { id, label }, offer: action, ...rest };
  const trace = traceOf(message);
  return trace === undefined ? event : attach(event, trace);
};
