import type { TextFormat } from '../model/index.js';

const TAG = /<(\/?)([a-z][a-z0-9]*)([^<>]*)>/gi;
const ENTITY = /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,4}));/gi;
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };
const BREAKS: ReadonlySet<string> = new Set(['br', '/p', '/div', '/li']);

/**
 * A text without its markup, for where that would be read as text: HTML loses its tags, and a link keeps its address. Markdown
 * reads well as it is.
 *
 * @internal
 */
export const plainText = (text: string, format: TextFormat = 'plain'): string => {
  if (format !== 'html') return text;
  let address = '';
  let labelAt = 0;
  const untagged = text.replace(TAG, (tag: string, slash: string, word: string, rest: string, at: number) => {
    const name = slash + word.toLowerCase();
    if (name === 'a') {
      address = /href\s*=\s*["']?(https?:[^"'\s]+)/i.exec(rest)?.[1] ?? '';
      labelAt = at + tag.length;
    } else if (name === '/a') {
      return address === '' || text.slice(labelAt, at) === address ? '' : ` (${address})`;
    }
    return BREAKS.has(name) ? '\n' : '';
  });
  return untagged.replace(ENTITY, (entity, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return NAMED[name.toLowerCase()] ?? entity;
    const code = decimal === undefined ? parseInt(hex ?? '', 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : entity;
  });
};
