/** What customers write and the bot answers: each text tells which message it is about. */
export interface Words {
  readonly customer: string;
  /** A number of its own, or one that it shares with an equal text. */
  readonly number: number;
  /** Whether two messages have the same text, one right after the other. */
  readonly isTwice: boolean;
}

export const wordsOf = ({ customer, number, isTwice }: Words): string =>
  `${customer} ${isTwice ? 'ok' : 'no.'} ${number}`;

export const readWords = (text: string): Words | undefined => {
  const [, customer = '', word, digits] = /^(\w+) (ok|no\.) (\d+)$/.exec(text) ?? [];
  return word === undefined ? undefined : { customer, number: Number(digits), isTwice: word === 'ok' };
};

/** A part of an answer, as a customer sees it. */
export interface AnswerPart {
  readonly text: string;
  readonly part: number;
  readonly parts: number;
  /** The id of the event that was answered. */
  readonly event: string;
}

/** Some are answered in two messages. */
const partsOf = (text: string): number => ((readWords(text)?.number ?? 1) % 5 === 0 ? 2 : 1);

export const answersTo = (event: string, text: string): readonly string[] => {
  const parts = partsOf(text);
  return Array.from({ length: parts }, (_, index) => `${text} | ${index + 1}/${parts} | ${event}`);
};

export const readAnswer = (line: string): AnswerPart | undefined => {
  const [, text, part, parts, event] = /^(.*) \| (\d)\/(\d) \| (\S+)$/.exec(line) ?? [];
  if (text === undefined || event === undefined) return undefined;
  return { text, part: Number(part), parts: Number(parts), event };
};

/** How long a handler thinks about it, in milliseconds: not at all about some. */
export const thinkingMs = (text: string): number => ((readWords(text)?.number ?? 0) * 7) % 4;
