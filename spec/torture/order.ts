import type { Evidence, Heard, Seen } from './evidence.js';
import { readWords } from './words.js';

/** How far behind an answer those are looked for that should have come after it. */
const REACH = 200;

/** Whether the bot had one message before it heard of another, or heard of both in this order on every connection. */
const isBefore = (one: Heard, other: Heard, isLossy: (connection: number) => boolean): boolean => {
  const [acceptedAt = Infinity] = one.accepted;
  for (const [connection, toldAt] of other.told) {
    if (acceptedAt < toldAt) continue;
    const before = isLossy(connection) ? undefined : one.told.get(connection);
    if (before === undefined || before > toldAt) return false;
  }
  return true;
};

/** Where messages of one customer were heard, and when their answers were first seen. */
interface Answered {
  readonly heard: Heard;
  readonly event: string;
  readonly first: number;
  last: number;
}

/**
 * Names the answers that were seen before that to an earlier message of the same customer. What came out of order to the
 * bot may be answered so; `isExempt`: what was repeated on purpose, or is not known, has no order. `isLossy`: connections
 * on which one message may have been turned away and a later one taken.
 */
export const inversionsIn = (
  { heard, seen }: Evidence,
  isExempt: (part: Seen) => boolean,
  isLossy: (connection: number) => boolean,
): readonly string[] => {
  const customers = new Map<string, Map<string, Answered>>();
  for (const [place, part] of seen.entries()) {
    const { unit, text } = part;
    const message = heard.get(unit);
    const customer = readWords(text)?.customer;
    if (message === undefined || customer === undefined || isExempt(part)) continue;
    const answers = customers.get(customer) ?? new Map<string, Answered>();
    customers.set(customer, answers);
    const answer = answers.get(unit);
    if (answer === undefined) answers.set(unit, { heard: message, event: part.event, first: place, last: place });
    // Of equal texts without ids, the answer to the second is in nobody's way.
    else if (part.event === answer.event) answer.last = place;
  }
  const wrong: string[] = [];
  for (const answers of customers.values()) {
    const list = [...answers.values()];
    for (const [index, later] of list.entries()) {
      for (const earlier of list.slice(Math.max(0, index - REACH), index)) {
        if (isBefore(later.heard, earlier.heard, isLossy))
          wrong.push(`${earlier.heard.text} was answered before ${later.heard.text}`);
        else if (earlier.last > later.first && isBefore(earlier.heard, later.heard, isLossy))
          wrong.push(`${later.heard.text} was answered in the middle of ${earlier.heard.text}`);
      }
    }
  }
  return wrong;
};
