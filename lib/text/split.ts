/** A code fence, a run of white space, or a word (an address is one). */
const ATOMS = /```[\s\S]*?```|\s+|(?:(?!```)\S)+|```/gu;

const graphemes = /* @__PURE__ */ new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** What is longer than a part by itself, cut where it hurts least: a fence between lines, the rest between characters. */
const cut = (atom: string, max: number): readonly string[] => {
  const units = atom.startsWith('```')
    ? atom.split(/(?<=\n)/u)
    : [...graphemes.segment(atom)].map(({ segment }) => segment);
  return units.flatMap((unit) => {
    if (unit.length <= max) return [unit];
    return unit === atom || !atom.startsWith('```') ? Array.from(unit) : cut(unit, max);
  });
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
  if (!(max >= 2)) throw new RangeError(`splitText: max must be at least 2, got ${max}`);
  if (text.length <= max) return [text];
  const atoms = (text.match(ATOMS) ?? []).flatMap((atom) => (atom.length <= max ? [atom] : cut(atom, max)));
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
