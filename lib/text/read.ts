import type { Choice } from '../model/index.js';

const DIGIT = /^\p{Nd}$/u;

/** Any Unicode decimal digit as 0 to 9: the ten of a script stand in a row, and a script with several sets has them so. */
const digit = (character: string): string => {
  const code = character.codePointAt(0) ?? 0;
  let before = 0;
  while (DIGIT.test(String.fromCodePoint(code - before - 1))) before++;
  return String(before % 10);
};

/** What keyboards put in unseen: directions beside right-to-left words, emoji styles, the key around a "2️⃣". */
const UNSEEN = /\p{Bidi_Control}|\p{Variation_Selector}|\u20e3/gu;

const fold = (words: string): string =>
  words.normalize('NFKC').replace(UNSEEN, '').toLowerCase().trim().replace(/\s+/gu, ' ');

/** The number that was typed: `2`, `2.`, `2)`, `#2`, in the digits of any script. */
const numberIn = (words: string): number | undefined => {
  const plain = words.replace(/\p{Nd}/gu, digit);
  const [, digits] = /^#? ?(\d{1,4}) ?[.)]?$/.exec(plain) ?? [];
  return digits === undefined ? undefined : Number(digits);
};

/**
 * The option that a person picked in words: by its number, its label, or a beginning that only one label has. Case, white
 * space, width and direction marks make no difference. A number wins over an equal label. `undefined` when it is none of them, or when several labels fit.
 *
 * @internal
 */
export const read = (said: string, options: readonly Choice[]): Choice | undefined => {
  const words = fold(said);
  if (words === '') return undefined;
  const n = numberIn(words);
  const byNumber = n === undefined ? undefined : options[n - 1];
  if (byNumber !== undefined) return byNumber;
  const labels = options.map(({ label }) => fold(label));
  for (const fits of [(label: string) => label === words, (label: string) => label.startsWith(words)]) {
    const found = options.filter((_, index) => fits(labels[index] ?? ''));
    if (found.length > 0) return found.length === 1 ? found[0] : undefined;
  }
  return undefined;
};
