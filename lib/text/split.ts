import { atLeast } from '../range.js';

/** A code fence, a run of white space, or a word (an address is one). */
const ATOMS = /```[\s\S]*?```|\s+|(?:(?!```)\S)+|```/gu;

/**
 * Ever smaller units to cut at what is longer than a part: lines of a fence, words of a line, characters of a word. What a
 * reader sees as one character may itself be longer; its code points never are.
 */
const FINER: readonly ((unit: string) => readonly string[])[] = [
  (fence) => fence.match(/[^\n]*\n|[^\n]+/gu) ?? [],
  (line) => line.match(/\s+|(?:(?!```)\S)+|```/gu) ?? [],
  // Made when it is needed: not every browser has it.
  (word) => Array.from(new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(word), (it) => it.segment),
  (character) => Array.from(character),
];

const cut = (unit: string, max: number, level = 0): readonly string[] => {
  const finer = unit.length > max ? FINER[level] : undefined;
  return finer === undefined ? [unit] : finer(unit).flatMap((smaller) => cut(smaller, max, level + 1));
};

/** Where to end a part that is full: behind a paragraph or a line in its second half, else behind its last atom. */
const lastGoodEnd = (atoms: readonly string[], from: number, to: number, max: number): number => {
  for (const mark of ['\n\n', '\n']) {
    let length = 0;
    let found = -1;
    for (let at = from; at < to; at++) {
      const atom = atoms[at] ?? '';
      length += atom.length;
      if (length * 2 >= max && atom.trim() === '' && atom.includes(mark)) found = at + 1;
    }
    if (found > from) return found;
  }
  return to;
};

/**
 * Cuts a text into parts of at most `max` UTF-16 units, which together are the text, character by character. Never cuts a
 * word, an address, a code fence or a grapheme that fits into a part; prefers to cut between paragraphs, then lines.
 *
 * @throws RangeError when `max` is below 2.
 * @internal
 */
export const split = (text: string, max: number): readonly string[] => {
  atLeast('splitText: max', max, 2);
  if (text.length <= max) return [text];
  const atoms = (text.match(ATOMS) ?? []).flatMap((atom) => cut(atom, max));
  const parts: string[] = [];
  let from = 0;
  while (from < atoms.length) {
    let to = from;
    let length = 0;
    while (to < atoms.length && length + (atoms[to]?.length ?? 0) <= max) length += atoms[to++]?.length ?? 0;
    if (to < atoms.length) to = lastGoodEnd(atoms, from, to, max);
    parts.push(atoms.slice(from, to).join(''));
    from = to;
  }
  return parts;
};
