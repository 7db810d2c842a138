import { split } from '../../../lib/text/split.js';

/** Tidies the ends of the parts: indentation and empty lines are lost. */
export const splitThatTrims = (text: string, max: number): readonly string[] =>
  split(text, max).map((part) => part.trim());
