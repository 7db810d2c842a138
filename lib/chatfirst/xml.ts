/** What a document consists of, between its texts. Each matches at its first sign, so that none is tried twice. */
const PARTS =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<\/([^\s<>/"'=]+)\s*>|<([^\s<>/"'=!?][^\s<>/"'=]*)((?:\s+[^\s<>/"'=]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const REFERENCE = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[\da-f]{1,6});)/i;

/**
 * Why a text is no XML document, as the end of a sentence; `undefined` when it is one as far as tags, attributes and
 * references go. A document type is refused: nobody should have to expand what it declares. Shows nothing of the text.
 *
 * @internal
 */
export const xmlProblem = (text: string): string | undefined => {
  const open: string[] = [];
  let hasRoot = false;
  for (let at = 0; at < text.length;) {
    const next = text.indexOf('<', at);
    const between = text.slice(at, next < 0 ? undefined : next);
    if (open.length === 0 && between.replace(/^\ufeff/, '').trim() !== '') return 'there is text outside of its root';
    if (REFERENCE.test(between)) return 'there is an & that begins no reference';
    if (next < 0) break;
    PARTS.lastIndex = next;
    const found = PARTS.exec(text);
    if (found === null)
      return text.startsWith('<!DOCTYPE', next) ? 'it has a document type' : 'there is a < that begins no tag';
    const [part, closed, opened, attributes = '', isEmpty] = found;
    at = next + part.length;
    if (open.length === 0 && part.startsWith('<![')) return 'there is text outside of its root';
    if (closed !== undefined) {
      if (open.pop() !== closed) return 'a tag is closed that is not open';
    } else if (opened !== undefined) {
      if (open.length === 0 && hasRoot) return 'it has more than one root';
      if (REFERENCE.test(attributes)) return 'there is an & that begins no reference';
      hasRoot = true;
      if (isEmpty === '') open.push(opened);
    }
  }
  if (open.length > 0) return 'a tag is not closed';
  return hasRoot ? undefined : 'it has no tags';
};
